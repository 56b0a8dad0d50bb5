/* Stored runs of former builds go on: tests/fixtures/journals/<format>/ holds all rows of a store,
 * as that build had written them when it was ended. They are never made again by a newer one. */
#include "world.h"

#include "core/base/mem.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The plan that the fixtures of format 1 ran: every kind of call that there was. */
static const struct plan_call every_kind[] = {
	VALUE("uuid"),
	STEP("tell", "test.idem", NULL),
	SLEEP("5000"),
	STEP("kick", "test.once", NULL),
	{.kind = PLAN_CALL_STEP,
	 .id = "log",
	 .action = "log.write",
	 .args_json = "{\"text\":\"hi\"}"},
	ASK("{\"text\":\"Go on?\"}"),
	STEP("tell", "test.idem", NULL),
	VALUE("now"),
	STEP("kick", "test.once", NULL),
	END,
};

static void read_hex(struct bytes *out, const char *hex, size_t length)
{
	bytes_clear(out);
	for (size_t i = 0; i + 1 < length; i += 2) {
		char digits[3] = {hex[i], hex[i + 1], '\0'};
		char byte = (char)strtol(digits, NULL, 16);
		bytes_append(out, &byte, 1);
	}
}

static void load_rows(struct world *world, const char *name)
{
	char path[200];
	char *line = NULL;
	size_t capacity = 0;
	struct bytes key = BYTES_EMPTY, value = BYTES_EMPTY;
	struct kv_batch *batch = kv_batch_new();
	snprintf(path, sizeof(path), "tests/fixtures/journals/%s.rows", name);
	FILE *file = fopen(path, "r");
	cr_assert_not_null(file, "%s", path);
	while (getline(&line, &capacity, file) > 0) {
		size_t key_length = strcspn(line, " ");
		read_hex(&key, line, key_length);
		read_hex(&value, line + key_length + 1, strcspn(line + key_length + 1, "\n"));
		kv_batch_put(batch, bytes_slice(&key), bytes_slice(&value));
	}
	cr_assert_eq(kv_write(world->store, batch, NULL), 0);
	kv_batch_free(batch);
	bytes_deinit(&key);
	bytes_deinit(&value);
	fclose(file);
	free(line);
}

struct fixture {
	const char *name;
	enum run_state state; /* right after the start */
	int kicks;            /* `once` steps that are still to be sent */
};

Test(plan_formats, runs_of_format_1_go_on)
{
	static const struct fixture fixtures[] = {
		{"1/crash_03", RUN_SLEEPING, 2}, /* "tell" attempted */
		{"1/sleeping", RUN_SLEEPING, 2}, {"1/crash_08", RUN_IN_DOUBT, 1},
		{"1/in_doubt", RUN_IN_DOUBT, 1}, {"1/retrying", RUN_RUNNING, 2},
		{"1/asking", RUN_ASKING, 1},     {"1/crash_16", RUN_DONE, 1},
		{"1/crash_19", RUN_IN_DOUBT, 0},
	};
	for (size_t i = 0; i < sizeof(fixtures) / sizeof(fixtures[0]); i++) {
		struct world world;
		world_open(&world, every_kind);
		load_rows(&world, fixtures[i].name);
		world_restart(&world);
		struct world_run run = world_run(&world, 0);
		cr_expect_eq(run.state, fixtures[i].state, "%s: %s %s", fixtures[i].name,
			     run_state_name(run.state), run.error);
		for (int turn = 0; turn < 10; turn++) {
			run = world_run(&world, 0);
			world_advance(&world, 5000);
			if (run.state == RUN_ASKING || run.state == RUN_IN_DOUBT)
				cr_expect_eq(plan_engine_answer(world.engine, run.id, NULL, true,
								NULL, "ann", "", NULL),
					     0);
		}
		run = world_run(&world, 0);
		cr_expect_eq(run.state, RUN_DONE, "%s: %s", fixtures[i].name, run.error);
		cr_expect_eq(world_effects(&world, "/kick"), fixtures[i].kicks, "%s",
			     fixtures[i].name);
		cr_expect_eq(world.answer_count, 9, "%s", fixtures[i].name);
		world_close(&world);
	}
}

Test(plan_formats, a_journal_of_a_newer_build_is_refused)
{
	static const struct plan_call script[] = {SLEEP("5000"), END};
	struct world world;
	struct bytes key = BYTES_EMPTY, value = BYTES_EMPTY;
	world_open(&world, script);
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	struct world_run run = world_run(&world, 0);
	struct slice newer =
		slice_of("{\"seq\":1,\"type\":\"RunStarted\",\"format\":99,\"params\":{},"
			 "\"incident_state\":{}}");
	struct kv_batch *batch = kv_batch_new();
	key_begin(&key, KEYSPACE_JOURNAL);
	key_add_text(&key, run.id);
	key_add_u32(&key, 1);
	keyspace_seal(&value, newer);
	kv_batch_put(batch, bytes_slice(&key), bytes_slice(&value));
	cr_assert_eq(kv_write(world.store, batch, NULL), 0);
	world_restart(&world);
	run = world_run(&world, 0);
	cr_expect_eq(run.state, RUN_BLOCKED);
	cr_expect(strstr(run.error, "format 99"), "%s", run.error);
	world_advance(&world, 5000);
	cr_expect_eq(world_run(&world, 0).record_count, 2, "nothing is appended to it");
	kv_batch_free(batch);
	bytes_deinit(&key);
	bytes_deinit(&value);
	world_close(&world);
}
