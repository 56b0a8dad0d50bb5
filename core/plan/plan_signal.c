/* An outside event that a branch waits for.
 *
 *      SignalAwaited -a signal of its name, sent before or now-> SignalReceived
 *                    -time-out-> SignalReceived {"timeout": true}
 *
 *  A signal that nobody waits for is kept in the run until somebody does. Each is taken once.
 */
#include "core/plan/plan_branch.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan_json.h"
#include "core/plan/plan_run.h"

#include <string.h>

enum { SIGNAL_DAYS_MAX = 366, SIGNAL_BYTES_MAX = 16 * 1024 };

/* Index of the oldest of this name; the count of all when there is none. */
static size_t find(const struct plan_run *run, const char *name)
{
	size_t i = 0, count = json_array_size(run->signals);
	while (i < count &&
	       strcmp(json_string_value(json_object_get(json_array_get(run->signals, i), "name")),
		      name) != 0)
		i++;
	return i;
}

void signal_account(struct plan_run *run, const struct journal_record *record)
{
	if (record->type == RECORD_SIGNAL_SENT && record->id && record->result_json) {
		json_t *signal = json_object();
		json_object_set_new(signal, "name", json_string(record->id));
		json_object_set_new(signal, "result", plan_json_parse(record->result_json));
		if (!run->signals)
			run->signals = json_array();
		json_array_append_new(run->signals, signal);
	} else if (record->type == RECORD_SIGNAL_RECEIVED && record->is_final && record->id) {
		json_array_remove(run->signals, find(run, record->id));
	}
}

/* Takes the oldest one that was sent; false when there is none. */
static bool take(struct plan_branch *branch)
{
	struct plan_run *run = branch->run;
	size_t index = find(run, branch->call.action);
	json_t *signal = json_array_get(run->signals, index);
	if (!signal)
		return false;
	char *text = plan_json_text(json_object_get(signal, "result"));
	struct journal_record record = {.type = RECORD_SIGNAL_RECEIVED,
					.step = branch->call.step,
					.id = branch->call.action,
					.is_final = true,
					.result_json = text};
	branch_record(branch, &record);
	mem_free(text);
	return true;
}

void signal_open(struct plan_branch *branch, struct journal_record *record)
{
	json_t *args = plan_json_parse(record->args_json);
	const json_t *ms = json_object_get(args, "ms");
	double span = json_number_value(ms);
	bool is_good = !ms || (json_is_number(ms) && span > 0 && span <= SIGNAL_DAYS_MAX * 86400e3);
	json_decref(args);
	record->type = RECORD_SIGNAL_AWAITED;
	record->due_ms = ms && is_good ? engine_now(branch->run->engine) + (int64_t)span : 0;
	branch_record(branch, record);
	struct journal_record refused = {
		.type = RECORD_SIGNAL_RECEIVED,
		.step = branch->call.step,
		.error = "the time-out of a signal must be a span of at most 366 days"};
	if (!is_good)
		branch_record(branch, &refused);
	else
		take(branch);
}

void signal_continue(struct plan_branch *branch)
{
	char *text = mem_format("%s: a signal", branch->call.step);
	branch_set_state(branch, RUN_WAITING, text);
	mem_free(text);
	run_arm(branch->run);
}

void signal_on_due(struct plan_branch *branch)
{
	struct journal_record record = {.type = RECORD_SIGNAL_RECEIVED,
					.step = branch->call.step,
					.result_json = "{\"timeout\":true}"};
	branch_record(branch, &record);
	branch_set_state(branch, RUN_RUNNING, NULL);
	branch_after(branch, branch_go_on);
}

static struct plan_branch *find_waiting(const struct plan_run *run, const char *name)
{
	int64_t now = engine_now(run->engine);
	for (uint32_t i = 0; i < run->branch_count; i++) {
		const struct open_call *call = &run->branches[i]->call;
		if (call->is_open && !call->is_answered && call->kind == PLAN_CALL_SIGNAL &&
		    strcmp(call->action, name) == 0 && (call->due_ms == 0 || now < call->due_ms))
			return run->branches[i];
	}
	return NULL;
}

static int check(const struct plan_run *run, const char *name, const char *value_json,
		 json_t **value, struct err_note *why)
{
	if (name[0] == '\0' || strlen(name) > 100)
		return err_set(why, ERR_INVALID,
			       "the name of a signal is a text of 1 to 100 bytes");
	if (value_json && strlen(value_json) > SIGNAL_BYTES_MAX)
		return err_set(why, ERR_INVALID, "the value of the signal is longer than %d bytes",
			       SIGNAL_BYTES_MAX);
	if (json_array_size(run->signals) >= RUN_SIGNALS_MAX || !run_has_room(run, 1))
		return err_set(why, ERR_CONFLICT, "run %s cannot keep more signals", run->id);
	*value = value_json ? plan_json_parse(value_json) : json_null();
	if (!*value)
		return err_set(why, ERR_INVALID, "the value of the signal is not JSON");
	return 0;
}

int plan_engine_signal(struct plan_engine *engine, const char *run_id, const char *name,
		       const char *value_json, const struct plan_operator *by, struct err_note *why)
{
	struct plan_run *run;
	json_t *value = NULL;
	int code = engine_find_live(engine, run_id, &run, why);
	if (code == 0)
		code = check(run, name, value_json, &value, why);
	if (code != 0)
		return code;
	json_t *result = json_object();
	json_object_set_new(result, "value", value);
	json_object_set_new(result, "actor", plan_json_clean(slice_of(by->actor), 256));
	json_object_set_new(result, "reason", plan_json_clean(slice_of(by->reason), 4096));
	char *text = plan_json_text(result);
	struct journal_record record = {.type = RECORD_SIGNAL_SENT,
					.id = name,
					.actor = by->actor,
					.via = by->via,
					.reason = by->reason,
					.result_json = text};
	run_record(run, &record);
	engine_fact(run, "signal", "%s by %s%s%s", name, by->actor,
		    by->reason && by->reason[0] ? ": " : "", by->reason ? by->reason : "");
	mem_free(text);
	json_decref(result);
	struct plan_branch *branch = find_waiting(run, name);
	if (branch && take(branch)) {
		branch_set_state(branch, RUN_RUNNING, NULL);
		branch_after(branch, branch_go_on);
	}
	return 0;
}
