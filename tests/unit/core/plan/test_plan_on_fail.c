/* opts.on_fail = "wait": a step that has failed for good waits for an operator. */
#include "world.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan_run.h"

#include <criterion/criterion.h>

#include <string.h>

static const struct plan_operator ann = {"ann", NULL, "because"};

#define WAITS "{\"on_fail\":\"wait\",\"retry\":{\"max\":1}}"
static const struct plan_call script[] = {STEP("do", "test.idem", WAITS),
					  STEP("next", "test.idem", NULL), END};

static struct world_run open_failed(struct world *world, const enum world_reply *replies)
{
	world_open(world, script);
	world->replies = replies;
	world_plan(world, NULL);
	world_trigger(world, 7);
	struct world_run run = world_run(world, 0);
	cr_assert_eq(run.state, RUN_IN_DOUBT, "%s", run.error);
	cr_expect_str_eq(run.waiting_for, "do#1: test.idem has failed: it went wrong");
	cr_expect(world_has_fact(world, "step_waits"));
	return run;
}

static void expect_end(struct world *world, enum run_state state, const char *journal)
{
	struct world_run run = world_run(world, 0);
	char *found = world_journal(world, run.id);
	cr_expect_eq(run.state, state, "%s", run.error);
	cr_expect_str_eq(found, journal);
	cr_expect_eq(world->engine->runs[0]->doubt_count, 0);
	mem_free(found);
	world_close(world);
}

Test(plan_on_fail, retry_after_a_restart_and_past_the_time_out)
{
	static const enum world_reply replies[] = {REPLY_FAIL, REPLY_OK, REPLY_OK};
	struct world world;
	struct err_note why = {{0}};
	struct world_run run = open_failed(&world, replies);
	world_restart(&world);
	world_advance(&world, world.engine->runs[0]->timeout_ms + 1000);
	cr_expect_eq(world_run(&world, 0).state, RUN_IN_DOUBT);
	cr_expect_str_eq(world_run(&world, 0).waiting_for, run.waiting_for);
	cr_assert_eq(plan_engine_retry(world.engine, run.id, NULL, "{\"x\":1}", &ann, &why), 0);
	world_turn(&world);
	cr_expect_eq(world_effects(&world, "/do#1+1"), 1);
	expect_end(&world, RUN_DONE,
		   "RunStarted StepScheduled StepAttempt StepInDoubt Operator StepAttempt "
		   "StepDone StepScheduled StepAttempt StepDone RunEnded");
}

Test(plan_on_fail, skip_and_set_go_on_without_it)
{
	static const enum world_reply replies[] = {REPLY_FAIL, REPLY_OK};
	for (int is_skip = 0; is_skip <= 1; is_skip++) {
		struct world world;
		struct err_note why = {{0}};
		struct world_run run = open_failed(&world, replies);
		int code = is_skip ? plan_engine_skip(world.engine, run.id, NULL, &ann, &why)
				   : plan_engine_set(world.engine, run.id, NULL, "{\"a\":1}", &ann,
						     &why);
		cr_assert_eq(code, 0, "%s", why.text);
		world_turn(&world);
		cr_expect_str_eq(world.answers[0], is_skip ? "{\"skipped\":true}" : "{\"a\":1}");
		expect_end(&world, RUN_DONE,
			   "RunStarted StepScheduled StepAttempt StepInDoubt Operator StepDone "
			   "StepScheduled StepAttempt StepDone RunEnded");
	}
}

Test(plan_on_fail, reject_lets_it_fail_with_its_own_error)
{
	static const enum world_reply replies[] = {REPLY_FAIL};
	struct world world;
	struct err_note why = {{0}};
	struct world_run run = open_failed(&world, replies);
	cr_assert_eq(plan_engine_answer(world.engine, run.id, NULL, false, NULL, "ann", "", &why),
		     0);
	world_turn(&world);
	cr_expect_str_eq(world_run(&world, 0).error, "script:1: it went wrong");
	expect_end(&world, RUN_FAILED,
		   "RunStarted StepScheduled StepAttempt StepInDoubt Operator StepFailed RunEnded");
}

Test(plan_on_fail, branch_that_has_lost_waits_for_nobody)
{
	static const struct plan_call fails[] = {STEP("do", "test.idem", WAITS),
						 STEP("never", "test.idem", NULL), END};
	static const struct plan_call wins[] = {SLEEP("5000"), END};
	static const struct world_branch branches[] = {{"a", fails}, {"b", wins}, {NULL, NULL}};
	static const struct plan_call race[] = {
		BRANCHES("par", "{\"mode\":\"any\",\"names\":[\"a\",\"b\"]}"),
		STEP("last", "test.idem", NULL), END};
	static const enum world_reply replies[] = {REPLY_FAIL, REPLY_OK};
	struct world world;
	world_open(&world, race);
	world.branches = branches;
	world.replies = replies;
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	cr_assert_eq(world_run(&world, 0).state, RUN_IN_DOUBT);
	world_restart(&world);
	world_advance(&world, 5000);
	cr_expect_eq(world_effects(&world, "never"), 0);
	expect_end(&world, RUN_DONE,
		   "RunStarted BranchesOpened StepScheduled TimerSet StepAttempt StepInDoubt "
		   "TimerFired Choice StepFailed StepScheduled StepAttempt StepDone RunEnded");
}
