#include "world.h"

#include "core/base/mem.h"
#include "core/plan/plan_run.h"

#include <criterion/criterion.h>

#include <string.h>

#define LOOK       "{\"probe\":{\"action\":\"test.look\"},\"retry\":{\"max\":3,\"first\":1}}"
#define WANT(what) "{\"effect\":\"probe\",\"probe\":{\"action\":\"test.look\",\"want\":" what "}}"

struct probe_case {
	const char *opts;
	enum world_reply replies[4];
	enum world_reply looks[6];
	int tries, look_count;
	enum run_state state;
};

Test(plan_probe, the_target_decides_what_follows_an_unknown_outcome)
{
	static const struct probe_case cases[] = {
		{LOOK, {REPLY_OK}, {REPLY_OK}, 1, 0, RUN_DONE},
		{LOOK, {REPLY_UNKNOWN}, {REPLY_OK}, 1, 1, RUN_DONE},
		{LOOK, {REPLY_REPEAT}, {REPLY_OK}, 1, 1, RUN_DONE},
		{LOOK, {REPLY_UNKNOWN, REPLY_OK}, {REPLY_ABSENT}, 2, 1, RUN_DONE},
		{LOOK,
		 {REPLY_UNKNOWN, REPLY_UNKNOWN, REPLY_OK},
		 {REPLY_ABSENT, REPLY_ABSENT},
		 3,
		 2,
		 RUN_DONE},
		{LOOK,
		 {REPLY_UNKNOWN, REPLY_UNKNOWN, REPLY_UNKNOWN},
		 {REPLY_ABSENT, REPLY_ABSENT, REPLY_ABSENT},
		 3,
		 3,
		 RUN_FAILED},
		{LOOK,
		 {REPLY_UNKNOWN},
		 {REPLY_UNKNOWN, REPLY_FAIL, REPLY_REPEAT, REPLY_UNKNOWN},
		 1,
		 4,
		 RUN_IN_DOUBT},
		{LOOK, {REPLY_UNKNOWN}, {REPLY_UNKNOWN, REPLY_OK}, 1, 2, RUN_DONE},
		{LOOK, {REPLY_FAIL}, {REPLY_OK}, 1, 0, RUN_FAILED},
		{LOOK, {REPLY_RETRY, REPLY_OK}, {REPLY_OK}, 2, 0, RUN_DONE},
		{WANT("{\"a\":0.1}"), {REPLY_UNKNOWN}, {REPLY_OK}, 1, 1, RUN_DONE},
		{WANT("{\"a\":0.2}"), {REPLY_UNKNOWN, REPLY_OK}, {REPLY_OK}, 2, 1, RUN_DONE},
		{WANT("{\"c\":1}"), {REPLY_UNKNOWN, REPLY_OK}, {REPLY_OK}, 2, 1, RUN_DONE},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct plan_call script[] = {STEP("do", "test.once", cases[i].opts), END};
		struct world world;
		world_open(&world, script);
		world.replies = cases[i].replies;
		world.looks = cases[i].looks;
		world_plan(&world, NULL);
		world_trigger(&world, 7);
		world_advance(&world, 10 * 60 * 1000);
		cr_expect_eq(world_run(&world, 0).state, cases[i].state, "case %zu: %s", i,
			     world_run(&world, 0).error);
		cr_expect_eq(world_effects(&world, "/do#1"), cases[i].tries, "case %zu", i);
		cr_expect_eq(world.look_count, cases[i].look_count, "case %zu", i);
		world_close(&world);
	}
}

Test(plan_probe, the_result_says_that_the_target_was_asked)
{
	static const struct plan_call script[] = {STEP("do", "test.once", LOOK), SLEEP("5000"),
						  END};
	static const enum world_reply replies[] = {REPLY_UNKNOWN};
	struct world world;
	world_open(&world, script);
	world.replies = replies;
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	for (int restarts = 0; restarts < 2; restarts++) {
		cr_expect_str_eq(world.answers[0],
				 "{\"found\":{\"a\":0.1,\"b\":2},\"probed\":true}");
		world_restart(&world);
	}
	char *journal = world_journal(&world, world_run(&world, 0).id);
	cr_expect_str_eq(journal, "RunStarted StepScheduled StepAttempt StepProbed StepDone "
				  "TimerSet");
	mem_free(journal);
	world_close(&world);
}

static const char *const wrong_opts[][2] = {
	{"{\"effect\":\"probe\"}", "needs opts.probe"},
	{"{\"probe\":{}}", "needs opts.probe"},
	{"{\"probe\":{\"action\":\"test.look\",\"want\":5}}", "needs opts.probe"},
	{"{\"probe\":{\"action\":\"test.look\",\"wnat\":{}}}", "no member \"wnat\""},
	{"{\"probe\":{\"action\":\"no.such\"}}", "opts.probe: there is no action"},
	{"{\"effect\":\"once\",\"probe\":{\"action\":\"test.look\"}}", "not with \"once\""},
};

Test(plan_probe, wrong_probes_fail_the_step)
{
	for (size_t i = 0; i < sizeof(wrong_opts) / sizeof(wrong_opts[0]); i++) {
		const struct plan_call script[] = {STEP("do", "test.once", wrong_opts[i][0]), END};
		struct world world;
		world_open(&world, script);
		world_plan(&world, NULL);
		world_trigger(&world, 7);
		struct world_run run = world_run(&world, 0);
		cr_expect_eq(run.state, RUN_FAILED);
		cr_expect(strstr(run.error, wrong_opts[i][1]), "%s", run.error);
		cr_expect_eq(world.effect_count, 0);
		world_close(&world);
	}
}

/* With a target that tells the truth the effect happens exactly once, wherever the process ends. */
Test(plan_probe, happens_exactly_once_after_a_crash_at_every_commit)
{
	static const struct plan_call script[] = {STEP("do", "test.once", LOOK),
						  STEP("do", "test.once", LOOK), END};
	for (int takes = 0; takes <= 1; takes++) {
		for (int at = 2 - takes; at <= 7; at++) {
			struct world world;
			world_open(&world, script);
			world_plan(&world, NULL);
			world.crash_at = at;
			world.crash_takes = takes == 1;
			world_trigger(&world, 7);
			world_advance(&world, 60000);
			cr_expect(world.has_crashed);
			world_restart(&world);
			world_advance(&world, 60000);
			cr_expect_eq(world_run(&world, 0).state, RUN_DONE, "crash at %d, %d: %s",
				     at, takes, world_run(&world, 0).error);
			cr_expect_eq(world_effects(&world, "/do#1"), 1, "crash at %d, %d", at,
				     takes);
			cr_expect_eq(world_effects(&world, "/do#2"), 1, "crash at %d, %d", at,
				     takes);
			world_close(&world);
		}
	}
}

/* A loser of `any` is not left unknown: the target is asked before the run goes on. */
Test(plan_probe, a_stopped_branch_asks_first)
{
	static const struct plan_call script[] = {
		BRANCHES("par", "{\"mode\":\"any\",\"names\":[\"a\",\"b\"]}"), END};
	static const struct plan_call move[] = {STEP("do", "test.once", LOOK),
						STEP("do", "test.once", LOOK), END};
	static const struct plan_call nap[] = {SLEEP("100"), END};
	static const struct world_branch branches[] = {{"a", move}, {"b", nap}, {NULL, NULL}};
	static const enum world_reply replies[] = {REPLY_UNKNOWN, REPLY_OK};
	static const enum world_reply looks[] = {REPLY_UNKNOWN, REPLY_ABSENT};
	struct world world;
	world_open(&world, script);
	world.branches = branches;
	world.replies = replies;
	world.looks = looks;
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	world_advance(&world, 60000);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	cr_expect_eq(world.look_count, 2);
	cr_expect_eq(world_effects(&world, "/a/do"), 1, "it is not sent again");
	world_close(&world);
}
