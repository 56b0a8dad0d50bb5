/* One boundary of one rule: collect the keys whose state may change, sort them, step each. */
#include "core/engine/engine_internal.h"
#include "core/engine/engine_judge.h"
#include "core/engine/engine_script.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/calendar/valid_time.h"
#include "core/model/cells.h"
#include "core/model/dimension.h"
#include "core/model/dimension_hash.h"
#include "core/rule/rule.h"
#include "core/rule/rule_runner.h"
#include "core/window/metric.h"

#include <stdlib.h>

static int compare_candidates(const void *a, const void *b)
{
	return dimension_compare(((const struct candidate *)a)->key,
				 ((const struct candidate *)b)->key);
}

/* ---- scripts ---- */

static int call_script(const struct evaluation *evaluation, const struct candidate *candidate,
		       bool was_firing, struct rule_verdict *verdict, struct err_note *why)
{
	const struct rule *rule = evaluation->state->rule;
	struct rule_call call = {.key = candidate->key};
	struct rule_window window = {
		.window_start_ms = evaluation->from_ms,
		.window_end_ms = evaluation->boundary_ms,
		.key = candidate->key,
		.aggregate = candidate->cells,
		.by = (const char *const *)rule->by,
		.by_count = rule->by_count,
		.is_firing = was_firing,
		.call = &call,
	};
	int code;

	engine_load_call(evaluation->state, evaluation->boundary_ms, &call);
	engine_script_begins(evaluation->engine, rule,
			     dimension_hash((uint64_t)evaluation->boundary_ms, candidate->key));
	code = rule->runner->ops->on_window(rule->runner, &window, verdict, why);
	engine_script_ends(evaluation->engine);
	if (code == 0)
		engine_keep_call(evaluation->state, &call);
	return code;
}

/** Whether the key is watched or not, a script that says "no" leaves it where it is. */
static void step_by_verdict(const struct evaluation *evaluation, struct candidate *candidate,
			    const struct rule_verdict *verdict)
{
	const struct rule_state *state = evaluation->state;

	if (!verdict->is_firing && engine_find_key(state, candidate->key) == NULL)
		return;
	condition_judge_level(state->rule, engine_verdict_level(state->rule, verdict),
			      candidate->cells->count, &candidate->judgement);
	candidate->judgement.is_muted = evaluation->is_muted;
	engine_step(evaluation, candidate, verdict);
}

/** False: the rule is quarantined now. */
static bool judge_by_script(const struct evaluation *evaluation, struct candidate *candidate)
{
	struct rule_state *state = evaluation->state;
	const struct engine_key *watched = engine_find_key(state, candidate->key);
	bool was_firing = watched != NULL && key_state_level(&watched->state, state->rule) >= 0;
	struct rule_verdict verdict = {0};
	struct err_note why = {0};
	bool goes_on = true;
	int code = 0;

	if (!evaluation->is_muted)
		code = call_script(evaluation, candidate, was_firing, &verdict, &why);
	if (code != 0) {
		/* The key stays as it was. */
		engine_trace_error(evaluation, candidate);
		goes_on = engine_count_script_error(evaluation->engine, state, code, &why);
	} else {
		state->errors_in_row = 0;
		step_by_verdict(evaluation, candidate, &verdict);
		engine_note_firing(state, candidate->key, evaluation->boundary_ms);
	}
	rule_verdict_clear(&verdict);
	return goes_on;
}

/* ---- a boundary ---- */

static void step_all(const struct evaluation *evaluation)
{
	bool is_script = evaluation->state->rule->type == RULE_SCRIPT;

	for (uint32_t i = 0; i < evaluation->count; i++) {
		struct candidate *candidate = &evaluation->candidates[i];

		if (!is_script)
			engine_step(evaluation, candidate, NULL);
		else if (!judge_by_script(evaluation, candidate))
			return;
	}
}

static void release(struct evaluation *evaluation)
{
	const struct cell_layout *layout = &evaluation->state->metric->metric->cells;

	for (uint32_t i = 0; i < evaluation->count; i++)
		cells_release(layout, evaluation->candidates[i].cells, NULL);
	mem_free(evaluation->candidates);
}

/** The last boundary that was not judged, as far back as silence is looked at. */
static int64_t find_muted(const struct rule *rule, int64_t boundary_ms)
{
	int64_t least_ms = boundary_ms - rule->no_data_after_ms - rule->every_ms;

	for (int64_t ms = boundary_ms - rule->every_ms; ms >= least_ms; ms -= rule->every_ms)
		if (!valid_time_judges(rule->valid_time, ms))
			return ms;
	return TIME_NONE;
}

/** True: whether the rule is judged is not as it was. */
static bool mute(struct evaluation *evaluation, bool is_first)
{
	struct rule_state *state = evaluation->state;
	const struct rule *rule = state->rule;
	bool was_muted = state->is_muted;

	if (rule->valid_time == NULL)
		return false;
	if (is_first && rule->no_data == RULE_NO_DATA_ALERT)
		state->muted_ms = find_muted(rule, evaluation->boundary_ms);
	state->is_muted = !valid_time_judges(rule->valid_time, evaluation->boundary_ms);
	if (state->is_muted)
		state->muted_ms = evaluation->boundary_ms;
	evaluation->is_muted = state->is_muted;
	evaluation->watched_ms = state->muted_ms;
	return state->is_muted != was_muted;
}

/** When the first of them is due, though no pane moves. */
static void find_wake(struct rule_state *state)
{
	state->wake_ms = INT64_MAX;
	for (uint32_t id = 0; state->watched_count > 0 && id < state->keys.count; id++)
		if (state->watched[id].is_live && state->watched[id].state.next_ms < state->wake_ms)
			state->wake_ms = state->watched[id].state.next_ms;
	if (state->overflow.is_live && state->overflow.state.next_ms < state->wake_ms)
		state->wake_ms = state->overflow.state.next_ms;
}

void engine_evaluate(struct engine *engine, struct rule_state *state, int64_t boundary_ms)
{
	struct evaluation evaluation = {
		.engine = engine,
		.state = state,
		.boundary_ms = boundary_ms,
		.from_ms = engine_window_start(engine, state->rule, boundary_ms),
		.judged_ms = state->evaluated_ms,
		.watched_ms = TIME_NONE,
	};
	int64_t old_ms = state->is_dirty ? TIME_NONE : state->evaluated_ms;
	bool is_first = state->visit == 0;

	if (state->rule->has_on_timer)
		engine_run_timers(engine, state, boundary_ms);
	if (state->is_quarantined)
		return;
	state->span_ms = boundary_ms - evaluation.from_ms;
	arena_reset(&engine->scratch);
	if (is_first)
		engine_watch_expected(engine, state, boundary_ms);
	if (mute(&evaluation, is_first))
		old_ms = TIME_NONE;
	state->visit++;
	state->evaluation_count++;
	state->evaluated_ms = boundary_ms;
	state->is_dirty = false;
	state->is_settled = true;
	engine_collect(&evaluation, old_ms);
	if (evaluation.count > 1)
		qsort(evaluation.candidates, evaluation.count, sizeof(*evaluation.candidates),
		      compare_candidates);
	step_all(&evaluation);
	engine_step_overflow(&evaluation);
	release(&evaluation);
	if (state->corrections != NULL)
		engine_correct(engine, state, boundary_ms);
	if (state->wake_ms <= boundary_ms)
		find_wake(state);
	engine_compact_keys(state);
}
