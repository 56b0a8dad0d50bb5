/* plan.drill: an incident that is a drill is opened for one plan, which runs on drill targets. */
#include "core/control/control_internal.h"

#include "core/base/err.h"
#include "core/control/control.h"
#include "core/control/json_text.h"
#include "core/engine/engine.h"
#include "core/incident/incident_example.h"
#include "core/loop/loop.h"
#include "core/plan/plan.h"
#include "core/plan/plan_drill.h"
#include "core/plan/plan_engine.h"
#include "core/rule/rule.h"
#include "storage/commit.h"

#include <string.h>

struct find_plan {
	const char *name;
	const struct plan *found;
};

static void find_plan(void *arg, const struct plan *plan)
{
	struct find_plan *find = arg;
	if (strcmp(plan->name, find->name) == 0)
		find->found = plan;
}

struct dimension {
	const char *rule;
	json_t *fields;
};

static void add_fields(void *arg, const struct engine_rule_status *status)
{
	struct dimension *dimension = arg;
	if (strcmp(status->rule->name, dimension->rule) != 0)
		return;
	for (uint32_t i = 0; i < status->rule->by_count; i++)
		json_object_set_new(dimension->fields, status->rule->by[i], json_string("example"));
}

/** What the trigger of the plan could be about, with what was given; owned. */
static json_t *make_alert(const struct verb_call *call, const struct plan *plan)
{
	json_t *alert = json_object();
	struct dimension dimension = {plan->on_rule, json_object()};
	json_put_text(alert, "rule", plan->on_rule ? plan->on_rule : "drill");
	json_put_text(alert, "severity", plan->on_severity ? plan->on_severity : "critical");
	json_put_text(alert, "message", "a drill");
	if (plan->on_category)
		json_put_text(alert, "category", plan->on_category);
	if (plan->on_rule && call->target->engine)
		engine_each_rule(call->target->engine, add_fields, &dimension);
	json_object_set_new(alert, "dimension", dimension.fields);
	json_object_update(alert, json_object_get(call->args, "value"));
	return alert;
}

static int open_incident(const struct verb_call *call, const struct plan *plan, uint64_t *number,
			 struct err_note *why)
{
	json_t *alert = make_alert(call, plan);
	struct incident_example example = {
		.alert = alert, .is_drill = true, .now_ms = loop_wall_ms(call->target->loop)};
	plan_engine_mute_triggers(call->target->plans, true);
	int code = incident_on_example(call->target->incidents, &example, number, why);
	plan_engine_mute_triggers(call->target->plans, false);
	commit_kick(call->target->commit);
	json_decref(alert);
	return code;
}

int verb_plan_drill(const struct verb_call *call, json_t **result, struct err_note *why)
{
	struct find_plan find = {.name = NULL};
	const json_t *alert = json_object_get(call->args, "value");
	struct verb_call run = *call;
	uint64_t number = 0;
	int code = arg_text(call, "plan", true, &find.name, why);
	if (code != 0)
		return code;
	plan_engine_each_plan(call->target->plans, find_plan, &find);
	if (!find.found)
		return err_set(why, ERR_NOT_FOUND,
			       "there is no active plan \"%.64s\" (see plan list)", find.name);
	if (alert && !json_is_object(alert))
		return err_set(why, ERR_INVALID,
			       "the alert of a drill is an object like "
			       "{\"dimension\": {\"merchantId\": \"m1\"}}");
	code = open_incident(call, find.found, &number, why);
	if (code != 0)
		return code;
	run.args = json_copy((json_t *)(uintptr_t)call->args);
	json_put_int((json_t *)(uintptr_t)run.args, "incident", number);
	json_object_set_new((json_t *)(uintptr_t)run.args, "drill", json_true());
	code = verb_plan_run(&run, result, why);
	if (code != 0)
		incident_end_drill(call->target->incidents, number,
				   loop_wall_ms(call->target->loop));
	commit_kick(call->target->commit);
	json_decref((json_t *)(uintptr_t)run.args);
	return code;
}
