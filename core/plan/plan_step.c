/* One step, after the journal (see plan_engine.h for the order):
 *
 *      scheduled -durable-> attempt -durable-> sent -outcome-> done | failed -durable-> script
 *                              ^                      |
 *                              +------ retry delay ---+     unknown outcome of `once`: in doubt
 *
 *  after a restart: no open attempt -> attempt; open attempt -> attempt again (read, idempotent) or
 *  in doubt (once).
 */
#include "core/plan/plan_run.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"

#include <stdio.h>

static void describe(const struct plan_run *run, struct bytes *out)
{
	plan_action_describe(run->call.action, run->call.args_json, out);
}

static void fail(struct plan_run *run, const char *error)
{
	struct bytes text = BYTES_EMPTY;
	struct journal_record record = {.type = RECORD_STEP_FAILED,
					.step = run->call.step,
					.attempt = run->call.attempt_count,
					.is_final = true,
					.error = error && error[0] ? error : "it failed"};
	run_record(run, &record);
	describe(run, &text);
	engine_fact(run, "step_failed", "%s: %s: %s", run->call.step, text.data, record.error);
	bytes_deinit(&text);
}

static void doubt(struct plan_run *run, const char *error)
{
	struct bytes text = BYTES_EMPTY;
	struct journal_record record = {.type = RECORD_STEP_IN_DOUBT,
					.step = run->call.step,
					.attempt = run->call.attempt_count,
					.error = error};
	run_record(run, &record);
	run->engine->usage.in_doubt_count++;
	describe(run, &text);
	engine_fact(run, "step_in_doubt",
		    "%s: %s: %s; approve if it happened, reject if it did not", run->call.step,
		    text.data, error);
	bytes_deinit(&text);
	step_continue(run);
}

void step_open(struct plan_run *run, struct journal_record *record, const char *opts_json)
{
	struct err_note why = {{0}};
	struct step_opts opts = {0};
	enum effect effect = EFFECT_ONCE;
	int code = plan_action_validate(run->engine->options.actions,
					record->action ? record->action : "", record->args_json,
					&effect, &why);
	if (code == 0)
		code = step_opts_read(&opts, opts_json, effect, &why);
	/* Arguments past the limit are not kept: their hash is enough to replay the refusal. */
	if (code != 0)
		record->args_json = NULL;
	record->type = RECORD_STEP_SCHEDULED;
	record->opts_json = code == 0 ? opts_json : NULL;
	record->effect = effect_name(code == 0 ? opts.effect : effect);
	run_record(run, record);
	run->call.opts = opts;
	run->engine->usage.step_count++;
	/* Refused arguments are an outcome too: the replay must see the same one under other
	 * lists. */
	if (code != 0)
		fail(run, why.text);
	else
		run_set_state(run, RUN_RUNNING, run->call.step);
}

/* Room for the records of this step that must not be lost once an effect is on its way. */
static bool has_room(const struct plan_run *run)
{
	return run->record_count + RUN_RECORDS_SPARE <= run->engine->records_max;
}

static int64_t deadline_ms(const struct open_call *call)
{
	return call->opts.deadline_ms > 0 ? call->opened_ms + call->opts.deadline_ms : INT64_MAX;
}

static void settle(struct plan_run *run, const struct plan_action_result *result)
{
	struct open_call *call = &run->call;
	struct bytes text = BYTES_EMPTY;
	if (result->is_ok) {
		struct journal_record record = {
			.type = RECORD_STEP_DONE,
			.step = call->step,
			.attempt = call->attempt_count,
			.result_json = result->result_json ? result->result_json : "{}"};
		run_record(run, &record);
		describe(run, &text);
		engine_fact(run, "step_done", "%s: %s", call->step, text.data);
		bytes_deinit(&text);
		run_after(run, run_go_on);
		return;
	}
	bool is_safe = call->effect != EFFECT_ONCE;
	bool wants_retry =
		result->can_retry || (is_safe && (result->is_unknown || result->can_repeat));
	uint64_t random;
	env_random(loop_env(run->engine->options.loop), &random, sizeof(random));
	int64_t delay = step_opts_delay(&call->opts, call->failure_count + 1,
					(double)(random >> 11) / 9007199254740992.0);
	int64_t due = engine_now(run->engine) + delay;
	if (wants_retry && call->failure_count + 1 < call->opts.tries_max &&
	    due < deadline_ms(call) && has_room(run)) {
		struct journal_record record = {.type = RECORD_STEP_FAILED,
						.step = call->step,
						.attempt = call->attempt_count,
						.error = result->error,
						.due_ms = due};
		run_record(run, &record);
		run->engine->usage.retry_count++;
		engine_fact(run, "step_retry", "%s: try %u failed: %s; next in %lld ms", call->step,
			    call->attempt_count, result->error ? result->error : "",
			    (long long)delay);
		run_arm(run);
	} else if (result->is_unknown && !is_safe) {
		doubt(run, result->error ? result->error : "its outcome is unknown");
	} else {
		fail(run, result->error);
		run_after(run, run_go_on);
	}
}

static void on_done(void *arg, const struct plan_action_result *result)
{
	struct plan_run *run = arg;
	run->action = NULL;
	settle(run, result);
}

static void send_now(struct plan_run *run)
{
	struct open_call *call = &run->call;
	struct err_note why = {{0}};
	int64_t timeout = call->opts.timeout_ms;
	int64_t left = deadline_ms(call) - engine_now(run->engine);
	char *key = mem_format("%s/%s", run->id, call->step);
	if (left < timeout)
		timeout = left > 1 ? left : 1;
	int code =
		plan_action_start(&run->action, run->engine->options.actions, call->action,
				  call->args_json, key, timeout, run->incident, on_done, run, &why);
	mem_free(key);
	/* A refused start has certainly done nothing; a full client or a new allow-list may
	 * change. */
	if (code != 0)
		settle(run, &(struct plan_action_result){.can_retry = true, .error = why.text});
}

void step_attempt(struct plan_run *run)
{
	struct open_call *call = &run->call;
	if (engine_now(run->engine) >= deadline_ms(call)) {
		fail(run, "the deadline of the step has passed");
		run_after(run, run_go_on);
		return;
	}
	if (!has_room(run)) {
		run_end(run, RUN_FAILED, "the journal of the run is full");
		return;
	}
	struct journal_record record = {.type = RECORD_STEP_ATTEMPT,
					.step = call->step,
					.attempt = call->attempt_count + 1};
	run_record(run, &record);
	run_after(run, send_now);
}

void step_continue(struct plan_run *run)
{
	struct open_call *call = &run->call;
	if (call->is_in_doubt) {
		struct bytes text = BYTES_EMPTY;
		bytes_append_format(&text, "%s: ", call->step);
		describe(run, &text);
		run_set_state(run, RUN_IN_DOUBT, text.data);
		bytes_deinit(&text);
		run_arm(run);
	} else if (call->is_attempted && call->effect == EFFECT_ONCE) {
		doubt(run, "the daemon ended while it was being sent");
	} else if (call->is_attempted) {
		run_set_state(run, RUN_RUNNING, call->step);
		step_attempt(run);
	} else if (call->due_ms != 0) {
		run_set_state(run, RUN_RUNNING, call->step);
		run_arm(run);
	} else {
		run_after(run, step_attempt);
	}
}
