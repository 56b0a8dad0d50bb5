/* What operators and pages ask of the plan engine. */
#include "core/plan/plan_command.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan.h"
#include "core/plan/plan_json.h"
#include "core/plan/plan_run.h"
#include "storage/commit.h"

#include <string.h>

static int find_active(const struct plan_engine *engine, const char *run_id, struct plan_run **out,
		       struct err_note *why)
{
	struct plan_run *run = engine_find(engine, run_id);
	if (!run)
		return err_set(why, ERR_NOT_FOUND, "there is no plan run \"%.100s\"", run_id);
	run_wake(run);
	if (run_is_ended(run))
		return err_set(why, ERR_CONFLICT, "run %s has ended: %s", run_id,
			       run_state_name(run->state));
	*out = run;
	return 0;
}

/* A person says what became of a `once` step whose outcome nobody saw. */
static void answer_doubt(struct plan_branch *branch, const struct plan_answer_of *answer)
{
	const char *reason = answer->reason;
	char *error = branch->call.has_failed
			      ? mem_copy_text(branch->call.error)
			      : mem_copy_text("its outcome was unknown, and a person says that "
					      "it did not happen");
	struct journal_record command = {.type = RECORD_OPERATOR,
					 .step = branch->call.step,
					 .text = answer->is_approved ? "it happened"
								     : "it did not happen",
					 .actor = answer->actor,
					 .via = answer->via,
					 .reason = reason};
	struct journal_record done = {.type = RECORD_STEP_DONE,
				      .step = branch->call.step,
				      .result_json =
					      answer->value_json ? answer->value_json : "{}"};
	struct journal_record failed = {.type = RECORD_STEP_FAILED,
					.step = branch->call.step,
					.is_final = true,
					.error = error};
	branch_record(branch, &command);
	branch_record(branch, answer->is_approved ? &done : &failed);
	mem_free(error);
	engine_fact(branch->run, "answered", "%s: %s, says %s%s%s", branch->call.step, command.text,
		    answer->actor, reason && reason[0] ? ": " : "", reason ? reason : "");
	branch_set_state(branch, RUN_RUNNING, NULL);
	branch_after(branch, branch_go_on);
}

static bool waits_for_person(const struct plan_branch *branch)
{
	const struct open_call *call = &branch->call;
	return call->is_open && !call->is_answered &&
	       (call->kind == PLAN_CALL_ASK || call->is_in_doubt);
}

/* The branch that waits in `step`, or the only one that waits for a person. */
static int find_question(const struct plan_run *run, const char *step, struct plan_branch **out,
			 struct err_note *why)
{
	struct bytes names = BYTES_EMPTY;
	uint32_t count = 0;
	for (uint32_t i = 0; i < run->branch_count; i++) {
		struct plan_branch *branch = run->branches[i];
		if (!waits_for_person(branch))
			continue;
		bytes_append_format(&names, "%s%.200s", names.length > 0 ? ", " : "",
				    branch->call.step);
		if (step && strcmp(branch->call.step, step) != 0)
			continue;
		count++;
		*out = branch;
	}
	int code = 0;
	if (names.length == 0)
		code = err_set(why, ERR_CONFLICT, "run %s is %s: there is nothing to answer",
			       run->id, run_state_name(run->state));
	else if (count == 0)
		code = err_set(why, ERR_NOT_FOUND, "run %s does not wait in %.200s, but in %.300s",
			       run->id, step, names.data);
	else if (count > 1)
		code = err_set(why, ERR_CONFLICT,
			       "run %s waits for several answers; say which step: %.400s", run->id,
			       names.data);
	bytes_deinit(&names);
	return code;
}

int plan_engine_question(struct plan_engine *engine, const char *run_id, const char *step,
			 void (*show)(void *arg, const struct plan_question *question), void *arg,
			 struct err_note *why)
{
	struct plan_run *run;
	struct plan_branch *branch = NULL;
	int code = find_active(engine, run_id, &run, why);
	if (code == 0)
		code = find_question(run, step, &branch, why);
	if (code == 0 && branch->call.kind != PLAN_CALL_ASK)
		code = err_set(why, ERR_CONFLICT, "run %s asks nothing in %.200s", run_id,
			       branch->call.step);
	if (code != 0)
		return code;
	json_t *args = plan_json_parse(branch->call.args_json);
	struct plan_question question = ask_question(branch, args);
	show(arg, &question);
	json_decref(args);
	return 0;
}

int plan_engine_answer_as(struct plan_engine *engine, const char *run_id, const char *step,
			  const struct plan_answer_of *answer, struct err_note *why)
{
	struct plan_run *run;
	struct plan_branch *branch = NULL;
	struct plan_answer_of given = *answer;
	int code = find_active(engine, run_id, &run, why);
	if (code == 0)
		code = find_question(run, step, &branch, why);
	given.actor = given.actor ? given.actor : "unknown";
	if (code == 0)
		code = ask_check(branch, &given, why);
	if (code != 0)
		return code;
	if (branch->call.kind == PLAN_CALL_ASK)
		ask_answer(branch, &given);
	else
		answer_doubt(branch, &given);
	return 0;
}

int plan_engine_answer(struct plan_engine *engine, const char *run_id, const char *step,
		       bool is_approved, const char *value_json, const char *actor,
		       const char *reason, struct err_note *why)
{
	return plan_engine_answer_as(
		engine, run_id, step,
		&(struct plan_answer_of){is_approved, value_json, actor, NULL, reason}, why);
}

void run_cancel(struct plan_run *run, const struct plan_operator *by)
{
	struct journal_record command = {.type = RECORD_OPERATOR,
					 .text = "cancel",
					 .actor = by->actor,
					 .via = by->via,
					 .reason = by->reason};
	struct bytes text = BYTES_EMPTY;
	bytes_append_format(&text, "%scancelled by %s",
			    run->is_unwinding ? "the rollback was " : "", by->actor);
	if (by->reason && by->reason[0])
		bytes_append_format(&text, ": %.500s", by->reason);
	for (uint32_t i = 0; i < run->branch_count; i++) {
		if (run->branches[i]->action)
			bytes_append_format(&text, " (while %.200s was being sent)",
					    run->branches[i]->call.step);
	}
	if (run->started_ms != 0 && !run->is_journal_lost)
		run_record(run, &command);
	run_end(run, RUN_CANCELLED, text.data);
	bytes_deinit(&text);
}

int plan_engine_cancel(struct plan_engine *engine, const char *run_id, const char *actor,
		       const char *reason, struct err_note *why)
{
	struct plan_run *run;
	int code = find_active(engine, run_id, &run, why);
	if (code != 0)
		return code;
	if (!run->timer && run->state != RUN_QUEUED && run->state != RUN_BLOCKED)
		return err_set(why, ERR_CONFLICT, "run %s is not resumed yet", run_id);
	run_cancel(run, &(struct plan_operator){actor ? actor : "unknown", NULL, reason});
	return 0;
}

void plan_engine_each_plan(const struct plan_engine *engine,
			   void (*each)(void *arg, const struct plan *plan), void *arg)
{
	for (uint32_t i = 0; i < engine->plan_count; i++)
		each(arg, engine->plans[i]);
}

void plan_engine_each_run(const struct plan_engine *engine, bool active_only,
			  void (*each)(void *arg, const struct run_summary *run), void *arg)
{
	for (uint32_t i = 0; i < engine->run_count; i++) {
		const struct plan_run *run = engine->runs[i];
		if (active_only && run_is_ended(run))
			continue;
		struct run_summary summary = {.id = run->id,
					      .plan = run->plan,
					      .version = run->version,
					      .incident = run->incident,
					      .state = run->state,
					      .started_ms = run->started_ms,
					      .starter = run->starter,
					      .cause = run->cause,
					      .is_drill = run->is_drill,
					      .ended_ms = run->ended_ms,
					      .waiting_for = run->waiting_for,
					      .error = run->error,
					      .record_count = run->record_count};
		each(arg, &summary);
	}
}

int plan_engine_each_record(const struct plan_engine *engine, const char *run_id,
			    void (*each)(void *arg, struct slice json), void *arg,
			    struct err_note *why)
{
	if (!engine_find(engine, run_id))
		return err_set(why, ERR_NOT_FOUND, "there is no plan run \"%.100s\"", run_id);
	int code = commit_flush(engine->options.commit, why);
	if (code != 0)
		return code;
	return journal_each(engine->options.kv, run_id, each, arg, why);
}

void plan_engine_usage(const struct plan_engine *engine, struct plan_usage *out)
{
	*out = engine->usage;
	out->active_count = engine->run_count - engine->ended_count;
}
