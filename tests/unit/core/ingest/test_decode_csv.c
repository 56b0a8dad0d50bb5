#include "decode_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *const columns[] = {"time", "a", "b", "unwanted", NULL};

#define WITH_FIELDS(fixture, ...)                                                                  \
	struct decode_fixture fixture;                                                             \
	decode_fixture_init(&(fixture), (const char *const[]){__VA_ARGS__, NULL}, columns)

Test(decode_csv, reads_columns_and_recognises_types)
{
	WITH_FIELDS(f, "a", "b");
	const struct {
		const char *text;
		double number;
	} numbers[] = {{"1.5", 1.5},
		       {"-0.25", -0.25},
		       {"1e3", 1000},
		       {"0.1", 0.1},
		       {"123456789012.345", 123456789012.345},
		       {"9223372036854775808", 0x1p63},
		       {"0.000000000000000001", 1e-18}};
	char line[128];
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		snprintf(line, sizeof(line), "1,%s,true,x", numbers[i].text);
		cr_assert_eq(decode_fixture_line(&f, line), 0, "%s", f.why.text);
		expect_float(&f, "a", numbers[i].number);
		expect_bool(&f, "b", true);
	}
	cr_assert_eq(decode_fixture_line(&f, "2026-11-22T06:00:00Z,-12,m1,"), 0);
	cr_expect_eq(f.batch.time_ms[0], 1795327200000);
	expect_int(&f, "a", -12);
	expect_string(&f, "b", "m1");
	decode_fixture_deinit(&f);
}

Test(decode_csv, what_json_would_not_call_a_number_is_a_string)
{
	WITH_FIELDS(f, "a", "b");
	const char *const texts[] = {"007", "+1",   "1.", ".5",  "1e",
				     "-",   "0x10", "1 ", "nan", "True"};
	char line[128];
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		snprintf(line, sizeof(line), "1,%s,,x", texts[i]);
		cr_assert_eq(decode_fixture_line(&f, line), 0, "%s", f.why.text);
		expect_string(&f, "a", texts[i]);
		expect_nil(&f, "b");
	}
	decode_fixture_deinit(&f);
}

Test(decode_csv, quoted_fields_may_hold_delimiters_and_quotes)
{
	WITH_FIELDS(f, "a", "b");
	cr_assert_eq(decode_fixture_line(&f, "\"1\",\"x, \"\"y\"\"\",\"\",5\" pipe"), 0, "%s",
		     f.why.text);
	expect_string(&f, "a", "x, \"y\"");
	expect_nil(&f, "b");
	cr_assert_eq(decode_fixture_line(&f, "1,\"\"\"\",a\"b,"), 0, "%s", f.why.text);
	expect_string(&f, "a", "\"");
	expect_string(&f, "b", "a\"b");
	decode_fixture_deinit(&f);
}

Test(decode_csv, declared_types_hold)
{
	WITH_FIELDS(f, "a:int", "b:string");
	cr_assert_eq(decode_fixture_line(&f, "1,007,12,"), 0);
	expect_int(&f, "a", 7);
	expect_string(&f, "b", "12");
	cr_expect_eq(f.mistyped, 0);
	cr_assert_eq(decode_fixture_line(&f, "1,x,true,"), 0);
	expect_nil(&f, "a");
	cr_expect_eq(f.mistyped, 1);
	decode_fixture_deinit(&f);
}

Test(decode_csv, malformed_lines_say_why)
{
	WITH_FIELDS(f, "a", "b");
	const struct {
		const char *line;
		const char *text;
	} cases[] = {
		{"1,2,3", "3 columns; 4 are declared"},
		{"1,2,3,4,5", "5 columns; 4 are declared"},
		{"1,\"2,3,4", "column 3: a quote that is not closed"},
		{"1,\"2\"x,3,4", "column 6: text after a closing quote"},
		{",2,3,4", "the time field \"time\" is missing"},
		{"x,2,3,4", "the time field \"time\" is \"x\""},
		{"1,\xc3(,3,4", "column 3: bytes that are not UTF-8"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_expect_eq(decode_fixture_line(&f, cases[i].line), ERR_INVALID, "%s",
			     cases[i].line);
		cr_expect(strstr(f.why.text, cases[i].text), "%s gives %s", cases[i].line,
			  f.why.text);
	}
	decode_fixture_deinit(&f);
}

Test(decode_csv, a_wanted_time_is_both_time_and_column)
{
	WITH_FIELDS(f, "time", "a");
	cr_assert_eq(decode_fixture_line(&f, "5,1,2,3"), 0);
	cr_expect_eq(f.batch.time_ms[0], 5000);
	expect_int(&f, "time", 5);
	decode_fixture_deinit(&f);
}
