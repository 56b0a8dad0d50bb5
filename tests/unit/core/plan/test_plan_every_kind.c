/* One plan with every kind of call is ended before and after every commit, and again after the
 * restart: it ends as the run that was left alone. */
#include "world.h"

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan_run.h"
#include "storage/commit.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEASE "{\"ttl_ms\":3600000,\"wait_ms\":3600000}"

static const struct plan_call called[] = {STEP("tell", "test.idem", NULL),
					  LOCK("door", LEASE),
					  STEP("kick", "test.once", NULL),
					  SLEEP("2000"),
					  UNLOCK("door"),
					  END};
static const struct plan_call nap[] = {SLEEP("1000"), STEP("tell", "test.idem", NULL), END};
static const struct plan_call ask[] = {ASK("{\"text\":\"?\"}"), END};
static const struct plan_call bad[] = {STEP("kick", "test.once", NULL),
				       STEP("bad", "test.nothing", NULL), END};
static const struct plan_call deep[] = {
	VALUE("now"), BRANCHES("par", "{\"mode\":\"all\",\"names\":[\"nap\",\"ask\"]}"),
	STEP("kick", "test.once", NULL), END};
static const struct plan_call calls[] = {CALL("sub", "{\"params\":{\"limit\":1}}"),
					 STEP("never", "test.idem", NULL), END};
static const struct plan_call locks[] = {LOCK("other", LEASE), SLEEP("3600000"), END};
static const struct plan_call waits[] = {SIGNAL("never", "{}"), END};
static const struct plan_call counted[] = {STEP("tell", "test.idem", NULL), END};
static const struct world_branch branches[] = {{"nap", nap},     {"ask", ask},     {"bad", bad},
					       {"deep", deep},   {"calls", calls}, {"locks", locks},
					       {"waits", waits}, {NULL, counted}};

static const struct plan_call every[] = {
	VALUE("now"),
	VALUE("random"),
	VALUE("uuid"),
	VALUE("incident"),
	{.kind = PLAN_CALL_VALUE,
	 .id = "found",
	 .action = "fact",
	 .opts_json = "{\"value\":{\"n\":1}}"},
	STEP("tell", "test.idem", NULL),
	STEP("read", "test.idem", "{\"effect\":\"read\"}"),
	STEP("kick", "test.once", NULL),
	STEP("move", "test.once", "{\"probe\":{\"action\":\"test.look\"}}"),
	STEP("broken", "test.fail",
	     "{\"on_fail\":\"wait\",\"retry\":{\"max\":2,\"first\":\"1s\"}}"),
	SLEEP("3000"),
	ASK("{\"text\":\"?\"}"),
	{.kind = PLAN_CALL_ASK,
	 .id = "both",
	 .args_json = "{\"quorum\":2,\"text\":\"?\",\"who\":[\"ann\",\"bob\"]}"},
	SIGNAL("word", "{}"),
	LOCK("door", LEASE),
	BRANCHES("par", "{\"mode\":\"all\",\"names\":[\"nap\",\"deep\"]}"),
	UNLOCK("door"),
	BRANCHES("par", "{\"mode\":\"settle\",\"names\":[\"bad\",\"nap\"]}"),
	BRANCHES("par", "{\"mode\":\"any\",\"names\":[\"nap\",\"calls\",\"locks\",\"waits\"]}"),
	BRANCHES("each", "{\"mode\":\"all\",\"count\":3,\"limit\":2,\"max_errors\":0}"),
	CALL("sub", "{\"params\":{\"limit\":2}}"),
	CALL("sub", "{\"detach\":true,\"params\":{\"limit\":3}}"),
	LOCK("door", LEASE),
	STEP("last", "test.once", NULL),
	UNLOCK("door"),
	END};
enum { CALLS = sizeof(every) / sizeof(every[0]) - 1, RUNS = 4, TYPES = RECORD_RUN_ENDED + 1 };

/* What a person gives when a run waits for one. */
static void serve(struct world *world, const struct world_run *run)
{
	static const struct plan_operator ann = {"ann", NULL, ""};
	struct err_note why = {{0}};
	char step[700];
	snprintf(step, sizeof(step), "%s", run->waiting_for);
	*strchrnul(step, ':') = '\0';
	if (strstr(run->waiting_for, " has failed: "))
		plan_engine_set(world->engine, run->id, step, "{\"mended\":true}", &ann, &why);
	else if (run->state == RUN_IN_DOUBT)
		plan_engine_answer(world->engine, run->id, step, true, "{\"a\":0.1,\"b\":2}", "ann",
				   "", &why);
	else if (run->state == RUN_ASKING)
		plan_engine_answer(world->engine, run->id, step, true, NULL,
				   strstr(run->waiting_for, "(1 of 2)") ? "bob" : "ann", "", &why);
	else if (run->state == RUN_WAITING && strncmp(step, "word", 4) == 0)
		plan_engine_signal(world->engine, run->id, "word", "5", &ann, &why);
}

static bool is_over(const struct world *world)
{
	for (int i = 0; i < world_run_count(world); i++) {
		enum run_state state = world_run(world, i).state;
		if (state != RUN_DONE && state != RUN_FAILED && state != RUN_CANCELLED)
			return false;
	}
	return world_run_count(world) == RUNS;
}

static bool drive(struct world *world)
{
	for (int i = 0; i < 200 && !is_over(world); i++) {
		world_advance(world, 500);
		if (world->has_crashed)
			return false;
		for (int r = 0; r < world_run_count(world); r++) {
			struct world_run run = world_run(world, r);
			cr_assert_neq(run.state, RUN_BLOCKED, "%s", run.error);
			serve(world, &run);
		}
	}
	cr_assert(is_over(world), "a run does not end");
	return true;
}

/* Ids of runs are random. */
static void mask(char *text)
{
	for (char *at = strstr(text, "sub-7-"); at; at = strstr(at + 1, "sub-7-"))
		memset(at + 6, 'x', strspn(at + 6, "0123456789abcdef"));
}

static void check_effects(const struct world *world, const char *where)
{
	static const char *const at_least_once[] = {
		"/tell#1",       "/read#1",   "/broken#1", "/nap/tell#1", "/deep/nap/tell#1",
		"/nap#2/tell#1", "/1/tell#1", "/2/tell#1", "/3/tell#1",   "/nap#3/tell#1"};
	static const char *const at_most_once[] = {"/kick#1", "/deep/kick#1", "/bad/kick#1",
						   "/last#1"};
	const char *first = world_run(world, 0).id;
	char key[200];
	for (size_t i = 0; i < sizeof(at_least_once) / sizeof(char *); i++) {
		snprintf(key, sizeof(key), "%s%s", first, at_least_once[i]);
		cr_expect_geq(world_effects(world, key), 1, "%s: %s", where, key);
	}
	for (size_t i = 0; i < sizeof(at_most_once) / sizeof(char *); i++) {
		snprintf(key, sizeof(key), "%s%s", first, at_most_once[i]);
		cr_expect_leq(world_effects(world, key), 1, "%s: %s", where, key);
	}
	for (int i = 1; i < RUNS; i++) {
		snprintf(key, sizeof(key), "%s/kick#1", world_run(world, i).id);
		cr_expect_leq(world_effects(world, key), 1, "%s: %s", where, key);
	}
	cr_expect_eq(world_effects(world, "/move#1"), 1, "%s", where);
	cr_expect_eq(world_effects(world, "/never#1"), 0, "%s", where);
}

static void check_end(struct world *world, char answers[][256], const char *where)
{
	for (int i = 0; i < RUNS; i++) {
		struct world_run run = world_run(world, i);
		bool is_loser = strstr(world->engine->runs[i]->params_json, "\"limit\":1");
		cr_expect_eq(run.state, is_loser ? RUN_CANCELLED : RUN_DONE, "%s: %s is %s: %s",
			     where, run.id, run_state_name(run.state), run.error);
	}
	cr_expect_eq(world->engine->locks.count, 0, "%s", where);
	check_effects(world, where);
	for (int i = 0; i < world->answer_count; i++) {
		/* Values are new in each run; a probe tells what it found. */
		if (every[i].kind == PLAN_CALL_VALUE || strcmp(every[i].id, "move") == 0)
			continue;
		mask(world->answers[i]);
		cr_expect_str_eq(world->answers[i], answers[i], "%s: answer %d: %s, not %s", where,
				 i, world->answers[i], answers[i]);
	}
}

/* How many records of each type all runs have in the store. */
static void count_types(const struct world *world, int counts[TYPES])
{
	struct arena arena;
	arena_init(&arena);
	memset(counts, 0, TYPES * sizeof(int));
	for (uint32_t i = 0; i < world->engine->run_count; i++) {
		struct journal journal = {0};
		if (journal_read(world->store, world->engine->runs[i]->id, &arena, &journal,
				 NULL) != 0)
			continue;
		for (uint32_t r = 0; r < journal.count; r++)
			counts[journal.records[r].type]++;
	}
	arena_deinit(&arena);
}

struct crash {
	int first, second;
	bool takes, parks;
	int *counts; /**< of the types that were durable at the first crash; or NULL */
};

static void open_world(struct world *world, const struct crash *crash)
{
	world_open(world, every);
	world->child = called;
	world->branches = branches;
	world->parks = crash->parks;
	world->engine->awake_max = crash->parks ? 0 : RUNS_AWAKE_MAX;
	world_plan(world, NULL);
	world->crash_at = crash->first;
	world->crash_takes = crash->takes;
	world_trigger(world, 7);
}

static bool crash_twice(const struct crash *crash, char answers[][256])
{
	struct world world;
	char where[96];
	snprintf(where, sizeof(where), "crash at %d, then %d, %s%s", crash->first, crash->second,
		 crash->takes ? "durable" : "lost", crash->parks ? ", parked" : "");
	open_world(&world, crash);
	bool has_crashed = world.has_crashed || !drive(&world);
	if (has_crashed && crash->counts)
		count_types(&world, crash->counts);
	/* Nothing of it is durable: there is no run. */
	bool is_gone = has_crashed && crash->first == 1 && !crash->takes;
	if (has_crashed && !is_gone) {
		world_restart(&world);
		world.crash_at = world.write_count + crash->second;
		if (!drive(&world)) {
			world_restart(&world);
			cr_assert(drive(&world), "%s", where);
		}
	}
	if (!is_gone)
		check_end(&world, answers, where);
	world_close(&world);
	return has_crashed;
}

static void run_alone(char answers[][256])
{
	struct world world;
	int counts[TYPES];
	open_world(&world, &(struct crash){0});
	cr_assert(drive(&world));
	cr_assert_eq(world.answer_count, CALLS);
	for (int i = 0; i < CALLS; i++) {
		snprintf(answers[i], 256, "%s", world.answers[i]);
		mask(answers[i]);
	}
	check_end(&world, answers, "no crash");
	cr_assert_eq(commit_flush(world.commit, NULL), 0);
	count_types(&world, counts);
	for (int type = 0; type < TYPES; type++) {
		/* StepProbed: only after a crash. Migrated: an operator's, test_plan_migrate.c. */
		if (type != RECORD_STEP_PROBED && type != RECORD_MIGRATED)
			cr_expect_gt(counts[type], 0, "the plan has no %s",
				     record_type_name((enum record_type)type));
	}
	world_close(&world);
}

static void crash_everywhere(bool parks)
{
	static char answers[WORLD_ANSWERS_MAX][256];
	run_alone(answers);
	for (int takes = 0; takes <= 1; takes++) {
		int before[TYPES] = {0}, counts[TYPES] = {0};
		bool is_hit[TYPES] = {false};
		struct crash crash = {1, 1000, takes == 1, parks, counts};
		for (; crash_twice(&crash, answers); crash.first++) {
			for (int type = 0; type < TYPES; type++)
				is_hit[type] = is_hit[type] || counts[type] > before[type];
			memcpy(before, counts, sizeof(before));
			struct crash again = {crash.first, 1 + crash.first % 5, takes == 1, parks,
					      NULL};
			if (getenv("TOCSIN_LONG") || crash.first % 4 == (parks ? 1 : 3))
				crash_twice(&again, answers);
		}
		cr_expect_gt(crash.first, 60, "the plan made only %d commits", crash.first - 1);
		for (int type = 0; type < TYPES; type++) {
			if (type != RECORD_STEP_PROBED && type != RECORD_MIGRATED)
				cr_expect(is_hit[type], "no crash came right after %s",
					  record_type_name((enum record_type)type));
		}
	}
}

Test(plan_every_kind, ends_as_an_uncrashed_run_after_a_crash_at_every_commit)
{
	crash_everywhere(false);
}

Test(plan_every_kind, ends_as_an_uncrashed_run_when_it_is_parked)
{
	crash_everywhere(true);
}
