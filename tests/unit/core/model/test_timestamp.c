#include <criterion/criterion.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/err.h"
#include "core/model/timestamp.h"
#include "core/model/value.h"

static int64_t parsed(const char *text)
{
	int64_t ms = -77;
	int code = timestamp_parse(slice_of(text), &ms);

	return code == 0 ? ms : code;
}

/* date -u -d ... +%s gives the seconds. */
Test(timestamp, rfc3339_forms)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-11-22T06:00:00Z", 1795327200000},
		{"2026-11-22T06:00:00.123+08:00", 1795298400123},
		{"2026-11-22 06:00:00", 1795327200000},
		{"2026-11-22t06:00:00z", 1795327200000},
		{"2026-11-22T06:00:00.9999999Z", 1795327200999},
		{"2026-11-22T06:00:00.5", 1795327200500},
		{"2026-11-22T06:00:00-00:00", 1795327200000},
		{"2026-11-22T06:00:00-03:30", 1795339800000},
		{"2024-02-29T23:59:59Z", 1709251199000},
		{"2000-02-29T00:00:00Z", 951782400000},
		{"9999-12-31T23:59:59.999Z", 253402300799999},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(parsed(cases[i].text), cases[i].ms, "%s", cases[i].text);
}

Test(timestamp, a_leap_second_is_the_next_second)
{
	cr_expect_eq(parsed("2016-12-31T23:59:60Z"), 1483228800000);
	cr_expect_eq(parsed("2016-12-31T23:59:60.250Z"), 1483228800250);
	cr_expect_eq(parsed("2016-12-31T23:58:60Z"), ERR_INVALID);
	cr_expect_eq(parsed("2016-12-31T23:59:61Z"), ERR_INVALID);
}

Test(timestamp, what_is_no_time_is_refused)
{
	static const char *const texts[] = {
		"",
		"now",
		"2026-11-22",
		"2026-11-22T06:00Z",
		"2026-13-22T06:00:00Z",
		"2026-00-22T06:00:00Z",
		"2026-11-00T06:00:00Z",
		"2026-11-31T06:00:00Z",
		"2023-02-29T06:00:00Z",
		"2100-02-29T06:00:00Z",
		"2026-11-22T24:00:00Z",
		"2026-11-22T06:60:00Z",
		"2026-11-22T06:00:00.Z",
		"2026-11-22T06:00:00X",
		"2026-11-22T06:00:00ZZ",
		"2026-11-22T06:00:00+0800",
		"2026-11-22T06:00:00+08",
		"2026-11-22T06:00:00+24:00",
		"2026-11-22T06:00:00+08:60",
		"2026-11-22T06:00:00 08:00",
		"2026/11/22T06:00:00Z",
		"2026-11-22_06:00:00Z",
		"2026-1a-22T06:00:00Z",
		"+026-11-22T06:00:00Z",
		" 2026-11-22T06:00:00Z",
		"12x",
		".",
		"nan",
		"0x10",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_expect_eq(parsed(texts[i]), ERR_INVALID, "%s", texts[i]);
}

/* Eight characters are looked at together, so each of them is tried with each byte. */
Test(timestamp, no_other_byte_stands_for_a_digit_or_a_mark)
{
	static const char marks[] = "    -  -  T  :  :  Z";
	char text[] = "2011-11-11T11:11:11Z";

	for (size_t at = 0; at < sizeof(text) - 1; at++) {
		char kept = text[at];

		for (int byte = 0; byte < 256; byte++) {
			bool is_digit = byte >= '0' && byte <= '9';
			bool is_mark = byte == marks[at] ||
				       (marks[at] == 'T' && (byte == 't' || byte == ' ')) ||
				       (marks[at] == 'Z' && byte == 'z');
			bool is_allowed = marks[at] == ' ' ? is_digit : is_mark;
			int64_t ms = 0;

			text[at] = (char)byte;
			int code = timestamp_parse((struct slice){text, sizeof(text) - 1}, &ms);
			if (!is_allowed)
				cr_assert_eq(code, ERR_INVALID, "%zu %d", at, byte);
			else if (marks[at] != ' ')
				cr_assert_eq(code, 0, "%zu %d", at, byte);
		}
		text[at] = kept;
	}
}

Test(timestamp, years_outside_1970_to_9999_are_out_of_range)
{
	cr_expect_eq(parsed("1969-12-31T23:59:59Z"), ERR_RANGE);
	cr_expect_eq(parsed("1970-01-01T00:00:00+00:01"), ERR_RANGE);
	cr_expect_eq(parsed("9999-12-31T23:59:59-00:01"), ERR_RANGE);
	cr_expect_eq(parsed("0000-01-01T00:00:00Z"), ERR_RANGE);
}

Test(timestamp, epoch_text_keeps_every_millisecond)
{
	cr_expect_eq(parsed("0"), 0);
	cr_expect_eq(parsed("1732255200"), 1732255200000);
	cr_expect_eq(parsed("1732255200.123"), 1732255200123);
	cr_expect_eq(parsed("1732255200.1239"), 1732255200123);
	cr_expect_eq(parsed("1732255200123"), 1732255200123);
	cr_expect_eq(parsed("1732255200123.9"), 1732255200123);
	cr_expect_eq(parsed("1.7322552e9"), 1732255200000);
	cr_expect_eq(parsed("99999999999"), 99999999999000);
	cr_expect_eq(parsed("100000000000"), 100000000000);
	cr_expect_eq(parsed("253402300799999"), 253402300799999);
	cr_expect_eq(parsed("253402300800000"), ERR_RANGE);
	cr_expect_eq(parsed("99999999999999999999999"), ERR_RANGE);
	cr_expect_eq(parsed("-1"), ERR_RANGE);
}

Test(timestamp, epoch_numbers_lose_no_millisecond_to_binary)
{
	int64_t ms = 0;

	for (int64_t i = 0; i < 1000; i++) {
		double epoch = strtod("1732255200", NULL) + (double)i / 1000;
		cr_assert_eq(timestamp_from_number(epoch, &ms), 0);
		cr_assert_eq(ms, 1732255200000 + i);
	}
	cr_expect_eq(timestamp_from_number(NAN, &ms), ERR_INVALID);
	cr_expect_eq(timestamp_from_number(INFINITY, &ms), ERR_RANGE);
	cr_expect_eq(timestamp_from_number(-0.5, &ms), ERR_RANGE);
	cr_expect_eq(timestamp_from_number(253402300800000.0, &ms), ERR_RANGE);
}

Test(timestamp, values_of_each_type)
{
	struct value text = {
		.type = VALUE_STRING, .length = 20, .as.text = "1970-01-01T00:00:01Zxx"};
	struct value integer = {.type = VALUE_INT, .as.integer = 1732255200};
	struct value number = {.type = VALUE_FLOAT, .as.number = 1.5};
	struct value nil = {.type = VALUE_NIL};
	struct value boolean = {.type = VALUE_BOOL, .as.boolean = true};
	int64_t ms = 0;

	cr_expect_eq(timestamp_from_value(&text, &ms), 0);
	cr_expect_eq(ms, 1000);
	cr_expect_eq(timestamp_from_value(&integer, &ms), 0);
	cr_expect_eq(ms, 1732255200000);
	cr_expect_eq(timestamp_from_value(&number, &ms), 0);
	cr_expect_eq(ms, 1500);
	cr_expect_eq(timestamp_from_value(&nil, &ms), ERR_INVALID);
	cr_expect_eq(timestamp_from_value(&boolean, &ms), ERR_INVALID);
}

Test(timestamp, agrees_with_the_c_library_for_every_day)
{
	char expected[TIMESTAMP_TEXT_BYTES_MAX], text[TIMESTAMP_TEXT_BYTES_MAX];

	for (int64_t day = 0; day < 2932897; day += day < 60000 ? 1 : 37) {
		time_t seconds = (time_t)(day * 86400 + day * 7919 % 86400);
		struct tm utc;
		int64_t ms = 0;

		gmtime_r(&seconds, &utc);
		strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%SZ", &utc);
		int length = timestamp_format(seconds * 1000, text);
		cr_assert_str_eq(text, expected);
		cr_assert_eq(timestamp_parse((struct slice){text, (size_t)length}, &ms), 0);
		cr_assert_eq(ms, seconds * 1000);
	}
}

Test(timestamp, milliseconds_are_shown_only_when_there_are_some)
{
	char text[TIMESTAMP_TEXT_BYTES_MAX];

	cr_expect_eq(timestamp_format(1795327200007, text), 24);
	cr_expect_str_eq(text, "2026-11-22T06:00:00.007Z");
	timestamp_format(1795327200000, text);
	cr_expect_str_eq(text, "2026-11-22T06:00:00Z");
	timestamp_format(-1, text);
	cr_expect_str_eq(text, "1969-12-31T23:59:59.999Z");
}
