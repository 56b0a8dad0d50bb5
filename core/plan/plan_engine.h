/** plan_engine.h - durable execution of plan runs: journal, replay, steps, timers, asks.
 *
 *  A run is rebuilt by replay: the script runs again from the top, and every call that the journal
 *  has answered returns its recorded outcome at once. Order for one step: (1) StepScheduled is
 *  durable BEFORE dispatch; (2) StepAttempt is durable before each try; (3) the outcome is durable
 *  BEFORE the script goes on.
 *  After a crash: scheduled without attempt -> sent; attempted without outcome -> by effect class:
 *      read, idempotent -> sent again with the same idempotency key
 *      probe            -> the target is asked first: done, not done (sent again), or a person
 *      once (default)   -> never sent again: the run waits IN_DOUBT for a person
 *  On replay kind, id, action and a hash of the arguments are compared; a difference blocks that
 *  run only (BLOCKED: tried again at the next start; it can be cancelled).
 *  Step key = scope of its branch + "/" + id + "#" + occurrence; idempotency key = run id + "/" +
 *  step key, without the attempt.
 *  Branches (`par`, `each`): a tree of coroutines, each with its own open call and its own records.
 *  What one does never waits for another but at their join; cancel, time-out and block are of the
 *  whole run, doubt of one branch. Limits count over all branches.
 *  Record names: core/plan/journal.h. Limits: RUN_RECORDS_MAX, RUN_BYTES_MAX, RUNS_ACTIVE_MAX; the
 *  RUNS_ENDED_MAX latest ended runs are kept with their journals.
 *  The time-out of a run does not end it while it is IN_DOUBT or BLOCKED: a person is needed.
 *  Owner: plan_engine_new() result owned. Threads: loop thread. Time from the loop.
 *  What people, chains and other plans order: core/plan/plan_command.h.
 *  Tear down after commit_flush() or commit_free(): a pending commit calls into the engine.
 */
#ifndef TOCSIN_CORE_PLAN_PLAN_ENGINE_H
#define TOCSIN_CORE_PLAN_PLAN_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct commit;
struct config;
struct err_note;
struct incident;
struct kv;
struct loop;
struct plan;
struct plan_actions;
struct plan_engine;
struct plan_factory;
struct plan_question;
struct script_store;

#define RUN_STATE_LIST(X)                                                                          \
	X(RUNNING, "running")                                                                      \
	X(SLEEPING, "sleeping")                                                                    \
	X(ASKING, "asking")                                                                        \
	X(WAITING, "waiting")                                                                      \
	X(PAUSED, "paused")                                                                        \
	X(IN_DOUBT, "in_doubt")                                                                    \
	X(BLOCKED, "blocked")                                                                      \
	X(QUEUED, "queued")                                                                        \
	X(DONE, "done")                                                                            \
	X(FAILED, "failed")                                                                        \
	X(CANCELLED, "cancelled")                                                                  \
	X(ROLLING_BACK, "rolling_back")                                                            \
	X(ROLLED_BACK, "rolled_back")                                                              \
	X(ROLLBACK_FAILED, "rollback_failed")
enum run_state {
#define RUN_ENUM(name, text) RUN_##name,
	RUN_STATE_LIST(RUN_ENUM)
#undef RUN_ENUM
};

enum {
	RUN_RECORDS_MAX = 10000,
	RUN_BYTES_MAX = 8 * 1024 * 1024,
	RUN_RESULT_BYTES_MAX = 64 * 1024, /**< of what run() returns, as RunEnded keeps it */
	RUNS_ACTIVE_MAX = 10000,
	RUNS_AWAKE_MAX = 256, /**< more keep their script only while they do something */
	RUNS_ENDED_MAX = 10000
};

struct plan_engine_options {
	struct kv *kv;
	struct commit *commit;
	struct loop *loop;
	struct plan_actions *actions; /**< action.h; borrowed */
	struct script_store *scripts; /**< keeps the sources of runs; borrowed */
	/** Rebuilds a factory from kept source after a restart (lua/bridge). */
	int (*make_factory)(void *arg, const char *name, uint32_t version, const char *source,
			    struct plan_factory **out, struct err_note *why);
	/** A run started, did something or ended: for the incident's timeline and the log; called
	 *  with the record in commit_batch(). `text` is one line. Kinds: "run_started", "run_ended"
	 *  (text: the state, or "failed: why"): feed these two to incident_run_started/ended;
	 *  "run_queued", "run_refused", "run_attached", "run_blocked", "step_done", "step_failed",
	 *  "step_retry", "step_in_doubt", "asked", "answered", "timer_late", "branch_failed",
	 *  "step_probed", "branch_stopped": feed these to incident_note.
	 *  `run_id` is "" for a run that was refused. */
	void (*on_fact)(void *arg, uint64_t incident, const char *plan, const char *run_id,
			const char *kind, const char *text);
	/** A message of the engine itself for an output or a person of the site; called with the
	 *  record that it is about in commit_batch(). `id` is stable: the same message has it. */
	void (*on_send)(void *arg, const char *to, uint64_t incident, const char *id,
			const char *text);
	/** A person is asked; with the record in commit_batch(). May be NULL. */
	void (*on_ask)(void *arg, const struct plan_question *question);
	/** Current state of an incident as JSON (owned text), for ctx.incident; NULL if unknown. */
	char *(*incident_json)(void *arg, uint64_t incident);
	/** Is the actor one of "role:X" or "schedule:X" now? May be NULL: nobody is. */
	bool (*is_among)(void *arg, uint64_t incident, const char *who, const char *actor);
	void *arg;
};

/** Reads stored runs; plan_engine_resume() then brings them back to life. */
int plan_engine_new(struct plan_engine **out, const struct plan_engine_options *options,
		    struct err_note *why);
void plan_engine_free(struct plan_engine *engine);
/** Active plan versions of the new generation (all referenced). Running runs stay on theirs. */
void plan_engine_install(struct plan_engine *engine, struct config *config,
			 struct plan *const *plans, uint32_t plan_count);
int plan_engine_resume(struct plan_engine *engine, struct err_note *why);

/** An incident event: starts the plans whose trigger matches (edge, concurrency, rate). The new
 *  runs are in commit_batch(), so they are atomic with the event. */
void plan_engine_on_incident(struct plan_engine *engine, const struct incident *incident,
			     const char *event);

void plan_engine_each_plan(const struct plan_engine *engine,
			   void (*each)(void *arg, const struct plan *plan), void *arg);
struct run_summary {
	const char *id;
	const char *plan;
	uint32_t version;
	uint64_t incident;
	enum run_state state;
	int64_t started_ms, ended_ms; /**< 0 = not yet */
	const char *starter;          /**< or NULL */
	const char *cause;            /**< or NULL */
	bool is_drill;
	const char *waiting_for; /**< one line, or NULL */
	const char *error;       /**< or NULL */
	uint32_t record_count;
};
void plan_engine_each_run(const struct plan_engine *engine, bool active_only,
			  void (*each)(void *arg, const struct run_summary *run), void *arg);
/** Hashes of the sources that the known runs need. */
void plan_engine_each_script(const struct plan_engine *engine,
			     void (*each)(void *arg, const char *hash), void *arg);
/** Journal of a run as JSON records, oldest first; flushes the commit first, so what it shows is
 *  durable. ERR_NOT_FOUND, ERR_IO, ERR_CORRUPT. */
int plan_engine_each_record(const struct plan_engine *engine, const char *run_id,
			    void (*each)(void *arg, struct slice json), void *arg,
			    struct err_note *why);
const char *run_state_name(enum run_state state);

struct plan_usage {
	uint64_t started_count, done_count, failed_count, step_count, retry_count, in_doubt_count;
	uint64_t refused_count;  /**< runs that were asked for, and not made */
	uint64_t breaker_count;  /**< how often one was opened, or stayed open */
	uint64_t attached_count; /**< asked for, and served by one that ran already */
	uint32_t active_count;
};
void plan_engine_usage(const struct plan_engine *engine, struct plan_usage *out);

#endif
