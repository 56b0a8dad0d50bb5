/* Rules with `late = "correct"`. Before a late reading is merged, the windows that were judged and
 * contain its pane are marked with what they say; at the next boundary they are judged again:
 *
 *          E - reach         start              E       B        E: evaluated
 *      ----|-----------------|pane|--|--|--|----|-------|-->     B: the next boundary
 *                                    ^  ^  ^    ^ ends of marked windows
 *
 * What is found is told of the past window alone: no state of a key moves. Which windows are marked
 * depends on E and on the reading, not on the readings that came with it, and what is marked stays
 * as it was before the first of them: so bundles may be cut anywhere. */
#include "core/engine/correction_set.h"
#include "core/engine/engine_internal.h"
#include "core/engine/engine_judge.h"
#include "core/engine/engine_store.h"

#include "core/calendar/valid_time.h"
#include "core/model/alert.h"
#include "core/model/cells.h"
#include "core/model/span.h"
#include "core/rule/rule.h"
#include "core/window/group_table.h"
#include "core/window/metric.h"
#include "core/window/window.h"

/** A past window of a key, as it is now. */
struct past {
	struct cell_total total;
	struct candidate candidate;
	int level; /**< the worst that holds, or -1 */
	bool has_value;
	double value;
};

/** past_release() it. */
static void past_judge(struct engine *engine, struct rule_state *state, int64_t end_ms,
		       struct slice key, struct past *out)
{
	const struct rule *rule = state->rule;
	struct evaluation evaluation = {
		.engine = engine,
		.state = state,
		.boundary_ms = end_ms,
		.from_ms = end_ms - rule->window_ms,
		.watched_ms = TIME_NONE,
	};

	*out = (struct past){.candidate = {.key = key}, .level = (int)rule->level_count - 1};
	out->candidate.cells = out->total.aggregates;
	window_total(state->metric->window, key, evaluation.from_ms, end_ms, out->total.aggregates);
	engine_judge(&evaluation, &out->candidate);
	while (out->level >= 0 && out->candidate.judgement.holds[out->level] != TRUTH_YES)
		out->level--;
	out->has_value = engine_value(state, out->candidate.cells, &rule->measure, &out->value);
}

static void past_release(const struct rule_state *state, struct past *past)
{
	cells_release(&state->metric->metric->cells, past->total.aggregates, NULL);
}

/* ---- marks ---- */

/** What ends here or before is not judged again: it is older than the rule, or out of reach. */
static int64_t least_end(const struct rule_state *state)
{
	const struct rule *rule = state->rule;
	int64_t reach_ms = state->evaluated_ms - rule_late_reach_ms(rule);
	int64_t begin_ms = state->corrections->begin_ms;

	if (begin_ms == TIME_NONE)
		begin_ms = span_floor(state->metric->source->first_event_ms, rule->every_ms);
	return reach_ms > begin_ms ? reach_ms : begin_ms;
}

static void mark_window(struct engine *engine, struct rule_state *state, int64_t end_ms,
			struct slice key)
{
	struct correction_set *set = state->corrections;
	struct correction mark = {.end_ms = end_ms, .key = key}, dropped;
	struct past past;
	uint32_t at;

	if (correction_set_find(set, end_ms, key, &at))
		return;
	if (correction_set_refuses(set, at)) {
		set->lost_count++;
		return;
	}
	past_judge(engine, state, end_ms, key, &past);
	mark.level = past.level;
	mark.has_value = past.has_value;
	mark.value = past.has_value ? past.value : 0;
	past_release(state, &past);
	engine_put_correction(engine, state->rule, &mark);
	if (!correction_set_put(set, at, &mark, &dropped))
		return;
	set->lost_count++;
	engine_delete_correction(engine, state->rule, &dropped);
	correction_free_key(&dropped);
}

static void mark_rule(struct engine *engine, struct rule_state *state, int64_t start_ms,
		      struct slice key)
{
	const struct rule *rule = state->rule;
	uint64_t lost_count = state->corrections->lost_count;
	int64_t least_ms = least_end(state);
	int64_t last_ms = start_ms + rule->window_ms;

	if (last_ms > state->evaluated_ms)
		last_ms = state->evaluated_ms;
	if (least_ms < start_ms)
		least_ms = start_ms;
	if (!engine_is_watchable(rule, key))
		return;
	for (int64_t end_ms = engine_next_multiple(least_ms, rule->every_ms); end_ms <= last_ms;
	     end_ms += rule->every_ms)
		if (rule->valid_time == NULL || valid_time_judges(rule->valid_time, end_ms))
			mark_window(engine, state, end_ms, key);
	if (state->corrections->lost_count > lost_count)
		engine_put_corrections(engine, state);
}

void engine_mark_late(struct engine *engine, const struct engine_metric *metric, int64_t start_ms,
		      struct slice key)
{
	for (uint32_t i = 0; i < metric->rule_count; i++) {
		struct rule_state *state = metric->rules[i];

		if (state->corrections != NULL && start_ms < state->evaluated_ms)
			mark_rule(engine, state, start_ms, key);
	}
}

void engine_mark_late_table(struct engine *engine, const struct engine_metric *metric,
			    const struct group_table *table)
{
	int64_t before_ms = TIME_NONE;
	const struct group *group;
	size_t at = 0;

	for (uint32_t i = 0; i < metric->rule_count; i++)
		if (metric->rules[i]->evaluated_ms > before_ms)
			before_ms = metric->rules[i]->evaluated_ms;
	while ((group = group_table_next(table, &at)) != NULL)
		if (group->start_ms >= metric->cut_ms && group->start_ms < before_ms &&
		    group->start_ms == span_floor(group->start_ms, metric->metric->pane_ms))
			engine_mark_late(engine, metric, group->start_ms, group_key(table, group));
}

/* ---- the next boundary ---- */

static void tell(struct engine *engine, struct rule_state *state, const struct correction *mark,
		 struct past *past, int64_t boundary_ms)
{
	const struct rule_level *levels = state->rule->levels;
	struct alert_correction correction = {
		.found_ms = boundary_ms,
		.has_value = mark->has_value,
		.value = mark->value,
		.severity = mark->level >= 0 ? levels[mark->level].severity : NULL,
	};
	struct key_tell tell = {.kind = past->level >= 0 ? KEY_KIND_FIRING : KEY_KIND_OK};

	tell.level = (uint32_t)(past->level >= 0 ? past->level : mark->level);
	state->corrections->told_count++;
	engine_tell_correction(engine, state, &past->candidate, &tell, mark->end_ms, &correction);
}

void engine_correct(struct engine *engine, struct rule_state *state, int64_t boundary_ms)
{
	struct correction_set *set = state->corrections;
	uint64_t told_count = set->told_count;

	for (uint32_t i = 0; i < set->count; i++) {
		const struct correction *mark = &set->marks[i];
		struct past past;

		past_judge(engine, state, mark->end_ms, mark->key, &past);
		if (past.level != mark->level)
			tell(engine, state, mark, &past, boundary_ms);
		past_release(state, &past);
		engine_delete_correction(engine, state->rule, mark);
	}
	correction_set_clear(set);
	if (set->told_count > told_count)
		engine_put_corrections(engine, state);
}
