#include "core/cli/plan_test_world.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/cli/plan_effects.h"
#include "core/cli/plan_test_reply.h"
#include "core/cli/plan_test_run.h"
#include "core/cli/plan_world.h"
#include "core/cli/script_version.h"
#include "core/cli/test_clock.h"
#include "core/incident/incident_command.h"
#include "core/model/timestamp.h"
#include "core/plan/action.h"
#include "core/plan/plan_engine.h"
#include "core/plan/plan_json.h"
#include "lua/host/generation.h"

#include <string.h>

struct plan_test_world {
	char *site_dir;
	struct script_set active;
	struct plan_world *world;
	struct plan_test_replies replies;
	json_t *effects; /**< documents, null once met */
	json_t *tries;   /**< how many by key */
	json_t *facts;
	json_t *alerts; /**< {alert, incident}, that fire */
	uint64_t incident;
	uint32_t dropped_count;
};

/* ---- what the plans do ---- */

static int64_t since_begin(const struct plan_test_world *test)
{
	return plan_world_now_ms(test->world) - TEST_BEGIN_MS;
}

static json_int_t count_try(struct plan_test_world *test, const char *key)
{
	json_int_t count = json_integer_value(json_object_get(test->tries, key)) + 1;
	json_object_set_new(test->tries, key, json_integer(count));
	return count;
}

static void keep(struct plan_test_world *test, const struct plan_effect *effect, const char *step,
		 bool is_probe)
{
	const char *id = strrchr(step, '/');
	id = id ? id + 1 : step;
	json_t *row = json_object();
	char time[TIMESTAMP_TEXT_BYTES_MAX];
	timestamp_format(plan_world_now_ms(test->world), time);
	json_object_set_new(row, "action", json_string(effect->action));
	json_object_set_new(row, "args", plan_json_parse(effect->args_json));
	json_object_set_new(row, "step", json_string(step));
	json_object_set_new(row, "id", json_stringn(id, strcspn(id, "#")));
	json_object_set_new(row, "key", json_string(effect->key));
	json_object_set_new(row, "run", json_stringn(effect->key, strcspn(effect->key, "/")));
	json_object_set_new(row, "text", plan_json_clean(slice_of(effect->text), SIZE_MAX));
	json_object_set_new(row, "incident", json_integer((json_int_t)effect->incident));
	json_object_set_new(row, "try", json_integer(count_try(test, effect->key)));
	json_object_set_new(row, "at_ms", json_integer(since_begin(test)));
	json_object_set_new(row, "time", json_string(time));
	json_object_set_new(row, "probe", json_boolean(is_probe));
	json_array_append_new(test->effects, row);
}

static void on_effect(void *arg, const struct plan_effect *effect, struct plan_reply *reply)
{
	struct plan_test_world *test = arg;
	const char *slash = strchr(effect->key, '/');
	bool is_probe = slash && slash[1] == '?';
	char *step = plan_effects_step(effect->key);
	plan_test_replies_apply(&test->replies, step, effect->action, is_probe, reply);
	if (json_array_size(test->effects) < TEST_EFFECTS_MAX)
		keep(test, effect, step, is_probe);
	else
		test->dropped_count++;
	mem_free(step);
}

static void on_fact(void *arg, const char *run_id, const char *kind, const char *text)
{
	struct plan_test_world *test = arg;
	json_t *fact = json_object();
	if (json_array_size(test->facts) < TEST_EFFECTS_MAX) {
		json_object_set_new(fact, "kind", json_string(kind));
		json_object_set_new(fact, "text", plan_json_clean(slice_of(text), SIZE_MAX));
		json_object_set_new(fact, "run", json_string(run_id));
		json_object_set_new(fact, "at_ms", json_integer(since_begin(test)));
		json_array_append(test->facts, fact);
	}
	json_decref(fact);
}

static json_t *list_effects(const struct plan_test_world *test)
{
	json_t *list = json_array(), *row;
	size_t index;
	json_array_foreach(test->effects, index, row)
	{
		if (!json_is_null(row))
			json_array_append_new(
				list, json_pack("{s:i, s:O}", "number", (int)index, "value", row));
	}
	return list;
}

static int do_take(struct plan_test_world *test, const char *text)
{
	size_t index = (size_t)strtoul(text, NULL, 10);
	if (index < json_array_size(test->effects))
		json_array_set_new(test->effects, index, json_null());
	return 0;
}

/* ---- alerts and incidents ---- */

static int do_alert(struct plan_test_world *test, json_t *alert, json_t **out, struct err_note *why)
{
	uint64_t number = 0;
	int code = plan_world_alert(test->world, alert, true, &number, why);
	if (code != 0)
		return code;
	if (number != 0)
		test->incident = number;
	json_array_append(test->alerts, alert);
	*out = json_integer((json_int_t)number);
	return 0;
}

/** `alert` NULL: all of them. */
static int do_resolve(struct plan_test_world *test, const json_t *alert, struct err_note *why)
{
	bool is_known = false;
	uint64_t number;
	for (size_t i = json_array_size(test->alerts); i > 0; i--) {
		json_t *one = json_array_get(test->alerts, i - 1);
		if (alert && !json_equal(alert, one))
			continue;
		int code = plan_world_alert(test->world, one, false, &number, why);
		if (code != 0)
			return code;
		json_array_remove(test->alerts, i - 1);
		is_known = true;
	}
	return is_known ? 0 : err_set(why, ERR_NOT_FOUND, "no such alert fires");
}

static int do_move(struct plan_test_world *test, const char *name, const json_t *options,
		   struct err_note *why)
{
	const char *actor = json_string_value(json_object_get(options, "as"));
	const json_t *number = json_object_get(options, "incident");
	struct incident_command command = {
		.number = number ? (uint64_t)json_integer_value(number) : test->incident,
		.actor = actor ? actor : "tester",
		.reason = json_string_value(json_object_get(options, "reason")),
		.now_ms = plan_world_now_ms(test->world)};
	enum incident_move move;
	int code = incident_move_parse(name, &move, why);
	return code == 0 ? incident_do(test->world->incidents, move, &command, why) : code;
}

/* ---- versions ---- */

static int reload(struct plan_test_world *test, const struct script_set *active,
		  struct err_note *why)
{
	struct generation *generation;
	int code = script_set_load(&generation, active, test->site_dir, why);
	if (code != 0)
		return code;
	plan_world_install(test->world, generation);
	test->active = *active;
	return 0;
}

static int do_activate(struct plan_test_world *test, const char *text, struct err_note *why)
{
	struct script_set active = test->active;
	int code = script_set_put(&active, test->site_dir, text, why);
	return code == 0 ? reload(test, &active, why) : code;
}

static int do_remove(struct plan_test_world *test, const char *name, struct err_note *why)
{
	struct script_set active = test->active;
	int code = script_set_remove(&active, name, why);
	return code == 0 ? reload(test, &active, why) : code;
}

/* ---- verbs ---- */

static int do_advance(struct plan_test_world *test, const char *text, struct err_note *why)
{
	int64_t ms = 0;
	int code = test_clock_span(text, &ms, why);
	if (code == 0)
		plan_world_advance(test->world, ms);
	return code;
}

static int do_at(struct plan_test_world *test, const char *text, struct err_note *why)
{
	int64_t ms = 0;
	int code = test_clock_until(text, plan_world_now_ms(test->world), &ms, why);
	if (code == 0)
		plan_world_advance(test->world, ms);
	return code;
}

/** Whatever changes the world. */
static int act(struct plan_test_world *test, const char *verb, const char *text, json_t *json,
	       json_t **out, struct err_note *why)
{
	struct plan_engine *engine = test->world->engine;
	if (strcmp(verb, "advance") == 0)
		return do_advance(test, text, why);
	if (strcmp(verb, "at") == 0)
		return do_at(test, text, why);
	if (strcmp(verb, "alert") == 0)
		return do_alert(test, json, out, why);
	if (strcmp(verb, "resolve") == 0)
		return do_resolve(test, json, why);
	if (strcmp(verb, "move") == 0)
		return do_move(test, text, json, why);
	if (strcmp(verb, "start") == 0)
		return plan_test_run_start(engine, test->active.items[0].name, test->incident, json,
					   out, why);
	if (strcmp(verb, "answer") == 0)
		return plan_test_run_answer(engine, text, json, why);
	if (strcmp(verb, "signal") == 0)
		return plan_test_run_signal(engine, text, json, why);
	if (strcmp(verb, "command") == 0)
		return plan_test_run_command(engine, text, json, why);
	if (strcmp(verb, "crash") == 0)
		return plan_world_crash(test->world, why);
	if (strcmp(verb, "activate") == 0)
		return do_activate(test, text, why);
	if (strcmp(verb, "remove") == 0)
		return do_remove(test, text, why);
	return err_set(why, ERR_NOT_FOUND, "a test of a plan cannot ask for \"%s\"", verb);
}

static int dispatch(struct plan_test_world *test, const char *verb, const char *text, json_t *json,
		    json_t **out, struct err_note *why)
{
	if (strcmp(verb, "reply") == 0 || strcmp(verb, "probe") == 0)
		return plan_test_replies_add(&test->replies, text, verb[0] == 'p', json);
	if (strcmp(verb, "take") == 0)
		return do_take(test, text);
	if (strcmp(verb, "effects") == 0)
		*out = list_effects(test);
	else if (strcmp(verb, "facts") == 0)
		*out = json_incref(test->facts);
	else if (strcmp(verb, "run") == 0)
		*out = plan_test_run_show(test->world->engine, json);
	else if (strcmp(verb, "journal") == 0)
		return plan_test_run_journal(test->world->engine, text, out, why);
	else {
		int code = act(test, verb, text, json, out, why);
		plan_world_advance(test->world, 0);
		return code;
	}
	return 0;
}

int plan_test_world_call(struct plan_test_world *test, const char *verb, const char *text,
			 struct slice json, json_t **out, struct err_note *why)
{
	json_t *value = json.length > 0 ? json_loadb(json.data, json.length, 0, NULL) : NULL;
	int code = dispatch(test, verb, text, value, out, why);
	json_decref(value);
	if (code == 0 && test->dropped_count > 0)
		return err_set(why, ERR_FULL, "a case may have at most %d effects",
			       TEST_EFFECTS_MAX);
	return code;
}

int plan_test_world_new(struct plan_test_world **out, const char *site_dir, const char *plan,
			struct err_note *why)
{
	struct plan_test_world *test = mem_alloc(sizeof(*test));
	struct plan_world_options options = {
		.begin_ms = TEST_BEGIN_MS, .on_effect = on_effect, .on_fact = on_fact, .arg = test};
	test->site_dir = mem_copy_text(site_dir);
	test->active.kind = SCRIPT_PLAN;
	test->effects = json_array();
	test->tries = json_object();
	test->facts = json_array();
	test->alerts = json_array();
	int code = plan_world_new(&test->world, &options, why);
	if (code == 0)
		code = do_activate(test, plan, why);
	if (code != 0) {
		plan_test_world_free(test);
		return code;
	}
	*out = test;
	return 0;
}

void plan_test_world_free(struct plan_test_world *test)
{
	if (!test)
		return;
	plan_world_free(test->world);
	plan_test_replies_deinit(&test->replies);
	json_decref(test->effects);
	json_decref(test->tries);
	json_decref(test->facts);
	json_decref(test->alerts);
	mem_free(test->site_dir);
	mem_free(test);
}
