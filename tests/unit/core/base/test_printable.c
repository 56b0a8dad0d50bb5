#include "core/base/printable.h"

#include <criterion/criterion.h>

static void expect(const char *text, bool keeps_lines, const char *wanted)
{
	struct bytes out = BYTES_EMPTY;

	printable_append(&out, text, keeps_lines);
	cr_expect_str_eq(out.data ? out.data : "", wanted);
	bytes_deinit(&out);
}

Test(printable, text_of_any_language_stays)
{
	expect("", false, "");
	expect("a b ~", false, "a b ~");
	expect("名称 é \xf0\x9f\x98\x80 \xe0\xa2\x9b", false,
	       "名称 é \xf0\x9f\x98\x80 \xe0\xa2\x9b");
}

Test(printable, what_a_terminal_obeys_becomes_visible)
{
	expect("\x1b[31mred", false, "\\x1b[31mred");
	expect("a\r\nb\tc\x7f", false, "a\\x0d\\x0ab\\x09c\\x7f");
	expect("\xc2\x9b"
	       "2J \xc2\x80 \xc2\xa0",
	       false, "\\x9b2J \\x80 \xc2\xa0");
	expect("\x9b"
	       "2J",
	       false, "\\x9b2J");
	expect("é\x9b", false, "é\\x9b");
	expect("\xff\xe4\xb8", false, "\\xff\\xe4\\xb8");
}

Test(printable, source_text_keeps_its_lines)
{
	expect("a\n\tb\x1b\r", true, "a\n\tb\\x1b\\x0d");
}
