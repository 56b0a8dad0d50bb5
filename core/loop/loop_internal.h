/** loop_internal.h - what the two backends of the loop and its neighbours in this folder share.
 *
 *  Timers are the same code for both backends: a heap over the env's monotonic clock. The backends
 *  differ only in how they wait for the next of them.
 */
#ifndef TOCSIN_CORE_LOOP_LOOP_INTERNAL_H
#define TOCSIN_CORE_LOOP_LOOP_INTERNAL_H

#include <stdatomic.h>

#include "core/base/env.h"
#include "core/loop/loop.h"

struct event_base;
struct loop_signal;

struct loop {
	const struct env *env;
	struct timer **heap; /**< least due_ms first, then least order */
	uint32_t heap_count;
	uint32_t heap_capacity;
	uint64_t next_order;
	struct wake *wakes; /**< list of all, for the virtual loop */
	atomic_bool is_stopping;
	struct event_base *base; /**< NULL: virtual */
	struct event *alarm;
	struct wake *stop_wake;
	struct loop_signal *signals;
	struct loop_clock *clock; /**< of a virtual loop, owned */
};

/** Due time of the first timer, or -1. */
int64_t loop_next_due_ms(const struct loop *loop);
/** Runs what is due now and was set before the call; true when anything ran. */
bool loop_run_due(struct loop *loop);
/** Frees the parts both backends have. */
void loop_deinit(struct loop *loop);

/** The clock of a virtual loop, and an env that has it and the real machine's files. */
struct loop_clock *loop_clock_new(int64_t wall_ms);
void loop_clock_free(struct loop_clock *clock);
const struct env *loop_clock_env(const struct loop_clock *clock);
void loop_clock_set(struct loop_clock *clock, int64_t mono_ms);
void loop_clock_step(struct loop_clock *clock, int64_t by_ms); /**< the wall clock alone */

/** A wake of a virtual loop that was signalled runs; true when one did. */
bool loop_virtual_run_wakes(struct loop *loop);
/** Frees base, alarm and signals of a live loop. */
void loop_live_deinit(struct loop *loop);

#endif
