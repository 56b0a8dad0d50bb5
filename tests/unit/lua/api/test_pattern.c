#include "lua/api/pattern.h"

#include "tests/unit/lua/script_test.h"

/* The oracle is LuaJIT's own, unbounded matcher: the same script runs in an ordinary state. */
static char *run_oracle(const char *text)
{
	lua_State *lua = luaL_newstate();
	char *out;

	luaL_openlibs(lua);
	cr_assert_eq(luaL_loadstring(lua, text), 0, "%s", lua_tostring(lua, -1));
	cr_assert_eq(lua_pcall(lua, 0, 1, 0), 0, "%s: %s", text, lua_tostring(lua, -1));
	out = strdup(lua_tostring(lua, -1));
	lua_close(lua);
	return out;
}

static const char *const patterns[] = {
	"a",
	"",
	".",
	"a*",
	"a+",
	"a-",
	"a?",
	"^a",
	"a$",
	"^a*$",
	"^$",
	"$",
	"^",
	"%a+",
	"%d+",
	"%s*",
	"%w+",
	"%W+",
	"%p",
	"%P+",
	"%x+",
	"%l+",
	"%u+",
	"%c",
	"%z",
	"%g+",
	"%D",
	"%S+",
	"[abc]+",
	"[^abc]+",
	"[a-c]+",
	"[%d%s]+",
	"[^%d]+",
	"[]]",
	"[^]]+",
	"[]a]+",
	"[a-]+",
	"[-a]+",
	"[a%-z]+",
	"[%a_][%w_]*",
	"(a)(b)",
	"(a*)(.-)b",
	"()",
	"()a()",
	"(.)%1",
	"(a)(b)%2%1",
	"(%a+)%s+(%a+)",
	"%b()",
	"%bxx",
	"%b()x",
	"a%b<>b",
	"%f[%a]%a+",
	"%f[%A]",
	"%f[%z]",
	"%f[a]a+%f[^a]",
	"a.c",
	"a.-c",
	".-",
	".*b",
	"(.*)b(.*)",
	"((a)(b))",
	"(()a)",
	"%.",
	"%%",
	"%a-%d",
	"a$b",
	"a^b",
	"*a",
	"+",
	"?x",
	"-",
	"a**",
	"a%*",
	"x*y*z*",
	"%(",
	"%)",
	"\\",
	"|",
	"{2}",
	"a{2}",
	"(?:a)",
	"[[:alpha:]]",
	"#",
	" ",
	"\\d",
	"[\\d]",
	"a|b",
	"[a^]",
	"%f[%w]%w+$",
	"^(%d%d%d%d)-(%d%d)-(%d%d)$",
	"(%w+)=(%w+)",
	"[%w.]+@[%w.]+",
	"\200+",
	"[\200-\377]+",
	"(.-)%s*$",
	"%d+%.?%d*",
	"[]-a]+",
	"[%]]+",
};
static const char *const subjects[] = {
	"",
	"a",
	"b",
	"aaa",
	"abc",
	"aabb",
	"abcabc",
	"hello world",
	"a1b2c3",
	"  x  ",
	"foo(bar(baz))qux",
	"(()",
	"xaxbx",
	"a<b<c>d>b",
	"THE (quick) fox",
	"2026-11-22",
	"key=value, k2=v2",
	"a.b",
	"a-c",
	"]]]",
	"a]b",
	"^a$",
	"a*b+c?",
	"me@x.org",
	"\200\201abc\377",
	"line\nline2\n",
	"tab\there",
	"a\\d",
	"aXbXc",
	"%d%%",
	"{2}",
	"_x9 y",
	"a|b",
	"[x]",
	"a{2}aa",
	"\1\2",
	"#tag",
};

/* One script for one pattern over all subjects, for find, match, gmatch and gsub. */
static char *script_of(const char *pattern)
{
	struct bytes script = BYTES_EMPTY;

	bytes_append_text(&script,
			  "local function show(...) local t = {} for i = 1, select('#', ...) do "
			  "t[i] = tostring((select(i, ...))) end return table.concat(t, ',') end "
			  "local out = {} local p = '");
	for (const char *at = pattern; *at; at++)
		bytes_append_format(&script, "\\%03u", (unsigned char)*at);
	bytes_append_text(&script, "' for _, s in ipairs {");
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		bytes_append_text(&script, "'");
		for (const char *at = subjects[i]; *at; at++)
			bytes_append_format(&script, "\\%03u", (unsigned char)*at);
		bytes_append_text(&script, "',");
	}
	bytes_append_text(
		&script,
		"'nul\\0in'} do out[#out + 1] = show(s:find(p)) out[#out + 1] = show(s:match(p)) "
		"out[#out + 1] = show(s:find(p, 2)) out[#out + 1] = show(s:match(p, -2)) "
		"if p:sub(1, 1) ~= '^' then local n = 0 for a, b in s:gmatch(p) do n = n + 1 "
		"out[#out + 1] = show(a, b) if n == 50 then break end end end "
		"out[#out + 1] = show(s:gsub(p, '<%0>')) out[#out + 1] = show(s:gsub(p, '%%%1', "
		"2)) "
		"out[#out + 1] = show(s:gsub(p, {a = 1, b = false})) "
		"out[#out + 1] = show(s:gsub(p, function(...) return select('#', ...) .. '' end)) "
		"end "
		"return (table.concat(out, ';'):gsub('%z', '0'):gsub('[\\128-\\255]', '~'))");
	return bytes_take_text(&script);
}

static void compare_one(const char *pattern)
{
	char *script = script_of(pattern);
	char *expected = run_oracle(script);
	struct script_test test = run(script);
	json_t *got;

	cr_assert_eq(test.end, SCRIPT_DONE, "%s: %s", pattern, test.why.text);
	got = json_loads(test.json.data, JSON_DECODE_ANY, NULL);
	cr_expect_str_eq(json_string_value(got), expected, "pattern %s", pattern);
	json_decref(got);
	bytes_deinit(&test.json);
	free(expected);
	free(script);
}

Test(pattern, gives_what_luajit_gives)
{
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		compare_one(patterns[i]);
}

/* LuaJIT finds a malformed pattern only when it gets there; ours is refused at once, so those are
 * left out. True: compared. */
static bool compare_random(uint32_t *seed)
{
	static const char *const parts[] = {
		"a",  "b",    ".",     "*",      "+",    "-",    "?",     "(",     ")", "()",
		"%a", "%d",   "%s",    "%W",     "[ab]", "[^a]", "[a-c]", "[%a]",  "^", "$",
		"%1", "%b()", "%f[a]", "%f[^a]", "[]]",  "%%",   "x",     "[^%s]", "]", "%z"};
	struct bytes script = BYTES_EMPTY;
	struct script_test test;
	bool is_refused;
	char *expected;
	json_t *got;

	bytes_append_text(&script, "local p = '");
	for (int i = 0, count = 1 + (int)(*seed % 7); i < count; i++) {
		*seed = *seed * 1664525 + 1013904223;
		bytes_append_text(&script, parts[(*seed >> 16) % (sizeof(parts) / sizeof(*parts))]);
	}
	bytes_append_text(
		&script,
		"' local out = {} for _, s in ipairs {'', 'a', 'ab', 'aabb', 'x(a(b))', 'b a b', "
		"'a]b', 'abcabc', '^a$', 'a1 b2'} do local function try(f, ...) local r = "
		"{pcall(f, ...)} for i = 1, 5 do out[#out + 1] = r[1] and tostring(r[i]) or '!' "
		"end "
		"end try(s.find, s, p) try(s.match, s, p, 2) try(s.gsub, s, p, '<%0>') end "
		"return p .. ' ' .. table.concat(out, ',')");
	expected = run_oracle(script.data);
	test = run(script.data);
	cr_assert_eq(test.end, SCRIPT_DONE, "%s: %s", script.data, test.why.text);
	got = json_loads(test.json.data, JSON_DECODE_ANY, NULL);
	is_refused = strstr(json_string_value(got), "!,!,!") != NULL;
	if (!is_refused)
		cr_expect_str_eq(json_string_value(got), expected);
	json_decref(got);
	bytes_deinit(&test.json);
	bytes_deinit(&script);
	free(expected);
	return !is_refused;
}

Test(pattern, random_ones_give_what_luajit_gives)
{
	uint32_t seed = 20261122;
	int compared_count = 0;

	for (int i = 0; i < 1000; i++)
		compared_count += compare_random(&seed);
	cr_expect_gt(compared_count, 500);
}

Test(pattern, malformed_ones_say_why)
{
	expect_raises("('x'):find('[a')", "missing ']'");
	expect_raises("('x'):find('[')", "missing ']'");
	expect_raises("('x'):find('[%')", "missing ']'");
	expect_raises("('x'):find('a%')", "ends with '%'");
	expect_raises("('x'):find('(a')", "unfinished capture");
	expect_raises("('x'):find('a)')", "')' without '('");
	expect_raises("('x'):find('%1')", "invalid capture index %1");
	expect_raises("('x'):find('(%1)')", "invalid capture index %1");
	expect_raises("('x'):find('%0')", "invalid capture index %0");
	expect_raises("('x'):find('%b(')", "%b needs two bytes");
	expect_raises("('x'):find('%fa')", "missing '[' after '%f'");
	expect_raises("('x'):gsub('x', '%2')", "invalid capture index %2");
	expect_raises("('x'):gsub('x', true)", "string, function or table expected");
	expect_raises("('x'):gsub('x', function() return {} end)", "invalid replacement value");
	expect_raises("('x'):gmatch('[')", "missing ']'");
	expect_raises("('x'):find({})", "string expected");
}

Test(pattern, limits_are_exact)
{
	expect_json("return (('x'):find(('a'):rep(1024)))", "null");
	expect_raises("('x'):match(('.'):rep(1025))", "longer than 1024");
	expect_json("return select('#', (('x'):rep(40)):match(('(.)'):rep(32)))", "32");
	expect_raises("('x'):match(('(.)'):rep(33))", "too many captures");
}

Test(pattern, many_patterns_share_a_small_cache)
{
	expect_json("local n = 0 for i = 1, 500 do if ('k' .. i):match('^k' .. i .. '$') then "
		    "n = n + 1 end end return n",
		    "500");
	/* A callback that pushes the pattern of the running gsub out of the cache. */
	expect_json("local n = 0 local s = ('ab'):gsub('%a', function(c) for i = 1, 100 do "
		    "c:match('x' .. i) end n = n + 1 return c:upper() end) return s .. n",
		    "\"AB2\"");
}

Test(pattern, rep_and_plain_find)
{
	expect_json("return ('ab'):rep(3, '-') .. ('x'):rep(0) .. ('x'):rep(-1) .. ('x'):rep(0/0)",
		    "\"ab-ab-ab\"");
	expect_json("return #('x'):rep(1048576)", "1048576");
	expect_raises("return #('x'):rep(1048577)", "longer than 1048576 bytes");
	expect_json("return {('a.b'):find('.', 1, true)}", "[2,2]");
	expect_json("return {('a.b'):find('b', -1)}", "[3,3]");
	expect_json("return {('a\\0b'):find('\\0', 1, true)}", "[2,2]");
	expect_json("return {('abc'):find('', 10)}", "[4,3]");
	expect_json("return ('x'):rep(3, 'yz')", "\"xyzxyzx\"");
}
