#include "core/plan/plan_branch.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan_replay.h"
#include "core/plan/plan_run.h"

#include <string.h>

/* ---- how often an id was called ---- */

static char *occurrence_key(const char *scope, const char *id)
{
	return mem_format("%s%s%s", scope, scope[0] ? "/" : "", id);
}

uint32_t run_occurrence(const struct plan_run *run, const char *scope, const char *id)
{
	char *key = occurrence_key(scope, id);
	uint32_t slot = key_table_find(&run->occurrences, slice_of(key));
	mem_free(key);
	return slot == KEY_TABLE_NONE ? 0 : run->occurrence_counts[slot];
}

uint32_t run_next_occurrence(struct plan_run *run, const char *scope, const char *id)
{
	bool is_new;
	char *key = occurrence_key(scope, id);
	uint32_t slot = key_table_put(&run->occurrences, slice_of(key), &is_new);
	mem_free(key);
	if (slot >= run->occurrence_capacity) {
		run->occurrence_capacity = run->occurrence_capacity * 2;
		run->occurrence_counts = mem_grow(run->occurrence_counts, run->occurrence_capacity,
						  sizeof(uint32_t));
	}
	if (is_new)
		run->occurrence_counts[slot] = 0;
	return ++run->occurrence_counts[slot];
}

/* ---- life ---- */

char *branch_scope(const struct plan_branch *parent, const char *name, uint32_t occurrence)
{
	char *path = occurrence_key(parent->scope, name);
	if (occurrence <= 1)
		return path;
	char *scope = mem_format("%s#%u", path, occurrence);
	mem_free(path);
	return scope;
}

struct plan_branch *branch_new(struct plan_run *run, struct plan_branch *parent, uint32_t number,
			       const char *name)
{
	struct plan_branch *branch = mem_alloc(sizeof(*branch));
	if (run->branch_count == run->branch_capacity) {
		run->branch_capacity = run->branch_capacity == 0 ? 1 : run->branch_capacity * 2;
		run->branches =
			mem_grow(run->branches, run->branch_capacity, sizeof(struct plan_branch *));
	}
	run->branches[run->branch_count++] = branch;
	branch->run = run;
	branch->parent = parent;
	branch->number = number;
	branch->name = mem_copy_text(name);
	branch->state = RUN_RUNNING;
	if (parent) {
		/* No id ends with a slash: scopes are counted apart from steps. */
		char *use = mem_format("%s/", name);
		branch->scope =
			branch_scope(parent, name, run_next_occurrence(run, parent->scope, use));
		mem_free(use);
	} else {
		/* No id has a '#': no branch of a script has this scope. */
		branch->is_rollback = name != NULL;
		branch->scope = mem_copy_text(name ? name : "");
	}
	branch->is_stopping = run->is_unwinding && !branch->is_rollback;
	branch->replay_next = replay_first(run, branch->scope);
	return branch;
}

void branch_free(struct plan_branch *branch)
{
	struct plan_run *run = branch->run;
	uint32_t i = 0;
	while (i < run->branch_count && run->branches[i] != branch)
		i++;
	run->branch_count--;
	memmove(&run->branches[i], &run->branches[i + 1],
		(run->branch_count - i) * sizeof(struct plan_branch *));
	plan_action_cancel(branch->action);
	call_clear(&branch->call);
	mem_free(branch->scope);
	mem_free(branch->name);
	mem_free(branch->waiting_for);
	mem_free(branch);
}

/* ---- driving ---- */

/* The script ended by itself; with answers left over it is another script than the one that ran. */
static bool is_replay_left(struct plan_branch *branch, const char *how)
{
	const struct plan_run *run = branch->run;
	if (branch->replay_next == 0)
		return false;
	const struct journal_record *record = &run->replay->journal.records[branch->replay_next];
	run_block(branch->run,
		  "the replay differs: the script %s%s%s, but the journal goes on with %s %s", how,
		  branch->scope[0] ? " in branch " : "", branch->scope,
		  record_type_name(record->type), record->step ? record->step : "");
	return true;
}

/* Ends the branch: it tells its parent. The main one has none: a rollback follows it. */
static void end(struct plan_branch *branch, bool is_given_up, const char *error)
{
	struct plan_run *run = branch->run;
	struct plan_branch *parent = branch->parent;
	char *name = mem_copy_text(branch->name);
	char *kept_error = mem_copy_text(error);
	if (error && !is_given_up)
		engine_fact(run, "branch_failed", "%s: %s", branch->scope, error);
	run->runner->ops->drop(run->runner, branch->number);
	lock_free_branch(branch);
	branch_free(branch);
	if (parent)
		join_ended(parent, name, is_given_up, kept_error);
	else
		rollback_begin(run);
	mem_free(name);
	mem_free(kept_error);
}

static void finished(struct plan_branch *branch, const char *result_json)
{
	if (is_replay_left(branch, "ended"))
		return;
	if (branch->is_stopping && !branch->parent)
		end(branch, true, NULL);
	else if (branch->parent)
		end(branch, false, NULL);
	else
		run_end_done(branch->run, result_json);
}

/* What a script raises fails its branch; a spent budget or memory is the whole run's. */
static void raised(struct plan_branch *branch, int code, const char *error)
{
	if (is_replay_left(branch, "failed"))
		return;
	bool has_followed = branch->parent || branch->is_stopping;
	if (has_followed && code != ERR_BUDGET && code != ERR_MEMORY)
		end(branch, !branch->parent, error);
	else
		run_end(branch->run, RUN_FAILED, error);
}

void branch_go_on(struct plan_branch *branch)
{
	struct plan_run *run = branch->run;
	struct plan_answer answer = {0}, *given = NULL;
	run_arm(run);
	if (branch->is_gate && !gate_pass(branch))
		return;
	for (;;) {
		if (branch_holds(branch, branch_go_on))
			return;
		struct plan_call call = {0};
		struct err_note why = {{0}};
		char *result = NULL;
		int code = 0;
		given = NULL;
		if (branch->call.is_open) {
			answer = (struct plan_answer){branch->call.is_ok, branch->call.result_json,
						      branch->call.error};
			given = &answer;
		}
		enum plan_progress progress = run->runner->ops->resume(
			run->runner, branch->number, given, &call, &result, &code, &why);
		call_clear(&branch->call);
		switch (progress) {
		case PLAN_CALLED:
			if (call_open(branch, &call))
				continue;
			return;
		case PLAN_FINISHED:
			finished(branch, result);
			mem_free(result);
			return;
		case PLAN_RAISED:
			raised(branch, code, why.text[0] ? why.text : err_sentence(code));
			return;
		}
	}
}

/* ---- stopping ---- */

void branch_give_up(struct plan_branch *branch)
{
	if (branch->action)
		engine_fact(branch->run, "branch_stopped", "%s was stopped while %s was being sent",
			    branch->scope, branch->call.step);
	child_give_up(branch, "another branch has won");
	end(branch, true, NULL);
}

void branch_stop(struct plan_branch *branch)
{
	branch->is_stopping = true;
	if (branch->is_opening || branch->call.is_answered)
		return;
	if (branch->call.kind == PLAN_CALL_BRANCHES && branch->call.is_open) {
		join_stop_branches(branch);
		join_look(branch);
	} else if (!branch->call.is_open || branch->call.kind != PLAN_CALL_STEP ||
		   !step_must_be_known(branch)) {
		branch_give_up(branch);
	}
}
