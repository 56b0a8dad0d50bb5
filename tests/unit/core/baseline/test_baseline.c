#include <criterion/criterion.h>

#include "core/baseline/baseline.h"

static struct band band_of(const char *lower, const char *upper, enum band_side side)
{
	struct band band = {.lower_text = lower, .upper_text = upper, .side = side};

	if (lower != NULL)
		cr_assert(band_parse_percent(lower, &band.lower));
	if (upper != NULL)
		cr_assert(band_parse_percent(upper, &band.upper));
	return band;
}

Test(baseline, references_are_read)
{
	struct reference reference;

	cr_expect(reference_parse("same time last week", &reference));
	cr_expect_eq(reference.kind, REFERENCE_SAME_TIME);
	cr_expect_eq(reference_days_back(&reference), 7);
	reference_look_back(&reference);
	cr_expect_eq(reference_days_back(&reference), 14);
	cr_expect(reference_parse("yesterday", &reference));
	cr_expect_eq(reference.kind, REFERENCE_DAYS);
	reference_look_back(&reference);
	cr_expect_eq(reference.tries, BASELINE_BACK_DAYS);
	cr_expect(reference_parse("30-day mean", &reference));
	cr_expect_eq(reference.wanted, 30);
	reference_look_back(&reference);
	cr_expect_eq(reference.tries, 30);
	cr_expect(reference_parse("2-day mean", &reference));
}

Test(baseline, other_words_are_no_references)
{
	static const char *const bad[] = {"",
					  "Yesterday",
					  "1-day mean",
					  "31-day mean",
					  "07-day mean",
					  "-day mean",
					  "7-day",
					  "7-day mean ",
					  "7 day mean",
					  "last week",
					  "99999999999999999999-day mean"};
	struct reference reference;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_not(reference_parse(bad[i], &reference), "%s", bad[i]);
}

Test(baseline, percentages_are_read)
{
	static const char *const bad[] = {"", "%", "30", "30 %", "-1%", "x%", "100000.1%", "nan%"};
	double share;

	cr_expect(band_parse_percent("30%", &share));
	cr_expect_eq(share, 0.3);
	cr_expect(band_parse_percent("0%", &share));
	cr_expect(band_parse_percent("100000%", &share));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_not(band_parse_percent(bad[i], &share), "%s", bad[i]);
}

Test(baseline, left_and_right_are_open_and_the_middle_is_closed)
{
	/* Of 200: 60 and 300. */
	static const double values[] = {59.9, 60, 200, 300, 300.1};
	static const bool expected[][5] = {
		[BAND_LEFT] = {true, false, false, false, false},
		[BAND_RIGHT] = {false, false, false, false, true},
		[BAND_OUTSIDE] = {true, false, false, false, true},
		[BAND_INSIDE] = {false, true, true, true, false},
	};

	for (int side = BAND_LEFT; side <= BAND_INSIDE; side++)
		for (int i = 0; i < 5; i++) {
			struct band band = band_of("30%", "150%", (enum band_side)side);

			cr_expect_eq(band_holds(&band, values[i], 200), expected[side][i], "%s %g",
				     band_side_name((enum band_side)side), values[i]);
		}
}

Test(baseline, less_of_what_is_negative_is_nearer_to_zero)
{
	struct band band = band_of("30%", "150%", BAND_LEFT);

	cr_expect(band_holds(&band, -2.9, -10));
	cr_expect_not(band_holds(&band, -3, -10));
	cr_expect(band_holds(&band, 5, -10));
	band.side = BAND_RIGHT;
	cr_expect(band_holds(&band, -15.1, -10));
	cr_expect_not(band_holds(&band, -15, -10));
}

static struct rule_baseline rule_of(const char *first, const char *second, bool is_any)
{
	struct rule_baseline baseline = {
		.reference_count = second != NULL ? 2 : 1,
		.is_any = is_any,
		.band = band_of("50%", NULL, BAND_LEFT),
		.min_history_days = 1,
		.min_samples = 5,
	};

	cr_assert(reference_parse(first, &baseline.references[0]));
	if (second != NULL)
		cr_assert(reference_parse(second, &baseline.references[1]));
	return baseline;
}

static struct baseline_answer ask(const struct rule_baseline *baseline, double value,
				  bool has_readings, struct reference_value first,
				  struct reference_value second)
{
	struct reference_value found[2] = {first, second};
	struct baseline_answer answer;

	baseline_judge(baseline, &value, has_readings, found, true, &answer);
	return answer;
}

static const struct reference_value hundred = {100, 50, 1}, ten = {10, 50, 1}, nothing;

Test(baseline, one_reference_decides)
{
	struct rule_baseline baseline = rule_of("same time yesterday", NULL, false);

	cr_expect_eq(ask(&baseline, 49, true, hundred, nothing).verdict, BASELINE_YES);
	cr_expect_eq(ask(&baseline, 49, true, hundred, nothing).value, 100);
	cr_expect_eq(ask(&baseline, 50, true, hundred, nothing).verdict, BASELINE_NO);
}

Test(baseline, without_history_it_is_not_outside_unless_nobody_sent_anything)
{
	struct rule_baseline baseline = rule_of("same time yesterday", NULL, false);
	struct baseline_answer answer = ask(&baseline, 0, true, nothing, nothing);

	cr_expect_eq(answer.verdict, BASELINE_NO);
	cr_expect_eq(answer.why, BASELINE_NO_HISTORY);
	cr_expect_eq(ask(&baseline, 0, false, nothing, nothing).verdict, BASELINE_UNKNOWN);
	cr_expect_eq(ask(&baseline, 0, false, hundred, nothing).verdict, BASELINE_YES);
}

Test(baseline, several_references_must_all_agree_or_one_of_them)
{
	struct rule_baseline all = rule_of("same time yesterday", "same time last week", false);
	struct rule_baseline any = rule_of("same time yesterday", "same time last week", true);

	cr_expect_eq(ask(&all, 4, true, hundred, ten).verdict, BASELINE_YES);
	cr_expect_eq(ask(&all, 30, true, hundred, ten).verdict, BASELINE_NO);
	cr_expect_eq(ask(&all, 30, true, hundred, ten).reference, 1);
	cr_expect_eq(ask(&any, 30, true, hundred, ten).verdict, BASELINE_YES);
	cr_expect_eq(ask(&any, 30, true, hundred, nothing).verdict, BASELINE_YES);
	cr_expect_eq(ask(&all, 4, false, hundred, nothing).verdict, BASELINE_UNKNOWN);
	cr_expect_eq(ask(&all, 4, false, hundred, nothing).why, BASELINE_NO_HISTORY);
	cr_expect_eq(ask(&any, 90, true, hundred, nothing).verdict, BASELINE_NO);
}

Test(baseline, few_samples_and_zero_leave_it_as_it_is)
{
	struct rule_baseline baseline = rule_of("same time yesterday", NULL, false);

	cr_expect_eq(ask(&baseline, 1, true, (struct reference_value){100, 4, 1}, nothing).why,
		     BASELINE_FEW_SAMPLES);
	cr_expect_eq(ask(&baseline, 1, true, (struct reference_value){100, 4, 1}, nothing).verdict,
		     BASELINE_UNKNOWN);
	cr_expect_eq(ask(&baseline, 1, true, (struct reference_value){100, 5, 1}, nothing).verdict,
		     BASELINE_YES);
	cr_expect_eq(ask(&baseline, 1, true, (struct reference_value){0, 9, 1}, nothing).why,
		     BASELINE_ZERO);
}

Test(baseline, a_mean_needs_its_days)
{
	struct rule_baseline baseline = rule_of("7-day mean", NULL, false);
	struct reference_value found[1] = {{200, 100, 2}};
	struct baseline_answer answer;
	double value = 49;

	baseline.min_history_days = 3;
	baseline_judge(&baseline, &value, true, found, true, &answer);
	cr_expect_eq(answer.why, BASELINE_NO_HISTORY);
	found[0].days = 3;
	found[0].value_sum = 300;
	baseline_judge(&baseline, &value, true, found, false, &answer);
	cr_expect_eq(answer.why, BASELINE_NO_HISTORY);
	baseline_judge(&baseline, &value, true, found, true, &answer);
	cr_expect_eq(answer.verdict, BASELINE_YES);
	cr_expect_eq(answer.value, 100);
}

Test(baseline, each_reference_has_its_comparison)
{
	struct rule_baseline baseline = rule_of("same time yesterday", "same time last week", true);
	struct baseline_answer answer = ask(&baseline, 40, true, hundred, ten);

	cr_expect_eq(answer.comparison_count, 2);
	cr_expect_eq(answer.comparisons[0].place, PLACE_LEFT);
	cr_expect_eq(answer.comparisons[0].verdict, BASELINE_YES);
	cr_expect_eq(answer.comparisons[0].value, 100);
	cr_expect_eq(answer.comparisons[1].place, PLACE_MIDDLE, "four times as much has no bound");
	cr_expect_eq(answer.comparisons[1].verdict, BASELINE_NO);
	cr_expect_eq(answer.reference, 0);
	answer = ask(&baseline, 40, true, hundred, nothing);
	cr_expect_eq(answer.comparisons[1].why, BASELINE_NO_HISTORY);
}

Test(baseline, places_are_left_and_right_of_the_middle)
{
	const struct band band = band_of("30%", "150%", BAND_INSIDE);

	cr_expect_eq(band_place(&band, 2.9, 10), PLACE_LEFT);
	cr_expect_eq(band_place(&band, 3, 10), PLACE_MIDDLE);
	cr_expect_eq(band_place(&band, 15, 10), PLACE_MIDDLE);
	cr_expect_eq(band_place(&band, 15.1, 10), PLACE_RIGHT);
	cr_expect_eq(band_place(&band, -2.9, -10), PLACE_LEFT, "nearer to 0 is less of it");
	cr_expect_eq(band_place(&band, -15.1, -10), PLACE_RIGHT);
}

Test(baseline, a_number_has_no_history_to_wait_for)
{
	struct rule_baseline baseline = rule_of("yesterday", NULL, false);
	struct reference_value found[1] = {{0, 0, 0}};
	struct baseline_answer answer;
	double value = 9;

	baseline.references[0] = reference_of_number(20);
	baseline_judge(&baseline, &value, true, found, false, &answer);
	cr_expect_eq(answer.verdict, BASELINE_YES);
	baseline_judge(&baseline, NULL, false, found, false, &answer);
	cr_expect_eq(answer.verdict, BASELINE_UNKNOWN);
	cr_expect_eq(answer.why, BASELINE_NO_VALUE);
}

Test(baseline, days_are_excepted)
{
	static const int64_t days[] = {20000, 20005};
	struct rule_baseline baseline = {.except = days, .except_count = 2};

	cr_expect(baseline_is_excepted(&baseline, 20000));
	cr_expect(baseline_is_excepted(&baseline, 20005));
	cr_expect_not(baseline_is_excepted(&baseline, 20001));
	cr_expect_not(baseline_is_excepted(&baseline, 19999));
}
