#include "core/base/arena.h"
#include "core/rule/rule_runner.h"
#include "lua/bridge/rule_runner_lua.h"
#include "lua/host/loader.h"
#include "tests/unit/lua/script_test.h"

enum { ROWS = 5 };

/* amount 1 2 3 4 nil; app web web pos pos pos; at the seconds 10.5, 11.5, ... */
static const int64_t times[ROWS] = {10500, 11500, 12500, 13500, 14500};
static const struct value amounts[ROWS] = {
	{.type = VALUE_INT, .as.integer = 1},
	{.type = VALUE_FLOAT, .as.number = 2},
	{.type = VALUE_INT, .as.integer = 3},
	{.type = VALUE_FLOAT, .as.number = 4},
	{.type = VALUE_NIL},
};
#define APP(name)                                                                                  \
	{                                                                                          \
		.type = VALUE_STRING, .length = 3, .as.text = (name)                               \
	}
static const struct value apps[ROWS] = {APP("web"), APP("web"), APP("pos"), APP("pos"), APP("pos")};
static const struct value *const columns[] = {amounts, apps};
static const char *const names[] = {"amount", "app"};
static const struct rule_readings readings = {
	.time_ms = times, .columns = columns, .names = names, .column_count = 2, .row_count = ROWS};

static struct rule_runner *make(const char *body)
{
	struct script_limits limits = {SCRIPT_MEMORY_BYTES, 1000000, 5000};
	struct bytes text = BYTES_EMPTY;
	struct rule_runner *runner = NULL;
	struct err_note why;
	struct loaded loaded;
	struct arena arena;
	int line, code;

	bytes_append_format(&text, "return { filter = %s }", body);
	arena_init(&arena);
	code = loader_run(&loaded, "rules/slow/3.lua", text.data, text.length, &limits, &arena,
			  &line, &why);
	arena_deinit(&arena);
	bytes_deinit(&text);
	cr_assert_eq(code, 0, "%s", why.text);
	cr_assert_eq(rule_runner_lua_new(&runner, loaded.state, "slow", 3, &why), 0);
	return runner;
}

/* "10010": which readings match; an E ends it. */
static const char *judge(const char *body, char *out)
{
	struct rule_runner *runner = make(body);
	bool matches[ROWS] = {false};
	struct err_note why = {{0}};
	uint32_t judged = 99;
	int code = runner->ops->filter(runner, &readings, 0, matches, &judged, &why);

	cr_assert_leq(judged, ROWS);
	cr_expect_eq(code == 0, judged == ROWS, "%s", why.text);
	for (uint32_t i = 0; i < judged; i++)
		out[i] = matches[i] ? '1' : '0';
	out[judged] = code ? 'E' : '\0';
	out[judged + (code != 0)] = '\0';
	runner->ops->free(runner);
	return out;
}

Test(rule_filter_lua, says_which_readings_count)
{
	char out[ROWS + 2];

	cr_expect_str_eq(judge("function(r) return r.amount and r.amount > 2 end", out), "00110");
	cr_expect_str_eq(judge("function(r) return r.app == 'web' end", out), "11000");
	cr_expect_str_eq(
		judge("function(r) return r.time >= 12.5 and r.app:sub(1, 1) == 'p' end", out),
		"00111");
	cr_expect_str_eq(judge("function(r) return r.unknown end", out), "00000");
	cr_expect_str_eq(judge("function(r) return 0 end", out), "11111");
	cr_expect_str_eq(judge("function() end", out), "00000");
}

Test(rule_filter_lua, a_missing_field_is_nil_also_after_one_that_was_there)
{
	char out[ROWS + 2];

	cr_expect_str_eq(judge("function(r) return r.amount == nil end", out), "00001");
}

Test(rule_filter_lua, an_error_ends_at_its_reading_and_the_caller_may_go_on_behind_it)
{
	struct rule_runner *runner = make("function(r)\n return r.amount > 2 end");
	bool matches[ROWS] = {false};
	struct err_note why = {{0}};
	uint32_t judged;

	cr_expect_eq(runner->ops->filter(runner, &readings, 0, matches, &judged, &why), ERR_SCRIPT);
	cr_expect_eq(judged, 4);
	cr_expect(strstr(why.text, "rules/slow/3.lua: filter: ") == why.text, "%s", why.text);
	cr_expect(strstr(why.text, "rules/slow/3.lua:2: attempt to compare"), "%s", why.text);
	cr_expect(!matches[0] && !matches[1] && matches[2] && matches[3]);
	cr_expect_eq(runner->ops->filter(runner, &readings, 5, matches, &judged, &why), 0);
	cr_expect_eq(judged, 5);
	runner->ops->free(runner);
}

Test(rule_filter_lua, readings_share_a_budget)
{
	const char *body = "function(r) local n = 0 for i = 1, %d do n = n + i end return true end";
	char text[128], out[ROWS + 2];

	snprintf(text, sizeof(text), body, 10000);
	cr_expect_str_eq(judge(text, out), "11111");
	snprintf(text, sizeof(text), body, 150000);
	cr_expect(strchr(judge(text, out), 'E') != NULL && out[0] == '1', "%s", out);
	cr_expect_str_eq(judge("function() while true do end end", out), "E");
	cr_expect_str_eq(judge("function() local s = 'x' while true do s = s .. s end end", out),
			 "E");
}
