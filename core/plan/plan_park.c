/* A run that waits for a time or a person needs no script: its journal makes one when it goes on.
 *
 *      awake -all branches wait, too many are awake-> parked
 *      parked -due, a command-> replay -> awake
 *
 *  The row of the run says when it must wake (`wake_ms`), so a start need not replay those that
 *  wait. RUNS_AWAKE_MAX runs keep their scripts: a site with few runs never parks one.
 */
#include "core/plan/plan_run.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/loop/loop.h"
#include "storage/commit.h"

#include <malloc.h>

/* A shorter wait is not worth a replay. */
enum { PARK_WAIT_MS = 5000 };

static bool is_waiting(const struct plan_branch *branch)
{
	const struct open_call *call = &branch->call;
	if (!call->is_open || call->is_answered || branch->is_stopping)
		return false;
	switch (call->kind) {
	case PLAN_CALL_SLEEP:
	case PLAN_CALL_SIGNAL:
	case PLAN_CALL_ASK: return true;
	case PLAN_CALL_CALL: return child_may_park(branch);
	case PLAN_CALL_BRANCHES: return call->join && call->join->running_count > 0;
	case PLAN_CALL_LOCK: /* its place in line is looked for among those that are awake */
	case PLAN_CALL_UNLOCK:
	case PLAN_CALL_STEP:
	case PLAN_CALL_VALUE: break;
	}
	return false;
}

int64_t run_wake_ms(const struct plan_run *run)
{
	int64_t wake = run->is_gated ? INT64_MAX : run_deadline_ms(run);
	if (run->is_paused)
		return 0;
	for (uint32_t i = 0; i < run->branch_count; i++) {
		if (!is_waiting(run->branches[i]))
			return 0;
		int64_t due = run->branches[i]->call.due_ms;
		wake = due != 0 && due < wake ? due : wake;
	}
	return run->branch_count > 0 ? wake : 0;
}

static bool may_park(const struct plan_run *run)
{
	return !run->is_parked && run->engine->awake_count > run->engine->awake_max &&
	       run->wait_count == 0 && run->wake_ms != 0 &&
	       run->wake_ms - engine_now(run->engine) > PARK_WAIT_MS;
}

void run_consider_parking(struct plan_run *run)
{
	bool is_durable = run->durable_count == run->record_count;
	if (!may_park(run))
		return;
	/* Its question may be looked up while a commit lands, and then nothing can be flushed. The
	 * others are parked at once: of many that start together few are awake. */
	if (!is_durable && run->state == RUN_ASKING) {
		run_hold_until_durable(run);
		return;
	}
	run_release(run);
	run_park(run);
	if (!is_durable)
		run_hold_until_durable(run);
	/* The last one of a burst: its memory is not kept for the next. */
	if (run->engine->awake_count == run->engine->awake_max)
		malloc_trim(0);
}

void run_park(struct plan_run *run)
{
	run->is_parked = true;
	run->timer = timer_new(run->engine->options.loop, run_on_time, run);
	run_arm(run);
}

bool run_may_stay_parked(const struct plan_run *run)
{
	return run->engine->awake_count >= run->engine->awake_max &&
	       run->wake_ms - engine_now(run->engine) > PARK_WAIT_MS;
}

void run_wake(struct plan_run *run)
{
	struct err_note why = {{0}};
	if (!run->is_parked)
		return;
	/* Its journal is read back, also what it has just written. */
	if (run->wait_count > 0 && commit_flush(run->engine->options.commit, &why) != 0) {
		log_warn(PLAN, "run %s cannot go on: %s", run->id, why.text);
		return;
	}
	timer_free(run->timer);
	run->timer = NULL;
	run->is_parked = false;
	run_resume(run);
}
