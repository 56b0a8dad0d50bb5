/** rule_condition.h - what a rule compares, and what has to happen before anybody is told.
 *  Plain values in the rule's arena; core/judge decides with them.
 */
#ifndef TOCSIN_CORE_RULE_RULE_CONDITION_H
#define TOCSIN_CORE_RULE_RULE_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/model/statistic.h"

struct arena;
struct err_note;

#define COMPARE_LIST(X) X(GT, ">") X(GE, ">=") X(LT, "<") X(LE, "<=") X(EQ, "==") X(NE, "!=")
enum compare {
#define COMPARE_ENUM(name, text) COMPARE_##name,
	COMPARE_LIST(COMPARE_ENUM)
#undef COMPARE_ENUM
};

struct threshold {
	enum compare compare;
	double number;
	const char *text; /**< ">=400": without spaces, as the document shows it */
};

enum {
	RULE_EXPRESSIONS_MAX = 8,
	RULE_LEVELS_MAX = 3,
	RULE_FLAP_CHANGES_MAX = 16,
	RULE_NON_DISTURB_MAX = 32
};

/** A statistic of the window against a number. */
struct rule_expression {
	struct measure measure;
	const char *field; /**< value field; NULL: readings are counted */
	struct threshold threshold;
	/** The number is the rule's `threshold` itself, which `thresholds` may replace by key. */
	bool is_main;
};

/** All of the expressions, or any of them. Without expressions: not given. */
struct rule_condition {
	const struct rule_expression *expressions;
	uint32_t count;
	bool is_any;
	const char *text;   /**< ">=400"; several: "max>=400 and count>=10" */
	const char *option; /**< as which it stands in the file: "threshold", "all", "warning" … */
	int line;
};

/** One severity. It holds when `holds` does for `hold_ms`, and is over when `clear` does (NULL
 *  expressions: when `holds` does not) for `clear_hold_ms`. */
struct rule_level {
	const char *severity;
	struct rule_condition holds;
	struct rule_condition clear;
	int64_t hold_ms;
	int64_t clear_hold_ms; /**< `clear_hold` or `keep_firing`, the longer one */
};

enum rule_no_data {
	RULE_NO_DATA_KEEP,  /**< what has no value leaves the key as it is */
	RULE_NO_DATA_OK,    /**< what has no value does not hold */
	RULE_NO_DATA_ALERT, /**< a key without readings is a finding of its own */
};

/** After `changes` changes of a key's state within `within_ms` it is flapping. 0: never. */
struct rule_flap {
	uint32_t changes;
	int64_t within_ms;
};

/** At most `max` firing alerts of a key in `within_ms`. 0: no limit. */
struct rule_non_disturb {
	uint32_t max;
	int64_t within_ms;
};

bool threshold_holds(const struct threshold *threshold, double value);
int threshold_parse(struct arena *arena, const char *text, struct threshold *out,
		    struct err_note *why);
bool compare_holds(enum compare compare, double value, double number);

#endif
