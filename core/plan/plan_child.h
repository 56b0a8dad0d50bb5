/** plan_child.h - ctx:call: a plan that another one calls, with a run and a journal of its own.
 *
 *      ChildStarted -with it, in one batch, the RunStarted of the child-> … -> ChildEnded
 *
 *  What happens to the child is looked up in its row, never copied: after a crash the caller finds
 *  it running, or ended. When the caller ends (whatever way), is stopped, skips the call or its
 *  time-out is over, the child is cancelled; not when it was detached, or runs for somebody else
 *  too (on_conflict = "attach"). While a child waits for a person no time-out of the caller ends
 *  it.
 *  Limits: CALL_DEPTH_MAX; concurrency, rates and RUNS_ACTIVE_MAX as for every run.
 */
#ifndef TOCSIN_CORE_PLAN_PLAN_CHILD_H
#define TOCSIN_CORE_PLAN_PLAN_CHILD_H

#include <stdbool.h>
#include <stdint.h>

struct journal_record;
struct plan_branch;
struct plan_engine;
struct plan_run;

enum { CALL_DEPTH_MAX = 8 };

void child_open(struct plan_branch *branch, struct journal_record *record);
void child_continue(struct plan_branch *branch);
void child_on_due(struct plan_branch *branch);
/** The branch waits no more for the child of its open call, if it is in one: cancels it. */
void child_give_up(struct plan_branch *branch, const char *reason);

/** A run has ended: tells those that called it, and cancels those that it called. */
void child_tell(struct plan_run *ended, const char *result_json);
void child_cancel_all(struct plan_run *ended);
/** Whether a branch of the run waits for a child that waits for a person. */
bool child_needs_person(const struct plan_run *run);
/** Time that the children it waits for were in doubt or paused. */
int64_t child_paused_ms(const struct plan_run *run);
/** Whether its caller has yet to take its outcome. */
bool child_is_wanted(const struct plan_run *run);
/** After a start: callers that are parked look at children that have ended. */
void child_look_all(struct plan_engine *engine);
bool child_may_park(const struct plan_branch *branch);

/** Whether `run` is `above`, or was called by it, or by one that it called. */
bool child_is_below(const struct plan_run *run, const struct plan_run *above);

#endif
