/* A plan that fails again and again is stopped, and a person is called.
 *
 *      closed -`fails` runs in a row failed-> open -`cool` later-> one run is tried -done-> closed
 *                                              ^                                  -failed-+
 *
 *  It needs no store of its own: the runs of the active version say it all, also after a restart.
 *  A new version begins closed. A run that a person ended says nothing about the plan.
 */
#include "core/plan/plan_run.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan.h"

#include <string.h>
#include <time.h>

struct failures {
	uint32_t count;
	int64_t latest_ms;              /**< when the last of them ended */
	const struct plan_run *latest;  /**< the one that ended last */
	const struct plan_run *running; /**< a run of this version that has not ended */
};

static bool has_failed(const struct plan_run *run)
{
	return !run->is_drill && (run->state == RUN_FAILED || run->state == RUN_ROLLBACK_FAILED);
}

/* In a row: since the last run that ended well. */
static struct failures count_failures(const struct plan_engine *engine, const struct plan *plan)
{
	struct failures found = {0};
	int64_t done_ms = INT64_MIN;
	for (uint32_t i = 0; i < engine->run_count; i++) {
		const struct plan_run *run = engine->runs[i];
		if (run->version != plan->version || strcmp(run->plan, plan->name) != 0 ||
		    run->is_drill)
			continue;
		if (run->state == RUN_DONE && run->ended_ms > done_ms)
			done_ms = run->ended_ms;
		if (!run_is_ended(run) && run->state != RUN_QUEUED)
			found.running = run;
	}
	for (uint32_t i = 0; i < engine->run_count; i++) {
		const struct plan_run *run = engine->runs[i];
		if (run->version != plan->version || strcmp(run->plan, plan->name) != 0 ||
		    !has_failed(run) || run->ended_ms <= done_ms)
			continue;
		found.count++;
		if (!found.latest || run->ended_ms >= found.latest_ms) {
			found.latest = run;
			found.latest_ms = run->ended_ms;
		}
	}
	return found;
}

static void format_time(int64_t at_ms, char out[32])
{
	time_t seconds = (time_t)(at_ms / 1000);
	struct tm parts;
	gmtime_r(&seconds, &parts);
	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

int breaker_check(const struct plan_engine *engine, const struct plan *plan, struct err_note *why)
{
	char until[32];
	if (plan->breaker_fails == 0)
		return 0;
	struct failures found = count_failures(engine, plan);
	if (found.count < plan->breaker_fails)
		return 0;
	format_time(found.latest_ms + plan->breaker_cool_ms, until);
	if (engine_now(engine) - found.latest_ms < plan->breaker_cool_ms)
		return err_set(why, ERR_FULL,
			       "plan %s was not started: its breaker is open until %s, after %u "
			       "failures in a row (the last: %.100s)",
			       plan->name, until, found.count, found.latest->id);
	if (found.running)
		return err_set(why, ERR_FULL,
			       "plan %s was not started: after %u failures in a row one run is "
			       "tried first: %.100s",
			       plan->name, found.count, found.running->id);
	return 0;
}

void breaker_look(struct plan_run *run)
{
	struct plan_engine *engine = run->engine;
	char until[32];
	const struct plan *plan = NULL;
	for (uint32_t i = 0; i < engine->plan_count; i++) {
		if (strcmp(engine->plans[i]->name, run->plan) == 0 &&
		    engine->plans[i]->version == run->version)
			plan = engine->plans[i];
	}
	if (!plan || plan->breaker_fails == 0 || !has_failed(run))
		return;
	struct failures found = count_failures(engine, plan);
	if (found.count < plan->breaker_fails)
		return;
	format_time(run->ended_ms + plan->breaker_cool_ms, until);
	char *text =
		mem_format("plan %s has failed %u times in a row; no run of it starts before "
			   "%s. The last, %s: %.500s",
			   plan->name, found.count, until, run->id, run->error ? run->error : "");
	engine->usage.breaker_count++;
	engine_fact(run, "breaker_opened", "%s", text);
	if (plan->breaker_escalate) {
		char *id = mem_format("%s/breaker", run->id);
		engine_send(engine, plan->breaker_escalate, run->incident, id, text);
		mem_free(id);
	}
	mem_free(text);
}
