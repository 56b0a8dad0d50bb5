#include <criterion/criterion.h>

#include "core/ingest/source_lines.h"

#include <string.h>

static void check(const char *data, bool skip, const char *lines, size_t used, bool skip_after)
{
	struct line_cut cut = line_cut(slice_of(data), 8, skip);

	cr_expect_eq(cut.lines.length, strlen(lines), "\"%s\"", data);
	cr_expect_eq(memcmp(cut.lines.data ? cut.lines.data : "", lines, strlen(lines)), 0,
		     "\"%s\"", data);
	cr_expect_eq(cut.used, used, "\"%s\"", data);
	cr_expect_eq(cut.skip, skip_after, "\"%s\"", data);
}

Test(source_lines, gives_out_whole_lines_and_keeps_the_rest)
{
	check("", false, "", 0, false);
	check("abc", false, "", 0, false);
	check("abc\n", false, "abc\n", 4, false);
	check("a\nb\nc", false, "a\nb\n", 4, false);
}

Test(source_lines, an_over_long_line_is_given_out_once)
{
	check("123456789", false, "", 0, false);
	check("1234567890", false, "1234567890", 10, true);
	check("1234567890abc", false, "1234567890", 13, true);
	check("", true, "", 0, true);
	check("more", true, "", 4, true);
	check("more\n", true, "", 5, false);
	check("more\nnext", true, "", 5, false);
	check("more\nnext\nx", true, "next\n", 10, false);
}
