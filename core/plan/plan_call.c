#include "core/plan/plan_run.h"

#include "core/base/mem.h"
#include "core/plan/plan_json.h"

#include <string.h>

static const char *const effect_names[] = {"read", "idempotent", "once"};

const char *effect_name(enum effect effect)
{
	return effect_names[effect];
}

int effect_parse(const char *text)
{
	for (int i = 0; text && i < 3; i++) {
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
	mem_free(call->result_json);
	mem_free(call->error);
	*call = (struct open_call){0};
}

static enum plan_call_kind kind_of(enum record_type type)
{
	switch (type) {
	case RECORD_STEP_SCHEDULED: return PLAN_CALL_STEP;
	case RECORD_TIMER_SET: return PLAN_CALL_SLEEP;
	case RECORD_ASK_OPENED: return PLAN_CALL_ASK;
	case RECORD_VALUE:
	case RECORD_RUN_STARTED:
	case RECORD_STEP_ATTEMPT:
	case RECORD_STEP_DONE:
	case RECORD_STEP_FAILED:
	case RECORD_STEP_IN_DOUBT:
	case RECORD_TIMER_FIRED:
	case RECORD_ASK_ANSWERED:
	case RECORD_OPERATOR:
	case RECORD_RUN_ENDED: break;
	}
	return PLAN_CALL_VALUE;
}

static void answer(struct open_call *call, const struct journal_record *record)
{
	if (call->is_in_doubt)
		call->paused_ms = record->time_ms - call->doubt_ms;
	call->is_answered = true;
	call->is_attempted = false;
	call->is_in_doubt = false;
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

void call_apply(struct open_call *call, const struct journal_record *record)
{
	switch (record->type) {
	case RECORD_STEP_SCHEDULED:
	case RECORD_TIMER_SET:
	case RECORD_ASK_OPENED:
	case RECORD_VALUE:
		call->is_open = true;
		call->kind = kind_of(record->type);
		call->step = mem_copy_text(record->step);
		call->action = mem_copy_text(record->action ? record->action : "");
		call->args_json = mem_copy_text(record->args_json ? record->args_json : "{}");
		call->opened_ms = record->time_ms;
		call->due_ms = record->due_ms;
		if (record->effect && effect_parse(record->effect) >= 0)
			call->effect = (enum effect)effect_parse(record->effect);
		if (record->type == RECORD_VALUE)
			answer(call, record);
		break;
	case RECORD_STEP_ATTEMPT:
		call->attempt_count++;
		call->is_attempted = true;
		call->due_ms = 0;
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
		call->doubt_ms = record->time_ms;
		break;
	case RECORD_STEP_DONE:
	case RECORD_TIMER_FIRED:
	case RECORD_ASK_ANSWERED: answer(call, record); break;
	case RECORD_RUN_STARTED:
	case RECORD_OPERATOR:
	case RECORD_RUN_ENDED: break;
	}
}

static uint32_t next_occurrence(struct plan_run *run, const char *id)
{
	bool is_new;
	uint32_t slot = key_table_put(&run->occurrences, slice_of(id), &is_new);
	if (slot >= run->occurrence_capacity) {
		run->occurrence_capacity *= 2;
		run->occurrence_counts = mem_grow(run->occurrence_counts, run->occurrence_capacity,
						  sizeof(uint32_t));
	}
	if (is_new)
		run->occurrence_counts[slot] = 0;
	return ++run->occurrence_counts[slot];
}

static const char *call_kind_name(enum plan_call_kind kind)
{
	switch (kind) {
#define PLAN_CALL_CASE(name, text)                                                                 \
	case PLAN_CALL_##name: return text;
		PLAN_CALL_LIST(PLAN_CALL_CASE)
#undef PLAN_CALL_CASE
	}
	return "?";
}

static bool is_same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* True when the journal's next call is this one; blocks the run when it is another. */
static bool check_replay(struct plan_run *run, const struct plan_call *call, const char *step,
			 const char *hash)
{
	const struct journal_record *record = &run->replay.records[run->replay_index];
	const char *what = NULL;
	if (!record_opens_call(record->type) || kind_of(record->type) != call->kind)
		what = "kind";
	else if (!is_same_text(record->step, step))
		what = "id";
	else if (!is_same_text(record->action, call->action))
		what = "action";
	else if (!is_same_text(record->hash, hash))
		what = "arguments";
	if (!what)
		return true;
	run_block(run,
		  "the replay differs in the %s at record %u: the journal has %s %s %s (arguments "
		  "%.8s), line %d of the script now asks for %s %s %s (arguments %.8s)",
		  what, record->sequence, record_type_name(record->type),
		  record->step ? record->step : "", record->action ? record->action : "",
		  record->hash ? record->hash : "", call->line, call_kind_name(call->kind), step,
		  call->action ? call->action : "", hash);
	return false;
}

/* Takes the call and everything that the journal knows about it. */
static void replay_call(struct plan_run *run)
{
	const struct journal *journal = &run->replay;
	const struct journal_record *first = &journal->records[run->replay_index++];
	call_apply(&run->call, first);
	if (first->type == RECORD_STEP_SCHEDULED)
		step_opts_read(&run->call.opts, first->opts_json, run->call.effect, NULL);
	while (run->replay_index < journal->count &&
	       !record_opens_call(journal->records[run->replay_index].type))
		call_apply(&run->call, &journal->records[run->replay_index++]);
	if (run->replay_index < journal->count)
		return;
	run->replay = (struct journal){0};
	run->replay_index = 0;
}

static bool has_room(const struct plan_run *run, const struct plan_call *call)
{
	size_t wanted = (call->args_json ? strlen(call->args_json) : 0) +
			(call->opts_json ? strlen(call->opts_json) : 0);
	return run->record_count + RUN_RECORDS_SPARE <= run->engine->records_max &&
	       run->record_bytes + wanted + RUN_BYTES_SPARE <= RUN_BYTES_MAX;
}

static void open_new(struct plan_run *run, const struct plan_call *call,
		     struct journal_record *record)
{
	switch (call->kind) {
	case PLAN_CALL_STEP: step_open(run, record, call->opts_json); break;
	case PLAN_CALL_SLEEP: sleep_open(run, record); break;
	case PLAN_CALL_ASK: ask_open(run, record); break;
	case PLAN_CALL_VALUE: value_open(run, record); break;
	}
}

/* Does what comes next for a call that is not answered. */
static void call_continue(struct plan_run *run)
{
	switch (run->call.kind) {
	case PLAN_CALL_STEP: step_continue(run); break;
	case PLAN_CALL_SLEEP:
		run_set_state(run, RUN_SLEEPING, run->call.step);
		run_arm(run);
		break;
	case PLAN_CALL_ASK: ask_continue(run); break;
	case PLAN_CALL_VALUE: break;
	}
}

bool call_open(struct plan_run *run, const struct plan_call *call)
{
	char hash[33];
	const char *args = call->args_json ? call->args_json : "{}";
	bool is_replayed = run->replay_index < run->replay.count;
	char *step = mem_format("%s#%u", call->id, next_occurrence(run, call->id));
	journal_hash(slice_of(args), hash);
	if (is_replayed) {
		if (check_replay(run, call, step, hash)) {
			replay_call(run);
		} else {
			mem_free(step);
			return false;
		}
	} else if (!has_room(run, call)) {
		mem_free(step);
		run_end(run, RUN_FAILED, "the journal of the run is full");
		return false;
	} else {
		struct journal_record record = {.step = step,
						.id = call->id,
						.action = call->action,
						.args_json = args,
						.hash = hash};
		open_new(run, call, &record);
	}
	mem_free(step);
	/* A recorded answer and a value go on at once: a batch that holds what follows from a value
	 * is never durable without the value. Other new outcomes wait for run_after(). */
	if (run->call.is_answered && (is_replayed || call->kind == PLAN_CALL_VALUE))
		return true;
	if (run->call.is_answered)
		run_after(run, run_go_on);
	else
		call_continue(run);
	return false;
}
