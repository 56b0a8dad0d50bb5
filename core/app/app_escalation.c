#include "core/app/app_escalation.h"

#include "core/app/app_internal.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/channel/message.h"
#include "core/config/config.h"
#include "core/escalation/escalation.h"
#include "core/escalation/heartbeat.h"
#include "core/escalation/override_store.h"
#include "core/incident/incident.h"
#include "core/loop/loop.h"
#include "core/outbox/outbox.h"
#include "core/paging/paging.h"
#include "core/plan/plan_command.h"

static int tell_output(struct app *app, const struct chain_page *page, struct err_note *why)
{
	struct bytes incident = BYTES_EMPTY, row = BYTES_EMPTY;
	struct message message = {.event = page->event, .text = page->text};
	int code;

	incident_append_json(page->incident, &incident);
	message.incident_json = incident.data;
	message_append_row(&message, &row);
	code = outbox_put(app->outbox, page->output, page->id, bytes_slice(&row), NULL, NULL, why);
	bytes_deinit(&incident);
	bytes_deinit(&row);
	return code;
}

static int on_page(void *arg, const struct chain_page *page, struct err_note *why)
{
	const struct app *app = arg;
	struct page person = {
		.person = page->person,
		.incident = page->incident->number,
		.event = page->event,
		.text = page->text,
		.is_important = page->is_important,
		.cause = page->cause,
	};

	return page->output != NULL ? tell_output(arg, page, why)
				    : paging_page(app->paging, &person, why);
}

static int on_start_plan(void *arg, const char *plan, uint64_t incident, const char *cause,
			 struct err_note *why)
{
	struct app *app = arg;
	struct plan_start start = {.plan = plan, .incident = incident, .cause = cause};
	char *run_id = NULL;
	int code = plan_engine_start(app->plans, &start, &run_id, why);

	mem_free(run_id);
	return code;
}

static bool is_alive(void *arg)
{
	const struct app *app = arg;

	return app->exit_code == 0 && escalation_is_healthy(app->escalation->chains);
}

int app_escalation_open(struct app *app, struct err_note *why)
{
	struct escalation_options options = {
		.kv = app->kv,
		.commit = app->commit,
		.loop = app->loop,
		.incidents = app->incidents,
		.page = on_page,
		.start_plan = on_start_plan,
		.arg = app,
	};
	struct app_escalation *part = mem_alloc(sizeof(*part));
	int code = override_store_new(&part->overrides, app->kv, app->commit, why);

	app->escalation = part;
	if (code != 0)
		return code;
	options.overrides = part->overrides;
	part->heartbeat = heartbeat_new(app->loop, app->client, is_alive, app);
	return escalation_new(&part->chains, &options, why);
}

void app_configure_escalation(struct app *app, struct config *config)
{
	escalation_configure(app->escalation->chains, config);
	heartbeat_configure(app->escalation->heartbeat, config->heartbeat);
}

void app_escalation_close(struct app *app)
{
	struct app_escalation *part = app->escalation;

	if (part == NULL)
		return;
	heartbeat_free(part->heartbeat);
	escalation_free(part->chains);
	override_store_free(part->overrides);
	mem_free(part);
}
