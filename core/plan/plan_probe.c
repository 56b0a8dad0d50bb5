/* Effect class `probe`: what was sent and not answered is asked for at the target.
 *
 *      attempt -unknown, or the process ended-> probe -done-> StepDone
 *                                                     -not done-> StepFailed, and the next try
 *                                                     -unknown-> probe later … -> StepInDoubt
 *
 *  The probe is a read: it needs no record before it is sent. What it found is one (StepProbed).
 */
#include "core/plan/plan_branch.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/plan/plan_json.h"
#include "core/plan/plan_run.h"

#include <string.h>

/* A body that is JSON is looked at as such. */
static bool contains(const json_t *found, const json_t *wanted)
{
	const char *name;
	json_t *part;
	bool is_same = true;
	json_t *parsed = NULL;
	if (json_is_object(wanted) && json_is_string(found))
		found = parsed = plan_json_parse(json_string_value(found));
	if (json_is_object(wanted)) {
		json_object_foreach((json_t *)(uintptr_t)wanted, name, part) is_same =
			is_same && contains(json_object_get(found, name), part);
	} else if (json_is_number(wanted) && json_is_number(found)) {
		double difference = json_number_value(wanted) - json_number_value(found);
		is_same = !(difference < 0 || difference > 0);
	} else {
		is_same = json_equal(found, wanted);
	}
	json_decref(parsed);
	return is_same && found != NULL;
}

static const char *judge(const struct plan_branch *branch, const struct plan_action_result *result)
{
	if (result->is_absent)
		return "not done";
	if (!result->is_ok)
		return "unknown";
	json_t *probe = plan_json_parse(branch->call.probe_json);
	const json_t *wanted = json_object_get(probe, "want");
	json_t *found = plan_json_parse(result->result_json ? result->result_json : "{}");
	bool is_done = !wanted || contains(found, wanted);
	json_decref(found);
	json_decref(probe);
	return is_done ? "done" : "not done";
}

static void record_done(struct plan_branch *branch, const char *found_json)
{
	json_t *result = json_object();
	json_object_set_new(result, "probed", json_true());
	json_object_set_new(result, "found", plan_json_parse(found_json ? found_json : "{}"));
	char *text = plan_json_text(result);
	struct journal_record record = {.type = RECORD_STEP_DONE,
					.step = branch->call.step,
					.attempt = branch->call.attempt_count,
					.result_json = text};
	branch_record(branch, &record);
	mem_free(text);
	json_decref(result);
	branch_after(branch, branch_go_on);
}

static void settle(struct plan_branch *branch, const struct plan_action_result *result)
{
	struct open_call *call = &branch->call;
	const char *answer = judge(branch, result);
	bool is_unknown = strcmp(answer, "unknown") == 0;
	uint64_t random;
	env_random(loop_env(branch->run->engine->options.loop), &random, sizeof(random));
	int64_t delay = step_opts_delay(&call->opts, call->probe_count + 1,
					(double)(random >> 11) / 9007199254740992.0);
	struct journal_record record = {.type = RECORD_STEP_PROBED,
					.step = call->step,
					.attempt = call->attempt_count,
					.text = answer,
					.error = is_unknown ? result->error : NULL};
	if (is_unknown && call->probe_count + 1 < PROBE_TRIES_MAX)
		record.due_ms = engine_now(branch->run->engine) + delay;
	branch_record(branch, &record);
	engine_fact(branch->run, "step_probed", "%s: asked whether it happened: %s%s%s", call->step,
		    answer, record.error ? ": " : "", record.error ? record.error : "");
	if (record.due_ms != 0)
		run_arm(branch->run);
	else if (is_unknown)
		step_doubt(branch, "its outcome is unknown, and the probe does not tell");
	else if (strcmp(answer, "done") == 0)
		record_done(branch, result->result_json);
	else
		step_failed(branch, "it did not happen, says the target", true);
}

static void on_probed(void *arg, const struct plan_action_result *result)
{
	struct plan_branch *branch = arg;
	branch->action = NULL;
	settle(branch, result);
}

void step_probe(struct plan_branch *branch)
{
	const struct open_call *call = &branch->call;
	struct plan_run *run = branch->run;
	struct err_note why = {{0}};
	json_t *probe = plan_json_parse(call->probe_json ? call->probe_json : "{}");
	const json_t *args = json_object_get(probe, "args");
	char *args_json = args ? plan_json_text(args) : mem_copy_text("{}");
	char *key = mem_format("%s/?%s", run->id, call->step);
	const char *action = json_string_value(json_object_get(probe, "action"));
	struct branch_try one = {.action = action ? action : "",
				 .args_json = args_json,
				 .key = key,
				 .timeout_ms = call->opts.timeout_ms,
				 .on_done = on_probed};
	int code = branch_send(branch, &one, &why);
	mem_free(key);
	mem_free(args_json);
	json_decref(probe);
	if (code != 0)
		settle(branch, &(struct plan_action_result){.error = why.text});
}
