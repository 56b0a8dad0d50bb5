/* Branches of a plan, facts and the way back, played without an engine. */
#include "lua/bridge/plan_runner_lua.h"

#include "core/base/mem.h"
#include "core/plan/plan_runner.h"
#include "tests/unit/lua/bridge/start_plan.h"
#include "tests/unit/lua/script_test.h"

/* Plays an engine that answers each step, and runs branches one after the other. A step "bad"
 * fails. Logs "depth:id". */
struct tree_play {
	struct plan_runner *runner;
	struct bytes log;
	char *result;
	struct err_note why;
};

static enum plan_progress play_branch(struct tree_play *play, uint32_t number, int depth);

static char *play_children(struct tree_play *play, uint32_t parent, const char *args_json,
			   int depth)
{
	json_t *args = json_loads(args_json, 0, NULL), *errors = json_object(), *out;
	json_t *names = json_object_get(args, "names");
	bool is_any = strcmp(json_string_value(json_object_get(args, "mode")), "any") == 0;
	size_t count = names ? json_array_size(names)
			     : (size_t)json_integer_value(json_object_get(args, "count"));
	char winner[32] = "";

	for (size_t i = 0; i < count && !winner[0]; i++) {
		uint32_t number;
		char name[32];
		cr_assert_eq(play->runner->ops->fork(play->runner, parent, (uint32_t)i, &number,
						     &play->why),
			     0);
		if (names)
			snprintf(name, sizeof(name), "%s",
				 json_string_value(json_array_get(names, i)));
		else
			snprintf(name, sizeof(name), "%zu", i + 1);
		if (play_branch(play, number, depth + 1) == PLAN_RAISED)
			json_object_set_new(errors, name, json_string(play->why.text));
		else if (is_any)
			snprintf(winner, sizeof(winner), "%s", name);
		play->runner->ops->drop(play->runner, number);
	}
	out = winner[0] ? json_pack("{ss}", "winner", winner) : json_pack("{sO}", "errors", errors);
	char *text = json_dumps(out, JSON_COMPACT);
	json_decref(out);
	json_decref(errors);
	json_decref(args);
	return text;
}

static enum plan_progress play_branch(struct tree_play *play, uint32_t number, int depth)
{
	struct plan_answer answer = {0}, *given = NULL;
	enum plan_progress progress;
	struct plan_call call;
	char *text = NULL;
	int code;

	for (;;) {
		mem_free(play->result);
		play->result = NULL;
		progress = play->runner->ops->resume(play->runner, number, given, &call,
						     &play->result, &code, &play->why);
		free(text);
		text = NULL;
		if (progress != PLAN_CALLED)
			return progress;
		bytes_append_format(&play->log, "%d:%s ", depth, call.id);
		bool is_bad = strncmp(call.id, "bad", 3) == 0;
		if (strcmp(call.id, "undo") == 0) {
			bytes_append_format(&play->log, "%s ", call.args_json);
			is_bad = strstr(call.args_json, "stuck") != NULL;
		}
		if (call.kind == PLAN_CALL_VALUE)
			text = strcmp(call.action, "known") == 0 ? strdup("false")
								 : strdup(call.opts_json + 9);
		if (call.kind == PLAN_CALL_BRANCHES)
			text = play_children(play, number, call.args_json, depth);
		if (text && call.kind == PLAN_CALL_VALUE && strcmp(call.action, "fact") == 0)
			text[strlen(text) - 1] = '\0'; /* {"value":…} without its frame */
		answer = (struct plan_answer){.is_ok = !is_bad,
					      .result_json = text ? text : "{\"status\":200}",
					      .error = "no luck"};
		given = &answer;
	}
}

static void expect_tree(const char *body, const char *log, const char *result)
{
	struct tree_play play = {.runner = start_plan(body, NULL, NULL)};
	enum plan_progress progress = play_branch(&play, 0, 0);

	cr_expect_str_eq(play.log.data ? play.log.data : "", log);
	if (progress == PLAN_FINISHED)
		cr_expect_str_eq(play.result, result);
	else
		cr_expect(strstr(play.why.text, result) != NULL, "%s", play.why.text);
	mem_free(play.result);
	bytes_deinit(&play.log);
	play.runner->ops->free(play.runner);
}

Test(plan_branches_lua, par_gives_the_results_by_name)
{
	expect_tree("local r = ctx:par{ b = function(c) return c:http('b', {}).status end,\n"
		    "a = function(c) c:log('x') return { 1, 2 } end, n = function() end }\n"
		    "return { r.a, r.b, r.n == nil }",
		    "0:par 1:log 1:b ", "[[1,2],200,true]");
	expect_tree("local r = ctx:par{ a = function(c) return c:par{ x = function(d)\n"
		    "d:log('deep') return 7 end }.x end }\nreturn r.a",
		    "0:par 1:par 2:log ", "7");
}

Test(plan_branches_lua, par_tells_what_failed)
{
	expect_tree(
		"ctx:par{ a = function(c) c:http('bad', {}) end, b = function(c)\n"
		"c:log('on') end, c = function() error('oh', 0) end }",
		"0:par 1:bad 1:log ",
		"plans/x/1.lua:2: ctx:par: branch a failed: plans/x/1.lua:2: http 'bad' failed: "
		"no luck (and 1 more)");
	expect_tree("local r = ctx:par({ a = function() error('oh', 0) end,\n"
		    "b = function() return 5 end }, { mode = 'settle' })\n"
		    "return { r.a.ok, r.a.error, r.b.ok, r.b.value }",
		    "0:par ", "[false,\"oh\",true,5]");
	expect_tree("return { ctx:par({ a = function() error('oh', 0) end,\n"
		    "b = function() return 5 end }, { mode = 'any' }) }",
		    "0:par ", "[5,\"b\"]");
	expect_tree("ctx:par({ a = function() error('oh', 0) end }, { mode = 'any' })", "0:par ",
		    "ctx:par: branch a failed: oh");
}

Test(plan_branches_lua, each_gives_the_results_by_index)
{
	expect_tree("local r, bad = ctx:each({ 'x', 'y', 'z' }, function(c, item, i)\n"
		    "c:log(item) if item == 'y' then error('oh', 0) end return item .. i end,\n"
		    "{ limit = 2, max_errors = 1 })\nreturn { r[1], r[2] == nil, r[3], bad[2] }",
		    "0:each 1:log 1:log 1:log ", "[\"x1\",true,\"z3\",\"oh\"]");
	expect_tree("ctx:each({ 'x', 'y' }, function(c, item) error('oh ' .. item, 0) end)",
		    "0:each ", "ctx:each: item 1 failed: oh x (and 1 more)");
	expect_tree("return ctx:each({}, function() end)", "", "{}");
}

/* A branch that is given up inside a pcall takes its count with it. */
Test(plan_branches_lua, branches_count_their_pcalls_apart)
{
	struct plan_runner *runner =
		start_plan("ctx:each({ 1 }, function(c) local function deep(n)\n"
			   "if n == 0 then return c:sleep(5) end return pcall(deep, n - 1) end\n"
			   "deep(150) end)",
			   NULL, NULL);
	struct plan_call call;
	struct err_note why;
	char *result = NULL;
	int code;

	cr_expect_eq(runner->ops->resume(runner, 0, NULL, &call, &result, &code, &why),
		     PLAN_CALLED);
	for (int i = 0; i < 20; i++) {
		uint32_t number;
		cr_assert_eq(runner->ops->fork(runner, 0, 0, &number, &why), 0);
		cr_expect_eq(runner->ops->resume(runner, number, NULL, &call, &result, &code, &why),
			     PLAN_CALLED);
		cr_expect_eq(call.kind, PLAN_CALL_SLEEP);
		runner->ops->drop(runner, number);
	}
	runner->ops->free(runner);
}

Test(plan_branches_lua, a_fact_is_found_out_and_recorded)
{
	expect_tree("local n = ctx:fact('n', function() ctx:log('look') return { 4, 5 } end)\n"
		    "return n",
		    "0:n 0:log 0:n ", "[4,5]");
}

Test(plan_branches_lua, rollback_undoes_the_latest_first)
{
	expect_tree("ctx:step('a', 'x', {}, { undo = { 'x', { n = 1 } } })\n"
		    "ctx:step('b', 'x', {})\n"
		    "pcall(ctx.step, ctx, 'bad', 'x', {}, { undo = { 'x', { n = 9 } } })\n"
		    "ctx:undo('x', { n = 2 })\n"
		    "return ctx:rollback('no recovery')",
		    "0:a 0:b 0:bad 0:log 0:undo {\"n\":2} 0:undo {\"n\":1} ",
		    "{\"rolled_back\":2,\"why\":\"no recovery\"}");
}

Test(plan_branches_lua, rollback_goes_into_the_branches_of_a_call)
{
	expect_tree("ctx:undo('x', { n = 1 })\n"
		    "ctx:par{ b = function(c) c:undo('x', { n = 4 }) end, a = function(c)\n"
		    "c:undo('x', { n = 2 }) c:each({ 1 }, function(d) d:undo('x', { n = 3 }) end)\n"
		    "end }\n"
		    "ctx:undo('x', { n = 5 })\n"
		    "local first = ctx:rollback('x').rolled_back\n"
		    "return { first, ctx:rollback('again').rolled_back }",
		    "0:par 1:each 0:log 0:undo {\"n\":5} 0:undo {\"n\":4} 0:undo {\"n\":3} "
		    "0:undo {\"n\":2} 0:undo {\"n\":1} 0:log ",
		    "[5,0]");
}

Test(plan_branches_lua, rollback_of_a_branch_leaves_the_others_alone)
{
	expect_tree("ctx:undo('x', { n = 1 })\n"
		    "ctx:par{ a = function(c) c:undo('x', { n = 2 }) c:rollback('mine') end,\n"
		    "b = function(c) c:undo('x', { n = 3 }) end }",
		    "0:par 1:log 1:undo {\"n\":2} ", "null");
}

Test(plan_branches_lua, rollback_stops_where_an_undo_fails)
{
	expect_tree("ctx:undo('x', { n = 1 }) ctx:undo('x', { n = 'stuck' })\n"
		    "ctx:undo('x', { n = 3 }) ctx:rollback('x')",
		    "0:log 0:undo {\"n\":3} 0:undo {\"n\":\"stuck\"} 0:log ",
		    "the rollback has stopped: undo 2 of 3 failed: no luck");
}

Test(plan_branches_lua, wrong_calls_say_so)
{
	expect_tree("ctx:fact('n')", "", "ctx:fact: the second argument is a function");
	expect_tree("ctx:rollback()", "", "ctx:rollback: the first argument says why");
	expect_tree("ctx:undo(5)", "", "undo must be a list { action, args, opts }");
	expect_tree("ctx:step('a', 'x', {}, { undo = 'x' })", "", "ctx:step: undo must be a list");
}
