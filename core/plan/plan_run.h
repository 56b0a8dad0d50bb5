/** plan_run.h - one run inside the engine: its branches, their calls, what they wait for. For
 *  siblings and tests.
 *
 *      run ─── branch "" (main) ─── call: step | sleep | ask | value | branches
 *                                                                        │ struct join
 *                      branch "look" ── call …    branch "page" ── call …│
 *                         └ branch "look/top" …          └ Choice: the parent goes on
 *
 *  drive:   branch_go_on() resumes the script's coroutine until a call of it has to wait
 *  call:    a record changes `struct open_call` through call_apply(), live and in replay alike;
 *           then call_continue() looks at the call and does what comes next
 *  join:    a branches call begins its branches, and is answered when a Choice was made and all
 *           of them have ended (plan_join.c)
 *  wait:    branch_after(fn) = when what was gathered is durable; run_arm() = at the next due_ms
 *           of a branch or at the deadline of the run (plan_clock.c)
 *  replay:  each branch takes the records of its own scope, in their order (plan_replay.c)
 *
 *  A wait carries the branch's epoch, so one that is overtaken (cancelled, stopped, ended) finds
 *  nobody and does nothing. Any call into a branch may end the run and free all of them: look at
 *  run_is_live() before touching one again.
 */
#ifndef TOCSIN_CORE_PLAN_PLAN_RUN_H
#define TOCSIN_CORE_PLAN_PLAN_RUN_H

#include "core/base/arena.h"
#include "core/base/key_table.h"
#include "core/plan/plan_branch.h"
#include "core/plan/plan_child.h"
#include "core/plan/plan_clock.h"
#include "core/plan/plan_engine_internal.h"
#include "core/plan/plan_gate.h"
#include "core/plan/plan_lock.h"
#include "core/plan/run_store.h"

struct timer;

/** A source text that runs refer to. Shared by count. */
struct run_script {
	char hash[33];
	unsigned reference_count;
	struct plan *plan;            /**< gives the factory; NULL after a restart */
	struct plan_factory *factory; /**< owned when `plan` is NULL; made when first needed */
};

struct plan_operator;
struct replay;

struct plan_run {
	struct plan_engine *engine;
	char *id;
	char *plan;
	uint32_t version;
	uint64_t incident;
	char *starter; /**< the person who started it; NULL: an event did */
	char *cause;   /**< why, as they said; or NULL */
	bool is_drill;
	char *gate_json;   /**< the question before it begins; NULL: none */
	char *needs;       /**< kinds of actions it may use; NULL: any */
	char *parent;      /**< the run that called it and waits for it; or NULL */
	uint32_t depth;    /**< how many runs called one another before it */
	char *concurrency; /**< "incident:7", "rule:slow", "global" */
	uint32_t concurrency_limit;
	char *params_json;
	int64_t timeout_ms;
	enum run_state state;
	int64_t created_ms, started_ms, ended_ms;
	char *waiting_for;
	char *error;
	uint32_t record_count;
	uint64_t record_bytes;
	int64_t wake_ms; /**< all its branches wait, until then at most; 0: one of them works */
	struct run_script *script;

	/* only while it is alive */
	struct plan_runner *runner;
	struct plan_branch **branches; /**< as they began: the main one first */
	uint32_t branch_count, branch_capacity;
	struct key_table occurrences; /**< how often each id was called in its scope */
	uint32_t *occurrence_counts;
	uint32_t occurrence_capacity;
	char *incident_json;   /**< until the script has it */
	struct replay *replay; /**< NULL: everything was asked for */
	struct timer *timer;
	uint32_t doubt_count; /**< steps in doubt */
	bool is_paused;       /**< by an operator */
	bool is_gated;        /**< the site asks a person before its script begins */
	bool is_unwinding;    /**< what it did is undone: plan_rollback.c */
	char *unwind_why;     /**< by whom, and why */
	json_t *locks;        /**< held, says the journal: {key, scope, fence}; NULL none */
	json_t *signals;      /**< sent, and not waited for yet: {name, result}; NULL none */
	int64_t doubt_ms;     /**< since when there is one, or it is paused */
	int64_t paused_ms;    /**< in doubt or paused: does not count for the time-out */
	int64_t stepped_ms;   /**< so far the wall clock was set; its time-out goes with it */
	uint32_t epoch;       /**< the latest that was given to a branch */
	bool is_wanted;       /**< after its end: its caller has not ended */
	bool has_callers;     /**< a branch of another run waits for it */
	char *result_json;    /**< after its end, until a parked caller takes it */
	uint32_t wait_count;
	bool is_parked;         /**< it waits without a script: plan_park.c */
	uint32_t durable_count; /**< records that were durable when it was last told */
	uint32_t saved_count;   /**< records, as its row says */
	bool is_journal_lost;   /**< it cannot be read: nothing is appended to it either */
};

enum {
	RUN_RECORDS_SPARE = 8, /**< for each branch that is in a call: its records find a place */
	RUN_BYTES_SPARE = 256 * 1024,
	RUN_BRANCHES_MAX = 256 /**< of a run at once, the main one among them */
};

/* plan_start.c */
/** Starts queued runs of the same plan and key, as far as the limit allows. */
void engine_dequeue(struct plan_engine *engine, const struct plan_run *ended);

/* plan_breaker.c */
/** ERR_FULL: the plan has failed too often. */
int breaker_check(const struct plan_engine *engine, const struct plan *plan, struct err_note *why);
/** After a run has ended: tells when that opens the breaker. */
void breaker_look(struct plan_run *run);
/* plan_command.c */
struct plan_operator;
/** Ends it where it stands: a live, parked, blocked or queued one. */
void run_cancel(struct plan_run *run, const struct plan_operator *by);

/* plan_rollback.c */
void rollback_account(struct plan_run *run, const struct journal_record *record);
/** The main branch is over: a branch of the engine undoes what the run did. */
void rollback_begin(struct plan_run *run);

/* plan_operator.c */
/** A command that is of the run as a whole. */
void operator_record(struct plan_run *run, const char *what, const struct plan_operator *by);
/** What a pause has held goes on. */
void operator_release(struct plan_run *run);
/** A run with a script, woken when it was parked. ERR_NOT_FOUND, ERR_CONFLICT. */
int engine_find_live(struct plan_engine *engine, const char *run_id, struct plan_run **out,
		     struct err_note *why);

/* plan_run.c */
void run_start(struct plan_run *run);  /**< first time: RunStarted, then the script */
void run_resume(struct plan_run *run); /**< after a restart: replay */
void run_end(struct plan_run *run, enum run_state state, const char *error);
void run_end_done(struct plan_run *run, const char *result_json);
void run_block(struct plan_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** What is of the run as a whole: doubt, pause, signals. Told every record, live and in replay, in
 *  their order. */
void run_account(struct plan_run *run, const struct journal_record *record);
static inline bool run_is_live(const struct plan_run *run)
{
	return run->runner != NULL;
}

/* plan_signal.c */
void signal_account(struct plan_run *run, const struct journal_record *record);

/* plan_branch.c */
/** How often `id` was called in the scope, with this time. */
uint32_t run_next_occurrence(struct plan_run *run, const char *scope, const char *id);
uint32_t run_occurrence(const struct plan_run *run, const char *scope, const char *id);

/* plan_call.c */
/** Room for all records of the branches that there are and of `branch_count` more. */
bool run_has_room(const struct plan_run *run, uint32_t branch_count);

#endif
