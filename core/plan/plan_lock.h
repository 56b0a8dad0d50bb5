/** plan_lock.h - leases that runs take on a name: one holder at a time, across crashes.
 *
 *      LockAwaited -free, and first in line-> LockTaken {fence} … LockFreed
 *                  -wait is over-> LockTaken with an error
 *      taken -end of fn, of its branch, of its run, or ttl-> free -> the next in line
 *
 *  The row under 'K' changes in the batch of the record that says so. Fences only rise, over all
 *  locks: a target that keeps the highest it saw refuses a holder whose lease is over. Such a run
 *  is told at its next call, and sends nothing more under the lock.
 *  In line counts when it was asked for; a paused run is passed over and keeps its place.
 *  Owner: the engine. Threads: loop thread. Time: wall clock. Limits: LOCKS_MAX held at once.
 */
#ifndef TOCSIN_CORE_PLAN_PLAN_LOCK_H
#define TOCSIN_CORE_PLAN_PLAN_LOCK_H

#include <stdint.h>

struct err_note;
struct journal_record;
struct plan_branch;
struct plan_engine;
struct plan_run;
struct timer;

enum { LOCKS_MAX = 10000 };

struct plan_lock {
	char *key;
	char *run_id;
	char *scope;   /**< of the branch that holds it */
	int64_t fence; /**< of this lease */
	int64_t taken_ms, until_ms;
};

struct plan_locks {
	struct plan_lock **held;
	uint32_t count, capacity;
	int64_t fence;       /**< the latest that was given, as a place in line or as a fence */
	struct timer *timer; /**< the next end of a lease */
};

/** Reads the stored leases. ERR_IO, ERR_CORRUPT. */
int locks_load(struct plan_engine *engine, struct err_note *why);
void locks_free(struct plan_engine *engine);
/** Gives what is free to the first in line, for all locks: after a start. */
void locks_look(struct plan_engine *engine);
/** The same for those that this run waits for: it goes on after a pause. */
void locks_look_run(struct plan_run *run);

void lock_open(struct plan_branch *branch, struct journal_record *record);
void lock_continue(struct plan_branch *branch);
void lock_on_due(struct plan_branch *branch);
void unlock_open(struct plan_branch *branch, struct journal_record *record);

/** What the run holds, as its journal says. Told every record, live and in replay. */
void lock_account(struct plan_run *run, const struct journal_record *record);
/** Owned sentence when a lease that covers the branch is over; else NULL. */
char *lock_lost(const struct plan_branch *branch);
void lock_free_branch(struct plan_branch *branch);
void lock_free_run(struct plan_run *run);

#endif
