#include "core/plan/plan_branch.h"

#include "core/base/mem.h"
#include "core/plan/plan_json.h"
#include "core/plan/plan_replay.h"
#include "core/plan/plan_run.h"

#include <string.h>

static const char *const effect_names[] = {"read", "idempotent", "probe", "once"};

const char *effect_name(enum effect effect)
{
	return effect_names[effect];
}

bool effect_is_safe(enum effect effect)
{
	return effect == EFFECT_READ || effect == EFFECT_IDEMPOTENT;
}

int effect_parse(const char *text)
{
	for (int i = 0; text && i < 4; i++) {
		if (strcmp(effect_names[i], text) == 0)
			return i;
	}
	return -1;
}

void call_clear(struct open_call *call)
{
	mem_free(call->step);
	mem_free(call->action);
	mem_free(call->args_json);
	mem_free(call->probe_json);
	mem_free(call->child);
	mem_free(call->result_json);
	mem_free(call->error);
	join_free(call->join);
	json_decref(call->votes);
	*call = (struct open_call){0};
}

enum plan_call_kind call_kind_of(enum record_type type)
{
	switch (type) {
	case RECORD_STEP_SCHEDULED: return PLAN_CALL_STEP;
	case RECORD_TIMER_SET: return PLAN_CALL_SLEEP;
	case RECORD_ASK_OPENED: return PLAN_CALL_ASK;
	case RECORD_SIGNAL_AWAITED: return PLAN_CALL_SIGNAL;
	case RECORD_BRANCHES_OPENED: return PLAN_CALL_BRANCHES;
	case RECORD_CHILD_STARTED: return PLAN_CALL_CALL;
	case RECORD_LOCK_AWAITED: return PLAN_CALL_LOCK;
	case RECORD_LOCK_FREED: return PLAN_CALL_UNLOCK;
	case RECORD_LOCK_TAKEN:
	case RECORD_CHILD_ENDED:
	case RECORD_VALUE:
	case RECORD_RUN_STARTED:
	case RECORD_STEP_ATTEMPT:
	case RECORD_STEP_DONE:
	case RECORD_STEP_FAILED:
	case RECORD_STEP_IN_DOUBT:
	case RECORD_STEP_PROBED:
	case RECORD_TIMER_FIRED:
	case RECORD_ASK_VOTED:
	case RECORD_ASK_ANSWERED:
	case RECORD_SIGNAL_SENT:
	case RECORD_SIGNAL_RECEIVED:
	case RECORD_CHOICE:
	case RECORD_MIGRATED:
	case RECORD_OPERATOR:
	case RECORD_RUN_ENDED: break;
	}
	return PLAN_CALL_VALUE;
}

static void answer(struct open_call *call, const struct journal_record *record)
{
	call->is_answered = true;
	call->is_attempted = false;
	call->is_in_doubt = false;
	call->has_failed = false;
	call->due_ms = 0;
	call->is_ok = record->error == NULL;
	mem_free(call->result_json);
	mem_free(call->error);
	call->error = mem_copy_text(record->error);
	call->result_json = NULL;
	if (record->error)
		return;
	/* Through the parser and out again: first run and replay give the script the same bytes. */
	json_t *json = plan_json_parse(record->result_json ? record->result_json : "{}");
	call->result_json = json ? plan_json_text(json) : mem_copy_text("{}");
	json_decref(json);
}

static void apply_choice(struct open_call *call, const struct journal_record *record)
{
	if (record->error || !call->join) {
		answer(call, record);
		return;
	}
	call->join->is_chosen = true;
	call->join->wanted_count = (uint32_t)record->started;
	if (!call->join->winner)
		call->join->winner = mem_copy_text(record->winner);
}

/* From the first try on. */
static void apply_operator(struct open_call *call, const struct journal_record *record)
{
	if (strcmp(record->text ? record->text : "", "retry") != 0)
		return;
	call->is_in_doubt = false;
	call->has_failed = false;
	call->is_attempted = false;
	call->failure_count = 0;
	call->due_ms = 0;
	call->opened_ms = record->time_ms;
	if (!record->args_json)
		return;
	call->args_count++;
	mem_free(call->args_json);
	call->args_json = mem_copy_text(record->args_json);
}

static void apply_open(struct open_call *call, const struct journal_record *record)
{
	call->is_open = true;
	call->kind = call_kind_of(record->type);
	call->step = mem_copy_text(record->step);
	call->action = mem_copy_text(record->action ? record->action : "");
	call->args_json = mem_copy_text(record->args_json ? record->args_json : "{}");
	call->opened_ms = record->time_ms;
	call->due_ms = record->due_ms;
	call->fence = record->fence;
	call->child = mem_copy_text(record->child);
	if (record->effect && effect_parse(record->effect) >= 0)
		call->effect = (enum effect)effect_parse(record->effect);
	if (call->effect == EFFECT_PROBE)
		call->probe_json = step_opts_probe(record->opts_json);
	if (record->type == RECORD_VALUE || record->type == RECORD_LOCK_FREED)
		answer(call, record);
	if (record->type == RECORD_BRANCHES_OPENED)
		call->join = join_new(call->args_json);
}

void call_apply(struct open_call *call, const struct journal_record *record)
{
	switch (record->type) {
	case RECORD_STEP_SCHEDULED:
	case RECORD_TIMER_SET:
	case RECORD_ASK_OPENED:
	case RECORD_SIGNAL_AWAITED:
	case RECORD_VALUE:
	case RECORD_CHILD_STARTED:
	case RECORD_LOCK_AWAITED:
	case RECORD_LOCK_FREED:
	case RECORD_BRANCHES_OPENED: apply_open(call, record); break;
	case RECORD_STEP_ATTEMPT:
		call->attempt_count++;
		call->is_attempted = true;
		call->probe_count = 0;
		call->due_ms = 0;
		break;
	case RECORD_STEP_PROBED:
		call->probe_count++;
		call->due_ms = record->due_ms;
		break;
	case RECORD_STEP_FAILED:
		if (record->is_final) {
			answer(call, record);
			break;
		}
		call->failure_count++;
		call->is_attempted = false;
		call->due_ms = record->due_ms;
		break;
	case RECORD_STEP_IN_DOUBT:
		call->is_attempted = false;
		call->is_in_doubt = true;
		call->has_failed = record->is_final;
		mem_free(call->error);
		call->error = mem_copy_text(record->error);
		break;
	case RECORD_STEP_DONE:
	case RECORD_TIMER_FIRED:
	case RECORD_SIGNAL_RECEIVED:
	case RECORD_LOCK_TAKEN:
	case RECORD_CHILD_ENDED:
	case RECORD_ASK_ANSWERED: answer(call, record); break;
	case RECORD_ASK_VOTED:
		if (!call->votes)
			call->votes = json_array();
		json_array_append_new(call->votes, plan_json_parse(record->result_json));
		break;
	case RECORD_CHOICE: apply_choice(call, record); break;
	case RECORD_OPERATOR: apply_operator(call, record); break;
	case RECORD_MIGRATED:
	case RECORD_RUN_STARTED:
	case RECORD_SIGNAL_SENT:
	case RECORD_RUN_ENDED: break;
	}
}

const char *call_kind_name(enum plan_call_kind kind)
{
	switch (kind) {
#define PLAN_CALL_CASE(name, text)                                                                 \
	case PLAN_CALL_##name: return text;
		PLAN_CALL_LIST(PLAN_CALL_CASE)
#undef PLAN_CALL_CASE
	}
	return "?";
}

bool run_has_room(const struct plan_run *run, uint32_t branch_count)
{
	return run->record_count + RUN_RECORDS_SPARE * (run->branch_count + branch_count) <=
	       run->engine->records_max;
}

static bool has_room(const struct plan_run *run, const struct plan_call *call)
{
	size_t wanted = (call->args_json ? strlen(call->args_json) : 0) +
			(call->opts_json ? strlen(call->opts_json) : 0);
	return run_has_room(run, 0) &&
	       run->record_bytes + wanted + RUN_BYTES_SPARE <= RUN_BYTES_MAX;
}

/* Whether the journal knows the fact that the script would now find out: no call, no record. */
static void answer_known(struct plan_branch *branch, const char *id)
{
	struct open_call *call = &branch->call;
	call->is_open = true;
	call->kind = PLAN_CALL_VALUE;
	call->is_answered = true;
	call->is_ok = true;
	call->result_json = mem_copy_text(replay_has_fact(branch, id) ? "true" : "false");
}

static void open_new(struct plan_branch *branch, const struct plan_call *call,
		     struct journal_record *record)
{
	switch (call->kind) {
	case PLAN_CALL_STEP: step_open(branch, record, call->opts_json); break;
	case PLAN_CALL_SLEEP: sleep_open(branch, record); break;
	case PLAN_CALL_ASK: ask_open(branch, record); break;
	case PLAN_CALL_SIGNAL: signal_open(branch, record); break;
	case PLAN_CALL_VALUE: value_open(branch, record, call->opts_json); break;
	case PLAN_CALL_BRANCHES: join_open(branch, record); break;
	case PLAN_CALL_CALL: child_open(branch, record); break;
	case PLAN_CALL_LOCK: lock_open(branch, record); break;
	case PLAN_CALL_UNLOCK: unlock_open(branch, record); break;
	}
}

/* Opened and answered at once: the script is told, and nothing is done. */
static void open_refused(struct plan_branch *branch, enum plan_call_kind kind,
			 struct journal_record *record, const char *error)
{
	static const enum record_type types[][2] = {
		[PLAN_CALL_STEP] = {RECORD_STEP_SCHEDULED, RECORD_STEP_FAILED},
		[PLAN_CALL_SLEEP] = {RECORD_TIMER_SET, RECORD_TIMER_FIRED},
		[PLAN_CALL_ASK] = {RECORD_ASK_OPENED, RECORD_ASK_ANSWERED},
		[PLAN_CALL_VALUE] = {RECORD_VALUE, RECORD_VALUE},
		[PLAN_CALL_BRANCHES] = {RECORD_BRANCHES_OPENED, RECORD_CHOICE},
		[PLAN_CALL_SIGNAL] = {RECORD_SIGNAL_AWAITED, RECORD_SIGNAL_RECEIVED},
		[PLAN_CALL_CALL] = {RECORD_CHILD_STARTED, RECORD_CHILD_ENDED},
		[PLAN_CALL_LOCK] = {RECORD_LOCK_AWAITED, RECORD_LOCK_TAKEN},
		[PLAN_CALL_UNLOCK] = {RECORD_LOCK_FREED, RECORD_LOCK_FREED},
	};
	record->type = types[kind][0];
	record->error = types[kind][0] == types[kind][1] ? error : NULL;
	branch_record(branch, record);
	struct journal_record refused = {.type = types[kind][1],
					 .step = branch->call.step,
					 .is_final = kind == PLAN_CALL_STEP,
					 .error = error};
	if (!record->error)
		branch_record(branch, &refused);
}

/* Does what comes next for a call that is not answered. */
static void call_continue(struct plan_branch *branch)
{
	switch (branch->call.kind) {
	case PLAN_CALL_STEP: step_continue(branch); break;
	case PLAN_CALL_SLEEP:
		branch_set_state(branch, RUN_SLEEPING, branch->call.step);
		run_arm(branch->run);
		break;
	case PLAN_CALL_ASK: ask_continue(branch); break;
	case PLAN_CALL_SIGNAL: signal_continue(branch); break;
	case PLAN_CALL_CALL: child_continue(branch); break;
	case PLAN_CALL_LOCK: lock_continue(branch); break;
	case PLAN_CALL_UNLOCK:
	case PLAN_CALL_BRANCHES:
	case PLAN_CALL_VALUE: break;
	}
}

/* A call that a stopped branch was in when the process ended. */
static void continue_stopped(struct plan_branch *branch)
{
	const struct open_call *call = &branch->call;
	bool may_have_happened = step_may_have_happened(branch);
	if (branch->run->engine->is_rehearsal && (call->has_failed || may_have_happened))
		return;
	if (call->has_failed)
		step_must_be_known(branch);
	else if (may_have_happened)
		step_continue(branch);
	else
		branch_give_up(branch);
}

/* Begins the branches. True when they are answered and the journal has their Choice. */
static bool open_branches(struct plan_branch *branch, bool is_replayed)
{
	struct plan_run *run = branch->run;
	bool was_chosen = branch->call.join->is_chosen;
	if (is_replayed && !was_chosen)
		join_want_recorded(branch);
	branch->is_opening = true;
	join_look(branch);
	if (!run_is_live(run))
		return false;
	branch->is_opening = false;
	if (branch->call.is_answered && was_chosen)
		return true;
	if (branch->call.is_answered)
		branch_after(branch, branch_go_on);
	else if (branch->is_stopping && branch->call.join->running_count == 0)
		branch_give_up(branch);
	return false;
}

/* The new call, from the journal or anew; false when there is none. */
static bool take_call(struct plan_branch *branch, const struct plan_call *call)
{
	struct plan_run *run = branch->run;
	char hash[33];
	const char *args = call->args_json ? call->args_json : "{}";
	bool is_replayed = branch->replay_next != 0, is_taken = true;
	char *step = mem_format("%s%s%s#%u", branch->scope, branch->scope[0] ? "/" : "", call->id,
				run_next_occurrence(run, branch->scope, call->id));
	journal_hash(slice_of(args), hash);
	if (is_replayed) {
		is_taken = replay_call(branch, call, step, hash);
	} else if (branch->parent && branch->parent->call.join->is_chosen) {
		run_block(run,
			  "the replay differs: the journal says that branch %s had ended, line %d "
			  "of the script now asks for %s %s",
			  branch->scope, call->line, call_kind_name(call->kind), step);
		is_taken = false;
	} else if (run->engine->is_rehearsal) {
		is_taken = false;
	} else if (!has_room(run, call)) {
		run_end(run, RUN_FAILED, "the journal of the run is full");
		is_taken = false;
	} else {
		struct journal_record record = {.step = step,
						.id = call->id,
						.action = call->action,
						.args_json = args,
						.hash = hash};
		char *lost = call->kind == PLAN_CALL_UNLOCK ? NULL : lock_lost(branch);
		if (lost)
			open_refused(branch, call->kind, &record, lost);
		else
			open_new(branch, call, &record);
		mem_free(lost);
	}
	mem_free(step);
	return is_taken;
}

bool call_open(struct plan_branch *branch, const struct plan_call *call)
{
	struct plan_run *run = branch->run;
	bool is_replayed = branch->replay_next != 0;
	if (call->kind == PLAN_CALL_VALUE && call->action && strcmp(call->action, "known") == 0) {
		answer_known(branch, call->id);
		return true;
	}
	bool is_value = call->kind == PLAN_CALL_VALUE || call->kind == PLAN_CALL_UNLOCK;
	if (!is_replayed && branch->is_stopping) {
		branch_give_up(branch);
		return false;
	}
	if (!take_call(branch, call))
		return false;
	if (run->replay && run->replay->left_count == 0)
		replay_close(run);
	/* A recorded answer and a value go on at once: a batch that holds what follows from a value
	 * is never durable without the value. Other new outcomes wait for branch_after(). */
	if (branch->call.is_answered && (is_replayed || is_value))
		return true;
	if (branch->call.is_answered)
		branch_after(branch, branch_go_on);
	else if (branch->call.join)
		return open_branches(branch, is_replayed);
	else if (branch->is_stopping)
		continue_stopped(branch);
	else if (!run->engine->is_rehearsal)
		call_continue(branch);
	return false;
}
