#include "core/app/app_internal.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "core/engine/engine.h"
#include "core/incident/incident.h"
#include "core/ingest/bundle.h"
#include "core/ingest/source.h"
#include "core/loop/loop.h"
#include "core/model/alert.h"
#include "core/rule/rule.h"
#include "core/rule/versions.h"
#include "storage/commit.h"

static void on_advance_time(void *arg)
{
	app_advance(arg);
}

void app_advance(struct app *app)
{
	int64_t now_ms = loop_mono_ms(app->loop);
	engine_advance(app->engine, now_ms, loop_wall_ms(app->loop));
	app_handle_alerts(app);
	commit_kick(app->commit);
	int64_t next_ms = engine_next_ms(app->engine, now_ms);
	if (next_ms >= 0)
		timer_set(app->advance_timer, next_ms > now_ms ? next_ms - now_ms : 1);
	else
		timer_cancel(app->advance_timer);
}

static void on_bundle(void *arg, struct bundle *bundle)
{
	struct app *app = arg;
	uint32_t partition = bundle->partition;
	if (engine_apply(app->engine, bundle, loop_mono_ms(app->loop)) == ERR_CONFLICT) {
		log_warn(INGEST, "a bundle does not follow its partition's committed position: "
				 "the file is read again from there");
		app_sources_rewind(app, partition);
	}
	app_advance(app);
}

static void on_quarantine(void *arg, const struct rule *rule, const char *reason)
{
	struct app *app = arg;
	if (app_is_shadow(rule)) {
		log_error(RULE, "the shadow %s is quarantined: %s", rule->name, reason);
		return;
	}
	log_error(RULE, "%s@%u is quarantined: %s", rule->name, rule->version, reason);
	versions_quarantine(app->rule_versions, rule->name, rule->version, reason,
			    loop_wall_ms(app->loop));
}

static const char *why_gone(void *arg, const char *rule, uint32_t version)
{
	struct app *app = arg;
	const struct version_row *row = versions_find(app->rule_versions, rule, version);
	return row != NULL && !row->is_missing && !row->is_active ? "rule_disabled"
								  : "rule_removed";
}

static bool has_incident(void *arg, const struct rule *rule, struct slice key)
{
	struct app *app = arg;
	struct alert alert = {
		.rule = rule->name,
		.key = key,
		.by = (const char *const *)rule->by,
		.by_count = rule->by_count,
	};
	return incident_has_joined(app->incidents, &alert);
}

static bool has_category_incident(void *arg, const char *category)
{
	struct app *app = arg;
	return incident_open_count_of(app->incidents, category) > 0;
}

int app_engine_open(struct app *app, struct err_note *why)
{
	env_random(app->env, &app->hash_seed, sizeof(app->hash_seed));
	struct engine_options options = {
		.kv = app->kv,
		.commit = app->commit,
		.seed = app->hash_seed,
		.on_alert = app_on_alert,
		.on_quarantine = on_quarantine,
		.marker = app->marker,
		.why_gone = why_gone,
		.has_incident = has_incident,
		.has_category_incident = has_category_incident,
		.arg = app,
	};
	int code = engine_new(&app->engine, &options, why);
	app->advance_timer = timer_new(app->loop, on_advance_time, app);
	return code;
}

static int64_t partition_watermark(void *arg, uint32_t partition)
{
	struct app *app = arg;
	return engine_partition_watermark(app->engine, partition);
}

int app_pool_open(struct app *app, uint32_t reader_count, struct err_note *why)
{
	struct pool_options options = {
		.reader_count = reader_count,
		.seed = app->hash_seed,
		.watermark = partition_watermark,
		.on_bundle = on_bundle,
		.on_room = app_sources_on_room,
		.arg = app,
	};
	return pool_new(&app->pool, app->loop, app->env, &options, why);
}
