/** plan_run.h - one run inside the engine: its call, its replay, what it waits for. For siblings
 *  and tests.
 *
 *  drive:   run_go_on() resumes the script until a call has to wait
 *  call:    a record changes `struct open_call` through call_apply(), live and in replay alike;
 *           then call_continue() looks at the call and does what comes next
 *  wait:    run_after(fn) = when what was gathered is durable; run_arm() = at due_ms or at
 *           the deadline
 *
 *  A wait carries the run's epoch, so one that is overtaken (cancelled, ended) finds it changed and
 *  does nothing.
 */
#ifndef TOCSIN_CORE_PLAN_PLAN_RUN_H
#define TOCSIN_CORE_PLAN_PLAN_RUN_H

#include "core/base/arena.h"
#include "core/base/key_table.h"
#include "core/plan/action.h"
#include "core/plan/journal.h"
#include "core/plan/plan_engine.h"
#include "core/plan/plan_runner.h"
#include "core/plan/step_opts.h"

struct plan_action_run;
struct timer;

/** A source text that runs refer to. Shared by count. */
struct run_script {
	char hash[33];
	unsigned reference_count;
	struct plan *plan; /**< gives the factory; NULL after a restart */
	struct plan_factory
		*factory; /**< owned when `plan` is NULL; made when it is first needed */
};

/** The call the script waits in. Texts owned. */
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
	bool is_attempted;      /**< a try without known outcome */
	bool is_in_doubt;
	int64_t doubt_ms;  /**< since when */
	int64_t paused_ms; /**< how long it was in doubt */
	int64_t due_ms;    /**< wall: end of the sleep, next try, end of the ask; 0 none */
	bool is_answered;
	bool is_ok;
	char *result_json;
	char *error;
};

struct plan_run {
	struct plan_engine *engine;
	char *id;
	char *plan;
	uint32_t version;
	uint64_t incident;
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
	struct run_script *script;

	/* only while it is alive */
	struct plan_runner *runner;
	struct open_call call;
	struct key_table occurrences; /**< how often each id was called */
	uint32_t *occurrence_counts;
	uint32_t occurrence_capacity;
	struct arena replay_arena;
	struct journal replay; /**< what the journal has answered already */
	uint32_t replay_index;
	struct plan_action_run *action;
	struct timer *timer;
	int64_t paused_ms; /**< spent in doubt: does not count for the time-out */
	uint32_t epoch;
	uint32_t wait_count;
	bool is_journal_lost; /**< it cannot be read: nothing is appended to it either */
};

struct run_wait {
	struct plan_run *run;
	uint32_t epoch;
	void (*then)(struct plan_run *run);
};

struct plan_engine {
	struct plan_engine_options options;
	struct config *config;
	struct plan **plans;
	uint32_t plan_count;
	struct plan_run **runs; /**< by creation */
	uint32_t run_count;
	uint32_t run_capacity;
	uint32_t ended_count;
	uint32_t records_max; /**< RUN_RECORDS_MAX; tests lower it */
	uint32_t ended_max;   /**< RUNS_ENDED_MAX; tests lower it */
	uint32_t hold_count;  /**< somebody works on runs, and facts call back: no run_trim() */
	struct run_script **scripts;
	uint32_t script_count;
	uint32_t script_capacity;
	struct run_wait *waits; /**< a ring: the commit calls back in this order */
	uint32_t wait_first, wait_count, wait_capacity;
	struct timer *kick;
	struct plan_usage usage;
};

enum { RUN_RECORDS_SPARE = 8, RUN_BYTES_SPARE = 256 * 1024 };

/* plan_engine.c */
int64_t engine_now(const struct plan_engine *engine);
void engine_fact(struct plan_run *run, const char *kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/** Commits what was gathered at the end of this turn: one group commit for all runs. */
void engine_kick(struct plan_engine *engine);
/** Starts queued runs of the same plan and key, as far as the limit allows. */
void engine_dequeue(struct plan_engine *engine, const struct plan_run *ended);
bool run_is_ended(const struct plan_run *run);
struct plan_run *engine_find(const struct plan_engine *engine, const char *run_id);

/* run_store.c */
void run_add(struct plan_engine *engine, struct plan_run *run);
void run_save(struct plan_run *run);
/** Writes the next record and applies it to the open call. */
void run_record(struct plan_run *run, struct journal_record *record);
int run_load_all(struct plan_engine *engine, struct err_note *why);
void run_free(struct plan_run *run);
/** Frees what only a live run needs. */
void run_release(struct plan_run *run);
/** Deletes the oldest ended runs past `ended_max`, with their journals; nothing while held. */
void run_trim(struct plan_engine *engine);
/** Borrowed from the engine's list; the first use stores the source. */
struct run_script *script_take(struct plan_engine *engine, struct plan *plan);
int script_factory(struct plan_engine *engine, struct plan_run *run, struct plan_factory **out,
		   struct err_note *why);

/* plan_run.c */
void run_start(struct plan_run *run);  /**< first time: RunStarted, then the script */
void run_resume(struct plan_run *run); /**< after a restart: replay */
void run_go_on(struct plan_run *run);
void run_end(struct plan_run *run, enum run_state state, const char *error);
void run_block(struct plan_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
void run_set_state(struct plan_run *run, enum run_state state, const char *waiting_for);
void run_after(struct plan_run *run, void (*then)(struct plan_run *run));
void run_arm(struct plan_run *run);

/* plan_call.c */
/** Opens a call of the script: from the journal, or anew. True when it is answered already; false
 *  when it waits (or the run ended or is blocked). */
bool call_open(struct plan_run *run, const struct plan_call *call);
void call_apply(struct open_call *call, const struct journal_record *record);
void call_clear(struct open_call *call);
const char *effect_name(enum effect effect);
int effect_parse(const char *text); /**< enum effect or -1 */

/* plan_step.c */
void step_open(struct plan_run *run, struct journal_record *record, const char *opts_json);
void step_continue(struct plan_run *run);
void step_attempt(struct plan_run *run);

/* plan_wait.c */
void sleep_open(struct plan_run *run, struct journal_record *record);
void sleep_on_due(struct plan_run *run);
void ask_open(struct plan_run *run, struct journal_record *record);
void ask_continue(struct plan_run *run);
void ask_on_due(struct plan_run *run);
/** AskAnswered of a person or of the clock (`is_expired`). Value may be NULL. */
void ask_answer(struct plan_run *run, bool is_approved, const char *value_json, const char *actor,
		const char *reason, bool is_expired);
/** ERR_INVALID: not JSON, or not among the choices. */
int ask_check_value(const struct plan_run *run, bool is_approved, const char *value_json,
		    struct err_note *why);
void value_open(struct plan_run *run, struct journal_record *record);

#endif
