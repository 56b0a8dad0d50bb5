#include "core/plan/plan_run.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/plan/plan_drill.h"
#include "core/plan/plan_json.h"
#include "core/plan/plan_replay.h"
#include "storage/commit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Makes the runner from what RunStarted recorded, so that a replay sees what the first run saw. */
static int make_runner(struct plan_run *run, const char *params_json, const char *incident_json,
		       struct err_note *why)
{
	struct plan_factory *factory;
	int code = script_factory(run->engine, run, &factory, why);
	if (code == 0)
		code = factory->ops->start(factory, run->id, params_json, incident_json,
					   &run->runner, why);
	run->engine->awake_count += code == 0 ? 1 : 0;
	return code;
}

static void make_main_branch(struct plan_run *run)
{
	uint64_t seed;
	env_random(loop_env(run->engine->options.loop), &seed, sizeof(seed));
	key_table_init(&run->occurrences, seed);
	run->occurrence_capacity = 16;
	run->occurrence_counts = mem_alloc_array(16, sizeof(uint32_t));
	run->timer = timer_new(run->engine->options.loop, run_on_time, run);
	branch_new(run, NULL, 0, NULL);
}

/* Now, and not when the run was made: of many that start at once few are awake together, and a
 * queue of runs that cannot start does not end one inside the other. */
static void start_script(struct plan_branch *branch)
{
	struct plan_run *run = branch->run;
	struct err_note why = {{0}};
	int code = make_runner(run, run->params_json, run->incident_json, &why);
	mem_free(run->incident_json);
	run->incident_json = NULL;
	if (code != 0)
		run_end(run, RUN_FAILED, why.text);
	else
		gate_begin(branch);
}

void run_start(struct plan_run *run)
{
	struct plan_engine *engine = run->engine;
	char *incident = engine->options.incident_json
				 ? engine->options.incident_json(engine->options.arg, run->incident)
				 : NULL;
	run->incident_json = incident ? incident : mem_copy_text("null");
	struct journal_record record = {.type = RECORD_RUN_STARTED,
					.text = run->plan,
					.format = JOURNAL_FORMAT,
					.version = run->version,
					.hash = run->script->hash,
					.params_json = run->params_json,
					.opts_json = run->gate_json,
					.actor = run->starter,
					.reason = run->cause,
					.is_drill = run->is_drill,
					.incident = (int64_t)run->incident,
					.incident_json = run->incident_json};
	run->started_ms = engine_now(engine);
	run->state = RUN_RUNNING;
	run_record(run, &record);
	run_save(run);
	engine->usage.started_count++;
	engine_fact(run, "run_started", "plan %s version %u%s%s%s%s", run->plan, run->version,
		    run->starter ? " by " : "", run->starter ? run->starter : "",
		    run->cause ? ": " : "", run->cause ? run->cause : "");
	make_main_branch(run);
	branch_after(run->branches[0], start_script);
}

void run_resume(struct plan_run *run)
{
	struct err_note why = {{0}};
	const struct journal_record *first;
	int code = replay_open(run, &first, &why);
	run->is_journal_lost = code != 0;
	if (code == 0)
		code = make_runner(run, first->params_json, first->incident_json, &why);
	if (code != 0) {
		run_block(run, "%s", why.text);
		return;
	}
	make_main_branch(run);
	run->state = RUN_RUNNING;
	mem_free(run->waiting_for);
	run->waiting_for = NULL;
	mem_free(run->error);
	run->error = NULL;
	mem_free(run->gate_json);
	run->gate_json = mem_copy_text(first->opts_json);
	if (run->replay->left_count == 0)
		replay_close(run);
	gate_begin(run->branches[0]);
	if (run_is_live(run) && run->replay)
		run_block(run,
			  "the replay differs: the journal has %u records of branches that "
			  "the script did not begin",
			  run->replay->left_count);
}

static void account_operator(struct plan_run *run, const struct journal_record *record)
{
	const char *text = record->text ? record->text : "";
	bool ends_doubt = record->is_final || strcmp(text, "it happened") == 0 ||
			  strcmp(text, "it did not happen") == 0;
	if (record->step && ends_doubt && run->doubt_count > 0)
		run->doubt_count--;
	if (!record->step && strcmp(text, "pause") == 0)
		run->is_paused = true;
	if (!record->step && strcmp(text, "resume") == 0)
		run->is_paused = false;
}

void run_account(struct plan_run *run, const struct journal_record *record)
{
	bool was_stopped = run->doubt_count > 0 || run->is_paused || run->is_gated;
	if (record->type == RECORD_STEP_IN_DOUBT)
		run->doubt_count++;
	if (record->type == RECORD_STEP_FAILED && record->text && run->doubt_count > 0)
		run->doubt_count--;
	if (record->type == RECORD_OPERATOR)
		account_operator(run, record);
	gate_account(run, record);
	bool is_stopped = run->doubt_count > 0 || run->is_paused || run->is_gated;
	if (!was_stopped && is_stopped)
		run->doubt_ms = record->time_ms;
	if (was_stopped && !is_stopped)
		run->paused_ms += record->time_ms - run->doubt_ms;
	if (record->type == RECORD_CHILD_ENDED)
		run->paused_ms += record->paused_ms;
	rollback_account(run, record);
	signal_account(run, record);
	lock_account(run, record);
}

static void end_with(struct plan_run *run, enum run_state state, const char *error,
		     const char *result_json)
{
	struct plan_engine *engine = run->engine;
	if (run->is_unwinding)
		state = state == RUN_DONE ? RUN_ROLLED_BACK : RUN_ROLLBACK_FAILED;
	char *kept_error = mem_copy_text(error); /* `error` may be the run's own */
	struct journal_record record = {.type = RECORD_RUN_ENDED,
					.text = run_state_name(state),
					.result_json = result_json,
					.error = kept_error};
	run->ended_ms = engine_now(engine);
	run->wake_ms = 0;
	run->state = state;
	mem_free(run->waiting_for);
	run->waiting_for = NULL;
	mem_free(run->error);
	run->error = kept_error;
	if (run->started_ms != 0 && !run->is_journal_lost)
		run_record(run, &record);
	run_save(run);
	drill_on_end(run);
	engine->ended_count++;
	engine->usage.done_count += state == RUN_DONE ? 1 : 0;
	engine->usage.failed_count += state == RUN_FAILED || state == RUN_ROLLBACK_FAILED ? 1 : 0;
	run_release(run);
	lock_free_run(run);
	engine_kick(engine);
	engine->hold_count++;
	if (run->started_ms != 0)
		engine_fact(run, "run_ended", "%s%s%s", run_state_name(state),
			    kept_error ? ": " : "", kept_error ? kept_error : "");
	breaker_look(run);
	child_tell(run, result_json);
	child_cancel_all(run);
	engine_dequeue(engine, run);
	engine->hold_count--;
}

void run_end(struct plan_run *run, enum run_state state, const char *error)
{
	end_with(run, state, error, NULL);
}

/* What run() returned is kept unless it is too long: its effects have happened all the same. */
void run_end_done(struct plan_run *run, const char *result_json)
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
	run_release(run);
	run->wake_ms = 0;
	run->state = RUN_BLOCKED;
	mem_free(run->error);
	run->error = bytes_take_text(&text);
	mem_free(run->waiting_for);
	run->waiting_for = mem_copy_text("an operator: its replay cannot go on");
	run_save(run);
	engine_kick(run->engine);
	if (!run->engine->is_rehearsal)
		log_warn(PLAN, "run %s is blocked: %s", run->id, run->error);
	engine_fact(run, "run_blocked", "%s", run->error);
}
