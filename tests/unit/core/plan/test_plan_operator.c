#include "world.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/incident/incident.h"
#include "core/plan/plan_run.h"

#include <criterion/criterion.h>

#include <string.h>

static const struct plan_operator ann = {"ann", NULL, "because"};

static void open_run(struct world *world, const struct plan_call *script,
		     const enum world_reply *replies)
{
	world_open(world, script);
	world->replies = replies;
	world_plan(world, NULL);
	world_trigger(world, 7);
}

static void expect_journal(struct world *world, const char *expected)
{
	char *journal = world_journal(world, world_run(world, 0).id);
	cr_expect_str_eq(journal, expected);
	mem_free(journal);
}

struct state_case {
	struct plan_call script[2];
	enum world_reply reply;
	enum run_state state;
};

static const struct state_case state_cases[] = {
	{{STEP("do", "test.idem", NULL), END}, REPLY_SILENT, RUN_RUNNING},
	{{SLEEP("5000"), END}, REPLY_OK, RUN_SLEEPING},
	{{ASK("{\"text\":\"?\"}"), END}, REPLY_OK, RUN_ASKING},
	{{SIGNAL("go", "{}"), END}, REPLY_OK, RUN_WAITING},
	{{STEP("kick", "test.once", NULL), END}, REPLY_UNKNOWN, RUN_IN_DOUBT},
};
enum { STATE_CASES = sizeof(state_cases) / sizeof(state_cases[0]) };

Test(plan_operator, pause_in_every_state_survives_a_restart_and_stops_the_time_out)
{
	for (int i = 0; i < STATE_CASES; i++) {
		struct world world;
		struct err_note why = {{0}};
		const enum world_reply replies[] = {state_cases[i].reply, REPLY_OK, REPLY_OK};
		open_run(&world, state_cases[i].script, replies);
		struct world_run run = world_run(&world, 0);
		cr_assert_eq(run.state, state_cases[i].state, "case %d", i);
		cr_expect_eq(plan_engine_go_on(world.engine, run.id, &ann, &why), ERR_CONFLICT);
		cr_assert_eq(plan_engine_pause(world.engine, run.id, &ann, &why), 0);
		cr_expect_eq(plan_engine_pause(world.engine, run.id, &ann, &why), ERR_CONFLICT);
		cr_expect(strstr(why.text, "is paused already"), "%s", why.text);
		int64_t timeout_ms = world.engine->runs[0]->timeout_ms;
		for (int restarts = 0; restarts < 2; restarts++) {
			world_advance(&world, timeout_ms + 1000);
			run = world_run(&world, 0);
			cr_expect_eq(run.state, RUN_PAUSED, "case %d: %s", i, run.error);
			world_restart(&world);
		}
		cr_expect_eq(world_run(&world, 0).state, RUN_PAUSED, "case %d", i);
		cr_expect_eq(plan_engine_go_on(world.engine, run.id, &ann, &why), 0, "case %d", i);
		world_turn(&world);
		run = world_run(&world, 0);
		if (state_cases[i].state == RUN_RUNNING || state_cases[i].state == RUN_SLEEPING)
			cr_expect_eq(run.state, RUN_DONE, "case %d: %s", i, run.error);
		else
			cr_expect_eq(run.state, state_cases[i].state, "case %d", i);
		world_close(&world);
	}
}

Test(plan_operator, run_that_is_just_beginning_refuses)
{
	static const struct plan_call script[] = {STEP("a", "test.idem", NULL), END};
	static const struct incident incident = {.number = 7,
						 .key = "k",
						 .title = "t",
						 .rule = "slow",
						 .severity = "critical",
						 .category = "c"};
	struct world world;
	struct err_note why = {{0}};
	world_open(&world, script);
	world_plan(&world, NULL);
	plan_engine_on_incident(world.engine, &incident, "opened");
	struct world_run run = world_run(&world, 0);
	cr_expect_eq(plan_engine_pause(world.engine, run.id, &ann, &why), ERR_CONFLICT);
	cr_expect(strstr(why.text, "is just beginning: try again"), "%s", why.text);
	world_turn(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	world_close(&world);
}

Test(plan_operator, retry_tries_at_once_with_new_arguments_under_another_key)
{
	static const struct plan_call script[] = {
		STEP("do", "test.idem", "{\"retry\":{\"max\":2,\"first\":\"1h\",\"cap\":\"1h\"}}"),
		END};
	static const enum world_reply replies[] = {REPLY_RETRY, REPLY_RETRY, REPLY_OK};
	struct world world;
	struct err_note why = {{0}};
	open_run(&world, script, replies);
	struct world_run run = world_run(&world, 0);
	cr_expect_eq(plan_engine_retry(world.engine, run.id, NULL, "[1]", &ann, &why), ERR_INVALID);
	cr_expect_eq(plan_engine_retry(world.engine, run.id, "x#1", NULL, &ann, &why),
		     ERR_NOT_FOUND);
	cr_expect(strstr(why.text, "is not in x#1, but in do#1"), "%s", why.text);
	cr_expect_eq(plan_engine_retry(world.engine, run.id, NULL, NULL, &ann, &why), 0);
	world_turn(&world);
	cr_expect_eq(world_effects(&world, "/do#1"), 2);
	world_restart(&world);
	cr_expect_eq(plan_engine_retry(world.engine, run.id, NULL, "{\"x\":1}", &ann, &why), 0);
	world_turn(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	cr_expect_eq(world_effects(&world, "/do#1+1"), 1);
	expect_journal(&world, "RunStarted StepScheduled StepAttempt StepFailed Operator "
			       "StepAttempt StepFailed Operator StepAttempt StepDone RunEnded");
	world_close(&world);
}

Test(plan_operator, retry_of_a_doubt_sends_it_again)
{
	static const struct plan_call script[] = {STEP("kick", "test.once", NULL), END};
	static const enum world_reply replies[] = {REPLY_UNKNOWN, REPLY_OK};
	struct world world;
	struct err_note why = {{0}};
	open_run(&world, script, replies);
	struct world_run run = world_run(&world, 0);
	cr_expect_eq(plan_engine_retry(world.engine, run.id, NULL, NULL, &ann, &why), 0);
	cr_expect_eq(world.engine->runs[0]->doubt_count, 0);
	world_turn(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	cr_expect_eq(world_effects(&world, "/kick#1"), 2);
	world_close(&world);
}

Test(plan_operator, set_and_skip_in_every_state)
{
	static const char *const rejected =
		"{\"actor\":\"ann\",\"approved\":false,\"expired\":false,\"reason\":\"because\","
		"\"skipped\":true,\"value\":null}";
	const char *const skipped[] = {"{\"skipped\":true}", "{\"late_by_ms\":0,\"skipped\":true}",
				       rejected, "{\"skipped\":true,\"timeout\":true}",
				       "{\"skipped\":true}"};
	for (int i = 0; i < 2 * STATE_CASES; i++) {
		const struct state_case *row = &state_cases[i / 2];
		const enum world_reply replies[] = {row->reply};
		bool is_set = i % 2 == 0, is_step = row->script[0].kind == PLAN_CALL_STEP;
		struct world world;
		struct err_note why = {{0}};
		open_run(&world, row->script, replies);
		struct world_run run = world_run(&world, 0);
		int code = is_set ? plan_engine_set(world.engine, run.id, NULL, "[7]", &ann, &why)
				  : plan_engine_skip(world.engine, run.id, NULL, &ann, &why);
		cr_expect_eq(code, is_set && !is_step ? ERR_CONFLICT : 0, "case %d", i);
		world_turn(&world);
		run = world_run(&world, 0);
		cr_expect_eq(run.state, code == 0 ? RUN_DONE : row->state, "case %d", i);
		if (code == 0)
			cr_expect_str_eq(world.answers[0], is_set ? "[7]" : skipped[i / 2]);
		if (code == 0)
			cr_expect_eq(plan_engine_skip(world.engine, run.id, NULL, &ann, &why),
				     ERR_CONFLICT);
		world_advance(&world, 60000);
		world_close(&world);
	}
}

static void set_queue(struct plan *plan)
{
	plan->concurrency_key = "global";
	plan->on_conflict = PLAN_QUEUE;
}

Test(plan_operator, queued_ended_and_unknown_runs_refuse)
{
	static const struct plan_call script[] = {SLEEP("5000"), END};
	struct world world;
	struct err_note why = {{0}};
	world_open(&world, script);
	world_plan(&world, set_queue);
	world_trigger(&world, 1);
	world_trigger(&world, 2);
	struct world_run queued = world_run(&world, 1), first = world_run(&world, 0);
	cr_expect_eq(plan_engine_pause(world.engine, queued.id, &ann, &why), ERR_CONFLICT);
	cr_expect(strstr(why.text, "is queued: it can only be cancelled"), "%s", why.text);
	cr_expect_eq(plan_engine_signal(world.engine, queued.id, "x", NULL, &ann, &why),
		     ERR_CONFLICT);
	cr_expect_eq(plan_engine_pause(world.engine, "nobody", &ann, &why), ERR_NOT_FOUND);
	cr_expect_eq(plan_engine_pause(world.engine, first.id, &ann, &why), 0);
	cr_expect_eq(plan_engine_cancel(world.engine, first.id, "ann", "", &why), 0);
	cr_expect_eq(plan_engine_pause(world.engine, first.id, &ann, &why), ERR_CONFLICT);
	cr_expect(strstr(why.text, "has ended: cancelled"), "%s", why.text);
	world_close(&world);
}

Test(plan_operator, blocked_run_refuses)
{
	static const struct plan_call before[] = {SLEEP("5000"), END},
				      after[] = {SLEEP("6000"), END};
	struct world world;
	struct err_note why = {{0}};
	open_run(&world, before, NULL);
	world.script = after;
	world_restart(&world);
	struct world_run run = world_run(&world, 0);
	cr_assert_eq(run.state, RUN_BLOCKED);
	cr_expect_eq(plan_engine_pause(world.engine, run.id, &ann, &why), ERR_CONFLICT);
	cr_expect_eq(plan_engine_skip(world.engine, run.id, NULL, &ann, &why), ERR_CONFLICT);
	world_close(&world);
}

Test(plan_operator, parked_run_is_woken_and_paused)
{
	static const struct plan_call script[] = {SLEEP("3600000"), END};
	struct world world;
	struct err_note why = {{0}};
	world_open(&world, script);
	world.parks = true;
	world.engine->awake_max = 0;
	world_plan(&world, NULL);
	world_trigger(&world, 7);
	world_advance(&world, 1000);
	cr_assert(world.engine->runs[0]->is_parked);
	struct world_run run = world_run(&world, 0);
	cr_expect_eq(plan_engine_pause(world.engine, run.id, &ann, &why), 0);
	world_advance(&world, 3600000);
	cr_expect_eq(world_run(&world, 0).state, RUN_PAUSED);
	cr_expect_not(world.engine->runs[0]->is_parked);
	cr_expect_eq(plan_engine_go_on(world.engine, run.id, &ann, &why), 0);
	world_turn(&world);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	world_close(&world);
}

/* ---- branches ---- */

static const struct plan_call ends_soon[] = {STEP("tell", "test.idem", NULL), END};
static const struct plan_call sleeps[] = {SLEEP("5000"), STEP("kick", "test.once", NULL), END};
static const struct world_branch pair[] = {{"a", ends_soon}, {"b", sleeps}, {NULL, sleeps}};

Test(plan_operator, paused_branches_are_replayed_and_go_on)
{
	static const struct plan_call script[] = {
		BRANCHES("each", "{\"mode\":\"all\",\"count\":4,\"limit\":2}"),
		BRANCHES("par", "{\"mode\":\"any\",\"names\":[\"a\",\"b\"]}"), SLEEP("5000"), END};
	for (int at = 0; at < 30; at++) {
		struct world world;
		struct err_note why = {{0}};
		world_open(&world, script);
		world.branches = pair;
		world_plan(&world, NULL);
		world_trigger(&world, 7);
		world_advance(&world, at * 600);
		struct world_run run = world_run(&world, 0);
		if (plan_engine_pause(world.engine, run.id, &ann, &why) == 0) {
			world_advance(&world, 20000);
			world_restart(&world);
			run = world_run(&world, 0);
			cr_expect_eq(run.state, RUN_PAUSED, "at %d: %s", at, run.error);
			cr_expect_eq(plan_engine_go_on(world.engine, run.id, &ann, &why), 0);
		}
		world_advance(&world, 60000);
		run = world_run(&world, 0);
		cr_expect_eq(run.state, RUN_DONE, "at %d: %s", at, run.error);
		cr_expect_eq(world_effects(&world, "/kick#1"), 4, "at %d", at);
		world_close(&world);
	}
}

/* ---- signals ---- */

static int signal_run(struct world *world, const char *name, const char *value)
{
	struct err_note why = {{0}};
	struct world_run run = world_run(world, 0);
	return plan_engine_signal(world->engine, run.id, name, value, &ann, &why);
}

Test(plan_signal, is_taken_once_by_its_name_sent_before_or_later)
{
	static const struct plan_call script[] = {SLEEP("5000"), SIGNAL("go", "{}"),
						  SIGNAL("go", "{\"ms\":60000}"),
						  SIGNAL("go", "{\"ms\":1000}"), END};
	struct world world;
	open_run(&world, script, NULL);
	cr_expect_eq(signal_run(&world, "go", "1"), 0);
	cr_expect_eq(signal_run(&world, "other", "2"), 0);
	cr_expect_eq(signal_run(&world, "go", "x"), ERR_INVALID);
	cr_expect_eq(signal_run(&world, "", NULL), ERR_INVALID);
	world_turn(&world);
	world_restart(&world);
	world_advance(&world, 5000);
	cr_expect_eq(world_run(&world, 0).state, RUN_WAITING);
	cr_expect_str_eq(world_run(&world, 0).waiting_for, "go#2: a signal");
	cr_expect_str_eq(world.answers[1],
			 "{\"actor\":\"ann\",\"reason\":\"because\",\"value\":1}");
	world_restart(&world);
	cr_expect_eq(signal_run(&world, "go", NULL), 0);
	world_advance(&world, 999);
	cr_expect_eq(world_run(&world, 0).state, RUN_WAITING);
	world_advance(&world, 1);
	cr_expect_eq(world_run(&world, 0).state, RUN_DONE);
	cr_expect_str_eq(world.answers[2],
			 "{\"actor\":\"ann\",\"reason\":\"because\",\"value\":null}");
	cr_expect_str_eq(world.answers[3], "{\"timeout\":true}");
	world_close(&world);
}

Test(plan_signal, so_many_are_kept_and_no_more)
{
	static const struct plan_call script[] = {SLEEP("5000"), END};
	struct world world;
	open_run(&world, script, NULL);
	for (int i = 0; i < RUN_SIGNALS_MAX; i++)
		cr_assert_eq(signal_run(&world, "go", NULL), 0);
	cr_expect_eq(signal_run(&world, "go", NULL), ERR_CONFLICT);
	world_close(&world);
}

/* ---- the process ends around every commit ---- */

static const struct plan_call every_command[] = {
	STEP("tell", "test.idem", NULL),      SIGNAL("go", "{}"),
	ASK("{\"text\":\"?\",\"quorum\":2}"), SLEEP("3600000"),
	STEP("kick", "test.once", NULL),      SIGNAL("go", "{\"ms\":1000}"),
	STEP("tell", "test.idem", NULL),      END,
};

static void command(struct world *world, const struct world_run *run)
{
	static const char *const people[] = {"ann", "bob"};
	struct err_note why = {{0}};
	switch (run->state) {
	case RUN_PAUSED: plan_engine_go_on(world->engine, run->id, &ann, &why); return;
	case RUN_ASKING:
		for (int i = 0; i < 2; i++) {
			struct plan_answer_of answer = {true, "1", people[i], NULL, ""};
			plan_engine_answer_as(world->engine, run->id, NULL, &answer, &why);
		}
		return;
	case RUN_WAITING:
		if (strstr(run->waiting_for, "go#1"))
			plan_engine_signal(world->engine, run->id, "go", "1", &ann, &why);
		else
			world_advance(world, 1000);
		return;
	case RUN_SLEEPING: plan_engine_skip(world->engine, run->id, NULL, &ann, &why); return;
	case RUN_IN_DOUBT: plan_engine_set(world->engine, run->id, NULL, "{}", &ann, &why); return;
	case RUN_RUNNING: world_advance(world, 1000); return;
	case RUN_BLOCKED:
	case RUN_QUEUED:
	case RUN_DONE:
	case RUN_FAILED:
	case RUN_CANCELLED:
	case RUN_ROLLING_BACK:
	case RUN_ROLLED_BACK:
	case RUN_ROLLBACK_FAILED: break;
	}
	cr_assert_fail("run is %s: %s", run_state_name(run->state), run->error);
}

/* Pauses it once in each state on its way. False: the process ended. */
static bool drive(struct world *world)
{
	uint32_t paused_at = UINT32_MAX;
	for (int i = 0; i < 200; i++) {
		struct err_note why = {{0}};
		world_turn(world);
		if (world->has_crashed)
			return false;
		struct world_run run = world_run(world, 0);
		if (run.state == RUN_DONE)
			return true;
		if (run.state != RUN_PAUSED && run.record_count != paused_at) {
			plan_engine_pause(world->engine, run.id, &ann, &why);
			world_turn(world);
			paused_at = world_run(world, 0).record_count + 1;
		} else {
			command(world, &run);
		}
	}
	cr_assert_fail("the run does not end");
	return false;
}

static bool crash_twice(int first, int second, bool takes)
{
	struct world world;
	bool has_crashed = false;
	world_open(&world, every_command);
	world_plan(&world, NULL);
	world.crash_at = first;
	world.crash_takes = takes;
	world_trigger(&world, 7);
	has_crashed = world.has_crashed || !drive(&world);
	if (has_crashed && (first > 1 || takes)) {
		world_restart(&world);
		world.crash_at = world.write_count + second;
		if (!drive(&world)) {
			world_restart(&world);
			cr_assert(drive(&world));
		}
	}
	if (first > 1 || takes) {
		cr_expect_eq(world_run(&world, 0).state, RUN_DONE, "crash at %d, %d: %s", first,
			     second, world_run(&world, 0).error);
		cr_expect_eq(world.answer_count, 7);
		cr_expect(strstr(world.answers[1], "\"value\":1"), "%s", world.answers[1]);
		cr_expect(strstr(world.answers[2], "\"approved\":true"), "%s", world.answers[2]);
		cr_expect_str_eq(world.answers[5], "{\"timeout\":true}");
		cr_expect_leq(world_effects(&world, "/kick#1"), 1);
		cr_expect_geq(world_effects(&world, "/tell#2"), 1);
	}
	world_close(&world);
	return has_crashed;
}

Test(plan_operator, process_ends_around_every_commit)
{
	int count = 0;
	for (int takes = 0; takes < 2; takes++) {
		for (int first = 1; crash_twice(first, 1 + first % 3, takes == 1); first++)
			count = first;
	}
	cr_expect_gt(count, 20);
}
