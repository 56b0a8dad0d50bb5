#include "lua/bridge/plan_runner_lua.h"

#include "core/base/mem.h"
#include "core/plan/plan_runner.h"
#include "tests/unit/lua/bridge/start_plan.h"
#include "tests/unit/lua/script_test.h"

/* Plays the engine: answers call after call from a list, and writes down what was asked. */
struct play {
	struct bytes log;
	enum plan_progress progress;
	char *result;
	int code;
	struct err_note why;
};

static const char *or_dash(const char *text)
{
	return text ? text : "-";
}

/* `answers`: result JSON texts, or "!sentence" for a failure; NULL ends the list. */
static struct play play(const char *body, const char *const *answers)
{
	struct plan_runner *runner = start_plan(body, "{\"name\":\"given\"}", "{\"number\":7}");
	const struct plan_answer *answer = NULL;
	struct plan_answer storage;
	struct play play = {0};
	struct plan_call call;

	for (;;) {
		play.progress = runner->ops->resume(runner, 0, answer, &call, &play.result,
						    &play.code, &play.why);
		if (play.progress != PLAN_CALLED || !*answers)
			break;
		bytes_append_format(&play.log, "%d %s %s %s %s:%d\n", (int)call.kind, call.id,
				    or_dash(call.action), or_dash(call.args_json),
				    or_dash(call.opts_json), call.line);
		storage = (struct plan_answer){
			.is_ok = **answers != '!', .result_json = *answers, .error = *answers + 1};
		answer = &storage;
		answers++;
	}
	runner->ops->free(runner);
	return play;
}

static void expect_play(const char *body, const char *const *answers, const char *log,
			const char *result)
{
	struct play got = play(body, answers);

	cr_expect_eq(got.progress, PLAN_FINISHED, "%s\n%s", body, got.why.text);
	cr_expect_str_eq(got.log.data ? got.log.data : "", log);
	cr_expect_str_eq(got.result ? got.result : "", result);
	mem_free(got.result);
	bytes_deinit(&got.log);
}

Test(plan_runner_lua, a_plan_without_calls_finishes)
{
	const char *const none[] = {NULL};

	expect_play("return { params.limit, params.name, ctx.incident.number, ctx.run }", none, "",
		    "[5,\"given\",7,\"run-1\"]");
	expect_play("", none, "", "null");
}

Test(plan_runner_lua, calls_become_kind_id_action_and_sorted_json)
{
	const char *const answers[] = {"{\"a\":1}",
				       "{}",
				       "{\"status\":200}",
				       "{\"exit_code\":0}",
				       "{}",
				       "{}",
				       "1795327200.125",
				       "0.5",
				       "\"u-1\"",
				       "{\"state\":\"ACKED\"}",
				       "{\"firing_count\":2}",
				       NULL};

	expect_play(
		"local r = ctx:step('s', 'log.write', { z = 1, a = { 1 } }, { effect = 'once' })\n"
		"ctx:notify('n', { to = 'ops', text = 't' })\n"
		"local h = ctx:http('h', { url = 'u' }, { timeout = '5s' })\n"
		"local x = ctx:exec('x', { '/bin/true', 'a' })\n"
		"ctx:log('line') ctx:sleep('5s')\n"
		"return { r.a, h.status, x.exit_code, ctx:now(), ctx:random(), ctx:uuid(),\n"
		"  ctx:incident_state(), ctx:incident_now().firing_count }",
		answers,
		"0 s log.write {\"a\":[1],\"z\":1} {\"effect\":\"once\"}:2\n"
		"0 n notify.send {\"text\":\"t\",\"to\":\"ops\"} -:3\n"
		"0 h http.request {\"url\":\"u\"} {\"timeout\":\"5s\"}:4\n"
		"0 x exec.run {\"argv\":[\"/bin/true\",\"a\"]} -:5\n"
		"0 log log.write {\"text\":\"line\"} -:6\n"
		"1 sleep - {\"ms\":5000} -:6\n"
		"3 now now - -:7\n"
		"3 random random - -:7\n"
		"3 uuid uuid - -:7\n"
		"3 incident incident - -:8\n"
		"3 incident incident - -:8\n",
		"[1,200,0,1795327200.125,0.5,\"u-1\",\"ACKED\",2]");
}

Test(plan_runner_lua, ask_gives_the_answer)
{
	const char *const answers[] = {"{\"approved\":true,\"actor\":\"ann\",\"value\":null}",
				       NULL};

	expect_play("local a = ctx:ask('ok', { text = 'go?', expires = '15m' })\n"
		    "return { a.approved, a.actor, a.value == nil }",
		    answers, "2 ok - {\"expires\":\"15m\",\"text\":\"go?\"} -:2\n",
		    "[true,\"ann\",true]");
}

Test(plan_runner_lua, signal_gives_what_was_sent_or_nil)
{
	const char *const answers[] = {"{\"value\":7,\"actor\":\"ann\",\"reason\":\"\"}",
				       "{\"timeout\":true}", "{\"timeout\":true,\"skipped\":true}",
				       NULL};

	expect_play("local a = ctx:signal('go')\n"
		    "local b, why = ctx:signal('go', { timeout = '2s' })\n"
		    "local c, other = ctx:signal('go')\n"
		    "return { a.value, b == nil, why, c == nil, other }",
		    answers, "5 go go {} -:2\n5 go go {\"ms\":2000} -:3\n5 go go {} -:4\n",
		    "[7,true,\"timeout\",true,\"skipped\"]");
}

Test(plan_runner_lua, wait_until_looks_sleeps_and_times_out)
{
	const char *const done[] = {"100", "100", "{}", NULL};
	const char *const late[] = {"100", "100", "{}", "103", "{}", "104", NULL};

	expect_play("local n = 0\nlocal r = ctx:wait_until('w', function() n = n + 1\n"
		    "return n == 2 and 'yes' end, { every = '2s', timeout = '10s' })\nreturn r",
		    done, "3 now now - -:3\n3 now now - -:3\n1 w - {\"ms\":2000} -:3\n", "\"yes\"");
	expect_play(
		"local r, why = ctx:wait_until('w', function() end, { every = 3, timeout = 4 })\n"
		"return { r == nil, why }",
		late,
		"3 now now - -:2\n3 now now - -:2\n1 w - {\"ms\":3000} -:2\n3 now now - -:2\n"
		"1 w - {\"ms\":1000} -:2\n3 now now - -:2\n",
		"[true,\"timeout\"]");
}

Test(plan_runner_lua, a_failed_step_raises_with_its_id)
{
	const char *const answers[] = {"!the host is down", NULL};
	struct play got = play("ctx:http('reset', { url = 'u' })", answers);

	cr_expect_eq(got.progress, PLAN_RAISED);
	cr_expect_eq(got.code, ERR_SCRIPT);
	cr_expect_str_eq(
		got.why.text,
		"plans/x/1.lua: run: plans/x/1.lua:2: http 'reset' failed: the host is down");
	bytes_deinit(&got.log);
}

Test(plan_runner_lua, a_failure_can_be_caught_or_continued)
{
	const char *const answers[] = {"!no luck", "!no luck", NULL};

	expect_play("local ok, why = pcall(ctx.step, ctx, 'a', 'log.write', {})\n"
		    "local r, reason = ctx:step('b', 'log.write', {}, { on_fail = 'continue' })\n"
		    "return { ok, why, r == nil, reason }",
		    answers,
		    "0 a log.write {} -:2\n0 b log.write {} {\"on_fail\":\"continue\"}:3\n",
		    "[false,\"plans/x/1.lua:2: step 'a' failed: no luck\",true,\"no luck\"]");
}

Test(plan_runner_lua, wrong_arguments_name_the_call)
{
	static const char *const cases[][2] = {
		{"ctx:step()", "plans/x/1.lua:2: ctx:step: the first argument is the step's id"},
		{"ctx:step('a/b', 'x')", "without '/'"},
		{"ctx:step(('x'):rep(101), 'x')", "1 to 100 bytes"},
		{"ctx:step('a')", "the second argument is the action"},
		{"ctx:step('a', 'x', 5)", "args must be a table, not a number"},
		{"ctx:step('a', 'x', {}, 5)", "opts must be a table"},
		{"ctx:step('a', 'x', { f = pairs })", "f: a function cannot be written as JSON"},
		{"ctx:sleep('7 years')", "the span must be a span like"},
		{"ctx:sleep(-1)", "the span must be a span like"},
		{"ctx:notify('a')", "ctx:notify: the second argument must be a table"},
		{"ctx:wait_until('a', 5)", "the second argument is a function"},
		{"ctx:wait_until('a', pairs, {})", "timeout must be a span"},
		{"ctx:wait_until('a', pairs, { every = '10ms', timeout = 5 })", "at least \"1s\""},
		{"return pairs", "the result of run(): a function cannot be written"},
		{"ctx.nothing()", "attempt to call field 'nothing'"},
	};
	const char *const none[] = {NULL};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct play got = play(cases[i][0], none);

		cr_expect_eq(got.progress, PLAN_RAISED, "%s", cases[i][0]);
		cr_expect(strstr(got.why.text, cases[i][1]) != NULL, "%s\n got: %s", cases[i][0],
			  got.why.text);
		bytes_deinit(&got.log);
	}
}

Test(plan_runner_lua, every_turn_has_its_own_budget)
{
	const char *const answers[] = {"{}", "{}", "{}", NULL};
	const char *const one[] = {"{}", NULL};
	struct play got;

	/* 3 turns of 600,000 instructions each with a budget of 1,000,000. */
	expect_play("for _ = 1, 3 do for _ = 1, 500000 do end ctx:log('x') end return 1", answers,
		    "0 log log.write {\"text\":\"x\"} -:2\n0 log log.write {\"text\":\"x\"} -:2\n"
		    "0 log log.write {\"text\":\"x\"} -:2\n",
		    "1");
	got = play("ctx:log('x') while true do pcall(error) end", one);
	cr_expect_eq(got.progress, PLAN_RAISED);
	cr_expect_eq(got.code, ERR_BUDGET);
	bytes_deinit(&got.log);
	got = play("ctx:log('x') local s = 'x' while true do s = s .. s end", one);
	cr_expect_eq(got.code, ERR_MEMORY);
	bytes_deinit(&got.log);
}

Test(plan_runner_lua, a_run_that_ended_stays_ended)
{
	struct plan_runner *runner = start_plan("error('x')", NULL, NULL);
	struct plan_answer answer = {.is_ok = true};
	struct plan_call call;
	struct err_note why;
	char *result;
	int code;

	cr_expect_eq(runner->ops->resume(runner, 0, NULL, &call, &result, &code, &why),
		     PLAN_RAISED);
	cr_expect_eq(code, ERR_SCRIPT);
	cr_expect_eq(runner->ops->resume(runner, 0, &answer, &call, &result, &code, &why),
		     PLAN_RAISED);
	cr_expect_eq(code, ERR_CLOSED);
	cr_expect_str_eq(why.text, "plans/x/1.lua: the run is over");
	runner->ops->free(runner);
}

Test(plan_runner_lua, a_run_can_be_dropped_in_the_middle)
{
	struct plan_runner *runner = start_plan("pcall(ctx.sleep, ctx, 5)", NULL, NULL);
	struct plan_call call;
	struct err_note why;
	char *result;
	int code;

	cr_expect_eq(runner->ops->resume(runner, 0, NULL, &call, &result, &code, &why),
		     PLAN_CALLED);
	cr_expect_eq(call.kind, PLAN_CALL_SLEEP);
	runner->ops->free(runner);
}

Test(plan_runner_lua, wrong_branches_name_the_call)
{
	static const char *const cases[][2] = {
		{"ctx:par()", "ctx:par: the first argument must be a table"},
		{"ctx:par({})", "ctx:par takes 1 to 64 functions, found 0"},
		{"ctx:par({ function() end })", "a table of named functions"},
		{"ctx:par({ a = 5 })", "a table of named functions"},
		{"ctx:par({ ['a/b'] = function() end })", "without '/'"},
		{"ctx:par({ a = function() end }, { mode = 'some' })", "mode must be"},
		{"ctx:par({ a = function() end }, { limit = 3 })", "no member \"limit\""},
		{"ctx:each({}, 5)", "the second argument is a function"},
		{"ctx:each({}, pairs, { limit = 65 })",
		 "limit must be a whole number from 1 to 64"},
		{"ctx:each({}, pairs, { max_errors = 0.5 })", "max_errors must be a whole number"},
	};
	const char *const none[] = {NULL};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct play got = play(cases[i][0], none);

		cr_expect_eq(got.progress, PLAN_RAISED, "%s", cases[i][0]);
		cr_expect(strstr(got.why.text, cases[i][1]) != NULL, "%s\n got: %s", cases[i][0],
			  got.why.text);
		bytes_deinit(&got.log);
	}
}
