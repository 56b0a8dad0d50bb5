#include "core/cli/plan_world.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/control/site_incidents.h"
#include "core/incident/incident.h"
#include "core/incident/incident_command.h"
#include "core/incident/incident_settings.h"
#include "core/loop/loop.h"
#include "core/model/alert.h"
#include "core/model/dimension.h"
#include "core/plan/action.h"
#include "core/plan/plan_engine.h"
#include "core/plan/plan_json.h"
#include "lua/host/generation.h"
#include "storage/commit.h"
#include "storage/kv.h"
#include "storage/script_store.h"

#include <string.h>

enum { TICK_MS = 60 * 1000 /* incidents look at the time at least so often */ };

/* ---- what the parts say to each other ---- */

static void on_incident_event(void *arg, const struct incident *incident, const char *event)
{
	struct plan_world *world = arg;
	plan_engine_on_incident(world->engine, incident, event);
}

static void on_fact(void *arg, uint64_t incident, const char *plan, const char *run_id,
		    const char *kind, const char *text)
{
	struct plan_world *world = arg;
	int64_t now_ms = plan_world_now_ms(world);
	if (world->options.on_fact)
		world->options.on_fact(world->options.arg, run_id, kind, text);
	if (strcmp(kind, "run_started") == 0)
		incident_run_started(world->incidents, incident, plan, run_id, now_ms);
	else if (strcmp(kind, "run_ended") == 0)
		incident_run_ended(world->incidents, incident, plan, run_id, text, now_ms);
}

static char *incident_json(void *arg, uint64_t number)
{
	struct plan_world *world = arg;
	struct bytes text = BYTES_EMPTY;
	if (world->incident)
		return plan_json_text(world->incident);
	const struct incident *incident = incident_find(world->incidents, number);
	if (!incident)
		return NULL;
	incident_append_json(incident, &text);
	return bytes_take_text(&text);
}

static int make_factory(void *arg, const char *name, uint32_t version, const char *source,
			struct plan_factory **out, struct err_note *why)
{
	const struct plan_world *world = arg;
	return generation_plan_factory(name, version, source, world->generation->config, out, why);
}

/* ---- life ---- */

static int open_parts(struct plan_world *world, struct err_note *why)
{
	struct commit_options commit = {0};
	struct plan_actions_options actions = {.loop = world->loop};
	struct plan_simulation simulation = {world->options.on_effect, world->options.arg};
	int code = commit_new(&world->commit, world->kv, &commit, why);
	if (code == 0)
		code = script_store_new(&world->scripts, world->kv, world->commit, why);
	if (code != 0)
		return code;
	struct incident_options incidents = {.kv = world->kv,
					     .commit = world->commit,
					     .on_event = on_incident_event,
					     .arg = world};
	code = incident_store_new(&world->incidents, &incidents, why);
	if (code != 0)
		return code;
	world->actions = plan_actions_new(&actions);
	plan_actions_simulate(world->actions, &simulation);
	struct plan_engine_options engine = {.kv = world->kv,
					     .commit = world->commit,
					     .loop = world->loop,
					     .actions = world->actions,
					     .scripts = world->scripts,
					     .make_factory = make_factory,
					     .on_fact = on_fact,
					     .incident_json = incident_json,
					     .arg = world};
	return plan_engine_new(&world->engine, &engine, why);
}

/** The commit goes first: a pending one calls into the engine. */
static void close_parts(struct plan_world *world)
{
	commit_free(world->commit);
	plan_engine_free(world->engine);
	plan_actions_free(world->actions);
	incident_store_free(world->incidents);
	script_store_free(world->scripts);
	world->commit = NULL;
	world->engine = NULL;
	world->actions = NULL;
	world->incidents = NULL;
	world->scripts = NULL;
}

int plan_world_new(struct plan_world **out, const struct plan_world_options *options,
		   struct err_note *why)
{
	struct plan_world *world = mem_alloc(sizeof(*world));
	world->options = *options;
	world->loop = loop_virtual_new(options->begin_ms);
	world->kv = kv_memory_new();
	int code = open_parts(world, why);
	if (code != 0) {
		plan_world_free(world);
		return code;
	}
	*out = world;
	return 0;
}

void plan_world_free(struct plan_world *world)
{
	if (!world)
		return;
	close_parts(world);
	generation_free(world->generation);
	kv_free(world->kv);
	loop_free(world->loop);
	json_decref(world->incident);
	mem_free(world);
}

static void install(struct plan_world *world)
{
	const struct generation *generation = world->generation;
	struct incident_settings settings;
	site_incident_settings(generation->config, &settings);
	incident_configure(world->incidents, &settings);
	plan_actions_configure(world->actions, generation->config);
	plan_engine_install(world->engine, generation->config, generation->plans,
			    generation->plan_count);
}

void plan_world_install(struct plan_world *world, struct generation *generation)
{
	struct generation *former = world->generation;
	world->generation = generation;
	install(world);
	generation_free(former);
}

int plan_world_crash(struct plan_world *world, struct err_note *why)
{
	close_parts(world);
	int code = open_parts(world, why);
	if (code != 0)
		return code;
	install(world);
	code = plan_engine_resume(world->engine, why);
	plan_world_advance(world, 0);
	return code;
}

/* ---- time ---- */

int64_t plan_world_now_ms(const struct plan_world *world)
{
	return loop_wall_ms(world->loop);
}

void plan_world_advance(struct plan_world *world, int64_t by_ms)
{
	do {
		int64_t step_ms = by_ms < TICK_MS ? by_ms : TICK_MS;
		loop_virtual_advance(world->loop, step_ms);
		incident_tick(world->incidents, plan_world_now_ms(world));
		commit_kick(world->commit);
		loop_virtual_turn(world->loop);
		by_ms -= step_ms;
	} while (by_ms > 0);
}

/* ---- alerts ---- */

static int value_of(const json_t *json, struct value *out)
{
	switch (json_typeof(json)) {
	case JSON_STRING:
		*out = (struct value){.type = VALUE_STRING,
				      .length = (uint32_t)json_string_length(json)};
		out->as.text = json_string_value(json);
		return 0;
	case JSON_INTEGER:
		*out = (struct value){.type = VALUE_INT};
		out->as.integer = json_integer_value(json);
		return 0;
	case JSON_REAL:
		*out = (struct value){.type = VALUE_FLOAT};
		out->as.number = json_real_value(json);
		return 0;
	case JSON_TRUE:
	case JSON_FALSE:
		*out = (struct value){.type = VALUE_BOOL};
		out->as.boolean = json_is_true(json);
		return 0;
	case JSON_OBJECT:
	case JSON_ARRAY:
	case JSON_NULL: break;
	}
	return ERR_INVALID;
}

struct made {
	struct alert alert;
	struct bytes key;
	const char *by[DIMENSION_FIELDS_MAX];
	char *labels;
	const char *category;
};

static int read_dimension(struct made *made, const struct config *config, const json_t *dimension,
			  struct err_note *why)
{
	const char *name;
	json_t *json;
	json_object_foreach((json_t *)(uintptr_t)dimension, name, json)
	{
		struct value value;
		if (made->alert.by_count == DIMENSION_FIELDS_MAX)
			return err_set(why, ERR_INVALID, "a dimension has at most %d fields",
				       DIMENSION_FIELDS_MAX);
		if (value_of(json, &value) != 0)
			return err_set(why, ERR_INVALID,
				       "the field \"%.64s\" of a dimension is a text, a number or "
				       "a boolean",
				       name);
		dimension_append(&made->key, &value);
		made->by[made->alert.by_count++] = name;
		if (json_is_string(json) && strcmp(name, config->category_field) == 0)
			made->category = config_category_of(config, json_string_value(json));
	}
	return 0;
}

static int check_members(const json_t *json, struct err_note *why)
{
	static const char *const texts[] = {"rule",     "title",   "severity",
					    "category", "message", NULL};
	static const char *const names[] = {"rule",    "title",  "severity",  "category",
					    "message", "labels", "dimension", NULL};
	int code = plan_json_check_names(json, "an alert", names, why);
	if (code != 0)
		return code;
	for (int i = 0; texts[i]; i++) {
		const json_t *value = json_object_get(json, texts[i]);
		if (value && !json_is_string(value))
			return err_set(why, ERR_INVALID, "the %s of an alert is a text", texts[i]);
	}
	if (!json_is_string(json_object_get(json, "rule")))
		return err_set(why, ERR_INVALID, "an alert needs the name of its rule");
	for (int i = 5; i < 7; i++) {
		const json_t *value = json_object_get(json, names[i]);
		if (value && !json_is_object(value))
			return err_set(why, ERR_INVALID, "the %s of an alert is a table of fields",
				       names[i]);
	}
	return 0;
}

static const char *text_of(const json_t *json, const char *name, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(json, name));
	return text ? text : otherwise;
}

static int make_alert(const struct plan_world *world, const json_t *json, bool is_firing,
		      struct made *made, struct err_note *why)
{
	const json_t *labels = json_object_get(json, "labels");
	int64_t now_ms = plan_world_now_ms(world);
	int code = check_members(json, why);
	if (code == 0)
		code = read_dimension(made, world->generation->config,
				      json_object_get(json, "dimension"), why);
	if (code != 0)
		return code;
	made->labels = labels ? plan_json_text(labels) : mem_copy_text("{}");
	struct alert *alert = &made->alert;
	alert->rule = text_of(json, "rule", "");
	alert->title = text_of(json, "title", alert->rule);
	alert->severity = text_of(json, "severity", "warning");
	alert->category = text_of(json, "category", made->category);
	alert->message = text_of(json, "message", NULL);
	alert->version = 1;
	alert->form = FORM_GROUP;
	alert->state = is_firing ? ALERT_FIRING : ALERT_RESOLVED;
	alert->window_start_ms = now_ms - 60000;
	alert->window_end_ms = now_ms;
	alert->window_ms = 60000;
	alert->statistic = "count";
	alert->key = bytes_slice(&made->key);
	alert->by = made->by;
	alert->labels_json = made->labels;
	alert_make_id(alert);
	return 0;
}

int plan_world_alert(struct plan_world *world, const json_t *alert, bool is_firing,
		     uint64_t *number, struct err_note *why)
{
	struct made made = {.key = BYTES_EMPTY};
	int code = make_alert(world, alert, is_firing, &made, why);
	if (code == 0) {
		char *key = incident_key(&made.alert, NULL, 0, false);
		const struct incident *incident = incident_on_alert(world->incidents, &made.alert,
								    key, plan_world_now_ms(world));
		*number = incident ? incident->number : 0;
		commit_kick(world->commit);
		mem_free(key);
	}
	bytes_deinit(&made.key);
	mem_free(made.labels);
	return code;
}
