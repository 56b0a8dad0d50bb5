/** baseline.h - is a value where it usually is? References, their band, and the answer.
 *
 *  A reference is a number, the window that ended at the same clock time of an earlier day, or what
 *  a window of an average day had. Of the days it looks at, those that are left out (`except`, days
 *  on which the key fired) are passed over: "yesterday" is then the day before, a mean has fewer
 *  days. A day without readings is not left out: it has no history, and is not 0 either.
 *  Pure: no I/O, no clock. Owner: plain values; texts are the rule's.
 */
#ifndef TOCSIN_CORE_BASELINE_BASELINE_H
#define TOCSIN_CORE_BASELINE_BASELINE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	BASELINE_REFERENCES_MAX = 4,
	BASELINE_MEAN_DAYS_MAX = 30,
	BASELINE_EXCEPT_MAX = 400,
	/** How far back a single day is looked for when some are left out. */
	BASELINE_BACK_DAYS = 7,
	BASELINE_BACK_WEEKS = 2
};

enum reference_kind { REFERENCE_NUMBER, REFERENCE_SAME_TIME, REFERENCE_DAYS };

struct reference {
	enum reference_kind kind;
	uint32_t step_days; /**< from one day that is looked at to the one before: 1 or 7 */
	uint32_t tries;     /**< days that are looked at */
	uint32_t wanted;    /**< of them, the nearest that are not left out */
	double number;      /**< REFERENCE_NUMBER */
	const char *name, *name_zh;
};

enum band_side { BAND_LEFT, BAND_RIGHT, BAND_OUTSIDE, BAND_INSIDE };

/** Days that are no reference for a key. */
enum leaves_out {
	LEAVES_OUT_NONE,
	LEAVES_OUT_JOINED,  /**< on which it fired, or an incident that it joined was open */
	LEAVES_OUT_CATEGORY /**< also one of its category, or of one above */
};

/** Where a value is beside a reference: less of it than the lower bound, or more than the upper. */
enum band_place { PLACE_MIDDLE, PLACE_LEFT, PLACE_RIGHT };

/** Left and right of the middle are open, the middle is closed. */
struct band {
	double lower, upper;                 /**< 0.3 of "30%" */
	const char *lower_text, *upper_text; /**< "30%"; NULL: no such bound */
	enum band_side side;
};

struct rule_baseline {
	struct reference references[BASELINE_REFERENCES_MAX];
	uint32_t reference_count;
	bool is_any; /**< one reference is enough; else it must hold against all */
	struct band band;
	uint32_t min_history_days;
	uint64_t min_samples; /**< of the reference; 0: none are needed */
	enum leaves_out leaves_out;
	const int64_t *except; /**< local days, sorted */
	uint32_t except_count;
};

/** What is known of a reference for a key. */
struct reference_value {
	double value_sum;  /**< over the days */
	double sample_sum; /**< readings of a window, over the days */
	uint32_t days;
};

enum baseline_verdict { BASELINE_NO, BASELINE_UNKNOWN, BASELINE_YES };
enum baseline_why {
	BASELINE_COMPARED,
	BASELINE_NO_VALUE,
	BASELINE_NO_HISTORY,
	BASELINE_FEW_SAMPLES,
	BASELINE_ZERO
};

/** With one reference; `place` and `value` are valid when it was compared. */
struct baseline_comparison {
	enum baseline_verdict verdict;
	enum baseline_why why;
	enum band_place place;
	double value; /**< of the reference */
};

struct baseline_answer {
	enum baseline_verdict verdict;
	enum baseline_why why; /**< of `reference` */
	uint32_t reference;    /**< whose comparison decides; else the first that has no answer */
	double value;          /**< of that reference; valid when it was compared */
	/** With each of the rule's; none where the window has no value. */
	uint32_t comparison_count;
	struct baseline_comparison comparisons[BASELINE_REFERENCES_MAX];
};

/** "yesterday", "same time yesterday", "same time last week", "7-day mean". False: none of them. */
bool reference_parse(const char *text, struct reference *out);
struct reference reference_of_number(double number);
/** Days are left out: single ones are looked for farther back. */
void reference_look_back(struct reference *reference);
/** Days before today that have to be kept. */
uint32_t reference_days_back(const struct reference *reference);

/** "30%", 0 to 100000. */
bool band_parse_percent(const char *text, double *out);
const char *band_side_name(enum band_side side);
enum band_place band_place(const struct band *band, double value, double reference);
bool band_holds(const struct band *band, double value, double reference);

bool baseline_is_excepted(const struct rule_baseline *baseline, int64_t day);

/** `references` has one entry for each of the rule's; those of numbers do not matter.
 *  `has_watched`: the rule has watched for `min_history_days`. `value` NULL: the window has none.
 *  A key that has readings, but no history, is not outside; without readings nobody knows. */
void baseline_judge(const struct rule_baseline *baseline, const double *value, bool has_readings,
		    const struct reference_value *references, bool has_watched,
		    struct baseline_answer *out);
const char *baseline_why_text(enum baseline_why why);

#endif
