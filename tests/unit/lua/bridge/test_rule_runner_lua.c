#include "lua/bridge/rule_runner_lua.h"

#include "core/base/arena.h"
#include "core/model/aggregate.h"
#include "core/model/dimension.h"
#include "core/rule/rule_runner.h"
#include "lua/host/loader.h"
#include "tests/unit/lua/script_test.h"

static struct rule_runner *make(const char *body, struct err_note *why)
{
	struct script_limits limits = {SCRIPT_MEMORY_BYTES, 1000000, 5000};
	struct bytes text = BYTES_EMPTY;
	struct rule_runner *runner = NULL;
	struct loaded loaded;
	struct arena arena;
	int line, code;

	bytes_append_format(&text, "return { on_window = %s }", body);
	arena_init(&arena);
	code = loader_run(&loaded, "rules/slow/3.lua", text.data, text.length, &limits, &arena,
			  &line, why);
	arena_deinit(&arena);
	bytes_deinit(&text);
	cr_assert_eq(code, 0, "%s", why->text);
	rule_runner_lua_new(&runner, loaded.state, "slow", 3, why);
	return runner;
}

struct answer {
	int code;
	struct rule_verdict verdict;
	struct err_note why;
};

/* A window of merchant m1 and city 30 with the readings 1, 2, 6; without readings when
 * `is_empty`. */
static struct answer ask(struct rule_runner *runner, bool is_empty)
{
	static const char *const by[] = {"merchantId", "city"};
	struct value fields[] = {{.type = VALUE_STRING, .length = 2, .as.text = "m1"},
				 {.type = VALUE_INT, .as.integer = 30}};
	struct aggregate aggregate = AGGREGATE_EMPTY;
	struct rule_window window = {.window_start_ms = 1795327200000,
				     .window_end_ms = 1795327260500,
				     .by = by,
				     .by_count = 2,
				     .aggregate = &aggregate,
				     .is_firing = true};
	struct bytes key = BYTES_EMPTY;
	struct answer answer = {0};

	dimension_append(&key, &fields[0]);
	dimension_append(&key, &fields[1]);
	window.key = bytes_slice(&key);
	if (!is_empty) {
		aggregate_add_number(&aggregate, 1);
		aggregate_add_number(&aggregate, 2);
		aggregate_add_number(&aggregate, 6);
	}
	answer.code = runner->ops->on_window(runner, &window, &answer.verdict, &answer.why);
	bytes_deinit(&key);
	return answer;
}

static struct answer ask_once(const char *body)
{
	struct err_note why;
	struct rule_runner *runner = make(body, &why);
	struct answer answer;

	cr_assert_not_null(runner, "%s", why.text);
	answer = ask(runner, false);
	runner->ops->free(runner);
	return answer;
}

Test(rule_runner_lua, gives_the_window_to_the_script)
{
	struct answer answer = ask_once(
		"function(ctx, w) return { message = table.concat({ctx.rule, ctx.version, "
		"w.window_start, w.window_end, w.window_start_text, w.window_end_text, "
		"w.key.merchantId, w.key.city + 1, w.key_text, w.count, w.samples, w.sum, w.min, "
		"w.max, w.avg, tostring(w.is_firing)}, ' ') } end");

	cr_assert_eq(answer.code, 0, "%s", answer.why.text);
	cr_expect_str_eq(answer.verdict.message,
			 "slow 3 1795327200 1795327260.5 2026-11-22T06:00:00Z "
			 "2026-11-22T06:01:00.500Z m1 31 m1,30 3 3 9 1 6 3 true");
	rule_verdict_clear(&answer.verdict);
}

Test(rule_runner_lua, statistics_are_nil_without_a_sample)
{
	struct err_note why;
	struct rule_runner *runner = make(
		"function(_, w) return (w.sum or w.min or w.max or w.avg) == nil and {} end", &why);
	struct answer answer = ask(runner, true);

	cr_expect_eq(answer.code, 0);
	cr_expect(answer.verdict.is_firing);
	runner->ops->free(runner);
}

Test(rule_runner_lua, nil_and_false_do_not_fire)
{
	static const char *const bodies[] = {"function() end", "function() return nil end",
					     "function() return false end",
					     "function() return nil, 1 end"};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct answer answer = ask_once(bodies[i]);

		cr_expect_eq(answer.code, 0, "%s", bodies[i]);
		cr_expect_not(answer.verdict.is_firing, "%s", bodies[i]);
	}
}

Test(rule_runner_lua, a_table_fires_with_what_it_holds)
{
	struct answer answer =
		ask_once("function() return { message = 'm', value = 1.5, severity = 'critical', "
			 "labels = { b = 1, a = 'x', c = true } } end");

	cr_assert_eq(answer.code, 0, "%s", answer.why.text);
	cr_expect(answer.verdict.is_firing && answer.verdict.has_value);
	cr_expect_eq(answer.verdict.value, 1.5);
	cr_expect_str_eq(answer.verdict.message, "m");
	cr_expect_str_eq(answer.verdict.severity, "critical");
	cr_expect_str_eq(answer.verdict.labels_json, "{\"a\":\"x\",\"b\":1,\"c\":true}");
	rule_verdict_clear(&answer.verdict);
	cr_expect(ask_once("function() return {} end").verdict.is_firing);
}

Test(rule_runner_lua, labels_are_an_object_also_when_there_are_none)
{
	static const char *const bodies[] = {
		"function() return { labels = {} } end",
		"function() return { labels = require('tocsin.plan').list {} } end"};

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct answer answer = ask_once(bodies[i]);

		cr_assert_eq(answer.code, 0, "%s", answer.why.text);
		cr_expect_str_eq(answer.verdict.labels_json, "{}", "%s", bodies[i]);
		rule_verdict_clear(&answer.verdict);
	}
}

Test(rule_runner_lua, other_results_are_bad_and_say_what_is_allowed)
{
	static const char *const cases[][2] = {
		{"function() return true end", "must return nil (not firing) or a table"},
		{"function() return 'x' end", "not a string"},
		{"function() return { 1 } end", "unknown entry '[?]'"},
		{"function() return { mesage = 'x' } end",
		 "unknown entry 'mesage'; allowed: labels, message, severity, value"},
		{"function() return { message = 5 } end", "message must be a text, not a number"},
		{"function() return { severity = 'bad' } end", "severity must be"},
		{"function() return { value = '5' } end", "value must be a finite number"},
		{"function() return { value = 0/0 } end", "value must be a finite number"},
		{"function() return { labels = 5 } end", "labels must be a table"},
		{"function() return { labels = { 'x' } } end", "labels must have names"},
		{"function() return { labels = { x = {} } } end", "a label must be a text"},
		{"function() local l = {} for i = 1, 33 do l['l' .. i] = 1 end "
		 "return { labels = l } end",
		 "labels has 33 entries"},
		{"function() return { labels = { [('n'):rep(65)] = 1 } } end",
		 "a label has a name of 65 bytes; 64 are allowed"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer answer = ask_once(cases[i][0]);

		cr_expect_eq(answer.code, ERR_INVALID, "%s", cases[i][0]);
		cr_expect(strstr(answer.why.text, cases[i][1]) != NULL, "%s\n got: %s", cases[i][0],
			  answer.why.text);
		cr_expect(strncmp(answer.why.text, "rules/slow/3.lua: on_window: ", 29) == 0);
		cr_expect_null(answer.verdict.message);
	}
}

static void expect_message(const char *body, size_t length, const char *tail)
{
	struct answer answer = ask_once(body);

	cr_assert_eq(answer.code, 0, "%s: %s", body, answer.why.text);
	cr_expect_eq(strlen(answer.verdict.message), length, "%s", body);
	cr_expect_str_eq(answer.verdict.message + length - strlen(tail), tail, "%s", body);
	rule_verdict_clear(&answer.verdict);
}

Test(rule_runner_lua, a_message_that_is_too_long_is_cut_between_two_characters)
{
	expect_message("function() return { message = ('x'):rep(2000) } end", 2000, "xxxx");
	expect_message("function() return { message = ('x'):rep(2001) } end", 2000, "xx…");
	/* 1,997 bytes are 665 characters of three bytes and two bytes of the next. */
	expect_message("function() return { message = ('中'):rep(50000) } end", 1998, "中中…");
	expect_message("function() return { message = ('\\128'):rep(9000) } end", 1997, "\x80…");
}

Test(rule_runner_lua, labels_are_bounded_each_and_together)
{
	struct answer answer = ask_once("function() local l = {} for i = 1, 32 do "
					"l[('n'):rep(61) .. i + 100] = ('é'):rep(100000) end "
					"l[('n'):rep(61) .. 101] = ('x'):rep(1000) "
					"return { labels = l } end");
	size_t row = 64 + 2 + 1 + 999 + 2 + 1;

	cr_assert_eq(answer.code, 0, "%s", answer.why.text);
	/* 997 bytes are 498 characters and a half: 996 and the mark, 999. */
	cr_expect_eq(strlen(answer.verdict.labels_json), 32 * row + 1 + 1);
	cr_expect_not_null(strstr(answer.verdict.labels_json, "éé…\","));
	cr_expect_not_null(strstr(answer.verdict.labels_json, "xxx\","));
	rule_verdict_clear(&answer.verdict);
}

Test(rule_runner_lua, ends_have_their_codes)
{
	struct answer answer = ask_once("function(_, w)\n return w.nothing.x end");

	cr_expect_eq(answer.code, ERR_SCRIPT);
	cr_expect(strstr(answer.why.text, "rules/slow/3.lua:2: attempt to index field 'nothing'"),
		  "%s", answer.why.text);
	cr_expect_eq(ask_once("function() while true do end end").code, ERR_BUDGET);
	cr_expect_eq(ask_once("function() local s = 'x' while true do s = s .. s end end").code,
		     ERR_MEMORY);
}

Test(rule_runner_lua, a_runner_works_on_after_a_failure)
{
	struct err_note why;
	uint64_t used, peak, calls;
	struct rule_runner *runner = make(
		"(function() local n = 0 return function() n = n + 1 if n % 2 == 1 then while true "
		"do end end return { value = n } end end)()",
		&why);

	cr_expect_eq(ask(runner, false).code, ERR_BUDGET);
	cr_expect_eq(ask(runner, false).verdict.value, 2);
	cr_expect_eq(ask(runner, false).code, ERR_BUDGET);
	runner->ops->usage(runner, &used, &peak, &calls);
	cr_expect(used > 0 && peak >= used && peak < SCRIPT_MEMORY_BYTES);
	cr_expect_eq(calls, 3);
	runner->ops->free(runner);
}

Test(rule_runner_lua, keys_of_one_evaluation_share_a_budget)
{
	/* 600,000 and some instructions each; 20,000,000 are shared. */
	struct err_note why = {{0}};
	struct rule_runner *runner = make("function() for _ = 1, 500000 do end end", &why);
	struct answer answer = {0};
	int calls = 0;

	cr_assert_not_null(runner, "%s", why.text);
	while (answer.code == 0 && calls++ < 100)
		answer = ask(runner, false);
	cr_expect_eq(answer.code, ERR_BUDGET);
	cr_expect(calls > 15 && calls < 45, "%d calls", calls);
	cr_expect_str_eq(answer.why.text,
			 "rules/slow/3.lua: on_window: used up the budget of 20000000 instructions "
			 "that all keys of one evaluation share");
	runner->ops->free(runner);
}

Test(rule_runner_lua, needs_the_function)
{
	struct err_note why = {{0}};

	cr_expect_null(make("5", &why));
	cr_expect(strstr(why.text, "on_window = function"), "%s", why.text);
}

Test(rule_runner_lua, log_takes_both_forms_and_is_bounded)
{
	cr_expect_eq(ask_once("function(ctx) ctx:log('a') ctx.log('b') end").code, 0);
	cr_expect_eq(ask_once("function(ctx) for i = 1, 100 do ctx:log(i) end end").code, 0);
	cr_expect_eq(ask_once("function(ctx) ctx:log({}) end").code, ERR_SCRIPT);
}
