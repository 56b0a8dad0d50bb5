/** rule_values.h - what a rule sees and keeps now, for `rule show`. */
#ifndef TOCSIN_CORE_CONTROL_RULE_VALUES_H
#define TOCSIN_CORE_CONTROL_RULE_VALUES_H

#include <jansson.h>

struct engine;

/** Members of `object`: "values", a row for each key with what its window has; "statistics", which
 *  members of the rows these are; "kept", some of what a script keeps, and "kept_keys", for how
 *  many keys. */
void rule_values_put(json_t *object, const struct engine *engine, const char *rule);

#endif
