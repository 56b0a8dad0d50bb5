/** plan_rehearse.h - whether a journal can be replayed, asked without any effect; and the version
 *  that a run goes on with when it can be. */
#ifndef TOCSIN_CORE_PLAN_PLAN_REHEARSE_H
#define TOCSIN_CORE_PLAN_PLAN_REHEARSE_H

#include <stdint.h>

struct err_note;
struct plan_engine;
struct plan_factory;
struct plan_run;

/** Replays the journal of a run with its own script: 0 when this build and that script come to all
 *  that is recorded, and to the same end. ERR_NOT_FOUND, ERR_CONFLICT (where it differs), ERR_IO,
 *  ERR_CORRUPT, ERR_SCRIPT. */
int plan_engine_verify(struct plan_engine *engine, const char *run_id, struct err_note *why);

/** The same with the script of `factory`, up to record `count` (0: all; then the end, too). What
 *  was gathered must be durable. */
int run_rehearse(struct plan_run *run, struct plan_factory *factory, uint32_t count,
		 struct err_note *why);

struct plan_operator;
/** The run goes on with the active version of its plan (`version`: that one, or 0), when a
 *  rehearsal with it succeeds: a Migrated record. ERR_NOT_FOUND (run, plan, version), ERR_CONFLICT
 *  (ended, queued, something is being sent, on that version already, or where it differs). */
int plan_engine_migrate(struct plan_engine *engine, const char *run_id, uint32_t version,
			const struct plan_operator *by, struct err_note *why);

#endif
