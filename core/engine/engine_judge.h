/** engine_judge.h - a boundary of a rule is decided: values, scripts, states, alerts. */
#ifndef TOCSIN_CORE_ENGINE_ENGINE_JUDGE_H
#define TOCSIN_CORE_ENGINE_ENGINE_JUDGE_H

#include "core/engine/engine_internal.h"

/* engine_evaluate.c */
void engine_evaluate(struct engine *engine, struct rule_state *state, int64_t boundary_ms);
bool engine_decide(const struct rule_state *state, const struct aggregate *total, double *value,
		   bool *has_value);

/* engine_script.c */
/** Around every call: a script that kills the process is known at the next start. `place` tells the
 *  calls of a rule apart and is the same when one is made again after a restart. */
void engine_script_begins(struct engine *engine, const struct rule *rule, uint64_t place);
void engine_script_ends(struct engine *engine);
/** False: the rule is quarantined now. */
bool engine_count_script_error(struct engine *engine, struct rule_state *state, int code,
			       const struct err_note *why);
/** Readings that the bundle keeps, through the filter functions, into its deltas. */
void engine_filter(struct engine *engine, struct bundle *bundle);

/* engine_alerts.c */
/** Of a key, made when it is not there. */
struct firing *engine_firing(struct rule_state *state, struct slice key);
void engine_fire(struct engine *engine, struct rule_state *state, struct slice key,
		 const struct aggregate *total, int64_t boundary_ms,
		 const struct rule_verdict *verdict);
void engine_resolve(struct engine *engine, struct rule_state *state, struct slice key,
		    const struct aggregate *total, int64_t boundary_ms,
		    const struct rule_verdict *verdict, const char *reason);
/** Everything of the rule that fires, with a reason. */
void engine_resolve_all(struct engine *engine, struct rule_state *state, const char *reason);
void engine_compact_firings(struct rule_state *state);

#endif
