/* A run goes on with another version of its plan, when that one asks for all that the journal has.
 *
 *      at rest -> rehearsal with the new script -> Migrated, row and source in one batch -> replay
 *
 *  A process that ends before the batch is durable finds the old version, later the new one. What
 *  the run was started with (parameters, time-out, limit) stays. */
#include "core/plan/plan_rehearse.h"

#include "core/base/err.h"
#include "core/plan/plan.h"
#include "core/plan/plan_command.h"
#include "core/plan/plan_run.h"
#include "core/plan/run_store.h"
#include "storage/commit.h"

#include <string.h>

enum { FLUSHES_MAX = 8 };

/* All its records are durable, and it waits. */
static int settle(struct plan_engine *engine, const struct plan_run *run, struct err_note *why)
{
	int code = 0;
	for (int i = 0; code == 0 && i < FLUSHES_MAX && (i < 2 || run->wait_count > 0); i++)
		code = commit_flush(engine->options.commit, why);
	if (code == 0 && run->wait_count > 0)
		code = err_set(why, ERR_CONFLICT, "run %s is at work: try again", run->id);
	return code;
}

static int check_state(const struct plan_run *run, struct err_note *why)
{
	if (run_is_ended(run))
		return err_set(why, ERR_CONFLICT, "run %s has ended: %s", run->id,
			       run_state_name(run->state));
	if (run->state == RUN_QUEUED)
		return err_set(why, ERR_CONFLICT, "run %s is queued: it has nothing to keep",
			       run->id);
	if (run->is_journal_lost)
		return err_set(why, ERR_CONFLICT, "the journal of run %s cannot be read: %s",
			       run->id, run->error);
	if (run->is_unwinding)
		return err_set(why, ERR_CONFLICT, "run %s is being rolled back", run->id);
	if (!run_is_live(run) && run->state != RUN_BLOCKED)
		return err_set(why, ERR_CONFLICT, "run %s is just beginning: try again", run->id);
	for (uint32_t i = 0; i < run->branch_count; i++) {
		if (run->branches[i]->action)
			return err_set(why, ERR_CONFLICT,
				       "%s is being sent: try again when its outcome is known",
				       run->branches[i]->call.step);
	}
	if (!run_has_room(run, 1))
		return err_set(why, ERR_CONFLICT, "the journal of run %s is full", run->id);
	return 0;
}

static int find_plan(const struct plan_engine *engine, const struct plan_run *run, uint32_t version,
		     struct plan **out, struct err_note *why)
{
	struct plan *plan = NULL;
	for (uint32_t i = 0; i < engine->plan_count; i++) {
		if (strcmp(engine->plans[i]->name, run->plan) == 0)
			plan = engine->plans[i];
	}
	if (!plan)
		return err_set(why, ERR_NOT_FOUND, "the site has no plan %s now", run->plan);
	if (version != 0 && plan->version != version)
		return err_set(why, ERR_NOT_FOUND,
			       "version %u of plan %s is not active: version %u is", version,
			       plan->name, plan->version);
	if (strcmp(plan->hash, run->script->hash) == 0)
		return err_set(why, ERR_CONFLICT, "run %s is on version %u already", run->id,
			       plan->version);
	*out = plan;
	return 0;
}

static void take_version(struct plan_run *run, struct plan *plan, const struct plan_operator *by)
{
	struct run_script *former = run->script;
	uint32_t from = run->version;
	bool has_reason = by->reason && by->reason[0];
	struct journal_record record = {.type = RECORD_MIGRATED,
					.version = plan->version,
					.hash = plan->hash,
					.actor = by->actor,
					.via = by->via,
					.reason = by->reason};
	run_record(run, &record);
	run->script = script_take(run->engine, plan);
	run->version = plan->version;
	script_drop(run->engine, former);
	run_save(run);
	engine_fact(run, "operator", "migrated from version %u to %u by %s%s%s", from, run->version,
		    by->actor, has_reason ? ": " : "", has_reason ? by->reason : "");
}

int plan_engine_migrate(struct plan_engine *engine, const char *run_id, uint32_t version,
			const struct plan_operator *by, struct err_note *why)
{
	struct plan_run *run = engine_find(engine, run_id);
	struct plan *plan = NULL;
	if (!run)
		return err_set(why, ERR_NOT_FOUND, "there is no plan run \"%.100s\"", run_id);
	run_wake(run);
	int code = settle(engine, run, why);
	if (code == 0)
		code = check_state(run, why);
	if (code == 0)
		code = find_plan(engine, run, version, &plan, why);
	if (code == 0)
		code = run_rehearse(run, plan->factory, 0, why);
	if (code != 0)
		return code;
	take_version(run, plan, by);
	run_release(run);
	code = commit_flush(engine->options.commit, why);
	if (code == 0)
		run_resume(run);
	return code;
}
