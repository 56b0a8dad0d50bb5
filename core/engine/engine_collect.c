/* The keys of a rule that a boundary may change.
 *
 * A threshold is asked only about keys with a pane that came into the window or left it since the
 * last evaluation (window_slide.h); all others stay as they are. Keys that are in some state are
 * marked first, so that the walk needs no look-up for each key; of these the ones without a pane
 * and the ones whose time has come are candidates by themselves. A script may look at the time and
 * is asked about every key. */
#include "core/engine/engine_history.h"
#include "core/engine/engine_judge.h"

#include "core/base/mem.h"
#include "core/lookup/key_filter.h"
#include "core/model/cells.h"
#include "core/model/dimension_hash.h"
#include "core/rule/rule.h"
#include "core/window/group_table.h"
#include "core/window/metric.h"
#include "core/window/window_slide.h"

#include <string.h>

static const struct slice system_key = {"", 0};

struct candidate *engine_add_candidate(struct evaluation *evaluation, struct slice key,
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

bool engine_is_watchable(const struct rule *rule, struct slice key)
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

	if (!engine_is_watchable(state->rule, key))
		return;
	if (watched != NULL)
		watched->visit = state->visit;
	state->is_settled = false;
	cells = engine_cells(evaluation);
	/* The total is the window's: what it owns is not ours to take. */
	cells_merge(&state->metric->metric->cells, cells, total, NULL);
	engine_add_candidate(evaluation, key, cells);
}

/** Every key of the window, those in some state without a pane, and the whole system when nothing
 *  happened in it. */
static void collect_all(struct evaluation *evaluation)
{
	struct rule_state *state = evaluation->state;
	bool has_system_key = false;

	if (!evaluation->is_muted)
		window_slide_each(state->slide, evaluation->boundary_ms, collect_for_script,
				  evaluation);
	for (uint32_t id = 0; id < state->keys.count; id++)
		if (state->watched[id].is_live && state->watched[id].visit != state->visit)
			engine_add_candidate(evaluation, key_table_key(&state->keys, id),
					     engine_cells(evaluation));
	for (uint32_t i = 0; i < evaluation->count; i++)
		has_system_key |= evaluation->candidates[i].key.length == 0;
	if (state->rule->by_count == 0 && !has_system_key && !evaluation->is_muted)
		engine_add_candidate(evaluation, system_key, engine_cells(evaluation));
}

/* ---- a threshold's keys ---- */

static struct aggregate *copy_cells(struct evaluation *evaluation, const struct aggregate *total)
{
	struct aggregate *cells = engine_cells(evaluation);

	cells_merge(&evaluation->state->metric->metric->cells, cells, total, NULL);
	return cells;
}

static void take_key(struct evaluation *evaluation, struct slice key, struct aggregate *cells)
{
	engine_judge(evaluation, engine_add_candidate(evaluation, key, cells));
}

bool engine_matters(const struct rule *rule, const struct judgement *judgement)
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
	if (engine_matters(state->rule, &candidate.judgement)) {
		take_key(evaluation, key, cells);
		return true;
	}
	cells_release(&state->metric->metric->cells, cells, NULL);
	return false;
}

/** Most of them stay in no state: they share their cells. */
static void on_new_key(struct evaluation *evaluation, struct slice key,
		       const struct aggregate *total)
{
	const struct rule_state *state = evaluation->state;

	if (!engine_is_watchable(state->rule, key))
		return;
	if (evaluation->spare == NULL)
		evaluation->spare = engine_cells(evaluation);
	memset(evaluation->spare, 0, state->metric->metric->cells.bytes);
	cells_merge(&state->metric->metric->cells, evaluation->spare, total, NULL);
	if (take_new_key(evaluation, key, evaluation->spare))
		evaluation->spare = NULL;
}

/** A plain rule watches the keys that fire. */
static bool changes_plainly(const struct rule_state *state, const struct aggregate *total,
			    bool is_marked)
{
	const struct rule *rule = state->rule;
	double value;

	return engine_value(state, total, &rule->measure, &value) &&
	       threshold_holds(&rule->threshold, value) != is_marked;
}

static void on_total(void *arg, uint32_t ref, const struct aggregate *total, bool is_marked)
{
	struct evaluation *evaluation = arg;
	struct rule_state *state = evaluation->state;
	struct engine_key *watched;
	struct slice key;

	if (state->rule->is_plain && !changes_plainly(state, total, is_marked))
		return;
	key = window_slide_key(state->slide, ref);
	if (!is_marked) {
		on_new_key(evaluation, key, total);
		return;
	}
	watched = engine_find_key(state, key);
	if (watched == NULL || watched->visit == state->visit)
		return;
	watched->visit = state->visit;
	take_key(evaluation, key, copy_cells(evaluation, total));
}

/** Marks a watched key for the walk, or takes it at once. */
static void mark(struct evaluation *evaluation, uint32_t id)
{
	struct rule_state *state = evaluation->state;
	struct engine_key *watched = &state->watched[id];
	struct slice key = key_table_key(&state->keys, id);
	bool has_pane = window_slide_mark(state->slide, group_key_hash(state->keys.seed, key), key);
	bool was_quiet = watched->state.quiet_ms != KEY_TIME_NONE;
	struct aggregate *cells;

	if (has_pane != was_quiet && watched->state.next_ms > evaluation->boundary_ms &&
	    !evaluation->is_muted)
		return;
	watched->visit = state->visit;
	cells = engine_cells(evaluation);
	if (has_pane)
		window_slide_total(state->slide, evaluation->boundary_ms, key, cells);
	take_key(evaluation, key, cells);
}

static void collect_system(struct evaluation *evaluation)
{
	struct rule_state *state = evaluation->state;

	if (state->rule->by_count == 0 && engine_find_key(state, system_key) == NULL &&
	    !window_slide_mark(state->slide, group_key_hash(state->keys.seed, system_key),
			       system_key))
		take_new_key(evaluation, system_key, engine_cells(evaluation));
}

/** `old_ms` is the last boundary when nothing changed behind it, or TIME_NONE. */
static void collect_changed(struct evaluation *evaluation, int64_t old_ms)
{
	struct rule_state *state = evaluation->state;

	window_slide_begin(state->slide, evaluation->boundary_ms, old_ms);
	for (uint32_t id = 0; state->watched_count > 0 && id < state->keys.count; id++)
		if (state->watched[id].is_live)
			mark(evaluation, id);
	if (evaluation->is_muted)
		return;
	window_slide_walk(state->slide, on_total, evaluation);
	collect_system(evaluation);
}

void engine_collect(struct evaluation *evaluation, int64_t old_ms)
{
	if (evaluation->state->rule->type == RULE_SCRIPT)
		collect_all(evaluation);
	else if (evaluation->state->history != NULL)
		engine_collect_compared(evaluation);
	else
		collect_changed(evaluation, old_ms);
}
