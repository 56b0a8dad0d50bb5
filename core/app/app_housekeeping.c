#include "core/app/app_internal.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/config/config.h"
#include "core/engine/engine.h"
#include "core/handling/handling.h"
#include "core/incident/incident.h"
#include "core/loop/loop.h"
#include "core/rule/versions.h"
#include "storage/alert_log.h"
#include "storage/audit_log.h"
#include "storage/commit.h"
#include "storage/kv.h"

enum { EVERY_MS = 1000, RETRY_MS = 5000, CLEAN_MS = 3600 * 1000, FORGET_FIRST_MS = 60000 };

static bool is_due(const struct versions *versions, int64_t now_ms)
{
	int64_t next_ms = versions_next_ms(versions);
	return next_ms >= 0 && next_ms <= now_ms;
}

static void check_room(struct app *app)
{
	bool has_room = kv_has_room(app->kv);
	if (has_room != app->is_paused)
		return;
	app->is_paused = !has_room;
	if (app->is_paused)
		log_warn(STORAGE, "the disk is nearly full: input waits");
	else
		log_info(STORAGE, "the disk has room again: input goes on");
	app_sources_pause(app, app->is_paused);
}

/** Old rows of the alert log and of the audit log, sources that nobody needs. */
static void clean(struct app *app)
{
	struct err_note why = {{0}};
	int64_t before_ms = loop_wall_ms(app->loop) - app->config->retention_day_ms;
	bool has_old = false;
	app->cleaned_ms = loop_mono_ms(app->loop);
	if (handling_trim(app->handling, before_ms, loop_wall_ms(app->loop), &why) != 0 ||
	    alert_log_trim(app->kv, commit_batch(app->commit), before_ms, &has_old, &why) != 0)
		log_error(STORAGE, "the alert log was not trimmed: %s", why.text);
	else if (has_old)
		log_info(STORAGE, "alert documents past retention.day are deleted");
	if (audit_log_trim(app->audit, loop_wall_ms(app->loop) - AUDIT_KEPT_MS, &why) != 0)
		log_error(STORAGE, "the audit log was not trimmed: %s", why.text);
	app_sweep_sources(app);
	commit_kick(app->commit);
}

/** Not at once: in the first minute the sources open the files that are still there. */
static void forget_positions(struct app *app)
{
	uint32_t count = engine_forget_positions(app->engine, loop_wall_ms(app->loop));
	app->forget_ms = loop_mono_ms(app->loop) + CLEAN_MS;
	if (count > 0)
		log_info(INGEST, "positions of %u files that are gone are forgotten", count);
	commit_kick(app->commit);
}

static void on_housekeeping(void *arg)
{
	struct app *app = arg;
	int64_t now_ms = loop_wall_ms(app->loop);
	if (is_due(app->rule_versions, now_ms) || is_due(app->plan_versions, now_ms))
		app_apply_versions(app);
	check_room(app);
	int64_t mono_ms = loop_mono_ms(app->loop);
	if (mono_ms - app->retried_ms >= RETRY_MS) {
		app->retried_ms = mono_ms;
		app_sources_retry(app);
	}
	if (mono_ms - app->cleaned_ms >= CLEAN_MS)
		clean(app);
	if (mono_ms >= app->forget_ms)
		forget_positions(app);
	incident_tick(app->incidents, now_ms);
	commit_kick(app->commit);
	timer_set(app->housekeeping_timer, EVERY_MS);
}

void app_housekeeping_open(struct app *app)
{
	app->housekeeping_timer = timer_new(app->loop, on_housekeeping, app);
	app->forget_ms = loop_mono_ms(app->loop) + FORGET_FIRST_MS;
	clean(app);
	on_housekeeping(app);
}
