/** plan_effects.h - what the runs of an engine did outside, as rows: read from their journals.
 *
 *  A row has "at_ms" (since `begin_ms`), "time", "run" and "kind", and by kind
 *    effect   step, action, effect, args, text, try       one try of a step
 *    failed   step, error, final                          a try, or the step, failed
 *    probed   step                                        the target was asked
 *    doubt    step, error                                 a person must say whether it happened
 *    asked    step, text, who, quorum
 *    answered step, approved, value, actor, reason
 *    awaited  step                                        a signal
 *    received step, value, actor, timeout
 *    ended    state, result, error
 */
#ifndef TOCSIN_CORE_CLI_PLAN_EFFECTS_H
#define TOCSIN_CORE_CLI_PLAN_EFFECTS_H

#include "core/base/bytes.h"

#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>

struct plan_engine;

/** Of all runs, by time; owned. */
json_t *plan_effects_list(const struct plan_engine *engine, int64_t begin_ms);

/** One line for people, without its time. */
void plan_effects_append(const json_t *row, struct bytes *out);

/** "+1h2m", "+0s", "+1.5s". */
void plan_effects_append_time(int64_t at_ms, struct bytes *out);

/** The step of an idempotency key "run/look/top#1+2" ("look/top#1"), owned; of a probe also. */
char *plan_effects_step(const char *key);
/** Whether "look/top#1" is meant by "look/top#1" or by the id alone, "top". */
bool plan_effects_is_step(const char *step, const char *wanted);

#endif
