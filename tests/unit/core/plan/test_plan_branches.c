#include "world.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan_run.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static const char *journal_of(struct world *world, char out[2048])
{
	char *journal = world_journal(world, world_run(world, 0).id);
	snprintf(out, 2048, "%s", journal);
	mem_free(journal);
	return out;
}

static void begin(struct world *world, const struct plan_call *script,
		  const struct world_branch *branches)
{
	world_open(world, script);
	world->branches = branches;
	world_plan(world, NULL);
	world_trigger(world, 7);
}

static int approve(struct world *world, const char *step)
{
	struct err_note why = {{0}};
	int code = plan_engine_answer(world->engine, world_run(world, 0).id, step, true, NULL,
				      "ann", "", &why);
	world_turn(world);
	return code;
}

static const struct plan_call tell[] = {STEP("tell", "test.idem", NULL), END};
static const struct plan_call tell_twice[] = {STEP("tell", "test.idem", NULL),
					      STEP("tell", "test.idem", NULL), END};
static const struct plan_call kick[] = {STEP("kick", "test.once", NULL), END};
static const struct plan_call nap[] = {SLEEP("5000"), STEP("tell", "test.idem", NULL), END};
static const struct plan_call question[] = {ASK("{\"text\":\"?\"}"), END};
static const struct plan_call nothing[] = {END};
static const struct plan_call fails[] = {STEP("bad", "test.nothing", NULL), END};

Test(plan_branches, run_side_by_side_and_join)
{
	static const struct plan_call script[] = {
		BRANCHES("par", "{\"mode\":\"all\",\"names\":[\"a\",\"b\",\"c\"]}"),
		STEP("last", "test.idem", NULL), END};
	static const struct world_branch branches[] = {
		{"a", nap}, {"b", question}, {"c", tell}, {NULL, NULL}};
	struct world world;
	char journal[2048];
	begin(&world, script, branches);
	/* c has ended, a sleeps, b asks: the question says most about the run. */
	struct world_run run = world_run(&world, 0);
	cr_expect_eq(run.state, RUN_ASKING);
	cr_expect_str_eq(run.waiting_for, "b/sure#1: ?");
	cr_expect_eq(world_effects(&world, "/c/tell#1"), 1);
	cr_expect_eq(approve(&world, NULL), 0);
	cr_expect_eq(world_run(&world, 0).state, RUN_SLEEPING);
	world_advance(&world, 5000);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	cr_expect_eq(world_effects(&world, "/a/tell#1"), 1);
	cr_expect_eq(world_effects(&world, "/last#1"), 1);
	cr_expect_str_eq(world.answers[0], "{\"errors\":{},\"started\":3}");
	cr_expect_str_eq(journal_of(&world, journal),
			 "RunStarted BranchesOpened TimerSet AskOpened StepScheduled StepAttempt "
			 "StepDone AskAnswered TimerFired StepScheduled StepAttempt StepDone "
			 "Choice StepScheduled StepAttempt StepDone RunEnded");
	world_close(&world);
}

Test(plan_branches, scopes_of_one_name_are_counted)
{
	static const struct plan_call script[] = {
		BRANCHES("par", "{\"mode\":\"all\",\"names\":[\"a\"]}"),
		BRANCHES("par", "{\"mode\":\"all\",\"names\":[\"a\"]}"),
		BRANCHES("each", "{\"mode\":\"all\",\"count\":2}"), END};
	static const struct world_branch branches[] = {{"a", tell_twice}, {NULL, tell}};
	static const char *const keys[] = {"/a/tell#1",   "/a/tell#2", "/a#2/tell#1",
					   "/a#2/tell#2", "/1/tell#1", "/2/tell#1"};
	struct world world;
	begin(&world, script, branches);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE, "%s", world_run(&world, 0).error);
	for (int i = 0; i < 6; i++)
		cr_expect_eq(world_effects(&world, keys[i]), 1, "%s", keys[i]);
	cr_expect_eq(world.effect_count, 6);
	world_close(&world);
}

Test(plan_branches, a_failure_waits_for_the_others_and_is_told)
{
	static const struct plan_call script[] = {
		BRANCHES("par", "{\"mode\":\"settle\",\"names\":[\"a\",\"b\"]}"), END};
	static const struct world_branch branches[] = {{"a", fails}, {"b", nap}, {NULL, NULL}};
	struct world world;
	begin(&world, script, branches);
	cr_expect_eq(world_run(&world, 0).state, RUN_SLEEPING);
	cr_expect(world_has_fact(&world, "branch_failed"));
	world_restart(&world);
	world_advance(&world, 5000);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	cr_expect(strstr(world.answers[0], "\"errors\":{\"a\":\"script:1: there is no action"),
		  "%s", world.answers[0]);
	cr_expect_eq(world_effects(&world, "/b/tell#1"), 1);
	world_close(&world);
}

Test(plan_branches, any_stops_the_others)
{
	static const struct plan_call script[] = {
		BRANCHES("par", "{\"mode\":\"any\",\"names\":[\"a\",\"b\",\"c\"]}"), SLEEP("1000"),
		END};
	static const struct world_branch branches[] = {
		{"a", nap}, {"b", question}, {"c", fails}, {NULL, NULL}};
	struct world world;
	char journal[2048];
	begin(&world, script, branches);
	cr_expect_eq(approve(&world, "b/sure#1"), 0);
	cr_expect_eq(world_run(&world, 0).state, RUN_SLEEPING);
	cr_expect_str_eq(world.answers[0], "{\"started\":3,\"winner\":\"b\"}");
	world_restart(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_SLEEPING, "%s", world_run(&world, 0).error);
	cr_expect_str_eq(world.answers[0], "{\"started\":3,\"winner\":\"b\"}");
	world_advance(&world, 60000);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	cr_expect_eq(world_effects(&world, "/a/tell"), 0);
	cr_expect_str_eq(journal_of(&world, journal),
			 "RunStarted BranchesOpened TimerSet AskOpened StepScheduled StepFailed "
			 "AskAnswered Choice TimerSet TimerFired RunEnded");
	world_close(&world);
}

Test(plan_branches, any_fails_when_all_fail)
{
	static const struct plan_call script[] = {
		BRANCHES("par", "{\"mode\":\"any\",\"names\":[\"a\",\"b\"]}"), END};
	static const struct world_branch branches[] = {{"a", fails}, {"b", fails}, {NULL, NULL}};
	struct world world;
	begin(&world, script, branches);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	cr_expect(strstr(world.answers[0], "\"b\":\"script"), "%s", world.answers[0]);
	cr_expect_null(strstr(world.answers[0], "winner"));
	world_close(&world);
}

/* A loser whose `once` step is on its way is awaited, and a person says what became of it. */
Test(plan_branches, any_does_not_forget_a_once_step)
{
	static const struct plan_call twice[] = {STEP("kick", "test.once", NULL),
						 STEP("kick", "test.once", NULL), END};
	static const struct plan_call script[] = {
		BRANCHES("par", "{\"mode\":\"any\",\"names\":[\"a\",\"b\"]}"),
		STEP("last", "test.idem", NULL), END};
	static const struct world_branch branches[] = {{"a", twice}, {"b", nap}, {NULL, NULL}};
	static const enum world_reply replies[] = {REPLY_UNKNOWN, REPLY_OK, REPLY_OK};
	for (int restarts = 0; restarts < 2; restarts++) {
		struct world world;
		world_open(&world, script);
		world.branches = branches;
		world.replies = replies;
		world_plan(&world, NULL);
		world_trigger(&world, 7);
		cr_assert_eq(world_run(&world, 0).state, RUN_IN_DOUBT);
		world_advance(&world, 5000); /* b wins */
		cr_expect_eq(world_effects(&world, "/b/tell#1"), 1);
		if (restarts)
			world_restart(&world);
		cr_expect_eq(world_run(&world, 0).state, RUN_IN_DOUBT);
		cr_expect_eq(world_effects(&world, "/last"), 0);
		cr_expect_eq(approve(&world, NULL), 0);
		cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
		cr_expect_eq(world_effects(&world, "/a/kick#1"), 1);
		cr_expect_eq(world_effects(&world, "/a/kick#2"), 0,
			     "a stopped branch goes no further");
		cr_expect_eq(world_effects(&world, "/last"), 1);
		world_close(&world);
	}
}

Test(plan_branches, each_begins_no_more_than_its_limit)
{
	static const struct plan_call script[] = {
		BRANCHES("each", "{\"mode\":\"all\",\"count\":5,\"limit\":2,\"max_errors\":0}"),
		END};
	static const struct world_branch branches[] = {{NULL, nap}};
	struct world world;
	begin(&world, script, branches);
	for (int done = 0; done < 5; done += 2) {
		cr_expect_eq(world_effects(&world, "/tell"), done);
		world_restart(&world);
		world_advance(&world, 5000);
	}
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	cr_expect_eq(world_effects(&world, "/tell"), 5);
	cr_expect_eq(world.effect_count, 5);
	world_close(&world);
}

Test(plan_branches, each_begins_no_more_after_too_many_failures)
{
	static const struct plan_call script[] = {
		BRANCHES("each", "{\"mode\":\"all\",\"count\":9,\"limit\":2,\"max_errors\":1}"),
		SLEEP("1000"), END};
	static const struct world_branch branches[] = {{NULL, tell}};
	static const enum world_reply replies[] = {REPLY_FAIL, REPLY_FAIL, REPLY_FAIL, REPLY_OK};
	struct world world;
	world_open(&world, script);
	world.branches = branches;
	world.replies = replies;
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	cr_expect(strstr(world.answers[0], "\"started\":3}"), "%s", world.answers[0]);
	world_restart(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_SLEEPING, "%s", world_run(&world, 0).error);
	cr_expect(strstr(world.answers[0], "\"started\":3}"), "%s", world.answers[0]);
	world_close(&world);
}

Test(plan_branches, many_that_do_nothing_end_at_once)
{
	static const struct plan_call script[] = {
		BRANCHES("each", "{\"mode\":\"all\",\"count\":100000,\"limit\":3}"), END};
	static const struct world_branch branches[] = {{NULL, nothing}};
	struct world world;
	begin(&world, script, branches);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	cr_expect_eq(world_run(&world, 0).record_count, 4);
	world_close(&world);
}

Test(plan_branches, wrong_or_too_many_branches_fail_the_call)
{
	static const char *const args[] = {
		"{\"mode\":\"some\",\"count\":2}", "{\"mode\":\"all\",\"count\":0}",
		"{\"mode\":\"all\",\"count\":2,\"limit\":0}", "{\"mode\":\"all\",\"count\":256}"};
	static const struct world_branch branches[] = {{NULL, nothing}};
	for (int i = 0; i < 4; i++) {
		const struct plan_call script[] = {{.kind = PLAN_CALL_BRANCHES,
						    .id = "each",
						    .args_json = args[i],
						    .opts_json = "{\"on_fail\":\"continue\"}"},
						   SLEEP("1000"),
						   END};
		struct world world;
		begin(&world, script, branches);
		cr_expect(strstr(world.answers[0],
				 i < 3 ? "must be named or counted" : "at most 256 branches"),
			  "%s", world.answers[0]);
		world_restart(&world);
		cr_expect_eq(world_run(&world, 0).state, RUN_SLEEPING);
		world_close(&world);
	}
}

Test(plan_branches, several_questions_need_a_name)
{
	static const struct plan_call script[] = {
		BRANCHES("par", "{\"mode\":\"all\",\"names\":[\"a\",\"b\"]}"), END};
	static const struct world_branch branches[] = {
		{"a", question}, {"b", question}, {NULL, NULL}};
	struct world world;
	begin(&world, script, branches);
	cr_expect_str_eq(world_run(&world, 0).waiting_for, "a/sure#1: ? (and 1 more)");
	cr_expect_eq(approve(&world, NULL), ERR_CONFLICT);
	cr_expect_eq(approve(&world, "sure#1"), ERR_NOT_FOUND);
	cr_expect_eq(approve(&world, "b/sure#1"), 0);
	cr_expect_str_eq(world_run(&world, 0).waiting_for, "a/sure#1: ?");
	cr_expect_eq(approve(&world, NULL), 0);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	world_close(&world);
}

Test(plan_branches, doubt_stops_only_its_own_branch)
{
	static const struct plan_call script[] = {
		BRANCHES("par", "{\"mode\":\"all\",\"names\":[\"a\",\"b\"]}"), END};
	static const struct world_branch branches[] = {{"a", kick}, {"b", nap}, {NULL, NULL}};
	static const enum world_reply replies[] = {REPLY_UNKNOWN, REPLY_OK};
	struct world world;
	world_open(&world, script);
	world.branches = branches;
	world.replies = replies;
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	world_advance(&world, 3 * 3600 * 1000); /* past the time-out of an hour */
	cr_expect_eq(world_run(&world, 0).state, RUN_IN_DOUBT);
	cr_expect_eq(world_effects(&world, "/b/tell#1"), 1);
	cr_expect_eq(approve(&world, NULL), 0);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE, "%s", world_run(&world, 0).error);
	world_close(&world);
}

Test(plan_branches, cancel_and_timeout_end_all)
{
	static const struct plan_call script[] = {
		BRANCHES("par", "{\"mode\":\"all\",\"names\":[\"a\",\"b\"]}"), END};
	static const struct world_branch branches[] = {{"a", question}, {"b", tell}, {NULL, NULL}};
	static const enum world_reply silent[] = {REPLY_SILENT, REPLY_SILENT};
	struct world world;
	world_open(&world, script);
	world.branches = branches;
	world.replies = silent;
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	world_trigger(&world, 8);
	cr_expect_eq(plan_engine_cancel(world.engine, world_run(&world, 0).id, "ann", "", NULL), 0);
	cr_expect_eq(world_run(&world, 0).state, RUN_CANCELLED);
	cr_expect(strstr(world_run(&world, 0).error, "while b/tell#1 was being sent"));
	world_advance(&world, 3600 * 1000);
	cr_expect_eq(world_run(&world, 1).state, RUN_FAILED);
	cr_expect(strstr(world_run(&world, 1).error, "time-out"));
	world_close(&world);
}

Test(plan_branches, full_journal_ends_the_run_and_is_never_passed)
{
	static const struct plan_call script[] = {
		BRANCHES("each", "{\"mode\":\"all\",\"count\":6,\"limit\":3}"), END};
	static const struct world_branch branches[] = {{NULL, tell_twice}};
	int done_count = 0;
	for (uint32_t max = 8; max <= 90; max++) {
		struct world world;
		world_open(&world, script);
		world.branches = branches;
		world.engine->records_max = max;
		world_plan(&world, NULL);
		world_trigger(&world, 7);
		struct world_run run = world_run(&world, 0);
		cr_expect(run.state == RUN_FAILED || run.state == RUN_DONE, "max %u", max);
		cr_expect(run.state == RUN_DONE || strstr(run.error, "journal of the run is full"),
			  "%s", run.error);
		cr_expect_leq(run.record_count, max);
		done_count += run.state == RUN_DONE;
		world_close(&world);
	}
	cr_expect(done_count > 0 && done_count < 60, "%d", done_count);
}

Test(plan_branches, another_script_is_found_in_its_branch)
{
	static const struct plan_call script[] = {
		BRANCHES("par", "{\"mode\":\"all\",\"names\":[\"a\",\"b\"]}"), END};
	static const struct plan_call say[] = {STEP("say", "test.idem", NULL), END};
	static const struct world_branch branches[] = {{"a", question}, {"b", tell}, {NULL, NULL}};
	static const struct world_branch others[][3] = {
		{{"a", question}, {"b", say}, {NULL, NULL}},
		{{"a", question}, {"b", nothing}, {NULL, NULL}},
		{{"a", tell}, {"b", tell}, {NULL, NULL}},
	};
	static const char *const errors[] = {"asks for step b/say#1", "ended in branch b",
					     "asks for step a/tell#1"};
	for (int i = 0; i < 3; i++) {
		struct world world;
		begin(&world, script, branches);
		world.branches = others[i];
		world_restart(&world);
		struct world_run run = world_run(&world, 0);
		cr_expect_eq(run.state, RUN_BLOCKED);
		cr_expect(strstr(run.error, errors[i]), "%s", run.error);
		world_close(&world);
	}
}

/* After the Choice a branch that asks for more is another script than the one that ran. */
Test(plan_branches, a_longer_branch_is_found_after_its_join)
{
	static const struct plan_call script[] = {
		BRANCHES("par", "{\"mode\":\"all\",\"names\":[\"a\"]}"), SLEEP("5000"), END};
	static const struct world_branch branches[] = {{"a", tell}, {NULL, NULL}};
	static const struct world_branch other[] = {{"a", tell_twice}, {NULL, NULL}};
	struct world world;
	begin(&world, script, branches);
	world.branches = other;
	world_restart(&world);
	struct world_run run = world_run(&world, 0);
	cr_expect_eq(run.state, RUN_BLOCKED);
	cr_expect(strstr(run.error, "branch a had ended"), "%s", run.error);
	world_close(&world);
}

/* What the script has seen of its answers must not hang on when the other branch won. */
Test(plan_branches, a_replay_resumes_stopped_branches_as_often_as_the_first_run)
{
	static const struct plan_call script[] = {
		BRANCHES("par", "{\"mode\":\"any\",\"names\":[\"a\",\"b\",\"c\"]}"), SLEEP("5000"),
		END};
	static const struct world_branch branches[] = {
		{"a", tell}, {"b", tell_twice}, {"c", nap}, {NULL, NULL}};
	struct world world;
	/* a and b are answered in the same turn; a goes on first, and wins. */
	begin(&world, script, branches);
	cr_expect_eq(world_run(&world, 0).state, RUN_SLEEPING);
	cr_expect_eq(world_effects(&world, "/b/tell#2"), 0);
	int count = world.resume_count;
	world_restart(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_SLEEPING);
	cr_expect_eq(world.resume_count, count);
	cr_expect_eq(count, 7, "main twice, a twice, b twice, c once; found %d", count);
	world_close(&world);
}
