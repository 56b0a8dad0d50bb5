/* What a run waits for: that records are durable, and the time. */
#include "core/plan/plan_clock.h"

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/plan/plan_run.h"
#include "storage/commit.h"

#include <stdio.h>
#include <string.h>

/* A long wait is looked at again so often: the wall clock may be set while the timer sleeps. */
enum { RUN_LOOK_MS = 60 * 1000 };
/* Less is what the two clocks drift apart. */
enum { CLOCK_STEP_MS = 1000 };

/* ---- the state of a run ---- */

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The state that says most about a run with several branches. */
static int rank_of(enum run_state state)
{
	switch (state) {
	case RUN_IN_DOUBT: return 3;
	case RUN_ASKING: return 2;
	case RUN_RUNNING: return 1;
	case RUN_ROLLING_BACK:
	case RUN_ROLLED_BACK:
	case RUN_ROLLBACK_FAILED:
	case RUN_SLEEPING:
	case RUN_WAITING:
	case RUN_PAUSED:
	case RUN_BLOCKED:
	case RUN_QUEUED:
	case RUN_DONE:
	case RUN_FAILED:
	case RUN_CANCELLED: break;
	}
	return 0;
}

static bool waits_for_branches(const struct plan_branch *branch)
{
	return branch->call.is_open && branch->call.kind == PLAN_CALL_BRANCHES;
}

void run_refresh(struct plan_run *run)
{
	const struct plan_branch *best = NULL;
	uint32_t people_count = 0;
	for (uint32_t i = 0; i < run->branch_count; i++) {
		const struct plan_branch *branch = run->branches[i];
		if (waits_for_branches(branch))
			continue;
		people_count += rank_of(branch->state) > 1 ? 1 : 0;
		if (!best || rank_of(branch->state) > rank_of(best->state))
			best = branch;
	}
	enum run_state state = run->is_paused ? RUN_PAUSED : best ? best->state : RUN_RUNNING;
	if (run->is_unwinding && state == RUN_RUNNING)
		state = RUN_ROLLING_BACK;
	const char *text = best ? best->waiting_for : NULL;
	char *more = NULL;
	if (people_count > 1)
		more = mem_format("%s (and %u more)", text ? text : "", people_count - 1);
	int64_t wake_ms = run_wake_ms(run);
	bool is_stale = wake_ms != 0 && run->saved_count != run->record_count;
	if (run->state != state || run->wake_ms != wake_ms || is_stale ||
	    !is_same_text(run->waiting_for, more ? more : text)) {
		run->state = state;
		run->wake_ms = wake_ms;
		mem_free(run->waiting_for);
		run->waiting_for = mem_copy_text(more ? more : text);
		run_save(run);
		engine_kick(run->engine);
	}
	mem_free(more);
}

void branch_set_state(struct plan_branch *branch, enum run_state state, const char *waiting_for)
{
	char *copy = mem_copy_text(waiting_for);
	mem_free(branch->waiting_for);
	branch->waiting_for = copy;
	branch->state = state;
	run_refresh(branch->run);
}

/* ---- until it is durable ---- */

static void on_durable(void *arg)
{
	struct plan_engine *engine = arg;
	struct run_wait wait = engine->waits[engine->wait_first];
	engine->wait_first = (engine->wait_first + 1) % engine->wait_capacity;
	engine->wait_count--;
	wait.run->wait_count--;
	wait.run->durable_count = wait.record_count;
	if (!wait.then)
		run_consider_parking(wait.run);
	for (uint32_t i = 0; wait.then && i < wait.run->branch_count; i++) {
		if (wait.run->branches[i]->epoch != wait.epoch)
			continue;
		wait.then(wait.run->branches[i]);
		run_consider_parking(wait.run);
		return;
	}
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

static void push_wait(struct plan_run *run, uint32_t epoch,
		      void (*then)(struct plan_branch *branch))
{
	struct plan_engine *engine = run->engine;
	if (engine->wait_count == engine->wait_capacity)
		grow_waits(engine);
	uint32_t last = (engine->wait_first + engine->wait_count) % engine->wait_capacity;
	engine->waits[last] = (struct run_wait){run, epoch, run->record_count, then};
	engine->wait_count++;
	run->wait_count++;
	commit_after(engine->options.commit, on_durable, engine);
	engine_kick(engine);
}

void branch_after(struct plan_branch *branch, void (*then)(struct plan_branch *branch))
{
	branch->epoch = ++branch->run->epoch;
	push_wait(branch->run, branch->epoch, then);
}

void run_hold_until_durable(struct plan_run *run)
{
	push_wait(run, 0, NULL);
}

/* ---- until it is time ---- */

static bool has_deadline(const struct plan_run *run)
{
	bool is_waiting = run->state == RUN_RUNNING || run->state == RUN_SLEEPING ||
			  run->state == RUN_ASKING || run->state == RUN_WAITING;
	return is_waiting && !run->is_unwinding && !run->is_gated && !child_needs_person(run);
}

int64_t run_deadline_ms(const struct plan_run *run)
{
	return run->started_ms + run->timeout_ms + run->paused_ms + run->stepped_ms +
	       child_paused_ms(run);
}

/* A clock that is set is no time that passes: else one hour forward would end every run. Due times
 * (sleeps, expiry) were told to people and stay. A pause that lasts takes the step in itself, when
 * it ends. */
void engine_look_at_clock(struct plan_engine *engine)
{
	struct loop *loop = engine->options.loop;
	int64_t clock_ms = loop_wall_ms(loop) - loop_mono_ms(loop);
	int64_t step_ms = clock_ms - engine->clock_ms;
	if (step_ms > -CLOCK_STEP_MS && step_ms < CLOCK_STEP_MS)
		return;
	engine->clock_ms = clock_ms;
	for (uint32_t i = 0; i < engine->run_count; i++) {
		struct plan_run *run = engine->runs[i];
		if (run_is_ended(run) || run->started_ms == 0 || run->is_paused || run->is_gated ||
		    run->doubt_count > 0)
			continue;
		if (run->wake_ms == run_deadline_ms(run))
			run->wake_ms += step_ms;
		run->stepped_ms += step_ms;
		run_save(run);
	}
	engine_kick(engine);
	log_warn(PLAN, "the clock was set by %lld ms: the time-outs of runs go with it",
		 (long long)step_ms);
}

static void on_due(struct plan_branch *branch)
{
	switch (branch->call.kind) {
	case PLAN_CALL_STEP: step_on_due(branch); break;
	case PLAN_CALL_SLEEP: sleep_on_due(branch); break;
	case PLAN_CALL_ASK: ask_on_due(branch); break;
	case PLAN_CALL_SIGNAL: signal_on_due(branch); break;
	case PLAN_CALL_CALL: child_on_due(branch); break;
	case PLAN_CALL_LOCK: lock_on_due(branch); break;
	case PLAN_CALL_UNLOCK:
	case PLAN_CALL_VALUE:
	case PLAN_CALL_BRANCHES: break;
	}
}

static void stop_late(struct plan_run *run)
{
	const struct open_call *call = &run->branches[0]->call;
	char text[300];
	snprintf(text, sizeof(text), "the run was stopped after its time-out of %lld s%s%.200s",
		 (long long)(run->timeout_ms / 1000), call->is_open ? " while it was in " : "",
		 call->is_open ? call->step : "");
	run_end(run, RUN_FAILED, text);
}

void run_on_time(void *arg)
{
	struct plan_run *run = arg;
	int64_t now = engine_now(run->engine);
	engine_look_at_clock(run->engine);
	if (run->is_parked) {
		if (now >= run->wake_ms)
			run_wake(run);
		else
			run_arm(run);
		return;
	}
	if (run->is_paused)
		return;
	if (has_deadline(run) && now >= run_deadline_ms(run)) {
		stop_late(run);
		return;
	}
	/* What is due only records and waits: no branch begins or ends here, but the run may. */
	for (uint32_t i = 0; i < run->branch_count; i++) {
		const struct open_call *call = &run->branches[i]->call;
		if (call->is_open && call->due_ms != 0 && now >= call->due_ms)
			on_due(run->branches[i]);
	}
	/* Whatever it does next, the deadline goes on; unless that was its end. */
	if (!run->timer)
		return;
	run_arm(run);
	run_consider_parking(run);
}

void run_arm(struct plan_run *run)
{
	int64_t now = engine_now(run->engine);
	int64_t due = has_deadline(run) ? run_deadline_ms(run) : INT64_MAX;
	if (run->is_parked)
		due = run->wake_ms;
	for (uint32_t i = 0; i < run->branch_count; i++) {
		const struct open_call *call = &run->branches[i]->call;
		if (call->is_open && call->due_ms != 0 && call->due_ms < due)
			due = call->due_ms;
	}
	if (due > now + RUN_LOOK_MS && child_needs_person(run))
		due = now + RUN_LOOK_MS; /* its time-out counts again when the child goes on */
	if (due == INT64_MAX || run->is_paused) {
		timer_cancel(run->timer);
		return;
	}
	int64_t left = due > now ? due - now : 0;
	timer_set(run->timer, left < RUN_LOOK_MS ? left : RUN_LOOK_MS);
}
