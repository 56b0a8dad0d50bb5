/** run_loop.h - runs a live loop until a condition holds, with a deadline instead of a sleep. */
#ifndef TOCSIN_TESTS_SUPPORT_RUN_LOOP_H
#define TOCSIN_TESTS_SUPPORT_RUN_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/env.h"
#include "core/loop/loop.h"

enum { RUN_LOOP_DEADLINE_MS = 10000 };

struct run_loop {
	struct loop *loop;
	bool (*is_done)(void *arg);
	void *arg;
	struct timer *poll;
	int64_t end_ms;
	bool result;
};

static inline void run_loop_look(void *arg)
{
	struct run_loop *run = arg;

	run->result = run->is_done(run->arg);
	if (run->result || loop_mono_ms(run->loop) >= run->end_ms)
		loop_stop(run->loop);
	else
		timer_set(run->poll, 1);
}

/** True when the condition held before `within_ms` passed. */
static inline bool run_loop_for(struct loop *loop, int64_t within_ms, bool (*is_done)(void *arg),
				void *arg)
{
	struct run_loop run = {.loop = loop, .is_done = is_done, .arg = arg};

	run.end_ms = loop_mono_ms(loop) + within_ms;
	run.poll = timer_new(loop, run_loop_look, &run);
	timer_set(run.poll, 0);
	loop_run(loop, NULL);
	timer_free(run.poll);
	return run.result;
}

static inline bool run_loop_until(struct loop *loop, bool (*is_done)(void *arg), void *arg)
{
	return run_loop_for(loop, RUN_LOOP_DEADLINE_MS, is_done, arg);
}

static inline bool run_loop_flag(void *arg)
{
	return *(const bool *)arg;
}

static inline struct loop *run_loop_new(void)
{
	struct loop *loop = NULL;

	return loop_live_new(&loop, env_live(), NULL) == 0 ? loop : NULL;
}

#endif
