/* ctx:call: a plan calls another one. */
#include "world.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan_run.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct plan_operator ann = {"ann", NULL, "because"};

static const struct plan_call child[] = {SLEEP("5000"), STEP("do", "test.idem", NULL), END};
static const struct plan_call caller[] = {CALL("sub", "{\"params\":{\"limit\":7}}"),
					  STEP("last", "test.idem", NULL), END};

static void open_call(struct world *world, const struct plan_call *script,
		      const struct plan_call *called, void (*change)(struct plan *plan))
{
	world_open(world, script);
	world->child = called;
	world_plan(world, change);
	world_trigger(world, 7);
}

static void expect_states(struct world *world, const char *expected)
{
	struct bytes found = BYTES_EMPTY;
	for (int i = 0; i < world_run_count(world); i++)
		bytes_append_format(&found, "%s%s", i > 0 ? " " : "",
				    run_state_name(world_run(world, i).state));
	cr_expect_str_eq(found.data, expected);
	bytes_deinit(&found);
}

static void expect_journal(struct world *world, int index, const char *expected)
{
	char *journal = world_journal(world, world_run(world, index).id);
	cr_expect_str_eq(journal, expected);
	mem_free(journal);
}

static void expect_error(struct world *world, int index, const char *part)
{
	struct world_run run = world_run(world, index);
	cr_expect(strstr(run.error, part), "%s", run.error);
}

Test(plan_child, has_a_run_of_its_own_and_its_result_is_the_answer)
{
	for (int restarts = 0; restarts <= 1; restarts++) {
		struct world world;
		open_call(&world, caller, child, NULL);
		expect_states(&world, "waiting sleeping");
		char *id = mem_copy_text(world_run(&world, 1).id);
		char *waiting = mem_format("sub#1: run %s", id);
		cr_expect_str_eq(world_run(&world, 0).waiting_for, waiting);
		if (restarts)
			world_restart(&world);
		world_advance(&world, 5000);
		expect_states(&world, "done done");
		char *answer = mem_format(
			"{\"result\":{\"limit\":7},\"run\":\"%s\",\"state\":\"done\"}", id);
		cr_expect_str_eq(world.answers[0], answer);
		expect_journal(&world, 0,
			       "RunStarted ChildStarted ChildEnded StepScheduled StepAttempt "
			       "StepDone RunEnded");
		expect_journal(&world, 1,
			       "RunStarted TimerSet TimerFired StepScheduled StepAttempt StepDone "
			       "RunEnded");
		const struct plan_run *run = world.engine->runs[1];
		cr_expect_eq(run->incident, 7);
		cr_expect_eq(run->depth, 1);
		cr_expect_str_eq(run->parent, world_run(&world, 0).id);
		mem_free(answer);
		mem_free(waiting);
		mem_free(id);
		world_close(&world);
	}
}

Test(plan_child, what_cannot_be_called_is_told_and_replayed)
{
	static const struct {
		struct plan_call script[3];
		const char *error;
	} cases[] = {
		{{CALL("other", "{}"), END}, "there is no active plan \"other\""},
		{{CALL("sub", "{\"params\":{\"speed\":1}}"), END}, "speed"},
		{{CALL("sub", "{\"timeout_ms\":-1}"), END}, "the time-out of a call"},
		{{CALL("sub", "{\"what\":1}"), END}, "what"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world world;
		open_call(&world, cases[i].script, child, NULL);
		cr_expect_eq(world_run_count(&world), 1);
		expect_states(&world, "failed");
		expect_error(&world, 0, cases[i].error);
		expect_journal(&world, 0, "RunStarted ChildStarted ChildEnded RunEnded");
		world_close(&world);
	}
}

Test(plan_child, failure_is_told_with_its_reason)
{
	static const struct plan_call fails[] = {STEP("do", "test.once", NULL), END};
	static const enum world_reply replies[] = {REPLY_FAIL};
	struct world world;
	world_open(&world, caller);
	world.child = fails;
	world.replies = replies;
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	expect_states(&world, "failed failed");
	expect_error(&world, 0, " is failed: script:1: it went wrong");
	world_close(&world);
}

Test(plan_child, ends_with_its_caller_unless_it_is_detached)
{
	static const struct plan_call detached[] = {CALL("sub", "{\"detach\":true}"),
						    SLEEP("3600000"), END};
	struct world world;
	struct err_note why = {{0}};
	for (int restarts = 0; restarts <= 1; restarts++) {
		open_call(&world, caller, child, NULL);
		if (restarts)
			world_restart(&world);
		char *first = mem_copy_text(world_run(&world, 0).id);
		cr_assert_eq(plan_engine_cancel(world.engine, first, "ann", "", &why), 0);
		expect_states(&world, "cancelled cancelled");
		expect_error(&world, 1, ": the run that called it has ended");
		expect_error(&world, 1, first);
		expect_journal(&world, 1, "RunStarted TimerSet Operator RunEnded");
		mem_free(first);
		world_close(&world);
	}
	open_call(&world, detached, child, NULL);
	expect_states(&world, "sleeping sleeping");
	cr_assert_eq(plan_engine_cancel(world.engine, world_run(&world, 0).id, "ann", "", &why), 0);
	world_advance(&world, 5000);
	expect_states(&world, "cancelled done");
	world_close(&world);
}

Test(plan_child, time_out_of_the_run_or_of_the_call_ends_it)
{
	static const struct plan_call sleeps[] = {SLEEP("7200000"), END};
	static const struct plan_call limited[] = {CALL("sub", "{\"timeout_ms\":3000}"), END};
	struct world world;
	open_call(&world, limited, sleeps, NULL);
	world_restart(&world);
	world_advance(&world, 3000);
	expect_states(&world, "failed cancelled");
	expect_error(&world, 0, " did not end within the time-out of the call");
	expect_error(&world, 1, "the time-out of the call is over");
	world_close(&world);
	open_call(&world, caller, sleeps, NULL);
	world.engine->runs[1]->timeout_ms *= 10;
	world_advance(&world, world.engine->runs[0]->timeout_ms);
	expect_states(&world, "failed cancelled");
	world_close(&world);
}

Test(plan_child, doubt_of_a_child_stops_the_time_outs_of_its_callers)
{
	static const struct plan_call kicks[] = {STEP("kick", "test.once", NULL), SLEEP("60000"),
						 END};
	static const struct plan_call limited[] = {CALL("sub", "{\"timeout_ms\":3000}"), END};
	static const enum world_reply replies[] = {REPLY_UNKNOWN, REPLY_OK};
	for (int i = 0; i <= 1; i++) {
		struct world world;
		struct err_note why = {{0}};
		world_open(&world, i == 0 ? caller : limited);
		world.child = kicks;
		world.replies = replies;
		world_plan(&world, NULL);
		world_trigger(&world, 7);
		world_advance(&world, world.engine->runs[0]->timeout_ms + 1000);
		expect_states(&world, "waiting in_doubt");
		world_restart(&world);
		world_advance(&world, 1000);
		expect_states(&world, "waiting in_doubt");
		cr_assert_eq(plan_engine_answer(world.engine, world_run(&world, 1).id, NULL, true,
						NULL, "ann", "", &why),
			     0);
		world_advance(&world, i == 0 ? 61000 : 120000);
		expect_states(&world, i == 0 ? "done done" : "failed cancelled");
		if (i == 0)
			cr_expect_geq(world.engine->runs[0]->paused_ms, 3600 * 1000);
		world_close(&world);
	}
}

static void allow_many(struct plan *plan)
{
	plan->concurrency_limit = 100;
}

Test(plan_child, plan_that_calls_itself_is_refused_by_its_limit_or_by_the_depth)
{
	static const struct plan_call again[] = {CALL("sub", "{}"), END};
	struct world world;
	open_call(&world, again, again, NULL);
	expect_states(&world, "failed failed");
	expect_error(&world, 1, "it would wait for a run that waits for it");
	world_close(&world);
	open_call(&world, again, again, allow_many);
	cr_expect_eq(world_run_count(&world), CALL_DEPTH_MAX + 1);
	expect_error(&world, CALL_DEPTH_MAX, "calls are at most 8 deep");
	for (int i = 0; i <= CALL_DEPTH_MAX; i++)
		cr_expect_eq(world_run(&world, i).state, RUN_FAILED);
	world_close(&world);
}

static const struct plan_call with_one[] = {CALL("sub", "{\"params\":{\"limit\":1}}"), END};
static const struct plan_call with_two[] = {CALL("sub", "{\"params\":{\"limit\":2}}"), END};
static const struct world_branch three[] = {
	{"a", with_one}, {"b", with_one}, {"c", with_two}, {NULL, NULL}};
static const struct plan_call par_of_three[] = {
	BRANCHES("par", "{\"mode\":\"all\",\"names\":[\"a\",\"b\",\"c\"]}"), END};

Test(plan_child, one_that_runs_serves_who_asks_for_the_same_and_others_wait)
{
	struct world world;
	world_open(&world, par_of_three);
	world.child = child;
	world.branches = three;
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	expect_states(&world, "waiting sleeping queued");
	world_restart(&world);
	world_advance(&world, 5000);
	cr_expect_eq(world_effects(&world, "/do#1"), 1);
	cr_expect_eq(world_run(&world, 0).state, RUN_WAITING);
	world_advance(&world, 5000);
	expect_states(&world, "done done done");
	cr_expect_str_eq(world.answers[0], "{\"errors\":{},\"started\":3}");
	cr_expect_eq(world_effects(&world, "/do#1"), 2);
	world_close(&world);
}

Test(plan_child, branch_that_has_lost_cancels_what_it_called)
{
	static const struct plan_call wins[] = {SLEEP("1000"), END};
	static const struct world_branch branches[] = {{"a", with_one}, {"b", wins}, {NULL, NULL}};
	static const struct plan_call race[] = {
		BRANCHES("par", "{\"mode\":\"any\",\"names\":[\"a\",\"b\"]}"), SLEEP("9000"), END};
	for (int restarts = 0; restarts <= 1; restarts++) {
		struct world world;
		world_open(&world, race);
		world.child = child;
		world.branches = branches;
		world_plan(&world, NULL);
		world_trigger(&world, 7);
		if (restarts)
			world_restart(&world);
		world_advance(&world, 1000);
		expect_states(&world, "sleeping cancelled");
		expect_error(&world, 1, "another branch has won");
		world_restart(&world);
		expect_states(&world, "sleeping cancelled");
		world_close(&world);
	}
}

Test(plan_child, operator_skips_the_call_and_cancels_the_child)
{
	struct world world;
	struct err_note why = {{0}};
	open_call(&world, caller, child, NULL);
	cr_expect_eq(plan_engine_set(world.engine, world_run(&world, 0).id, NULL, "1", &ann, &why),
		     ERR_CONFLICT);
	cr_assert_eq(plan_engine_skip(world.engine, world_run(&world, 0).id, NULL, &ann, &why), 0);
	world_turn(&world);
	expect_states(&world, "done cancelled");
	cr_expect_str_eq(world.answers[0], "{\"skipped\":true,\"state\":\"skipped\"}");
	world_close(&world);
}

Test(plan_child, caller_and_child_are_parked_while_they_wait)
{
	struct world world;
	world_open(&world, caller);
	world.child = child;
	world.parks = true;
	world.engine->awake_max = 0;
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	world_advance(&world, 0);
	expect_states(&world, "waiting sleeping");
	cr_expect(world.engine->runs[0]->is_parked);
	for (int restarts = 0; restarts <= 1; restarts++) {
		world_advance(&world, 1000);
		world_restart(&world);
		cr_expect(world.engine->runs[0]->is_parked);
	}
	world_advance(&world, 4000);
	expect_states(&world, "done done");
	cr_expect(strstr(world.answers[0], "\"result\":{\"limit\":7}"), "%s", world.answers[0]);
	world_close(&world);
}

Test(plan_child, child_that_has_ended_is_kept_until_its_caller_has_ended)
{
	static const struct plan_call calls[] = {CALL("sub", "{}"), SLEEP("60000"), END};
	static const struct plan_call empty[] = {END};
	struct world world;
	open_call(&world, calls, empty, NULL);
	world.engine->ended_max = 0;
	world_trigger(&world, 8);
	world_advance(&world, 1000);
	world_trigger(&world, 9);
	expect_states(&world, "sleeping done sleeping done sleeping done");
	world_advance(&world, 60000);
	world_trigger(&world, 10);
	cr_expect_leq(world_run_count(&world), 4);
	world_close(&world);
}

/* ---- crashes ---- */

static const struct plan_call grandchild_calls[] = {STEP("tell", "test.idem", NULL), SLEEP("6000"),
						    STEP("kick", "test.once", NULL), END};
static const struct plan_call tree[] = {
	CALL("sub", "{\"params\":{\"limit\":7}}"), CALL("sub", "{\"detach\":true}"),
	BRANCHES("par", "{\"mode\":\"any\",\"names\":[\"b\",\"c\"]}"),
	STEP("last", "test.idem", NULL), END};
static const struct plan_call wins[] = {SLEEP("2000"), END};
static const struct world_branch tree_branches[] = {{"b", wins}, {"c", with_two}, {NULL, NULL}};

static bool drive(struct world *world)
{
	for (int i = 0; i < 40; i++) {
		struct err_note why = {{0}};
		world_advance(world, 1000);
		if (world->has_crashed)
			return false;
		for (int r = 0; r < world_run_count(world); r++) {
			struct world_run run = world_run(world, r);
			cr_assert_neq(run.state, RUN_BLOCKED, "%s", run.error);
			if (run.state == RUN_IN_DOUBT)
				plan_engine_answer(world->engine, run.id, NULL, true, NULL, "ann",
						   "", &why);
		}
	}
	return true;
}

static int count_of(const char *text, const char *word)
{
	int count = 0;
	for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
		count++;
	return count;
}

static bool crash_twice(int first, int second, bool takes, bool parks)
{
	struct world world;
	char where[64];
	snprintf(where, sizeof(where), "crash at %d, then %d, %s%s", first, second,
		 takes ? "durable" : "lost", parks ? ", parked" : "");
	world_open(&world, tree);
	world.child = grandchild_calls;
	world.branches = tree_branches;
	world.parks = parks;
	world.engine->awake_max = parks ? 0 : RUNS_AWAKE_MAX;
	world_plan(&world, allow_many);
	world_trigger(&world, 7);
	world.crash_at = world.write_count + first;
	world.crash_takes = takes;
	bool has_crashed = !drive(&world);
	if (has_crashed) {
		world_restart(&world);
		allow_many(world.plan);
		world.crash_at = world.write_count + second;
		if (!drive(&world)) {
			world_restart(&world);
			cr_assert(drive(&world), "%s", where);
		}
	}
	char *journal = world_journal(&world, world_run(&world, 0).id);
	cr_expect_eq(count_of(journal, "ChildStarted"), 3, "%s: %s", where, journal);
	cr_expect_eq(count_of(journal, "ChildEnded"), 2, "%s: %s", where, journal);
	cr_expect(strstr(journal, " Choice StepScheduled "), "%s: %s", where, journal);
	mem_free(journal);
	cr_expect_eq(world_run_count(&world), 4, "%s", where);
	for (int i = 0; i < 4 && i < world_run_count(&world); i++) {
		struct world_run run = world_run(&world, i);
		bool is_loser = strstr(world.engine->runs[i]->params_json, "\"limit\":2");
		char key[160];
		cr_expect_eq(run.state, is_loser ? RUN_CANCELLED : RUN_DONE, "%s: run %d is %s: %s",
			     where, i, run_state_name(run.state), run.error);
		snprintf(key, sizeof(key), "%s/kick#1", run.id);
		/* A doubt is answered with "it happened". */
		cr_expect_leq(world_effects(&world, key), is_loser || i == 0 ? 0 : 1, "%s: %s",
			      where, key);
		if (i == 0 || is_loser)
			continue;
		snprintf(key, sizeof(key), "%s/tell#1", run.id);
		cr_expect_geq(world_effects(&world, key), 1, "%s: %s", where, key);
	}
	world_close(&world);
	return has_crashed;
}

static void crash_everywhere(bool parks)
{
	for (int takes = 0; takes <= 1; takes++) {
		int first = 1;
		while (crash_twice(first, 1000, takes == 1, parks))
			first++;
		cr_expect_gt(first, 15, "the runs made only %d commits", first - 1);
		for (int i = 1; i < first; i++) {
			for (int second = 1; second <= (getenv("TOCSIN_LONG") ? 4 : 1); second++)
				crash_twice(i, second + i % 3, takes == 1, parks);
		}
	}
}

Test(plan_child, calls_end_the_same_after_a_crash_at_every_commit)
{
	crash_everywhere(false);
}

Test(plan_child, calls_end_the_same_when_they_are_parked)
{
	crash_everywhere(true);
}
