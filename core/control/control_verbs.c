#include "core/control/control_internal.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/model/timestamp.h"

#include <string.h>

static const struct verb verbs[] = {
	{"status", false, verb_status},
	{"rule.list", false, verb_rule_list},
	{"rule.show", false, verb_rule_show},
	{"rule.history", false, verb_rule_history},
	{"rule.enable", true, verb_rule_enable},
	{"rule.disable", true, verb_rule_disable},
	{"rule.activate", true, verb_rule_activate},
	{"rule.rollback", true, verb_rule_rollback},
	{"rule.diff", false, verb_rule_diff},
	{"explain", false, verb_explain},
	{"shadow.list", false, verb_shadow_list},
	{"shadow.set", true, verb_shadow_set},
	{"shadow.compare", false, verb_shadow_compare},
	{"audit.list", false, verb_audit_list},
	{"incident.list", false, verb_incident_list},
	{"incident.show", false, verb_incident_show},
	{"incident.timeline", false, verb_incident_timeline},
	{"incident.stats", false, verb_incident_stats},
	{"incident.approve", true, verb_incident_approve},
	{"incident.reject", true, verb_incident_reject},
	{"incident.ack", true, verb_incident_ack},
	{"incident.unack", true, verb_incident_unack},
	{"incident.handle", true, verb_incident_handle},
	{"incident.mitigate", true, verb_incident_mitigate},
	{"incident.resolve", true, verb_incident_resolve},
	{"incident.close", true, verb_incident_close},
	{"incident.cancel", true, verb_incident_cancel},
	{"incident.merge", true, verb_incident_merge},
	{"incident.reopen", true, verb_incident_reopen},
	{"incident.set", true, verb_incident_set},
	{"incident.comment", true, verb_incident_comment},
	{"incident.snooze", true, verb_incident_snooze},
	{"alert.list", false, verb_alert_list},
	{"alert.show", false, verb_alert_show},
	{"silence.list", false, verb_silence_list},
	{"silence.show", false, verb_silence_show},
	{"silence.preview", false, verb_silence_preview},
	{"silence.add", true, verb_silence_add},
	{"silence.expire", true, verb_silence_expire},
	{"override.list", false, verb_override_list},
	{"override.add", true, verb_override_add},
	{"override.remove", true, verb_override_remove},
	{"chain.list", false, verb_chain_list},
	{"oncall.people", false, verb_oncall_people},
	{"oncall.page", true, verb_oncall_page},
	{"plan.list", false, verb_plan_list},
	{"plan.runs", false, verb_plan_runs},
	{"plan.show", false, verb_plan_show},
	{"plan.run", true, verb_plan_run},
	{"plan.drill", true, verb_plan_drill},
	{"plan.restart", true, verb_plan_restart},
	{"plan.approve", true, verb_plan_approve},
	{"plan.cancel", true, verb_plan_cancel},
	{"plan.reject", true, verb_plan_reject},
	{"plan.pause", true, verb_plan_pause},
	{"plan.resume", true, verb_plan_resume},
	{"plan.retry", true, verb_plan_retry},
	{"plan.set", true, verb_plan_set},
	{"plan.skip", true, verb_plan_skip},
	{"plan.signal", true, verb_plan_signal},
	{"plan.migrate", true, verb_plan_migrate},
	{"plan.verify", false, verb_plan_verify},
};

const struct verb *verb_find(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	}
	return NULL;
}

char *verb_names(void)
{
	struct bytes names = BYTES_EMPTY;
	bytes_append_text(&names, "reload");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		bytes_append_format(&names, ", %s", verbs[i].name);
	return bytes_take_text(&names);
}

int arg_text(const struct verb_call *call, const char *name, bool is_required, const char **out,
	     struct err_note *why)
{
	json_t *value = json_object_get(call->args, name);
	if (value == NULL || json_is_null(value)) {
		if (is_required)
			return err_set(why, ERR_INVALID, "argument %s is missing: a text", name);
		return 0;
	}
	if (!json_is_string(value))
		return err_set(why, ERR_INVALID, "argument %s must be a text", name);
	*out = json_string_value(value);
	return 0;
}

int arg_time(const struct verb_call *call, const char *name, bool is_required, int64_t *out,
	     struct err_note *why)
{
	const char *text = NULL;
	int code = arg_text(call, name, is_required, &text, why);
	if (code == 0 && text != NULL && timestamp_parse(slice_of(text), out) != 0)
		code = err_set(
			why, ERR_INVALID,
			"argument %s must be a time like 2026-11-22T06:00:00Z, not \"%.64s\"", name,
			text);
	return code;
}

int arg_number(const struct verb_call *call, const char *name, bool is_required, uint64_t max,
	       uint64_t *out, struct err_note *why)
{
	json_t *value = json_object_get(call->args, name);
	if (value == NULL || json_is_null(value)) {
		if (is_required)
			return err_set(why, ERR_INVALID, "argument %s is missing: a whole number",
				       name);
		return 0;
	}
	json_int_t number = json_integer_value(value);
	if (!json_is_integer(value) || number < 0 || (uint64_t)number > max)
		return err_set(why, ERR_INVALID,
			       "argument %s must be a whole number from 0 to %llu", name,
			       (unsigned long long)max);
	*out = (uint64_t)number;
	return 0;
}

int arg_flag(const struct verb_call *call, const char *name, bool *out, struct err_note *why)
{
	json_t *value = json_object_get(call->args, name);
	if (value == NULL || json_is_null(value))
		return 0;
	if (!json_is_boolean(value))
		return err_set(why, ERR_INVALID, "argument %s must be true or false", name);
	*out = json_is_true(value);
	return 0;
}
