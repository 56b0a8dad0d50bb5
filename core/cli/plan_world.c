#include "core/cli/plan_world.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/control/site_incidents.h"
#include "core/incident/incident.h"
#include "core/incident/incident_command.h"
#include "core/incident/incident_example.h"
#include "core/incident/incident_settings.h"
#include "core/loop/loop.h"
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
	if (strcmp(kind, "run_started") == 0) {
		incident_run_started(world->incidents, incident, plan, run_id, now_ms);
	} else if (strcmp(kind, "run_ended") == 0) {
		incident_run_ended(world->incidents, incident, plan, run_id, text, now_ms);
		incident_drill_run_ended(world->incidents, incident, now_ms);
	}
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

static const char *category_of(const void *arg, const char *field, const char *value)
{
	const struct config *config = arg;
	return strcmp(field, config->category_field) == 0 ? config_category_of(config, value)
							  : NULL;
}

int plan_world_alert(struct plan_world *world, const json_t *alert, bool is_firing,
		     uint64_t *number, struct err_note *why)
{
	struct incident_example example = {.alert = alert,
					   .is_resolved = !is_firing,
					   .now_ms = plan_world_now_ms(world),
					   .category_of = category_of,
					   .arg = world->generation->config};
	int code = incident_on_example(world->incidents, &example, number, why);
	commit_kick(world->commit);
	return code;
}
