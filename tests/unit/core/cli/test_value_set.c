#include "core/cli/value_set.h"

#include <criterion/criterion.h>
#include <math.h>

static const struct measure count = {.statistic = STATISTIC_COUNT};
static const struct measure maximum = {.statistic = STATISTIC_MAX};

static struct rule_expression expression(const struct measure *measure, enum compare compare,
					 double number)
{
	return (struct rule_expression){.measure = *measure,
					.threshold = {.compare = compare, .number = number}};
}

static bool can_hold(const struct rule_condition *condition, double least_count)
{
	const struct rule_expression *like = &condition->expressions[0];
	struct value_set set = value_set_of(&like->measure, least_count);

	value_set_add(&set, condition, like);
	for (uint32_t i = 0; i < set.count; i++)
		if (value_set_holds(condition, like, set.values[i]))
			return true;
	return false;
}

/* Against every whole and half number from -20 to 20: what holds for one of them must be found. */
Test(value_set, finds_what_trying_every_value_finds)
{
	static const enum compare compares[] = {COMPARE_GT, COMPARE_GE, COMPARE_LT,
						COMPARE_LE, COMPARE_EQ, COMPARE_NE};

	for (unsigned i = 0; i < 6 * 6 * 9 * 9 * 4; i++) {
		const struct measure *measure = i % 2 == 0 ? &count : &maximum;
		struct rule_expression two[] = {
			expression(measure, compares[i / 4 % 6], -3 + 1.5 * (i / 24 % 9)),
			expression(measure, compares[i / 216 % 6], -3 + 1.5 * (i / 1296 % 9)),
		};
		struct rule_condition condition = {two, 2, .is_any = i / 2 % 2 == 0};
		bool is_found = false;

		for (int quarter = measure == &count ? 0 : -80; quarter <= 80;
		     quarter += measure == &count ? 4 : 1)
			is_found |= value_set_holds(&condition, two, quarter / 4.0);
		cr_assert_eq(can_hold(&condition, 0), is_found, "combination %u", i);
	}
}

Test(value_set, the_least_count_is_that_of_a_judged_window)
{
	struct rule_expression less = expression(&count, COMPARE_LT, 30);
	struct rule_condition condition = {&less, 1, .is_any = false};

	cr_expect(can_hold(&condition, 0));
	cr_expect(can_hold(&condition, 29));
	cr_expect_not(can_hold(&condition, 30));
}

Test(value_set, other_fields_and_percentiles_are_not_alike)
{
	struct rule_expression a = {.measure = maximum, .field = "amount"}, b = a;

	cr_expect(value_set_is_like(&a, &b));
	b.field = "cost_time";
	cr_expect_not(value_set_is_like(&a, &b));
	b = (struct rule_expression){.measure = count};
	cr_expect_not(value_set_is_like(&a, &b));
	a.measure = b.measure = (struct measure){.statistic = STATISTIC_PERCENTILE};
	b.field = a.field;
	b.measure.percentile_tenths = 990;
	cr_expect_not(value_set_is_like(&a, &b));
}
