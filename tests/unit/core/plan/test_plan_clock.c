/* The wall clock is set forward and back while runs wait: nothing is done twice or lost. */
#include "world.h"

#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/plan/plan_run.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)

enum { LOOKS_MS = 60 * 1000 /* a step is noticed so late, at most */ };

/* One timer of 30 minutes of each kind, and the record that says that it was time. */
struct kind {
	const char *name;
	struct plan_call script[2];
	const enum world_reply *replies, *looks;
	const char *before, *outcome;
};

static const enum world_reply fails_once[] = {REPLY_RETRY, REPLY_OK, REPLY_OK, REPLY_OK};
static const enum world_reply unknown_once[] = {REPLY_UNKNOWN, REPLY_OK, REPLY_OK};
static const enum world_reply sees_late[] = {REPLY_FAIL, REPLY_OK, REPLY_OK};

#define HALF_HOUR "\"retry\":{\"first\":\"30m\",\"cap\":\"1h\",\"jitter\":0}"

static const struct kind kinds[] = {
	{"sleep", {SLEEP("1800000"), END}, NULL, NULL, "TimerSet", "TimerFired"},
	{"ask",
	 {ASK("{\"text\":\"?\",\"expires\":\"30m\",\"on_expire\":\"approve\"}"), END},
	 NULL,
	 NULL,
	 "AskOpened",
	 "AskAnswered"},
	{"signal",
	 {SIGNAL("go", "{\"ms\":1800000}"), END},
	 NULL,
	 NULL,
	 "SignalAwaited",
	 "SignalReceived"},
	{"retry",
	 {STEP("do", "test.idem", "{" HALF_HOUR "}"), END},
	 fails_once,
	 NULL,
	 "StepScheduled StepAttempt StepFailed",
	 "StepAttempt StepDone"},
	{"probe",
	 {STEP("do", "test.once", "{\"probe\":{\"action\":\"test.look\"}," HALF_HOUR "}"), END},
	 unknown_once,
	 sees_late,
	 "StepScheduled StepAttempt StepProbed",
	 "StepProbed StepDone"},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* The clock is set by `step` after `at` minutes; the timer's end is then so many minutes away. */
struct pattern {
	const char *name;
	int64_t at_ms, step_ms;
	int64_t then_ms, again_ms; /* a second step */
	int64_t ends_ms;           /* how much real time passes until its wall time has come */
};

static const struct pattern patterns[] = {
	{"forward", 10 * MINUTE, HOUR, 0, 0, 10 * MINUTE},
	{"back", 10 * MINUTE, -HOUR, 0, 0, 90 * MINUTE},
	{"forward and back", 10 * MINUTE, HOUR, 0, -HOUR, 30 * MINUTE},
	{"back and forward", 10 * MINUTE, -HOUR, 10 * MINUTE, HOUR, 30 * MINUTE},
	{"just before it is time, back", 30 * MINUTE - 1, -HOUR, 0, 0, 90 * MINUTE},
	{"just before it is time, forward", 30 * MINUTE - 1, HOUR, 0, 0, 30 * MINUTE - 1},
};

enum { PATTERNS = sizeof(patterns) / sizeof(patterns[0]) };

static void set_long(struct plan *plan)
{
	plan->timeout_ms = 10 * HOUR;
}

static bool is_over(const struct world *world)
{
	return run_is_ended(world->engine->runs[0]);
}

/* `restarts`: the process is ended after each step, too. */
static void play(const struct kind *kind, const struct pattern *pattern, bool parks, bool restarts)
{
	struct world world;
	char where[200], wanted[200];
	snprintf(where, sizeof(where), "%s, %s%s%s", kind->name, pattern->name,
		 parks ? ", parked" : "", restarts ? ", restarted" : "");
	snprintf(wanted, sizeof(wanted), "RunStarted %s %s RunEnded", kind->before, kind->outcome);
	world_open(&world, kind->script);
	world.parks = parks;
	world.engine->awake_max = parks ? 0 : RUNS_AWAKE_MAX;
	world.replies = kind->replies;
	world.looks = kind->looks;
	world_plan(&world, set_long);
	world_trigger(&world, 7);
	world_advance(&world, pattern->at_ms);
	cr_expect_not(is_over(&world), "%s", where);
	loop_virtual_step(world.loop, pattern->step_ms);
	if (restarts)
		world_restart(&world);
	world_advance(&world, pattern->then_ms);
	loop_virtual_step(world.loop, pattern->again_ms);
	if (restarts)
		world_restart(&world);
	/* Not a moment too early, and at the latest when it is looked at next. */
	int64_t left_ms = pattern->ends_ms - pattern->at_ms - pattern->then_ms;
	bool has_been_time = restarts && pattern->step_ms > 0; /* and the start has seen it */
	world_advance(&world, left_ms > 0 ? left_ms - 1 : 0);
	if (left_ms > 0 && !has_been_time)
		cr_expect_not(is_over(&world), "%s", where);
	world_advance(&world, LOOKS_MS + 1);
	struct world_run run = world_run(&world, 0);
	cr_expect_eq(run.state, RUN_DONE, "%s: %s", where, run_state_name(run.state));
	/* And never again, whatever the clock says. */
	loop_virtual_step(world.loop, -HOUR);
	world_advance(&world, 3 * HOUR);
	world_restart(&world);
	world_advance(&world, HOUR);
	char *journal = world_journal(&world, run.id);
	cr_expect_str_eq(journal, wanted, "%s: %s", where, journal);
	mem_free(journal);
	world_close(&world);
}

Test(plan_clock, a_timer_of_each_kind_ends_once_however_the_clock_is_set)
{
	for (int kind = 0; kind < KINDS; kind++) {
		for (int pattern = 0; pattern < PATTERNS; pattern++) {
			for (int way = 0; way < 4; way++)
				play(&kinds[kind], &patterns[pattern], way % 2 == 1, way / 2 == 1);
		}
	}
}

/* ---- the time-out of the run is a span, not a time of the day ---- */

enum { TIMEOUT_MIN = 60 };

static void check_timeout(int64_t step_ms, bool parks, bool pauses, bool restarts)
{
	static const struct plan_call script[] = {ASK("{\"text\":\"?\"}"), END};
	static const struct plan_operator ann = {"ann", NULL, ""};
	struct world world;
	world_open(&world, script);
	world.parks = parks;
	world.engine->awake_max = parks ? 0 : RUNS_AWAKE_MAX;
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	char id[128];
	snprintf(id, sizeof(id), "%s", world_run(&world, 0).id);
	world_advance(&world, 10 * MINUTE);
	if (pauses)
		cr_assert_eq(plan_engine_pause(world.engine, id, &ann, NULL), 0);
	loop_virtual_step(world.loop, step_ms);
	world_advance(&world, 2 * MINUTE); /* of the pause, if there is one */
	if (pauses)
		cr_assert_eq(plan_engine_go_on(world.engine, id, &ann, NULL), 0);
	world_turn(&world);
	if (restarts)
		world_restart(&world);
	int64_t left_ms = (TIMEOUT_MIN - 12 + (pauses ? 2 : 0)) * MINUTE;
	world_advance(&world, left_ms - 1);
	cr_expect_eq(world_run(&world, 0).state, RUN_ASKING, "step %lld%s%s%s: %s",
		     (long long)step_ms, parks ? ", parked" : "", pauses ? ", paused" : "",
		     restarts ? ", restarted" : "", world_run(&world, 0).error);
	world_advance(&world, LOOKS_MS + 1);
	cr_expect_eq(world_run(&world, 0).state, RUN_FAILED, "step %lld%s%s%s", (long long)step_ms,
		     parks ? ", parked" : "", pauses ? ", paused" : "",
		     restarts ? ", restarted" : "");
	world_close(&world);
}

Test(plan_clock, the_timeout_of_a_run_is_neither_shortened_nor_lengthened)
{
	static const int64_t steps[] = {HOUR, -HOUR, 30 * HOUR, 0};
	for (int step = 0; step < 4; step++) {
		for (int way = 0; way < 8; way++)
			check_timeout(steps[step], way % 2 == 1, way / 2 % 2 == 1, way / 4 == 1);
	}
}

Test(plan_clock, a_drift_of_less_than_a_second_is_no_step)
{
	static const struct plan_call script[] = {ASK("{\"text\":\"?\"}"), END};
	struct world world;
	world_open(&world, script);
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	loop_virtual_step(world.loop, 999);
	world_advance(&world, 2 * MINUTE);
	cr_expect_eq(world.engine->runs[0]->stepped_ms, 0);
	loop_virtual_step(world.loop, 1);
	world_advance(&world, 2 * MINUTE);
	cr_expect_eq(world.engine->runs[0]->stepped_ms, 1000);
	world_close(&world);
}

/* ---- many runs, any steps ---- */

static unsigned draw(uint64_t *state, unsigned below)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(*state >> 33) % below;
}

Test(plan_clock, many_runs_under_random_steps_lose_and_repeat_nothing)
{
	static const struct plan_call script[] = {
		SLEEP("600000"),
		STEP("tell", "test.once", NULL),
		SIGNAL("go", "{\"ms\":1800000}"),
		ASK("{\"text\":\"?\",\"expires\":\"20m\",\"on_expire\":\"approve\"}"),
		STEP("tell", "test.once", NULL),
		END};
	enum { RUNS = 24 };
	const char *text = getenv("TOCSIN_SEED");
	for (uint64_t round = 0; round < 20; round++) {
		uint64_t seed = (text ? strtoull(text, NULL, 10) : 20261122) + round;
		uint64_t random = seed;
		struct world world;
		world_open(&world, script);
		world.parks = round % 2 == 1;
		world.engine->awake_max = round % 2 == 1 ? 0 : RUNS_AWAKE_MAX;
		world_plan(&world, set_long);
		for (int i = 0; i < RUNS; i++) {
			static const int64_t steps[] = {HOUR, -HOUR, 0, 0};
			world_trigger(&world, 100 + (uint64_t)i);
			world_advance(&world, draw(&random, 10 * MINUTE));
			loop_virtual_step(world.loop, steps[draw(&random, 4)]);
			if (draw(&random, 4) == 0)
				world_restart(&world);
			/* A restart took the plan: its file is read again. */
			world_plan(&world, set_long);
		}
		world_advance(&world, 9 * HOUR);
		for (int i = 0; i < RUNS; i++) {
			struct world_run run = world_run(&world, i);
			char *journal = world_journal(&world, run.id);
			cr_expect_str_eq(journal,
					 "RunStarted TimerSet TimerFired StepScheduled StepAttempt "
					 "StepDone SignalAwaited SignalReceived AskOpened "
					 "AskAnswered StepScheduled StepAttempt StepDone RunEnded",
					 "seed %llu, run %d: %s: %s", (unsigned long long)seed, i,
					 run.error, journal);
			mem_free(journal);
		}
		for (int i = 0; i < world.effect_count; i++)
			cr_expect_eq(world.effects[i].count, 1, "seed %llu: %s",
				     (unsigned long long)seed, world.effects[i].key);
		cr_expect_eq(world.effect_count, 2 * RUNS);
		world_close(&world);
	}
}
