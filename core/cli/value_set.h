/** value_set.h - for which values of a statistic do comparisons hold?
 *
 *  Comparisons with numbers only depend on where a value lies among these numbers. So it is enough
 *  to try the numbers, and what lies right below and above each: the answers are exact.
 */
#ifndef TOCSIN_CORE_CLI_VALUE_SET_H
#define TOCSIN_CORE_CLI_VALUE_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "core/rule/rule_condition.h"

enum { VALUE_SET_MAX = 3 * 2 * RULE_EXPRESSIONS_MAX + 2 };

struct value_set {
	double values[VALUE_SET_MAX]; /**< those to be tried */
	uint32_t count;
	double least; /**< a judged window has no lower value; -INFINITY */
	bool is_whole;
};

/** The values that the measure can have; `least_count` is the lowest count of a judged window. */
struct value_set value_set_of(const struct measure *measure, double least_count);
/** What has to be tried for the numbers of those expressions that are of the measure of `like`. */
void value_set_add(struct value_set *set, const struct rule_condition *condition,
		   const struct rule_expression *like);
/** Expressions of the same statistic and field. */
bool value_set_is_like(const struct rule_expression *a, const struct rule_expression *b);
/** Do the expressions that are like `like` hold for the value? */
bool value_set_holds(const struct rule_condition *condition, const struct rule_expression *like,
		     double value);

#endif
