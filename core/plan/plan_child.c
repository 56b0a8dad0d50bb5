#include "core/plan/plan_child.h"

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan_command.h"
#include "core/plan/plan_json.h"
#include "core/plan/plan_run.h"

#include <string.h>

enum { CALL_DAYS_MAX = 366, CHILD_LOOK_MS = 60 * 1000 };

static bool is_calling(const struct plan_branch *branch)
{
	const struct open_call *call = &branch->call;
	return call->is_open && !call->is_answered && call->kind == PLAN_CALL_CALL && call->child;
}

static struct plan_run *child_of(const struct plan_branch *branch)
{
	return is_calling(branch) ? engine_find(branch->run->engine, branch->call.child) : NULL;
}

/* It was made for this call, and for nobody else. */
static bool is_own(const struct plan_branch *branch, const struct plan_run *child)
{
	return child && child->parent && strcmp(child->parent, branch->run->id) == 0;
}

static struct plan_run *parent_of(const struct plan_run *run)
{
	return run->parent ? engine_find(run->engine, run->parent) : NULL;
}

bool child_is_below(const struct plan_run *run, const struct plan_run *above)
{
	for (int depth = 0; run && depth <= CALL_DEPTH_MAX; depth++) {
		if (run == above)
			return true;
		run = parent_of(run);
	}
	return false;
}

/* ---- open ---- */

static void end_call(struct plan_branch *branch, const char *result_json, const char *error)
{
	const struct plan_run *child = child_of(branch);
	struct journal_record record = {.type = RECORD_CHILD_ENDED,
					.step = branch->call.step,
					.child = branch->call.child,
					.result_json = result_json,
					.error = error,
					.paused_ms = child ? child->paused_ms : 0};
	branch_record(branch, &record);
}

static int read_args(const char *args_json, char **params, int64_t *timeout_ms, bool *is_detached,
		     struct err_note *why)
{
	static const char *const names[] = {"params", "timeout_ms", "detach", NULL};
	json_t *args = plan_json_parse(args_json);
	const json_t *given = json_object_get(args, "params");
	const json_t *timeout = json_object_get(args, "timeout_ms");
	int code = plan_json_check_names(args, "the arguments of a call", names, why);
	*timeout_ms = json_integer_value(timeout);
	*is_detached = json_is_true(json_object_get(args, "detach"));
	if (code == 0 && timeout &&
	    (*timeout_ms < 1 || *timeout_ms > CALL_DAYS_MAX * INT64_C(86400000)))
		code = err_set(why, ERR_INVALID,
			       "the time-out of a call must be a span of at most 366 days");
	if (code == 0 && given)
		*params = plan_json_text(given);
	json_decref(args);
	return code;
}

static int start_child(const struct plan_branch *branch, const struct journal_record *record,
		       const char *params, bool is_detached, char **child, struct err_note *why)
{
	const struct plan_run *run = branch->run;
	if (run->depth + 1 > CALL_DEPTH_MAX)
		return err_set(why, ERR_FULL,
			       "plan %.100s was not started: calls are at most %d deep",
			       record->action, CALL_DEPTH_MAX);
	char *cause = mem_format("run %s, %s", run->id, record->step);
	struct plan_start start = {.plan = record->action,
				   .params_json = params,
				   .incident = run->incident,
				   .starter = run->starter,
				   .cause = cause,
				   .is_drill = run->is_drill,
				   .caller = run->id,
				   .is_detached = is_detached};
	int code = plan_engine_start(run->engine, &start, child, why);
	mem_free(cause);
	return code;
}

void child_open(struct plan_branch *branch, struct journal_record *record)
{
	struct plan_engine *engine = branch->run->engine;
	struct err_note why = {{0}};
	char *child = NULL, *params = NULL;
	int64_t timeout_ms = 0;
	bool is_detached = false;
	int code = read_args(record->args_json, &params, &timeout_ms, &is_detached, &why);
	if (code == 0)
		code = start_child(branch, record, params, is_detached, &child, &why);
	struct plan_run *started = child ? engine_find(engine, child) : NULL;
	if (started)
		started->has_callers = started->has_callers || !is_detached;
	record->type = RECORD_CHILD_STARTED;
	record->child = child;
	record->version = started ? started->version : 0;
	record->due_ms = timeout_ms > 0 ? engine_now(engine) + timeout_ms : 0;
	branch_record(branch, record);
	if (code != 0) {
		end_call(branch, NULL, why.text);
	} else if (is_detached) {
		char *result = mem_format("{\"run\":\"%s\",\"state\":\"started\"}", child);
		end_call(branch, result, NULL);
		mem_free(result);
	}
	mem_free(params);
	mem_free(child);
}

/* ---- the child has ended ---- */

/* What its run() returned, from the end of its journal. */
static json_t *read_result(const struct plan_run *child)
{
	struct arena arena;
	struct journal journal = {0};
	json_t *result = NULL;
	if (child->result_json)
		return plan_json_parse(child->result_json);
	arena_init(&arena);
	if (journal_read(child->engine->options.kv, child->id, &arena, &journal, NULL) == 0 &&
	    journal.count > 0 && journal.records[journal.count - 1].type == RECORD_RUN_ENDED &&
	    journal.records[journal.count - 1].result_json)
		result = plan_json_parse(journal.records[journal.count - 1].result_json);
	arena_deinit(&arena);
	return result;
}

/* The child stays named in the answer: what it did is in its own journal. */
static void settle(struct plan_branch *branch, const struct plan_run *child)
{
	if (child->state == RUN_DONE) {
		json_t *result = json_object(), *value = read_result(child);
		json_object_set_new(result, "run", json_string(child->id));
		json_object_set_new(result, "state", json_string(run_state_name(child->state)));
		json_object_set_new(result, "result", value ? value : json_null());
		char *text = plan_json_text(result);
		end_call(branch, text, NULL);
		mem_free(text);
		json_decref(result);
	} else {
		char *error =
			mem_format("run %s is %s%s%.1000s", child->id, run_state_name(child->state),
				   child->error ? ": " : "", child->error ? child->error : "");
		end_call(branch, NULL, error);
		mem_free(error);
	}
}

static void go_on(struct plan_branch *branch)
{
	branch_set_state(branch, RUN_RUNNING, NULL);
	branch_after(branch, branch_go_on);
}

/* Its end may not be durable yet, so the journal cannot tell it: it is kept while a caller may come
 * that is parked, or not brought back yet. */
static void forget_result(struct plan_run *ended)
{
	const struct plan_run *parent = parent_of(ended);
	if (ended->engine->is_resuming || (parent && parent->is_parked))
		return;
	mem_free(ended->result_json);
	ended->result_json = NULL;
}

void child_continue(struct plan_branch *branch)
{
	struct plan_run *child = child_of(branch);
	if (child)
		child->has_callers = true;
	if (!child)
		end_call(branch, NULL, "its run is not known any more");
	else if (run_is_ended(child))
		settle(branch, child);
	if (child && branch->call.is_answered)
		forget_result(child);
	if (branch->call.is_answered) {
		go_on(branch);
		return;
	}
	char *text = mem_format("%s: run %s", branch->call.step, branch->call.child);
	branch_set_state(branch, RUN_WAITING, text);
	mem_free(text);
	run_arm(branch->run);
}

void child_tell(struct plan_run *ended, const char *result_json)
{
	struct plan_engine *engine = ended->engine;
	struct plan_run *parent = parent_of(ended);
	ended->result_json = mem_copy_text(result_json);
	for (uint32_t i = 0; ended->has_callers && i < engine->run_count; i++) {
		struct plan_run *run = engine->runs[i];
		for (uint32_t b = 0; b < run->branch_count; b++) {
			if (!is_calling(run->branches[b]) ||
			    strcmp(run->branches[b]->call.child, ended->id) != 0)
				continue;
			settle(run->branches[b], ended);
			go_on(run->branches[b]);
		}
	}
	if (parent && parent->is_parked) {
		parent->wake_ms = engine_now(engine);
		run_arm(parent);
	}
	forget_result(ended);
}

void child_look_all(struct plan_engine *engine)
{
	for (uint32_t i = 0; i < engine->run_count; i++) {
		struct plan_run *run = engine->runs[i];
		struct plan_run *parent = run_is_ended(run) ? parent_of(run) : NULL;
		forget_result(run);
		if (!parent || !parent->is_parked)
			continue;
		parent->wake_ms = engine_now(engine);
		run_arm(parent);
	}
}

bool child_is_wanted(const struct plan_run *run)
{
	const struct plan_run *parent = parent_of(run);
	return parent && !run_is_ended(parent);
}

/* ---- the caller ends it ---- */

static void cancel(struct plan_run *child, const char *caller, const char *reason)
{
	char *actor = mem_format("run %s", caller);
	run_cancel(child, &(struct plan_operator){.actor = actor, .reason = reason});
	mem_free(actor);
}

/* False: it has not begun, or cannot go on. */
static bool roll_back(struct plan_run *child, const char *caller)
{
	char *actor = mem_format("run %s", caller);
	struct plan_operator by = {.actor = actor, .reason = "it is rolled back"};
	int code = plan_engine_rollback(child->engine, child->id, &by, NULL);
	mem_free(actor);
	return code == 0;
}

void child_give_up(struct plan_branch *branch, const char *reason)
{
	struct plan_run *child = child_of(branch);
	if (!is_own(branch, child) || run_is_ended(child))
		return;
	/* The call is over for the branch: the end of the child tells it nothing. */
	mem_free(branch->call.child);
	branch->call.child = NULL;
	/* At a start the caller comes first: what the child has recorded is not known yet. */
	if (!child->timer && child->state != RUN_QUEUED && child->state != RUN_BLOCKED)
		run_resume(child);
	if (run_is_ended(child) || child->is_unwinding)
		return;
	if (!branch->run->is_unwinding || !roll_back(child, branch->run->id))
		cancel(child, branch->run->id, reason);
}

void child_cancel_all(struct plan_run *ended)
{
	struct plan_engine *engine = ended->engine;
	/* Those in the queue first: else the place of a cancelled one would start them. */
	for (int is_started = 0; is_started <= 1; is_started++) {
		for (uint32_t i = 0; i < engine->run_count; i++) {
			struct plan_run *run = engine->runs[i];
			if (run->parent && !run_is_ended(run) && !run->is_unwinding &&
			    (is_started || run->state == RUN_QUEUED) &&
			    strcmp(run->parent, ended->id) == 0)
				cancel(run, ended->id, "the run that called it has ended");
		}
	}
}

static bool needs_person(const struct plan_run *run)
{
	return run->state == RUN_IN_DOUBT || run->state == RUN_BLOCKED ||
	       run->state == RUN_PAUSED || child_needs_person(run);
}

bool child_needs_person(const struct plan_run *run)
{
	for (uint32_t i = 0; i < run->branch_count; i++) {
		const struct plan_run *child = child_of(run->branches[i]);
		if (child && needs_person(child))
			return true;
	}
	return false;
}

int64_t child_paused_ms(const struct plan_run *run)
{
	int64_t paused_ms = 0;
	for (uint32_t i = 0; i < run->branch_count; i++) {
		const struct plan_run *child = child_of(run->branches[i]);
		paused_ms += child ? child->paused_ms : 0;
	}
	return paused_ms;
}

void child_on_due(struct plan_branch *branch)
{
	struct plan_run *child = child_of(branch);
	if (child && needs_person(child)) {
		branch->call.due_ms = engine_now(branch->run->engine) + CHILD_LOOK_MS;
		return;
	}
	char *error = mem_format("run %s did not end within the time-out of the call",
				 branch->call.child);
	bool is_cancelled = is_own(branch, child) && !run_is_ended(child);
	end_call(branch, NULL, error);
	go_on(branch);
	mem_free(error);
	if (is_cancelled)
		cancel(child, branch->run->id, "the time-out of the call is over");
}

bool child_may_park(const struct plan_branch *branch)
{
	const struct plan_run *child = child_of(branch);
	return is_own(branch, child) && !run_is_ended(child);
}
