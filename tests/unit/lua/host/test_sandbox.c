#include "lua/host/sandbox.h"

#include "tests/unit/lua/script_test.h"

/* Written by hand: a name that is added to the table by accident must fail here. */
static const char *const globals[] = {"assert", "error",    "ipairs",   "math",   "next",
				      "pairs",  "pcall",    "require",  "select", "string",
				      "table",  "tonumber", "tostring", "type",   "unpack"};
static const char *const string_names[] = {"byte",    "char", "find",  "format", "gmatch",
					   "gsub",    "len",  "lower", "match",  "rep",
					   "reverse", "sub",  "upper"};
static const char *const table_names[] = {"concat", "insert", "maxn", "remove", "sort", "unpack"};
static const char *const math_names[] = {
	"abs",   "acos", "asin",  "atan", "atan2", "ceil", "cos",   "cosh", "deg", "exp",
	"floor", "fmod", "frexp", "huge", "ldexp", "log",  "log10", "max",  "min", "modf",
	"pi",    "pow",  "rad",   "sin",  "sinh",  "sqrt", "tan",   "tanh"};

static bool is_in(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* Names of an ordinary LuaJIT with every library, plus some of other versions. */
static void each_standard_name(const char *library, const char *const *allowed, size_t count)
{
	lua_State *lua = luaL_newstate();
	struct bytes script = BYTES_EMPTY;
	const char *prefix = library ? library : "";
	size_t seen = 0;

	luaL_openlibs(lua);
	lua_getglobal(lua, library ? library : "_G");
	bytes_append_text(&script, "local bad = {} ");
	lua_pushnil(lua);
	while (lua_next(lua, -2)) {
		const char *name = lua_tostring(lua, -2);
		bool is_allowed = is_in(name, allowed, count);

		seen += is_allowed;
		bytes_append_format(&script, "if (%s%s%s %s nil) then bad[#bad + 1] = '%s' end ",
				    prefix, library ? "." : "", name,
				    is_allowed ? "==" : "~=", name);
		lua_pop(lua, 1);
	}
	bytes_append_text(&script, "return table.concat(bad, ' ')");
	expect_json(script.data, "\"\"");
	/* table.unpack is ours alone. */
	cr_expect_eq(seen + (library && strcmp(library, "table") == 0), count, "%s", prefix);
	bytes_deinit(&script);
	lua_close(lua);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

Test(sandbox, has_exactly_the_allowed_names)
{
	each_standard_name(NULL, globals, COUNT(globals));
	each_standard_name("string", string_names, COUNT(string_names));
	each_standard_name("table", table_names, COUNT(table_names));
	each_standard_name("math", math_names, COUNT(math_names));
}

Test(sandbox, hides_every_way_out)
{
	static const char *const names[] = {
		"_G",
		"_VERSION",
		"collectgarbage",
		"coroutine",
		"debug",
		"dofile",
		"ffi",
		"getfenv",
		"getmetatable",
		"io",
		"jit",
		"load",
		"loadfile",
		"loadstring",
		"module",
		"newproxy",
		"os",
		"package",
		"print",
		"rawequal",
		"rawget",
		"rawset",
		"rawlen",
		"setfenv",
		"setmetatable",
		"xpcall",
		"bit",
		"gcinfo",
		"arg",
		"string.dump",
		"string.buffer",
		"math.random",
		"math.randomseed",
		"table.foreach",
		"table.foreachi",
		"table.getn",
		"table.clear",
		"table.new",
		"table.move",
		"table.pack",
		"('').dump",
	};

	for (size_t i = 0; i < COUNT(names); i++) {
		char text[200];

		snprintf(text, sizeof(text), "return type(%s)", names[i]);
		expect_json(text, "\"nil\"");
	}
}

Test(sandbox, pcall_nests_200_deep_and_no_deeper)
{
	static const char nest[] = "local function f(n) if n == 0 then return 'bottom' end "
				   "local _, value = pcall(f, n - 1) return value end ";
	char script[300];

	snprintf(script, sizeof(script), "%s return f(200)", nest);
	expect_json(script, "\"bottom\"");
	snprintf(script, sizeof(script), "%s return f(201)", nest);
	expect_json(script, "\"pcall is nested deeper than 200\"");
	snprintf(script, sizeof(script), "%s f(201) return f(200)", nest);
	expect_json(script, "\"bottom\"");
}

Test(sandbox, globals_and_libraries_are_read_only)
{
	expect_raises("x = 1", "'x' cannot be assigned: use a local variable");
	expect_raises("function f() end", "'f' cannot be assigned");
	expect_raises("pairs = nil", "'pairs' cannot be assigned");
	expect_raises("string.rep = nil", "'rep' cannot be assigned");
	expect_raises("table.sort = nil", "cannot be assigned");
	expect_raises("math.pi = 3", "cannot be assigned");
	expect_raises("local s = '' s.x = 1", "attempt to index");
	expect_raises("local rule = require 'tocsin.rule' rule.count = nil",
		      "rule.count cannot be assigned: rule is read-only");
	expect_json("pcall(function() string.rep = nil end) return ('x'):rep(3)", "\"xxx\"");
	/* Raw writes reach the stand-in only, and only under numbers. */
	expect_json("table.insert(string, 'x') return ('a'):upper()", "\"A\"");
}

Test(sandbox, require_knows_the_library_only)
{
	expect_json("return type(require 'tocsin.rule')", "\"table\"");
	expect_json("return require 'tocsin.text' == require 'tocsin.text'", "true");
	expect_raises("require 'os'", "module 'os' does not exist; allowed: tocsin.plan, "
				      "tocsin.rule, tocsin.sequence, tocsin.text");
	expect_raises("require 'tocsin._plan_run'", "does not exist; allowed");
	expect_raises("require '../x'", "does not exist");
	expect_raises("return (require 'tocsin.rule').averages",
		      "rule.averages does not exist; allowed: rule.baseline, rule.continuous, "
		      "rule.count, "
		      "rule.field, rule.group, rule.script");
}

Test(sandbox, bytecode_is_refused)
{
	struct script_test test = {
		.text = "\x1bLJ\x02\x02", .length = 5, .limits = SCRIPT_LIMITS_DEFAULT};

	on_big_stack(script_test_body, &test);
	cr_expect_eq(test.end, SCRIPT_RAISED);
	cr_expect(strstr(test.why.text, "attempt to load chunk with wrong mode"), "%s",
		  test.why.text);
}

Test(sandbox, tostring_and_format_show_no_address)
{
	expect_json("return tostring({})", "\"table\"");
	expect_json("return tostring(print) .. tostring(pairs)", "\"nilfunction\"");
	expect_json("return string.format('%s %s %d %5.1f %q', {}, pairs, 7, 2.5, 'a')",
		    "\"table function 7   2.5 \\\"a\\\"\"");
	expect_raises("return string.format('%p', {})", "%p is not allowed");
	expect_raises("return string.format('\\0%-10p', {})", "%p is not allowed");
	expect_json("return string.format('%%p %s', true)", "\"%p true\"");
	expect_json("return tostring(nil) .. tostring(1.5) .. tostring(true)", "\"nil1.5true\"");
	expect_raises("tostring()", "value expected");
}

Test(sandbox, pairs_and_next_go_in_one_order)
{
	const char *table = "local t = {b = 1, a = 2, [10] = 3, [2] = 4, [1] = 5, [-1] = 6, "
			    "[1.5] = 7, [true] = 8, [false] = 9, B = 10} local keys = {} ";
	char text[600];

	snprintf(text, sizeof(text),
		 "%s for k in pairs(t) do keys[#keys + 1] = tostring(k) end "
		 "return table.concat(keys, ' ')",
		 table);
	expect_json(text, "\"-1 1 1.5 2 10 B a b false true\"");
	snprintf(text, sizeof(text),
		 "%s for k, v in next, t do keys[#keys + 1] = tostring(k) end "
		 "return table.concat(keys, ' ')",
		 table);
	expect_json(text, "\"-1 1 1.5 2 10 B a b false true\"");
	expect_json("return next({}) == nil", "true");
	expect_raises("for k in pairs({[{}] = 1}) do end", "a table with a table as key");
	expect_raises("pairs(nil)", "table expected");
}

Test(sandbox, pairs_allows_changes_during_the_walk)
{
	expect_json("local t = {a = 1, b = 2, c = 3} local seen = {} for k, v in pairs(t) do "
		    "seen[#seen + 1] = k .. v t.b = nil t[k .. 'x'] = 9 end "
		    "return table.concat(seen, ' ')",
		    "\"a1 c3\"");
}

Test(sandbox, sort_works_and_says_what_it_cannot)
{
	expect_json("local t = {3, 1, 2} table.sort(t) return t", "[1,2,3]");
	expect_json("local t = {'b', 'a', 'B', ''} table.sort(t) return t",
		    "[\"\",\"B\",\"a\",\"b\"]");
	expect_json("local t = {1, 2, 3} table.sort(t, function(a, b) return a > b end) return t",
		    "[3,2,1]");
	expect_json("local t = {} table.sort(t) return #t", "0");
	expect_raises("table.sort({1, 'a'})", "item 2 is a string");
	expect_raises("table.sort({1, 2}, math.max)", "must be a Lua function");
}

Test(sandbox, errors_name_script_function_and_line)
{
	struct script_test test = run("local function f()\n error('no luck') end\nf()\n");

	cr_expect_eq(test.end, SCRIPT_RAISED);
	cr_expect_str_eq(test.why.text,
			 "test.lua: main: test.lua:2: no luck; called from test.lua:3");
}
