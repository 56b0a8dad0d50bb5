#include "world.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/config/config_risk.h"
#include "core/plan/plan_run.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#define HOUR_MS (3600 * 1000)

static const struct plan_call one[] = {STEP("do", "test.once", NULL), END};
static const struct plan_call calm[] = {VALUE("now"), END}; /* a step would need a target */

static void install(struct world *world, struct config *config, const char *risk)
{
	world_plan(world, NULL);
	world->plan->risk = risk;
	plan_engine_install(world->engine, config, &world->plan, 1);
}

static struct config_risk usual(void)
{
	static const char *to[] = {"ops"};
	return (struct config_risk){.low = RISK_RUN,
				    .medium = RISK_TELL,
				    .high = RISK_ASK,
				    .to = to,
				    .to_count = 1,
				    .quorum = 1,
				    .expires_ms = HOUR_MS,
				    .has_four_eyes = true,
				    .preapproved = "P1",
				    .drilled_ms = 24 * HOUR_MS};
}

/* Lives on the stack of the test: nobody frees it. */
#define WITH_RISK(risk_of, name)                                                                   \
	struct config_risk risk_of = usual();                                                      \
	struct config name = {.reference_count = 1000, .risk = &(risk_of)}

static int answer(struct world *world, const char *actor, bool is_approved, struct err_note *why)
{
	int code = plan_engine_answer(world->engine, world_run(world, 0).id, NULL, is_approved,
				      NULL, actor, "", why);
	world_turn(world);
	return code;
}

struct mode_case {
	const char *risk;
	enum run_state state;
	int sent_count;
};

Test(plan_gate, by_the_risk_of_the_plan)
{
	static const struct mode_case cases[] = {
		{"low", RUN_DONE, 0}, {"medium", RUN_DONE, 1}, {"high", RUN_ASKING, 1}};
	for (size_t i = 0; i < 3; i++) {
		struct world world;
		WITH_RISK(risk, config);
		world_open(&world, one);
		install(&world, &config, cases[i].risk);
		world_trigger(&world, 7);
		struct world_run run = world_run(&world, 0);
		cr_expect_eq(run.state, cases[i].state, "%s: %s", cases[i].risk, run.error);
		cr_expect_eq(world.sent_count, cases[i].sent_count, "%s", cases[i].risk);
		cr_expect_eq(world_effects(&world, "do"), run.state == RUN_DONE ? 1 : 0);
		world_close(&world);
	}
}

Test(plan_gate, nothing_is_done_before_a_yes_and_nothing_after_a_no)
{
	for (int is_approved = 0; is_approved <= 1; is_approved++) {
		struct world world;
		struct err_note why = {{0}};
		WITH_RISK(risk, config);
		world_open(&world, one);
		install(&world, &config, "high");
		world_trigger(&world, 7);
		cr_expect(strstr(world_run(&world, 0).waiting_for,
				 "start#1: May it start? plan help (high risk) for incident 7"),
			  "%s", world_run(&world, 0).waiting_for);
		world_restart(&world);
		cr_expect_eq(world_effects(&world, "do"), 0);
		cr_assert_eq(answer(&world, "bob", is_approved == 1, &why), 0, "%s", why.text);
		world_restart(&world);
		struct world_run run = world_run(&world, 0);
		cr_expect_eq(run.state, is_approved ? RUN_DONE : RUN_CANCELLED, "%s", run.error);
		cr_expect(is_approved || strstr(run.error, "it was not approved, says bob"), "%s",
			  run.error);
		cr_expect_eq(world_effects(&world, "do#1"), is_approved);
		world_close(&world);
	}
}

Test(plan_gate, the_time_of_the_question_is_not_the_runs_and_it_expires)
{
	struct world world;
	struct err_note why = {{0}};
	WITH_RISK(risk, config);
	risk.expires_ms = INT64_C(5) * HOUR_MS;
	world_open(&world, one);
	install(&world, &config, "high");
	world_trigger(&world, 7);
	world_trigger(&world, 8);
	world_advance(&world, INT64_C(4) * HOUR_MS);
	cr_expect_eq(world_run(&world, 0).state, RUN_ASKING, "its time-out is one hour");
	cr_assert_eq(answer(&world, "bob", true, &why), 0);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	world_advance(&world, HOUR_MS);
	cr_expect_eq(world_run(&world, 1).state, RUN_CANCELLED);
	cr_expect(strstr(world_run(&world, 1).error, "nobody answered in time"), "%s",
		  world_run(&world, 1).error);
	world_close(&world);
}

Test(plan_gate, who_started_it_may_not_approve_it_and_a_rollback_ends_it)
{
	struct world world;
	struct err_note why = {{0}};
	char *id = NULL;
	WITH_RISK(risk, config);
	world_open(&world, one);
	install(&world, &config, "high");
	struct plan_start start = {.plan = "help", .incident = 7, .starter = "ann"};
	cr_assert_eq(plan_engine_start(world.engine, &start, &id, &why), 0);
	world_turn(&world);
	cr_expect_eq(answer(&world, "ann", true, &why), ERR_DENIED);
	struct plan_operator bob = {"bob", NULL, ""};
	cr_assert_eq(plan_engine_rollback(world.engine, id, &bob, &why), 0, "%s", why.text);
	world_turn(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_ROLLED_BACK);
	cr_expect_eq(world.effect_count, 0);
	mem_free(id);
	world_close(&world);
}

Test(plan_gate, a_plan_that_was_drilled_is_preapproved_for_some_priorities)
{
	struct world world;
	struct err_note why = {{0}};
	char *id = NULL;
	WITH_RISK(risk, config);
	world_open(&world, calm);
	install(&world, &config, "high");
	world.priority = 1;
	world_trigger(&world, 1);
	cr_expect_eq(world_run(&world, 0).state, RUN_ASKING, "never drilled");
	struct plan_start drill = {.plan = "help", .incident = 2, .is_drill = true};
	cr_assert_eq(plan_engine_start(world.engine, &drill, &id, &why), 0);
	mem_free(id);
	world_turn(&world);
	cr_expect_eq(world_run(&world, 1).state, RUN_DONE, "a drill does not ask");
	world_trigger(&world, 3);
	cr_expect_eq(world_run(&world, 2).state, RUN_DONE);
	world.priority = 2;
	world_trigger(&world, 4);
	cr_expect_eq(world_run(&world, 3).state, RUN_ASKING, "not for P2");
	world.priority = 1;
	world_advance(&world, INT64_C(25) * HOUR_MS);
	world_trigger(&world, 5);
	cr_expect_eq(world_run(&world, 4).state, RUN_ASKING, "drilled too long ago");
	world_close(&world);
}

Test(plan_gate, ends_the_same_after_a_crash_at_every_commit)
{
	for (int takes = 0; takes <= 1; takes++) {
		for (int at = 1, has_crashed = 1; has_crashed; at++) {
			struct world world;
			struct err_note why = {{0}};
			WITH_RISK(risk, config);
			world_open(&world, one);
			install(&world, &config, "high");
			world.crash_at = at;
			world.crash_takes = takes == 1;
			world_trigger(&world, 7);
			if (!world.has_crashed && world_run(&world, 0).state == RUN_ASKING)
				answer(&world, "bob", true, &why);
			has_crashed = world.has_crashed ? 1 : 0;
			if (has_crashed)
				world_restart(&world);
			if (world_run_count(&world) == 1) {
				if (world_run(&world, 0).state == RUN_ASKING)
					cr_assert_eq(answer(&world, "bob", true, &why), 0);
				if (world_run(&world, 0).state == RUN_IN_DOUBT)
					cr_assert_eq(answer(&world, "bob", true, &why), 0);
				cr_expect_eq(world_run(&world, 0).state, RUN_DONE, "%d: %s", at,
					     world_run(&world, 0).error);
			}
			cr_expect_leq(world_effects(&world, "do#1"), 1);
			world_close(&world);
		}
	}
}
