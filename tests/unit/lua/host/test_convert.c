#include "lua/host/convert.h"

#include "core/base/arena.h"
#include "core/config/tree.h"
#include "lua/host/loader.h"
#include "tests/unit/lua/script_test.h"

Test(convert, json_is_sorted_and_shortest)
{
	expect_json("return {b = 1, a = 'x', c = {1, 2.5, true}, d = {}}",
		    "{\"a\":\"x\",\"b\":1,\"c\":[1,2.5,true],\"d\":{}}");
	expect_json("return {[2] = 'b', [1] = 'a'}", "[\"a\",\"b\"]");
	expect_json("return 0.1", "0.1");
	expect_json("return 1e15", "1000000000000000");
	expect_json("return nil", "null");
	expect_json("return 'a\"\\\\\\n\\t\\1\\127é'", "\"a\\\"\\\\\\n\\t\\u0001\\u007fé\"");
}

Test(convert, empty_list_needs_the_helper)
{
	expect_json("return {}", "{}");
	expect_json("return (require 'tocsin.plan').list {}", "[]");
	expect_json("return {x = (require 'tocsin.plan').list {1}}", "{\"x\":[1]}");
}

Test(convert, bad_utf8_is_replaced)
{
	expect_json("return 'a\\255b\\192\\128c\\237\\160\\128'",
		    "\"a\xef\xbf\xbd"
		    "b\xef\xbf\xbd\xef\xbf\xbd"
		    "c\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void expect_bad(const char *text, const char *part)
{
	struct script_test test = run(text);

	cr_expect_eq(test.end, SCRIPT_BAD_RESULT, "%s: %s", text, test.why.text);
	cr_expect(strstr(test.why.text, part) != NULL, "%s\n got: %s", text, test.why.text);
	bytes_deinit(&test.json);
}

Test(convert, refuses_what_json_cannot_say)
{
	expect_bad("return {1, a = 2}", "either a list or entries with names");
	expect_bad("return {[1] = 1, [3] = 3}", "either a list or entries with names");
	expect_bad("return {x = {f = pairs}}", "x: f: a function cannot be written as JSON");
	expect_bad("return 1/0", "infinite or not a number");
	expect_bad("return {n = 0/0}", "n: a number is infinite");
	expect_bad("local t = {} t.t = t return t", "nested more than 32 deep");
	expect_bad("return ('x'):rep(300000)", "longer than 262144 bytes");
	expect_bad("local t = {} for i = 1, 10000 do t[i] = ('x'):rep(100) end return t",
		   "longer than 262144 bytes");
}

Test(convert, depth_limit_is_exact)
{
	const char *form = "local t = 1 for i = 1, %d do t = {t} end return t";
	char text[120];
	struct script_test test;

	snprintf(text, sizeof(text), form, JSON_DEPTH_MAX);
	test = run(text);
	cr_expect_eq(test.end, SCRIPT_DONE);
	bytes_deinit(&test.json);
	snprintf(text, sizeof(text), form, JSON_DEPTH_MAX + 1);
	expect_bad(text, "nested more than");
}

struct round_trip {
	json_t *json;
	struct bytes out;
};

static void push_round_trip(lua_State *lua, void *arg)
{
	const struct round_trip *trip = arg;

	luaL_loadstring(lua, "return ...");
	convert_push_json(lua, trip->json);
}

static int take_round_trip(lua_State *lua, int first, void *arg, struct err_note *why)
{
	return convert_to_json(lua, first, &((struct round_trip *)arg)->out, why);
}

Test(convert, json_survives_the_way_through_lua)
{
	static const char *const cases[][2] = {
		{"{\"a\":[1,2,{\"b\":[]}],\"z\":{}}", "{\"a\":[1,2,{\"b\":[]}],\"z\":{}}"},
		{"[null,1]", "[false,1]"},
		{"{\"a\":null,\"b\":1}", "{\"b\":1}"},
		{"\"é\\u0000x\"", "\"é\\u0000x\""},
		{"1.25", "1.25"},
		{"false", "false"},
	};
	struct script_limits limits = SCRIPT_LIMITS_DEFAULT;
	struct script_state *state;
	struct err_note why;

	cr_assert_eq(script_state_new(&state, "test.lua", &limits, &why), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct round_trip trip = {
			.json = json_loads(cases[i][0], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL)};
		struct script_call call = {.state = state,
					   .function = "main",
					   .push = push_round_trip,
					   .take = take_round_trip,
					   .arg = &trip};

		cr_assert_eq(script_call(&call, &why), SCRIPT_DONE, "%s", why.text);
		cr_expect_str_eq(trip.out.data, cases[i][1]);
		json_decref(trip.json);
		bytes_deinit(&trip.out);
	}
	script_state_free(state);
}

static struct arena arena;
static struct loaded loaded;
static struct err_note load_why;
static int load_line;

static int load(const char *text)
{
	struct script_limits limits = {SCRIPT_MEMORY_BYTES, SCRIPT_INSTRUCTIONS, 5000};
	int code;

	arena_init(&arena);
	code = loader_run(&loaded, "rules/x/1.lua", text, strlen(text), &limits, &arena, &load_line,
			  &load_why);
	loaded_deinit(&loaded);
	return code;
}

Test(convert, a_file_becomes_a_tree_with_lines)
{
	const struct tree *labels;

	cr_assert_eq(load("local rule = require 'tocsin.rule'\n"
			  "return rule.group {\n"
			  "  source = 'pay',\n"
			  "  by = { 'merchantId',\n"
			  "         'city' },\n"
			  "  labels = {\n"
			  "    team = 'x', urgent = true },\n"
			  "  on = function() return { source = 1 } end,\n"
			  "  n = 1.5,\n"
			  "}\n"),
		     0, "%s", load_why.text);
	cr_expect_str_eq(loaded.tag, "group");
	cr_expect_eq(loaded.tree->type, TREE_MAP);
	cr_expect_eq(loaded.tree->line, 2);
	cr_expect_eq(tree_get(loaded.tree, "source")->line, 3);
	cr_expect_str_eq(tree_get(loaded.tree, "source")->text, "pay");
	cr_expect_eq(tree_get(loaded.tree, "by")->type, TREE_LIST);
	cr_expect_eq(tree_get(loaded.tree, "by")->first->line, 4);
	cr_expect_eq(tree_get(loaded.tree, "by")->last->line, 5);
	labels = tree_get(loaded.tree, "labels");
	cr_expect_eq(labels->line, 6);
	cr_expect_eq(tree_get(labels, "urgent")->line, 7);
	cr_expect(tree_get(labels, "urgent")->boolean);
	cr_expect_eq(tree_get(loaded.tree, "on")->type, TREE_FUNCTION);
	cr_expect_eq(tree_get(loaded.tree, "on")->line, 8);
	cr_expect_eq(tree_get(loaded.tree, "n")->number, 1.5);
	cr_expect_str_eq(loaded.tree->first->key, "source", "entries keep the order of lines");
	cr_expect_str_eq(loaded.tree->last->key, "n");
	arena_deinit(&arena);
}

static void expect_fault(const char *text, int line, const char *part)
{
	cr_expect_neq(load(text), 0, "%s", text);
	cr_expect_eq(load_line, line, "%s: line %d", text, load_line);
	cr_expect(strstr(load_why.text, part) != NULL, "%s\n got: %s", text, load_why.text);
	cr_expect(strstr(load_why.text, "1.lua:") == NULL, "%s", load_why.text);
	arena_deinit(&arena);
}

Test(loader, faults_have_lines)
{
	expect_fault("return {\n a = = 1 }", 2, "unexpected symbol near '='");
	expect_fault("\n\nerror('bad luck')", 3, "bad luck");
	expect_fault("\nreturn 5", 2, "must return one table, not number");
	expect_fault("local x = 1", 1, "must return one table, not nothing");
	expect_fault("return {\n 1,\n a = 2 }", 1, "either a list");
	expect_fault("return {\n a = {\n  b = { 1, c = 2 } } }", 3, "either a list");
	expect_fault("x = 1\nreturn {}", 1, "'x' cannot be assigned");
	expect_fault("local rule = require 'tocsin.rule'\nreturn rule.count('x')", 2,
		     "rule.count takes one table");
	expect_fault("local rule = require 'tocsin.rule'\nreturn rule.count {\n type = 'group' }",
		     2, "`type` is given by the constructor");
	expect_fault("local rule = require 'tocsin.rule'\nreturn rule.averages {}", 2,
		     "rule.averages does not exist; allowed: rule.baseline");
	expect_fault("\nwhile true do end", 2, "used up its budget");
	expect_fault("local s = 'x'\nwhile true do s = s .. s end", 2, "used up its memory");
	expect_fault("\x1bLJ", 0, "bytecode");
	expect_fault("\n-- \xff\nreturn {}", 2, "not valid UTF-8");
	expect_fault("return { a = 'x\\0y' }", 1, "byte 0");
	expect_fault("return { a = {{{{{{{{{{{{{{{{1}}}}}}}}}}}}}}}} }", 1, "nested too deeply");
}

Test(loader, a_zero_byte_is_refused_for_kept_sources_are_texts)
{
	static const char text[] = "return {}\n--\0\nerror('hidden')";
	struct script_limits limits = SCRIPT_LIMITS_DEFAULT;
	int line = 0;

	arena_init(&arena);
	cr_expect_eq(loader_run(&loaded, "1.lua", text, sizeof(text) - 1, &limits, &arena, &line,
				&load_why),
		     ERR_INVALID);
	cr_expect_eq(line, 2);
	cr_expect_str_eq(load_why.text, "the text has a zero byte");
	arena_deinit(&arena);
}

Test(loader, missing_file_is_named)
{
	struct err_note why;
	char *text;
	size_t length;

	cr_expect_eq(loader_read_file("/nonexistent/x.lua", &text, &length, &why), ERR_NOT_FOUND);
	cr_expect(strstr(why.text, "/nonexistent/x.lua") != NULL);
}
