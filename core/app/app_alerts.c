#include "core/app/app_internal.h"
#include "core/app/app_metric.h"

#include "core/app/app.h"
#include "core/app/app_links.h"
#include "core/app/app_news.h"
#include "core/app/app_paging.h"
#include "core/app/app_people.h"
#include "core/app/app_escalation.h"
#include "core/app/app_plans.h"
#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/config/config_incidents.h"
#include "core/escalation/escalation.h"
#include "core/handling/handling.h"
#include "core/incident/incident.h"
#include "core/incident/incident_command.h"
#include "core/incident/incident_example.h"
#include "core/loop/loop.h"
#include "core/model/alert.h"
#include "core/model/zone.h"
#include "core/news/news.h"
#include "core/outbox/outbox.h"
#include "core/paging/paging.h"
#include "core/plan/action.h"
#include "core/plan/plan_engine.h"
#include "core/rule/rule.h"
#include "lua/host/generation.h"
#include "storage/alert_log.h"
#include "storage/commit.h"
#include "storage/kv.h"

#include <string.h>

static const char *alert_key_text(const struct alert *alert, struct bytes *out)
{
	dimension_append_text(alert->key, out);
	return out->length > 0 ? out->data : "";
}

void app_handle_alerts(struct app *app)
{
	int64_t now_ms = loop_wall_ms(app->loop);
	handling_advance(app->handling, now_ms);
	int64_t next_ms = handling_next_ms(app->handling);
	if (next_ms == INT64_MAX)
		timer_cancel(app->handling_timer);
	else
		timer_set(app->handling_timer, next_ms > now_ms ? next_ms - now_ms : 0);
}

static void on_handling_time(void *arg)
{
	struct app *app = arg;
	app_handle_alerts(app);
	commit_kick(app->commit);
}

/** The document in the alert log is that of the rule's output, whoever is told in the end. */
static void log_alert(struct app *app, const struct rule *rule, const struct alert *alert)
{
	struct bytes document = BYTES_EMPTY, key = BYTES_EMPTY;
	const struct config_output *output = config_find_output(app->config, rule->output);
	const char *key_text = alert_key_text(alert, &key);
	alert_append_document(alert, output != NULL && output->has_zh_keys, app->zone, &document);
	log_info(RULE, "%s@%u %s %s%s%s", alert->rule, alert->version,
		 alert->correction != NULL ? "was, by a late reading," : "is",
		 alert_state_name(alert->state), key_text[0] != '\0' ? " for " : "", key_text);
	alert_log_put(commit_batch(app->commit), alert->window_end_ms, alert->id,
		      bytes_slice(&document));
	bytes_deinit(&document);
	bytes_deinit(&key);
}

void app_on_alert(void *arg, const struct rule *rule, const struct alert *alert)
{
	struct app *app = arg;
	char *incident = NULL;
	if (app_shadow_on_alert(app, rule, alert))
		return;
	const struct config_incidents *site = app->config->incidents;
	/* A correction is about the past: it opens no incident, and closes none. */
	bool has_incident = rule->opens_incident && alert->correction == NULL;
	if (has_incident && !rule->has_incident_key && site->group_by_count > 0)
		incident = incident_key(alert, site->group_by, site->group_by_count, true);
	else if (has_incident)
		incident = incident_key(alert, rule->incident_keys, rule->incident_key_count,
					rule->has_incident_key);
	log_alert(app, rule, alert);
	handling_on_alert(app->handling, alert, rule->output, incident, loop_wall_ms(app->loop));
	/* Also when the engine speaks outside of its own turn: an install resolves alerts. */
	timer_set(app->handling_timer, 0);
	mem_free(incident);
}

static int on_send(void *arg, const char *output, const char *id, struct slice body,
		   struct err_note *why)
{
	struct app *app = arg;
	return outbox_put(app->outbox, output, id, body, NULL, NULL, why);
}

static void on_pass(void *arg, const struct alert *alert, const char *incident, int64_t now_ms)
{
	struct app *app = arg;
	if (incident == NULL)
		return;
	/* It may have waited meanwhile: what its rule says of approval now. */
	const struct rule *rule =
		app_find_rule(app->rules, app->rule_count, alert->rule, alert->version);
	struct alert passed = *alert;
	passed.needs_approval = rule != NULL && rule->needs_approval;
	incident_on_alert(app->incidents, &passed, incident, now_ms);
}

static void on_mute(void *arg, const struct alert *alert, const char *incident, const char *text,
		    int64_t now_ms)
{
	struct app *app = arg;
	struct bytes key = BYTES_EMPTY;
	log_info(RULE, "%s@%u %s is %s", alert->rule, alert->version, alert_key_text(alert, &key),
		 text);
	if (incident != NULL)
		incident_on_muted_alert(app->incidents, alert, incident, text, now_ms);
	bytes_deinit(&key);
}

static void on_incident_event(void *arg, const struct incident *incident, const char *event)
{
	struct app *app = arg;
	log_info(INCIDENT, "%llu %s (%s): %s", (unsigned long long)incident->number, event,
		 incident_state_name(incident->state), incident->title);
	news_on_incident(app->news, incident, event);
	paging_on_incident(app->paging, incident, event);
	/* Before plans: one that starts at once may change the incident before it returns. */
	escalation_on_incident(app->escalation->chains, incident, event);
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
		incident_drill_run_ended(app->incidents, incident, now_ms);
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

static void on_wake(void *arg)
{
	struct app *app = arg;
	timer_set(app->handling_timer, 0);
}

static int open_handling(struct app *app, struct err_note *why)
{
	struct handling_options options = {
		.kv = app->kv,
		.commit = app->commit,
		.seed = app->hash_seed,
		.on_send = on_send,
		.on_pass = on_pass,
		.on_mute = on_mute,
		.on_wake = on_wake,
		.arg = app,
	};
	app->handling_timer = timer_new(app->loop, on_handling_time, app);
	return handling_new(&app->handling, &options, why);
}

void app_alerts_close(struct app *app)
{
	handling_free(app->handling);
	news_free(app->news);
	app_links_close(app);
	app_paging_close(app);
	timer_free(app->handling_timer);
}

int app_alerts_open(struct app *app, const struct config *config, struct err_note *why)
{
	app->gate = (struct outbox_gate){
		.may_send = app_may_send, .on_end = app_on_row_end, .arg = app};
	struct outbox_options outbox = {
		.kv = app->kv,
		.commit = app->commit,
		.loop = app->loop,
		.client = app->client,
		.state_dir = app->options->state_dir,
		.leaves_sync_to_os = config->sync == KV_SYNC_OS,
		.gate = &app->gate,
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
	if (code == 0)
		code = app_news_open(app, why);
	if (code == 0)
		code = app_links_open(app, why);
	if (code == 0)
		code = app_paging_open(app, why);
	if (code == 0)
		code = open_handling(app, why);
	if (code == 0)
		code = app_escalation_open(app, why);
	if (code != 0)
		return code;
	struct plan_actions_options actions = {.loop = app->loop,
					       .client = app->client,
					       .outbox = app->outbox,
					       .metric = app_metric,
					       .people = app_people,
					       .page = app_call,
					       .arg = app};
	app->actions = plan_actions_new(&actions);
	struct plan_engine_options plans = {
		.kv = app->kv,
		.commit = app->commit,
		.loop = app->loop,
		.actions = app->actions,
		.scripts = app->scripts,
		.make_factory = make_factory,
		.on_fact = on_plan_fact,
		.on_send = app_plan_send,
		.on_ask = app_on_ask,
		.incident_json = incident_json,
		.is_among = app_is_among,
		.arg = app,
	};
	return plan_engine_new(&app->plans, &plans, why);
}
