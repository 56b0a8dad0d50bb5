#include "core/plan/action.h"

#include "core/base/err.h"
#include "core/config/config.h"
#include "core/config/config_actions.h"
#include "core/loop/loop.h"
#include "core/plan/action_internal.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

struct world {
	struct loop *loop;
	struct plan_actions *actions;
	struct config config;
	struct config_actions allowed;
	const char *hosts[1];
	char told[512], json[1024];
};

static void on_effect(void *arg, const struct plan_effect *effect, struct plan_reply *reply)
{
	struct world *world = arg;
	(void)reply;
	snprintf(world->told, sizeof(world->told), "%s", effect->text);
}

static void open_world(struct world *world)
{
	static const struct plan_simulation simulation = {.on_effect = on_effect};
	struct plan_simulation mine = simulation;
	memset(world, 0, sizeof(*world));
	world->loop = loop_virtual_new(0);
	world->hosts[0] = "pay.test:80";
	world->allowed.load = (struct config_load){
		.allow = world->hosts, .allow_count = 1, .rate_max = 100, .duration_max_ms = 60000};
	world->config = (struct config){.reference_count = 1, .actions = &world->allowed};
	struct plan_actions_options options = {.loop = world->loop};
	mine.arg = world;
	world->actions = plan_actions_new(&options);
	plan_actions_configure(world->actions, &world->config);
	plan_actions_simulate(world->actions, &mine);
}

static void close_world(struct world *world)
{
	plan_actions_free(world->actions);
	loop_free(world->loop);
}

struct refusal {
	const char *args;
	int code;
	const char *text;
};

#define TARGET "\"url\":\"http://pay.test:80/\",\"rate\":10,\"duration\":\"10s\""

Test(action_load, each_argument_has_its_limits)
{
	static const struct refusal cases[] = {
		{"{" TARGET "}", 0, ""},
		{"{\"urls\":[\"http://pay.test:80/a\",\"http://pay.test:80/b\"],\"rate\":100,"
		 "\"duration\":60}",
		 0, ""},
		{"{\"url\":\"http://pay.test:80/\",\"rate\":100.1,\"duration\":1}", ERR_INVALID,
		 "load.run: rate must be a number from 0.1 to 100"},
		{"{\"url\":\"http://pay.test:80/\",\"rate\":0.09,\"duration\":1}", ERR_INVALID,
		 "load.run: rate must be a number from 0.1 to 100"},
		{"{\"url\":\"http://pay.test:80/\",\"rate\":1,\"duration\":\"61s\"}", ERR_INVALID,
		 "load.run: duration must be a span such as \"30s\", from 100 ms to 60000 ms"},
		{"{" TARGET ",\"warm_up\":\"50s\"}", 0, ""},
		{"{" TARGET ",\"warm_up\":\"51s\"}", ERR_INVALID,
		 "load.run: warm_up and duration together are longer than the site's "
		 "load.duration, 60000 ms"},
		{"{" TARGET ",\"at_once\":2000}", 0, ""},
		{"{" TARGET ",\"at_once\":2001}", ERR_INVALID,
		 "load.run: at_once must be a number from 1 to 2000"},
		{"{" TARGET ",\"stop_at\":0}", ERR_INVALID,
		 "load.run: stop_at must be a number from 0.01 to 1"},
		{"{" TARGET ",\"limits\":{\"p99\":\"1s\",\"errors\":0}}", 0, ""},
		{"{" TARGET ",\"limits\":{\"errors\":1.1}}", ERR_INVALID,
		 "load.run: errors must be a number from 0 to 1"},
		{"{" TARGET ",\"limits\":3}", ERR_INVALID,
		 "load.run: limits must be a table such as { p99 = \"500ms\", errors = 0.01 }"},
		{"{" TARGET ",\"urls\":[\"http://pay.test:80/\"]}", ERR_INVALID,
		 "load.run needs url, or urls with a list of 1 to 16"},
		{"{\"urls\":[],\"rate\":1,\"duration\":1}", ERR_INVALID,
		 "load.run needs url, or urls with a list of 1 to 16"},
		{"{\"urls\":[1],\"rate\":1,\"duration\":1}", ERR_INVALID,
		 "load.run: entry 1 of urls is no text"},
		{"{\"url\":\"http://pay.test:80/\"}", ERR_INVALID,
		 "load.run needs rate, in requests a second, and duration"},
		{"{\"url\":\"http://pay.test:81/\",\"rate\":1,\"duration\":1}", ERR_DENIED,
		 "load.run: \"pay.test:81\" is not on the site's load.allow list"},
		{"{" TARGET ",\"method\":\"FETCH\"}", ERR_INVALID,
		 "load.run: method \"FETCH\" is not one of GET, HEAD, POST, PUT, PATCH, DELETE"},
		{"{" TARGET ",\"users\":3}", ERR_INVALID,
		 "load.run has no member \"users\"; known: url, urls, method, headers, body, rate, "
		 "warm_up, duration, timeout, limits, at_once, stop_at"},
	};
	struct world world;
	enum effect effect;
	open_world(&world);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err_note why = {{0}};
		cr_expect_eq(plan_action_validate(world.actions, "load.run", cases[i].args, &effect,
						  &why),
			     cases[i].code, "%s", cases[i].args);
		cr_expect_str_eq(why.text, cases[i].text);
	}
	close_world(&world);
}

Test(action_load, without_the_section_nothing_is_allowed)
{
	struct world world;
	struct err_note why = {{0}};
	enum effect effect;
	open_world(&world);
	world.config.actions = NULL;
	cr_expect_eq(plan_action_validate(world.actions, "load.run", "{" TARGET "}", &effect, &why),
		     ERR_DENIED);
	close_world(&world);
}

Test(action_load, a_test_of_reads_may_be_repeated_another_not)
{
	struct world world;
	enum effect effect;
	open_world(&world);
	plan_action_validate(world.actions, "load.run", "{" TARGET "}", &effect, NULL);
	cr_expect_eq(effect, EFFECT_READ);
	plan_action_validate(world.actions, "load.run", "{" TARGET ",\"method\":\"POST\"}", &effect,
			     NULL);
	cr_expect_eq(effect, EFFECT_ONCE);
	close_world(&world);
}

static void on_done(void *arg, const struct plan_action_result *result)
{
	struct world *world = arg;
	cr_expect(result->is_ok);
	snprintf(world->json, sizeof(world->json), "%s", result->result_json);
}

Test(action_load, run_dry_all_requests_are_answered_well)
{
	struct world world;
	struct plan_action_run *run;
	open_world(&world);
	cr_assert_eq(plan_action_start(&run, world.actions, "load.run", "{" TARGET "}", "r/t#1",
				       60000, 7, on_done, &world, NULL),
		     0);
	loop_virtual_turn(world.loop);
	cr_expect_str_eq(world.told, "load GET http://pay.test:80/, 10 a second for 10 s");
	cr_expect(strstr(world.json, "\"passed\":true") && strstr(world.json, "\"requests\":100") &&
			  strstr(world.json, "\"statuses\":{\"200\":100}"),
		  "%s", world.json);
	close_world(&world);
}
