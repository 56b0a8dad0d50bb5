/* One step, after the journal (see plan_engine.h for the order):
 *
 *      scheduled -durable-> attempt -durable-> sent -outcome-> done | failed -durable-> script
 *                              ^                      |
 *                              +------ retry delay ---+     unknown outcome of `once`: in doubt
 *
 *  after a restart: no open attempt -> attempt; open attempt -> attempt again (read, idempotent) or
 *  in doubt (once); `probe`: plan_probe.c.
 */
#include "core/plan/plan_branch.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/plan/plan.h"
#include "core/plan/plan_json.h"
#include "core/plan/plan_run.h"

#include <stdio.h>
#include <string.h>

static void describe(const struct plan_branch *branch, struct bytes *out)
{
	plan_action_describe(branch->call.action, branch->call.args_json, out);
}

static void fail(struct plan_branch *branch, const char *error)
{
	struct bytes text = BYTES_EMPTY;
	struct journal_record record = {.type = RECORD_STEP_FAILED,
					.step = branch->call.step,
					.attempt = branch->call.attempt_count,
					.is_final = true,
					.error = error && error[0] ? error : "it failed"};
	branch_record(branch, &record);
	describe(branch, &text);
	engine_fact(branch->run, "step_failed", "%s: %s: %s", branch->call.step, text.data,
		    record.error);
	bytes_deinit(&text);
}

/* The script is not told: an operator tries it again, sets its result, skips it or lets it fail. */
static void wait_for_operator(struct plan_branch *branch, const char *error)
{
	struct bytes text = BYTES_EMPTY;
	struct journal_record record = {.type = RECORD_STEP_IN_DOUBT,
					.step = branch->call.step,
					.attempt = branch->call.attempt_count,
					.is_final = true,
					.error = error};
	branch_record(branch, &record);
	describe(branch, &text);
	engine_fact(branch->run, "step_waits",
		    "%s: %s: %s; retry, set or skip it, or reject to let it fail",
		    branch->call.step, text.data, error);
	bytes_deinit(&text);
	step_continue(branch);
}

static void fail_for_good(struct plan_branch *branch, const char *error)
{
	if (branch->call.opts.waits && !branch->is_stopping) {
		wait_for_operator(branch, error && error[0] ? error : "it failed");
		return;
	}
	fail(branch, error);
	branch_after(branch, branch_go_on);
}

void step_doubt(struct plan_branch *branch, const char *error)
{
	struct bytes text = BYTES_EMPTY;
	struct journal_record record = {.type = RECORD_STEP_IN_DOUBT,
					.step = branch->call.step,
					.attempt = branch->call.attempt_count,
					.error = error};
	branch_record(branch, &record);
	branch->run->engine->usage.in_doubt_count++;
	describe(branch, &text);
	engine_fact(branch->run, "step_in_doubt",
		    "%s: %s: %s; approve if it happened, reject if it did not", branch->call.step,
		    text.data, error);
	bytes_deinit(&text);
	step_continue(branch);
}

/* Kinds of actions that the plan has named; a line on the timeline harms nobody. */
static int check_needs(const struct plan_run *run, const char *action, struct err_note *why)
{
	size_t length = strcspn(action, ".");
	if (!run->needs || plan_has_word(run->needs, action, length) ||
	    (length == 3 && memcmp(action, "log", 3) == 0))
		return 0;
	return err_set(why, ERR_DENIED, "%.100s is not among what plan %s needs (%s)", action,
		       run->plan, run->needs[0] ? run->needs : "nothing");
}

/* The probe's action and arguments, by the same lists as the step's own. */
static int check_probe(struct plan_branch *branch, const char *opts_json, struct err_note *why)
{
	char *text = step_opts_probe(opts_json);
	json_t *probe = plan_json_parse(text);
	const json_t *args = json_object_get(probe, "args");
	char *args_json = args ? plan_json_text(args) : mem_copy_text("{}");
	enum effect effect;
	const char *action = json_string_value(json_object_get(probe, "action"));
	int code = branch_validate(branch, action ? action : "", args_json, &effect, why);
	if (code == 0)
		code = check_needs(branch->run, action, why);
	if (code != 0)
		err_prefix(why, "opts.probe");
	mem_free(args_json);
	mem_free(text);
	json_decref(probe);
	return code;
}

/* Also of what would undo it: a rollback is too late to find out. */
static int check_undo(const struct plan_run *run, const char *opts_json, struct err_note *why)
{
	json_t *opts = run->needs && opts_json ? plan_json_parse(opts_json) : NULL;
	const char *action = json_string_value(json_array_get(json_object_get(opts, "undo"), 0));
	int code = action ? check_needs(run, action, why) : 0;
	if (code != 0)
		err_prefix(why, "opts.undo");
	json_decref(opts);
	return code;
}

void step_open(struct plan_branch *branch, struct journal_record *record, const char *opts_json)
{
	struct err_note why = {{0}};
	struct step_opts opts = {0};
	enum effect effect = EFFECT_ONCE;
	int code = branch_validate(branch, record->action ? record->action : "", record->args_json,
				   &effect, &why);
	if (code == 0)
		code = check_needs(branch->run, record->action ? record->action : "", &why);
	if (code == 0)
		code = check_undo(branch->run, opts_json, &why);
	if (code == 0)
		code = step_opts_read(&opts, opts_json, effect, &why);
	if (code == 0 && opts.effect == EFFECT_PROBE)
		code = check_probe(branch, opts_json, &why);
	/* Arguments past the limit are not kept: their hash is enough to replay the refusal. */
	if (code != 0)
		record->args_json = NULL;
	record->type = RECORD_STEP_SCHEDULED;
	record->opts_json = code == 0 ? opts_json : NULL;
	record->effect = effect_name(code == 0 ? opts.effect : effect);
	branch_record(branch, record);
	branch->call.opts = opts;
	branch->run->engine->usage.step_count++;
	/* Refused arguments are an outcome too: the replay must see the same one under other
	 * lists. */
	if (code != 0)
		fail(branch, why.text);
	else
		branch_set_state(branch, RUN_RUNNING, branch->call.step);
}

/* Room for the records of this step that must not be lost once an effect is on its way. */
static bool has_room(const struct plan_branch *branch)
{
	return run_has_room(branch->run, 0);
}

static int64_t deadline_ms(const struct open_call *call)
{
	return call->opts.deadline_ms > 0 ? call->opened_ms + call->opts.deadline_ms : INT64_MAX;
}

void step_failed(struct plan_branch *branch, const char *error, bool wants_retry)
{
	struct open_call *call = &branch->call;
	uint64_t random;
	env_random(loop_env(branch->run->engine->options.loop), &random, sizeof(random));
	int64_t delay = step_opts_delay(&call->opts, call->failure_count + 1,
					(double)(random >> 11) / 9007199254740992.0);
	int64_t due = engine_now(branch->run->engine) + delay;
	if (!wants_retry || branch->is_stopping ||
	    call->failure_count + 1 >= call->opts.tries_max || due >= deadline_ms(call) ||
	    !has_room(branch)) {
		fail_for_good(branch, error);
		return;
	}
	struct journal_record record = {.type = RECORD_STEP_FAILED,
					.step = call->step,
					.attempt = call->attempt_count,
					.error = error,
					.due_ms = due};
	branch_record(branch, &record);
	branch->run->engine->usage.retry_count++;
	engine_fact(branch->run, "step_retry", "%s: try %u failed: %s; next in %lld ms", call->step,
		    call->attempt_count, error ? error : "", (long long)delay);
	run_arm(branch->run);
}

static void succeed(struct plan_branch *branch, const struct plan_action_result *result)
{
	struct open_call *call = &branch->call;
	struct bytes text = BYTES_EMPTY;
	struct journal_record record = {.type = RECORD_STEP_DONE,
					.step = call->step,
					.attempt = call->attempt_count,
					.result_json =
						result->result_json ? result->result_json : "{}"};
	branch_record(branch, &record);
	describe(branch, &text);
	engine_fact(branch->run, "step_done", "%s: %s%s%s", call->step, text.data,
		    result->note ? ": " : "", result->note ? result->note : "");
	bytes_deinit(&text);
	branch_after(branch, branch_go_on);
}

static void settle(struct plan_branch *branch, const struct plan_action_result *result)
{
	const struct open_call *call = &branch->call;
	bool is_safe = effect_is_safe(call->effect);
	bool is_unclear = result->is_unknown || result->can_repeat;
	if (result->is_ok)
		succeed(branch, result);
	else if (call->effect == EFFECT_PROBE && is_unclear && !result->can_retry)
		step_probe(branch);
	else if (result->is_unknown && !is_safe && !result->can_retry)
		step_doubt(branch, result->error ? result->error : "its outcome is unknown");
	else
		step_failed(branch, result->error, result->can_retry || (is_safe && is_unclear));
}

static void on_done(void *arg, const struct plan_action_result *result)
{
	struct plan_branch *branch = arg;
	branch->action = NULL;
	settle(branch, result);
}

static void send_now(struct plan_branch *branch)
{
	struct open_call *call = &branch->call;
	struct err_note why = {{0}};
	int64_t timeout = call->opts.timeout_ms;
	int64_t left = deadline_ms(call) - engine_now(branch->run->engine);
	char *key = call->args_count > 0
			    ? mem_format("%s/%s+%u", branch->run->id, call->step, call->args_count)
			    : mem_format("%s/%s", branch->run->id, call->step);
	if (left < timeout)
		timeout = left > 1 ? left : 1;
	struct branch_try one = {.action = call->action,
				 .args_json = call->args_json,
				 .key = key,
				 .timeout_ms = timeout,
				 .on_done = on_done};
	int code = branch_send(branch, &one, &why);
	mem_free(key);
	/* A refused start has certainly done nothing; a full client or a new allow-list may
	 * change. */
	if (code != 0)
		settle(branch, &(struct plan_action_result){.can_retry = true, .error = why.text});
}

void step_attempt(struct plan_branch *branch)
{
	struct open_call *call = &branch->call;
	if (branch_holds(branch, step_attempt))
		return;
	if (engine_now(branch->run->engine) >= deadline_ms(call)) {
		fail_for_good(branch, "the deadline of the step has passed");
		return;
	}
	if (!has_room(branch)) {
		run_end(branch->run, RUN_FAILED, "the journal of the run is full");
		return;
	}
	char *lost = lock_lost(branch);
	if (lost) {
		fail_for_good(branch, lost);
		mem_free(lost);
		return;
	}
	struct journal_record record = {.type = RECORD_STEP_ATTEMPT,
					.step = call->step,
					.attempt = call->attempt_count + 1};
	branch_record(branch, &record);
	branch_after(branch, send_now);
}

void step_continue(struct plan_branch *branch)
{
	struct open_call *call = &branch->call;
	if (call->is_in_doubt) {
		struct bytes text = BYTES_EMPTY;
		bytes_append_format(&text, "%s: ", call->step);
		describe(branch, &text);
		if (call->has_failed)
			bytes_append_format(&text, " has failed: %s", call->error);
		branch_set_state(branch, RUN_IN_DOUBT, text.data);
		bytes_deinit(&text);
		run_arm(branch->run);
	} else if (call->is_attempted && call->effect == EFFECT_ONCE) {
		step_doubt(branch, "the daemon ended while it was being sent");
	} else if (call->is_attempted && call->effect == EFFECT_PROBE) {
		branch_set_state(branch, RUN_RUNNING, call->step);
		if (call->due_ms != 0)
			run_arm(branch->run);
		else
			step_probe(branch);
	} else if (call->is_attempted) {
		branch_set_state(branch, RUN_RUNNING, call->step);
		step_attempt(branch);
	} else if (call->due_ms != 0) {
		branch_set_state(branch, RUN_RUNNING, call->step);
		run_arm(branch->run);
	} else {
		branch_after(branch, step_attempt);
	}
}

void step_on_due(struct plan_branch *branch)
{
	if (!branch->call.is_attempted) {
		step_attempt(branch);
	} else if (!branch->action) {
		branch->call.due_ms = 0;
		step_probe(branch);
	}
}

/* Another branch has won: nobody is asked any more. */
static void stop_waiting(struct plan_branch *branch)
{
	char *error = mem_copy_text(branch->call.error);
	struct journal_record record = {.type = RECORD_STEP_FAILED,
					.step = branch->call.step,
					.is_final = true,
					.text = "stopped",
					.error = error};
	branch_record(branch, &record);
	mem_free(error);
	branch_after(branch, branch_go_on);
}

bool step_may_have_happened(const struct plan_branch *branch)
{
	const struct open_call *call = &branch->call;
	bool matters = branch->run->is_unwinding ? call->effect != EFFECT_READ
						 : !effect_is_safe(call->effect);
	return call->kind == PLAN_CALL_STEP && matters && (call->is_attempted || call->is_in_doubt);
}

bool step_must_be_known(struct plan_branch *branch)
{
	const struct open_call *call = &branch->call;
	if (call->has_failed) {
		stop_waiting(branch);
		return true;
	}
	if (!step_may_have_happened(branch))
		return false;
	if (call->is_attempted && !branch->action && call->probe_count == 0) {
		fail(branch, branch->run->is_unwinding ? "it was not sent: the run is rolled back"
						       : "it was not sent: another branch has won");
		branch_after(branch, branch_go_on);
	}
	return true;
}
