/* A call that waits for branches.
 *
 *      BranchesOpened -> begin, as many as `limit` allows -> … -> Choice -> answered
 *
 *  all, settle: the Choice is made when all have ended. What failed is told in the answer; with
 *  more failures than `max_errors` no more begin, but those that run are not disturbed.
 *  any: the Choice is made when the first has ended well; the others are stopped (branch_stop).
 *  The answer follows when the Choice is made and none runs any more. It needs no record: it is
 *  made of the Choice and of what the branches' own records say.
 *
 *  Replay: a Choice says how many had begun; without one those with records begin. A branch of a
 *  chosen call asks for nothing that is not recorded: it is stopped there, or it is another script.
 */
#include "core/plan/plan_branch.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan_json.h"
#include "core/plan/plan_replay.h"
#include "core/plan/plan_run.h"

#include <string.h>

static int read_mode(const char *text)
{
	static const char *const modes[] = {"all", "any", "settle"};
	for (int i = 0; text && i < 3; i++) {
		if (strcmp(modes[i], text) == 0)
			return i;
	}
	return -1;
}

/* Absent: `otherwise`; wrong: 0 or less. */
static json_int_t read_count(const json_t *args, const char *name, json_int_t otherwise)
{
	const json_t *value = json_object_get(args, name);
	json_int_t count = json_integer_value(value);
	return !value ? otherwise : count > UINT32_MAX ? UINT32_MAX : count;
}

struct join *join_new(const char *args_json)
{
	json_t *args = plan_json_parse(args_json);
	json_t *names = json_object_get(args, "names");
	int mode = read_mode(json_string_value(json_object_get(args, "mode")));
	json_int_t count = read_count(args, "count", (json_int_t)json_array_size(names));
	json_int_t limit = read_count(args, "limit", count);
	json_int_t errors_max = read_count(args, "max_errors", UINT32_MAX);
	struct join *join = NULL;
	if (mode >= 0 && count > 0 && limit > 0 && errors_max >= 0 &&
	    (!names || json_array_size(names) == (size_t)count)) {
		join = mem_alloc(sizeof(*join));
		join->mode = (enum join_mode)mode;
		join->names = json_incref(names);
		join->count = (uint32_t)count;
		join->limit = (uint32_t)(limit < count ? limit : count);
		join->errors_max = (uint32_t)errors_max;
		join->errors = json_object();
		join->order = json_array();
	}
	json_decref(args);
	return join;
}

void join_free(struct join *join)
{
	if (!join)
		return;
	json_decref(join->names);
	json_decref(join->errors);
	json_decref(join->order);
	mem_free(join->winner);
	mem_free(join);
}

static char *join_name(const struct join *join, uint32_t index)
{
	const char *name = json_string_value(json_array_get(join->names, index));
	return name ? mem_copy_text(name) : mem_format("%u", index + 1);
}

void join_open(struct plan_branch *parent, struct journal_record *record)
{
	const char *error = NULL;
	record->type = RECORD_BRANCHES_OPENED;
	branch_record(parent, record);
	const struct join *join = parent->call.join;
	if (!join)
		error = "the branches must be named or counted, and their limit at least 1";
	else if (parent->run->branch_count + join->limit > RUN_BRANCHES_MAX)
		error = "a run has at most 256 branches at once";
	if (!error)
		return;
	struct journal_record choice = {
		.type = RECORD_CHOICE, .step = parent->call.step, .error = error};
	branch_record(parent, &choice);
}

void join_want_recorded(struct plan_branch *parent)
{
	struct join *join = parent->call.join;
	for (uint32_t i = 0; parent->run->replay && i < join->count; i++) {
		char *name = join_name(join, i);
		char *use = mem_format("%s/", name);
		char *scope = branch_scope(parent, name,
					   run_occurrence(parent->run, parent->scope, use) + 1);
		if (replay_first(parent->run, scope) != 0)
			join->wanted_count = i + 1;
		mem_free(scope);
		mem_free(use);
		mem_free(name);
	}
}

/* ---- begin ---- */

static bool may_start(const struct plan_branch *parent)
{
	const struct join *join = parent->call.join;
	if (join->started_count == join->count)
		return false;
	bool is_wanted = join->started_count < join->wanted_count;
	/* In the replay of a paused run those that had ended are held before their end. */
	if (join->running_count >= join->limit && !(is_wanted && parent->run->is_paused))
		return false;
	if (is_wanted)
		return true;
	return !join->is_chosen && !join->winner && !parent->is_stopping &&
	       join->failed_count <= join->errors_max;
}

static void start_next(struct plan_branch *parent)
{
	struct plan_run *run = parent->run;
	struct join *join = parent->call.join;
	struct err_note why = {{0}};
	uint32_t number;
	if (join->started_count >= join->wanted_count && !run_has_room(run, 1)) {
		run_end(run, RUN_FAILED, "the journal of the run is full");
		return;
	}
	if (run->runner->ops->fork(run->runner, parent->number, join->started_count, &number,
				   &why) != 0) {
		run_end(run, RUN_FAILED, why.text);
		return;
	}
	char *name = join_name(join, join->started_count);
	struct plan_branch *branch = branch_new(run, parent, number, name);
	join->started_count++;
	join->running_count++;
	bool is_loser = join->is_chosen && join->mode == JOIN_ANY &&
			(!join->winner || strcmp(join->winner, name) != 0);
	branch->is_stopping = parent->is_stopping || is_loser;
	mem_free(name);
	branch_go_on(branch);
}

/* ---- end ---- */

void join_stop_branches(struct plan_branch *parent)
{
	struct plan_run *run = parent->run;
	struct join *join = parent->call.join;
	bool was_busy = join->is_busy;
	join->is_busy = true;
	/* From the last one: what ends with a branch are its own branches, which began after it. */
	for (uint32_t i = run->branch_count; i-- > 0;) {
		if (run->branches[i]->parent == parent)
			branch_stop(run->branches[i]);
		if (!run_is_live(run))
			return;
	}
	join->is_busy = was_busy;
}

static void choose(struct plan_branch *parent)
{
	struct join *join = parent->call.join;
	char *order = plan_json_text(join->order);
	struct journal_record record = {.type = RECORD_CHOICE,
					.step = parent->call.step,
					.winner = join->winner,
					.order_json = order,
					.started = join->started_count};
	branch_record(parent, &record);
	mem_free(order);
	if (join->mode == JOIN_ANY)
		join_stop_branches(parent);
}

static void answer(struct plan_branch *parent)
{
	struct join *join = parent->call.join;
	json_t *result = json_object();
	json_object_set_new(result, "started", json_integer(join->started_count));
	if (join->winner)
		json_object_set_new(result, "winner", json_string(join->winner));
	else
		json_object_set(result, "errors", join->errors);
	parent->call.result_json = plan_json_text(result);
	parent->call.is_answered = true;
	parent->call.is_ok = true;
	json_decref(result);
	if (!parent->is_opening)
		branch_after(parent, branch_go_on);
}

void join_look(struct plan_branch *parent)
{
	struct plan_run *run = parent->run;
	struct join *join = parent->call.join;
	if (join->is_busy || parent->call.is_answered)
		return;
	join->is_busy = true;
	while (may_start(parent)) {
		start_next(parent);
		if (!run_is_live(run))
			return;
	}
	if (!join->is_chosen && !parent->is_stopping && (join->winner || join->running_count == 0))
		choose(parent);
	if (!run_is_live(run))
		return;
	join->is_busy = false;
	if (join->running_count > 0)
		return;
	if (join->is_chosen)
		answer(parent);
	else if (!parent->is_opening)
		branch_give_up(parent);
}

void join_ended(struct plan_branch *parent, const char *name, bool is_given_up, const char *error)
{
	struct join *join = parent->call.join;
	join->running_count--;
	if (!is_given_up) {
		json_array_append_new(join->order, json_string(name));
		if (error) {
			join->failed_count++;
			json_object_set_new(join->errors, name,
					    plan_json_clean(slice_of(error), 4096));
		} else if (join->mode == JOIN_ANY && !join->winner && !join->is_chosen) {
			join->winner = mem_copy_text(name);
		}
	}
	run_refresh(parent->run);
	join_look(parent);
}
