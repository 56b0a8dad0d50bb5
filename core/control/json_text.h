/** json_text.h - text from outside as a JSON string: NUL and what is not UTF-8 become U+FFFD. */
#ifndef TOCSIN_CORE_CONTROL_JSON_TEXT_H
#define TOCSIN_CORE_CONTROL_JSON_TEXT_H

#include <jansson.h>

#include "core/base/bytes.h"

json_t *json_text(const char *text);        /**< new; NULL gives null */
json_t *json_text_slice(struct slice text); /**< new */
json_t *json_time(int64_t ms);              /**< new; RFC 3339 UTC, null when ms <= 0 */
void json_take(json_t *object, const char *key, json_t *value); /**< json_object_set_new, checked */
void json_put_text(json_t *object, const char *key, const char *text);
/** Replaces each member "<name>_ms" that is a wall time by "<name>" with RFC 3339 text. */
void json_spell_times(json_t *object);
void json_put_int(json_t *object, const char *key, uint64_t number);

struct impact;
/** {"from", "to", "at", "panes": {"fate", "text"}, "states": …, "alerts": …}; versions 0 and times
 *  0 are null. */
json_t *json_impact(const struct impact *impact, uint32_t from, uint32_t to, int64_t at_ms);

#endif
