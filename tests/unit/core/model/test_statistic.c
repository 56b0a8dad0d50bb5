#include "core/model/statistic.h"

#include <criterion/criterion.h>

#include "core/base/err.h"

Test(statistic, names_go_both_ways)
{
	cr_expect_str_eq(statistic_name(STATISTIC_AVG), "avg");
	cr_expect_eq(statistic_parse("max"), STATISTIC_MAX);
	cr_expect_eq(statistic_parse("last"), STATISTIC_LAST);
	cr_expect_eq(statistic_parse("median"), -1);
	cr_expect_eq(statistic_parse("pNN"), -1, "a percentile is a measure");
	for (int i = 0; i < STATISTIC_PERCENTILE; i++)
		cr_expect_eq(statistic_parse(statistic_name((enum statistic)i)), i);
}

Test(statistic, percentiles_have_one_text_each)
{
	static const struct {
		const char *text;
		uint16_t tenths;
	} good[] = {{"p50", 500}, {"p99.9", 999}, {"p0.1", 1}, {"p5", 50}, {"p9.5", 95}};
	static const char *const bad[] = {
		"p",   "p0",   "p100", "p05", "p50.0", "p50.", "p.5", "p99.99", "p-5",
		"P99", "p99 ", "99",   "p+5", "p1e1",  "pNN",  "",    "p00.1",  "p0.0",
	};
	char buffer[MEASURE_NAME_BYTES_MAX];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct measure measure = {.value = 3};

		cr_assert_eq(measure_parse(good[i].text, &measure), 0, "%s", good[i].text);
		cr_expect_eq(measure.statistic, STATISTIC_PERCENTILE);
		cr_expect_eq(measure.percentile_tenths, good[i].tenths);
		cr_expect_eq(measure.value, 3, "the field is not its business");
		cr_expect_str_eq(measure_name(&measure, buffer), good[i].text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct measure measure = {.statistic = 77};

		cr_expect_eq(measure_parse(bad[i], &measure), ERR_INVALID, "%s", bad[i]);
		cr_expect_eq(measure.statistic, 77);
	}
}

Test(statistic, measures_without_percentile_are_their_statistic)
{
	struct measure measure = {.percentile_tenths = 500};
	char buffer[MEASURE_NAME_BYTES_MAX];

	cr_assert_eq(measure_parse("stddev", &measure), 0);
	cr_expect_eq(measure.percentile_tenths, 0);
	cr_expect_str_eq(measure_name(&measure, buffer), "stddev");
}

Test(statistic, fields_and_numbers_are_needed_by_most)
{
	cr_expect_not(statistic_needs_field(STATISTIC_COUNT));
	cr_expect_not(statistic_needs_field(STATISTIC_RATE));
	cr_expect(statistic_needs_field(STATISTIC_DISTINCT));
	cr_expect_not(statistic_needs_number(STATISTIC_DISTINCT));
	cr_expect_not(statistic_needs_number(STATISTIC_RATE));
	cr_expect(statistic_needs_number(STATISTIC_PERCENTILE));
}
