/* A plan of branches is ended before and after every commit, and again after the restart. */
#include "world.h"

#include "core/base/err.h"
#include "core/plan/plan_run.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static int approve(struct world *world, const char *step)
{
	struct err_note why = {{0}};
	int code = plan_engine_answer(world->engine, world_run(world, 0).id, step, true, NULL,
				      "ann", "", &why);
	world_turn(world);
	return code;
}

static const struct plan_call tell_twice[] = {STEP("tell", "test.idem", NULL),
					      STEP("tell", "test.idem", NULL), END};
static const struct plan_call kick[] = {STEP("kick", "test.once", NULL), END};
static const struct plan_call nap[] = {SLEEP("5000"), STEP("tell", "test.idem", NULL), END};
static const struct plan_call question[] = {ASK("{\"text\":\"?\"}"), END};
static const struct plan_call inner[] = {
	VALUE("now"), STEP("tell", "test.idem", NULL),
	BRANCHES("par", "{\"mode\":\"all\",\"names\":[\"x\",\"y\"]}"),
	STEP("kick", "test.once", NULL), END};
static const struct plan_call slow_kick[] = {SLEEP("60000"), STEP("kick", "test.once", NULL), END};
static const struct plan_call bad_kick[] = {STEP("kick", "test.once", NULL),
					    STEP("bad", "test.nothing", NULL), END};
static const struct plan_call tree[] = {
	STEP("tell", "test.idem", NULL),
	BRANCHES("par", "{\"mode\":\"settle\",\"names\":[\"deep\",\"ask\",\"bad\"]}"),
	BRANCHES("par", "{\"mode\":\"any\",\"names\":[\"nap\",\"slow\",\"race\"]}"),
	BRANCHES("each", "{\"mode\":\"all\",\"count\":4,\"limit\":2,\"max_errors\":9}"),
	STEP("kick", "test.once", NULL),
	STEP("move", "test.once", "{\"probe\":{\"action\":\"test.look\"}}"),
	END};
static const struct world_branch tree_branches[] = {
	{"deep", inner}, {"ask", question},   {"bad", bad_kick},
	{"nap", nap},    {"slow", slow_kick}, {"race", inner},
	{"x", kick},     {"y", nap},          {NULL, tell_twice}};

/* Drives run 0 to its end; false when the process "ended" on the way. */
static bool drive(struct world *world)
{
	static const struct plan_operator ann = {"ann", NULL, ""};
	for (int i = 0; i < 400; i++) {
		struct err_note why = {{0}};
		world_turn(world);
		if (world->pauses && i % 3 == 0) {
			plan_engine_pause(world->engine, world_run(world, 0).id, &ann, &why);
			world_turn(world);
		}
		if (world->has_crashed)
			return false;
		switch (world_run(world, 0).state) {
		case RUN_SLEEPING: world_advance(world, 1000); break;
		case RUN_IN_DOUBT:
		case RUN_ASKING:
			if (world->parks && i % 2 == 0) {
				world_advance(world, 1000);
				break;
			}
			if (approve(world, NULL) != 0) {
				char step[700];
				snprintf(step, sizeof(step), "%s", world_run(world, 0).waiting_for);
				*strchr(step, ':') = '\0';
				cr_assert_eq(approve(world, step), 0);
			}
			break;
		case RUN_ROLLING_BACK:
		case RUN_RUNNING: world_advance(world, 1000); break;
		case RUN_PAUSED:
			world_advance(world, 1000);
			plan_engine_go_on(world->engine, world_run(world, 0).id, &ann, &why);
			break;
		case RUN_WAITING:
		case RUN_BLOCKED:
		case RUN_QUEUED: cr_assert_fail("blocked: %s", world_run(world, 0).error);
		case RUN_DONE:
		case RUN_FAILED:
		case RUN_ROLLED_BACK:
		case RUN_ROLLBACK_FAILED:
		case RUN_CANCELLED: return true;
		}
	}
	struct world_run run = world_run(world, 0);
	cr_assert_fail("the run does not end: it is %s, %s", run_state_name(run.state),
		       run.waiting_for);
	return false;
}

static void check_tree(struct world *world, const char *where)
{
	static const char *const at_least_once[] = {"/tell#1",   "/deep/tell#1", "/deep/y/tell#1",
						    "/1/tell#1", "/1/tell#2",    "/2/tell#1",
						    "/3/tell#2", "/4/tell#1",    "/4/tell#2"};
	static const char *const at_most_once[] = {"/deep/kick#1",   "/deep/x/kick#1",
						   "/bad/kick#1",    "/race/kick#1",
						   "/race/x/kick#1", "/slow/kick#1"};
	bool is_doubted = world_has_fact(world, "step_in_doubt");
	struct world_run run = world_run(world, 0);
	cr_expect_eq(run.state, RUN_DONE, "%s: %s", where, run.error);
	cr_expect_eq(world->answer_count, 6, "%s", where);
	cr_expect(strstr(world->answers[1], "\"errors\":{\"bad\":\"script:1"), "%s: %s", where,
		  world->answers[1]);
	cr_expect(strstr(world->answers[2], "\"winner\":"), "%s: %s", where, world->answers[2]);
	cr_expect_str_eq(world->answers[3], "{\"errors\":{},\"started\":4}");
	for (int i = 0; i < 9; i++)
		cr_expect_geq(world_effects(world, at_least_once[i]), 1, "%s: %s", where,
			      at_least_once[i]);
	for (int i = 0; i < 6; i++)
		cr_expect_leq(world_effects(world, at_most_once[i]), 1, "%s: %s", where,
			      at_most_once[i]);
	for (int i = 0; i < 3 && !is_doubted; i++)
		cr_expect_eq(world_effects(world, at_most_once[i]), 1, "%s: %s", where,
			     at_most_once[i]);
	cr_expect_eq(world_effects(world, "/slow/"), 0, "%s", where);
	cr_expect_eq(world_effects(world, "/move#1"), 1, "%s", where);
}

/* Crashes at write `first`, and `second` writes after the restart; whether the first happened. */
static bool crash_twice(int first, int second, bool takes, bool parks, bool pauses)
{
	struct world world;
	char where[64];
	snprintf(where, sizeof(where), "crash at %d, then %d, %s", first, second,
		 takes ? "durable" : "lost");
	world_open(&world, tree);
	world.branches = tree_branches;
	world.parks = parks;
	world.pauses = pauses;
	world.engine->awake_max = parks ? 0 : RUNS_AWAKE_MAX;
	world_plan(&world, NULL);
	world.crash_at = first;
	world.crash_takes = takes;
	world_trigger(&world, 7);
	bool has_crashed = (first == 1 && !takes) || !drive(&world);
	if (first == 1 && !takes) {
		world_close(&world);
		return true;
	}
	if (has_crashed) {
		world_restart(&world);
		world.crash_at = world.write_count + second;
		if (!drive(&world)) {
			world_restart(&world);
			cr_assert(drive(&world), "%s", where);
		}
	}
	check_tree(&world, where);
	world_close(&world);
	return has_crashed;
}

Test(plan_branches_crash, end_the_same_after_a_crash_at_every_commit)
{
	for (int takes = 0; takes <= 1; takes++) {
		int first = 1;
		while (crash_twice(first, 1000, takes == 1, false, false))
			first++;
		cr_expect_gt(first, 20, "the plan made only %d commits", first - 1);
		for (int i = 1; i < first; i++) {
			for (int second = 1; second <= 4; second++)
				crash_twice(i, second, takes == 1, false, false);
		}
	}
}

Test(plan_branches_crash, end_the_same_when_they_are_parked_while_they_wait)
{
	for (int takes = 0; takes <= 1; takes++) {
		int first = 1;
		while (crash_twice(first, 1000, takes == 1, true, false))
			first++;
		for (int i = 1; i < first; i++) {
			for (int second = 1; second <= 4; second++)
				crash_twice(i, second, takes == 1, true, false);
		}
	}
}

Test(plan_branches_crash, end_the_same_when_they_are_paused_again_and_again)
{
	for (int takes = 0; takes <= 1; takes++) {
		int first = 1;
		while (crash_twice(first, 1 + first % 5, takes == 1, false, true))
			first++;
		cr_expect_gt(first, 30, "the plan made only %d commits", first - 1);
	}
}
