/** alert.h - one finding, and its document in `en` or `zh` keys (alert-rules section 4).
 *  Plain values; strings borrowed from the maker until the call returns.
 */
#ifndef TOCSIN_CORE_MODEL_ALERT_H
#define TOCSIN_CORE_MODEL_ALERT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct zone;

enum alert_state { ALERT_FIRING, ALERT_RESOLVED, ALERT_NODATA };
enum { ALERT_ID_BYTES = 33 };

/** Which document form: the rule's type (values match enum rule_type order). */
enum alert_form { FORM_COUNT, FORM_FIELD, FORM_CONTINUOUS, FORM_GROUP, FORM_SCRIPT, FORM_BASELINE };

/** One of several references of a baseline rule. */
struct alert_reference {
	const char *time, *time_zh;
	bool has_value;
	double value;
	bool has_lower, has_upper;
	double lower, upper; /**< ends of the band, as values */
	const char *place;   /**< left | middle | right; without a value: NULL */
	bool fires;
	const char *why; /**< it was not compared; or NULL */
};

/** What a baseline rule compared with, and the values that were outside. */
struct alert_baseline {
	const char *time;    /**< "yesterday", "7-day mean" … as the rule has it */
	const char *time_zh; /**< "昨天" … */
	double value;
	const char *lower, *upper; /**< "30%"; NULL: no bound */
	const char *side;          /**< left | right | outside | inside */
	const struct alert_offender *offenders;
	uint32_t offender_count;
	const struct alert_reference *references; /**< each one, when there are several */
	uint32_t reference_count;
};

/** A line that matched, as it was read. */
struct alert_sample {
	int64_t time_ms;   /**< its event time */
	struct slice line; /**< any bytes */
	bool is_cut;       /**< the line had more */
};

/** Of a past window that a late reading judged again: how it was before. */
struct alert_correction {
	int64_t found_ms; /**< boundary at which it was found */
	bool has_value;
	double value;
	const char *severity; /**< NULL: it did not meet its condition */
};

/** A value outside the band, and how often it occurred. */
struct alert_offender {
	const char *value;
	uint64_t count;
};

struct alert {
	char id[ALERT_ID_BYTES]; /**< alert_make_id() */
	const char *rule;        /**< folder name */
	const char *title;
	uint32_t version;
	enum alert_form form;
	enum alert_state state;
	int64_t window_start_ms, window_end_ms, window_ms;
	const char *threshold; /**< ">=400"; NULL for script */
	const char *field;     /**< joined by "," for group; NULL */
	const char *statistic; /**< "max" … */
	struct slice key;      /**< dimension.h */
	const char *const *by;
	uint32_t by_count;
	uint64_t count;
	bool has_value;
	double value;
	const char *severity;
	const char *labels_json;
	const char *message;  /**< or NULL */
	const char *category; /**< or NULL */
	const char
		*reason; /**< why, when not by its condition: "rule_removed", "flapping" …; NULL */
	const struct alert_sample *samples; /**< log lines that matched, oldest first */
	uint32_t sample_count;
	uint64_t
		kept_back; /**< alerts of the key that non_disturb did not let out since the last */
	bool is_early;     /**< before the end of its window */
	bool needs_approval;                       /**< what it opens begins as a candidate */
	bool is_drill;                             /**< no rule has raised it: people practise */
	const struct alert_baseline *baseline;     /**< or NULL */
	const struct alert_correction *correction; /**< NULL: it is about now */
};

const char *alert_state_name(enum alert_state state);

/** XXH3-128 of rule, version, key, window end, state, and of what fires the severity: the same in
 *  every run. Of a correction also this word and the boundary at which it was found. */
void alert_make_id(struct alert *alert);

/** Appends the document, one line, UTF-8, without line end. Keys in a fixed order: document, then
 *  envelope. No key is written twice: in `en`, the envelope's version and value are the document's.
 *  `zone` may be NULL for `en`. */
void alert_append_document(const struct alert *alert, bool has_zh_keys, const struct zone *zone,
			   struct bytes *out);

#endif
