#include "core/base/utf8.h"

#include <criterion/criterion.h>

/* What the code point itself, written by the rules of RFC 3629, should measure. */
static size_t write_code_point(unsigned point, char *out)
{
	if (point < 0x80) {
		out[0] = (char)point;
		return 1;
	}
	if (point < 0x800) {
		out[0] = (char)(0xC0 | point >> 6);
		out[1] = (char)(0x80 | (point & 0x3F));
		return 2;
	}
	if (point < 0x10000) {
		out[0] = (char)(0xE0 | point >> 12);
		out[1] = (char)(0x80 | (point >> 6 & 0x3F));
		out[2] = (char)(0x80 | (point & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | point >> 18);
	out[1] = (char)(0x80 | (point >> 12 & 0x3F));
	out[2] = (char)(0x80 | (point >> 6 & 0x3F));
	out[3] = (char)(0x80 | (point & 0x3F));
	return 4;
}

Test(utf8, each_code_point_has_its_length_and_a_cut_one_has_none)
{
	for (unsigned point = 0; point < 0x120000; point++) {
		char text[4];
		size_t length = write_code_point(point, text);
		bool is_good = point < 0xD800 || (point > 0xDFFF && point <= 0x10FFFF);

		if (utf8_length(text, length) != (is_good ? length : 0))
			cr_assert_fail("U+%04X", point);
		if (length > 1 && utf8_length(text, length - 1) != 0)
			cr_assert_fail("cut U+%04X", point);
	}
}

Test(utf8, overlong_forms_and_stray_bytes_are_none)
{
	static const char *const bad[] = {"\x80",
					  "\xBF",
					  "\xC0\xAF",
					  "\xC1\xBF",
					  "\xE0\x9F\xBF",
					  "\xF0\x8F\xBF\xBF",
					  "\xF5\x80\x80\x80",
					  "\xFF",
					  "\xC2\x41",
					  "\xE1\x80\x41",
					  "\xF1\x80\x80\x41"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(utf8_length(bad[i], strlen(bad[i])), 0, "row %zu", i);
}

static void expect_json(struct slice text, const char *wanted)
{
	struct bytes out = BYTES_EMPTY;

	utf8_append_json(&out, text);
	cr_expect_str_eq(out.data, wanted);
	bytes_deinit(&out);
}

Test(utf8, json_escapes_what_would_end_or_break_a_string)
{
	expect_json(SLICE_LITERAL(""), "\"\"");
	expect_json(SLICE_LITERAL("a\"b\\c/"), "\"a\\\"b\\\\c/\"");
	expect_json(SLICE_LITERAL("\n\r\t\b\0\x1f\x7f~"),
		    "\"\\n\\r\\t\\u0008\\u0000\\u001f\\u007f~\"");
	expect_json(SLICE_LITERAL("名称 \xf0\x9f\x98\x80"), "\"名称 \xf0\x9f\x98\x80\"");
}

Test(utf8, json_replaces_each_byte_that_is_not_utf_8)
{
	/* Overlong slash, lone surrogate, above U+10FFFF, cut sequence; then a good one. */
	expect_json(SLICE_LITERAL("\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82|"
				  "\xf0\x9f\x98\x80"),
		    "\"\xEF\xBF\xBD\xEF\xBF\xBD|\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD|"
		    "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD|"
		    "\xEF\xBF\xBD\xEF\xBF\xBD|\xf0\x9f\x98\x80\"");
}
