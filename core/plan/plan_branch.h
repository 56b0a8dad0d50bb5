/** plan_branch.h - one branch of a run: its coroutine's open call, and how it goes on. Drawing:
 *  plan_run.h. */
#ifndef TOCSIN_CORE_PLAN_PLAN_BRANCH_H
#define TOCSIN_CORE_PLAN_PLAN_BRANCH_H

#include "core/plan/action.h"
#include "core/plan/journal.h"
#include "core/plan/plan_command.h"
#include "core/plan/plan_engine.h"
#include "core/plan/plan_question.h"
#include "core/plan/plan_runner.h"
#include "core/plan/step_opts.h"

#include <jansson.h>

struct plan_action_run;
struct plan_run;

enum join_mode { JOIN_ALL, JOIN_ANY, JOIN_SETTLE };

/** The branches that a call waits for. */
struct join {
	enum join_mode mode;
	json_t *names; /**< NULL: "1", "2", … */
	uint32_t count, limit, errors_max;
	uint32_t started_count, running_count, failed_count;
	uint32_t wanted_count; /**< so many had begun, says the journal */
	json_t *errors;        /**< name: sentence */
	json_t *order;         /**< names, as they ended */
	char *winner;          /**< the first that ended well (`any`) */
	bool is_chosen;        /**< the Choice is recorded */
	bool is_busy;          /**< an outer frame works on it */
};

/** The call a branch waits in. Texts owned. */
struct open_call {
	bool is_open;
	enum plan_call_kind kind;
	char *step; /**< "tell#1" */
	char *action;
	char *args_json;
	struct step_opts opts;
	enum effect effect;
	int64_t opened_ms;
	uint32_t attempt_count; /**< tries begun */
	uint32_t failure_count; /**< tries that certainly failed */
	uint32_t probe_count;   /**< how often the target was asked about this try */
	char *probe_json;       /**< {action, args, want} of effect `probe` */
	bool is_attempted;      /**< a try without known outcome */
	bool is_in_doubt;
	bool has_failed; /**< in doubt only about what to do: it waits (opts.on_fail) */
	int64_t due_ms;  /**< wall: end of the sleep, next try, end of the ask; 0 none */
	bool is_answered;
	bool is_ok;
	char *result_json;
	char *error;
	struct join *join;   /**< of a branches call */
	uint32_t args_count; /**< how often an operator gave other arguments */
	char *child;         /**< of a call: the run */
	int64_t fence;       /**< of a lock: its place in line */
	json_t *votes;       /**< of an ask with a quorum: {actor, value, reason}; NULL none */
};

struct plan_branch {
	struct plan_run *run;
	struct plan_branch *parent; /**< NULL: the main one */
	uint32_t number;            /**< the runner's */
	char *scope;                /**< "" main, "look", "look/inner", "look#2" */
	char *name;                 /**< "look"; NULL: the main one */
	struct open_call call;
	struct plan_action_run *action;
	uint32_t replay_next; /**< its next record in run->replay; 0 none */
	uint32_t epoch;
	void (*held)(struct plan_branch *branch); /**< what it does when its run goes on */
	bool is_opening;                          /**< inside call_open() */
	bool is_stopping; /**< another one has won, or a rollback: it begins no more calls */
	bool is_gate;     /**< before the script begins: plan_gate.c */
	bool is_rollback; /**< undoes what the run did; there is no other then */
	enum run_state state;
	char *waiting_for;
};

/* run_store.c */
/** Writes the next record of the branch and applies it to its call. */
void branch_record(struct plan_branch *branch, struct journal_record *record);

/* plan_branch.c */
struct plan_branch *branch_new(struct plan_run *run, struct plan_branch *parent, uint32_t number,
			       const char *name);
void branch_free(struct plan_branch *branch);
/** Scope of the branch that `name` opens for the `occurrence`-th time. Owned. */
char *branch_scope(const struct plan_branch *parent, const char *name, uint32_t occurrence);
void branch_go_on(struct plan_branch *branch);
/** It begins no more calls. A call that is answered is still delivered, a `once` step that is on
 *  its way is awaited; everything else is given up, and the branch with it. */
void branch_stop(struct plan_branch *branch);
/** Gives the branch up where it stands. */
void branch_give_up(struct plan_branch *branch);

/* plan_join.c */
struct join *join_new(const char *args_json); /**< NULL: they are wrong */
void join_free(struct join *join);
void join_open(struct plan_branch *parent, struct journal_record *record);
/** In replay without a Choice: branches that have records begin. */
void join_want_recorded(struct plan_branch *parent);
/** Begins branches, decides, and answers the call, as far as it is time for each. */
void join_look(struct plan_branch *parent);
/** A branch of `parent` has ended well, with `error`, or was given up (`is_given_up`). */
void join_ended(struct plan_branch *parent, const char *name, bool is_given_up, const char *error);
void join_stop_branches(struct plan_branch *parent);

/* plan_clock.c */
void branch_set_state(struct plan_branch *branch, enum run_state state, const char *waiting_for);
void branch_after(struct plan_branch *branch, void (*then)(struct plan_branch *branch));

/* plan_replay.c */
/** Takes the branch's next call and all that the journal knows about it; false when that is another
 *  call: the run is blocked then. */
bool replay_call(struct plan_branch *branch, const struct plan_call *call, const char *step,
		 const char *hash);

/** Whether its next record is the fact of this id. */
bool replay_has_fact(const struct plan_branch *branch, const char *id);

/* plan_call.c */
/** Opens a call of the script: from the journal, or anew. True when it is answered already; false
 *  when it waits (or the branch ended, or the run ended or is blocked). */
bool call_open(struct plan_branch *branch, const struct plan_call *call);
void call_apply(struct open_call *call, const struct journal_record *record);
void call_clear(struct open_call *call);
enum plan_call_kind call_kind_of(enum record_type type);
const char *call_kind_name(enum plan_call_kind kind);
const char *effect_name(enum effect effect);
bool effect_is_safe(enum effect effect); /**< it may happen again: read, idempotent */
int effect_parse(const char *text);      /**< enum effect or -1 */

/* plan_step.c */
void step_open(struct plan_branch *branch, struct journal_record *record, const char *opts_json);
void step_continue(struct plan_branch *branch);
void step_attempt(struct plan_branch *branch);
void step_on_due(struct plan_branch *branch); /**< the next try, or the next probe */
/** A try failed; the next one follows if there may be one, else the script is told. */
void step_failed(struct plan_branch *branch, const char *error, bool wants_retry);
void step_doubt(struct plan_branch *branch, const char *error);
/** Whether its effect may be there, so that a stopped branch waits for the outcome: `once` and
 *  `probe`; before a rollback everything that has an effect, because of its undo. */
bool step_may_have_happened(const struct plan_branch *branch);
/** Whether a branch that is stopped has to wait for the outcome of its step, or has just
 *  recorded one. */
bool step_must_be_known(struct plan_branch *branch);

/* plan_drill.c: as plan_action_validate() and plan_action_start(), of a drill with its targets */
int branch_validate(const struct plan_branch *branch, const char *action, const char *args_json,
		    enum effect *effect, struct err_note *why);
struct branch_try {
	const char *action, *args_json, *key;
	int64_t timeout_ms;
	void (*on_done)(void *branch, const struct plan_action_result *result);
};
int branch_send(struct plan_branch *branch, const struct branch_try *what, struct err_note *why);

/* plan_probe.c */
enum { PROBE_TRIES_MAX = 4 }; /**< then a person is asked */
void step_probe(struct plan_branch *branch);

/* plan_ask.c */
void ask_open(struct plan_branch *branch, struct journal_record *record);
void ask_continue(struct plan_branch *branch);
/** `args` as parsed from the call. */
struct plan_question ask_question(const struct plan_branch *branch, const json_t *args);
void ask_on_due(struct plan_branch *branch);
/** Whether this answer may be given now, for an ask or a doubt; before ask_answer(). ERR_INVALID,
 *  ERR_DENIED (not asked), ERR_CONFLICT (expired, answered already, another value). */
int ask_check(const struct plan_branch *branch, const struct plan_answer_of *answer,
	      struct err_note *why);
/** A person's answer: AskVoted while `quorum` wants more, then AskAnswered. */
void ask_answer(struct plan_branch *branch, const struct plan_answer_of *answer);

/* plan_signal.c */
void signal_open(struct plan_branch *branch, struct journal_record *record);
void signal_continue(struct plan_branch *branch);
void signal_on_due(struct plan_branch *branch);

/* plan_operator.c */
/** Whether the run is paused: then `then` is called when it goes on. What the journal has recorded
 *  is not held back. */
bool branch_holds(struct plan_branch *branch, void (*then)(struct plan_branch *branch));

/* plan_wait.c */
void sleep_open(struct plan_branch *branch, struct journal_record *record);
void sleep_on_due(struct plan_branch *branch);
void value_open(struct plan_branch *branch, struct journal_record *record, const char *opts_json);

#endif
