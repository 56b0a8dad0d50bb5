#include "core/app/app.h"

#include "core/app/app_escalation.h"
#include "core/app/app_internal.h"
#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/control/control.h"
#include "core/engine/engine.h"
#include "core/escalation/escalation.h"
#include "core/incident/incident.h"
#include "core/ingest/source.h"
#include "core/loop/http_client.h"
#include "core/loop/http_server.h"
#include "core/loop/loop.h"
#include "core/outbox/outbox.h"
#include "core/plan/action.h"
#include "core/plan/plan_engine.h"
#include "core/rule/versions.h"
#include "lua/host/generation.h"
#include "storage/audit_log.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"
#include "storage/script_store.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

static void on_commit_wake(void *arg)
{
	struct app *app = arg;
	commit_poll(app->commit);
}

/** Called on the writer thread. */
static void wake_for_commit(void *arg)
{
	struct app *app = arg;
	wake_signal(app->commit_wake);
}

/** Fail-stop: nothing after a failed write may be acknowledged; fsync must not be tried again. */
static void on_commit_failure(void *arg, const struct err_note *why)
{
	struct app *app = arg;
	log_crit(STORAGE, "the store cannot be written, stopping: %s", why->text);
	app->exit_code = 1;
	loop_stop(app->loop);
}

static int make_directory(const char *path, struct err_note *why)
{
	struct stat found;
	if (mkdir(path, 0750) == 0 ||
	    (errno == EEXIST && stat(path, &found) == 0 && S_ISDIR(found.st_mode)))
		return 0;
	return err_errno(why, ERR_IO, errno, "cannot make the state directory %s", path);
}

static int open_storage(struct app *app, const struct config *config, struct err_note *why)
{
	struct kv_options options = {
		.sync = (enum kv_sync)config->sync,
		.accepts_loss = app->options->accepts_loss,
	};
	char *path = mem_format("%s/db", app->options->state_dir);
	int code = kv_rocksdb_open(&app->kv, path, &options, why);
	mem_free(path);
	if (code != 0)
		return code;
	app->commit_wake = wake_new(app->loop, on_commit_wake, app);
	struct commit_options commit = {
		.is_threaded = true,
		.is_quick = config->sync == KV_SYNC_OS,
		.wake = wake_for_commit,
		.on_failure = on_commit_failure,
		.arg = app,
	};
	code = commit_new(&app->commit, app->kv, &commit, why);
	if (code == 0)
		code = versions_new(&app->rule_versions, app->kv, app->commit, KEYSPACE_RULE,
				    config->versions_kept, why);
	if (code == 0)
		code = versions_new(&app->plan_versions, app->kv, app->commit, KEYSPACE_PLAN,
				    config->versions_kept, why);
	if (code == 0)
		code = script_store_new(&app->scripts, app->kv, app->commit, why);
	if (code == 0)
		code = audit_log_new(&app->audit, app->kv, app->commit, why);
	if (code == 0)
		code = app_shadow_open(app, why);
	if (code != 0)
		return code;
	versions_audit_to(app->rule_versions, app->audit);
	versions_audit_to(app->plan_versions, app->audit);
	return 0;
}

static void on_stop_signal(void *arg, int number)
{
	struct app *app = arg;
	log_info(APP, "signal %d: stopping", number);
	loop_stop(app->loop);
}

static void on_reload_signal(void *arg, int number)
{
	(void)number;
	log_info(APP, "SIGHUP: reloading the site");
	app_reload(arg, NULL, NULL);
}

static int open_signals(struct app *app, struct err_note *why)
{
	int code = loop_on_signal(app->loop, SIGTERM, on_stop_signal, app, why);
	if (code == 0)
		code = loop_on_signal(app->loop, SIGINT, on_stop_signal, app, why);
	if (code == 0)
		code = loop_on_signal(app->loop, SIGHUP, on_reload_signal, app, why);
	signal(SIGPIPE, SIG_IGN);
	return code;
}

static int open_control(struct app *app, struct err_note *why)
{
	char *path = app->config->listen_control != NULL
			     ? mem_copy_text(app->config->listen_control)
			     : mem_format("%s/control.sock", app->options->state_dir);
	app->target = (struct control_target){
		.loop = app->loop,
		.kv = app->kv,
		.commit = app->commit,
		.engine = app->engine,
		.rule_versions = app->rule_versions,
		.plan_versions = app->plan_versions,
		.audit = app->audit,
		.shadows = app->shadows,
		.shadow = app_shadow,
		.incidents = app->incidents,
		.news = app->news,
		.handling = app->handling,
		.plans = app->plans,
		.escalation = app->escalation->chains,
		.overrides = app->escalation->overrides,
		.heartbeat = app->escalation->heartbeat,
		.outbox = app->outbox,
		.paging = app->paging,
		.pool = app->pool,
		.started_wall_ms = loop_wall_ms(app->loop),
		.site_dir = app->options->site_dir,
		.state_dir = app->options->state_dir,
		.generation = &app->generation_number,
		.reload = app_reload,
		.apply_versions = app_apply_versions,
		.rule_source = app_rule_source,
		.rule_impact = app_rule_impact,
		.each_tail = app_sources_each_tail,
		.http_status = app_sources_http_status,
		.arg = app,
	};
	int code = control_new(&app->control, &app->target, path, why);
	mem_free(path);
	return code;
}

/** The site decides how the store is opened, so it is read once before and once with the store. */
static int peek_config(struct app *app, struct config **out, struct err_note *why)
{
	struct generation *generation = NULL;
	static const char *const no_files[] = {"tocsin.lua"};
	int code = generation_load(&generation, app->options->site_dir, no_files, 1, why);
	if (code != 0)
		return code;
	if (generation->config == NULL) {
		for (size_t i = 0; i < generation->report.count; i++) {
			char text[ERR_NOTE_BYTES_MAX];
			finding_format(&generation->report.findings[i], text, sizeof(text));
			log_error(CONFIG, "%s", text);
		}
		code = err_set(why, ERR_INVALID, "the site %s has faults", app->options->site_dir);
	} else {
		*out = config_ref(generation->config);
	}
	generation_free(generation);
	return code;
}

static int open_parts(struct app *app, struct config *config, struct err_note *why)
{
	int code = open_storage(app, config, why);
	if (code == 0)
		code = app_marker_open(app, why);
	if (code == 0)
		code = http_client_new(&app->client, app->loop, why);
	if (code == 0)
		code = app_engine_open(app, why);
	if (code == 0)
		code = app_pool_open(app, config->readers, why);
	if (code != 0)
		return code;
	app_sources_open(app);
	code = app_alerts_open(app, config, why);
	if (code == 0)
		code = app_site_open(app, why);
	if (code == 0)
		code = plan_engine_resume(app->plans, why);
	if (code == 0)
		escalation_resume(app->escalation->chains);
	if (code == 0)
		code = commit_flush(app->commit, why);
	if (code == 0)
		code = open_control(app, why);
	if (code == 0)
		code = app_http_open(app, why);
	return code;
}

static int app_open(struct app *app, struct err_note *why)
{
	struct config *config = NULL;
	int code = lua_self_test(why);
	if (code == 0)
		code = loop_live_new(&app->loop, app->env, why);
	if (code == 0)
		code = open_signals(app, why);
	if (code == 0)
		code = make_directory(app->options->state_dir, why);
	if (code == 0)
		code = peek_config(app, &config, why);
	if (code == 0)
		code = open_parts(app, config, why);
	config_unref(config);
	if (code != 0)
		return code;
	app_housekeeping_open(app);
	app_sources_reconcile(app);
	app_advance(app);
	app->is_ready = true;
	return 0;
}

static void app_close(struct app *app)
{
	struct err_note why = {{0}};
	app->is_ready = false;
	http_server_free(app->http);
	control_free(app->control);
	pool_free(app->pool);
	app->pool = NULL;
	if (app->commit != NULL && app->exit_code == 0 && commit_flush(app->commit, &why) != 0) {
		log_crit(STORAGE, "the last commit failed: %s", why.text);
		app->exit_code = 1;
	}
	app_sources_close(app);
	plan_engine_free(app->plans);
	plan_actions_free(app->actions);
	app_escalation_close(app);
	app_alerts_close(app);
	incident_store_free(app->incidents);
	engine_free(app->engine);
	outbox_free(app->outbox);
	http_client_free(app->client);
	app_shadow_close(app);
	app_site_close(app);
	app_marker_close(app);
	versions_free(app->rule_versions);
	versions_free(app->plan_versions);
	script_store_free(app->scripts);
	audit_log_free(app->audit);
	commit_free(app->commit);
	wake_free(app->commit_wake);
	timer_free(app->advance_timer);
	timer_free(app->housekeeping_timer);
	kv_free(app->kv);
	loop_free(app->loop);
	mem_free(app->token);
}

/* Only the loop takes signals, and only while it runs. Threads inherit the mask: without it one of
 * theirs could be inside of the handler while the loop is freed, and a second SIGTERM during the
 * stop, when the handlers are gone, would spoil the exit code. */
static const int our_signals[] = {SIGTERM, SIGINT, SIGHUP};
enum { OUR_SIGNALS = sizeof(our_signals) / sizeof(our_signals[0]) };

static void mask_signals(int how)
{
	sigset_t set;
	sigemptyset(&set);
	for (int i = 0; i < OUR_SIGNALS; i++)
		sigaddset(&set, our_signals[i]);
	pthread_sigmask(how, &set, NULL);
}

/** Also those that came during the stop and wait. */
static void ignore_signals(void)
{
	for (int i = 0; i < OUR_SIGNALS; i++)
		signal(our_signals[i], SIG_IGN);
}

int app_run(const struct app_options *options)
{
	struct app app = {.options = options, .env = env_live()};
	struct err_note why = {{0}};
	mask_signals(SIG_BLOCK);
	if (app_open(&app, &why) != 0) {
		log_crit(APP, "%s", why.text);
		app.exit_code = 1;
		app_close(&app);
		return 1;
	}
	log_info(APP, "ready: site %s, state %s, http %s", options->site_dir, options->state_dir,
		 app.http != NULL ? app.config->listen_http : "off");
	mask_signals(SIG_UNBLOCK);
	if (loop_run(app.loop, &why) != 0) {
		log_crit(LOOP, "%s", why.text);
		app.exit_code = 1;
	}
	mask_signals(SIG_BLOCK);
	app_close(&app);
	ignore_signals();
	log_info(APP, "stopped");
	return app.exit_code;
}
