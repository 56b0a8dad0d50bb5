#include "core/app/app_plans.h"

#include "core/app/app_internal.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "core/channel/message.h"
#include "core/config/config.h"
#include "core/incident/incident.h"
#include "core/outbox/outbox.h"
#include "core/paging/paging.h"

static int send_to_output(struct app *app, const char *output, uint64_t number, const char *id,
			  const char *text, struct err_note *why)
{
	const struct incident *incident =
		number != 0 ? incident_find(app->incidents, number) : NULL;
	struct bytes state = BYTES_EMPTY, row = BYTES_EMPTY;
	if (incident != NULL)
		incident_append_json(incident, &state);
	struct message message = {
		.event = "plan", .text = text, .incident_json = incident ? state.data : NULL};
	message_append_row(&message, &row);
	int code = outbox_put(app->outbox, output, id, bytes_slice(&row), NULL, NULL, why);
	bytes_deinit(&row);
	bytes_deinit(&state);
	return code;
}

void app_plan_send(void *arg, const char *to, uint64_t incident, const char *id, const char *text)
{
	struct app *app = arg;
	struct err_note why = {{0}};
	struct page page = {.person = to,
			    .incident = incident,
			    .event = "plan",
			    .text = text,
			    .is_important = true,
			    .cause = id};
	int code = config_find_output(app->config, to) != NULL
			   ? send_to_output(app, to, incident, id, text, &why)
			   : paging_page(app->paging, &page, &why);
	if (code != 0)
		log_warn(PLAN, "%s: %s could not be told: %s", id, to, why.text);
}
