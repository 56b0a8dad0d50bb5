#include "world.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan_run.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

static const struct plan_call one[] = {STEP("do", "test.idem", NULL), END};
static const struct plan_call question[] = {ASK("{\"text\":\"?\",\"not_starter\":true}"), END};

static void with_params(struct plan *plan)
{
	plan->on_event = NULL;
	plan->params_json = "{\"flag\":true,\"limit\":5,\"list\":[],\"name\":\"x\"}";
}

static int start(struct world *world, struct plan_start wanted, char *id, struct err_note *why)
{
	char *run_id = NULL;
	wanted.plan = wanted.plan ? wanted.plan : "help";
	int code = plan_engine_start(world->engine, &wanted, &run_id, why);
	snprintf(id, 128, "%s", run_id ? run_id : "");
	mem_free(run_id);
	world_turn(world);
	return code;
}

Test(plan_start, a_person_starts_a_run_without_an_event)
{
	struct world world;
	struct err_note why = {{0}};
	char id[128];
	world_open(&world, one);
	world_plan(&world, with_params);
	cr_assert_eq(
		start(&world, (struct plan_start){.starter = "ann", .cause = "a look"}, id, &why),
		0, "%s", why.text);
	struct world_run run = world_run(&world, 0);
	cr_expect_str_eq(run.id, id);
	cr_expect_eq(run.state, RUN_DONE);
	cr_expect_eq(world_effects(&world, "/do#1"), 1);
	cr_expect_str_eq(world.fact_texts[0], "plan help version 3 by ann: a look");
	world_close(&world);
}

struct params_case {
	const char *given;
	const char *merged; /**< or the error */
	bool is_refused;
};

Test(plan_start, params_are_those_that_are_declared)
{
	static const struct params_case cases[] = {
		{NULL, "{\"flag\":true,\"limit\":5,\"list\":[],\"name\":\"x\"}", false},
		{"{\"limit\":7.5}", "{\"flag\":true,\"limit\":7.5,\"list\":[],\"name\":\"x\"}",
		 false},
		{"{\"flag\":false,\"list\":{\"a\":1}}",
		 "{\"flag\":false,\"limit\":5,\"list\":{\"a\":1},\"name\":\"x\"}", false},
		{"{\"limits\":7}",
		 "plan help has no param \"limits\"; declared: flag, limit, list, name", true},
		{"{\"limit\":\"7\"}", "param limit of plan help must be a number, found a text",
		 true},
		{"{\"name\":null}", "param name of plan help must be a text, found null", true},
		{"{\"flag\":1}", "param flag of plan help must be true or false, found a number",
		 true},
		{"[1]", "the params of plan help must be a JSON object", true},
		{"nonsense", "the params of plan help must be a JSON object", true},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world world;
		struct err_note why = {{0}};
		char id[128];
		world_open(&world, one);
		world_plan(&world, with_params);
		int code =
			start(&world, (struct plan_start){.params_json = cases[i].given}, id, &why);
		cr_expect_eq(code, cases[i].is_refused ? ERR_INVALID : 0, "case %zu", i);
		if (cases[i].is_refused)
			cr_expect_str_eq(why.text, cases[i].merged, "case %zu", i);
		else
			cr_expect_str_eq(world.engine->runs[0]->params_json, cases[i].merged,
					 "case %zu", i);
		cr_expect_eq(world_run_count(&world), cases[i].is_refused ? 0 : 1);
		world_close(&world);
	}
}

Test(plan_start, starter_cause_and_drill_survive_a_restart_and_hold_for_asks)
{
	struct world world;
	struct err_note why = {{0}};
	char id[128];
	world_open(&world, question);
	world_plan(&world, with_params);
	cr_assert_eq(start(&world,
			   (struct plan_start){.incident = 7,
					       .starter = "ann",
					       .cause = "chain pay, step 2",
					       .is_drill = true},
			   id, &why),
		     0, "%s", why.text);
	world_restart(&world);
	const struct plan_run *run = world.engine->runs[0];
	cr_expect_str_eq(run->starter, "ann");
	cr_expect_str_eq(run->cause, "chain pay, step 2");
	cr_expect(run->is_drill);
	cr_expect_eq(run->incident, 7);
	cr_expect_eq(plan_engine_answer(world.engine, id, NULL, true, NULL, "ann", "", &why),
		     ERR_DENIED);
	cr_expect_eq(plan_engine_answer(world.engine, id, NULL, true, NULL, "bob", "", &why), 0);
	world_turn(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	world_close(&world);
}

Test(plan_start, one_that_runs_already_serves_this_too_unless_more_is_asked_for)
{
	struct world world;
	struct err_note why = {{0}};
	struct plan_usage usage;
	char first[128], id[128];
	world_open(&world, question);
	world_plan(&world, with_params);
	cr_assert_eq(start(&world, (struct plan_start){.incident = 7}, first, &why), 0);
	cr_expect_eq(start(&world, (struct plan_start){.incident = 7}, id, &why), 0);
	cr_expect_str_eq(id, first);
	cr_expect_eq(start(&world, (struct plan_start){.incident = 8}, id, &why), 0);
	cr_expect_str_neq(id, first);
	cr_expect_eq(
		start(&world, (struct plan_start){.incident = 7, .params_json = "{}"}, id, &why),
		ERR_CONFLICT);
	cr_expect(strstr(why.text, first), "%s", why.text);
	/* A drill and a real run are never in each other's way, two drills are. */
	cr_expect_eq(start(&world, (struct plan_start){.incident = 7, .is_drill = true}, id, &why),
		     0);
	cr_expect_str_neq(id, first);
	cr_expect_eq(start(&world, (struct plan_start){.incident = 7, .is_drill = true}, id, &why),
		     ERR_CONFLICT);
	plan_engine_usage(world.engine, &usage);
	cr_expect_eq(usage.attached_count, 1);
	cr_expect_eq(usage.refused_count, 2);
	cr_expect_eq(world_run_count(&world), 3);
	world_close(&world);
}

static void queues(struct plan *plan)
{
	plan->on_conflict = PLAN_QUEUE;
	plan->rates[0].count = 2;
	plan->rates[0].span_ms = 3600 * 1000;
	plan->rate_count = 1;
}

Test(plan_start, queue_and_rate_hold_for_a_start_by_hand)
{
	struct world world;
	struct err_note why = {{0}};
	char first[128], second[128], third[128];
	world_open(&world, question);
	world_plan(&world, queues);
	cr_assert_eq(start(&world, (struct plan_start){.starter = "ann"}, first, &why), 0);
	cr_assert_eq(start(&world, (struct plan_start){.starter = "bob"}, second, &why), 0);
	cr_expect_eq(world_run(&world, 1).state, RUN_QUEUED);
	cr_expect_eq(start(&world, (struct plan_start){0}, third, &why), ERR_FULL);
	cr_expect_str_eq(why.text, "plan help was not started: its rate of 2 in 3600 s is used up");
	cr_expect_eq(plan_engine_answer(world.engine, first, NULL, true, NULL, "bob", "", &why), 0);
	world_turn(&world);
	cr_expect_eq(world_run(&world, 1).state, RUN_ASKING);
	cr_expect_str_eq(world.engine->runs[1]->starter, "bob");
	world_close(&world);
}

Test(plan_start, there_must_be_such_a_plan)
{
	struct world world;
	struct err_note why = {{0}};
	char id[128];
	world_open(&world, one);
	world_plan(&world, with_params);
	cr_expect_eq(start(&world, (struct plan_start){.plan = "halp"}, id, &why), ERR_NOT_FOUND);
	cr_expect_str_eq(why.text, "there is no active plan \"halp\"; known: help");
	world_close(&world);
}
