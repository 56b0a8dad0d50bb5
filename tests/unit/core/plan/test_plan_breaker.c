#include "world.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/incident/incident.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#define HOUR_MS (3600 * 1000)

static const struct plan_call one[] = {STEP("do", "test.once", NULL), END};

static void breaks(struct plan *plan)
{
	plan->breaker_fails = 2;
	plan->breaker_cool_ms = HOUR_MS;
	plan->breaker_escalate = "ops";
}

static const char *last_fact(const struct world *world, const char *kind)
{
	for (int i = world->fact_count; i-- > 0;) {
		if (strcmp(world->facts[i], kind) == 0)
			return world->fact_texts[i];
	}
	return "";
}

Test(plan_breaker, opens_after_so_many_failures_tries_one_and_closes)
{
	static const enum world_reply replies[] = {REPLY_FAIL, REPLY_OK, REPLY_FAIL, REPLY_FAIL,
						   REPLY_FAIL, REPLY_OK, REPLY_FAIL};
	struct world world;
	world_open(&world, one);
	world.replies = replies;
	world_plan(&world, breaks);
	for (uint64_t i = 1; i <= 4; i++) {
		world_advance(&world, 1000);
		world_trigger(&world, i);
	}
	cr_expect_eq(world_run_count(&world), 4);
	cr_expect_eq(world.sent_count, 1, "one message when it opens");
	cr_expect_str_eq(world.sent_to, "ops");
	cr_expect(strstr(world.sent_text, "has failed 2 times in a row"), "%s", world.sent_text);
	world_trigger(&world, 5);
	cr_expect_eq(world_run_count(&world), 4, "it is open");
	cr_expect(strstr(last_fact(&world, "run_refused"), "its breaker is open until 2026-"), "%s",
		  last_fact(&world, "run_refused"));
	world_advance(&world, HOUR_MS - 1);
	world_trigger(&world, 6);
	cr_expect_eq(world_run_count(&world), 4);
	world_advance(&world, 1);
	world_trigger(&world, 7);
	cr_expect_eq(world_run_count(&world), 5, "one is tried, and fails");
	cr_expect_eq(world.sent_count, 2);
	world_trigger(&world, 8);
	cr_expect_eq(world_run_count(&world), 5, "open again");
	world_advance(&world, HOUR_MS);
	world_trigger(&world, 9);
	cr_expect_eq(world_run(&world, 5).state, RUN_DONE);
	world_trigger(&world, 10);
	cr_expect_eq(world_run_count(&world), 7, "closed: one failure does not open it");
	world_close(&world);
}

Test(plan_breaker, while_one_is_tried_no_other_starts_also_after_a_restart)
{
	static const enum world_reply replies[] = {REPLY_FAIL, REPLY_FAIL, REPLY_SILENT};
	struct world world;
	struct err_note why = {{0}};
	char *id = NULL;
	world_open(&world, one);
	world.replies = replies;
	world_plan(&world, breaks);
	world_trigger(&world, 1);
	world_trigger(&world, 2);
	world_restart(&world);
	world_plan(&world, breaks);
	world_trigger(&world, 3);
	cr_expect_eq(world_run_count(&world), 2, "it is open after the restart, too");
	world_advance(&world, HOUR_MS);
	world_trigger(&world, 4);
	world_trigger(&world, 5);
	cr_expect_eq(world_run_count(&world), 3);
	cr_expect(strstr(last_fact(&world, "run_refused"), "one run is tried first"), "%s",
		  last_fact(&world, "run_refused"));
	cr_expect_eq(
		plan_engine_start(world.engine, &(struct plan_start){.plan = "help"}, &id, &why),
		ERR_FULL);
	cr_expect_eq(plan_engine_start(world.engine,
				       &(struct plan_start){.plan = "help", .is_forced = true}, &id,
				       &why),
		     0, "a person may insist");
	mem_free(id);
	world_close(&world);
}

static void breaks_next(struct plan *plan)
{
	breaks(plan);
	plan->version = 4;
}

Test(plan_breaker, a_new_version_begins_closed_and_a_cancelled_run_counts_for_nothing)
{
	static const enum world_reply replies[] = {REPLY_FAIL, REPLY_SILENT, REPLY_FAIL, REPLY_OK};
	struct world world;
	struct err_note why = {{0}};
	world_open(&world, one);
	world.replies = replies;
	world_plan(&world, breaks);
	world_trigger(&world, 1);
	world_trigger(&world, 2);
	cr_assert_eq(plan_engine_cancel(world.engine, world_run(&world, 1).id, "ann", "", &why), 0);
	world_trigger(&world, 3);
	cr_expect_eq(world.sent_count, 1, "two failures, though a cancelled run is between them");
	world_trigger(&world, 4);
	cr_expect_eq(world_run_count(&world), 3);
	world_plan(&world, breaks_next);
	world_trigger(&world, 5);
	cr_expect_eq(world_run(&world, 3).state, RUN_DONE);
	world_close(&world);
}

static void needs_look(struct plan *plan)
{
	plan->needs = "http look";
}

static void needs_test(struct plan *plan)
{
	plan->needs = "http test";
}

Test(plan_needs, a_step_that_the_plan_did_not_name_is_refused_and_stays_so)
{
	static const struct plan_call script[] = {
		STEP("do", "test.once", "{\"on_fail\":\"continue\"}"), SLEEP("60000"), END};
	struct world world;
	world_open(&world, script);
	world_plan(&world, needs_look);
	world_trigger(&world, 7);
	cr_expect_eq(world.effect_count, 0);
	cr_expect(
		strstr(world.answers[0], "test.once is not among what plan help needs (http look)"),
		"%s", world.answers[0]);
	world_restart(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_SLEEPING);
	world_advance(&world, 60000);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	world_close(&world);
}

struct needs_case {
	const char *opts;
	const char *error; /**< NULL: it is done */
};

Test(plan_needs, also_hold_for_probes_and_for_the_way_back)
{
	static const struct needs_case cases[] = {
		{NULL, NULL},
		{"{\"undo\":[\"test.once\"]}", NULL},
		{"{\"undo\":[\"exec.run\",{}]}",
		 "opts.undo: exec.run is not among what plan help needs"},
		{"{\"probe\":{\"action\":\"log.write\",\"args\":{\"text\":\"x\"},\"want\":{}}}",
		 NULL},
		{"{\"probe\":{\"action\":\"notify.send\",\"args\":{},\"want\":{}}}", "notify.send"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct plan_call script[] = {STEP("do", "test.idem", cases[i].opts), END};
		struct world world;
		world_open(&world, script);
		world_plan(&world, needs_test);
		world_trigger(&world, 7);
		struct world_run run = world_run(&world, 0);
		cr_expect_eq(run.state, cases[i].error ? RUN_FAILED : RUN_DONE, "case %zu: %s", i,
			     run.error);
		cr_expect(!cases[i].error || strstr(run.error, cases[i].error), "case %zu: %s", i,
			  run.error);
		world_close(&world);
	}
}

struct trigger_case {
	const char *event;
	uint32_t priority;
	bool is_major;
	bool starts;
};

static void on_edges(struct plan *plan)
{
	plan->on_event = "opened raised";
	plan->on_priority = "P1 P2";
	plan->on_major = true;
}

Test(plan_trigger, by_event_priority_and_major)
{
	static const struct trigger_case cases[] = {
		{"opened", 1, true, true},    {"raised", 2, true, true},
		{"raised", 3, true, false},   {"opened", 1, false, false},
		{"reopened", 1, true, false}, {"opene", 1, true, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world world;
		world_open(&world, one);
		world_plan(&world, on_edges);
		struct incident incident = {.number = 7,
					    .rule = "slow",
					    .severity = "critical",
					    .priority = cases[i].priority,
					    .is_major = cases[i].is_major};
		plan_engine_on_incident(world.engine, &incident, cases[i].event);
		world_turn(&world);
		cr_expect_eq(world_run_count(&world), cases[i].starts ? 1 : 0, "case %zu", i);
		world_close(&world);
	}
}
