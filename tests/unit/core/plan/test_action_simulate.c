#include "core/plan/action.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/config/config_actions.h"
#include "core/loop/loop.h"
#include "core/plan/action_internal.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

/* No client, no outbox: what is started for real here could only crash. */
struct world {
	struct loop *loop;
	struct plan_actions *actions;
	struct config config;
	struct config_output output;
	struct config_secret secret;
	const char *exec_allow[1], *http_allow[1];
	char told[600];
	int told_count;
	const struct plan_reply *answer; /* texts are copied; NULL: the simulator's own */
	bool is_done;
	struct plan_action_result result;
	char json[300], error[300];
};

static void on_effect(void *arg, const struct plan_effect *effect, struct plan_reply *reply)
{
	struct world *world = arg;
	world->told_count++;
	snprintf(world->told, sizeof(world->told), "%s %s %s %llu: %s", effect->action,
		 effect->args_json, effect->key, (unsigned long long)effect->incident,
		 effect->text);
	if (!world->answer)
		return;
	mem_free(reply->result_json);
	*reply = *world->answer;
	reply->result_json = mem_copy_text(world->answer->result_json);
	reply->error = mem_copy_text(world->answer->error);
}

static void on_done(void *arg, const struct plan_action_result *result)
{
	struct world *world = arg;
	world->is_done = true;
	world->result = *result;
	snprintf(world->json, sizeof(world->json), "%s",
		 result->result_json ? result->result_json : "");
	snprintf(world->error, sizeof(world->error), "%s", result->error ? result->error : "");
}

static void open_world(struct world *world)
{
	memset(world, 0, sizeof(*world));
	world->loop = loop_virtual_new(0);
	world->output = (struct config_output){.name = "ops", .kind = OUTPUT_FILE, .text = "ops"};
	world->secret =
		(struct config_secret){.name = "token", .reference = "env:TOCSIN_NO_SUCH_VARIABLE"};
	world->exec_allow[0] = "/nonexistent/switch";
	world->http_allow[0] = "pay.example";
	world->config = (struct config){.reference_count = 1,
					.outputs = &world->output,
					.output_count = 1,
					.secrets = &world->secret,
					.secret_count = 1,
					.exec_allow = world->exec_allow,
					.exec_allow_count = 1,
					.http_allow = world->http_allow,
					.http_allow_count = 1};
	struct plan_actions_options options = {.loop = world->loop};
	struct plan_simulation simulation = {.on_effect = on_effect, .arg = world};
	world->actions = plan_actions_new(&options);
	plan_actions_configure(world->actions, &world->config);
	plan_actions_simulate(world->actions, &simulation);
}

static void close_world(struct world *world)
{
	plan_actions_free(world->actions);
	loop_free(world->loop);
}

static int start(struct world *world, const char *action, const char *args,
		 struct plan_action_run **run, struct err_note *why)
{
	world->is_done = false;
	return plan_action_start(run, world->actions, action, args, "r/tell#1", 5000, 7, on_done,
				 world, why);
}

static void run_action(struct world *world, const char *action, const char *args)
{
	struct plan_action_run *run;
	struct err_note why = {{0}};
	cr_assert_eq(start(world, action, args, &run, &why), 0, "%s", why.text);
	cr_assert(!world->is_done, "never inside the call");
	loop_virtual_turn(world->loop);
}

struct simulated {
	const char *action, *args, *told, *result;
};

static void expect_simulated(struct world *world, const struct simulated *wanted)
{
	run_action(world, wanted->action, wanted->args);
	cr_expect(world->is_done && world->result.is_ok, "%s", wanted->action);
	cr_expect_str_eq(world->told, wanted->told);
	cr_expect_str_eq(world->json, wanted->result);
}

Test(action_simulate, every_action_answers_without_touching_anything)
{
	static const struct simulated cases[] = {
		{"log.write", "{\"text\":\"x\"}", "log.write {\"text\":\"x\"} r/tell#1 7: x", "{}"},
		{"notify.send", "{\"to\":\"ops\",\"text\":\"x\"}",
		 "notify.send {\"text\":\"x\",\"to\":\"ops\"} r/tell#1 7: notify ops: x", "{}"},
		{"exec.run", "{\"argv\":[\"/nonexistent/switch\",\"dc2\"]}",
		 "exec.run {\"argv\":[\"/nonexistent/switch\",\"dc2\"]} r/tell#1 7: run "
		 "/nonexistent/switch dc2",
		 "{\"exit_code\":0,\"output\":\"\"}"},
		{"http.request", "{\"url\":\"http://pay.example/x\",\"method\":\"PUT\"}",
		 "http.request {\"method\":\"PUT\",\"url\":\"http://pay.example/x\"} r/tell#1 7: "
		 "PUT http://pay.example/x",
		 "{\"body\":\"\",\"status\":200}"},
	};
	struct world world;
	open_world(&world);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_simulated(&world, &cases[i]);
	close_world(&world);
}

Test(action_simulate, actions_that_need_a_section_of_the_site_answer_too)
{
	static const struct simulated cases[] = {
		{"sql.query",
		 "{\"database\":\"pay\",\"sql\":\"SELECT 1\\nWHERE x = ?\",\"args\":[1]}",
		 "sql.query {\"args\":[1],\"database\":\"pay\",\"sql\":\"SELECT 1\\nWHERE x = ?\"} "
		 "r/tell#1 7: sql pay: SELECT 1 WHERE x = ?",
		 "{\"columns\":[],\"cut\":false,\"row_count\":0,\"rows\":[]}"},
		{"metric.query", "{\"rule\":\"f\",\"key\":{\"m\":\"1\"}}",
		 "metric.query {\"key\":{\"m\":\"1\"},\"rule\":\"f\"} r/tell#1 7: value of f "
		 "{\"m\":\"1\"}",
		 "{\"count\":0,\"firing\":false,\"stage\":\"ok\"}"},
		{"ticket.create", "{\"to\":\"jobs\",\"title\":\"T\"}",
		 "ticket.create {\"title\":\"T\",\"to\":\"jobs\"} r/tell#1 7: ticket for jobs: T",
		 "{\"found\":false,\"id\":\"DRY-1\",\"key\":\"tocsin-dry\"}"},
		{"group.create",
		 "{\"to\":\"war\",\"name\":\"N\",\"text\":\"t\",\"people\":[\"wang\"]}",
		 "group.create {\"name\":\"N\",\"people\":[\"wang\"],\"text\":\"t\",\"to\":"
		 "\"war\"} r/tell#1 7: group in war: N",
		 "{\"group\":\"dry\",\"members\":[\"wang\"],\"missing\":[]}"},
		{"phone.call", "{\"who\":\"wang\",\"text\":\"t\"}",
		 "phone.call {\"text\":\"t\",\"who\":\"wang\"} r/tell#1 7: call wang: t",
		 "{\"people\":[\"wang\"],\"waiting\":[]}"},
	};
	struct config_database database = {.name = "pay", .path = "/nonexistent/pay.db"};
	struct config_ticket ticket = {.name = "jobs",
				       .url = "http://nowhere.invalid/",
				       .body_json = "{\"t\":\"{title}\"}"};
	struct config_group group = {.name = "war", .url = "http://nowhere.invalid"};
	struct config_actions actions = {.databases = &database,
					 .database_count = 1,
					 .tickets = &ticket,
					 .ticket_count = 1,
					 .groups = &group,
					 .group_count = 1};
	struct world world;
	struct plan_action_run *run;
	open_world(&world);
	world.config.actions = &actions;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_simulated(&world, &cases[i]);
	world.config.actions = NULL;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool has_section = strcmp(cases[i].action, "metric.query") != 0 &&
				   strcmp(cases[i].action, "phone.call") != 0;
		if (has_section)
			cr_expect_eq(start(&world, cases[i].action, cases[i].args, &run, NULL),
				     ERR_NOT_FOUND, "%s", cases[i].action);
	}
	close_world(&world);
}

Test(action_simulate, a_secret_is_named_and_never_read)
{
	struct world world;
	open_world(&world);
	run_action(&world, "http.request",
		   "{\"url\":\"http://pay.example/x\",\"headers\":{\"Authorization\":"
		   "{\"$secret\":\"token\",\"prefix\":\"Bearer \"}}}");
	cr_expect(world.result.is_ok, "%s", world.error);
	cr_expect_not_null(strstr(world.told, "{\"Authorization\":\"Bearer token\"}"), "%s",
			   world.told);
	close_world(&world);
}

Test(action_simulate, what_the_lists_refuse_is_refused_here_too)
{
	struct world world;
	struct plan_action_run *run;
	open_world(&world);
	cr_expect_eq(start(&world, "exec.run", "{\"argv\":[\"/bin/sh\"]}", &run, NULL), ERR_DENIED);
	cr_expect_eq(start(&world, "notify.send", "{\"to\":\"nobody\",\"text\":\"x\"}", &run, NULL),
		     ERR_NOT_FOUND);
	cr_expect_eq(world.told_count, 0);
	close_world(&world);
}

Test(action_simulate, who_runs_it_may_say_another_outcome)
{
	struct world world;
	struct plan_reply answer = {.result = {.can_retry = true}, .error = "busy"};
	open_world(&world);
	world.answer = &answer;
	run_action(&world, "log.write", "{\"text\":\"x\"}");
	cr_expect(world.is_done && !world.result.is_ok && world.result.can_retry);
	cr_expect_str_eq(world.error, "busy");
	answer = (struct plan_reply){.result = {.is_ok = true}, .result_json = "{\"status\":204}"};
	run_action(&world, "http.request", "{\"url\":\"http://pay.example/x\"}");
	cr_expect(world.is_done && world.result.is_ok);
	cr_expect_str_eq(world.json, "{\"status\":204}");
	close_world(&world);
}

Test(action_simulate, a_late_answer_comes_in_its_time_and_after_the_time_out_it_is_unknown)
{
	struct world world;
	struct plan_reply answer = {.result = {.is_ok = true}, .after_ms = 4999};
	open_world(&world);
	world.answer = &answer;
	run_action(&world, "log.write", "{\"text\":\"x\"}");
	loop_virtual_advance(world.loop, 4998);
	cr_expect(!world.is_done);
	loop_virtual_advance(world.loop, 1);
	cr_expect(world.is_done && world.result.is_ok);
	answer.after_ms = 5000;
	run_action(&world, "log.write", "{\"text\":\"x\"}");
	loop_virtual_advance(world.loop, 4999);
	cr_expect(!world.is_done);
	loop_virtual_advance(world.loop, 1);
	cr_expect(world.is_done && world.result.is_unknown && !world.result.is_ok);
	cr_expect_str_eq(world.error, "no answer within 5000 ms");
	close_world(&world);
}

static int validate(const struct plan_actions *actions, const json_t *args, enum effect *effect,
		    struct err_note *why)
{
	(void)actions, (void)args, (void)why;
	*effect = EFFECT_ONCE;
	return 0;
}

static void describe(const json_t *args, struct bytes *out)
{
	(void)args, (void)out;
}

Test(action_simulate, an_action_without_a_simulator_is_refused)
{
	static const struct plan_action_type types[] = {
		{.name = "test.only", .validate = validate, .describe = describe},
		{.name = NULL},
	};
	struct world world;
	struct plan_action_run *run;
	struct err_note why = {{0}};
	enum effect effect;
	open_world(&world);
	plan_actions_set_types(world.actions, types);
	cr_expect_eq(plan_action_validate(world.actions, "test.only", "{}", &effect, &why),
		     ERR_UNSUPPORTED);
	cr_expect_str_eq(why.text, "test.only has no simulator: a plan with it cannot run dry");
	cr_expect_eq(start(&world, "test.only", "{}", &run, NULL), ERR_UNSUPPORTED);
	close_world(&world);
}

Test(action_simulate, a_try_that_is_given_up_says_nothing)
{
	struct world world;
	struct plan_action_run *run;
	open_world(&world);
	cr_assert_eq(start(&world, "log.write", "{\"text\":\"x\"}", &run, NULL), 0);
	plan_action_cancel(run);
	loop_virtual_turn(world.loop);
	cr_expect(!world.is_done);
	close_world(&world);
}
