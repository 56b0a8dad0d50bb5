/* After a restart each branch takes the records of its scope: it must ask what it asked before. */
#include "core/plan/plan_replay.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/plan/plan_run.h"

#include <string.h>

/* Chains the records of each scope. Those without a step belong to the run as a whole. */
static void chain(struct replay *replay)
{
	uint32_t count = replay->journal.count, capacity = 8;
	uint32_t *last = mem_alloc_array(capacity, sizeof(uint32_t));
	replay->next = arena_zalloc(&replay->arena, (count + 1) * sizeof(uint32_t));
	replay->first = mem_alloc_array(capacity, sizeof(uint32_t));
	for (uint32_t i = 1; i < count; i++) {
		const struct journal_record *record = &replay->journal.records[i];
		bool is_new;
		if (!record->step)
			continue;
		uint32_t slot = key_table_put(
			&replay->scopes, slice_of(record->scope ? record->scope : ""), &is_new);
		if (slot >= capacity) {
			capacity *= 2;
			last = mem_grow(last, capacity, sizeof(uint32_t));
			replay->first = mem_grow(replay->first, capacity, sizeof(uint32_t));
		}
		if (is_new)
			replay->first[slot] = i;
		else
			replay->next[last[slot]] = i;
		last[slot] = i;
		replay->left_count++;
	}
	mem_free(last);
}

static int check_start(const struct journal *journal, struct err_note *why)
{
	const struct journal_record *first = journal->records;
	if (journal->count == 0 || first->type != RECORD_RUN_STARTED || !first->params_json ||
	    !first->incident_json)
		return err_set(why, ERR_CORRUPT, "the journal does not begin with RunStarted");
	if (first->format > JOURNAL_FORMAT)
		return err_set(why, ERR_UNSUPPORTED,
			       "the journal has format %lld, and this build knows formats up to "
			       "%d: a newer one wrote it",
			       (long long)first->format, JOURNAL_FORMAT);
	return 0;
}

int replay_open(struct plan_run *run, const struct journal_record **first, struct err_note *why)
{
	uint64_t seed;
	struct replay *replay = mem_alloc(sizeof(*replay));
	env_random(loop_env(run->engine->options.loop), &seed, sizeof(seed));
	arena_init(&replay->arena);
	key_table_init(&replay->scopes, seed);
	run->replay = replay;
	int code = journal_read(run->engine->options.kv, run->id, &replay->arena, &replay->journal,
				why);
	if (code == 0)
		code = check_start(&replay->journal, why);
	if (code != 0) {
		replay_close(run);
		return code;
	}
	run->record_count = replay->journal.count;
	run->record_bytes = replay->journal.bytes;
	run->doubt_count = 0;
	run->paused_ms = 0;
	run->is_paused = false;
	run->is_gated = false;
	json_decref(run->signals);
	run->signals = NULL;
	json_decref(run->locks);
	run->locks = NULL;
	for (uint32_t i = 0; i < replay->journal.count; i++)
		run_account(run, &replay->journal.records[i]);
	chain(replay);
	*first = replay->journal.records;
	return 0;
}

void replay_close(struct plan_run *run)
{
	if (!run->replay)
		return;
	key_table_deinit(&run->replay->scopes);
	arena_deinit(&run->replay->arena);
	mem_free(run->replay->first);
	mem_free(run->replay);
	run->replay = NULL;
}

uint32_t replay_first(const struct plan_run *run, const char *scope)
{
	if (!run->replay)
		return 0;
	uint32_t slot = key_table_find(&run->replay->scopes, slice_of(scope));
	return slot == KEY_TABLE_NONE ? 0 : run->replay->first[slot];
}

static bool differs(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") != 0;
}

static const struct journal_record *take(struct plan_branch *branch)
{
	struct replay *replay = branch->run->replay;
	const struct journal_record *record = &replay->journal.records[branch->replay_next];
	branch->replay_next = replay->next[branch->replay_next];
	replay->left_count--;
	return record;
}

static const struct journal_record *peek(const struct plan_branch *branch)
{
	return branch->replay_next == 0
		       ? NULL
		       : &branch->run->replay->journal.records[branch->replay_next];
}

bool replay_has_fact(const struct plan_branch *branch, const char *id)
{
	const struct journal_record *record = peek(branch);
	return record && record->type == RECORD_VALUE && !differs(record->action, "fact") &&
	       !differs(record->id, id);
}

bool replay_call(struct plan_branch *branch, const struct plan_call *call, const char *step,
		 const char *hash)
{
	const struct journal_record *record = peek(branch);
	const char *what = NULL;
	if (!record_opens_call(record->type) || call_kind_of(record->type) != call->kind)
		what = "kind";
	else if (differs(record->step, step))
		what = "id";
	else if (differs(record->action, call->action))
		what = "action";
	else if (differs(record->hash, hash))
		what = "arguments";
	if (what) {
		run_block(branch->run,
			  "the replay differs in the %s at record %u: the journal has %s %s %s "
			  "(arguments %.8s), line %d of the script now asks for %s %s %s "
			  "(arguments %.8s)",
			  what, record->sequence, record_type_name(record->type),
			  record->step ? record->step : "", record->action ? record->action : "",
			  record->hash ? record->hash : "", call->line, call_kind_name(call->kind),
			  step, call->action ? call->action : "", hash);
		return false;
	}
	call_apply(&branch->call, take(branch));
	if (record->type == RECORD_STEP_SCHEDULED)
		step_opts_read(&branch->call.opts, record->opts_json, branch->call.effect, NULL);
	while (branch->replay_next != 0 && !record_opens_call(peek(branch)->type))
		call_apply(&branch->call, take(branch));
	return true;
}
