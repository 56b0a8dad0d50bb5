/** trace.h - why a key of a rule fired, or did not: its evaluations near transitions.
 *
 *  Evaluations in a row with the same reason, stage and level are one run: how many there were,
 *  when the first was, and all of the last one. So an hour of "pending" and a fault that comes and
 *  goes every minute both fit.
 *  Owner: the caller's pointer, NULL until the first trace_add(); trace_free().
 *  Limits: TRACE_KEYS_MAX keys of a rule (the one that is quiet longest makes room) with
 *  TRACE_RUNS_MAX runs each (the oldest goes), keys of TRACE_KEY_BYTES_MAX: 150 KiB for a rule, and
 *  nothing for one whose keys never came near a transition.
 */
#ifndef TOCSIN_CORE_JUDGE_TRACE_H
#define TOCSIN_CORE_JUDGE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/judge/key_state.h"

struct rule;
struct trace;

enum {
	TRACE_KEYS_MAX = 64,
	TRACE_RUNS_MAX = 12,
	TRACE_VALUES_MAX = 4,
	TRACE_KEY_BYTES_MAX = 512,
	TRACE_NOTE_BYTES = 24
};

#define TRACE_REASON_LIST(X)                                                                       \
	X(NOT_MET, "not_met", "the condition does not hold")                                       \
	X(PENDING, "pending", "the condition holds, but not for long enough yet")                  \
	X(FIRED, "fired", "an alert was sent")                                                     \
	X(FIRING, "firing", "the alert was sent before and it is still so")                        \
	X(CLEARING, "clearing", "the condition is over, but not for long enough yet")              \
	X(RESOLVED, "resolved", "the alert was resolved")                                          \
	X(NODATA, "nodata", "the key sends nothing")                                               \
	X(NO_VALUE, "no_value", "the window has no value to judge: everything stays as it was")    \
	X(MIN_SAMPLES, "min_samples", "fewer readings than min_samples: everything stays")         \
	X(NO_HISTORY, "no_history", "the baseline has not enough history")                         \
	X(VALID_TIME, "valid_time", "outside the rule's valid_time")                               \
	X(FLAPPING, "flapping", "the key is flapping: alerts wait until it has settled")           \
	X(NON_DISTURB, "non_disturb", "an alert waits, for non_disturb lets no more out now")      \
	X(ERROR, "error", "the script failed: everything stays as it was")
enum trace_reason {
#define TRACE_REASON_ENUM(name, word, text) TRACE_##name,
	TRACE_REASON_LIST(TRACE_REASON_ENUM)
#undef TRACE_REASON_ENUM
};
const char *trace_reason_word(enum trace_reason reason);
const char *trace_reason_text(enum trace_reason reason);

/** One evaluation. */
struct trace_point {
	int64_t boundary_ms;
	enum trace_reason reason;
	enum key_stage stage;   /**< after it */
	uint32_t level;         /**< of rule->levels: the one that the rest is about */
	uint64_t reading_count; /**< of the window */
	int64_t waited_ms;      /**< pending and clearing: so long … */
	int64_t needed_ms;      /**< … of this */
	uint32_t has_values;    /**< bit i: values[i] is there */
	bool has_own_number;    /**< `own_number` stands for the rule's threshold */
	double own_number;
	/** Of the first expressions of the level's condition; of a rule with baselines or a trend
	 *  the value and what it was compared with. */
	double values[TRACE_VALUES_MAX];
	uint32_t reference;          /**< which one of the rule's baselines values[1] is */
	char note[TRACE_NOTE_BYTES]; /**< reason of the alert, or ""; cut */
};

struct trace_run {
	int64_t first_ms;
	uint64_t count;
	struct trace_point last;
};

/** What a step of a key says about itself. `values` and `tell` (the alert that follows) may be
 *  NULL. The caller may put a better reason in its place (TRACE_NO_HISTORY, …). */
void trace_point_of(const struct rule *rule, const struct key_step *step,
		    const struct judge_values *values, const struct key_state *after,
		    const struct key_tell *tell, struct trace_point *out);
void trace_add(struct trace **trace, struct slice key, const struct trace_point *point);
void trace_free(struct trace *trace); /**< NULL allowed */

/** NULL is an empty trace. Oldest first; the run is borrowed for the call. */
void trace_each_run(const struct trace *trace, struct slice key,
		    void (*each)(void *arg, const struct trace_run *run), void *arg);
/** The key whose last evaluation is newest comes first. */
void trace_each_key(const struct trace *trace, void (*each)(void *arg, struct slice key),
		    void *arg);
size_t trace_bytes(const struct trace *trace);

#endif
