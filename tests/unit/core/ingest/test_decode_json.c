#include "decode_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

#define WITH_FIELDS(fixture, ...)                                                                  \
	struct decode_fixture fixture;                                                             \
	decode_fixture_init(&(fixture), (const char *const[]){__VA_ARGS__, NULL}, NULL)

Test(decode_json, reads_every_type)
{
	WITH_FIELDS(f, "s", "i", "d", "t", "n", "absent");
	cr_assert_eq(decode_fixture_line(&f, "{\"time\":\"2026-11-22T06:00:00.250Z\",\"s\":\"x\","
					     "\"i\":-7,\"d\":2.5,\"t\":true,\"n\":null}"),
		     0);
	cr_expect_eq(f.batch.row_count, 1);
	cr_expect_eq(f.batch.time_ms[0], 1795327200250);
	expect_string(&f, "s", "x");
	expect_int(&f, "i", -7);
	expect_float(&f, "d", 2.5);
	expect_bool(&f, "t", true);
	expect_nil(&f, "n");
	expect_nil(&f, "absent");
	cr_expect_eq(f.mistyped, 0);
	decode_fixture_deinit(&f);
}

Test(decode_json, time_may_be_seconds_milliseconds_or_text)
{
	WITH_FIELDS(f, "a");
	const struct {
		const char *line;
		int64_t ms;
	} cases[] = {
		{"{\"time\":1795327200}", 1795327200000},
		{"{\"time\":1795327200.5}", 1795327200500},
		{"{\"time\":1795327200123}", 1795327200123},
		{"{\"time\":\"2026-11-22T14:00:00+08:00\"}", 1795327200000},
		{"{\"time\":\"2026-11-22 06:00:01Z\"}", 1795327201000},
		{"{\"time\":0}", 0},
		{"{\"time\":\"x\",\"time\":5}", 5000},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_expect_eq(decode_fixture_line(&f, cases[i].line), 0, "%s: %s", cases[i].line,
			     f.why.text);
		cr_expect_eq(f.batch.time_ms[0], cases[i].ms, "%s", cases[i].line);
	}
	decode_fixture_deinit(&f);
}

Test(decode_json, line_without_a_valid_time_is_malformed)
{
	WITH_FIELDS(f, "a");
	const char *const lines[] = {
		"{}",
		"{\"time\":null}",
		"{\"time\":true}",
		"{\"time\":[1]}",
		"{\"time\":\"\"}",
		"{\"time\":\"2026-13-01T00:00:00Z\"}",
		"{\"time\":-1}",
		"{\"time\":1e300}",
		"{\"a\":{\"time\":1}}",
		"{\"time\":1,\"time\":null}",
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		cr_expect_eq(decode_fixture_line(&f, lines[i]), ERR_INVALID, "%s", lines[i]);
		cr_expect(strstr(f.why.text, "\"time\""), "%s: %s", lines[i], f.why.text);
		cr_expect_eq(f.batch.row_count, 0);
	}
	decode_fixture_deinit(&f);
}

Test(decode_json, nested_names_are_dotted_and_the_last_duplicate_wins)
{
	WITH_FIELDS(f, "a.b", "a.c.d", "a", "k");
	cr_assert_eq(decode_fixture_line(&f, "{\"time\":1,\"a\":{\"b\":1,\"c\":{\"d\":2},\"b\":3},"
					     "\"k\":1,\"k\":\"two\"}"),
		     0);
	expect_int(&f, "a.b", 3);
	expect_int(&f, "a.c.d", 2);
	expect_nil(&f, "a");
	expect_string(&f, "k", "two");
	cr_assert_eq(decode_fixture_line(&f, "{\"time\":1,\"a\":{\"b\":1,\"c\":{\"d\":2}},"
					     "\"a\":{\"b\":9}}"),
		     0);
	expect_int(&f, "a.b", 9);
	expect_nil(&f, "a.c.d");
	cr_assert_eq(decode_fixture_line(&f, "{\"a\":{\"b\":1},\"a\":5,\"time\":1,\"a.b\":4}"), 0);
	expect_nil(&f, "a.b");
	expect_int(&f, "a", 5);
	decode_fixture_deinit(&f);
}

Test(decode_json, escaped_text_and_escaped_names_are_read)
{
	WITH_FIELDS(f, "name");
	cr_assert_eq(decode_fixture_line(&f, "{\"n\\u0061me\":\"\\\"\\u4e0a\\ud83d\\ude00\\n\","
					     "\"time\":1}"),
		     0);
	expect_string(&f, "name", "\"\u4e0a\U0001f600\n");
	decode_fixture_deinit(&f);
}

Test(decode_json, declared_types_coerce_or_count)
{
	WITH_FIELDS(f, "i:int", "d:float", "s:string", "b:bool", "t:time");
	cr_assert_eq(decode_fixture_line(&f, "{\"time\":1,\"i\":3.0,\"d\":3,\"s\":\"1\",\"b\":"
					     "false,\"t\":\"1970-01-01T00:00:02Z\"}"),
		     0);
	cr_expect_eq(f.mistyped, 0);
	expect_int(&f, "i", 3);
	expect_float(&f, "d", 3.0);
	expect_string(&f, "s", "1");
	expect_bool(&f, "b", false);
	expect_int(&f, "t", 2000);
	cr_assert_eq(decode_fixture_line(&f, "{\"time\":1,\"i\":3.5,\"d\":\"3\",\"s\":1,\"b\":0,"
					     "\"t\":\"soon\"}"),
		     0);
	cr_expect_eq(f.mistyped, 5);
	expect_nil(&f, "i");
	expect_nil(&f, "d");
	expect_nil(&f, "s");
	expect_nil(&f, "b");
	expect_nil(&f, "t");
	cr_assert_eq(decode_fixture_line(&f, "{\"time\":1,\"i\":null,\"d\":[],\"s\":{}}"), 0);
	cr_expect_eq(f.mistyped, 2);
	decode_fixture_deinit(&f);
}

Test(decode_json, integers_beyond_64_bits_are_floats)
{
	WITH_FIELDS(f, "v");
	const struct {
		const char *number;
		double value;
	} cases[] = {
		{"9223372036854775808", 9223372036854775808.0},
		{"-9223372036854775809", -9223372036854775809.0},
		{"18446744073709551615", 18446744073709551615.0},
		{"18446744073709551616", 18446744073709551616.0},
		{"100000000000000000000000000000", 1e29},
	};
	char line[128];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(line, sizeof(line), "{\"s\":\"\\\"%s\",\"time\":1,\"v\":%s}",
			 cases[i].number, cases[i].number);
		cr_assert_eq(decode_fixture_line(&f, line), 0, "%s: %s", line, f.why.text);
		expect_float(&f, "v", cases[i].value);
	}
	cr_assert_eq(decode_fixture_line(&f, "{\"time\":1,\"v\":9223372036854775807}"), 0);
	expect_int(&f, "v", INT64_MAX);
	/* A number beyond does not make floats of those that fit. */
	cr_assert_eq(decode_fixture_line(&f, "{\"time\":1,\"v\":1234567890123456789,"
					     "\"w\":99999999999999999999}"),
		     0);
	expect_int(&f, "v", 1234567890123456789);
	cr_assert_eq(decode_fixture_line(&f, "{\"time\":1,\"v\":-9223372036854775808}"), 0);
	expect_int(&f, "v", INT64_MIN);
	decode_fixture_deinit(&f);
}

Test(decode_json, malformed_lines_are_refused_with_their_column)
{
	WITH_FIELDS(f, "v");
	const struct {
		const char *line;
		const char *start;
	} cases[] = {
		{"{\"time\":1,}", "column 11: a name"},
		{"{\"time\":1", "column 10: the line ends"},
		{"{\"time\":1} x", "column 12: text after"},
		{"{\"time\":01}", "column 9: a number"},
		{"{\"time\":1,\"v\":1e999}", "column 15: a number"},
		{"{\"time\":1,\"v\":+1}", "column 15: a value"},
		{"{\"time\":1,\"v\":.5}", "column 15: a value"},
		{"{\"time\":1,\"v\":5.}", "column 15: a number"},
		{"{\"time\":1,\"v\":nul}", "column 15: an unknown word"},
		{"{\"time\":1,\"v\":NaN}", "column 15: a value"},
		{"{\"time\":1 \"v\":1}", "column 11: ',' or '}'"},
		{"{\"time\":1,\"v\":[1}", "column 17: ',' or ']'"},
		{"{\"time\":1,\"v\":\"a\tb\"}", "column 17: a control character"},
		{"{\"time\":1,\"v\":\"\\x\"}", "column 17: an unknown escape"},
		{"{\"time\":1,\"v\":\"\\u12\"}", "column 17: \\u needs"},
		{"{\"time\":1,\"v\":\"\\ud800\"}", "column 22: \\u escape"},
		{"{\"time\":1,\"v\":\"\\udc00\"}", "column 17: \\u escape"},
		{"{\"time\":1,\"v\":\"abc}", "column 15: a string that does not end"},
		{"{\"time\":1,\"v\":\"\xff\"}", "column 16: bytes that are not UTF-8"},
		{"{\"time\" 1}", "column 9: ':' is expected"},
		{"{'time':1}", "column 2: a name"},
		{"[1]", "column 1: a line must be one JSON object"},
		{"5", "column 1: a line must be one JSON object"},
		{"hello", "column 1: a value is expected"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_expect_eq(decode_fixture_line(&f, cases[i].line), ERR_INVALID, "%s",
			     cases[i].line);
		cr_expect(strncmp(f.why.text, cases[i].start, strlen(cases[i].start)) == 0,
			  "%s gives %s", cases[i].line, f.why.text);
	}
	cr_expect_eq(f.batch.row_count, 0);
	decode_fixture_deinit(&f);
}

Test(decode_json, bare_zero_byte_is_malformed)
{
	WITH_FIELDS(f, "v");
	const char line[] = "{\"time\":1,\"v\":8\0}";
	cr_expect_eq(decode_fixture_bytes(&f, (struct slice){line, sizeof(line) - 1}), ERR_INVALID);
	cr_expect(strstr(f.why.text, "column 16: ',' or '}'"), "%s", f.why.text);
	decode_fixture_deinit(&f);
}

Test(decode_json, too_small_numbers_are_zero)
{
	WITH_FIELDS(f, "v");
	cr_assert_eq(decode_fixture_line(&f, "{\"time\":1,\"v\":1e-999}"), 0, "%s", f.why.text);
	expect_float(&f, "v", 0.0);
	decode_fixture_deinit(&f);
}

static char *nested(int depth)
{
	struct bytes text = BYTES_EMPTY;
	bytes_append_text(&text, "{\"time\":1,\"v\":");
	for (int i = 1; i < depth; i++)
		bytes_append_text(&text, "[");
	bytes_append_text(&text, "1");
	for (int i = 1; i < depth; i++)
		bytes_append_text(&text, "]");
	bytes_append_text(&text, "}");
	return bytes_take_text(&text);
}

Test(decode_json, depth_is_limited)
{
	WITH_FIELDS(f, "v");
	for (int depth = DECODE_DEPTH_MAX - 1; depth <= DECODE_DEPTH_MAX + 1; depth++) {
		char *line = nested(depth);
		int expected = depth > DECODE_DEPTH_MAX ? ERR_INVALID : 0;
		cr_expect_eq(decode_fixture_line(&f, line), expected, "depth %d: %s", depth,
			     f.why.text);
		mem_free(line);
	}
	cr_expect(strstr(f.why.text, "nested too deeply"), "%s", f.why.text);
	decode_fixture_deinit(&f);
}

Test(decode_json, result_does_not_depend_on_room_behind_the_line)
{
	WITH_FIELDS(f, "v");
	char block[256];
	const char *line = "{\"time\":1,\"v\":12}";
	/* Bytes behind the line that would change it, if they were looked at. */
	memset(block, '9', sizeof(block));
	memcpy(block, line, strlen(line));
	for (size_t readable = 0; readable < 200; readable++) {
		batch_clear(&f.batch);
		cr_expect_eq(decoder_decode(f.decoder, f.intake,
					    (struct slice){block, strlen(line)}, readable, &f.batch,
					    &f.mistyped, NULL),
			     0);
		expect_int(&f, "v", 12);
	}
	decode_fixture_deinit(&f);
}
