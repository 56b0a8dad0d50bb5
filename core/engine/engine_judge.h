/** engine_judge.h - a boundary of a rule is decided: values, scripts, states, alerts. */
#ifndef TOCSIN_CORE_ENGINE_ENGINE_JUDGE_H
#define TOCSIN_CORE_ENGINE_ENGINE_JUDGE_H

#include "core/engine/engine_internal.h"

/** So long nobody must be refused before it is over. */
enum { ENGINE_FULL_MS_MIN = 60000 };

struct alert_correction;
struct history_answer;
struct key_tell;
struct rule_verdict;

/** A key that is judged at a boundary. */
struct candidate {
	struct slice key;        /**< in the engine's scratch arena */
	struct aggregate *cells; /**< of its window, as the metric has them; there too */
	struct judgement judgement;
	bool is_early;       /**< before its boundary: it is told that it fires, or nothing is */
	bool has_own_number; /**< in place of the rule's threshold */
	double own_number;
	struct history_answer *answer; /**< of a rule with references; in the arena */
};

struct evaluation {
	struct engine *engine;
	struct rule_state *state;
	int64_t boundary_ms, from_ms; /**< the window's ends */
	int64_t judged_ms;            /**< the boundary before it, or TIME_NONE */
	int64_t watched_ms;           /**< judged without a gap since */
	bool is_muted;                /**< outside the valid time */
	struct aggregate *spare;      /**< cells that nobody took */
	struct candidate *candidates;
	uint32_t count, capacity;
};

/* engine_evaluate.c */
void engine_evaluate(struct engine *engine, struct rule_state *state, int64_t boundary_ms);

/* engine_collect.c */
void engine_collect(struct evaluation *evaluation, int64_t old_ms);
/** `cells` are in the scratch arena. */
struct candidate *engine_add_candidate(struct evaluation *evaluation, struct slice key,
				       struct aggregate *cells);
/** The rule's `dimensions` and `exclude` let the key pass. */
bool engine_is_watchable(const struct rule *rule, struct slice key);
/** A key in no state would be in one. */
/** Category of the value of the site's category field, when the dimension has it; or NULL. */
const char *engine_category_of(const struct engine *engine, const struct rule *rule,
			       struct slice key);
bool engine_matters(const struct rule *rule, const struct judgement *judgement);

/* engine_values.c */
/** The value of a measure in the cells of a window of the rule. */
bool engine_value(const struct rule_state *state, const struct aggregate *cells,
		  const struct measure *measure, double *out);
/** What the values in `candidate->cells` mean. */
void engine_judge(const struct evaluation *evaluation, struct candidate *candidate);
/** Cells in the scratch arena, all empty. */
struct aggregate *engine_cells(const struct evaluation *evaluation);

/* engine_early.c */
/** The keys of a bundle's table, for the metric's rules with `early`. */
void engine_judge_early(struct engine *engine, struct engine_metric *metric,
			const struct group_table *table);

/* engine_correct.c */
/** Something late is about to be merged: the judged windows of the metric's rules that it changes
 *  are marked with what they say now. */
void engine_mark_late(struct engine *engine, const struct engine_metric *metric, int64_t start_ms,
		      struct slice key);
void engine_mark_late_table(struct engine *engine, const struct engine_metric *metric,
			    const struct group_table *table);
/** What is marked is judged again at a boundary of the rule. */
void engine_correct(struct engine *engine, struct rule_state *state, int64_t boundary_ms);

/* engine_keys.c */
struct engine_key *engine_find_key(const struct rule_state *state,
				   struct slice key); /**< or NULL */
/** Of a key, made when it is not there; NULL: the rule has as many as it may. */
struct engine_key *engine_watch(struct engine *engine, struct rule_state *state, struct slice key);
void engine_forget(struct rule_state *state, struct engine_key *key);
/** Takes over what was stored of a key. */
void engine_adopt_key(struct rule_state *state, struct slice key, struct engine_key *stored);
void engine_compact_keys(struct rule_state *state);
void engine_free_keys(struct rule_state *state);
/** What is missed when it sends nothing though it never did, at the rule's first evaluation:
 *  its `expect`, the whole system with `no_data = "alert"`. */
void engine_watch_expected(struct engine *engine, struct rule_state *state, int64_t boundary_ms);
/** A step of a key, its alert and its row. `verdict`: of a script, or NULL. */
void engine_step(const struct evaluation *evaluation, struct candidate *candidate,
		 const struct rule_verdict *verdict);
/** A script failed at the key, which stays as it was. */
void engine_trace_error(const struct evaluation *evaluation, const struct candidate *candidate);
/** Whether the rule has more keys than it may watch is a finding, too. */
void engine_step_overflow(const struct evaluation *evaluation);
/** The same at any time: a key was refused, or none; over when none was for `clear_hold_ms`. */
void engine_step_full(const struct evaluation *evaluation, int64_t clear_hold_ms, bool has_refused);
/** Steps of keys, and calls of functions, that found no room. */
uint64_t engine_refused_count(const struct rule_state *state);

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
/** What follows for a key, told. `candidate` NULL: its values are not known. */
void engine_tell(struct engine *engine, struct rule_state *state, struct slice key,
		 const struct candidate *candidate, const struct key_tell *tell,
		 int64_t boundary_ms, const struct rule_verdict *verdict);
/** Of a past window, which ends at `end_ms`: how it is since something late came. */
void engine_tell_correction(struct engine *engine, const struct rule_state *state,
			    const struct candidate *candidate, const struct key_tell *tell,
			    int64_t end_ms, const struct alert_correction *correction);
void engine_tell_overflow(struct engine *engine, struct rule_state *state,
			  const struct key_tell *tell, int64_t boundary_ms);
/** Everything of the rule that was told resolves, with a reason. */
void engine_resolve_all(struct engine *engine, struct rule_state *state, const char *reason);

#endif
