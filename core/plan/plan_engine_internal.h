/** plan_engine_internal.h - what all runs share. For siblings and tests. */
#ifndef TOCSIN_CORE_PLAN_PLAN_ENGINE_INTERNAL_H
#define TOCSIN_CORE_PLAN_PLAN_ENGINE_INTERNAL_H

#include "core/plan/plan_engine.h"
#include "core/plan/plan_lock.h"

struct plan_branch;
struct plan_run;
struct run_script;
struct timer;

struct run_wait {
	struct plan_run *run;
	uint32_t epoch;
	uint32_t record_count; /**< of the run: so many are durable then */
	void (*then)(struct plan_branch *branch);
};

struct plan_engine {
	struct plan_engine_options options;
	struct plan_drills *drills; /**< plan_drill.h */
	struct config *config;
	struct plan **plans;
	uint32_t plan_count;
	struct plan_run **runs; /**< by creation */
	uint32_t run_count;
	uint32_t run_capacity;
	uint32_t ended_count;
	uint32_t records_max; /**< RUN_RECORDS_MAX; tests lower it */
	uint32_t ended_max;   /**< RUNS_ENDED_MAX; tests lower it */
	uint32_t awake_count; /**< runs with a script */
	uint32_t awake_max;   /**< RUNS_AWAKE_MAX; tests lower it */
	int64_t clock_ms;     /**< wall clock less monotonic clock, when it was looked at */
	uint32_t hold_count;  /**< somebody works on runs, and facts call back: no run_trim() */
	bool is_rehearsal;    /**< it replays and does nothing else: plan_rehearse.c */
	struct run_script **scripts;
	uint32_t script_count;
	uint32_t script_capacity;
	struct run_wait *waits; /**< a ring: the commit calls back in this order */
	uint32_t wait_first, wait_count, wait_capacity;
	struct timer *kick;
	struct plan_locks locks;
	bool is_resuming; /**< runs are brought back: no lock is given yet */
	struct plan_usage usage;
};

int64_t engine_now(const struct plan_engine *engine);
void plan_tell(const struct plan_engine *engine, uint64_t incident, const char *plan,
	       const char *id, const char *kind, const char *text);
void engine_fact(struct plan_run *run, const char *kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/** A message for an output or a person. */
void engine_send(const struct plan_engine *engine, const char *to, uint64_t incident,
		 const char *id, const char *text);
/** Commits what was gathered at the end of this turn: one group commit for all runs. */
void engine_kick(struct plan_engine *engine);
bool run_is_ended(const struct plan_run *run);
struct plan_run *engine_find(const struct plan_engine *engine, const char *run_id);

#endif
