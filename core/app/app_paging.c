#include "core/app/app_paging.h"

#include "core/app/app_internal.h"
#include "core/app/app_escalation.h"
#include "core/app/app_links.h"
#include "core/base/env.h"
#include "core/base/err.h"
#include "core/config/config.h"
#include "core/escalation/override_store.h"
#include "core/incident/incident.h"
#include "core/loop/loop.h"
#include "core/oncall/schedule.h"
#include "core/outbox/outbox.h"
#include "core/paging/paging.h"
#include "storage/commit.h"

#include <string.h>

static int64_t now_ms(void *arg)
{
	const struct app *app = arg;
	return loop_wall_ms(app->loop);
}

static int send_row(void *arg, const char *output, const char *id, struct slice body,
		    struct err_note *why)
{
	struct app *app = arg;
	return outbox_put(app->outbox, output, id, body, NULL, NULL, why);
}

static void set_timer(void *arg)
{
	struct app *app = arg;
	int64_t next_ms = paging_next_ms(app->paging), now = loop_wall_ms(app->loop);
	/* The wall clock may be set while a timer sleeps: look at least once a minute. */
	enum { LONGEST_MS = 60 * 1000 };
	if (next_ms == INT64_MAX)
		timer_cancel(app->paging_timer);
	else if (next_ms <= now)
		timer_set(app->paging_timer, 0);
	else
		timer_set(app->paging_timer,
			  next_ms - now < LONGEST_MS ? next_ms - now : LONGEST_MS);
}

static void on_time(void *arg)
{
	struct app *app = arg;
	paging_advance(app->paging);
	set_timer(app);
	commit_kick(app->commit);
}

int app_paging_open(struct app *app, struct err_note *why)
{
	uint64_t seed = 0;
	env_random(app->env, &seed, sizeof(seed));
	struct paging_options options = {
		.kv = app->kv,
		.commit = app->commit,
		.incidents = app->incidents,
		.now_ms = now_ms,
		.send = send_row,
		.is_open = app_ask_is_open,
		.append_private = app_ask_append_links,
		.seed = seed,
		.on_wake = set_timer,
		.arg = app,
	};
	app->paging_timer = timer_new(app->loop, on_time, app);
	return paging_new(&app->paging, &options, why);
}

void app_paging_close(struct app *app)
{
	paging_free(app->paging);
	timer_free(app->paging_timer);
}

static bool is_same(const char *name, const char *actor)
{
	return name != NULL && strcmp(name, actor) == 0;
}

static bool has_incident_role(const struct incident *incident, const char *role, const char *actor)
{
	return (strcmp(role, "owner") == 0 && is_same(incident->owner, actor)) ||
	       (strcmp(role, "commander") == 0 && is_same(incident->commander, actor)) ||
	       (strcmp(role, "scribe") == 0 && is_same(incident->scribe, actor)) ||
	       (strcmp(role, "liaison") == 0 && is_same(incident->liaison, actor)) ||
	       (strcmp(role, "comms") == 0 && is_same(incident->comms, actor));
}

static bool is_on_call(const struct app *app, const char *name, const char *actor)
{
	const struct oncall_schedule *schedule = config_find_schedule(app->config, name);
	const struct oncall_person *person = NULL;
	if (schedule != NULL)
		person = override_store_who(app->escalation->overrides, app->config, schedule,
					    loop_wall_ms(app->loop));
	return person != NULL && strcmp(person->id, actor) == 0;
}

bool app_is_among(void *arg, uint64_t number, const char *who, const char *actor)
{
	const struct app *app = arg;
	const struct incident *incident = incident_find(app->incidents, number);
	const struct oncall_person *person = config_find_person(app->config, actor);
	const char *name = strchr(who, ':') + 1;
	if (strncmp(who, "schedule:", 9) == 0)
		return is_on_call(app, name, actor);
	return (incident != NULL && has_incident_role(incident, name, actor)) ||
	       (person != NULL && person_has_role(person, name));
}
