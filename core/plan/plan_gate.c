/* What the site lets plans of a risk do by themselves (risk in tocsin.lua).
 *
 *      run   nothing is asked                    tell  those of `to` are told that it starts
 *      ask   RunStarted (opts: the question) -> AskOpened "start#1", action "gate" -> answered
 *            yes -> the script begins            no, expired -> CANCELLED, nothing was done
 *
 *  The question is an ask as the script's are: answered, voted and told in the same way. It is
 *  frozen in RunStarted, so a reload does not change it. Its time is not counted for the time-out.
 *  The plan of a ctx:call has its own gate: else that would be a way around it.
 */
#include "core/plan/plan_gate.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config_risk.h"
#include "core/plan/plan.h"
#include "core/plan/plan_drill.h"
#include "core/plan/plan_json.h"
#include "core/plan/plan_run.h"

#include <stdio.h>
#include <string.h>

static const char GATE_STEP[] = "start#1";

/* ---- which ---- */

/* A drill of this plan has ended well, not too long ago. */
static bool was_drilled(const struct plan_engine *engine, const char *plan, int64_t within_ms)
{
	struct plan_readiness ready;
	plan_engine_readiness(engine, plan, &ready);
	return ready.drill_ok_ms != 0 && engine_now(engine) - ready.drill_ok_ms <= within_ms;
}

static enum risk_mode mode_of(const struct plan_run *run, const char *plan_risk, uint32_t priority)
{
	const struct config_risk *risk = config_risk(run->engine->config);
	char text[8];
	if (!risk || run->is_drill)
		return RISK_RUN;
	enum risk_mode mode = strcmp(plan_risk, "high") == 0  ? risk->high
			      : strcmp(plan_risk, "low") == 0 ? risk->low
							      : risk->medium;
	snprintf(text, sizeof(text), "P%u", priority % 10);
	if (mode == RISK_ASK && plan_has_word(risk->preapproved, text, strlen(text)) &&
	    was_drilled(run->engine, run->plan, risk->drilled_ms))
		return RISK_TELL;
	return mode;
}

static char *describe(const struct plan_run *run, const char *plan_risk)
{
	char incident[64] = "";
	if (run->incident != 0)
		snprintf(incident, sizeof(incident), " for incident %llu",
			 (unsigned long long)run->incident);
	return mem_format("plan %s (%s risk)%s%s%s%s%.300s", run->plan, plan_risk, incident,
			  run->starter ? ", by " : "", run->starter ? run->starter : "",
			  run->cause ? ": " : "", run->cause ? run->cause : "");
}

static char *make_question(const struct config_risk *risk, const char *what)
{
	json_t *args = json_object(), *who = json_array();
	char *text = mem_format("May it start? %s", what);
	for (uint32_t i = 0; i < risk->who_count; i++)
		json_array_append_new(who, json_string(risk->who[i]));
	json_object_set_new(args, "text", plan_json_clean(slice_of(text), 1000));
	json_object_set_new(args, "expires", json_real((double)risk->expires_ms / 1000));
	json_object_set_new(args, "quorum", json_integer(risk->quorum));
	json_object_set_new(args, "not_starter", json_boolean(risk->has_four_eyes));
	if (risk->who_count > 0)
		json_object_set(args, "who", who);
	char *json = plan_json_text(args);
	mem_free(text);
	json_decref(who);
	json_decref(args);
	return json;
}

void gate_choose(struct plan_run *run, const struct plan *plan, uint32_t priority)
{
	const struct config_risk *risk = config_risk(run->engine->config);
	enum risk_mode mode = mode_of(run, plan->risk, priority);
	if (mode == RISK_RUN)
		return;
	char *what = describe(run, plan->risk);
	char *text = mode == RISK_ASK
			     ? mem_format("asks before it starts: %s; tocsin plan approve %s", what,
					  run->id)
			     : mem_format("starts: %s; run %s", what, run->id);
	char *id = mem_format("%s/risk", run->id);
	if (mode == RISK_ASK)
		run->gate_json = make_question(risk, what);
	for (uint32_t i = 0; i < risk->to_count; i++)
		engine_send(run->engine, risk->to[i], run->incident, id, text);
	mem_free(id);
	mem_free(text);
	mem_free(what);
}

/* ---- the question ---- */

void gate_account(struct plan_run *run, const struct journal_record *record)
{
	bool is_gate = record->step && !record->scope && strcmp(record->step, GATE_STEP) == 0;
	if (record->type == RECORD_ASK_OPENED && record->action &&
	    strcmp(record->action, "gate") == 0)
		run->is_gated = true;
	if (record->type == RECORD_ASK_ANSWERED && is_gate)
		run->is_gated = false;
}

void gate_begin(struct plan_branch *branch)
{
	struct plan_run *run = branch->run;
	if (!run->gate_json) {
		branch_go_on(branch);
		return;
	}
	struct plan_call call = {.kind = PLAN_CALL_ASK,
				 .id = "start",
				 .action = "gate",
				 .args_json = run->gate_json};
	branch->is_gate = true;
	if (call_open(branch, &call))
		branch_go_on(branch);
}

bool gate_pass(struct plan_branch *branch)
{
	json_t *answer = plan_json_parse(branch->call.result_json);
	bool is_approved = json_is_true(json_object_get(answer, "approved"));
	if (is_approved) {
		branch->is_gate = false;
		call_clear(&branch->call);
	} else {
		const char *actor = json_string_value(json_object_get(answer, "actor"));
		const char *reason = json_string_value(json_object_get(answer, "reason"));
		char *text = mem_format("it was not approved, says %.256s%s%.500s",
					actor ? actor : "engine", reason && reason[0] ? ": " : "",
					reason ? reason : "");
		run_end(branch->run, RUN_CANCELLED, text);
		mem_free(text);
	}
	json_decref(answer);
	return is_approved;
}
