/* One boundary of one rule: collect the keys whose state may change, sort them, decide.
 *
 * A threshold is asked only about keys with a pane that came into the window or left it since the
 * last evaluation (window_walk()); all others stay as they are. Those that fire are marked first,
 * so that the walk needs no look-up for each key. A script may look at the time and is asked about
 * every key. */
#include "core/engine/engine_internal.h"
#include "core/engine/engine_judge.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/model/dimension.h"
#include "core/model/dimension_hash.h"
#include "core/rule/rule.h"
#include "core/rule/rule_runner.h"
#include "core/window/group_table.h"
#include "core/window/metric.h"
#include "core/window/window.h"

#include <stdio.h>
#include <stdlib.h>

struct candidate {
	struct slice key;        /**< in the engine's scratch arena */
	struct aggregate *total; /**< the metric's cells, in the arena too; what they own is ours */
};

struct evaluation {
	struct engine *engine;
	struct rule_state *state;
	int64_t boundary_ms;
	bool has_system_key; /**< the key of the whole system had a pane */
	struct candidate *candidates;
	uint32_t count, capacity;
};

bool engine_decide(const struct rule_state *state, const struct aggregate *total, double *value,
		   bool *has_value)
{
	*has_value = measure_value(&state->metric->metric->cells, total, &state->rule->measure,
				   state->rule->window_ms, value);
	return *has_value && threshold_holds(&state->rule->threshold, *value);
}

static void add_candidate(struct evaluation *evaluation, struct slice key,
			  const struct aggregate *total)
{
	const struct cell_layout *layout = &evaluation->state->metric->metric->cells;
	struct candidate *candidate;

	if (evaluation->count == evaluation->capacity) {
		evaluation->capacity = evaluation->capacity == 0 ? 16 : evaluation->capacity * 2;
		evaluation->candidates = mem_grow(evaluation->candidates, evaluation->capacity,
						  sizeof(*evaluation->candidates));
	}
	candidate = &evaluation->candidates[evaluation->count++];
	candidate->key.data = arena_copy(&evaluation->engine->scratch, key.data, key.length);
	candidate->key.length = key.length;
	candidate->total = arena_zalloc(&evaluation->engine->scratch, layout->bytes);
	cells_merge(layout, candidate->total, total, NULL);
}

/* ---- a script's keys ---- */

static void collect_for_script(void *arg, struct slice key, const struct aggregate *total)
{
	struct evaluation *evaluation = arg;
	struct rule_state *state = evaluation->state;
	uint32_t id = key_table_find(&state->keys, key);

	if (id != KEY_TABLE_NONE && state->firings[id].is_firing)
		state->firings[id].visit = state->visit;
	state->is_settled = false;
	evaluation->has_system_key |= key.length == 0;
	add_candidate(evaluation, key, total);
}

/** Every key of the window, those that fire but have no pane any more, and the whole system when
 *  nothing happened in it. */
static void collect_all(struct evaluation *evaluation)
{
	struct rule_state *state = evaluation->state;
	struct cell_total empty = {0};

	window_each(state->metric->window, evaluation->boundary_ms - state->rule->window_ms,
		    evaluation->boundary_ms, collect_for_script, evaluation);
	for (uint32_t id = 0; id < state->keys.count; id++)
		if (state->firings[id].is_firing && state->firings[id].visit != state->visit) {
			struct slice key = key_table_key(&state->keys, id);

			evaluation->has_system_key |= key.length == 0;
			add_candidate(evaluation, key, empty.aggregates);
		}
	if (state->rule->by_count == 0 && !evaluation->has_system_key)
		add_candidate(evaluation, (struct slice){"", 0}, empty.aggregates);
}

/* ---- a threshold's keys ---- */

static void add_empty_when_changed(struct evaluation *evaluation, struct slice key, bool is_firing)
{
	struct cell_total empty = {0};
	double value;
	bool has_value;

	if (engine_decide(evaluation->state, empty.aggregates, &value, &has_value) != is_firing)
		add_candidate(evaluation, key, empty.aggregates);
}

static void on_value(void *arg, uint32_t ref, double value, bool has_value, bool is_firing)
{
	struct evaluation *evaluation = arg;
	const struct rule_state *state = evaluation->state;
	const struct window *window = state->metric->window;
	struct cell_total total;

	if ((has_value && threshold_holds(&state->rule->threshold, value)) == is_firing)
		return;
	window_total_of(window, ref, evaluation->boundary_ms - state->rule->window_ms,
			evaluation->boundary_ms, total.aggregates);
	add_candidate(evaluation, window_key_of(window, ref), total.aggregates);
	cells_release(&state->metric->metric->cells, total.aggregates, NULL);
}

/** `old_ms` is the last boundary when nothing changed behind it, or TIME_NONE. */
static void collect_changed(struct evaluation *evaluation, int64_t old_ms)
{
	struct rule_state *state = evaluation->state;
	struct window *window = state->metric->window;
	int64_t window_ms = state->rule->window_ms;
	struct slice system_key = {"", 0};
	struct window_walk walk = {
		.from_ms = evaluation->boundary_ms - window_ms,
		.to_ms = evaluation->boundary_ms,
		.old_from_ms = old_ms != TIME_NONE ? old_ms - window_ms : 0,
		.old_to_ms = old_ms != TIME_NONE ? old_ms : 0,
		.measure = state->rule->measure,
		.each = on_value,
		.arg = evaluation,
	};

	window_walk_begin(window);
	for (uint32_t id = 0; state->firing_count > 0 && id < state->keys.count; id++) {
		struct slice key = key_table_key(&state->keys, id);

		if (state->firings[id].is_firing &&
		    !window_walk_mark(window, &walk, group_key_hash(state->keys.seed, key), key))
			add_empty_when_changed(evaluation, key, true);
	}
	window_walk(window, &walk);
	if (state->rule->by_count == 0 && state->firing_count == 0 &&
	    !window_walk_mark(window, &walk, group_key_hash(state->keys.seed, system_key),
			      system_key))
		add_empty_when_changed(evaluation, system_key, false);
}

/* ---- judging ---- */

static int compare_candidates(const void *a, const void *b)
{
	return dimension_compare(((const struct candidate *)a)->key,
				 ((const struct candidate *)b)->key);
}

static void change_state(struct evaluation *evaluation, const struct candidate *candidate,
			 bool is_firing, const struct rule_verdict *verdict)
{
	evaluation->state->is_settled = false;
	if (is_firing)
		engine_fire(evaluation->engine, evaluation->state, candidate->key, candidate->total,
			    evaluation->boundary_ms, verdict);
	else
		engine_resolve(evaluation->engine, evaluation->state, candidate->key,
			       candidate->total, evaluation->boundary_ms, verdict, NULL);
}

static int call_script(struct evaluation *evaluation, const struct candidate *candidate,
		       bool was_firing, struct rule_verdict *verdict, struct err_note *why)
{
	const struct rule *rule = evaluation->state->rule;
	struct rule_window window = {
		.window_start_ms = evaluation->boundary_ms - rule->window_ms,
		.window_end_ms = evaluation->boundary_ms,
		.key = candidate->key,
		.aggregate = candidate->total,
		.by = (const char *const *)rule->by,
		.by_count = rule->by_count,
		.is_firing = was_firing,
	};
	int code;

	engine_script_begins(evaluation->engine, rule,
			     dimension_hash((uint64_t)evaluation->boundary_ms, candidate->key));
	code = rule->runner->ops->on_window(rule->runner, &window, verdict, why);
	engine_script_ends(evaluation->engine);
	return code;
}

static bool judge_by_script(struct evaluation *evaluation, const struct candidate *candidate)
{
	struct rule_state *state = evaluation->state;
	uint32_t id = key_table_find(&state->keys, candidate->key);
	bool was_firing = id != KEY_TABLE_NONE && state->firings[id].is_firing;
	struct rule_verdict verdict = {0};
	struct err_note why = {0};
	bool goes_on = true;
	int code = call_script(evaluation, candidate, was_firing, &verdict, &why);

	if (code != 0) {
		/* The key stays as it was. */
		goes_on = engine_count_script_error(evaluation->engine, state, code, &why);
	} else {
		state->errors_in_row = 0;
		if (verdict.is_firing != was_firing)
			change_state(evaluation, candidate, verdict.is_firing, &verdict);
	}
	rule_verdict_clear(&verdict);
	return goes_on;
}

static void judge(struct evaluation *evaluation)
{
	struct rule_state *state = evaluation->state;

	for (uint32_t i = 0; i < evaluation->count; i++) {
		const struct candidate *candidate = &evaluation->candidates[i];
		double value;
		bool has_value;

		if (state->rule->type != RULE_SCRIPT)
			change_state(evaluation, candidate,
				     engine_decide(state, candidate->total, &value, &has_value),
				     NULL);
		else if (!judge_by_script(evaluation, candidate))
			return;
	}
}

void engine_evaluate(struct engine *engine, struct rule_state *state, int64_t boundary_ms)
{
	struct evaluation evaluation = {
		.engine = engine, .state = state, .boundary_ms = boundary_ms};
	int64_t old_ms = state->is_dirty ? TIME_NONE : state->evaluated_ms;

	arena_reset(&engine->scratch);
	state->visit++;
	state->evaluation_count++;
	state->evaluated_ms = boundary_ms;
	state->is_dirty = false;
	state->is_settled = true;
	if (state->rule->type == RULE_SCRIPT)
		collect_all(&evaluation);
	else
		collect_changed(&evaluation, old_ms);
	if (evaluation.count > 1)
		qsort(evaluation.candidates, evaluation.count, sizeof(*evaluation.candidates),
		      compare_candidates);
	judge(&evaluation);
	for (uint32_t i = 0; i < evaluation.count; i++)
		cells_release(&state->metric->metric->cells, evaluation.candidates[i].total, NULL);
	mem_free(evaluation.candidates);
	engine_compact_firings(state);
}
