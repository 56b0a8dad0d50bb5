/* Another version is installed while a run is blocked or parked. The other states, with the daemon:
 * tests/integration/plans/test_reload.py. */
#include "world.h"

#include "core/plan/plan_run.h"

#include <criterion/criterion.h>

static const struct plan_call first[] = {STEP("tell", "test.idem", NULL), SLEEP("60000"),
					 STEP("kick", "test.once", NULL), END};
static const struct plan_call second[] = {STEP("say", "test.idem", NULL), END};

Test(plan_reload, a_blocked_run_stays_blocked_and_new_runs_take_the_new_version)
{
	struct world world;
	world_open(&world, first);
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	world.script = second;
	world_restart(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_BLOCKED);
	uint32_t record_count = world_run(&world, 0).record_count;
	world.next_script = second;
	world_next_plan(&world);
	world_turn(&world);
	world_trigger(&world, 8);
	cr_expect_eq(world_run(&world, 1).state, RUN_DONE);
	cr_expect_eq(world.engine->runs[1]->version, 4);
	cr_expect_eq(world.engine->runs[0]->version, 3);
	cr_expect_eq(world_run(&world, 0).state, RUN_BLOCKED);
	cr_expect_eq(world_run(&world, 0).record_count, record_count);
	/* Its own script again: it goes on on its own version. */
	world.script = first;
	world_restart(&world);
	world_advance(&world, 60000);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	cr_expect_eq(world.engine->runs[0]->version, 3);
	cr_expect_eq(world_effects(&world, "/kick#1"), 1);
	world.has_other_script = true;
	world_close(&world);
}

Test(plan_reload, a_parked_run_wakes_with_the_script_it_began_with)
{
	struct world world;
	world_open(&world, first);
	world.parks = true;
	world.engine->awake_max = 0;
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	world_advance(&world, 1000);
	cr_expect_eq(world.engine->awake_count, 0);
	world.next_script = second;
	world_next_plan(&world);
	cr_expect_eq(world.engine->runs[0]->script->hash[0], '0');
	world_advance(&world, 60000);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	cr_expect_eq(world.engine->runs[0]->version, 3);
	cr_expect_eq(world_effects(&world, "/kick#1"), 1);
	world_close(&world);
}
