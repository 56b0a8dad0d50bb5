#include "core/app/app_internal.h"

#include "core/app/app.h"
#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/incident/incident.h"
#include "core/loop/loop.h"
#include "core/model/alert.h"
#include "core/model/zone.h"
#include "core/outbox/outbox.h"
#include "core/plan/action.h"
#include "core/plan/plan_engine.h"
#include "core/rule/rule.h"
#include "lua/host/generation.h"
#include "storage/alert_log.h"
#include "storage/commit.h"
#include "storage/kv.h"

#include <string.h>

void app_on_alert(void *arg, const struct rule *rule, const struct alert *alert)
{
	struct app *app = arg;
	struct bytes document = BYTES_EMPTY, key_text = BYTES_EMPTY;
	struct err_note why = {{0}};
	const struct config_output *output = config_find_output(app->config, rule->output);
	alert_append_document(alert, output != NULL && output->has_zh_keys, app->zone, &document);
	dimension_append_text(alert->key, &key_text);
	log_info(RULE, "%s@%u %s %s%s", alert->rule, alert->version,
		 alert->state == ALERT_FIRING ? "fires" : "resolves",
		 key_text.length > 0 ? "for " : "", key_text.length > 0 ? key_text.data : "");
	alert_log_put(commit_batch(app->commit), alert->window_end_ms, alert->id,
		      bytes_slice(&document));
	if (outbox_put(app->outbox, rule->output, alert->id, bytes_slice(&document), NULL, NULL,
		       &why) != 0)
		log_error(OUTBOX, "alert %s is in the alert log only: %s", alert->id, why.text);
	if (rule->opens_incident) {
		char *key = incident_key(alert, rule->incident_keys, rule->incident_key_count,
					 rule->has_incident_key);
		incident_on_alert(app->incidents, alert, key, loop_wall_ms(app->loop));
		mem_free(key);
	}
	bytes_deinit(&document);
	bytes_deinit(&key_text);
}

static void on_incident_event(void *arg, const struct incident *incident, const char *event)
{
	struct app *app = arg;
	log_info(INCIDENT, "%llu %s (%s): %s", (unsigned long long)incident->number, event,
		 incident_state_name(incident->state), incident->title);
	plan_engine_on_incident(app->plans, incident, event);
}

static void on_plan_fact(void *arg, uint64_t incident, const char *plan, const char *run_id,
			 const char *kind, const char *text)
{
	struct app *app = arg;
	int64_t now_ms = loop_wall_ms(app->loop);
	log_info(PLAN, "%s %s %s: %s", run_id, plan, kind, text);
	if (incident == 0)
		return;
	if (strcmp(kind, "run_started") == 0) {
		incident_run_started(app->incidents, incident, plan, run_id, now_ms);
	} else if (strcmp(kind, "run_ended") == 0) {
		incident_run_ended(app->incidents, incident, plan, run_id, text, now_ms);
	} else {
		char *line = mem_format("%s: %s", plan, text);
		incident_note(app->incidents, incident, kind, run_id, line, now_ms);
		mem_free(line);
	}
}

static char *incident_json(void *arg, uint64_t number)
{
	struct app *app = arg;
	const struct incident *incident = incident_find(app->incidents, number);
	struct bytes text = BYTES_EMPTY;
	if (incident == NULL)
		return NULL;
	incident_append_json(incident, &text);
	return bytes_take_text(&text);
}

static int make_factory(void *arg, const char *name, uint32_t version, const char *source,
			struct plan_factory **out, struct err_note *why)
{
	struct app *app = arg;
	return generation_plan_factory(name, version, source, app->config, out, why);
}

int app_alerts_open(struct app *app, const struct config *config, struct err_note *why)
{
	struct outbox_options outbox = {
		.kv = app->kv,
		.commit = app->commit,
		.loop = app->loop,
		.client = app->client,
		.state_dir = app->options->state_dir,
		.leaves_sync_to_os = config->sync == KV_SYNC_OS,
	};
	uint64_t seed = 0;
	env_random(app->env, &seed, sizeof(seed));
	struct incident_options incidents = {
		.seed = seed,
		.kv = app->kv,
		.commit = app->commit,
		.on_event = on_incident_event,
		.arg = app,
	};
	int code = outbox_new(&app->outbox, &outbox, why);
	if (code == 0)
		code = incident_store_new(&app->incidents, &incidents, why);
	if (code != 0)
		return code;
	struct plan_actions_options actions = {app->loop, app->client, app->outbox};
	app->actions = plan_actions_new(&actions);
	struct plan_engine_options plans = {
		.kv = app->kv,
		.commit = app->commit,
		.loop = app->loop,
		.actions = app->actions,
		.scripts = app->scripts,
		.make_factory = make_factory,
		.on_fact = on_plan_fact,
		.incident_json = incident_json,
		.arg = app,
	};
	return plan_engine_new(&app->plans, &plans, why);
}
