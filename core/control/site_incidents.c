#include "core/control/site_incidents.h"

#include "core/config/config.h"
#include "core/config/config_incidents.h"
#include "core/incident/incident_settings.h"

#include <string.h>

static const char *parent_of(const void *arg, const char *category)
{
	return config_category_parent(arg, category);
}

void site_incident_settings(const struct config *config, struct incident_settings *out)
{
	static const enum incident_resolve resolves[] = {
		[CONFIG_RESOLVE_ALL] = INCIDENT_RESOLVE_ALL,
		[CONFIG_RESOLVE_FIRST] = INCIDENT_RESOLVE_FIRST,
		[CONFIG_RESOLVE_LAST] = INCIDENT_RESOLVE_LAST,
		[CONFIG_RESOLVE_NEVER] = INCIDENT_RESOLVE_NEVER,
	};
	const struct config_incidents *from = config->incidents;
	*out = (struct incident_settings){
		.reopen_window_ms = from->reopen_window_ms,
		.ack_timeout_ms = from->ack_timeout_ms,
		.approve_within_ms = from->approve_within_ms,
		.close_after_ms = from->close_after_ms,
		.cool_down_ms = from->cool_down_ms,
		.sibling_count = from->sibling_count,
		.sibling_window_ms = from->sibling_window_ms,
		.resolve = resolves[from->resolve],
		.member_field = config->category_field,
		.approves_all = from->approves_all,
		.approves = (const char *const *)from->approves,
		.approve_count = from->approve_count,
		.parent_of = parent_of,
		.arg = config,
	};
	memcpy(out->priorities, from->priorities, sizeof(out->priorities));
	memcpy(out->merchants_for, from->merchants_for, sizeof(out->merchants_for));
}
