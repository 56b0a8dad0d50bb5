#include "core/control/control_internal.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/control/control.h"
#include "core/control/json_text.h"
#include "core/plan/plan.h"
#include "core/plan/plan_drill.h"
#include "core/plan/plan_command.h"
#include "core/plan/plan_engine.h"
#include "core/plan/plan_rehearse.h"

#include <string.h>

struct plan_listing {
	const struct plan_engine *engine;
	json_t *rows;
};

static void add_plan(void *arg, const struct plan *plan)
{
	const struct plan_listing *listing = arg;
	struct plan_readiness ready;
	json_t *row = json_object();
	plan_engine_readiness(listing->engine, plan->name, &ready);
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
	json_put_text(trigger, "priority", plan->on_priority);
	if (plan->on_major)
		json_take(trigger, "major", json_true());
	json_take(row, "on", trigger);
	json_put_text(row, "needs", plan->needs);
	json_take(row, "drilled", json_time(ready.drilled_ms));
	json_take(row, "drill_done", json_time(ready.drill_ok_ms));
	json_take(row, "done", json_time(ready.ok_ms));
	json_array_append_new(listing->rows, row);
}

int verb_plan_list(const struct verb_call *call, json_t **result, struct err_note *why)
{
	struct plan_listing listing = {call->target->plans, json_array()};
	(void)why;
	plan_engine_each_plan(call->target->plans, add_plan, &listing);
	*result = listing.rows;
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
	json_put_text(row, "starter", run->starter);
	json_put_text(row, "cause", run->cause);
	json_take(row, "drill", json_boolean(run->is_drill));
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

struct add_records {
	json_t *journal;
	json_int_t since;
};

static void add_record(void *arg, struct slice json)
{
	const struct add_records *add = arg;
	json_t *record = json_loadb(json.data, json.length, 0, NULL);
	if (json_integer_value(json_object_get(record, "seq")) <= add->since) {
		json_decref(record);
		return;
	}
	json_spell_times(record);
	json_array_append_new(add->journal, record);
}

/* `since`: of the journal only the records after this one. */
static int show_since(const struct verb_call *call, const char *id, uint64_t since, json_t **result,
		      struct err_note *why)
{
	struct find_run find = {id, NULL};
	plan_engine_each_run(call->target->plans, false, find_run, &find);
	if (find.object == NULL)
		return err_set(why, ERR_NOT_FOUND, "there is no plan run \"%.60s\" (see plan runs)",
			       id);
	struct add_records add = {json_array(), (json_int_t)since};
	int code = plan_engine_each_record(call->target->plans, id, add_record, &add, why);
	json_take(find.object, "journal", add.journal);
	if (code != 0) {
		json_decref(find.object);
		return code;
	}
	*result = find.object;
	return 0;
}

static int show(const struct verb_call *call, const char *id, json_t **result, struct err_note *why)
{
	return show_since(call, id, 0, result, why);
}

int verb_plan_show(const struct verb_call *call, json_t **result, struct err_note *why)
{
	const char *id = NULL;
	uint64_t since = 0;
	int code = arg_text(call, "run", true, &id, why);
	if (code == 0)
		code = arg_number(call, "since", false, UINT32_MAX, &since, why);
	return code != 0 ? code : show_since(call, id, since, result, why);
}

/* What commands of an operator have in common: run, step, value, reason, as. Texts borrowed, but
 * for the value. */
struct order {
	const char *run, *step;
	char *value; /**< as JSON */
	struct plan_operator by;
};

/* The person that `as` names, or NULL. */
static int read_named(const struct verb_call *call, const char **named, struct err_note *why)
{
	int code = arg_text(call, "as", false, named, why);
	if (code == 0 && *named != NULL && (*named[0] == '\0' || strlen(*named) > 100))
		code = err_set(why, ERR_INVALID, "argument as must be a name of 1 to 100 bytes");
	return code;
}

static int read_order(const struct verb_call *call, struct order *order, struct err_note *why)
{
	const char *named = NULL;
	*order = (struct order){.by = {.actor = call->actor, .reason = "by hand"}};
	int code = arg_text(call, "run", true, &order->run, why);
	if (code == 0)
		code = arg_text(call, "step", false, &order->step, why);
	if (code == 0)
		code = arg_text(call, "reason", false, &order->by.reason, why);
	if (code == 0)
		code = read_named(call, &named, why);
	if (code != 0)
		return code;
	if (named != NULL && strcmp(named, call->actor) != 0) {
		order->by.actor = named;
		order->by.via = call->actor;
	}
	json_t *value = json_object_get(call->args, "value");
	if (value != NULL)
		order->value = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	return 0;
}

/* Frees the order, and shows the run when the command was obeyed. */
static int finish(const struct verb_call *call, struct order *order, int code, json_t **result,
		  struct err_note *why)
{
	free(order->value);
	return code != 0 ? code : show(call, order->run, result, why);
}

static int answer(const struct verb_call *call, bool is_approved, json_t **result,
		  struct err_note *why)
{
	struct order order;
	int code = read_order(call, &order, why);
	if (code != 0)
		return code;
	struct plan_answer_of answer = {is_approved, order.value, order.by.actor, order.by.via,
					order.by.reason};
	code = plan_engine_answer_as(call->target->plans, order.run, order.step, &answer, why);
	return finish(call, &order, code, result, why);
}

int verb_plan_run(const struct verb_call *call, json_t **result, struct err_note *why)
{
	struct plan_start start = {.starter = call->actor, .cause = "by hand"};
	const char *named = NULL;
	char *params = NULL, *id = NULL;
	int code = arg_text(call, "plan", true, &start.plan, why);
	if (code == 0)
		code = arg_number(call, "incident", false, INT64_MAX, &start.incident, why);
	if (code == 0)
		code = arg_text(call, "reason", false, &start.cause, why);
	if (code == 0)
		code = arg_flag(call, "force", &start.is_forced, why);
	if (code == 0)
		code = arg_flag(call, "drill", &start.is_drill, why);
	if (code == 0)
		code = read_named(call, &named, why);
	if (code != 0)
		return code;
	const json_t *given = json_object_get(call->args, "params");
	if (given != NULL)
		params = json_dumps(given, JSON_COMPACT | JSON_ENCODE_ANY);
	start.params_json = params;
	if (named != NULL)
		start.starter = named;
	code = plan_engine_start(call->target->plans, &start, &id, why);
	if (code == 0)
		code = show(call, id, result, why);
	free(params);
	mem_free(id);
	return code;
}

int verb_plan_restart(const struct verb_call *call, json_t **result, struct err_note *why)
{
	struct order order;
	char *id = NULL;
	int code = read_order(call, &order, why);
	if (code == 0)
		code = plan_engine_restart(call->target->plans, order.run, &order.by, &id, why);
	if (code == 0)
		code = show(call, id, result, why);
	free(order.value);
	mem_free(id);
	return code;
}

int verb_plan_pause(const struct verb_call *call, json_t **result, struct err_note *why)
{
	struct order order;
	int code = read_order(call, &order, why);
	if (code == 0)
		code = plan_engine_pause(call->target->plans, order.run, &order.by, why);
	return finish(call, &order, code, result, why);
}

int verb_plan_resume(const struct verb_call *call, json_t **result, struct err_note *why)
{
	struct order order;
	int code = read_order(call, &order, why);
	if (code == 0)
		code = plan_engine_go_on(call->target->plans, order.run, &order.by, why);
	return finish(call, &order, code, result, why);
}

int verb_plan_retry(const struct verb_call *call, json_t **result, struct err_note *why)
{
	struct order order;
	int code = read_order(call, &order, why);
	if (code == 0)
		code = plan_engine_retry(call->target->plans, order.run, order.step, order.value,
					 &order.by, why);
	return finish(call, &order, code, result, why);
}

int verb_plan_set(const struct verb_call *call, json_t **result, struct err_note *why)
{
	struct order order;
	int code = read_order(call, &order, why);
	if (code == 0)
		code = plan_engine_set(call->target->plans, order.run, order.step, order.value,
				       &order.by, why);
	return finish(call, &order, code, result, why);
}

int verb_plan_skip(const struct verb_call *call, json_t **result, struct err_note *why)
{
	struct order order;
	int code = read_order(call, &order, why);
	if (code == 0)
		code = plan_engine_skip(call->target->plans, order.run, order.step, &order.by, why);
	return finish(call, &order, code, result, why);
}

int verb_plan_signal(const struct verb_call *call, json_t **result, struct err_note *why)
{
	struct order order;
	const char *name = NULL;
	int code = read_order(call, &order, why);
	if (code == 0)
		code = arg_text(call, "name", true, &name, why);
	if (code == 0)
		code = plan_engine_signal(call->target->plans, order.run, name, order.value,
					  &order.by, why);
	return finish(call, &order, code, result, why);
}

int verb_plan_migrate(const struct verb_call *call, json_t **result, struct err_note *why)
{
	struct order order;
	uint64_t version = 0;
	int code = read_order(call, &order, why);
	if (code == 0)
		code = arg_number(call, "version", false, UINT32_MAX, &version, why);
	if (code == 0)
		code = plan_engine_migrate(call->target->plans, order.run, (uint32_t)version,
					   &order.by, why);
	return finish(call, &order, code, result, why);
}

/* What the rehearsal says is the answer, also when it says no. */
int verb_plan_verify(const struct verb_call *call, json_t **result, struct err_note *why)
{
	const char *id = NULL;
	struct err_note difference = {{0}};
	int code = arg_text(call, "run", true, &id, why);
	if (code != 0)
		return code;
	struct find_run find = {id, NULL};
	plan_engine_each_run(call->target->plans, false, find_run, &find);
	code = plan_engine_verify(call->target->plans, id, &difference);
	if (find.object == NULL)
		return err_set(why, code, "%s", difference.text);
	json_take(find.object, "replays", json_boolean(code == 0));
	json_put_text(find.object, "difference", code == 0 ? NULL : difference.text);
	*result = find.object;
	return 0;
}

static int roll_back(const struct verb_call *call, json_t **result, struct err_note *why)
{
	struct order order;
	int code = read_order(call, &order, why);
	if (code == 0)
		code = plan_engine_rollback(call->target->plans, order.run, &order.by, why);
	return finish(call, &order, code, result, why);
}

int verb_plan_cancel(const struct verb_call *call, json_t **result, struct err_note *why)
{
	const char *id = NULL, *reason = "by hand";
	bool rolls_back = false;
	int code = arg_flag(call, "rollback", &rolls_back, why);
	if (code == 0 && rolls_back)
		return roll_back(call, result, why);
	if (code == 0)
		code = arg_text(call, "run", true, &id, why);
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
