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

struct rule_window {
	int64_t window_start_ms, window_end_ms;
	struct slice key;                  /**< dimension.h */
	const struct aggregate *aggregate; /**< of the value field, or counts only */
	const char *const *by;             /**< names of the key's fields */
	uint32_t by_count;
	bool is_firing; /**< what the last decision for this key was */
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

/** Readings that a filter function judges: borrowed for the call. */
struct rule_readings {
	const int64_t *time_ms;
	const struct value *const *columns; /**< [column_count][row_count] */
	const char *const *names;           /**< of the columns */
	uint32_t column_count;
	uint32_t row_count;
};

struct rule_runner_ops {
	/** Judges the readings from `from` on: matches[i] tells. 0 with *judged == row_count; or
	 *  the error that ended it at reading *judged, which has no answer: ERR_SCRIPT (the caller
	 *  may go on behind it), ERR_BUDGET (or with it, unless it was the first), ERR_MEMORY. For
	 *  rules with a filter function only. */
	int (*filter)(struct rule_runner *runner, const struct rule_readings *readings,
		      uint32_t from, bool *matches, uint32_t *judged, struct err_note *why);

	/** 0 and a verdict; ERR_SCRIPT, ERR_BUDGET, ERR_MEMORY, ERR_INVALID (bad result) with a
	 *  note that names script, function and line. */
	int (*on_window)(struct rule_runner *runner, const struct rule_window *window,
			 struct rule_verdict *out, struct err_note *why);
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
