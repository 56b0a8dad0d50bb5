#include "core/judge/condition.h"

#include <criterion/criterion.h>

#include "core/rule/rule.h"

enum { Y = TRUTH_YES, N = TRUTH_NO, U = TRUTH_UNKNOWN };

/** Values by statistic; count has one, the others do when it is not NaN. */
static bool value_of(void *arg, const struct rule_expression *expression, double *out)
{
	const double *values = arg;

	*out = values[expression->measure.statistic];
	return *out == *out;
}

#define NONE __builtin_nan("")

static struct rule_expression at_least(enum statistic statistic, double number)
{
	return (struct rule_expression){.measure.statistic = (uint8_t)statistic,
					.threshold = {COMPARE_GE, number, ""}};
}

static struct rule_expression less_than(enum statistic statistic, double number)
{
	return (struct rule_expression){.measure.statistic = (uint8_t)statistic,
					.threshold = {COMPARE_LT, number, ""}};
}

Test(condition, all_and_any_with_what_has_no_value)
{
	static const struct {
		int a, b, all, any;
	} rows[] = {
		{Y, Y, Y, Y}, {Y, N, N, Y}, {Y, U, U, Y}, {N, Y, N, Y}, {N, N, N, N},
		{N, U, N, U}, {U, Y, U, Y}, {U, N, N, U}, {U, U, U, U},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		double values[] = {[STATISTIC_MAX] = rows[i].a == U ? NONE : rows[i].a,
				   [STATISTIC_AVG] = rows[i].b == U ? NONE : rows[i].b};
		struct rule_expression two[] = {at_least(STATISTIC_MAX, Y),
						at_least(STATISTIC_AVG, Y)};
		struct judge_values from = {.value = value_of, .arg = values};
		struct rule_condition condition = {.expressions = two, .count = 2};

		cr_expect_eq((int)condition_holds(&condition, &from), rows[i].all, "all, row %zu",
			     i);
		condition.is_any = true;
		cr_expect_eq((int)condition_holds(&condition, &from), rows[i].any, "any, row %zu",
			     i);
	}
}

static struct rule rule_of(struct rule_expression *holds, struct rule_expression *clear)
{
	return (struct rule){
		.level_count = 1,
		.levels = {{.holds = {.expressions = holds, .count = 1},
			    .clear = {.expressions = clear, .count = clear != NULL}}},
	};
}

static void judge(const struct rule *rule, double max, uint64_t count, struct judgement *out)
{
	double values[] = {[STATISTIC_MAX] = max, [STATISTIC_COUNT] = (double)count};
	struct judge_values from = {.value = value_of, .arg = values, .reading_count = count};

	condition_judge(rule, &from, out);
}

#define EXPECT(judgement, hold, over)                                                              \
	do {                                                                                       \
		cr_expect_eq((judgement).holds[0], (hold));                                        \
		cr_expect_eq((judgement).is_over[0], (over));                                      \
	} while (0)

Test(condition, without_its_own_clear_it_is_over_when_it_does_not_hold)
{
	struct rule_expression holds = at_least(STATISTIC_MAX, 50);
	struct rule rule = rule_of(&holds, NULL);
	struct judgement got;

	judge(&rule, 50, 1, &got);
	EXPECT(got, Y, N);
	judge(&rule, 49, 1, &got);
	EXPECT(got, N, Y);
	judge(&rule, NONE, 1, &got);
	EXPECT(got, U, U);
}

Test(condition, between_fire_and_clear_it_neither_holds_nor_is_over)
{
	struct rule_expression holds = at_least(STATISTIC_MAX, 50);
	struct rule_expression clear = less_than(STATISTIC_MAX, 40);
	struct rule rule = rule_of(&holds, &clear);
	struct judgement got;

	judge(&rule, 45, 1, &got);
	EXPECT(got, N, N);
	judge(&rule, 39, 1, &got);
	EXPECT(got, N, Y);
}

Test(condition, where_clear_overlaps_it_holds)
{
	struct rule_expression holds = at_least(STATISTIC_MAX, 20);
	struct rule_expression clear = less_than(STATISTIC_MAX, 30);
	struct rule rule = rule_of(&holds, &clear);
	struct judgement got;

	judge(&rule, 25, 1, &got);
	EXPECT(got, Y, N);
}

Test(condition, an_empty_window_by_no_data)
{
	struct rule_expression holds = at_least(STATISTIC_MAX, 50);
	struct rule_expression counts = less_than(STATISTIC_COUNT, 10);
	struct judgement got;
	struct rule rule = rule_of(&holds, NULL);
	struct rule count = rule_of(&counts, NULL);

	rule.no_data = count.no_data = RULE_NO_DATA_KEEP;
	judge(&rule, NONE, 0, &got);
	EXPECT(got, U, U);
	cr_expect_not(got.has_readings);
	judge(&count, NONE, 0, &got);
	EXPECT(got, Y, N);
	rule.no_data = count.no_data = RULE_NO_DATA_OK;
	judge(&rule, NONE, 0, &got);
	EXPECT(got, N, Y);
	judge(&count, NONE, 0, &got);
	EXPECT(got, Y, N);
	rule.no_data = count.no_data = RULE_NO_DATA_ALERT;
	judge(&rule, NONE, 0, &got);
	EXPECT(got, U, U);
	judge(&count, NONE, 0, &got);
	EXPECT(got, U, U);
}

Test(condition, with_ok_a_clear_condition_without_a_value_is_met)
{
	struct rule_expression holds = {.measure.statistic = STATISTIC_COUNT,
					.threshold = {COMPARE_GE, 5, ""}};
	struct rule_expression clear = less_than(STATISTIC_MAX, 40);
	struct rule rule = rule_of(&holds, &clear);
	struct judgement got;

	judge(&rule, NONE, 1, &got);
	EXPECT(got, N, U);
	rule.no_data = RULE_NO_DATA_OK;
	judge(&rule, NONE, 1, &got);
	EXPECT(got, N, Y);
}

Test(condition, fewer_readings_than_min_samples_are_no_judgement)
{
	struct rule_expression holds = at_least(STATISTIC_MAX, 50);
	struct rule rule = rule_of(&holds, NULL);
	struct judgement got;

	rule.min_samples = 30;
	judge(&rule, 60, 29, &got);
	EXPECT(got, U, U);
	judge(&rule, 60, 30, &got);
	EXPECT(got, Y, N);
	judge(&rule, 40, 31, &got);
	EXPECT(got, N, Y);
	judge(&rule, NONE, 0, &got);
	EXPECT(got, U, U);
	rule.no_data = RULE_NO_DATA_OK;
	judge(&rule, NONE, 0, &got);
	EXPECT(got, N, Y);
	judge(&rule, 60, 29, &got);
	EXPECT(got, U, U);
}

Test(condition, a_keys_own_number_replaces_that_of_the_rules_threshold)
{
	struct rule_expression holds = at_least(STATISTIC_MAX, 50);
	struct rule_expression clear = less_than(STATISTIC_MAX, 40);
	struct rule rule = rule_of(&holds, &clear);
	double values[] = {[STATISTIC_MAX] = 60}, own = 70;
	struct judge_values from = {
		.value = value_of, .arg = values, .reading_count = 1, .own_number = &own};
	struct judgement got;

	holds.is_main = true;
	condition_judge(&rule, &from, &got);
	EXPECT(got, N, N);
	own = 60;
	condition_judge(&rule, &from, &got);
	EXPECT(got, Y, N);
}

Test(condition, each_level_by_itself)
{
	struct rule_expression warning = at_least(STATISTIC_MAX, 20);
	struct rule_expression critical = at_least(STATISTIC_MAX, 50);
	struct rule rule = rule_of(&warning, NULL);
	struct judgement got;

	rule.level_count = 2;
	rule.levels[1].holds = (struct rule_condition){.expressions = &critical, .count = 1};
	judge(&rule, 30, 1, &got);
	cr_expect_eq(got.holds[0], Y);
	cr_expect_eq(got.holds[1], N);
	judge(&rule, 50, 1, &got);
	cr_expect_eq(got.holds[1], Y);
}

Test(condition, who_decides_by_other_means)
{
	struct rule rule = {.type = RULE_BASELINE, .level_count = 1, .min_samples = 5};
	struct judgement got;

	condition_judge_as(&rule, TRUTH_YES, 5, &got);
	EXPECT(got, Y, N);
	condition_judge_as(&rule, TRUTH_YES, 4, &got);
	EXPECT(got, U, U);
	condition_judge_as(&rule, TRUTH_UNKNOWN, 5, &got);
	EXPECT(got, U, U);
	condition_judge_as(&rule, TRUTH_NO, 5, &got);
	EXPECT(got, N, Y);
}

Test(condition, a_script_fires_with_a_level_and_all_milder_ones)
{
	struct rule rule = {.type = RULE_SCRIPT, .level_count = 3, .min_samples = 5};
	struct judgement got;

	condition_judge_level(&rule, 1, 0, &got);
	EXPECT(got, Y, N);
	cr_expect_eq(got.holds[1], Y);
	cr_expect_eq(got.holds[2], N);
	cr_expect_eq(got.is_over[2], Y);
	condition_judge_level(&rule, -1, 9, &got);
	EXPECT(got, N, Y);
	cr_expect_eq(got.is_over[1], Y);
}
