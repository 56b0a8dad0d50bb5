#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/number.h"

/* Expected texts are repr() of Python 3.11, integers below 2^53 without ".0". */
Test(number, text_is_the_shortest_that_reads_back)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{0, "0"},
		{-0.0, "0"},
		{100, "100"},
		{-1, "-1"},
		{9007199254740991, "9007199254740991"},
		{-1e-300, "-1e-300"},
		{0.1, "0.1"},
		{0.30000000000000004, "0.30000000000000004"},
		{1e22, "1e+22"},
		{1e16, "1e+16"},
		{123456789012345680.0, "1.2345678901234568e+17"},
		{1.5, "1.5"},
		{-2.25, "-2.25"},
		{0.0001, "0.0001"},
		{0.00001, "1e-05"},
		{5e-324, "5e-324"},
		{1.7976931348623157e308, "1.7976931348623157e+308"},
		{9007199254740993.5, "9007199254740994.0"},
		{9007199254740992.0, "9007199254740992.0"},
		{4503599627370497.5, "4503599627370498"},
		{123.456, "123.456"},
		{1e-7, "1e-07"},
		{3.141592653589793, "3.141592653589793"},
		{9.5367431640625e-07, "9.5367431640625e-07"},
		{2.2250738585072014e-308, "2.2250738585072014e-308"},
		{5.684341886080802e-14, "5.684341886080802e-14"},
		{100000.5, "100000.5"},
		{1e15, "1000000000000000"},
		{12345678.9, "12345678.9"},
		{6.02214076e23, "6.02214076e+23"},
		{0.000123456, "0.000123456"},
		{INFINITY, "null"},
		{-INFINITY, "null"},
		{NAN, "null"},
	};
	char text[NUMBER_TEXT_BYTES_MAX];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int length = number_format(cases[i].value, text);
		cr_expect_str_eq(text, cases[i].text);
		cr_expect_eq((size_t)length, strlen(text));
	}
}

Test(number, any_double_survives_the_way_to_text_and_back)
{
	uint64_t state = 88172645463325252u;
	char text[NUMBER_TEXT_BYTES_MAX];

	for (int i = 0; i < 20000; i++) {
		double value, ours;

		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		memcpy(&value, &state, sizeof(value));
		if (!isfinite(value))
			continue;
		int length = number_format(value, text);
		cr_assert_lt(length, NUMBER_TEXT_BYTES_MAX);
		cr_assert_eq(strtod(text, NULL), value, "%s", text);
		cr_assert_eq(number_parse((struct slice){text, (size_t)length}, &ours), 0);
		cr_assert_eq(ours, value, "%s", text);
	}
}

Test(number, parse_takes_decimal_numbers)
{
	static const char *const texts[] = {"0",  "-0.5", "1e3", "1E+3",  "2.5e-3",
					    ".5", "5.",   "007", "1e308", "12345678901234567890"};
	double value = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cr_expect_eq(number_parse(slice_of(texts[i]), &value), 0, "%s", texts[i]);
		cr_expect_eq(value, strtod(texts[i], NULL), "%s", texts[i]);
	}
}

Test(number, parse_refuses_the_rest_and_leaves_the_result_alone)
{
	static const char *const texts[] = {"",    "-",     ".",   "+1",   " 1",  "1 ",  "1e",
					    "1e+", "inf",   "nan", "NaN",  "0x1", "1,5", "--1",
					    "1a",  "1.2.3", "e5",  "true", "-.e1"};
	double value = 77;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_expect_eq(number_parse(slice_of(texts[i]), &value), ERR_INVALID, "%s", texts[i]);
	cr_expect_eq(number_parse(SLICE_LITERAL("1\0"), &value), ERR_INVALID);
	cr_expect_eq(number_parse(SLICE_LITERAL("1e309"), &value), ERR_RANGE);
	cr_expect_eq(number_parse(SLICE_LITERAL("-1e999999999999"), &value), ERR_RANGE);
	cr_expect_eq(value, 77);
}

Test(number, parse_stops_at_the_length_not_at_a_nul)
{
	double value = 0;

	cr_expect_eq(number_parse((struct slice){"12345", 3}, &value), 0);
	cr_expect_eq(value, 123);
}

Test(number, integers_have_their_limits)
{
	int64_t value = 0;

	cr_expect_eq(number_parse_int(SLICE_LITERAL("9223372036854775807"), &value), 0);
	cr_expect_eq(value, INT64_MAX);
	cr_expect_eq(number_parse_int(SLICE_LITERAL("-9223372036854775808"), &value), 0);
	cr_expect_eq(value, INT64_MIN);
	cr_expect_eq(number_parse_int(SLICE_LITERAL("9223372036854775808"), &value), ERR_RANGE);
	cr_expect_eq(number_parse_int(SLICE_LITERAL(""), &value), ERR_INVALID);
	cr_expect_eq(number_parse_int(SLICE_LITERAL("-"), &value), ERR_INVALID);
	cr_expect_eq(number_parse_int(SLICE_LITERAL("1.0"), &value), ERR_INVALID);
	cr_expect_eq(number_parse_int(SLICE_LITERAL("99999999999999999999x"), &value), ERR_INVALID);
	cr_expect_eq(value, INT64_MIN);
}
