/* A journal is replayed without any effect. That each journal of these tests can be: world_close().
 */
#include "world.h"

#include "core/base/err.h"
#include "core/plan/plan_rehearse.h"
#include "core/plan/plan_run.h"
#include "storage/commit.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

enum { CALLS = 9 };

/* And the record that opens each of them in the journal. */
static const struct plan_call every_kind[CALLS + 1] = {
	VALUE("uuid"),
	STEP("tell", "test.idem", NULL),
	SLEEP("5000"),
	STEP("kick", "test.once", NULL),
	SIGNAL("go", "{\"ms\":5000}"),
	ASK("{\"text\":\"Go on?\",\"expires\":5,\"on_expire\":\"approve\"}"),
	BRANCHES("par", "{\"mode\":\"all\",\"names\":[\"a\",\"b\"]}"),
	VALUE("now"),
	STEP("kick", "test.once", NULL),
	END};
static const unsigned opens_at[CALLS] = {2, 3, 6, 8, 11, 13, 15, 23, 24};
static const struct plan_call tell[] = {STEP("tell", "test.idem", NULL), END};
static const struct world_branch branches[] = {{"a", tell}, {"b", tell}, {NULL, NULL}};

static void play(struct world *world)
{
	world_open(world, every_kind);
	world->branches = branches;
	world_plan(world, NULL);
	world_trigger(world, 7);
	world_advance(world, 15000);
	cr_assert_eq(world_run(world, 0).state, RUN_DONE, "%s", world_run(world, 0).error);
}

static int verify(struct world *world, struct err_note *why)
{
	return plan_engine_verify(world->engine, world_run(world, 0).id, why);
}

/* Call `index` is another one, in `way`. */
static void change(struct plan_call *call, int way)
{
	static const struct plan_call others[] = {SLEEP("1"), VALUE("random")};
	switch (way) {
	case 0: *call = others[call->kind == PLAN_CALL_SLEEP ? 1 : 0]; break;
	case 1: call->id = "another"; break;
	case 2: call->action = call->action ? NULL : "another"; break;
	case 3: call->args_json = "{\"another\":1}"; break;
	case 4: call->id = NULL; break; /* the script ends here */
	default: cr_assert_fail();
	}
}

Test(plan_rehearse, a_changed_script_is_told_by_the_very_call)
{
	static const char *const whats[] = {"in the kind", "in the id", "in the action",
					    "in the arguments", "the script ended"};
	for (int index = 0; index < CALLS; index++) {
		for (int way = 0; way < 5; way++) {
			struct plan_call script[CALLS + 1];
			struct err_note why = {{0}};
			struct world world;
			char record[40];
			memcpy(script, every_kind, sizeof(script));
			change(&script[index], way);
			play(&world);
			int effect_count = world.effect_count;
			uint32_t record_count = world_run(&world, 0).record_count;
			world.script = script;
			cr_expect_eq(verify(&world, &why), ERR_CONFLICT, "call %d, way %d", index,
				     way);
			snprintf(record, sizeof(record), "at record %u:", opens_at[index]);
			cr_expect(strstr(why.text, whats[way]), "call %d, way %d: %s", index, way,
				  why.text);
			cr_expect(way == 4 || strstr(why.text, record), "call %d, way %d: %s",
				  index, way, why.text);
			cr_expect_eq(world.effect_count, effect_count, "nothing is sent");
			cr_expect_eq(world_run(&world, 0).record_count, record_count);
			world.script = every_kind;
			cr_expect_eq(verify(&world, &why), 0, "%s", why.text);
			world_close(&world);
		}
	}
}

Test(plan_rehearse, one_call_more_than_the_journal_has_is_another_script_when_the_run_is_done)
{
	struct plan_call script[CALLS + 2];
	static const struct plan_call more[] = {STEP("more", "test.idem", NULL), END};
	struct err_note why = {{0}};
	struct world world;
	memcpy(script, every_kind, sizeof(every_kind));
	memcpy(&script[CALLS], more, sizeof(more));
	play(&world);
	world.script = script;
	cr_expect_eq(verify(&world, &why), ERR_CONFLICT);
	cr_expect(strstr(why.text, "the script ended at record 27, now it goes on"), "%s",
		  why.text);
	cr_expect_eq(world_effects(&world, "/more"), 0);
	world.script = every_kind;
	world_close(&world);
}

Test(plan_rehearse, a_run_that_waits_goes_on_as_if_nobody_had_asked)
{
	static const struct plan_call waits[] = {STEP("tell", "test.idem", NULL), SLEEP("5000"),
						 STEP("kick", "test.once", NULL), END};
	struct err_note why = {{0}};
	struct world world;
	world_open(&world, waits);
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	for (int i = 0; i < 5; i++) {
		cr_expect_eq(verify(&world, &why), 0, "%s", why.text);
		world_advance(&world, 1000);
	}
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	cr_expect_eq(world_effects(&world, "/kick"), 1);
	cr_expect_eq(world_effects(&world, "/tell"), 1);
	cr_expect_eq(plan_engine_verify(world.engine, "nobody", &why), ERR_NOT_FOUND);
	world_close(&world);
}
