/* ctx:lock: one holder at a time, in order, across crashes. */
#include "world.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan_run.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONG                 "{\"ttl_ms\":3600000,\"wait_ms\":3600000}"
#define SHORT                "{\"ttl_ms\":1000,\"wait_ms\":3600000}"
#define AT_ONCE              "{\"ttl_ms\":3600000,\"wait_ms\":0}"
#define TTL_HOUR_WAIT_SECOND "{\"ttl_ms\":3600000,\"wait_ms\":1000}"

static const struct plan_operator ann = {"ann", NULL, "because"};

static void open_runs(struct world *world, const struct plan_call *script, uint64_t count)
{
	world_open(world, script);
	world_plan(world, NULL);
	for (uint64_t i = 0; i < count; i++)
		world_trigger(world, 7 + i);
}

static void expect_states(struct world *world, const char *expected)
{
	struct bytes found = BYTES_EMPTY;
	for (int i = 0; i < world_run_count(world); i++)
		bytes_append_format(&found, "%s%s", i > 0 ? " " : "",
				    run_state_name(world_run(world, i).state));
	cr_expect_str_eq(found.data, expected);
	bytes_deinit(&found);
}

static void expect_journal(struct world *world, int index, const char *expected)
{
	char *journal = world_journal(world, world_run(world, index).id);
	cr_expect_str_eq(journal, expected);
	mem_free(journal);
}

static const struct plan_call nap[] = {LOCK("door", LONG),
				       STEP("in", "test.idem", NULL),
				       SLEEP("5000"),
				       STEP("out", "test.idem", NULL),
				       UNLOCK("door"),
				       STEP("last", "test.idem", NULL),
				       END};

Test(plan_lock, runs_take_it_one_after_the_other_in_their_order)
{
	struct world world;
	open_runs(&world, nap, 3);
	expect_states(&world, "sleeping waiting waiting");
	cr_expect_eq(world_effects(&world, "/in#1"), 1);
	cr_expect(world_has_fact(&world, "lock_waits"));
	world_advance(&world, 5000);
	expect_states(&world, "done sleeping waiting");
	world_restart(&world);
	expect_states(&world, "done sleeping waiting");
	world_advance(&world, 5000);
	expect_states(&world, "done done sleeping");
	world_advance(&world, 5000);
	expect_states(&world, "done done done");
	expect_journal(&world, 2,
		       "RunStarted LockAwaited LockTaken StepScheduled StepAttempt StepDone "
		       "TimerSet TimerFired StepScheduled StepAttempt StepDone LockFreed "
		       "StepScheduled StepAttempt StepDone RunEnded");
	cr_expect_eq(world.engine->locks.count, 0);
	cr_expect_eq(world.engine->locks.fence, 6, "three places in line and three leases");
	world_close(&world);
}

Test(plan_lock, run_that_ends_gives_it_back)
{
	struct world world;
	struct err_note why = {{0}};
	open_runs(&world, nap, 2);
	cr_assert_eq(plan_engine_cancel(world.engine, world_run(&world, 0).id, "ann", "", &why), 0);
	world_turn(&world);
	expect_states(&world, "cancelled sleeping");
	world_close(&world);
}

Test(plan_lock, lease_that_is_over_is_told_at_the_next_call_and_nothing_is_sent)
{
	static const struct plan_call late[] = {LOCK("door", SHORT), SLEEP("5000"),
						STEP("do", "test.idem", "{\"x\":\"continue\"}"),
						VALUE("now"), END};
	for (int restarts = 0; restarts <= 1; restarts++) {
		struct world world;
		open_runs(&world, late, 2);
		expect_states(&world, "sleeping waiting");
		world_advance(&world, 1000);
		expect_states(&world, "sleeping sleeping");
		cr_expect(world_has_fact(&world, "lock_lost"));
		if (restarts)
			world_restart(&world);
		world_advance(&world, 4000);
		expect_states(&world, "failed sleeping");
		cr_expect_str_eq(world_run(&world, 0).error,
				 "script:1: the lease of lock door is over: nothing is done under "
				 "it any more");
		cr_expect_eq(world_effects(&world, "do"), 0);
		expect_journal(&world, 0,
			       "RunStarted LockAwaited LockTaken TimerSet TimerFired "
			       "StepScheduled StepFailed Value RunEnded");
		world_close(&world);
	}
}

Test(plan_lock, step_is_not_tried_again_when_the_lease_is_over)
{
	static const struct plan_call late[] = {
		LOCK("door", SHORT),
		STEP("do", "test.idem", "{\"retry\":{\"first\":\"10s\",\"jitter\":false}}"), END};
	static const enum world_reply replies[] = {REPLY_RETRY, REPLY_OK};
	struct world world;
	world_open(&world, late);
	world.replies = replies;
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	world_advance(&world, 20000);
	expect_states(&world, "failed");
	cr_expect_eq(world_effects(&world, "do"), 1);
	world_close(&world);
}

Test(plan_lock, unlock_tells_that_the_lease_was_over)
{
	static const struct plan_call late[] = {LOCK("door", SHORT), SLEEP("5000"), UNLOCK("door"),
						END};
	struct world world;
	open_runs(&world, late, 1);
	world_advance(&world, 5000);
	expect_states(&world, "done");
	cr_expect_str_eq(world.answers[0], "{\"fence\":2}");
	cr_expect_str_eq(world.answers[2], "{\"held\":false}");
	world_close(&world);
}

Test(plan_lock, who_waits_too_long_is_told_who_holds_it)
{
	static const struct plan_call waits[] = {LOCK("door", TTL_HOUR_WAIT_SECOND), SLEEP("60000"),
						 END};
	static const struct plan_call at_once[] = {LOCK("door", AT_ONCE), SLEEP("60000"), END};
	for (int i = 0; i <= 1; i++) {
		struct world world;
		open_runs(&world, i == 0 ? waits : at_once, 2);
		world_advance(&world, i == 0 ? 1000 : 0);
		expect_states(&world, "sleeping failed");
		char *expected = mem_format("script:1: it was not free in time: run %s holds it",
					    world_run(&world, 0).id);
		cr_expect_str_eq(world_run(&world, 1).error, expected);
		mem_free(expected);
		world_close(&world);
	}
}

Test(plan_lock, wrong_spans_and_a_lock_inside_itself_are_refused)
{
	static const struct plan_call wrong[] = {LOCK("door", "{\"ttl_ms\":10,\"wait_ms\":0}"),
						 END};
	static const struct plan_call twice[] = {LOCK("door", LONG), LOCK("door", LONG), END};
	struct world world;
	open_runs(&world, wrong, 1);
	cr_expect(strstr(world_run(&world, 0).error, "ttl must be a span from 1 s"), "%s",
		  world_run(&world, 0).error);
	world_close(&world);
	open_runs(&world, twice, 1);
	cr_expect(strstr(world_run(&world, 0).error, "held by this very branch"), "%s",
		  world_run(&world, 0).error);
	cr_expect_eq(world.engine->locks.count, 0);
	world_close(&world);
}

Test(plan_lock, branch_that_has_lost_gives_it_back)
{
	static const struct plan_call holds[] = {LOCK("door", LONG), SLEEP("3600000"), END};
	static const struct plan_call wins[] = {SLEEP("5000"), END};
	static const struct world_branch branches[] = {{"a", holds}, {"b", wins}, {NULL, NULL}};
	static const struct plan_call race[] = {
		BRANCHES("par", "{\"mode\":\"any\",\"names\":[\"a\",\"b\"]}"), LOCK("door", LONG),
		SLEEP("5000"), END};
	struct world world;
	world_open(&world, race);
	world.branches = branches;
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	cr_expect_eq(world.engine->locks.count, 1);
	world_advance(&world, 5000);
	expect_states(&world, "sleeping");
	world_restart(&world);
	expect_states(&world, "sleeping");
	world_advance(&world, 5000);
	expect_states(&world, "done");
	world_close(&world);
}

Test(plan_lock, paused_run_is_passed_over_and_keeps_its_place)
{
	struct world world;
	struct err_note why = {{0}};
	open_runs(&world, nap, 3);
	char *second = mem_copy_text(world_run(&world, 1).id);
	cr_assert_eq(plan_engine_pause(world.engine, second, &ann, &why), 0);
	world_advance(&world, 5000);
	expect_states(&world, "done paused sleeping");
	world_restart(&world);
	cr_assert_eq(plan_engine_go_on(world.engine, second, &ann, &why), 0);
	world_turn(&world);
	expect_states(&world, "done waiting sleeping");
	world_advance(&world, 5000);
	expect_states(&world, "done sleeping done");
	mem_free(second);
	world_close(&world);
}

Test(plan_lock, operator_skips_the_wait_and_the_script_is_told)
{
	struct world world;
	struct err_note why = {{0}};
	open_runs(&world, nap, 2);
	cr_assert_eq(plan_engine_skip(world.engine, world_run(&world, 1).id, NULL, &ann, &why), 0);
	world_turn(&world);
	expect_states(&world, "sleeping failed");
	cr_expect_eq(world_effects(&world, "/in#1"), 1);
	world_close(&world);
}

/* ---- crashes ---- */

/* Effects are listed as they were first received: nobody comes in before the other is out. */
static void expect_alone(const struct world *world, const char *where)
{
	char inside[128] = "";
	for (int i = 0; i < world->effect_count; i++) {
		char run[128];
		snprintf(run, sizeof(run), "%s", world->effects[i].key);
		*strchr(run, '/') = '\0';
		if (strstr(world->effects[i].key, "/in#1")) {
			cr_expect_str_empty(inside, "%s: %s", where, world->effects[i].key);
			memcpy(inside, run, sizeof(inside));
		} else if (strstr(world->effects[i].key, "/out#1")) {
			cr_expect_str_eq(inside, run, "%s", where);
			inside[0] = '\0';
		}
	}
}

static bool drive(struct world *world)
{
	for (int i = 0; i < 60; i++) {
		world_advance(world, 1000);
		if (world->has_crashed)
			return false;
	}
	return true;
}

static bool crash_twice(int first, int second, bool takes)
{
	struct world world;
	char where[64];
	snprintf(where, sizeof(where), "crash at %d, then %d, %s", first, second,
		 takes ? "durable" : "lost");
	world_open(&world, nap);
	world_plan(&world, NULL);
	for (uint64_t i = 0; i < 3; i++)
		world_trigger(&world, 7 + i);
	world.crash_at = world.write_count + first;
	world.crash_takes = takes;
	bool has_crashed = !drive(&world);
	if (has_crashed) {
		world_restart(&world);
		world.crash_at = world.write_count + second;
		if (!drive(&world)) {
			world_restart(&world);
			cr_assert(drive(&world), "%s", where);
		}
	}
	expect_states(&world, "done done done");
	expect_alone(&world, where);
	cr_expect_eq(world_effects(&world, "/last#1") >= 3, true, "%s", where);
	cr_expect_eq(world.engine->locks.count, 0, "%s", where);
	world_close(&world);
	return has_crashed;
}

Test(plan_lock, one_holder_at_a_time_after_a_crash_at_every_commit)
{
	for (int takes = 0; takes <= 1; takes++) {
		int first = 1;
		while (crash_twice(first, 1000, takes == 1))
			first++;
		cr_expect_gt(first, 15, "the runs made only %d commits", first - 1);
		for (int i = 1; i < first; i++) {
			for (int second = 1; second <= (getenv("TOCSIN_LONG") ? 4 : 1); second++)
				crash_twice(i, second + i % 3, takes == 1);
		}
	}
}
