/* A person wants back what a run did. The script here is a list, and so is what undoes it; that the
 * script's own stacks are the same after a replay: tests/lua and tests/integration/plans. */
#include "world.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan_run.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static const struct plan_operator ann = {"ann", NULL, "too hot"};

static const struct plan_call undo[] = {STEP("log", "test.idem", NULL),
					STEP("undo", "test.idem", NULL),
					STEP("undo", "test.once", NULL), END};
static const struct plan_call work[] = {STEP("tell", "test.idem", NULL), SLEEP("3600000"),
					STEP("never", "test.once", NULL), END};
static const struct plan_call doubtful[] = {STEP("kick", "test.once", NULL),
					    STEP("never", "test.once", NULL), END};
static const struct plan_call asks[] = {ASK("{\"text\":\"?\"}"), STEP("never", "test.once", NULL),
					END};
static const struct plan_call last[] = {STEP("kick", "test.once", NULL), END};
static const struct plan_call tree[] = {
	STEP("tell", "test.idem", NULL),
	BRANCHES("par", "{\"mode\":\"all\",\"names\":[\"ask\",\"slow\",\"two\"]}"),
	STEP("never", "test.once", NULL), END};
static const struct plan_call two[] = {STEP("a", "test.idem", NULL), STEP("b", "test.idem", NULL),
				       END};
static const struct world_branch tree_branches[] = {
	{"ask", asks}, {"slow", work}, {"two", two}, {NULL, NULL}};

static void begin(struct world *world, const struct plan_call *script)
{
	world_open(world, script);
	world->undo = undo;
	world->branches = tree_branches;
	world_plan(world, NULL);
	world_trigger(world, 7);
}

static int roll_back(struct world *world)
{
	struct err_note why = {{0}};
	int code = plan_engine_rollback(world->engine, world_run(world, 0).id, &ann, &why);
	cr_expect(code == 0 || why.text[0]);
	world_turn(world);
	return code;
}

static void check_undone(const struct world *world, enum run_state state)
{
	struct world_run run = world_run(world, 0);
	cr_expect_eq(run.state, state, "%s: %s", run_state_name(run.state), run.error);
	cr_expect_eq(world_effects(world, "/#rollback/undo#1"), 1);
	cr_expect_eq(world_effects(world, "/#rollback/undo#2"), 1);
	cr_expect_eq(world_effects(world, "never"), 0);
}

Test(plan_rollback, stops_the_script_and_undoes_in_a_branch_of_its_own)
{
	static const struct plan_call *const scripts[] = {work, asks, tree};
	for (size_t i = 0; i < 3; i++) {
		struct world world;
		begin(&world, scripts[i]);
		cr_assert_eq(roll_back(&world), 0);
		world_advance(&world, 60000);
		check_undone(&world, RUN_ROLLED_BACK);
		cr_expect(world_has_fact(&world, "operator"));
		cr_expect_eq(roll_back(&world), ERR_CONFLICT, "it has ended");
		world_close(&world);
	}
}

Test(plan_rollback, a_script_that_never_began_has_nothing_to_undo)
{
	struct world world;
	begin(&world, work);
	world.undo = NULL;
	cr_assert_eq(roll_back(&world), 0);
	cr_expect_eq(world_run(&world, 0).state, RUN_ROLLED_BACK);
	world_close(&world);
}

Test(plan_rollback, waits_for_what_is_being_sent_and_for_the_person_of_a_doubt)
{
	static const enum world_reply silent[] = {REPLY_UNKNOWN, REPLY_OK, REPLY_OK, REPLY_OK};
	struct world world;
	struct err_note why = {{0}};
	world_open(&world, doubtful);
	world.undo = undo;
	world.replies = silent;
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	cr_assert_eq(world_run(&world, 0).state, RUN_IN_DOUBT);
	cr_assert_eq(roll_back(&world), 0);
	cr_expect_eq(world_run(&world, 0).state, RUN_IN_DOUBT);
	cr_expect_eq(roll_back(&world), ERR_CONFLICT, "it rolls back already");
	world_restart(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_IN_DOUBT);
	cr_expect_eq(world_effects(&world, "undo"), 0);
	cr_assert_eq(plan_engine_answer(world.engine, world_run(&world, 0).id, NULL, true, NULL,
					"bob", "", &why),
		     0);
	world_advance(&world, 1000);
	check_undone(&world, RUN_ROLLED_BACK);
	world_close(&world);
}

Test(plan_rollback, an_idempotent_step_on_its_way_is_awaited_because_of_its_undo)
{
	static const enum world_reply silent[] = {REPLY_SILENT, REPLY_OK, REPLY_OK, REPLY_OK,
						  REPLY_OK};
	struct world world;
	world_open(&world, work);
	world.undo = undo;
	world.replies = silent;
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	cr_assert_eq(world_effects(&world, "tell#1"), 1);
	cr_assert_eq(roll_back(&world), 0);
	cr_expect_eq(world_run(&world, 0).state, RUN_ROLLING_BACK);
	cr_expect_eq(world_effects(&world, "undo"), 0);
	world_restart(&world);
	world_advance(&world, 1000);
	cr_expect_eq(world_effects(&world, "tell#1"), 2, "sent again after the restart");
	check_undone(&world, RUN_ROLLED_BACK);
	world_close(&world);
}

Test(plan_rollback, follows_a_script_that_ends_meanwhile)
{
	static const enum world_reply replies[] = {REPLY_UNKNOWN, REPLY_OK, REPLY_OK, REPLY_OK};
	for (int is_done = 0; is_done <= 1; is_done++) {
		struct world world;
		struct err_note why = {{0}};
		world_open(&world, last);
		world.undo = undo;
		world.replies = replies;
		world_plan(&world, NULL);
		world_trigger(&world, 7);
		cr_assert_eq(roll_back(&world), 0);
		/* Done: the script finishes. Not done: it raises. */
		cr_assert_eq(plan_engine_answer(world.engine, world_run(&world, 0).id, NULL,
						is_done == 1, NULL, "bob", "", &why),
			     0);
		world_advance(&world, 1000);
		check_undone(&world, RUN_ROLLED_BACK);
		world_close(&world);
	}
}

Test(plan_rollback, stops_at_the_first_undo_that_fails)
{
	static const enum world_reply replies[] = {REPLY_OK, REPLY_OK, REPLY_FAIL};
	struct world world;
	world_open(&world, work);
	world.undo = undo;
	world.replies = replies;
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	cr_assert_eq(roll_back(&world), 0);
	world_advance(&world, 1000);
	struct world_run run = world_run(&world, 0);
	cr_expect_eq(run.state, RUN_ROLLBACK_FAILED);
	cr_expect(strstr(run.error, "it went wrong"), "%s", run.error);
	cr_expect_eq(world_effects(&world, "/undo#2"), 0);
	world_close(&world);
}

Test(plan_rollback, takes_no_deadline_but_commands)
{
	static const enum world_reply replies[] = {REPLY_OK, REPLY_OK, REPLY_OK, REPLY_UNKNOWN};
	struct world world;
	struct err_note why = {{0}};
	world_open(&world, work);
	world.undo = undo;
	world.replies = replies;
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	cr_assert_eq(plan_engine_pause(world.engine, world_run(&world, 0).id, &ann, &why), 0);
	cr_assert_eq(roll_back(&world), 0, "also when it is paused");
	world_advance(&world, 1000);
	cr_expect_eq(world_run(&world, 0).state, RUN_IN_DOUBT, "an undo whose outcome is unknown");
	world_advance(&world, INT64_C(7200000));
	cr_expect_eq(world_run(&world, 0).state, RUN_IN_DOUBT);
	cr_assert_eq(plan_engine_cancel(world.engine, world_run(&world, 0).id, "bob", "", &why), 0);
	struct world_run run = world_run(&world, 0);
	cr_expect_eq(run.state, RUN_ROLLBACK_FAILED);
	cr_expect(strstr(run.error, "the rollback was cancelled by bob"), "%s", run.error);
	world_close(&world);
}

/* ---- every commit ---- */

static bool is_over(struct world *world)
{
	for (int i = 0; i < 200; i++) {
		struct err_note why = {{0}};
		world_turn(world);
		if (world->has_crashed)
			return false;
		struct world_run run = world_run(world, 0);
		if (run.state == RUN_ROLLED_BACK)
			return true;
		if (run.state == RUN_IN_DOUBT)
			plan_engine_answer(world->engine, run.id, NULL, true, NULL, "bob", "",
					   &why);
		else
			world_advance(world, 1000);
		cr_assert_neq(run.state, RUN_BLOCKED, "%s", run.error);
	}
	cr_assert_fail("the rollback does not end: %s", world_run(world, 0).waiting_for);
	return false;
}

/* Crashes at the `first` write after the command, and `second` writes after the restart. */
static bool crash(const struct plan_call *script, int first, int second, bool takes)
{
	struct world world;
	begin(&world, script);
	world_advance(&world, 5000);
	world.crash_takes = takes;
	world.crash_at = world.write_count + first;
	roll_back(&world);
	bool has_crashed = !is_over(&world);
	if (has_crashed) {
		world_restart(&world);
		/* Lost with the process: a person gives the command again. */
		if (first == 1 && !takes)
			roll_back(&world);
		world.crash_at = world.write_count + second;
		if (!is_over(&world)) {
			world_restart(&world);
			cr_assert(is_over(&world), "crash at %d, then %d", first, second);
		}
	}
	cr_expect_geq(world_effects(&world, "/#rollback/undo#1"), 1);
	cr_expect_leq(world_effects(&world, "/#rollback/undo#2"), 1);
	cr_expect_eq(world_effects(&world, "never"), 0);
	world_close(&world);
	return has_crashed;
}

Test(plan_rollback, ends_the_same_after_a_crash_at_every_commit)
{
	static const struct plan_call *const scripts[] = {work, tree};
	for (size_t i = 0; i < 2; i++) {
		for (int takes = 0; takes <= 1; takes++) {
			int first = 1;
			while (crash(scripts[i], first, 1000, takes == 1))
				first++;
			cr_expect_gt(first, 8, "only %d commits", first - 1);
			for (int j = 2 - takes; j < first; j++) {
				for (int second = 1; second <= 4; second++)
					crash(scripts[i], j, second, takes == 1);
			}
		}
	}
}

/* ---- with a called run and locks ---- */

static const struct plan_call calls[] = {
	LOCK("door", "{\"ttl_ms\":3600000,\"wait_ms\":60000}"), STEP("tell", "test.idem", NULL),
	CALL("sub", "{\"params\":{\"limit\":1}}"), STEP("never", "test.once", NULL), END};
static const struct plan_call called[] = {LOCK("other", "{\"ttl_ms\":3600000,\"wait_ms\":60000}"),
					  STEP("kick", "test.once", NULL), SLEEP("3600000"),
					  STEP("never", "test.once", NULL), END};

/* False: the process has ended first. */
static bool end_both(struct world *world)
{
	for (int i = 0; i < 200; i++) {
		struct err_note why = {{0}};
		int over_count = 0;
		world_advance(world, 1000);
		for (int r = 0; r < 2 && !world->has_crashed; r++) {
			struct world_run run = world_run(world, r);
			cr_assert_neq(run.state, RUN_BLOCKED, "%s", run.error);
			over_count += run.state == RUN_ROLLED_BACK ? 1 : 0;
			if (run.state == RUN_IN_DOUBT)
				plan_engine_answer(world->engine, run.id, NULL, true, NULL, "bob",
						   "", &why);
		}
		if (world->has_crashed || over_count == 2)
			return !world->has_crashed;
	}
	cr_assert_fail("it does not end: %s, %s", run_state_name(world_run(world, 0).state),
		       run_state_name(world_run(world, 1).state));
	return false;
}

static bool crash_both(int first, int second, bool takes, bool parks)
{
	struct world world;
	world_open(&world, calls);
	world.child = called;
	world.undo = undo;
	world.parks = parks;
	if (parks)
		world.engine->awake_max = 0;
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	world_advance(&world, 5000);
	cr_assert_eq(world.engine->locks.count, 2);
	world.crash_takes = takes;
	world.crash_at = world.write_count + first;
	roll_back(&world);
	bool has_crashed = world.has_crashed || !end_both(&world);
	if (has_crashed) {
		world_restart(&world);
		if (first == 1 && !takes)
			roll_back(&world);
		world.crash_at = world.write_count + second;
		if (!end_both(&world)) {
			world_restart(&world);
			cr_assert(end_both(&world), "crash at %d, then %d", first, second);
		}
	}
	cr_expect_geq(world_effects(&world, "/#rollback/undo#1"), 2, "%d %d", first, second);
	cr_expect_leq(world_effects(&world, "/#rollback/undo#2"), 2, "%d %d", first, second);
	cr_expect_eq(world_effects(&world, "never"), 0);
	cr_expect_eq(world.engine->locks.count, 0, "%d %d", first, second);
	world_close(&world);
	return has_crashed;
}

Test(plan_rollback, of_a_run_with_a_lock_and_a_called_one_ends_the_same_after_every_crash)
{
	for (int parks = 0; parks <= 1; parks++) {
		for (int takes = 0; takes <= 1; takes++) {
			int first = 1;
			while (crash_both(first, 1000, takes == 1, parks == 1))
				first++;
			cr_expect_gt(first, 6, "only %d commits", first - 1);
			for (int j = 2 - takes; j < first; j++) {
				for (int second = 1; second <= 4; second++)
					crash_both(j, second, takes == 1, parks == 1);
			}
		}
	}
}
