#include "core/ingest/shape_internal.h"

#include <criterion/criterion.h>
#include <string.h>

#include "shape_ways.h"

static const char KNOWN[] = "{\"time\":1,\"v\":1,\"w\":\"x\",\"unwanted\":2}\n";

/** The value in a wanted and in an unwanted place; -1: the two differ. */
static int is_by_shape(struct decode_fixture *f, struct slice value)
{
	struct bytes text = BYTES_EMPTY;
	bytes_append_text(&text, "{\"time\":1,\"v\":");
	bytes_append_slice(&text, value);
	bytes_append_text(&text, ",\"w\":\"x\",\"unwanted\":2}\n");
	unsigned wanted = rows_by_shape(f, KNOWN, bytes_slice(&text));
	bytes_clear(&text);
	bytes_append_text(&text, "{\"time\":1,\"v\":1,\"w\":\"x\",\"unwanted\":");
	bytes_append_slice(&text, value);
	bytes_append_text(&text, "}\n");
	unsigned unwanted = rows_by_shape(f, KNOWN, bytes_slice(&text));
	bytes_deinit(&text);
	return wanted == unwanted ? (int)wanted : -1;
}

static const char *const plain_values[] = {
	"0",
	"7",
	"-7",
	"10",
	"-0",
	"0.5",
	"-0.5",
	"-0.0",
	"106.59",
	"0.00",
	"100.25",
	"123456789012345",
	"1234567890123456",
	"123456789012345678",
	"-123456789012345678",
	"12345678.9012345",
	"0.000000000000001",
	"1e5",
	"1E5",
	"1e+5",
	"1e-5",
	"2.5e3",
	"900719925474099.2",
	"-2.5E-3",

	"9007199254740992e22",
	"1e22",
	"1e-22",
	"true",
	"false",
	"null",
	"\"\"",
	"\"a\"",
	"\"a b c\"",
	"\"\\n\"",
	"\"\\\"\"",
	"\"\\\\\"",
	"\"\\/\\b\\f\\r\\t\"",
	"\"\\u0041\"",
	"\"\\u0000\"",
	"\"\\u00e9\\u4e0a\"",
	"\"\\ud83d\\ude00\"",
	"\"\\uFFFF\\uABCD\\uabcd\"",
	"\"\u4e0a\U0001f600\"",
	"\"\u5546\\u6237\u6237\"",
	"\"}\"",
	"\",\\\"v\\\":1\"",
	"\"\x7f\"",
};

Test(shape, plain_values_need_no_parser)
{
	WITH_FIELDS(f, "v", "w");
	for (size_t i = 0; i < sizeof(plain_values) / sizeof(plain_values[0]); i++)
		cr_expect_eq(is_by_shape(&f, slice_of(plain_values[i])), 1, "%s", plain_values[i]);
	decode_fixture_deinit(&f);
}

static const char *const other_values[] = {
	"01",
	"-01",
	"00",
	"-",
	"+1",
	"1.",
	".5",
	"-.5",
	"1.e5",
	"1e",
	"1e+",
	"1.5e-",
	"1-2",
	"1.2.3",
	"0x1",
	"1_0",
	"1 2",
	"--1",
	"1e400",
	"1E+400",
	"-1e400",
	"1e-400",
	"1e23",
	"1e-23",
	"1e99999999999",
	"9007199254740993.0",
	"1234567890123456789",
	"9223372036854775807",
	"-9223372036854775808",
	"9223372036854775808",
	"18446744073709551616",
	"0.1234567890123456789",
	"100000000000000000000000000000",
	"True",
	"tru",
	"truee",
	"nul",
	"nulll",
	"falsy",
	"fals",
	"NaN",
	"Infinity",
	"x",
	"'a'",
	"",
	"[]",
	"{}",
	"[1]",
	"{\"time\":1}",
	" 1",
	"1 ",
	"\"",
	"\"a",
	"a\"",
	"\"a\"\"b\"",
	"\"\\x\"",
	"\"\\u12\"",
	"\"\\u12g4\"",
	"\"\\ud800\"",
	"\"\\udc00\"",
	"\"\\ud800\\ud800\"",
	"\"\\ud800\\n\"",
	"\"\\ud83d\\u0041\"",
	"\"\t\"",
	"\"\x01\"",
	"\"\x1f\"",
	"\"\r\"",
	"\"\xff\"",
	"\"\xc0\x80\"",
	"\"\xe4\xb8\"",
	"\"\xed\xa0\x80\"",
	"\"\xf5\x80\x80\x80\"",
	"\"\x80\"",
	"\"\\u4e0a\xff\"",
	"\xe4\xb8\x8a",
};

Test(shape, everything_else_is_left_to_the_parser)
{
	WITH_FIELDS(f, "v", "w");
	for (size_t i = 0; i < sizeof(other_values) / sizeof(other_values[0]); i++)
		cr_expect_eq(is_by_shape(&f, slice_of(other_values[i])), 0, "%s", other_values[i]);
	cr_expect_eq(is_by_shape(&f, SLICE_LITERAL("8\0")), 0);
	cr_expect_eq(is_by_shape(&f, SLICE_LITERAL("\"\0\"")), 0);
	decode_fixture_deinit(&f);
}

/* Each length around those that are looked at at once, with a surprise at each place. */
Test(shape, strings_of_every_length)
{
	WITH_FIELDS(f, "v", "w");
	const char *const surprises[] = {"a",  "\\n", "\\u00e9", "\u4e0a", "\"",
					 "\\", "\n",  "\xe4",    "\x1f"};
	for (size_t length = 0; length <= 70; length += length < 28 ? 7 : length > 34 ? 9 : 1) {
		for (size_t i = 0; i < sizeof(surprises) / sizeof(surprises[0]); i++) {
			for (size_t at = 0; at <= length; at += at < 24 ? 5 : 1) {
				struct bytes value = BYTES_EMPTY;
				bytes_append_text(&value, "\"");
				for (size_t j = 0; j < length; j++)
					bytes_append_text(&value, j == at ? surprises[i] : "b");
				bytes_append_text(&value, "\"");
				cr_expect_neq(is_by_shape(&f, bytes_slice(&value)), -1);
				bytes_deinit(&value);
			}
		}
	}
	decode_fixture_deinit(&f);
}

/** The line cut at each byte, and with other, fewer and more bytes. */
static void alter_line(struct decode_fixture *f, const char *known, const char *line)
{
	const char alterations[] = "\"\\,:{}[]019.-+eE tn\n\r\x80\x01";
	size_t length = strlen(line);
	char text[512];
	for (size_t at = 0; at + 1 < length; at++) {
		memcpy(text, line, at);
		text[at] = '\n';
		rows_by_shape(f, known, (struct slice){text, at + 1});
		memcpy(text, line, length);
		for (size_t i = 0; i < sizeof(alterations) - 1; i++) {
			text[at] = alterations[i];
			rows_by_shape(f, known, (struct slice){text, length});
		}
		memcpy(text + at, line + at + 1, length - at - 1);
		rows_by_shape(f, known, (struct slice){text, length - 1});
		memcpy(text + at, line + at, 1);
		memcpy(text + at + 1, line + at, length - at);
		rows_by_shape(f, known, (struct slice){text, length + 1});
	}
}

Test(shape, lines_altered_at_every_byte)
{
	WITH_FIELDS(f, "v", "w");
	const char known[] = "{\"time\":\"2026-11-22T06:00:00.250Z\",\"v\":12.5,\"w\":\"abc\","
			     "\"in\":{\"b\":true,\"list\":[1,null]}}\n";
	alter_line(&f, known, known);
	decode_fixture_deinit(&f);
}

/* Strings of steady length are compared in another way. */
Test(shape, lines_of_steady_lengths_altered_at_every_byte)
{
	WITH_FIELDS(f, "v", "w");
	const char line[] = "{\"time\":\"2026-11-22T06:00:00.250Z\",\"id\":\"p0000000001\","
			    "\"w\":\"m0001\",\"v\":12.5,\"in\":[\"\"],\"x\":\"yz\"}\n";
	struct bytes known = BYTES_EMPTY;
	for (int i = 0; i < SHAPE_STUDY_AFTER + SHAPE_STUDY_LINES; i += 2)
		bytes_append_text(&known, line);
	alter_line(&f, known.data, line);
	bytes_deinit(&known);
	decode_fixture_deinit(&f);
}

Test(shape, lengths_may_change_for_good)
{
	WITH_FIELDS(f, "v", "w");
	struct bytes text = BYTES_EMPTY;
	unsigned count = 0;
	for (unsigned length = 1; length < 200; length += length < 70 ? 3 : 30) {
		for (unsigned i = 0; i < 300; i++, count++)
			bytes_append_format(
				&text,
				"{\"time\":\"2026-11-22T06:%02u:00.000Z\",\"v\":\"%0*u\","
				"\"x\":\"%u\",\"w\":\"%c\"}\n",
				i / 10, (int)length, i % 10, i % (length + 9), 'a' + (int)(i % 20));
	}
	unsigned by_shape = rows_by_shape(&f, "{\"time\":1,\"v\":\"\",\"x\":\"\",\"w\":\"\"}\n",
					  bytes_slice(&text));
	cr_expect_eq(by_shape, count);
	bytes_deinit(&text);
	decode_fixture_deinit(&f);
}

static const struct {
	const char *time;
	unsigned shape_rows;
} times[] = {
	{"\"2026-11-22T06:00:59.999Z\"", 1},
	{"\"2026-11-22T06:01:00.000Z\"", 1},
	{"\"2026-11-22T06:00:00Z\"", 1},
	{"\"2026-11-22T06:00:00.5Z\"", 1},
	{"\"2026-11-22T06:00:00.123456Z\"", 1},
	{"\"2026-11-22 06:00:00.250Z\"", 1},
	{"\"2026-11-22T06:00:00.250z\"", 1},
	{"\"2026-11-22T06:00:00.250\"", 1},
	{"\"2026-11-22T14:00:00.250+08:00\"", 1},
	{"\"1795327200.5\"", 1},
	{"1795327200", 1},
	{"1795327200.25", 1},
	{"1795327200123", 1},
	{"0", 1},
	{"1.795e9", 1},
	{"\"2026-11-22T06:00:60.000Z\"", 0},
	{"\"2026-11-22T06:00:5:.000Z\"", 0},
	{"\"2026-11-22T06:00:0/.000Z\"", 0},
	{"\"2026-11-22T06:00:00.00:Z\"", 0},
	{"\"2026-11-22T06:00:00,000Z\"", 0},
	{"\"2026-11-22T06:00:00.0000\"", 1},
	{"\"2026-11-22T06:00-00.000Z\"", 0},
	{"\"2026-11-22T06:00:00.00\xb0Z\"", 0},
	{"\"2026-13-22T06:00:00.000Z\"", 0},
	{"\"\"", 0},
	{"\"soon\"", 0},
	{"-1", 0},
	{"1e300", 0},
	{"true", 0},
	{"null", 0},
	{"[1]", 0},
	{"\"2026-11-22T06:00:00.\\u0030\\u0030Z\"", 1},
};

Test(shape, times_of_every_form)
{
	WITH_FIELDS(f, "v", "time");
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		char text[128];
		int length = snprintf(text, sizeof(text), "{\"time\":%s,\"v\":1}\n", times[i].time);
		cr_expect_eq(rows_by_shape(&f, "{\"time\":\"2026-11-22T06:00:00.000Z\",\"v\":1}\n",
					   (struct slice){text, (size_t)length}),
			     times[i].shape_rows, "%s", text);
	}
	decode_fixture_deinit(&f);
}

Test(shape, line_ends_and_blanks)
{
	WITH_FIELDS(f, "v", "w");
	const struct {
		const char *line;
		unsigned shape_rows;
	} cases[] = {
		{"{\"time\":1,\"v\":1,\"w\":\"x\",\"unwanted\":2}\r\n", 1},
		{"{\"time\":1,\"v\":1,\"w\":\"x\",\"unwanted\":2} \n", 0},
		{"{\"time\":1,\"v\":1,\"w\":\"x\",\"unwanted\":2}\r\r\n", 0},
		{"{\"time\":1,\"v\":1,\"w\":\"x\",\"unwanted\":2}\r \n", 0},
		{" {\"time\":1,\"v\":1,\"w\":\"x\",\"unwanted\":2}\n", 0},
		{"{\"time\":1, \"v\":1,\"w\":\"x\",\"unwanted\":2}\n", 0},
		{"{\"time\":1,\"v\": 1,\"w\":\"x\",\"unwanted\":2}\n", 0},
		{"{\"time\":1,\"v\":1 ,\"w\":\"x\",\"unwanted\":2}\n", 0},
		{"{\"time\":1,\"v\":1,\"w\":\"x\",\"unwanted\":2}x\n", 0},
		{"{\"time\":1,\"v\":1,\"w\":\"x\",\"unwanted\":2}}\n", 0},
		{"\xEF\xBB\xBF{\"time\":1,\"v\":1,\"w\":\"x\",\"unwanted\":2}\n", 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(rows_by_shape(&f, KNOWN, slice_of(cases[i].line)), cases[i].shape_rows,
			     "%s", cases[i].line);
	/* blanks are a part of a shape */
	const char blank[] = " { \"time\" :\t1 , \"v\" : [ 1 , { } ] } \t\n";
	cr_expect_eq(rows_by_shape(&f, blank, slice_of(blank)), 1);
	decode_fixture_deinit(&f);
}

Test(shape, lines_of_several_shapes_in_turn)
{
	WITH_FIELDS(f, "v", "w", "in.w", "in");
	const char known[] =
		"{\"time\":1,\"v\":1,\"w\":\"x\"}\n"
		"{\"time\":1,\"v\":1,\"in\":{\"w\":1},\"w\":2}\n"
		"{\"time\":1,\"v\":1,\"in\":{\"w\":1,\"x\":0}}\n"
		"{\"time\":1,\"v\":[1,{\"v\":2}],\"in\":3}\n"
		"{\"time\":1}\n"
		"{\"w\":1,\"v\":2,\"time\":3}\n"
		"{\"w\":1, \"v\":2,\"time\":3} \n"
		"{\"w\":1, \"v\":2,\"time\":3}\n"
		"{\"a name that is longer than 32 bytes and 64 bytes, as some of them are, "
		"in words\":1,\"time\":4}\n"
		"{\"a name that is longer than 32 bytes and 64 bytes, as some of them are, "
		"in werds\":1,\"time\":4}\n";
	cr_expect_eq(rows_by_shape(&f, known, slice_of(known)), 10);
	decode_fixture_deinit(&f);
}

Test(shape, declared_types_are_those_of_the_parser)
{
	WITH_FIELDS(f, "i:int", "d:float", "s:string", "b:bool", "t:time", "in.x:int", "in:string");
	const char known[] =
		"{\"time\":1,\"i\":1,\"d\":1,\"s\":1,\"b\":1,\"t\":1}\n"
		"{\"time\":1,\"i\":{},\"d\":[1],\"s\":[],\"b\":{\"i\":1},\"in\":{\"x\":1}}\n";
	const char *const values[] = {"1",    "1.0",   "1.5",  "\"1\"",
				      "true", "false", "null", "\"1970-01-01T00:00:02Z\""};
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char text[512];
		const char *v = values[i];
		int length = snprintf(text, sizeof(text),
				      "{\"time\":1,\"i\":%s,\"d\":%s,\"s\":%s,\"b\":%s,\"t\":%s}\n"
				      "{\"time\":1,\"i\":{},\"d\":[%s],\"s\":[],\"b\":{\"i\":%s},"
				      "\"in\":{\"x\":%s}}\n",
				      v, v, v, v, v, v, v, v);
		cr_expect_eq(rows_by_shape(&f, known, (struct slice){text, (size_t)length}), 2,
			     "%s", v);
	}
	decode_fixture_deinit(&f);
}
