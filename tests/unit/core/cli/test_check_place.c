#include "core/cli/check_place.h"

#include <criterion/criterion.h>

#include <string.h>

/** The marked part of the only line. */
static void expect(const char *line, const char *text, const char *part)
{
	struct check_place place = check_place_find(line, 1, text);

	cr_assert_not_null(place.line);
	cr_expect(place.length == strlen(part) &&
			  memcmp(place.line + place.start, part, place.length) == 0,
		  "%s: marked \"%.*s\", not \"%s\"", text, (int)place.length,
		  place.line + place.start, part);
}

Test(check_place, what_is_found_there_is_marked)
{
	expect("  window = \"7s\",",
	       "\"window\" of rule.count must be a window (5s to 60s), found the string \"7s\": "
	       "\"7s\" is not a window; example: window = \"1m\"",
	       "7s");
	expect("  window = 60,", "\"window\" must be a window, found the number 60; example: x",
	       "60");
	expect("  labels = \"team\",", "\"labels\" must be a table, found the string \"team\"",
	       "team");
	expect("  treshold = \"> 1\",",
	       "unknown key \"treshold\" in rule.count; did you mean \"threshold\"?", "treshold");
}

Test(check_place, a_word_stands_alone)
{
	expect("  keys = { k = 1 },", "unknown key \"k\" in keys", "k");
	struct check_place place = check_place_find("  keys = { k = 1 },", 1, "unknown key \"k\"");
	cr_expect_eq(place.start, 11);
}

Test(check_place, what_is_only_advice_is_not_looked_for)
{
	expect("  by = { \"amount\" }, fild = \"amuont\",",
	       "unknown field \"amuont\" in \"fild\"; did you mean \"amount\"?", "amuont");
	expect("return rule.count {",
	       "rule.count needs \"output\" (output that gets the alerts); example: output = "
	       "\"alerts\"",
	       "rule.count");
}

Test(check_place, a_filter_counts_its_columns_inside_of_the_quotes)
{
	expect("  filter = 'amount = 7',", "filter: column 8: found `=`: equal is written `==`",
	       "=");
	expect("  filter = \"sucess == false\",",
	       "filter: column 1: the source has no field \"sucess\"; did you mean \"success\"?",
	       "sucess");
	expect("  filter = 'amount ==',",
	       "filter: column 10: found the end of the expression; allowed here: a field", "'");
}

Test(check_place, lua_itself_quotes_too)
{
	expect("os.exit(1)", "attempt to index global 'os' (a nil value)", "os");
	expect("  window = = '5s'", "unexpected symbol near '='", "=");
}

Test(check_place, otherwise_the_first_word_of_the_line)
{
	expect("  while true do n = n + 1 end",
	       "loading the file: used up its budget of 1000000 instructions", "while");
	expect("  }", "it is all wrong", "}");
	struct check_place place = check_place_find("\nx\n", 1, "it is all wrong");
	cr_expect_eq(place.length, 0);
	cr_expect_eq(place.column, 1);
}

Test(check_place, columns_are_code_points_and_lines_end_anyhow)
{
	struct check_place place =
		check_place_find("a\r\n  \"\u963f\u963f\" nope\r\nc", 2, "\"nope\" is not");

	cr_expect_eq(place.column, 8);
	cr_expect_eq(place.end_column, 12);
	cr_expect_eq(place.line_bytes, 15);
}

Test(check_place, without_a_line_there_is_no_place)
{
	cr_expect_null(check_place_find("a\n", 0, "x").line);
	cr_expect_null(check_place_find("a\n", 3, "x").line);
	cr_expect_null(check_place_find(NULL, 1, "x").line);
	cr_expect_eq(check_place_find(NULL, 1, "x").column, 0);
}
