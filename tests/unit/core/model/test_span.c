#include <criterion/criterion.h>

#include <string.h>

#include "core/base/err.h"
#include "core/model/span.h"

Test(span, units)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{"250ms", 250}, {"0s", 0},       {"5s", 5000},        {"90s", 90000},
		{"1m", 60000},  {"1h", 3600000}, {"30d", 2592000000}, {"36500d", 3153600000000},
	};
	int64_t ms = -1;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_expect_eq(span_parse(cases[i].text, &ms, NULL), 0, "%s", cases[i].text);
		cr_expect_eq(ms, cases[i].ms, "%s", cases[i].text);
	}
}

Test(span, anything_else_is_refused_with_the_forms)
{
	static const char *const texts[] = {"",   "5",    "s",    "5 s", "-5s", "+5s",
					    "5S", "1.5h", "5sec", "5s ", "m5",  "5w"};
	struct err_note why = {0};
	int64_t ms = -1;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cr_expect_eq(span_parse(texts[i], &ms, &why), ERR_INVALID, "%s", texts[i]);
		cr_expect_not_null(strstr(why.text, "ms, s, m, h, d"));
	}
	cr_expect_eq(ms, -1);
}

Test(span, more_than_a_century_is_out_of_range)
{
	int64_t ms = -1;

	cr_expect_eq(span_parse("36501d", &ms, NULL), ERR_RANGE);
	cr_expect_eq(span_parse("99999999999999999999999999999999d", &ms, NULL), ERR_RANGE);
	cr_expect_eq(span_parse("9223372036854775807ms", &ms, NULL), ERR_RANGE);
	cr_expect_eq(ms, -1);
}

Test(span, windows_at_their_limits)
{
	static const char *const allowed[] = {"5s", "10s", "60s", "1m", "60m",
					      "1h", "24h", "1d",  "30d"};
	static const char *const refused[] = {"0s",  "4s",     "7s", "65s", "90s",
					      "0m",  "61m",    "0h", "25h", "0d",
					      "31d", "5000ms", "5",  "abc", ""};
	struct err_note why = {0};
	int64_t ms = 0;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		cr_expect_eq(span_parse_window(allowed[i], &ms, &why), 0, "%s", allowed[i]);
	cr_expect_eq(ms, INT64_C(2592000000));
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		cr_expect_lt(span_parse_window(refused[i], &ms, &why), 0, "%s", refused[i]);
		cr_expect_not_null(strstr(why.text, "5s to 60s"));
		cr_expect_not_null(strstr(why.text, refused[i]));
	}
}

Test(span, panes_are_long_above_one_hour)
{
	cr_expect_eq(span_pane_ms(5000), 5000);
	cr_expect_eq(span_pane_ms(3600000), 5000);
	cr_expect_eq(span_pane_ms(7200000), 60000);
}

Test(span, format_is_the_largest_unit_that_fits)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {{0, "0s"},           {250, "250ms"},   {90000, "90s"},   {60000, "1m"},
		     {3600000, "1h"},     {5400000, "90m"}, {86400000, "1d"}, {129600000, "36h"},
		     {2592000000, "30d"}, {-5000, "-5s"}};
	char text[32];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int length = span_format(cases[i].ms, text, sizeof(text));
		cr_expect_str_eq(text, cases[i].text);
		cr_expect_eq((size_t)length, strlen(cases[i].text));
	}
}
