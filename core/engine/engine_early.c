/* Rules with `early = true`, after each bundle: does a reading of it make a window true that is not
 * over yet? Such conditions can only become truer in their window (rule_read_early.c), so the
 * boundary would fire the same alert, with the same id.
 *
 *          evaluated   watermark  p     b        p: the pane of a group of the bundle;
 *      ----|-----------|----------|-----|------> b: an open boundary; the first that holds is told
 *
 * Nothing but firing is decided here. A key that fired for b is left as it is by the boundaries
 * before b (engine_step()), also after a restart: when it was last told is in its row. */
#include "core/engine/engine_internal.h"
#include "core/engine/engine_judge.h"

#include "core/calendar/valid_time.h"
#include "core/lookup/key_filter.h"
#include "core/model/cells.h"
#include "core/model/span.h"
#include "core/rule/rule.h"
#include "core/window/group_table.h"
#include "core/window/metric.h"
#include "core/window/window_slide.h"

/* Windows that are open at once: lateness makes more than one of few. Of those before the pane the
 * nearest are enough: they were looked at when their own readings came. */
enum { BOUNDARIES_MAX = 64, BOUNDARIES_BEFORE = 8 };

static bool has_negative(const struct rule_condition *condition, const struct aggregate *cells)
{
	for (uint32_t i = 0; i < condition->count; i++) {
		const struct measure *measure = &condition->expressions[i].measure;
		const struct aggregate *of = &cells[measure->value];

		if (measure_statistic(measure) == STATISTIC_SUM && of->samples > 0 && of->min < 0)
			return true;
	}
	return false;
}

/** A level holds that is worse than what is on. */
static bool crosses(const struct rule *rule, const struct candidate *candidate, int level)
{
	for (int i = (int)rule->level_count - 1; i > level; i--)
		if (candidate->judgement.holds[i] == TRUTH_YES &&
		    !has_negative(&rule->levels[i].holds, candidate->cells))
			return true;
	return false;
}

/** True: it was told that the key fires. */
static bool judge_at(struct engine *engine, struct rule_state *state, struct slice key, int level,
		     int64_t boundary_ms)
{
	struct evaluation evaluation = {
		.engine = engine,
		.state = state,
		.boundary_ms = boundary_ms,
		.from_ms = engine_window_start(engine, state->rule, boundary_ms),
		.watched_ms = TIME_NONE,
	};
	struct candidate candidate = {.key = key, .is_early = true};
	uint64_t fired_count = state->fired_count;
	int64_t span_ms = state->span_ms;

	state->span_ms = boundary_ms - evaluation.from_ms;
	candidate.cells = engine_cells(&evaluation);
	window_slide_total(state->slide, boundary_ms, key, candidate.cells);
	engine_judge(&evaluation, &candidate);
	if (crosses(state->rule, &candidate, level))
		engine_step(&evaluation, &candidate, NULL);
	cells_release(&state->metric->metric->cells, candidate.cells, NULL);
	state->span_ms = span_ms;
	return state->fired_count > fired_count;
}

static void judge_key(struct engine *engine, struct rule_state *state, struct slice key,
		      int64_t start_ms)
{
	const struct rule *rule = state->rule;
	const struct engine_source *source = state->metric->source;
	const struct engine_key *watched = engine_find_key(state, key);
	int level = watched != NULL ? key_state_level(&watched->state, rule) : -1;
	int64_t at_ms = source->watermark_ms;

	if (level == (int)rule->level_count - 1 ||
	    (rule->key_filter != NULL && !key_filter_passes(rule->key_filter, key)))
		return;
	/* All that are open, also those before its pane: a key that just stopped firing may be true
	 * again in one of them. */
	if (at_ms < start_ms - BOUNDARIES_BEFORE * rule->every_ms)
		at_ms = start_ms - BOUNDARIES_BEFORE * rule->every_ms;
	for (int i = 0; i < BOUNDARIES_MAX; i++) {
		at_ms = engine_next_multiple(at_ms, rule->every_ms);
		if (engine_window_start(engine, rule, at_ms) > start_ms ||
		    at_ms > engine_next_multiple(source->max_event_ms, rule->every_ms))
			return;
		if (rule->valid_time != NULL && !valid_time_judges(rule->valid_time, at_ms))
			continue;
		if (judge_at(engine, state, key, level, at_ms))
			return;
	}
}

static void judge_rule(struct engine *engine, struct rule_state *state,
		       const struct group_table *table)
{
	const struct engine_metric *metric = state->metric;
	const struct group *group;
	size_t at = 0;

	while ((group = group_table_next(table, &at)) != NULL)
		/* What has a mark was late when it came. */
		if (group->start_ms == span_floor(group->start_ms, metric->metric->pane_ms))
			judge_key(engine, state, group_key(table, group), group->start_ms);
}

void engine_judge_early(struct engine *engine, struct engine_metric *metric,
			const struct group_table *table)
{
	arena_reset(&engine->scratch);
	for (uint32_t i = 0; i < metric->rule_count; i++)
		if (metric->rules[i]->rule->is_early && !metric->rules[i]->is_quarantined)
			judge_rule(engine, metric->rules[i], table);
}
