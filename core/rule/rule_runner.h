/** rule_runner.h - how the core asks a script for a decision.
 *  lua/bridge/rule_runner_lua.c fills it; tests fake it.
 */
#ifndef TOCSIN_CORE_RULE_RULE_RUNNER_H
#define TOCSIN_CORE_RULE_RULE_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/model/value.h"

struct aggregate;
struct err_note;
struct rule_runner;

enum {
	RULE_STATE_BYTES_MAX = 4096, /**< of a key, as the runner encodes it */
	RULE_TIMERS_MAX = 16,        /**< of a key */
	RULE_TIMER_NAME_BYTES_MAX = 32,
};
#define RULE_TIMER_MS_MIN 1000
#define RULE_TIMER_MS_MAX (366LL * 24 * 3600 * 1000)

struct rule_timer {
	char name[RULE_TIMER_NAME_BYTES_MAX + 1];
	int64_t at_ms; /**< event time */
};

/** What a rule keeps for a key: what a call finds, and what it leaves. After a call that failed all
 *  is as it was. */
struct rule_memory {
	struct slice state; /**< as the runner encoded it; empty: none. What a call left is borrowed
			     *   from the runner until its next call. */
	struct rule_timer timers[RULE_TIMERS_MAX];
	uint32_t timer_count;
	bool has_new_state, has_new_timers; /**< the call changed them */
};

/** A call about a key. */
struct rule_call {
	struct slice key;      /**< dimension.h */
	const char *const *by; /**< names of the key's fields */
	uint32_t by_count;
	int64_t time_ms;    /**< event time of what happens: timers are set from here */
	int64_t reached_ms; /**< of a timer: calls that share a budget have the same */
	struct rule_memory memory;
};

struct rule_window {
	int64_t window_start_ms, window_end_ms;
	struct slice key;                  /**< dimension.h */
	const struct aggregate *aggregate; /**< of the value field, or counts only */
	const char *const *by;             /**< names of the key's fields */
	uint32_t by_count;
	bool is_firing;         /**< what the last decision for this key was */
	struct rule_call *call; /**< what the rule keeps; NULL: nothing */
};

/** A script's decision; texts are owned by the receiver: rule_verdict_clear(). */
struct rule_verdict {
	bool is_firing;
	bool has_value;
	double value;
	char *message;     /**< or NULL */
	char *severity;    /**< or NULL: the rule's */
	char *labels_json; /**< or NULL: the rule's */
};
void rule_verdict_clear(struct rule_verdict *verdict);

/** What on_reading and on_timer say: a verdict, false, nil. */
enum rule_answer { RULE_ANSWER_FIRING, RULE_ANSWER_RESOLVED, RULE_ANSWER_NONE };

/** Readings that a function is asked about: borrowed for the call. */
struct rule_readings {
	const int64_t *time_ms;
	const struct value *const *columns; /**< [column_count][row_count] */
	const char *const *names;           /**< of the columns */
	uint32_t column_count;
	uint32_t row_count;
};

/** The caller's side of on_reading, which is asked between two readings. It must not call the
 *  runner. */
struct rule_walk {
	/** What the next call is about; NULL: stop before this row, something else comes first. */
	struct rule_call *(*begin)(void *arg, uint32_t row);
	/** Takes what the call left; `verdict` is the runner's. */
	void (*end)(void *arg, struct rule_call *call, enum rule_answer answer,
		    const struct rule_verdict *verdict);
	void *arg;
};

struct rule_runner_ops {
	/** Judges the readings from `from` on: matches[i] tells. 0 with *judged == row_count; or
	 *  the error that ended it at reading *judged, which has no answer: ERR_SCRIPT (the caller
	 *  may go on behind it), ERR_BUDGET (or with it, unless it was the first), ERR_MEMORY. For
	 *  rules with a filter function only. */
	int (*filter)(struct rule_runner *runner, const struct rule_readings *readings,
		      uint32_t from, bool *matches, uint32_t *judged, struct err_note *why);

	/** One call for many readings: rows[*done] on, in order. 0 with *done at the first that was
	 *  not asked about: behind the last, or where `walk` stopped. Errors as of `filter`. For
	 *  rules with has_on_reading only. */
	int (*on_reading)(struct rule_runner *runner, const struct rule_readings *readings,
			  const uint16_t *rows, uint32_t row_count, const struct rule_walk *walk,
			  uint32_t *done, struct err_note *why);
	/** A timer that is not in call->memory any more. Errors as of on_window. For rules with
	 *  has_on_timer only. */
	int (*on_timer)(struct rule_runner *runner, struct rule_call *call, const char *name,
			enum rule_answer *answer, struct rule_verdict *out, struct err_note *why);

	/** 0 and a verdict; ERR_SCRIPT, ERR_BUDGET, ERR_MEMORY, ERR_INVALID (bad result) with a
	 *  note that names script, function and line. */
	int (*on_window)(struct rule_runner *runner, const struct rule_window *window,
			 struct rule_verdict *out, struct err_note *why);
	/** A state as text for people, at most `bytes_max` and a mark. NULL: there are none. */
	void (*print_state)(struct slice state, struct bytes *out, size_t bytes_max);
	/** Bytes in use, peak, calls, for status. */
	void (*usage)(const struct rule_runner *runner, uint64_t *memory_bytes,
		      uint64_t *memory_bytes_max, uint64_t *call_count);
	void (*free)(struct rule_runner *runner);
};

/** First member of an implementation. */
struct rule_runner {
	const struct rule_runner_ops *ops;
};

/** Which script runs right now, in memory that outlives the process (core/app/app_marker.c): a
 *  script that kills the daemon is quarantined at the next start. */
struct script_marker {
	char rule[128]; /**< empty = none */
	uint32_t version;
	uint32_t has_crashed;  /**< set by the handler of fatal signals */
	uint32_t killed_count; /**< starts in a row that found the same call without a crash */
	uint64_t place;        /**< which call of the rule; the same when it is made again */
	/* the call that the last of these starts found */
	char killed_rule[128];
	uint32_t killed_version;
	uint64_t killed_place;
};

#endif
