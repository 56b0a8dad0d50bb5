#include "core/control/control_internal.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/control/control.h"
#include "core/control/json_text.h"
#include "core/model/timestamp.h"
#include "core/rule/rule.h"
#include "core/rule/versions.h"

/** What the commands that change which version runs have in common. */
struct change {
	const char *name;
	uint64_t number;
	int64_t at_ms;
	const char *reason;
	bool is_plan;   /* only what would happen is asked */
	json_t *impact; /* owned; NULL: which version runs does not change */
};

static int change_read(const struct verb_call *call, bool needs_number, struct change *change,
		       struct err_note *why)
{
	const char *at = NULL;
	*change = (struct change){.at_ms = call->now_ms, .reason = "by hand"};
	int code = arg_text(call, "name", true, &change->name, why);
	if (code == 0)
		code = arg_number(call, "version", needs_number, RULE_VERSION_MAX, &change->number,
				  why);
	if (code == 0)
		code = arg_text(call, "reason", false, &change->reason, why);
	if (code == 0)
		code = arg_flag(call, "plan", &change->is_plan, why);
	if (code == 0)
		code = arg_text(call, "at", false, &at, why);
	if (code == 0 && at != NULL && timestamp_parse(slice_of(at), &change->at_ms) != 0)
		code = err_set(why, ERR_INVALID,
			       "argument at must be a time like 2026-11-22T06:00:00Z, not "
			       "\"%.40s\"",
			       at);
	return code;
}

/** Asked before anything changes: afterwards the version that ran is not known as such. */
static int change_foresee(const struct verb_call *call, struct change *change, uint64_t number,
			  struct err_note *why)
{
	const struct control_target *target = call->target;
	if (target->rule_impact == NULL)
		return 0;
	int code = target->rule_impact(target->arg, change->name, (uint32_t)number, &change->impact,
				       change->is_plan ? why : NULL);
	if (code == 0 && change->at_ms > call->now_ms)
		json_take(change->impact, "at", json_time(change->at_ms));
	return change->is_plan ? code : 0;
}

static void newest_of(void *arg, const char *name, const struct version_row *row)
{
	uint64_t *newest = arg;
	(void)name;
	if (*newest == 0)
		*newest = row->number;
}

/** The versions after the change; the one that was meant says what the change does. */
static int change_end(const struct verb_call *call, struct change *change, uint64_t number,
		      json_t **result, struct err_note *why)
{
	size_t index;
	json_t *row;
	if (change->is_plan) {
		*result = change->impact;
		change->impact = NULL;
		return 0;
	}
	call->target->apply_versions(call->target->arg);
	int code = verb_rule_history(call, result, why);
	if (code != 0 || change->impact == NULL)
		return code;
	json_array_foreach(*result, index, row)
	{
		if ((uint64_t)json_integer_value(json_object_get(row, "version")) == number)
			json_take(row, "impact", json_incref(change->impact));
	}
	return 0;
}

static int run_enable(const struct verb_call *call, struct change *change, json_t **result,
		      struct err_note *why)
{
	uint64_t number = change->number;
	int code = 0;
	if (number == 0)
		versions_each(call->target->rule_versions, change->name, newest_of, &number);
	if (number != 0)
		code = change_foresee(call, change, number, why);
	if (code == 0 && !change->is_plan)
		code = versions_enable(call->target->rule_versions, change->name, (uint32_t)number,
				       change->at_ms, call->actor, change->reason, call->now_ms,
				       why);
	if (code == 0)
		code = change_end(call, change, number, result, why);
	json_decref(change->impact);
	return code;
}

int verb_rule_enable(const struct verb_call *call, json_t **result, struct err_note *why)
{
	struct change change;
	int code = change_read(call, false, &change, why);
	return code != 0 ? code : run_enable(call, &change, result, why);
}

int verb_rule_activate(const struct verb_call *call, json_t **result, struct err_note *why)
{
	struct change change;
	int code = change_read(call, true, &change, why);
	return code != 0 ? code : run_enable(call, &change, result, why);
}

int verb_rule_rollback(const struct verb_call *call, json_t **result, struct err_note *why)
{
	const struct versions *versions = call->target->rule_versions;
	struct change change;
	char reason[64];
	int code = change_read(call, false, &change, why);
	if (code != 0)
		return code;
	uint32_t active = versions_active(versions, change.name);
	change.number = versions_previous(versions, change.name);
	if (change.number == 0)
		return err_set(why, ERR_NOT_FOUND,
			       "%.100s has no kept version that ran before: there is nothing to "
			       "roll back to (see rule history)",
			       change.name);
	snprintf(reason, sizeof(reason), "rolled back from version %u", active);
	if (json_object_get(call->args, "reason") == NULL)
		change.reason = active > 0 ? reason : "rolled back";
	return run_enable(call, &change, result, why);
}

int verb_rule_disable(const struct verb_call *call, json_t **result, struct err_note *why)
{
	struct change change;
	int code = change_read(call, false, &change, why);
	if (code != 0)
		return code;
	uint32_t active = versions_active(call->target->rule_versions, change.name);
	uint64_t number = change.number != 0 ? change.number : active;
	if (active != 0 && number == active)
		code = change_foresee(call, &change, 0, why);
	else if (change.is_plan)
		code = err_set(why, ERR_CONFLICT,
			       "no active version of %.100s is disabled by this: nothing changes",
			       change.name);
	if (code == 0 && !change.is_plan)
		code = versions_disable(call->target->rule_versions, change.name,
					(uint32_t)change.number, call->actor, change.reason,
					call->now_ms, why);
	if (code == 0)
		code = change_end(call, &change, number, result, why);
	json_decref(change.impact);
	return code;
}
