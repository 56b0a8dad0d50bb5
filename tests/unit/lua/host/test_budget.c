#include "lua/host/budget.h"

#include "lua/host/generation.h"
#include "tests/unit/lua/script_test.h"

/* Figures of the default budget; the allowance of 50 ms is for a release build. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { ALLOWANCE_MS = 400 };
#else
enum { ALLOWANCE_MS = 50 };
#endif

struct hostile {
	const char *text;
	enum script_end end;
	enum script_end or_end; /**< when which limit comes first depends on the build; else 0 */
};

static const struct hostile hostiles[] = {
	{"while true do end", SCRIPT_OVER_TIME, 0},
	{"for i = 1, 1e12 do end", SCRIPT_OVER_TIME, 0},
	{"repeat until false", SCRIPT_OVER_TIME, 0},
	{"local function f() return f() end f()", SCRIPT_OVER_TIME, 0},
	{"local function f() return pcall(f) end while true do f() end", SCRIPT_OVER_TIME, 0},
	{"while true do pcall(error, 'x') end", SCRIPT_OVER_TIME, 0},
	{"while true do pcall(function() while true do end end) end", SCRIPT_OVER_TIME, 0},
	{"local f f = function() pcall(f) while true do end end f()", SCRIPT_OVER_TIME, 0},
	{"local t = {} while true do t[#t + 1] = #t end", SCRIPT_OVER_MEMORY, SCRIPT_OVER_TIME},
	{"local s = 'x' while true do s = s .. s end", SCRIPT_OVER_MEMORY, 0},
	{"local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1e6) .. i end", SCRIPT_OVER_MEMORY,
	 SCRIPT_OVER_TIME},
	{"local t = {} while true do pcall(function() for i = 1, 1e9 do t[#t + 1] = {} end end) "
	 "end",
	 SCRIPT_OVER_MEMORY, SCRIPT_OVER_TIME},
	{"local s = ('x'):rep(1e6) while true do pcall(function() s = s .. s end) end",
	 SCRIPT_OVER_MEMORY, 0},
	{"return ('x'):rep(1e9)", SCRIPT_RAISED, 0},
	{"return ('x'):rep(1e300)", SCRIPT_RAISED, 0},
	{"local function f(n) return 1 + f(n + 1) end f(1)", SCRIPT_RAISED, 0},
	{"local function f() local _, e = pcall(f) return e end return type(f())", SCRIPT_DONE, 0},
	{"local function f(s) return (s:gsub('.', f)) end f('x')", SCRIPT_RAISED, 0},
	{"local function f(a) table.sort({1, 2, 3}, f) end f()", SCRIPT_RAISED, 0},
	{"local function f() pcall(string.gsub, 'x', '.', f) end f()", SCRIPT_DONE, 0},
	{"return (('a'):rep(3000) .. 'cb'):find('.-.-.-.-bc')", SCRIPT_RAISED, 0},
	{"local p = ('a?'):rep(28) .. ('a'):rep(28) return (('a'):rep(28)):match(p)", SCRIPT_RAISED,
	 0},
	{"local s = ('a'):rep(1e6) while true do s:find('a-b') end", SCRIPT_OVER_TIME, 0},
	{"local s = ('a'):rep(1e6) s:find('a-[bc]')", SCRIPT_OVER_TIME, 0},
	{"local s = 'b' .. ('a'):rep(5e4) s:find('a*b')", SCRIPT_DONE, SCRIPT_OVER_TIME},
	{"local s = ('a'):rep(1e6) while true do pcall(string.find, s, 'a*b') end",
	 SCRIPT_OVER_TIME, 0},
	{"local s = ('a'):rep(3000) .. 'cb' while true do pcall(string.find, s, '.-.-.-.-bc') end",
	 SCRIPT_OVER_TIME, 0},
	{"local s = ('a'):rep(1e6) while true do s:gsub('.', string.upper) end", SCRIPT_OVER_TIME,
	 0},
	{"local s = ('a'):rep(1e6) while true do for _ in s:gmatch('.') do end end",
	 SCRIPT_OVER_TIME, 0},
	{"local a, b = ('a'):rep(1e6) .. 'b', ('a'):rep(1e6) .. 'c' local n = 0 "
	 "while true do if a < b then n = n + 1 end end",
	 SCRIPT_OVER_TIME, 0},
	{"local t = {} for i = 1, 1e5 do t[i] = -i end while true do table.sort(t) end",
	 SCRIPT_OVER_TIME, 0},
	{"local t = {} for i = 1, 3e5 do t[i] = i end while true do table.insert(t, 1, 0) end",
	 SCRIPT_OVER_TIME, 0},
	{"local t = {} for i = 1, 2e5 do t[i] = '' end while true do table.concat(t) end",
	 SCRIPT_OVER_TIME, 0},
	{"local t = {} for i = 1, 1e5 do t[i] = i end while true do for k in pairs(t) do break end "
	 "end",
	 SCRIPT_OVER_TIME, 0},
	{"local t = {} for i = 1, 1e5 do t[i] = i end while true do next(t) end", SCRIPT_OVER_TIME,
	 0},
	{"local s = ('abc'):rep(3e5) while true do s:reverse() s:upper() end", SCRIPT_OVER_TIME, 0},
	{"local t = {} for i = 1, 7000 do t[i] = i end while true do pcall(unpack, t) end",
	 SCRIPT_OVER_TIME, 0},
	{"local r = ('%1'):rep(5e5) r = r .. r .. r .. r while true do (('a'):rep(9)):gsub('()', "
	 "r) "
	 "end",
	 SCRIPT_OVER_TIME, SCRIPT_OVER_MEMORY},
	{"table.insert({}, -2e9, 1)", SCRIPT_RAISED, 0},
	{"table.insert({}, 2, 1)", SCRIPT_RAISED, 0},
	{"table.insert({}, 0/0, 1)", SCRIPT_RAISED, 0},
	{"table.remove({}, -2e9)", SCRIPT_DONE, 0},
	{"table.remove({1, 2, 3}, 2e9)", SCRIPT_DONE, 0},
	{"table.concat({}, '', -2e9, 2e9)", SCRIPT_RAISED, 0},
	{"return #table.concat({}, '', 1, 0)", SCRIPT_DONE, 0},
	{"return select('#', unpack({}, -2147483648, 2147483647))", SCRIPT_RAISED, 0},
	{"return unpack({}, 1, 1e8)", SCRIPT_RAISED, 0},
	{"return select('#', ('x'):byte(-2e9, 2e9))", SCRIPT_DONE, 0},
	{"return #('x'):sub(-2e9, 2e9)", SCRIPT_DONE, 0},
	{"for i = 1, 1e9 do local t = {[i] = {}} t[-i] = t end", SCRIPT_OVER_TIME, 0},
	{"error()", SCRIPT_RAISED, 0},
	{"error({})", SCRIPT_RAISED, 0},
	{"error(setmetatable)", SCRIPT_RAISED, 0},
	{"return function() end", SCRIPT_BAD_RESULT, 0},
};

/* A busy machine (shared caches and cores) can slow one try down; a script that is not bounded is
 * slow in every one. */
static struct script_test run_hostile(const struct hostile *hostile)
{
	struct script_test test = run_limited(hostile->text, SCRIPT_LIMITS_DEFAULT);

	for (int i = 0; i < 2 && test.cpu_ms >= SCRIPT_CALL_MS + ALLOWANCE_MS; i++) {
		bytes_deinit(&test.json);
		test = run_limited(hostile->text, SCRIPT_LIMITS_DEFAULT);
	}
	return test;
}

Test(budget, every_hostile_script_ends_as_expected_and_in_time)
{
	for (size_t i = 0; i < sizeof(hostiles) / sizeof(hostiles[0]); i++) {
		const struct hostile *hostile = &hostiles[i];
		struct script_test test = run_hostile(hostile);

		cr_expect(test.end == hostile->end ||
				  (hostile->or_end && test.end == hostile->or_end),
			  "%s: ended as %d: %s", hostile->text, (int)test.end, test.why.text);
		cr_expect(test.cpu_ms < SCRIPT_CALL_MS + ALLOWANCE_MS, "%s: took %.1f ms",
			  hostile->text, test.cpu_ms);
		cr_expect(test.used_bytes_max <= SCRIPT_MEMORY_BYTES);
		bytes_deinit(&test.json);
	}
}

Test(budget, verdict_is_the_instruction_count_and_is_the_same_each_time)
{
	struct script_limits limits = {SCRIPT_MEMORY_BYTES, 100000, 5000};
	const char *text = "local n = 0 while true do n = n + 1 end";
	struct script_test first = run_limited(text, limits);
	struct script_test second = run_limited(text, limits);

	cr_expect_eq(first.end, SCRIPT_OVER_TIME);
	cr_expect_str_eq(
		first.why.text,
		"test.lua: main: used up its budget of 100000 instructions, at test.lua:1");
	cr_expect_str_eq(first.why.text, second.why.text);
}

Test(budget, a_script_within_its_budget_is_left_alone)
{
	expect_json("local n = 0 for i = 1, 1e6 do n = n + i end return n", "500000500000");
}

Test(budget, processor_time_is_the_safety_net)
{
	struct script_limits limits = {SCRIPT_MEMORY_BYTES, UINT64_MAX / 2, 20};
	struct script_test test = run_limited("while true do end", limits);

	cr_expect_eq(test.end, SCRIPT_OVER_TIME);
	cr_expect(strstr(test.why.text, "20 ms of processor time"), "%s", test.why.text);
}

struct two_calls {
	struct script_state *state;
	enum script_end ends[2];
};

static void push_bad_then_good(lua_State *lua, void *arg)
{
	const char *text = *(const char **)arg;

	luaL_loadstring(lua, text);
}

static void *call_twice(void *arg)
{
	struct two_calls *calls = arg;
	const char *texts[] = {"while true do end", "local n = 0 for i = 1, 5000 do n = n + 1 end"};
	struct script_limits limits = {SCRIPT_MEMORY_BYTES, 100000, 5000};
	struct err_note why;

	cr_assert_eq(script_state_new(&calls->state, "test.lua", &limits, &why), 0);
	for (int i = 0; i < 2; i++) {
		struct script_call call = {.state = calls->state,
					   .function = "main",
					   .push = push_bad_then_good,
					   .arg = &texts[i]};

		calls->ends[i] = script_call(&call, &why);
	}
	script_state_free(calls->state);
	return NULL;
}

Test(budget, a_late_shot_never_hits_the_next_call)
{
	struct two_calls calls;

	on_big_stack(call_twice, &calls);
	cr_expect_eq(calls.ends[0], SCRIPT_OVER_TIME);
	cr_expect_eq(calls.ends[1], SCRIPT_DONE);
}

Test(budget, memory_limit_holds_at_its_edge)
{
	/* A table of 2^18 numbers needs one block of 2 MiB beside the 1 MiB it grows from. */
	const char *text = "local t = {} for i = 1, 2^18 do t[i] = i end return #t";
	struct script_limits enough = {4 * 1024 * 1024, SCRIPT_INSTRUCTIONS, 5000};
	struct script_limits short_of = {2 * 1024 * 1024, SCRIPT_INSTRUCTIONS, 5000};
	struct script_test test = run_limited(text, enough);

	cr_expect_eq(test.end, SCRIPT_DONE, "%s", test.why.text);
	bytes_deinit(&test.json);
	cr_expect_eq(run_limited(text, short_of).end, SCRIPT_OVER_MEMORY);
}

Test(budget, a_state_that_does_not_fit_is_refused)
{
	struct script_limits limits = {20000, 1000, 10};
	struct script_state *state = NULL;
	struct err_note why;

	cr_expect_eq(script_state_new(&state, "tiny.lua", &limits, &why), ERR_MEMORY);
	cr_expect(strstr(why.text, "tiny.lua") != NULL);
}

Test(budget, self_test_passes_here)
{
	struct err_note why = {{0}};

	cr_expect_eq(lua_self_test(&why), 0, "%s", why.text);
}
