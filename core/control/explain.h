/** explain.h - why a rule fired or did not, as a document: `tocsin explain` and replays print it.
 *
 *      rule, version, source, filter, window, evaluated, evaluations, fired, keys (how many)
 *      levels   severity, condition, hold: what it wants
 *      hints    what is odd about the rule as a whole
 *      list     each key: key, stage, severity, value, readings (of the last window), runs
 *      runs     from, to, count, reason, text, stage, severity, values, readings, waited, needed
 *  Limits: EXPLAIN_KEYS_MAX keys when none is asked for, the ones that moved last first.
 */
#ifndef TOCSIN_CORE_CONTROL_EXPLAIN_H
#define TOCSIN_CORE_CONTROL_EXPLAIN_H

#include <jansson.h>
#include <stdint.h>

struct engine;
struct err_note;

enum { EXPLAIN_KEYS_MAX = 20 };

#define EXPLAIN_NOW INT64_MIN

/** `key` as alerts show it ("m1,10.1.1.1"), or NULL: all. `at_ms`: only what was so then, and what
 *  followed; EXPLAIN_NOW: all of it. ERR_NOT_FOUND: no such rule is active. */
int explain_rule(const struct engine *engine, const char *rule, const char *key, int64_t at_ms,
		 json_t **out, struct err_note *why);

#endif
