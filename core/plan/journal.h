/** journal.h - what a plan run did, record by record; replay reads it back.
 *
 *      RunStarted branch Operator? RunEnded
 *      branch = (StepScheduled (StepAttempt StepProbed* (StepFailed StepAttempt StepProbed*)*
 *                               StepDone|StepFailed|
 *                               StepInDoubt Operator StepDone|StepFailed|StepAttempt …)
 *               |TimerSet TimerFired|AskOpened AskVoted* AskAnswered
 *               |SignalAwaited SignalReceived|Value|LockAwaited LockTaken|LockFreed
 *               |ChildStarted ChildEnded
 *               |BranchesOpened (branch…, mixed, each with its own scope) Choice)*
 *
 *  Operator records: with a step "it happened", "it did not happen", "retry" (args: the new ones),
 *  "set", "skip"; `final`: it ends the doubt of the step. Without a step, anywhere: "pause",
 *  "resume", "cancel", "rollback" (after it no branch opens a call but "#rollback", which undoes;
 *  the others may end inside one).
 *  Migrated (version, hash): another version asked for what follows.
 *  SignalSent is of the run as a whole; a SignalReceived with `final` takes the oldest SignalSent
 *  of its name.
 *  A StepInDoubt with `final` has certainly failed and waits for an operator (opts.on_fail); a
 *  StepFailed with a text ends that without one: another branch has won.
 *  A StepFailed with `final` false is one failed try: the next comes at `due_ms`.
 *  The grammar holds for the records of one scope; the scope of the main branch is absent.
 *  A branch that was stopped (`any`) may end inside a call. An Operator record that names a step
 *  ends its doubt.
 *  A lock that is not freed is given back by the end of its branch or run, or when its lease is
 *  over (LockTaken: `due_ms`).
 *  Format 1 (no field "format" in RunStarted) knows the main branch only; else it is the same.
 *  Owner: a decoded record is borrowed from the arena; texts that are absent are NULL.
 */
#ifndef TOCSIN_CORE_PLAN_JOURNAL_H
#define TOCSIN_CORE_PLAN_JOURNAL_H

#include "core/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct err_note;
struct kv;
struct kv_batch;

#define RECORD_LIST(X)                                                                             \
	X(RUN_STARTED, "RunStarted")                                                               \
	X(STEP_SCHEDULED, "StepScheduled")                                                         \
	X(STEP_ATTEMPT, "StepAttempt")                                                             \
	X(STEP_DONE, "StepDone")                                                                   \
	X(STEP_FAILED, "StepFailed")                                                               \
	X(STEP_IN_DOUBT, "StepInDoubt")                                                            \
	X(STEP_PROBED, "StepProbed")                                                               \
	X(TIMER_SET, "TimerSet")                                                                   \
	X(TIMER_FIRED, "TimerFired")                                                               \
	X(ASK_OPENED, "AskOpened")                                                                 \
	X(ASK_VOTED, "AskVoted")                                                                   \
	X(ASK_ANSWERED, "AskAnswered")                                                             \
	X(SIGNAL_AWAITED, "SignalAwaited")                                                         \
	X(SIGNAL_SENT, "SignalSent")                                                               \
	X(SIGNAL_RECEIVED, "SignalReceived")                                                       \
	X(CHILD_STARTED, "ChildStarted")                                                           \
	X(CHILD_ENDED, "ChildEnded")                                                               \
	X(LOCK_AWAITED, "LockAwaited")                                                             \
	X(LOCK_TAKEN, "LockTaken")                                                                 \
	X(LOCK_FREED, "LockFreed")                                                                 \
	X(VALUE, "Value")                                                                          \
	X(BRANCHES_OPENED, "BranchesOpened")                                                       \
	X(CHOICE, "Choice")                                                                        \
	X(MIGRATED, "Migrated")                                                                    \
	X(OPERATOR, "Operator")                                                                    \
	X(RUN_ENDED, "RunEnded")

enum record_type {
#define RECORD_ENUM(name, text) RECORD_##name,
	RECORD_LIST(RECORD_ENUM)
#undef RECORD_ENUM
};

enum { JOURNAL_FORMAT = 2 /**< of the records that this build writes */ };

struct journal_record {
	enum record_type type;
	uint32_t sequence; /**< from 1 */
	int64_t time_ms;   /**< wall */
	const char *scope; /**< of the branch: "look", "look/inner", "look#2"; NULL: the main one */
	const char *step;  /**< "tell#1", "look/top#1": scope, id and occurrence */
	const char *id;
	const char *action;
	const char *args_json;
	const char *opts_json;
	const char *hash; /**< of the arguments' text */
	const char *effect;
	const char *result_json;
	const char *error;
	const char *actor;
	const char *via;           /**< the user of the control socket who named another as actor */
	const char *reason;        /**< RunStarted: what caused it */
	const char *text;          /**< Operator: the command; RunEnded: the state */
	const char *params_json;   /**< RunStarted */
	const char *incident_json; /**< RunStarted: as the script saw it */
	const char *winner;        /**< Choice of `any`: the branch that won */
	const char *child;         /**< ChildStarted, ChildEnded: its run */
	const char *order_json;    /**< Choice: in which order branches ended */
	int64_t attempt, due_ms, late_by_ms, incident, version;
	int64_t started;   /**< Choice: how many branches had begun */
	int64_t format;    /**< RunStarted */
	int64_t paused_ms; /**< ChildEnded: so long it was in doubt or paused */
	int64_t fence;     /**< LockAwaited: place in line; LockTaken, LockFreed: of the lease */
	bool is_final;
	bool is_drill; /**< RunStarted */
};

const char *record_type_name(enum record_type type);
/** True for the record that begins a call of the script. */
bool record_opens_call(enum record_type type);

void journal_encode(const struct journal_record *record, struct bytes *out);
int journal_decode(struct slice text, struct arena *arena, struct journal_record *out,
		   struct err_note *why);

/** Puts the record into the batch. Returns its length in bytes. */
uint32_t journal_put(struct kv_batch *batch, const char *run_id,
		     const struct journal_record *record);
void journal_delete(struct kv_batch *batch, const char *run_id);

struct journal {
	struct journal_record *records; /**< in the arena */
	uint32_t count;
	uint64_t bytes;
};
/** The whole stored journal of a run. ERR_IO, ERR_CORRUPT (damaged, or a gap in the sequence). */
int journal_read(struct kv *kv, const char *run_id, struct arena *arena, struct journal *out,
		 struct err_note *why);
int journal_each(struct kv *kv, const char *run_id, void (*each)(void *arg, struct slice json),
		 void *arg, struct err_note *why);

/** XXH3-128 as 32 hex digits. */
void journal_hash(struct slice text, char out[33]);

#endif
