#include "lua/host/key_lines.h"

#include <criterion/criterion.h>

#include <string.h>

/* Paths are written with '/' here. */
static int line_of(const char *text, const char *path)
{
	struct key_lines lines;
	char key[200];
	int line;

	snprintf(key, sizeof(key), "%s", path);
	for (char *at = key; *at; at++)
		if (*at == '/')
			*at = '\x1f';
	key_lines_read(&lines, text, strlen(text));
	line = path[0] ? key_lines_find(&lines, key) : lines.root_line;
	key_lines_deinit(&lines);
	return line;
}

static const struct {
	const char *text, *path;
	int line;
} cases[] = {
	{"return {\n a = 1,\n b = 2 }", "a", 2},
	{"return {\n a = 1,\n b = 2 }", "b", 3},
	{"return {\n a = 1,\n b = 2 }", "", 1},
	{"return {\n a = 1,\n b = 2 }", "c", 0},
	{"return { a = {\n b = {\n c = 1 } } }", "a/b/c", 3},
	{"return {\n ['x y'] = 1,\n [\"z\"] = 2,\n [3] = 1 }", "x y", 2},
	{"return {\n ['x y'] = 1,\n [\"z\"] = 2,\n [3] = 1 }", "z", 3},
	{"return {\n ['x y'] = 1,\n [\"z\"] = 2,\n [3] = 1 }", "3", 4},
	{"return {\n 'a',\n 'b' }", "2", 3},
	{"return { from = {\n { file = 'x' },\n { tcp = 'y' } } }", "from/2/tcp", 3},
	{"-- return { a = 1 }\nreturn {\n a = 1 }", "a", 3},
	{"--[[ return {\n a = 1 } ]]\nreturn {\n a = 1 }", "a", 4},
	{"--[==[ ]] \n ]==] return {\n a = 1 }", "a", 3},
	{"local s = 'return { a = 1 }'\nreturn {\n a = 1 }", "a", 3},
	{"local s = [[\nreturn {\n]]\nreturn {\n a = 1 }", "a", 5},
	{"local function f()\n return { a = 1 }\nend\nreturn {\n a = 1 }", "a", 5},
	{"local f = function(x) if x then return { a = 1 } end end\nreturn {\n a = 1 }", "a", 3},
	{"for i = 1, 2 do local x = i end while false do end\nreturn {\n a = 1 }", "a", 3},
	{"repeat local x = 1 until x\nreturn {\n a = 1 }", "a", 3},
	{"if x then elseif y then else end\nreturn {\n a = 1 }", "a", 3},
	{"return {\n f = function(a, b)\n  if a == b then return { b = 1, c } end\n end,\n b = 2 }",
	 "b", 5},
	{"return {\n f = g { b = 1 },\n b = 2 }", "b", 3},
	{"return {\n f = (1 + 2) * #'}',\n b = 2 }", "b", 3},
	{"return {\n f = x.y[1].z,\n b = 2 }", "b", 3},
	{"return {\n a = 1;\n b = 2;\n}", "b", 3},
	{"return {\n a = x == y,\n b = 2 }", "b", 3},
	{"return {\n x == y,\n b = 2 }", "x", 0},
	{"return {\n a = 'it\\'s', b = \"}\",\n c = 1 }", "c", 3},
	{"return rule.group {\n a = 1 }", "a", 2},
	{"return rule.group({\n a = 1 })", "a", 2},
	{"return require 'x' {\n a = 1 }", "a", 0},
	{"local t = { a = 1 }\nreturn t", "a", 0},
	{"local t = { a = 1 }\nreturn t", "", 2},
	{"#!/usr/bin/lua\nreturn {\n a = 1 }", "a", 3},
	{"", "", 1},
	{"return", "", 1},
	{"return {", "a", 0},
	{"return { a = ", "a", 1},
	{"return { a = 'unclosed", "a", 1},
	{"return { a = [[unclosed", "a", 1},
	{"return { [", "a", 0},
	{"return { a = { { { ", "a/1/1", 1},
};

Test(key_lines, finds_the_line_of_every_key)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(line_of(cases[i].text, cases[i].path), cases[i].line,
			     "%s\n[%s]: line %d, not %d", cases[i].text, cases[i].path,
			     line_of(cases[i].text, cases[i].path), cases[i].line);
}

Test(key_lines, survives_deep_nesting_and_long_paths)
{
	char text[20000];
	size_t length = (size_t)snprintf(text, sizeof(text), "return ");

	while (length < sizeof(text) - 300) {
		memcpy(text + length, "{ aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa = ", 50);
		length += 50;
	}
	text[length] = '\0';
	cr_expect_eq(line_of(text, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), 1);
}
