#include "core/control/control_internal.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/control/control.h"
#include "core/control/json_text.h"
#include "core/plan/plan.h"
#include "core/plan/plan_engine.h"

#include <string.h>

static void add_plan(void *arg, const struct plan *plan)
{
	json_t *row = json_object();
	json_put_text(row, "name", plan->name);
	json_put_int(row, "version", plan->version);
	json_put_text(row, "owner", plan->owner);
	json_put_text(row, "risk", plan->risk);
	json_put_text(row, "description", plan->description);
	json_t *trigger = json_object();
	json_put_text(trigger, "incident", plan->on_event);
	json_put_text(trigger, "rule", plan->on_rule);
	json_put_text(trigger, "severity", plan->on_severity);
	json_put_text(trigger, "category", plan->on_category);
	json_take(row, "on", trigger);
	json_array_append_new(arg, row);
}

int verb_plan_list(const struct verb_call *call, json_t **result, struct err_note *why)
{
	json_t *list = json_array();
	(void)why;
	plan_engine_each_plan(call->target->plans, add_plan, list);
	*result = list;
	return 0;
}

static json_t *run_object(const struct run_summary *run)
{
	json_t *row = json_object();
	json_put_text(row, "id", run->id);
	json_put_text(row, "plan", run->plan);
	json_put_int(row, "version", run->version);
	json_put_int(row, "incident", run->incident);
	json_put_text(row, "state", run_state_name(run->state));
	json_take(row, "started", json_time(run->started_ms));
	json_take(row, "ended", json_time(run->ended_ms));
	json_put_text(row, "waiting_for", run->waiting_for);
	json_put_text(row, "error", run->error);
	json_put_int(row, "records", run->record_count);
	return row;
}

static void add_run(void *arg, const struct run_summary *run)
{
	json_array_append_new(arg, run_object(run));
}

int verb_plan_runs(const struct verb_call *call, json_t **result, struct err_note *why)
{
	json_t *list = json_array();
	(void)why;
	bool active_only = json_is_true(json_object_get(call->args, "active"));
	plan_engine_each_run(call->target->plans, active_only, add_run, list);
	*result = list;
	return 0;
}

struct find_run {
	const char *id;
	json_t *object;
};

static void find_run(void *arg, const struct run_summary *run)
{
	struct find_run *find = arg;
	if (strcmp(run->id, find->id) == 0 && find->object == NULL)
		find->object = run_object(run);
}

static void add_record(void *arg, struct slice json)
{
	json_t *record = json_loadb(json.data, json.length, 0, NULL);
	if (record == NULL)
		return;
	json_spell_times(record);
	json_array_append_new(arg, record);
}

static int show(const struct verb_call *call, const char *id, json_t **result, struct err_note *why)
{
	struct find_run find = {id, NULL};
	plan_engine_each_run(call->target->plans, false, find_run, &find);
	if (find.object == NULL)
		return err_set(why, ERR_NOT_FOUND, "there is no plan run \"%.60s\" (see plan runs)",
			       id);
	json_t *journal = json_array();
	int code = plan_engine_each_record(call->target->plans, id, add_record, journal, why);
	json_take(find.object, "journal", journal);
	if (code != 0) {
		json_decref(find.object);
		return code;
	}
	*result = find.object;
	return 0;
}

int verb_plan_show(const struct verb_call *call, json_t **result, struct err_note *why)
{
	const char *id = NULL;
	int code = arg_text(call, "run", true, &id, why);
	return code != 0 ? code : show(call, id, result, why);
}

static int answer(const struct verb_call *call, bool is_approved, json_t **result,
		  struct err_note *why)
{
	const char *id = NULL, *reason = "by hand", *step = NULL;
	json_t *value = json_object_get(call->args, "value");
	int code = arg_text(call, "run", true, &id, why);
	if (code == 0)
		code = arg_text(call, "reason", false, &reason, why);
	if (code == 0)
		code = arg_text(call, "step", false, &step, why);
	if (code != 0)
		return code;
	char *text = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	code = plan_engine_answer(call->target->plans, id, step, is_approved, text, call->actor,
				  reason, why);
	free(text);
	return code != 0 ? code : show(call, id, result, why);
}

int verb_plan_cancel(const struct verb_call *call, json_t **result, struct err_note *why)
{
	const char *id = NULL, *reason = "by hand";
	int code = arg_text(call, "run", true, &id, why);
	if (code == 0)
		code = arg_text(call, "reason", false, &reason, why);
	if (code == 0)
		code = plan_engine_cancel(call->target->plans, id, call->actor, reason, why);
	return code != 0 ? code : show(call, id, result, why);
}

int verb_plan_approve(const struct verb_call *call, json_t **result, struct err_note *why)
{
	return answer(call, true, result, why);
}

int verb_plan_reject(const struct verb_call *call, json_t **result, struct err_note *why)
{
	return answer(call, false, result, why);
}
