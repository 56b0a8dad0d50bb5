/** condition.h - what the values of a window say about the levels of a rule.
 *
 *  An expression whose statistic has no value (the average of nothing) is neither true nor false.
 *  `all` is false when one is false, else unknown when one is unknown; `any` is true when one is
 *  true, else unknown when one is unknown (Kleene 1938). What is unknown leaves a key as it is.
 *  Pure: no state, no time.
 */
#ifndef TOCSIN_CORE_JUDGE_CONDITION_H
#define TOCSIN_CORE_JUDGE_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/rule/rule_condition.h"

struct rule;

enum truth { TRUTH_NO, TRUTH_UNKNOWN, TRUTH_YES };

/** Where the values of expressions come from. */
struct judge_values {
	/** False: the expression's statistic has no value. */
	bool (*value)(void *arg, const struct rule_expression *expression, double *out);
	void *arg;
	uint64_t reading_count;   /**< matching readings of the window */
	const double *own_number; /**< of the key, in place of the rule's threshold; or NULL */
};

/** What is known of a key at a boundary. */
struct judgement {
	bool has_readings;
	bool is_muted;                    /**< outside the rule's valid time: nothing is judged */
	uint8_t holds[RULE_LEVELS_MAX];   /**< enum truth */
	uint8_t is_over[RULE_LEVELS_MAX]; /**< enum truth; never together with `holds` */
};

enum truth condition_holds(const struct rule_condition *condition,
			   const struct judge_values *values);

/** All levels of a rule, with what its `no_data` and `min_samples` make of them. */
void condition_judge(const struct rule *rule, const struct judge_values *values,
		     struct judgement *out);

/** Of who decides by other means (a baseline, a streak): the first level holds, does not, or
 *  nobody knows. */
void condition_judge_as(const struct rule *rule, enum truth holds, uint64_t reading_count,
			struct judgement *out);

/** Of a script: it fires with the severity of `level`, so the milder levels hold too; -1: it does
 *  not. */
void condition_judge_level(const struct rule *rule, int level, uint64_t reading_count,
			   struct judgement *out);

#endif
