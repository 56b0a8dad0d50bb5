#include "world.h"

#include "core/base/mem.h"
#include "core/incident/incident.h"
#include "core/plan/plan_run.h"

#include <criterion/criterion.h>

#include <string.h>

static void open_parking(struct world *world, const struct plan_call *script)
{
	world_open(world, script);
	world->parks = true;
	world->engine->awake_max = 0;
	world_plan(world, NULL);
	world_trigger(world, 7);
}

Test(plan_park, a_run_that_waits_gives_its_script_back_and_goes_on)
{
	static const struct plan_call script[] = {SLEEP("60000"), ASK("{\"text\":\"?\"}"),
						  STEP("tell", "test.idem", NULL), END};
	struct world world;
	open_parking(&world, script);
	cr_expect_eq(world.engine->awake_count, 0);
	world_advance(&world, 1000);
	cr_expect_eq(world.start_count, 1);
	cr_expect_eq(world_run(&world, 0).state, RUN_SLEEPING);
	world_advance(&world, 58999);
	cr_expect_eq(world_run(&world, 0).state, RUN_SLEEPING);
	cr_expect_eq(world.start_count, 1);
	world_advance(&world, 1);
	cr_expect_eq(world.start_count, 2);
	cr_expect_str_eq(world.answers[0], "{\"late_by_ms\":0}");
	struct world_run run = world_run(&world, 0);
	cr_expect_eq(run.state, RUN_ASKING);
	world_advance(&world, 3000);
	cr_expect_eq(world.engine->awake_count, 0);
	cr_expect_eq(plan_engine_answer(world.engine, run.id, NULL, true, NULL, "ann", "", NULL),
		     0);
	world_turn(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	cr_expect_eq(world.effect_count, 1);
	char *journal = world_journal(&world, run.id);
	cr_expect_str_eq(journal, "RunStarted TimerSet TimerFired AskOpened AskAnswered "
				  "StepScheduled StepAttempt StepDone RunEnded");
	mem_free(journal);
	world_close(&world);
}

/* As paging does, when the question of the second is urgent and takes that of the first with it. */
Test(plan_park, a_question_is_looked_up_while_the_commit_that_asked_it_lands)
{
	static const struct plan_call script[] = {ASK("{\"text\":\"?\"}"), END};
	struct world world;
	world_open(&world, script);
	world.asks_back = true;
	world.engine->awake_max = 0;
	world_plan(&world, NULL);
	for (uint64_t number = 7; number <= 8; number++)
		plan_engine_on_incident(world.engine, &(struct incident){.number = number},
					"opened");
	world_turn(&world);
	cr_expect_eq(world.back_count, 1);
	cr_expect_eq(world.engine->awake_count, 0, "both are parked when they are durable");
	cr_expect_eq(world_run(&world, 0).state, RUN_ASKING);
	cr_expect_eq(world_run(&world, 1).state, RUN_ASKING);
	world_close(&world);
}

Test(plan_park, a_start_makes_no_scripts_for_runs_that_wait)
{
	static const struct plan_call script[] = {SLEEP("60000"), END};
	struct world world;
	open_parking(&world, script);
	world_trigger(&world, 8);
	world_restart(&world);
	cr_expect_eq(world.start_count, 2);
	cr_expect_eq(world_run(&world, 0).state, RUN_SLEEPING);
	cr_expect_eq(plan_engine_cancel(world.engine, world_run(&world, 0).id, "ann", "", NULL), 0);
	cr_expect_eq(world_run(&world, 0).state, RUN_CANCELLED);
	world_advance(&world, 60000);
	cr_expect_eq(world_run(&world, 1).state, RUN_DONE);
	world_restart(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_CANCELLED);
	world_close(&world);
}

static void set_short(struct plan *plan)
{
	plan->timeout_ms = 20000;
}

Test(plan_park, the_timeout_of_a_parked_run_holds)
{
	static const struct plan_call script[] = {ASK("{\"text\":\"?\"}"), END};
	struct world world;
	world_open(&world, script);
	world.parks = true;
	world.engine->awake_max = 0;
	world_plan(&world, set_short);
	world_trigger(&world, 7);
	world_advance(&world, 2000);
	cr_expect_eq(world.engine->awake_count, 0);
	world_advance(&world, 17999);
	cr_expect_eq(world_run(&world, 0).state, RUN_ASKING);
	world_advance(&world, 1);
	cr_expect_eq(world_run(&world, 0).state, RUN_FAILED);
	cr_expect(strstr(world_run(&world, 0).error, "time-out"));
	world_close(&world);
}

Test(plan_park, a_short_wait_and_a_site_with_few_runs_park_nothing)
{
	static const struct plan_call nap[] = {SLEEP("5000"), END};
	static const struct plan_call script[] = {SLEEP("60000"), END};
	struct world world;
	open_parking(&world, nap);
	world_advance(&world, 4999);
	cr_expect_eq(world.engine->awake_count, 1);
	world_close(&world);
	world_open(&world, script);
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	world_advance(&world, 30000);
	cr_expect_eq(world.engine->awake_count, 1);
	world_close(&world);
}
