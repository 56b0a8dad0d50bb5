/* Operators take the wheel: pause, go on, retry, set, skip. Each is an Operator record before
 * anything happens, so a replay finds what it changed at the place where it changed it. */
#include "core/plan/plan_branch.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan_json.h"
#include "core/plan/plan_run.h"

#include <string.h>

int engine_find_live(struct plan_engine *engine, const char *run_id, struct plan_run **out,
		     struct err_note *why)
{
	struct plan_run *run = engine_find(engine, run_id);
	if (!run)
		return err_set(why, ERR_NOT_FOUND, "there is no plan run \"%.100s\"", run_id);
	run_wake(run);
	if (run_is_ended(run))
		return err_set(why, ERR_CONFLICT, "run %s has ended: %s", run_id,
			       run_state_name(run->state));
	if (!run_is_live(run) && run->state == RUN_RUNNING)
		return err_set(why, ERR_CONFLICT, "run %s is just beginning: try again", run_id);
	if (!run_is_live(run))
		return err_set(why, ERR_CONFLICT, "run %s is %s: it can only be cancelled", run_id,
			       run_state_name(run->state));
	*out = run;
	return 0;
}

static void tell(struct plan_run *run, const char *what, const char *step,
		 const struct plan_operator *by)
{
	bool has_reason = by->reason && by->reason[0];
	engine_fact(run, "operator", "%s%s%s by %s%s%s", what, step ? " " : "", step ? step : "",
		    by->actor, has_reason ? ": " : "", has_reason ? by->reason : "");
}

void operator_record(struct plan_run *run, const char *what, const struct plan_operator *by)
{
	struct journal_record record = {.type = RECORD_OPERATOR,
					.text = what,
					.actor = by->actor,
					.via = by->via,
					.reason = by->reason};
	run_record(run, &record);
	tell(run, what, NULL, by);
}

/* ---- pause ---- */

bool branch_holds(struct plan_branch *branch, void (*then)(struct plan_branch *branch))
{
	/* What is below a chosen call has ended, says the journal: it must be led there again. */
	bool had_ended = false;
	for (const struct plan_branch *above = branch->parent; above; above = above->parent)
		had_ended = had_ended || above->call.join->is_chosen;
	if (!branch->run->is_paused || branch->replay_next != 0 || had_ended)
		return false;
	branch->held = then;
	run_refresh(branch->run);
	return true;
}

void operator_release(struct plan_run *run)
{
	for (uint32_t i = 0; i < run->branch_count; i++) {
		struct plan_branch *branch = run->branches[i];
		if (branch->held)
			branch_after(branch, branch->held);
		branch->held = NULL;
	}
}

int plan_engine_pause(struct plan_engine *engine, const char *run_id,
		      const struct plan_operator *by, struct err_note *why)
{
	struct plan_run *run;
	int code = engine_find_live(engine, run_id, &run, why);
	if (code == 0 && run->is_paused)
		code = err_set(why, ERR_CONFLICT, "run %s is paused already", run_id);
	if (code == 0 && !run_has_room(run, 1))
		code = err_set(why, ERR_CONFLICT, "the journal of run %s is full", run_id);
	if (code != 0)
		return code;
	operator_record(run, "pause", by);
	run_refresh(run);
	run_arm(run);
	return 0;
}

int plan_engine_go_on(struct plan_engine *engine, const char *run_id,
		      const struct plan_operator *by, struct err_note *why)
{
	struct plan_run *run;
	int code = engine_find_live(engine, run_id, &run, why);
	if (code == 0 && !run->is_paused)
		code = err_set(why, ERR_CONFLICT, "run %s is %s, not paused", run_id,
			       run_state_name(run->state));
	if (code != 0)
		return code;
	operator_record(run, "resume", by);
	operator_release(run);
	locks_look_run(run);
	run_refresh(run);
	run_arm(run);
	return 0;
}

/* ---- one call ---- */

static bool is_open(const struct plan_branch *branch)
{
	const struct open_call *call = &branch->call;
	return call->is_open && !call->is_answered && call->kind != PLAN_CALL_BRANCHES;
}

static int find_call(const struct plan_run *run, const char *step, struct plan_branch **out,
		     struct err_note *why)
{
	struct bytes names = BYTES_EMPTY;
	uint32_t count = 0;
	int code = 0;
	for (uint32_t i = 0; i < run->branch_count; i++) {
		struct plan_branch *branch = run->branches[i];
		if (!is_open(branch))
			continue;
		bytes_append_format(&names, "%s%.200s", names.length > 0 ? ", " : "",
				    branch->call.step);
		if (step && strcmp(branch->call.step, step) != 0)
			continue;
		count++;
		*out = branch;
	}
	if (names.length == 0)
		code = err_set(why, ERR_CONFLICT, "run %s is in no call now", run->id);
	else if (count == 0)
		code = err_set(why, ERR_NOT_FOUND, "run %s is not in %.200s, but in %.300s",
			       run->id, step, names.data);
	else if (count > 1)
		code = err_set(why, ERR_CONFLICT,
			       "run %s is in several calls; say which step: %.400s", run->id,
			       names.data);
	else if (!run_has_room(run, 1))
		code = err_set(why, ERR_CONFLICT, "the journal of run %s is full", run->id);
	bytes_deinit(&names);
	return code;
}

static int find(struct plan_engine *engine, const char *run_id, const char *step,
		struct plan_branch **out, struct err_note *why)
{
	struct plan_run *run;
	int code = engine_find_live(engine, run_id, &run, why);
	return code == 0 ? find_call(run, step, out, why) : code;
}

static void record_call(struct plan_branch *branch, const char *what, const char *args_json,
			const struct plan_operator *by)
{
	struct journal_record record = {.type = RECORD_OPERATOR,
					.step = branch->call.step,
					.text = what,
					.args_json = args_json,
					.actor = by->actor,
					.via = by->via,
					.reason = by->reason,
					.is_final = branch->call.is_in_doubt};
	branch_record(branch, &record);
	tell(branch->run, what, branch->call.step, by);
}

static int check_args(const struct plan_branch *branch, const char *args_json, struct err_note *why)
{
	enum effect effect;
	if (!args_json)
		return 0;
	json_t *args = plan_json_parse(args_json);
	bool is_table = json_is_object(args);
	json_decref(args);
	if (!is_table)
		return err_set(why, ERR_INVALID, "the new arguments must be a JSON object");
	return branch_validate(branch, branch->call.action, args_json, &effect, why);
}

int plan_engine_retry(struct plan_engine *engine, const char *run_id, const char *step,
		      const char *args_json, const struct plan_operator *by, struct err_note *why)
{
	struct plan_branch *branch = NULL;
	int code = find(engine, run_id, step, &branch, why);
	if (code == 0 && branch->call.kind != PLAN_CALL_STEP)
		code = err_set(why, ERR_CONFLICT, "%.200s is not a step that can be tried again",
			       branch->call.step);
	if (code == 0 && branch->action)
		code = err_set(why, ERR_CONFLICT, "%.200s is being sent: wait for its outcome",
			       branch->call.step);
	if (code == 0)
		code = check_args(branch, args_json, why);
	if (code != 0)
		return code;
	record_call(branch, "retry", args_json, by);
	branch->held = NULL;
	branch_set_state(branch, RUN_RUNNING, branch->call.step);
	branch_after(branch, step_attempt);
	return 0;
}

/* The call is answered with what an operator says. */
static void settle(struct plan_branch *branch, enum record_type type, const char *result_json,
		   const char *error)
{
	struct journal_record record = {.type = type,
					.step = branch->call.step,
					.attempt = branch->call.attempt_count,
					.result_json = result_json,
					.error = error};
	plan_action_cancel(branch->action);
	branch->action = NULL;
	branch->held = NULL;
	branch_record(branch, &record);
	branch_set_state(branch, RUN_RUNNING, NULL);
	branch_after(branch, branch_go_on);
}

int plan_engine_set(struct plan_engine *engine, const char *run_id, const char *step,
		    const char *result_json, const struct plan_operator *by, struct err_note *why)
{
	struct plan_branch *branch = NULL;
	int code = find(engine, run_id, step, &branch, why);
	if (code == 0 && branch->call.kind != PLAN_CALL_STEP)
		code = err_set(why, ERR_CONFLICT,
			       "%.200s is not a step: approve, reject, signal or skip it",
			       branch->call.step);
	if (code != 0)
		return code;
	const char *text = result_json ? result_json : "{}";
	json_t *result = plan_json_parse(text);
	if (!result || strlen(text) > RUN_RESULT_BYTES_MAX)
		code = err_set(why, ERR_INVALID, "the result must be JSON of at most %d bytes",
			       RUN_RESULT_BYTES_MAX);
	json_decref(result);
	if (code != 0)
		return code;
	record_call(branch, "set", NULL, by);
	settle(branch, RECORD_STEP_DONE, text, NULL);
	return 0;
}

static char *skipped_ask(const struct plan_operator *by)
{
	json_t *result = json_object();
	json_object_set_new(result, "approved", json_false());
	json_object_set_new(result, "expired", json_false());
	json_object_set_new(result, "skipped", json_true());
	json_object_set_new(result, "value", json_null());
	json_object_set_new(result, "actor", plan_json_clean(slice_of(by->actor), 256));
	json_object_set_new(result, "reason", plan_json_clean(slice_of(by->reason), 4096));
	char *text = plan_json_text(result);
	json_decref(result);
	return text;
}

int plan_engine_skip(struct plan_engine *engine, const char *run_id, const char *step,
		     const struct plan_operator *by, struct err_note *why)
{
	struct plan_branch *branch = NULL;
	char *ask = NULL;
	int code = find(engine, run_id, step, &branch, why);
	if (code != 0)
		return code;
	record_call(branch, "skip", NULL, by);
	switch (branch->call.kind) {
	case PLAN_CALL_STEP: settle(branch, RECORD_STEP_DONE, "{\"skipped\":true}", NULL); break;
	case PLAN_CALL_SLEEP:
		settle(branch, RECORD_TIMER_FIRED, "{\"late_by_ms\":0,\"skipped\":true}", NULL);
		break;
	case PLAN_CALL_SIGNAL:
		settle(branch, RECORD_SIGNAL_RECEIVED, "{\"skipped\":true,\"timeout\":true}", NULL);
		break;
	case PLAN_CALL_ASK:
		ask = skipped_ask(by);
		settle(branch, RECORD_ASK_ANSWERED, ask, NULL);
		break;
	case PLAN_CALL_CALL:
		child_give_up(branch, "an operator skips the call");
		settle(branch, RECORD_CHILD_ENDED, "{\"skipped\":true,\"state\":\"skipped\"}",
		       NULL);
		break;
	case PLAN_CALL_LOCK: settle(branch, RECORD_LOCK_TAKEN, NULL, "an operator skips it"); break;
	case PLAN_CALL_UNLOCK:
	case PLAN_CALL_VALUE:
	case PLAN_CALL_BRANCHES: break;
	}
	mem_free(ask);
	return 0;
}
