/** plan_clock.h - what a run waits for: plan_clock.c, and without its script: plan_park.c. */
#ifndef TOCSIN_CORE_PLAN_PLAN_CLOCK_H
#define TOCSIN_CORE_PLAN_PLAN_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct plan_engine;
struct plan_run;

/* plan_clock.c */
/** State of the run from those of its branches; saves it when it is another. */
void run_refresh(struct plan_run *run);
void run_arm(struct plan_run *run);
void run_on_time(void *arg);
/** The run counts as waiting (wait_count) until what was gathered is durable. */
void run_hold_until_durable(struct plan_run *run);
int64_t run_deadline_ms(const struct plan_run *run);
/** Whether somebody has set the wall clock: the time-outs of all runs go with it. */
void engine_look_at_clock(struct plan_engine *engine);

/* plan_park.c */
int64_t run_wake_ms(const struct plan_run *run); /**< as plan_run.wake_ms */
/** Parks it when it waits and too many are awake. It must not be inside a call of a branch. */
void run_consider_parking(struct plan_run *run);
void run_park(struct plan_run *run);
/** After a start: whether one whose row has a wake_ms may wait without a script. */
bool run_may_stay_parked(const struct plan_run *run);
/** Anything but waiting needs the script: a command, its time. Does nothing when it is awake. */
void run_wake(struct plan_run *run);

#endif
