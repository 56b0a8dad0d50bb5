#include "world.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

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

static void keep_last(void *arg, struct slice json)
{
	snprintf(arg, 1024, "%.*s", (int)json.length, json.data);
}

Test(plan_replay, runs_every_kind_of_call_in_order)
{
	struct world world;
	world_open(&world, every_kind);
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	struct world_run run = world_run(&world, 0);
	cr_expect_eq(run.state, RUN_SLEEPING);
	cr_expect_eq(world_effects(&world, "/tell#1"), 1);
	cr_expect_eq(world_effects(&world, "/kick#1"), 0);
	world_advance(&world, 4999);
	cr_expect_eq(world_run(&world, 0).state, RUN_SLEEPING);
	world_advance(&world, 1);
	run = world_run(&world, 0);
	cr_expect_eq(run.state, RUN_ASKING);
	cr_expect_str_eq(run.waiting_for, "sure#1: Go on?");
	cr_expect_eq(plan_engine_answer(world.engine, run.id, NULL, true, "{\"x\":1}", "ann",
					"fine", NULL),
		     0);
	world_turn(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	cr_expect_eq(world.effect_count, 4);
	cr_expect_str_eq(world.answers[1], "{\"a\":0.1,\"b\":2}");
	cr_expect_str_eq(world.answers[2], "{\"late_by_ms\":0}");
	cr_expect_str_eq(world.answers[5], "{\"actor\":\"ann\",\"approved\":true,\"expired\":false,"
					   "\"reason\":\"fine\",\"value\":{\"x\":1}}");
	cr_expect_str_eq(world.answers[7], "1795327205.0");
	char *journal = world_journal(&world, run.id);
	cr_expect_str_eq(journal, "RunStarted Value StepScheduled StepAttempt StepDone TimerSet "
				  "TimerFired StepScheduled StepAttempt StepDone StepScheduled "
				  "StepAttempt StepDone AskOpened AskAnswered StepScheduled "
				  "StepAttempt StepDone Value StepScheduled StepAttempt StepDone "
				  "RunEnded");
	mem_free(journal);
	char last[1024] = "";
	cr_assert_eq(plan_engine_each_record(world.engine, run.id, keep_last, last, NULL), 0);
	cr_expect(strstr(last, "\"result\":null"), "%s", last);
	world_close(&world);
}

/* Drives run 0 to its end; false when the process "ended" on the way. */

static bool drive(struct world *world, bool is_approving)
{
	for (int i = 0; i < 100; i++) {
		world_turn(world);
		if (world->has_crashed)
			return false;
		struct world_run run = world_run(world, 0);
		switch (run.state) {
		case RUN_SLEEPING: world_advance(world, 5000); break;
		case RUN_ASKING:
			cr_assert_eq(plan_engine_answer(world->engine, run.id, NULL, true, NULL,
							"ann", "", NULL),
				     0);
			break;
		case RUN_IN_DOUBT:
			cr_assert_eq(plan_engine_answer(world->engine, run.id, NULL, is_approving,
							NULL, "bob", "", NULL),
				     0);
			break;
		case RUN_ROLLING_BACK:
		case RUN_RUNNING:
		case RUN_WAITING:
		case RUN_PAUSED:
		case RUN_BLOCKED:
		case RUN_QUEUED:
			cr_assert_fail("run stands in %s: %s", run_state_name(run.state),
				       run.error);
		case RUN_DONE:
		case RUN_FAILED:
		case RUN_ROLLED_BACK:
		case RUN_ROLLBACK_FAILED:
		case RUN_CANCELLED: return true;
		}
	}
	cr_assert_fail("the run does not end");
	return false;
}

static void check_effects(const struct world *world)
{
	cr_expect_geq(world_effects(world, "/tell#1"), 1);
	cr_expect_geq(world_effects(world, "/tell#2"), 1);
	cr_expect_leq(world_effects(world, "/kick#1"), 1);
	cr_expect_leq(world_effects(world, "/kick#2"), 1);
}

/* Crashes at write `first` and, after the restart, again at write `second`; returns whether the
 * first crash happened at all. */

static bool crash_twice(int first, int second, bool takes)
{
	struct world world;
	world_open(&world, every_kind);
	world_plan(&world, NULL);
	world.crash_at = first;
	world.crash_takes = takes;
	world_trigger(&world, 7);
	bool has_crashed = !drive(&world, true);
	/* The trigger itself was lost with its batch: the incident will bring it again. */
	if (has_crashed && first == 1 && !takes) {
		world_restart(&world);
		cr_expect_eq(world_run_count(&world), 0);
		world_close(&world);
		return true;
	}
	if (has_crashed) {
		world_restart(&world);
		world.crash_at = world.write_count + second;
		if (!drive(&world, true)) {
			world_restart(&world);
			cr_assert(drive(&world, true));
		}
	}
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE, "crash at %d, %d: %s", first, second,
		     world_run(&world, 0).error);
	cr_expect_eq(world.answer_count, 9);
	check_effects(&world);
	/* All effects happened but those a person vouched for. */
	if (!world_has_fact(&world, "step_in_doubt"))
		cr_expect_eq(world_effects(&world, "/kick"), 2);
	world_close(&world);
	return has_crashed;
}

Test(plan_replay, ends_the_same_after_a_crash_at_every_commit)
{
	for (int takes = 0; takes <= 1; takes++) {
		int first = 1;
		while (crash_twice(first, 1000, takes == 1))
			first++;
		cr_expect_gt(first, 20, "the plan made only %d commits", first - 1);
		for (int i = 1; i < first; i++) {
			for (int second = 1; second <= 5; second++)
				crash_twice(i, second, takes == 1);
		}
	}
}

Test(plan_replay, sends_once_again_only_when_it_certainly_was_not_sent)
{
	static const struct plan_call script[] = {STEP("kick", "test.once", NULL), END};
	/* Writes: 1 RunStarted, 2 StepScheduled, 3 StepAttempt, 4 StepDone. */
	for (int at = 1; at <= 4; at++) {
		struct world world;
		world_open(&world, script);
		world_plan(&world, NULL);
		world.crash_at = at;
		world.crash_takes = true;
		world_trigger(&world, 7);
		cr_assert(world.has_crashed);
		world_restart(&world);
		enum run_state wanted = at == 3 ? RUN_IN_DOUBT : RUN_DONE;
		cr_expect_eq(world_run(&world, 0).state, wanted, "crash at %d", at);
		cr_expect_eq(world_effects(&world, "/kick#1"), at == 3 ? 0 : 1);
		world_close(&world);
	}
}

Test(plan_replay, in_doubt_survives_restart_and_waits_for_a_person)
{
	static const struct plan_call script[] = {STEP("kick", "test.once", NULL), END};
	static const enum world_reply replies[] = {REPLY_UNKNOWN, REPLY_OK};
	struct world world;
	world_open(&world, script);
	world.replies = replies;
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	cr_expect_eq(world_run(&world, 0).state, RUN_IN_DOUBT);
	world_advance(&world, 48 * 3600 * 1000); /* the time-out of the run does not end it */
	world_restart(&world);
	struct world_run run = world_run(&world, 0);
	cr_expect_eq(run.state, RUN_IN_DOUBT);
	cr_expect_eq(plan_engine_answer(world.engine, run.id, NULL, false, NULL, "bob", "no", NULL),
		     0);
	cr_expect_eq(plan_engine_answer(world.engine, run.id, NULL, true, NULL, "eve", "", NULL),
		     ERR_CONFLICT);
	world_turn(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_FAILED);
	cr_expect_eq(world_effects(&world, "/kick#1"), 1);
	cr_expect_eq(plan_engine_answer(world.engine, run.id, NULL, true, NULL, "eve", "", NULL),
		     ERR_CONFLICT);
	cr_expect_eq(plan_engine_answer(world.engine, "nobody", NULL, true, NULL, "eve", "", NULL),
		     ERR_NOT_FOUND);
	world_close(&world);
}

Test(plan_replay, failed_try_waits_its_back_off_also_over_a_restart)
{
	static const struct plan_call script[] = {
		STEP("do", "test.once",
		     "{\"retry\":{\"max\":3,\"first\":\"100s\",\"jitter\":false}}"),
		END};
	static const enum world_reply replies[] = {REPLY_RETRY, REPLY_OK};
	struct world world;
	world_open(&world, script);
	world.replies = replies;
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	world_restart(&world);
	world_advance(&world, 59 * 1000);
	cr_expect_eq(world_effects(&world, "/do#1"), 1);
	world_advance(&world, 1000); /* retry.cap is 60 s */
	cr_expect_eq(world_effects(&world, "/do#1"), 2);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	world_close(&world);
}

Test(plan_replay, late_timer_fires_at_once_after_restart)
{
	static const struct plan_call script[] = {SLEEP("5000"), END};
	struct world world;
	world_open(&world, script);
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	world.crash_at = world.write_count + 1;
	world_advance(&world, 65000);
	cr_assert(world.has_crashed);
	world_restart(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	cr_expect_str_eq(world.answers[0], "{\"late_by_ms\":60000}");
	cr_expect(world_has_fact(&world, "timer_late"));
	cr_expect_eq(world.factory_count, 1, "the run was rebuilt from its kept source");
	world_close(&world);
}

Test(plan_replay, another_script_blocks_only_that_run)
{
	static const struct plan_call first[] = {STEP("tell", "test.idem", NULL), SLEEP("5000"),
						 END};
	static const struct plan_call others[][3] = {
		{SLEEP("5000"), SLEEP("5000"), END},
		{STEP("say", "test.idem", NULL), SLEEP("5000"), END},
		{STEP("tell", "test.once", NULL), SLEEP("5000"), END},
		{STEP("tell", "test.idem", NULL), SLEEP("5001"), END},
		{STEP("tell", "test.idem", NULL), END, END},
	};
	static const char *const words[] = {"kind", "id", "action", "arguments",
					    "the script ended"};
	for (size_t i = 0; i < 5; i++) {
		struct world world;
		world_open(&world, first);
		world_plan(&world, NULL);
		world_trigger(&world, 7);
		world.script = others[i];
		world_restart(&world);
		struct world_run run = world_run(&world, 0);
		cr_expect_eq(run.state, RUN_BLOCKED, "case %zu", i);
		cr_expect(strstr(run.error, words[i]), "case %zu: %s", i, run.error);
		cr_expect_eq(world.effect_count, 1);
		world.script = first;
		world_plan(&world, NULL);
		world_trigger(&world, 8);
		world_advance(&world, 5000);
		cr_expect_eq(world_run(&world, 1).state, RUN_DONE);
		/* With the right script again the run goes on where it stood. */
		world_restart(&world);
		world_advance(&world, 5000);
		cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
		world_close(&world);
	}
}

Test(plan_replay, damaged_journal_blocks_the_run_and_is_not_written_to)
{
	static const struct plan_call script[] = {SLEEP("5000"), END};
	struct world world;
	world_open(&world, script);
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	struct world_run run = world_run(&world, 0);
	struct kv_batch *batch = kv_batch_new();
	struct bytes key = BYTES_EMPTY;
	key_begin(&key, KEYSPACE_JOURNAL);
	key_add_text(&key, run.id);
	key_add_u32(&key, 1);
	kv_batch_delete(batch, bytes_slice(&key));
	cr_assert_eq(kv_write(world.store, batch, NULL), 0);
	world_restart(&world);
	run = world_run(&world, 0);
	cr_expect_eq(run.state, RUN_BLOCKED);
	cr_expect(strstr(run.error, "record 1 is missing"), "%s", run.error);
	cr_expect_eq(plan_engine_cancel(world.engine, run.id, "ann", "", NULL), 0);
	world_turn(&world);
	char *journal = world_journal(&world, run.id);
	cr_expect_str_eq(journal, "TimerSet");
	world.has_other_script = true;
	mem_free(journal);
	kv_batch_free(batch);
	bytes_deinit(&key);
	world_close(&world);
}

Test(plan_replay, a_time_is_recorded_in_as_few_digits_as_it_needs)
{
	static const struct plan_call script[] = {VALUE("now"), SLEEP("1000"), END};
	struct world world;
	world_open(&world, script);
	world_plan(&world, NULL);
	/* The double nearest to this time is 1795327200.0880001 with 17 digits. */
	world_advance(&world, 88);
	world_trigger(&world, 7);
	cr_expect_str_eq(world.answers[0], "1795327200.088");
	world_restart(&world);
	cr_expect_str_eq(world.answers[0], "1795327200.088");
	world_close(&world);
}

Test(plan_replay, a_fact_is_recorded_and_known_afterwards)
{
	static const struct plan_call script[] = {
		{.kind = PLAN_CALL_VALUE, .id = "n", .action = "known"},
		{.kind = PLAN_CALL_VALUE,
		 .id = "n",
		 .action = "fact",
		 .opts_json = "{\"value\":[7]}"},
		{.kind = PLAN_CALL_VALUE, .id = "n", .action = "known"},
		SLEEP("5000"),
		END};
	struct world world;
	world_open(&world, script);
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	cr_expect_str_eq(world.answers[0], "false");
	cr_expect_str_eq(world.answers[1], "[7]");
	world_restart(&world);
	cr_expect_str_eq(world.answers[0], "true");
	cr_expect_str_eq(world.answers[1], "[7]");
	cr_expect_str_eq(world.answers[2], "false");
	cr_expect_eq(world_run(&world, 0).state, RUN_SLEEPING, "%s", world_run(&world, 0).error);
	cr_expect_eq(world_run(&world, 0).record_count, 3);
	world_close(&world);
}
