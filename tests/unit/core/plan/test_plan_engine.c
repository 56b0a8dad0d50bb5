#include "world.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/plan/plan_run.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

struct retry_case {
	const char *action;
	const char *opts;
	enum world_reply replies[5];
	int tries;
	enum run_state state;
};

Test(plan_engine, retries_by_effect_and_reply)
{
	static const struct retry_case cases[] = {
		{"test.idem", NULL, {REPLY_UNKNOWN, REPLY_OK}, 2, RUN_DONE},
		{"test.idem", NULL, {REPLY_REPEAT, REPLY_UNKNOWN, REPLY_OK}, 3, RUN_DONE},
		{"test.idem", NULL, {REPLY_REPEAT, REPLY_REPEAT, REPLY_REPEAT}, 3, RUN_FAILED},
		{"test.idem", NULL, {REPLY_FAIL}, 1, RUN_FAILED},
		{"test.idem", "{\"retry\":{\"max\":1}}", {REPLY_RETRY}, 1, RUN_FAILED},
		{"test.once", NULL, {REPLY_RETRY}, 1, RUN_FAILED},
		{"test.once", NULL, {REPLY_REPEAT}, 1, RUN_FAILED},
		{"test.once", NULL, {REPLY_UNKNOWN}, 1, RUN_IN_DOUBT},
		{"test.once",
		 "{\"retry\":{\"max\":4}}",
		 {REPLY_RETRY, REPLY_REPEAT},
		 2,
		 RUN_FAILED},
		{"test.once",
		 "{\"retry\":{\"max\":4}}",
		 {REPLY_RETRY, REPLY_UNKNOWN},
		 2,
		 RUN_IN_DOUBT},
		{"test.once",
		 "{\"effect\":\"idempotent\"}",
		 {REPLY_UNKNOWN, REPLY_OK},
		 2,
		 RUN_DONE},
		{"test.idem", "{\"effect\":\"once\"}", {REPLY_UNKNOWN}, 1, RUN_IN_DOUBT},
		{"test.idem", "{\"deadline\":0.001}", {REPLY_RETRY, REPLY_OK}, 1, RUN_FAILED},
		{"test.idem", "{\"on_fail\":\"continue\"}", {REPLY_FAIL}, 1, RUN_DONE},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct plan_call script[] = {STEP("do", cases[i].action, cases[i].opts), END};
		struct world world;
		world_open(&world, script);
		world.replies = cases[i].replies;
		world_plan(&world, NULL);
		world_trigger(&world, 7);
		world_advance(&world, 10 * 60 * 1000);
		cr_expect_eq(world_run(&world, 0).state, cases[i].state, "case %zu", i);
		cr_expect_eq(world_effects(&world, "/do#1"), cases[i].tries, "case %zu", i);
		cr_expect_eq(world.effect_count, 1, "one key for all tries, case %zu", i);
		world_close(&world);
	}
}

struct expire_case {
	const char *args;
	const char *answer;
};

Test(plan_engine, ask_expires_as_declared)
{
	static const struct expire_case cases[] = {
		{"{\"text\":\"?\",\"expires\":\"1m\"}", "\"approved\":false,\"expired\":true"},
		{"{\"text\":\"?\",\"expires\":60,\"on_expire\":\"approve\"}",
		 "\"approved\":true,\"expired\":true"},
		{"{\"text\":\"?\",\"expires\":\"60s\",\"on_expire\":\"fail\"}",
		 "nobody answered in time"},
		{"{\"text\":\"?\",\"on_expire\":\"maybe\"}", "ask.on_expire must be"},
		{"{\"expires\":\"60s\"}", "needs a text"},
	};
	for (size_t i = 0; i < 5; i++) {
		const struct plan_call script[] = {ASK(cases[i].args), END};
		struct world world;
		world_open(&world, script);
		world_plan(&world, NULL);
		world_trigger(&world, 7);
		if (i < 3) {
			world_advance(&world, 59999);
			cr_expect_eq(world_run(&world, 0).state, RUN_ASKING, "case %zu", i);
			world_advance(&world, 1);
		}
		cr_assert_eq(world.answer_count, 1, "case %zu", i);
		cr_expect(strstr(world.answers[0], cases[i].answer), "%s", world.answers[0]);
		world_close(&world);
	}
}

Test(plan_engine, answer_must_be_among_the_choices)
{
	static const struct plan_call script[] = {ASK("{\"text\":\"?\",\"choices\":[\"a\",\"b\"]}"),
						  END};
	struct world world;
	struct err_note why = {{0}};
	world_open(&world, script);
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	struct world_run run = world_run(&world, 0);
	cr_expect_eq(plan_engine_answer(world.engine, run.id, NULL, true, "\"c\"", "ann", "", &why),
		     ERR_INVALID);
	cr_expect(strstr(why.text, "[\"a\",\"b\"]"), "%s", why.text);
	cr_expect_eq(plan_engine_answer(world.engine, run.id, NULL, true, "c", "ann", "", &why),
		     ERR_INVALID);
	cr_expect_eq(plan_engine_answer(world.engine, run.id, NULL, true, "\"b\"", "ann", "", &why),
		     0);
	world_turn(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	world_close(&world);
}

static void set_short(struct plan *plan)
{
	plan->timeout_ms = 60000;
}

Test(plan_engine, timeout_ends_a_run_also_while_an_action_is_silent)
{
	static const struct plan_call script[] = {STEP("do", "test.idem", NULL), END};
	static const enum world_reply replies[] = {REPLY_SILENT};
	struct world world;
	world_open(&world, script);
	world.replies = replies;
	world_plan(&world, set_short);
	world_trigger(&world, 7);
	world_advance(&world, 59999);
	cr_expect_eq(world_run(&world, 0).state, RUN_RUNNING);
	world_advance(&world, 1);
	cr_expect_eq(world_run(&world, 0).state, RUN_FAILED);
	cr_expect(strstr(world_run(&world, 0).error, "time-out"));
	world_close(&world);
}

Test(plan_engine, timeout_holds_after_sleep_retry_and_doubt)
{
	static const struct plan_call script[] = {SLEEP("5000"), STEP("kick", "test.once", NULL),
						  STEP("do", "test.idem", NULL), END};
	static const enum world_reply replies[] = {REPLY_UNKNOWN, REPLY_RETRY, REPLY_SILENT};
	struct world world;
	world_open(&world, script);
	world.replies = replies;
	world_plan(&world, set_short);
	world_trigger(&world, 7);
	world_advance(&world, 20000);
	struct world_run run = world_run(&world, 0);
	cr_assert_eq(run.state, RUN_IN_DOUBT);
	cr_expect_eq(plan_engine_answer(world.engine, run.id, NULL, true, NULL, "bob", "", NULL),
		     0);
	world_advance(&world, 54999); /* 5 s of its minute went by before the doubt */
	cr_expect_eq(world_run(&world, 0).state, RUN_RUNNING);
	cr_expect_eq(world_effects(&world, "/do#1"), 2);
	world_advance(&world, 1);
	cr_expect_eq(world_run(&world, 0).state, RUN_FAILED);
	world_close(&world);
}

Test(plan_engine, run_that_ends_is_not_trimmed_under_its_own_feet)
{
	static const struct plan_call script[] = {VALUE("now"), END};
	struct world world;
	world_open(&world, script);
	world_plan(&world, NULL);
	world.engine->ended_max = 0;
	world.retriggers = true;
	world_trigger(&world, 7);
	cr_expect_eq(world_run_count(&world), 1);
	world.retriggers = false;
	world_trigger(&world, 8);
	cr_expect_eq(world_run_count(&world), 1, "the first one is gone now");
	world_close(&world);
}

Test(plan_engine, cancel_ends_a_run_and_is_kept)
{
	static const struct plan_call script[] = {SLEEP("5000"), END};
	struct world world;
	world_open(&world, script);
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	struct world_run run = world_run(&world, 0);
	cr_expect_eq(plan_engine_cancel(world.engine, run.id, "ann", "wrong", NULL), 0);
	cr_expect_eq(plan_engine_cancel(world.engine, run.id, "ann", "", NULL), ERR_CONFLICT);
	world_advance(&world, 10000);
	world_restart(&world);
	run = world_run(&world, 0);
	cr_expect_eq(run.state, RUN_CANCELLED);
	cr_expect_str_eq(run.error, "cancelled by ann: wrong");
	char *journal = world_journal(&world, run.id);
	cr_expect_str_eq(journal, "RunStarted TimerSet Operator RunEnded");
	mem_free(journal);
	world_close(&world);
}

static void set_queue(struct plan *plan)
{
	plan->concurrency_key = "global";
	plan->on_conflict = PLAN_QUEUE;
}

static void set_reject(struct plan *plan)
{
	plan->concurrency_key = "rule";
	plan->on_conflict = PLAN_REJECT;
}

static void set_rate(struct plan *plan)
{
	plan->rates[0].count = 2;
	plan->rates[0].span_ms = 3600000;
	plan->rate_count = 1;
}

Test(plan_engine, queued_runs_start_when_the_limit_allows_also_after_restart)
{
	static const struct plan_call script[] = {SLEEP("5000"), END};
	struct world world;
	world_open(&world, script);
	world_plan(&world, set_queue);
	for (uint64_t number = 1; number <= 3; number++)
		world_trigger(&world, number);
	cr_expect_eq(world_run(&world, 0).state, RUN_SLEEPING);
	cr_expect_eq(world_run(&world, 1).state, RUN_QUEUED);
	world_restart(&world);
	world_advance(&world, 5000);
	int states[RUN_CANCELLED + 1] = {0};
	for (int i = 0; i < 3; i++)
		states[world_run(&world, i).state]++;
	cr_expect(states[RUN_DONE] == 1 && states[RUN_SLEEPING] == 1 && states[RUN_QUEUED] == 1);
	world_advance(&world, 10000);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(world_run(&world, i).state, RUN_DONE);
	world_close(&world);
}

Test(plan_engine, conflict_and_rate_are_obeyed)
{
	static const struct plan_call script[] = {SLEEP("5000"), END};
	struct world world;
	world_open(&world, script);
	world_plan(&world, NULL);
	world_trigger(&world, 1);
	world_trigger(&world, 1);
	cr_expect_eq(world_run_count(&world), 1);
	cr_expect(world_has_fact(&world, "run_attached"));
	world_plan(&world, set_reject);
	world_trigger(&world, 2); /* the first run counts for another key */
	world_trigger(&world, 3);
	cr_expect_eq(world_run_count(&world), 2);
	cr_expect(world_has_fact(&world, "run_refused"));
	world_plan(&world, set_rate);
	world_trigger(&world, 4);
	cr_expect_eq(world_run_count(&world), 2);
	world_advance(&world, 3600000);
	world_trigger(&world, 5);
	cr_expect_eq(world_run_count(&world), 3);
	world_close(&world);
}

static void set_other_rule(struct plan *plan)
{
	plan->on_rule = "fast";
}

static void set_other_severity(struct plan *plan)
{
	plan->on_severity = "info";
}

static void set_other_event(struct plan *plan)
{
	plan->on_event = "acked";
}

static void set_other_category(struct plan *plan)
{
	plan->on_category = "online";
}

static void set_all(struct plan *plan)
{
	plan->on_rule = "slow";
	plan->on_severity = "critical";
	plan->on_category = "offline/food";
}

Test(plan_engine, trigger_matches_every_declared_part)
{
	static void (*const others[])(struct plan * plan) = {set_other_rule, set_other_severity,
							     set_other_event, set_other_category};
	static const struct plan_call script[] = {END};
	struct world world;
	world_open(&world, script);
	for (int i = 0; i < 4; i++) {
		world_plan(&world, others[i]);
		world_trigger(&world, 1);
		cr_expect_eq(world_run_count(&world), 0, "case %d", i);
	}
	world_plan(&world, set_all);
	world_trigger(&world, 1);
	cr_expect_eq(world_run_count(&world), 1);
	world_close(&world);
}

Test(plan_engine, category_of_the_trigger_matches_what_is_below_it)
{
	static const struct plan_call script[] = {END};
	struct config_category categories[] = {{.name = "offline"},
					       {.name = "offline/food", .parent = "offline"},
					       {.name = "online"}};
	struct config config = {
		.reference_count = 1, .categories = categories, .category_count = 3};
	static const char *const wanted[] = {"online", "offline"};
	struct world world;
	world_open(&world, script);
	world_plan(&world, NULL);
	for (int i = 0; i < 2; i++) {
		world.plan->on_category = wanted[i];
		plan_engine_install(world.engine, &config, &world.plan, 1);
		world_trigger(&world, 1);
		cr_expect_eq(world_run_count(&world), i);
	}
	world_close(&world);
}

Test(plan_engine, time_in_doubt_does_not_count_for_the_timeout)
{
	static const struct plan_call script[] = {STEP("kick", "test.once", NULL), SLEEP("5000"),
						  END};
	static const enum world_reply replies[] = {REPLY_UNKNOWN};
	struct world world;
	world_open(&world, script);
	world.replies = replies;
	world_plan(&world, set_short);
	world_trigger(&world, 7);
	world_advance(&world, 3600 * 1000);
	struct world_run run = world_run(&world, 0);
	cr_assert_eq(run.state, RUN_IN_DOUBT);
	cr_expect_eq(
		plan_engine_answer(world.engine, run.id, NULL, true, NULL, "bob", "seen", NULL), 0);
	world_turn(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_SLEEPING);
	world_restart(&world);
	world_advance(&world, 5000);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE, "%s", world_run(&world, 0).error);
	world_close(&world);
}

Test(plan_engine, full_journal_ends_the_run)
{
	static const struct plan_call script[] = {STEP("a", "test.idem", NULL),
						  STEP("b", "test.idem", NULL), END};
	/* RunStarted, then a step of three records; each call needs room for eight. */
	for (uint32_t max = 8; max <= 14; max++) {
		struct world world;
		world_open(&world, script);
		world.engine->records_max = max;
		world_plan(&world, NULL);
		world_trigger(&world, 7);
		struct world_run run = world_run(&world, 0);
		cr_expect_eq(run.state, max < 13 ? RUN_FAILED : RUN_DONE, "max %u", max);
		cr_expect_leq(run.record_count, max);
		world_close(&world);
	}
}

Test(plan_engine, unknown_action_and_wrong_opts_fail_the_step_and_replay_so)
{
	static const struct plan_call script[] = {
		STEP("a", "test.nothing", "{\"on_fail\":\"continue\"}"),
		STEP("b", "test.idem", "{\"tries\":3,\"on_fail\":\"continue\"}"), SLEEP("5000"),
		END};
	struct world world;
	world_open(&world, script);
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	cr_expect(strstr(world.answers[0], "there is no action"), "%s", world.answers[0]);
	cr_expect(strstr(world.answers[1], "opts has no member \"tries\""), "%s", world.answers[1]);
	world_restart(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_SLEEPING, "%s", world_run(&world, 0).error);
	cr_expect_eq(world.effect_count, 0);
	world_close(&world);
}

Test(plan_engine, old_ended_runs_are_deleted_with_their_journal)
{
	static const struct plan_call script[] = {VALUE("now"), END};
	struct world world;
	world_open(&world, script);
	world_plan(&world, NULL);
	for (uint64_t number = 1; number <= 3; number++) {
		world_trigger(&world, number);
		world_advance(&world, 10);
	}
	struct world_run oldest = world_run(&world, 0), kept = world_run(&world, 1);
	world.engine->ended_max = 2;
	run_trim(world.engine);
	engine_kick(world.engine);
	world_restart(&world);
	world_turn(&world);
	world_restart(&world);
	cr_expect_eq(world_run_count(&world), 3, "a restart before the commit loses the deletion");
	world.engine->ended_max = 2;
	run_trim(world.engine);
	engine_kick(world.engine);
	world_turn(&world);
	world_restart(&world);
	cr_expect_eq(world_run_count(&world), 2);
	cr_expect_str_eq(world_run(&world, 0).id, kept.id);
	cr_expect_eq(plan_engine_each_record(world.engine, oldest.id, NULL, NULL, NULL),
		     ERR_NOT_FOUND);
	world_close(&world);
}
