#include "core/control/control_internal.h"

#include "core/base/err.h"
#include "core/control/control.h"
#include "core/control/json_text.h"
#include "core/escalation/escalation.h"
#include "core/escalation/heartbeat.h"
#include "core/escalation/override_store.h"
#include "core/handling/handling.h"
#include "storage/audit_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *override_object(const struct stored_override *override)
{
	json_t *row = json_object();
	json_put_int(row, "number", override->number);
	json_put_text(row, "schedule", override->schedule);
	json_put_text(row, "person", override->person);
	json_take(row, "from", json_time(override->from_ms));
	json_take(row, "to", json_time(override->to_ms));
	json_put_text(row, "actor", override->actor);
	json_put_text(row, "reason", override->reason);
	json_take(row, "created", json_time(override->created_ms));
	return row;
}

static void add_override(void *arg, const struct stored_override *override)
{
	json_array_append_new(arg, override_object(override));
}

int verb_override_list(const struct verb_call *call, json_t **result, struct err_note *why)
{
	(void)why;
	/* Whole, so that another process can tell whether it looks at the same site. */
	char *site = realpath(call->target->site_dir, NULL);
	*result = json_object();
	json_put_text(*result, "site", site != NULL ? site : call->target->site_dir);
	free(site);
	json_t *list = json_array();
	override_store_each(call->target->overrides, add_override, list);
	json_take(*result, "overrides", list);
	return 0;
}

static void audit(const struct verb_call *call, const struct stored_override *override,
		  const char *action, const char *reason)
{
	char name[32];
	snprintf(name, sizeof(name), "%" PRIu64, override->number);
	struct audit_entry entry = {.time_ms = call->now_ms,
				    .kind = "override",
				    .name = name,
				    .action = action,
				    .actor = call->actor,
				    .reason = reason};
	audit_log_add(call->target->audit, &entry);
}

int verb_override_add(const struct verb_call *call, json_t **result, struct err_note *why)
{
	struct stored_override override = {.actor = call->actor, .from_ms = call->now_ms};
	int code = arg_text(call, "schedule", true, &override.schedule, why);
	override.from_ms -= override.from_ms % 60000;
	if (code == 0)
		code = arg_text(call, "person", true, &override.person, why);
	if (code == 0)
		code = arg_time(call, "from", false, &override.from_ms, why);
	if (code == 0)
		code = arg_time(call, "to", true, &override.to_ms, why);
	if (code == 0)
		code = arg_text(call, "reason", false, &override.reason, why);
	if (code == 0)
		code = override_store_add(call->target->overrides,
					  handling_config(call->target->handling), &override,
					  call->now_ms, why);
	if (code != 0)
		return code;
	audit(call, &override, "added", override.reason);
	*result = override_object(&override);
	return 0;
}

int verb_override_remove(const struct verb_call *call, json_t **result, struct err_note *why)
{
	uint64_t number = 0;
	const char *reason = NULL;
	int code = arg_number(call, "number", true, INT64_MAX, &number, why);
	if (code == 0)
		code = arg_text(call, "reason", false, &reason, why);
	if (code != 0)
		return code;
	const struct stored_override *override =
		override_store_find(call->target->overrides, number);
	if (override != NULL) {
		audit(call, override, "removed", reason);
		*result = override_object(override);
	}
	return override_store_remove(call->target->overrides, number, why);
}

static void add_chain(void *arg, const struct chain_status *status)
{
	json_t *row = json_object();
	json_put_int(row, "incident", status->incident);
	json_put_text(row, "chain", status->chain);
	json_put_text(row, "state", status->due_ms == 0 ? "over" : "running");
	json_put_int(row, "pass", status->pass);
	json_put_int(row, "step", status->step);
	json_put_int(row, "steps", status->step_count);
	json_take(row, "started", json_time(status->started_ms));
	json_take(row, "due", json_time(status->due_ms));
	json_array_append_new(arg, row);
}

int verb_chain_list(const struct verb_call *call, json_t **result, struct err_note *why)
{
	(void)why;
	*result = json_array();
	escalation_each(call->target->escalation, add_chain, *result);
	return 0;
}

static json_t *heartbeat_part(const struct heartbeat *heartbeat)
{
	struct heartbeat_usage usage;
	heartbeat_usage(heartbeat, &usage);
	if (!usage.is_configured)
		return json_null();
	json_t *part = json_object();
	json_put_int(part, "sent", usage.sent);
	json_put_int(part, "failed", usage.failed);
	json_put_int(part, "withheld", usage.withheld);
	json_take(part, "heard", json_time(usage.heard_ms));
	json_put_text(part, "error", usage.error);
	return part;
}

json_t *escalation_part(const struct control_target *target)
{
	struct escalation_usage usage;
	escalation_usage(target->escalation, &usage);
	json_t *part = json_object();
	json_put_int(part, "running", usage.running);
	json_put_int(part, "over", usage.over);
	json_put_int(part, "uncovered", usage.uncovered);
#define ESCALATION_PUT(name, text) json_put_int(part, #name, usage.name);
	ESCALATION_COUNTER_LIST(ESCALATION_PUT)
#undef ESCALATION_PUT
	json_put_int(part, "overrides", override_store_count(target->overrides));
	json_take(part, "healthy", json_boolean(escalation_is_healthy(target->escalation)));
	json_take(part, "heartbeat", heartbeat_part(target->heartbeat));
	return part;
}
