#include "core/plan/plan_run.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/plan/plan_json.h"
#include "storage/commit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A long wait is looked at again so often: the wall clock may be set while the timer sleeps. */
enum { RUN_LOOK_MS = 60 * 1000 };

void run_set_state(struct plan_run *run, enum run_state state, const char *waiting_for)
{
	bool is_same_text = waiting_for && run->waiting_for
				    ? strcmp(waiting_for, run->waiting_for) == 0
				    : waiting_for == run->waiting_for;
	if (run->state == state && is_same_text)
		return;
	run->state = state;
	char *copy = mem_copy_text(waiting_for);
	mem_free(run->waiting_for);
	run->waiting_for = copy;
	run_save(run);
	engine_kick(run->engine);
}

/* ---- waiting ---- */

static void on_durable(void *arg)
{
	struct plan_engine *engine = arg;
	struct run_wait wait = engine->waits[engine->wait_first];
	engine->wait_first = (engine->wait_first + 1) % engine->wait_capacity;
	engine->wait_count--;
	wait.run->wait_count--;
	if (wait.epoch == wait.run->epoch)
		wait.then(wait.run);
}

static void grow_waits(struct plan_engine *engine)
{
	uint32_t capacity = engine->wait_capacity == 0 ? 64 : engine->wait_capacity * 2;
	struct run_wait *grown = mem_alloc_array(capacity, sizeof(*grown));
	for (uint32_t i = 0; i < engine->wait_count; i++)
		grown[i] = engine->waits[(engine->wait_first + i) % engine->wait_capacity];
	mem_free(engine->waits);
	engine->waits = grown;
	engine->wait_capacity = capacity;
	engine->wait_first = 0;
}

void run_after(struct plan_run *run, void (*then)(struct plan_run *run))
{
	struct plan_engine *engine = run->engine;
	if (engine->wait_count == engine->wait_capacity)
		grow_waits(engine);
	uint32_t last = (engine->wait_first + engine->wait_count) % engine->wait_capacity;
	engine->waits[last] = (struct run_wait){run, ++run->epoch, then};
	engine->wait_count++;
	run->wait_count++;
	commit_after(engine->options.commit, on_durable, engine);
	engine_kick(engine);
}

static bool has_deadline(const struct plan_run *run)
{
	switch (run->state) {
	case RUN_RUNNING:
	case RUN_SLEEPING:
	case RUN_ASKING: return true;
	case RUN_IN_DOUBT:
	case RUN_BLOCKED:
	case RUN_QUEUED:
	case RUN_DONE:
	case RUN_FAILED:
	case RUN_CANCELLED: return false;
	}
	return false;
}

static void on_due(struct plan_run *run)
{
	switch (run->call.kind) {
	case PLAN_CALL_STEP: step_attempt(run); break;
	case PLAN_CALL_SLEEP: sleep_on_due(run); break;
	case PLAN_CALL_ASK: ask_on_due(run); break;
	case PLAN_CALL_VALUE: break;
	}
}

static int64_t deadline_of(const struct plan_run *run)
{
	return run->started_ms + run->timeout_ms + run->paused_ms + run->call.paused_ms;
}

static void on_time(void *arg)
{
	struct plan_run *run = arg;
	int64_t now = engine_now(run->engine);
	char text[160];
	if (has_deadline(run) && now >= deadline_of(run)) {
		snprintf(text, sizeof(text), "the run was stopped after its time-out of %lld s%s%s",
			 (long long)(run->timeout_ms / 1000),
			 run->call.is_open ? " while it was in " : "",
			 run->call.is_open ? run->call.step : "");
		run_end(run, RUN_FAILED, text);
		return;
	}
	if (run->call.is_open && run->call.due_ms != 0 && now >= run->call.due_ms)
		on_due(run);
	/* Whatever it does next, the deadline goes on; unless that was its end. */
	if (run->timer)
		run_arm(run);
}

void run_arm(struct plan_run *run)
{
	int64_t now = engine_now(run->engine);
	int64_t due = has_deadline(run) ? deadline_of(run) : INT64_MAX;
	if (run->call.is_open && run->call.due_ms != 0 && run->call.due_ms < due)
		due = run->call.due_ms;
	if (due == INT64_MAX) {
		timer_cancel(run->timer);
		return;
	}
	int64_t delay = due > now ? due - now : 0;
	timer_set(run->timer, delay < RUN_LOOK_MS ? delay : RUN_LOOK_MS);
}

/* ---- begin and end ---- */

/* Makes the runner from what RunStarted recorded, so that a replay sees what the first run saw. */
static int make_runner(struct plan_run *run, const char *params_json, const char *incident_json,
		       struct err_note *why)
{
	struct plan_factory *factory;
	int code = script_factory(run->engine, run, &factory, why);
	if (code == 0)
		code = factory->ops->start(factory, run->id, params_json, incident_json,
					   &run->runner, why);
	uint64_t seed;
	env_random(loop_env(run->engine->options.loop), &seed, sizeof(seed));
	key_table_init(&run->occurrences, seed);
	run->occurrence_capacity = 16;
	run->occurrence_counts = mem_alloc_array(16, sizeof(uint32_t));
	run->timer = timer_new(run->engine->options.loop, on_time, run);
	return code;
}

/* Later, not at once: a queue of runs that cannot start would otherwise end one inside the
 * other. */
static void fail_start(struct plan_run *run)
{
	run_end(run, RUN_FAILED, run->error);
}

void run_start(struct plan_run *run)
{
	struct plan_engine *engine = run->engine;
	struct err_note why = {{0}};
	char *incident = engine->options.incident_json
				 ? engine->options.incident_json(engine->options.arg, run->incident)
				 : NULL;
	struct journal_record record = {.type = RECORD_RUN_STARTED,
					.text = run->plan,
					.version = run->version,
					.hash = run->script->hash,
					.params_json = run->params_json,
					.incident = (int64_t)run->incident,
					.incident_json = incident ? incident : "null"};
	run->started_ms = engine_now(engine);
	run->state = RUN_RUNNING;
	run_record(run, &record);
	run_save(run);
	engine->usage.started_count++;
	engine_fact(run, "run_started", "plan %s version %u", run->plan, run->version);
	int code = make_runner(run, run->params_json, record.incident_json, &why);
	mem_free(incident);
	if (code != 0)
		run->error = mem_copy_text(why.text);
	run_after(run, code != 0 ? fail_start : run_go_on);
}

void run_resume(struct plan_run *run)
{
	struct err_note why = {{0}};
	arena_init(&run->replay_arena);
	int code = journal_read(run->engine->options.kv, run->id, &run->replay_arena, &run->replay,
				&why);
	const struct journal_record *first = run->replay.records;
	if (code == 0 && (run->replay.count == 0 || first->type != RECORD_RUN_STARTED ||
			  !first->params_json || !first->incident_json))
		code = err_set(&why, ERR_CORRUPT, "the journal does not begin with RunStarted");
	run->is_journal_lost = code != 0;
	if (code == 0) {
		run->record_count = run->replay.count;
		run->record_bytes = run->replay.bytes;
		run->replay_index = 1;
		code = make_runner(run, first->params_json, first->incident_json, &why);
	}
	if (code != 0) {
		run_block(run, "%s", why.text);
		return;
	}
	run->state = RUN_RUNNING;
	mem_free(run->waiting_for);
	run->waiting_for = NULL;
	mem_free(run->error);
	run->error = NULL;
	run_go_on(run);
}

static void end_with(struct plan_run *run, enum run_state state, const char *error,
		     const char *result_json)
{
	struct plan_engine *engine = run->engine;
	char *kept_error = mem_copy_text(error); /* `error` may be the run's own */
	struct journal_record record = {.type = RECORD_RUN_ENDED,
					.text = run_state_name(state),
					.result_json = result_json,
					.error = kept_error};
	run->epoch++;
	run->ended_ms = engine_now(engine);
	run->state = state;
	mem_free(run->waiting_for);
	run->waiting_for = NULL;
	mem_free(run->error);
	run->error = kept_error;
	if (run->started_ms != 0 && !run->is_journal_lost)
		run_record(run, &record);
	run_save(run);
	engine->ended_count++;
	engine->usage.done_count += state == RUN_DONE ? 1 : 0;
	engine->usage.failed_count += state == RUN_FAILED ? 1 : 0;
	run_release(run);
	engine_kick(engine);
	engine->hold_count++;
	if (run->started_ms != 0)
		engine_fact(run, "run_ended", "%s%s%s", run_state_name(state),
			    kept_error ? ": " : "", kept_error ? kept_error : "");
	engine_dequeue(engine, run);
	engine->hold_count--;
}

void run_end(struct plan_run *run, enum run_state state, const char *error)
{
	end_with(run, state, error, NULL);
}

/* What run() returned is kept unless it is too long: its effects have happened all the same. */
static void end_done(struct plan_run *run, const char *result_json)
{
	bool is_kept = result_json && strlen(result_json) <= RUN_RESULT_BYTES_MAX;
	if (result_json && !is_kept)
		log_warn(PLAN, "run %s: its result is longer than %d bytes and is not kept",
			 run->id, RUN_RESULT_BYTES_MAX);
	end_with(run, RUN_DONE, NULL, is_kept ? result_json : NULL);
}

void run_block(struct plan_run *run, const char *format, ...)
{
	struct bytes text = BYTES_EMPTY;
	char sentence[ERR_NOTE_BYTES_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	bytes_append_text(&text, sentence);
	run->epoch++;
	run_release(run);
	run->state = RUN_BLOCKED;
	mem_free(run->error);
	run->error = bytes_take_text(&text);
	mem_free(run->waiting_for);
	run->waiting_for = mem_copy_text("an operator: its replay cannot go on");
	run_save(run);
	engine_kick(run->engine);
	log_warn(PLAN, "run %s is blocked: %s", run->id, run->error);
	engine_fact(run, "run_blocked", "%s", run->error);
}

/* ---- driving ---- */

static bool is_replaying(const struct plan_run *run)
{
	return run->replay_index < run->replay.count;
}

/* The script ended by itself; with answers left over it is another script than the one that ran. */
static void script_ended(struct plan_run *run, enum run_state state, const char *error,
			 const char *result_json)
{
	if (is_replaying(run))
		run_block(run,
			  "the replay differs: the script %s, but the journal goes on with %s %s",
			  state == RUN_DONE ? "ended" : "failed",
			  record_type_name(run->replay.records[run->replay_index].type),
			  run->replay.records[run->replay_index].step
				  ? run->replay.records[run->replay_index].step
				  : "");
	else if (state == RUN_DONE)
		end_done(run, result_json);
	else
		run_end(run, state, error);
}

void run_go_on(struct plan_run *run)
{
	struct plan_answer answer = {0}, *given = NULL;
	run_arm(run);
	for (;;) {
		struct plan_call call = {0};
		struct err_note why = {{0}};
		char *result = NULL;
		int code = 0;
		if (run->call.is_open) {
			answer = (struct plan_answer){run->call.is_ok, run->call.result_json,
						      run->call.error};
			given = &answer;
		}
		enum plan_progress progress =
			run->runner->ops->resume(run->runner, given, &call, &result, &code, &why);
		run->paused_ms += run->call.paused_ms;
		call_clear(&run->call);
		switch (progress) {
		case PLAN_CALLED:
			if (call_open(run, &call))
				continue;
			return;
		case PLAN_FINISHED:
			script_ended(run, RUN_DONE, NULL, result);
			mem_free(result);
			return;
		case PLAN_RAISED:
			script_ended(run, RUN_FAILED, why.text[0] ? why.text : err_sentence(code),
				     NULL);
			return;
		}
	}
}
