/* The keys of a rule that is compared with its own past. A reference changes with every boundary,
 * so all keys are judged: those of the window, those that are in some state, and those that only
 * have references: nothing where there was something is what is looked for. */
#include "core/engine/engine_history.h"

#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/judge/trace.h"
#include "core/model/cells.h"
#include "core/rule/rule.h"
#include "core/rule/rule_trend.h"
#include "core/window/metric.h"
#include "core/window/window.h"

#include <stdio.h>

static enum truth truth_of_baseline(enum baseline_verdict verdict)
{
	switch (verdict) {
	case BASELINE_NO: return TRUTH_NO;
	case BASELINE_UNKNOWN: return TRUTH_UNKNOWN;
	case BASELINE_YES: return TRUTH_YES;
	}
	return TRUTH_UNKNOWN;
}

static enum truth truth_of_trend(enum trend_verdict verdict)
{
	switch (verdict) {
	case TREND_UNKNOWN: return TRUTH_UNKNOWN;
	case TREND_QUIET: return TRUTH_NO;
	case TREND_RINGS: return TRUTH_YES;
	}
	return TRUTH_UNKNOWN;
}

static void compare_baseline(const struct evaluation *evaluation, struct slice key,
			     const struct aggregate *cells, struct history_answer *out)
{
	const struct rule_state *state = evaluation->state;
	struct reference_value found[BASELINE_REFERENCES_MAX] = {{.days = 0}};
	double value;
	bool has_value = engine_value(state, cells, &state->rule->measure, &value);

	for (uint32_t i = 0; i < state->history->reference_count; i++)
		found[i] = reference_table_get(&state->history->tables[i], key);
	baseline_judge(state->rule->baseline, has_value ? &value : NULL, cells->count > 0, found,
		       state->history->has_watched, &out->baseline);
	out->truth = truth_of_baseline(out->baseline.verdict);
}

static void compare(const struct evaluation *evaluation, struct slice key,
		    const struct aggregate *cells, struct history_answer *out)
{
	*out = (struct history_answer){.truth = TRUTH_UNKNOWN};
	if (evaluation->state->rule->baseline != NULL) {
		compare_baseline(evaluation, key, cells, out);
		return;
	}
	engine_trend_step(evaluation, key, cells, &out->trend);
	out->truth = truth_of_trend(out->trend.verdict);
}

static const char *why_silent(const struct rule *rule, const struct history_answer *answer)
{
	if (rule->trend != NULL)
		return answer->trend.why;
	return answer->baseline.why != BASELINE_COMPARED ? baseline_why_text(answer->baseline.why)
							 : NULL;
}

void engine_trace_compared(const struct rule_state *state, const struct candidate *candidate,
			   struct trace_point *point)
{
	const struct history_answer *answer = candidate->answer;

	if (answer == NULL)
		return;
	point->has_values =
		engine_value(state, candidate->cells, &state->rule->measure, &point->values[0]) ? 1
												: 0;
	if (state->rule->trend != NULL ? answer->trend.verdict == TREND_UNKNOWN
				       : answer->baseline.why != BASELINE_COMPARED)
		return;
	point->has_values |= 2;
	point->values[1] =
		state->rule->trend != NULL ? answer->trend.expected : answer->baseline.value;
	point->reference = answer->baseline.reference;
}

/** What is not compared is told to who asks why nothing fired. */
static void trace_silent(const struct evaluation *evaluation, struct slice key,
			 const struct aggregate *cells, const struct history_answer *answer)
{
	const struct rule_state *state = evaluation->state;
	const char *why = why_silent(state->rule, answer);
	struct trace_point point = {
		.boundary_ms = evaluation->boundary_ms,
		.reason = TRACE_NO_HISTORY,
		.stage = KEY_STAGE_OK,
		.reading_count = cells->count,
	};

	if (why == NULL || evaluation->is_muted)
		return;
	snprintf(point.note, sizeof(point.note), "%s", why);
	point.has_values =
		engine_value(state, cells, &state->rule->measure, &point.values[0]) ? 1 : 0;
	trace_add(&evaluation->state->trace, key, &point);
}

static void judge_key(struct evaluation *evaluation, struct slice key,
		      const struct aggregate *cells)
{
	struct rule_state *state = evaluation->state;
	struct engine_key *watched = engine_find_key(state, key);
	struct aggregate *kept;
	struct candidate *candidate;
	struct judgement judgement;
	struct history_answer answer;

	compare(evaluation, key, cells, &answer);
	condition_judge_as(state->rule, answer.truth, cells->count, &judgement);
	judgement.is_muted = evaluation->is_muted;
	if (watched == NULL && !engine_matters(state->rule, &judgement)) {
		trace_silent(evaluation, key, cells, &answer);
		return;
	}
	kept = engine_cells(evaluation);
	cells_merge(&state->metric->metric->cells, kept, cells, NULL);
	candidate = engine_add_candidate(evaluation, key, kept);
	candidate->judgement = judgement;
	candidate->answer = arena_alloc(&evaluation->engine->scratch, sizeof(answer));
	*candidate->answer = answer;
}

static void judge_window(void *arg, struct slice key, const struct aggregate *cells)
{
	struct evaluation *evaluation = arg;

	if (!engine_is_watchable(evaluation->state->rule, key))
		return;
	engine_history_note(evaluation, key, cells);
	judge_key(evaluation, key, cells);
}

/** Once, and with an empty window. */
static void judge_absent(struct evaluation *evaluation, const struct key_table *keys, uint32_t id)
{
	struct engine_history *history = evaluation->state->history;
	struct slice key = key_table_key(keys, id);
	struct cell_total empty = {0};
	bool is_new;

	key_table_put(&history->seen, key, &is_new);
	if (is_new)
		judge_key(evaluation, key, empty.aggregates);
}

void engine_collect_compared(struct evaluation *evaluation)
{
	struct rule_state *state = evaluation->state;
	struct engine_history *history = state->history;

	engine_history_prepare(evaluation);
	window_each(state->metric->window, evaluation->from_ms, evaluation->boundary_ms,
		    judge_window, evaluation);
	for (uint32_t id = 0; state->watched_count > 0 && id < state->keys.count; id++)
		if (state->watched[id].is_live)
			judge_absent(evaluation, &state->keys, id);
	for (uint32_t i = 0; i < history->reference_count; i++)
		for (uint32_t id = 0; id < history->tables[i].keys.count; id++)
			judge_absent(evaluation, &history->tables[i].keys, id);
	for (uint32_t id = 0; id < history->trend_keys.count; id++)
		if (history->trends[id].seen_ms != TIME_NONE)
			judge_absent(evaluation, &history->trend_keys, id);
	engine_history_finish(evaluation);
}

/* ---- its alert ---- */

/** The value that is outside, and of how many readings it is. */
static const struct alert_offender *offender_of(struct engine *engine, const struct alert *alert)
{
	struct alert_offender *offender = arena_zalloc(&engine->scratch, sizeof(*offender));
	char number[NUMBER_TEXT_BYTES_MAX];

	number_format(alert->value, number);
	offender->value = arena_copy_text(&engine->scratch, number);
	offender->count = alert->count;
	return offender;
}

static const char *place_name(enum band_place place)
{
	switch (place) {
	case PLACE_LEFT: return "left";
	case PLACE_MIDDLE: return "middle";
	case PLACE_RIGHT: return "right";
	}
	return "";
}

static struct alert_reference reference_of(const struct rule_baseline *baseline,
					   const struct baseline_answer *answer, uint32_t i)
{
	const struct baseline_comparison *comparison = &answer->comparisons[i];
	const struct reference *reference = &baseline->references[i];
	struct alert_reference told = {.time = reference->name, .time_zh = reference->name_zh};

	if (i >= answer->comparison_count || comparison->why != BASELINE_COMPARED) {
		told.why = baseline_why_text(i < answer->comparison_count ? comparison->why
									  : BASELINE_NO_VALUE);
		return told;
	}
	told.has_value = true;
	told.value = comparison->value;
	told.has_lower = baseline->band.lower_text != NULL;
	told.has_upper = baseline->band.upper_text != NULL;
	told.lower = comparison->value * baseline->band.lower;
	told.upper = comparison->value * baseline->band.upper;
	told.place = place_name(comparison->place);
	told.fires = comparison->verdict == BASELINE_YES;
	return told;
}

/** What was found with each of several. */
static void tell_references(struct engine *engine, const struct rule_baseline *baseline,
			    const struct baseline_answer *answer, struct alert_baseline *told)
{
	struct alert_reference *references;

	if (baseline->reference_count < 2)
		return;
	references = arena_alloc(&engine->scratch, baseline->reference_count * sizeof(*references));
	for (uint32_t i = 0; i < baseline->reference_count; i++)
		references[i] = reference_of(baseline, answer, i);
	told->references = references;
	told->reference_count = baseline->reference_count;
}

static void tell_baseline(struct engine *engine, const struct rule_baseline *baseline,
			  const struct baseline_answer *answer, struct alert *alert)
{
	const struct reference *reference = &baseline->references[answer->reference];
	struct alert_baseline *told = arena_zalloc(&engine->scratch, sizeof(*told));

	*told = (struct alert_baseline){
		.time = reference->name,
		.time_zh = reference->name_zh,
		.value = answer->value,
		.lower = baseline->band.lower_text,
		.upper = baseline->band.upper_text,
		.side = band_side_name(baseline->band.side),
	};
	tell_references(engine, baseline, answer, told);
	if (alert->state == ALERT_FIRING && alert->has_value) {
		told->offenders = offender_of(engine, alert);
		told->offender_count = 1;
	}
	if (alert->state == ALERT_RESOLVED && answer->why == BASELINE_NO_HISTORY)
		alert->reason = "no_history";
	alert->baseline = told;
}

static void tell_trend(struct engine *engine, const struct trend_answer *answer,
		       struct alert *alert)
{
	char value[NUMBER_TEXT_BYTES_MAX] = "no value", expected[NUMBER_TEXT_BYTES_MAX];

	if (alert->message != NULL || answer->verdict == TREND_UNKNOWN)
		return;
	if (alert->has_value)
		number_format(alert->value, value);
	snprintf(expected, sizeof(expected), "%.6g", answer->expected);
	alert->message = arena_format(
		&engine->scratch, "found %s, expected %s (%s); score %.3g, limit %.3g", value,
		expected, trend_forecast_name(answer->by), answer->score, answer->limit);
}

void engine_tell_compared(struct engine *engine, const struct rule_state *state,
			  const struct candidate *candidate, struct alert *alert)
{
	if (candidate->answer == NULL)
		return;
	if (state->rule->baseline != NULL)
		tell_baseline(engine, state->rule->baseline, &candidate->answer->baseline, alert);
	else
		tell_trend(engine, &candidate->answer->trend, alert);
}
