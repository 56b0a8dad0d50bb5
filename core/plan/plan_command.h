/** plan_command.h - what people, chains and other plans order of the plan engine.
 *  Each command is a record of the journal before anything happens. They leave their records in
 *  commit_batch() and kick the commit. Owner, threads: as plan_engine.h.
 */
#ifndef TOCSIN_CORE_PLAN_PLAN_COMMAND_H
#define TOCSIN_CORE_PLAN_PLAN_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

struct err_note;
struct plan_engine;

/** Who wants a run, and of what. Texts borrowed. */
struct plan_start {
	const char *plan;        /**< name: its active version is taken */
	const char *params_json; /**< or NULL; names and types as the plan declares them */
	uint64_t incident;       /**< 0: of none */
	const char *starter;     /**< the person, for ask.not_starter; NULL: nobody */
	const char *cause;       /**< one line: "chain payments, step 2"; or NULL */
	bool is_drill;
	bool is_forced;     /**< although the breaker of the plan is open */
	const char *caller; /**< of ctx:call: the run that calls; NULL: none */
	bool is_detached;   /**< it does not wait for the new run, nor end it */
};
/** Starts or queues a run; it is in commit_batch(). `run_id` (owned): of the new run, or of the one
 *  that runs already when the plan says `on_conflict = "attach"` and nothing else was asked for
 *  (own params, a drill: ERR_CONFLICT). A caller gets one that runs already only if its params are
 *  the same, else its run is queued; ERR_CONFLICT if it would wait for itself. ERR_NOT_FOUND (plan,
 *  incident), ERR_INVALID (params), ERR_FULL (limit, rate, breaker, depth of calls). */
int plan_engine_start(struct plan_engine *engine, const struct plan_start *start, char **run_id,
		      struct err_note *why);

/** Who gives a command. Texts borrowed. */
struct plan_operator {
	const char *actor;
	const char *via;    /**< who brought it, when that is somebody else; or NULL */
	const char *reason; /**< or NULL */
};
/** A new run of the active version with the params and the incident of one that has ended; as
 *  plan_engine_start(). ERR_CONFLICT: it has not ended. */
int plan_engine_restart(struct plan_engine *engine, const char *run_id,
			const struct plan_operator *by, char **new_id, struct err_note *why);
/** Stops the run where it stands: no new call, no new try; what is being sent goes on, and its
 *  outcome is recorded. Its time-out does not count. Due times (sleeps, expiry of asks, pauses
 *  between tries, deadlines of steps) stay as they are: what is due meanwhile happens at once when
 *  it goes on. ERR_NOT_FOUND, ERR_CONFLICT (ended, queued, blocked, paused already). */
int plan_engine_pause(struct plan_engine *engine, const char *run_id,
		      const struct plan_operator *by, struct err_note *why);
int plan_engine_go_on(struct plan_engine *engine, const char *run_id,
		      const struct plan_operator *by, struct err_note *why);
/** Of one call that is open; `step` may be NULL when there is only one.
 *  retry: a step that waits for its next try or is in doubt is tried at once, from the first try,
 *  with `args_json` if given (then under another idempotency key).
 *  set: a step is done with this result (NULL: {}); one that is being sent is given up.
 *  skip: the call is over without a result: {"skipped": true}; an ask counts as not approved.
 *  ERR_NOT_FOUND, ERR_CONFLICT, ERR_INVALID, ERR_DENIED (of the new arguments). */
int plan_engine_retry(struct plan_engine *engine, const char *run_id, const char *step,
		      const char *args_json, const struct plan_operator *by, struct err_note *why);
int plan_engine_set(struct plan_engine *engine, const char *run_id, const char *step,
		    const char *result_json, const struct plan_operator *by, struct err_note *why);
int plan_engine_skip(struct plan_engine *engine, const char *run_id, const char *step,
		     const struct plan_operator *by, struct err_note *why);
enum { RUN_SIGNALS_MAX = 100 /**< that nobody has waited for yet */ };
/** An outside event for the branch that waits for `name`, or for the next one that does.
 *  ERR_NOT_FOUND, ERR_CONFLICT (ended, queued, blocked, too many), ERR_INVALID. */
int plan_engine_signal(struct plan_engine *engine, const char *run_id, const char *name,
		       const char *value_json, const struct plan_operator *by,
		       struct err_note *why);

/** What a person answers. Texts borrowed. */
struct plan_answer_of {
	bool is_approved;
	const char *value_json; /**< or NULL */
	const char *actor;      /**< who answers */
	const char *via;        /**< who brought it, when that is somebody else; or NULL */
	const char *reason;     /**< or NULL */
};
/** Commands. approve/reject answer the open ask of a run; `step` says
 *  which when several branches ask, else it may be NULL. For a step
 *  IN_DOUBT: approve = "it happened" (the step counts as done, with `value_json` as its result),
 *  reject = "it did not": the step fails. ERR_NOT_FOUND, ERR_CONFLICT (nothing to answer, expired,
 *  answered already, or the run has ended), ERR_DENIED (who may not answer), ERR_INVALID (value
 *  that is not JSON, not among the choices or not of the schema). */
int plan_engine_answer_as(struct plan_engine *engine, const char *run_id, const char *step,
			  const struct plan_answer_of *answer, struct err_note *why);
int plan_engine_answer(struct plan_engine *engine, const char *run_id, const char *step,
		       bool is_approved, const char *value_json, const char *actor,
		       const char *reason, struct err_note *why);
/** Stops the run and undoes what it did, the latest first: ROLLING_BACK, then ROLLED_BACK or
 *  ROLLBACK_FAILED. A step in doubt is waited for. ERR_NOT_FOUND, ERR_CONFLICT. */
int plan_engine_rollback(struct plan_engine *engine, const char *run_id,
			 const struct plan_operator *by, struct err_note *why);
int plan_engine_cancel(struct plan_engine *engine, const char *run_id, const char *actor,
		       const char *reason, struct err_note *why);

#endif
