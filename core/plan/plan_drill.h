/** plan_drill.h - drills: runs whose steps reach drill targets, and how ready each plan is.
 *
 *  A run that is a drill (plan_start.is_drill) sends its steps to what `drill` of the site names in
 *  the place of an output, host or program; a step without such a target fails. Its journal has
 *  the arguments as the script gave them. Messages begin with "[drill] ".
 *  log.write, metric.query and sql.query do nothing outside, and are as they are.
 */
#ifndef TOCSIN_CORE_PLAN_PLAN_DRILL_H
#define TOCSIN_CORE_PLAN_PLAN_DRILL_H

#include <stdbool.h>
#include <stdint.h>

struct config;
struct err_note;
struct plan_engine;
struct plan_run;

/** Arguments for a drill. *out is owned JSON. ERR_DENIED: there is no drill target. */
int plan_drill_args(const struct config *config, const char *action, const char *args_json,
		    char **out, struct err_note *why);

/** Of a plan, whatever its version. Times are wall milliseconds, 0: never. */
struct plan_readiness {
	int64_t drilled_ms;  /**< when the latest drill ended */
	int64_t drill_ok_ms; /**< when the latest that was done ended */
	int64_t ok_ms;       /**< when the latest real run that was done ended */
};
void plan_engine_readiness(const struct plan_engine *engine, const char *plan,
			   struct plan_readiness *out);

/** While they are muted, no event of an incident starts a plan: who drills one plan opens an
 *  incident for it alone. */
void plan_engine_mute_triggers(struct plan_engine *engine, bool is_muted);

/* For siblings. */
bool drill_mutes(const struct plan_engine *engine);
int drills_load(struct plan_engine *engine, struct err_note *why);
void drills_free(struct plan_engine *engine);
void drill_on_end(const struct plan_run *run); /**< into commit_batch() */

#endif
