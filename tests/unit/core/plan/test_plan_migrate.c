/* A run goes on with the next version of its plan, if that one asks for all that is recorded. */
#include "world.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan_command.h"
#include "core/plan/plan_rehearse.h"
#include "core/plan/plan_run.h"

#include <criterion/criterion.h>

#include <string.h>

static const struct plan_operator ann = {"ann", NULL, "a better end"};

static const struct plan_call first[] = {STEP("tell", "test.idem", NULL),
					 ASK("{\"text\":\"Go on?\"}"),
					 STEP("old", "test.once", NULL), END};
static const struct plan_call another_end[] = {STEP("tell", "test.idem", NULL),
					       ASK("{\"text\":\"Go on?\"}"), SLEEP("5000"),
					       STEP("new", "test.once", NULL), END};
static const struct plan_call another_begin[] = {STEP("say", "test.idem", NULL),
						 ASK("{\"text\":\"Go on?\"}"), END};

/* Drives run 0 to its end; false when the process "ended" on the way. */
static bool drive(struct world *world)
{
	for (int i = 0; i < 20 && !world->has_crashed; i++) {
		struct world_run run = world_run(world, 0);
		if (run.state == RUN_ASKING || run.state == RUN_IN_DOUBT)
			plan_engine_answer(world->engine, run.id, NULL, true, NULL, "bob", "",
					   NULL);
		world_advance(world, 5000);
	}
	return !world->has_crashed;
}

static int migrate(struct world *world, uint32_t version, struct err_note *why)
{
	return plan_engine_migrate(world->engine, world_run(world, 0).id, version, &ann, why);
}

static void begin(struct world *world, const struct plan_call *next)
{
	world_open(world, first);
	world->next_script = next;
	world_plan(world, NULL);
	world_trigger(world, 7);
	cr_assert_eq(world_run(world, 0).state, RUN_ASKING);
	world_next_plan(world);
}

Test(plan_migrate, a_run_goes_on_with_the_new_end_also_after_a_restart)
{
	for (int way = 0; way < 2; way++) {
		struct err_note why = {{0}};
		struct world world;
		begin(&world, another_end);
		cr_assert_eq(migrate(&world, 0, &why), 0, "%s", why.text);
		cr_expect_eq(world.engine->runs[0]->version, 4);
		cr_expect_eq(world_run(&world, 0).state, RUN_ASKING);
		cr_expect(world_has_fact(&world, "operator"));
		if (way == 1)
			world_restart(&world);
		cr_expect_eq(world.engine->runs[0]->version, 4);
		cr_assert(drive(&world));
		cr_expect_eq(world_run(&world, 0).state, RUN_DONE, "%s",
			     world_run(&world, 0).error);
		cr_expect_eq(world_effects(&world, "/tell"), 1);
		cr_expect_eq(world_effects(&world, "/old"), 0);
		cr_expect_eq(world_effects(&world, "/new"), 1);
		char *journal = world_journal(&world, world_run(&world, 0).id);
		cr_expect_str_eq(journal,
				 "RunStarted StepScheduled StepAttempt StepDone AskOpened Migrated "
				 "AskAnswered TimerSet TimerFired StepScheduled StepAttempt "
				 "StepDone RunEnded");
		mem_free(journal);
		world_close(&world);
	}
}

Test(plan_migrate, a_script_that_asked_for_something_else_is_refused_and_nothing_changes)
{
	struct err_note why = {{0}};
	struct world world;
	begin(&world, another_begin);
	uint32_t record_count = world_run(&world, 0).record_count;
	cr_expect_eq(migrate(&world, 0, &why), ERR_CONFLICT);
	cr_expect(strstr(why.text, "differs in the id at record 2"), "%s", why.text);
	cr_expect_eq(world_run(&world, 0).record_count, record_count);
	cr_expect_eq(world_run(&world, 0).state, RUN_ASKING);
	cr_expect_eq(world.engine->runs[0]->version, 3);
	cr_assert(drive(&world));
	cr_expect_eq(world_effects(&world, "/old"), 1);
	cr_expect_eq(world_effects(&world, "/say"), 0);
	cr_expect_eq(migrate(&world, 0, &why), ERR_CONFLICT);
	cr_expect(strstr(why.text, "has ended: done"), "%s", why.text);
	world_close(&world);
}

Test(plan_migrate, a_blocked_run_goes_on_with_a_script_that_fits)
{
	static const struct plan_call broken[] = {STEP("tell", "test.idem", NULL), SLEEP("1"), END};
	struct err_note why = {{0}};
	struct world world;
	begin(&world, another_end);
	world.script = broken; /* as if this build read the old script in another way */
	world_restart(&world);
	cr_assert_eq(world_run(&world, 0).state, RUN_BLOCKED);
	world_next_plan(&world);
	cr_assert_eq(migrate(&world, 4, &why), 0, "%s", why.text);
	cr_expect_eq(world_run(&world, 0).state, RUN_ASKING);
	cr_expect_str_eq(world_run(&world, 0).error, "");
	cr_assert(drive(&world));
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	cr_expect_eq(world_effects(&world, "/new"), 1);
	world_close(&world);
}

Test(plan_migrate, a_paused_run_stays_paused_and_a_parked_one_waits_on)
{
	for (int parks = 0; parks < 2; parks++) {
		struct err_note why = {{0}};
		struct world world;
		begin(&world, another_end);
		world.parks = parks == 1;
		world.engine->awake_max = parks == 1 ? 0 : RUNS_AWAKE_MAX;
		if (parks == 1)
			world_advance(&world, 60 * 1000);
		cr_expect_eq(world.engine->runs[0]->is_parked, parks == 1);
		if (parks == 0)
			plan_engine_pause(world.engine, world_run(&world, 0).id, &ann, &why);
		cr_assert_eq(migrate(&world, 0, &why), 0, "%s", why.text);
		if (parks == 0) {
			cr_expect_eq(world_run(&world, 0).state, RUN_PAUSED);
			plan_engine_go_on(world.engine, world_run(&world, 0).id, &ann, &why);
		}
		cr_expect_eq(world_run(&world, 0).state, RUN_ASKING);
		cr_assert(drive(&world));
		cr_expect_eq(world_effects(&world, "/new"), 1);
		world_close(&world);
	}
}

Test(plan_migrate, what_cannot_be_is_refused_with_its_reason)
{
	static const struct plan_call sends[] = {STEP("kick", "test.once", NULL), END};
	static const enum world_reply silent[] = {REPLY_SILENT};
	struct err_note why = {{0}};
	struct world world;
	world_open(&world, sends);
	world.replies = silent;
	world.next_script = sends;
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	cr_expect_eq(migrate(&world, 0, &why), ERR_CONFLICT);
	cr_expect(strstr(why.text, "kick#1 is being sent"), "%s", why.text);
	plan_engine_skip(world.engine, world_run(&world, 0).id, NULL, &ann, &why);
	world_turn(&world);
	world_close(&world);

	begin(&world, another_end);
	cr_expect_eq(migrate(&world, 5, &why), ERR_NOT_FOUND);
	cr_expect_str_eq(why.text, "version 5 of plan help is not active: version 4 is");
	cr_expect_eq(plan_engine_migrate(world.engine, "nobody", 0, &ann, &why), ERR_NOT_FOUND);
	cr_expect_eq(migrate(&world, 4, &why), 0);
	cr_expect_eq(migrate(&world, 4, &why), ERR_CONFLICT);
	cr_expect(strstr(why.text, "is on version 4 already"), "%s", why.text);
	plan_engine_install(world.engine, NULL, NULL, 0);
	cr_expect_eq(migrate(&world, 0, &why), ERR_NOT_FOUND);
	cr_expect_str_eq(why.text, "the site has no plan help now");
	world_close(&world);
}

Test(plan_migrate, a_run_that_is_rolled_back_stays_on_its_version)
{
	static const struct plan_call undo[] = {SLEEP("60000"), END};
	static const struct plan_operator hot = {"ann", NULL, "too hot"};
	struct err_note why = {{0}};
	struct world world;
	begin(&world, another_end);
	world.undo = undo;
	cr_assert_eq(plan_engine_rollback(world.engine, world_run(&world, 0).id, &hot, &why), 0);
	world_turn(&world);
	cr_expect_eq(migrate(&world, 0, &why), ERR_CONFLICT);
	cr_expect(strstr(why.text, "is being rolled back"), "%s", why.text);
	world_advance(&world, 60000);
	cr_expect_eq(world_run(&world, 0).state, RUN_ROLLED_BACK);
	world_close(&world);
}

/* The process ends before or after each commit around the command; then it is given again. */
Test(plan_migrate, ends_the_same_after_a_crash_at_every_commit)
{
	for (int takes = 0; takes <= 1; takes++) {
		bool has_crashed = true;
		int at = 1;
		for (; has_crashed; at++) {
			struct err_note why = {{0}};
			struct world world;
			begin(&world, another_end);
			world.crash_at = world.write_count + at;
			world.crash_takes = takes == 1;
			has_crashed = migrate(&world, 0, &why) != 0 || !drive(&world);
			if (has_crashed) {
				world_restart(&world);
				world_next_plan(&world);
				int code = migrate(&world, 4, &why);
				cr_expect(code == 0 || code == ERR_CONFLICT, "%s", why.text);
				cr_assert(drive(&world));
			}
			cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
			cr_expect_eq(world.engine->runs[0]->version, 4);
			cr_expect_eq(world_effects(&world, "/tell"), 1);
			cr_expect_eq(world_effects(&world, "/old"), 0);
			cr_expect_leq(world_effects(&world, "/new"), 1);
			world_close(&world);
		}
		cr_expect_gt(at, 5);
	}
}
