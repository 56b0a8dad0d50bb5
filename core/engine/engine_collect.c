/* The keys of a rule that a boundary may change.
 *
 * A threshold is asked only about keys with a pane that came into the window or left it since the
 * last evaluation (window_walk()); all others stay as they are. Keys that are in some state are
 * marked first, so that the walk needs no look-up for each key; of these the ones without a pane
 * and the ones whose time has come are candidates by themselves. A script may look at the time and
 * is asked about every key. */
#include "core/engine/engine_judge.h"

#include "core/base/mem.h"
#include "core/lookup/key_filter.h"
#include "core/model/cells.h"
#include "core/model/dimension_hash.h"
#include "core/rule/rule.h"
#include "core/window/group_table.h"
#include "core/window/metric.h"
#include "core/window/window.h"

#include <string.h>

static const struct slice system_key = {"", 0};

/** `cells` are in the scratch arena. */
static struct candidate *add_candidate(struct evaluation *evaluation, struct slice key,
				       struct aggregate *cells)
{
	struct candidate *candidate;

	if (evaluation->count == evaluation->capacity) {
		evaluation->capacity = evaluation->capacity == 0 ? 16 : evaluation->capacity * 2;
		evaluation->candidates = mem_grow(evaluation->candidates, evaluation->capacity,
						  sizeof(*evaluation->candidates));
	}
	candidate = &evaluation->candidates[evaluation->count++];
	*candidate = (struct candidate){.cells = cells};
	candidate->key.data = arena_copy(&evaluation->engine->scratch, key.data, key.length);
	candidate->key.length = key.length;
	return candidate;
}

static bool is_watchable(const struct rule *rule, struct slice key)
{
	return rule->key_filter == NULL || key_filter_passes(rule->key_filter, key);
}

/* ---- a script's keys ---- */

static void collect_for_script(void *arg, struct slice key, const struct aggregate *total)
{
	struct evaluation *evaluation = arg;
	struct rule_state *state = evaluation->state;
	struct engine_key *watched = engine_find_key(state, key);
	struct aggregate *cells;

	if (!is_watchable(state->rule, key))
		return;
	if (watched != NULL)
		watched->visit = state->visit;
	state->is_settled = false;
	cells = engine_cells(evaluation);
	/* The total is the window's: what it owns is not ours to take. */
	cells_merge(&state->metric->metric->cells, cells, total, NULL);
	add_candidate(evaluation, key, cells);
}

/** Every key of the window, those in some state without a pane, and the whole system when nothing
 *  happened in it. */
static void collect_all(struct evaluation *evaluation)
{
	struct rule_state *state = evaluation->state;
	bool has_system_key = false;

	if (!evaluation->is_muted)
		window_each(state->metric->window, evaluation->from_ms, evaluation->boundary_ms,
			    collect_for_script, evaluation);
	for (uint32_t id = 0; id < state->keys.count; id++)
		if (state->watched[id].is_live && state->watched[id].visit != state->visit)
			add_candidate(evaluation, key_table_key(&state->keys, id),
				      engine_cells(evaluation));
	for (uint32_t i = 0; i < evaluation->count; i++)
		has_system_key |= evaluation->candidates[i].key.length == 0;
	if (state->rule->by_count == 0 && !has_system_key && !evaluation->is_muted)
		add_candidate(evaluation, system_key, engine_cells(evaluation));
}

/* ---- a threshold's keys ---- */

static struct aggregate *cells_of(struct evaluation *evaluation, uint32_t ref)
{
	struct aggregate *cells = engine_cells(evaluation);

	window_total_of(evaluation->state->metric->window, ref, evaluation->from_ms,
			evaluation->boundary_ms, cells);
	return cells;
}

static void take_key(struct evaluation *evaluation, struct slice key, struct aggregate *cells)
{
	engine_judge(evaluation, add_candidate(evaluation, key, cells));
}

static bool matters(const struct rule *rule, const struct judgement *judgement)
{
	if (rule->no_data == RULE_NO_DATA_ALERT && !judgement->is_muted)
		return true;
	for (uint32_t i = 0; i < rule->level_count; i++)
		if (judgement->holds[i] == TRUTH_YES)
			return !judgement->is_muted;
	return false;
}

/** A key in no state: is it in one from here on? `cells` are let go if it is not. */
static bool take_new_key(struct evaluation *evaluation, struct slice key, struct aggregate *cells)
{
	const struct rule_state *state = evaluation->state;
	struct candidate candidate = {.key = key, .cells = cells};

	engine_judge(evaluation, &candidate);
	if (matters(state->rule, &candidate.judgement)) {
		take_key(evaluation, key, cells);
		return true;
	}
	cells_release(&state->metric->metric->cells, cells, NULL);
	return false;
}

/** Most of them stay in no state: they share their cells. */
static void on_new_key(struct evaluation *evaluation, uint32_t ref)
{
	const struct rule_state *state = evaluation->state;
	const struct window *window = state->metric->window;
	struct slice key = window_key_of(window, ref);

	if (!is_watchable(state->rule, key))
		return;
	if (evaluation->spare == NULL)
		evaluation->spare = engine_cells(evaluation);
	window_total_of(window, ref, evaluation->from_ms, evaluation->boundary_ms,
			evaluation->spare);
	if (take_new_key(evaluation, key, evaluation->spare))
		evaluation->spare = NULL;
}

static void on_value(void *arg, uint32_t ref, double value, bool has_value, bool is_marked)
{
	struct evaluation *evaluation = arg;
	struct rule_state *state = evaluation->state;
	struct engine_key *watched;

	/* A plain rule watches the keys that fire. */
	if (state->rule->is_plain &&
	    (!has_value || threshold_holds(&state->rule->threshold, value) == is_marked))
		return;
	if (!is_marked) {
		on_new_key(evaluation, ref);
		return;
	}
	watched = engine_find_key(state, window_key_of(state->metric->window, ref));
	if (watched == NULL || watched->visit == state->visit)
		return;
	watched->visit = state->visit;
	take_key(evaluation, window_key_of(state->metric->window, ref), cells_of(evaluation, ref));
}

/** Marks a watched key for the walk, or takes it at once. */
static void mark(struct evaluation *evaluation, const struct window_walk *walk, uint32_t id)
{
	struct rule_state *state = evaluation->state;
	struct engine_key *watched = &state->watched[id];
	struct window *window = state->metric->window;
	struct slice key = key_table_key(&state->keys, id);
	bool has_pane = window_walk_mark(window, walk, group_key_hash(state->keys.seed, key), key);
	bool was_quiet = watched->state.quiet_ms != KEY_TIME_NONE;
	struct aggregate *cells;

	if (has_pane != was_quiet && watched->state.next_ms > evaluation->boundary_ms &&
	    !evaluation->is_muted)
		return;
	watched->visit = state->visit;
	cells = engine_cells(evaluation);
	if (has_pane)
		window_total(window, key, evaluation->from_ms, evaluation->boundary_ms, cells);
	take_key(evaluation, key, cells);
}

static void collect_system(struct evaluation *evaluation, const struct window_walk *walk)
{
	struct rule_state *state = evaluation->state;

	if (state->rule->by_count == 0 && engine_find_key(state, system_key) == NULL &&
	    !window_walk_mark(state->metric->window, walk,
			      group_key_hash(state->keys.seed, system_key), system_key))
		take_new_key(evaluation, system_key, engine_cells(evaluation));
}

/** `old_ms` is the last boundary when nothing changed behind it, or TIME_NONE. */
static void collect_changed(struct evaluation *evaluation, int64_t old_ms)
{
	struct rule_state *state = evaluation->state;
	struct window *window = state->metric->window;
	int64_t window_ms = state->rule->window_ms;
	struct window_walk walk = {
		.from_ms = evaluation->from_ms,
		.to_ms = evaluation->boundary_ms,
		.old_from_ms = old_ms != TIME_NONE ? old_ms - window_ms : 0,
		.old_to_ms = old_ms != TIME_NONE ? old_ms : 0,
		/* The others are computed of the cells. */
		.measure = state->rule->is_plain ? state->rule->measure
						 : (struct measure){.statistic = STATISTIC_COUNT},
		.each = on_value,
		.arg = evaluation,
	};

	window_walk_begin(window);
	for (uint32_t id = 0; state->watched_count > 0 && id < state->keys.count; id++)
		if (state->watched[id].is_live)
			mark(evaluation, &walk, id);
	if (evaluation->is_muted)
		return;
	window_walk(window, &walk);
	collect_system(evaluation, &walk);
}

void engine_collect(struct evaluation *evaluation, int64_t old_ms)
{
	if (evaluation->state->rule->type == RULE_SCRIPT)
		collect_all(evaluation);
	else
		collect_changed(evaluation, old_ms);
}
