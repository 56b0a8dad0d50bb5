#include "core/cli/value_set.h"

#include "core/base/require.h"

#include <math.h>
#include <string.h>

struct value_set value_set_of(const struct measure *measure, double least_count)
{
	struct value_set set = {.least = -INFINITY};

	switch (measure_statistic(measure)) {
	case STATISTIC_COUNT:
		set.least = least_count;
		set.is_whole = true;
		break;
	case STATISTIC_RATE:
	case STATISTIC_STDDEV:
	case STATISTIC_DISTINCT: set.least = 0; break;
	case STATISTIC_SUM:
	case STATISTIC_AVG:
	case STATISTIC_MIN:
	case STATISTIC_MAX:
	case STATISTIC_FIRST:
	case STATISTIC_LAST:
	case STATISTIC_PERCENTILE: return set;
	}
	set.values[set.count++] = set.least;
	set.values[set.count++] = set.is_whole ? set.least + 1 : nextafter(set.least, INFINITY);
	return set;
}

static void add_value(struct value_set *set, double value)
{
	if (value < set->least || !isfinite(value))
		return;
	REQUIRE(set->count < VALUE_SET_MAX);
	set->values[set->count++] = value;
}

static void add_number(struct value_set *set, double number)
{
	if (!set->is_whole) {
		add_value(set, nextafter(number, -INFINITY));
		add_value(set, number);
		add_value(set, nextafter(number, INFINITY));
	} else if (floor(number) == number) {
		add_value(set, number - 1);
		add_value(set, number);
		add_value(set, number + 1);
	} else {
		add_value(set, floor(number));
		add_value(set, ceil(number));
	}
}

bool value_set_is_like(const struct rule_expression *a, const struct rule_expression *b)
{
	bool has_field = a->field != NULL;

	return a->measure.statistic == b->measure.statistic &&
	       a->measure.percentile_tenths == b->measure.percentile_tenths &&
	       has_field == (b->field != NULL) && (!has_field || strcmp(a->field, b->field) == 0);
}

void value_set_add(struct value_set *set, const struct rule_condition *condition,
		   const struct rule_expression *like)
{
	for (uint32_t i = 0; i < condition->count; i++)
		if (value_set_is_like(&condition->expressions[i], like))
			add_number(set, condition->expressions[i].threshold.number);
}

bool value_set_holds(const struct rule_condition *condition, const struct rule_expression *like,
		     double value)
{
	bool is_any = condition->is_any;

	for (uint32_t i = 0; i < condition->count; i++)
		if (value_set_is_like(&condition->expressions[i], like) &&
		    threshold_holds(&condition->expressions[i].threshold, value) == is_any)
			return is_any;
	return !is_any;
}
