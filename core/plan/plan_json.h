/** plan_json.h - JSON as the files of core/plan use it. Results are owned, NULL on failure. */
#ifndef TOCSIN_CORE_PLAN_PLAN_JSON_H
#define TOCSIN_CORE_PLAN_PLAN_JSON_H

#include "core/base/bytes.h"

#include <jansson.h>

#include <stddef.h>
#include <stdint.h>

struct err_note;
struct tree;

/** Compact, sorted keys: the same values give the same bytes. */
void plan_json_append(const json_t *json, struct bytes *out);
char *plan_json_text(const json_t *json);
json_t *plan_json_parse(const char *text);
/** At most `bytes_max` bytes of any text; what is not UTF-8 becomes '?'. Never NULL. */
json_t *plan_json_clean(struct slice text, size_t bytes_max);
/** "10s" or a number of seconds, up to a year. ERR_INVALID. */
int plan_json_span(const json_t *json, int64_t *out_ms);
/** ERR_INVALID when `args` has a member that is not among `names` (ends with NULL). */
int plan_json_check_names(const json_t *args, const char *what, const char *const *names,
			  struct err_note *why);
/** ERR_INVALID: it holds a function, or text that is not UTF-8. */
int plan_json_of_tree(const struct tree *tree, struct bytes *out);

#endif
