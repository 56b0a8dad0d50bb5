/* When a rule is evaluated. E is evaluated_ms, w the window, B the next boundaries E + every, …
 *
 *             E-w          E     B
 *      -------|============|-----|------------> event time
 *             ^ p_out            the window of B is [B-w, B)
 *                          ^ p_in
 *
 *  The window of B holds the same panes as that of E unless a pane came in (p_in, the first pane at
 *  or after E, with p_in < B) or went out (p_out, the first pane at or after E-w, with
 *  p_out < B-w). So the next boundary at which anything can change is the first one after
 *  min(p_in, p_out + w), and all before it are skipped: a gap of a year costs as much as one of a
 *  minute. A late reading in between makes the rule dirty, and nothing is skipped.
 *  A window of calendar days loses nothing until midnight, and what it has is looked at after each.
 *  A script may look at the time, so for it only boundaries with an empty window are skipped, and
 *  only after one of them was evaluated and changed nothing; none while its valid time has not
 *  begun or may end.
 */
#include "core/engine/correction_set.h"
#include "core/engine/engine_history.h"
#include "core/engine/engine_internal.h"
#include "core/engine/engine_judge.h"
#include "core/engine/engine_script.h"
#include "core/engine/engine_store.h"

#include "core/base/mem.h"
#include "core/model/span.h"
#include "core/rule/rule.h"
#include "core/window/metric.h"
#include "core/window/window_slide.h"

int64_t engine_next_multiple(int64_t ms, int64_t step_ms)
{
	return span_floor(ms, step_ms) + step_ms;
}

struct rule_state *engine_rule_state_new(struct rule *rule, uint64_t seed)
{
	struct rule_state *state = mem_alloc(sizeof(*state));
	struct bytes text = BYTES_EMPTY;

	state->rule = rule_ref(rule);
	if (rule->type == RULE_GROUP) {
		for (uint32_t i = 0; i < rule->by_count; i++)
			bytes_append_format(&text, "%s%s", i > 0 ? "," : "", rule->by[i]);
		state->field_text = bytes_take_text(&text);
	} else {
		state->field_text = mem_copy_text(rule->field);
	}
	state->evaluated_ms = TIME_NONE;
	state->stored_ms = TIME_NONE;
	state->span_ms = rule->window_ms;
	state->next_ms = INT64_MAX;
	/* After a restart or an edit nobody knows what the last evaluation saw. */
	state->is_dirty = true;
	state->wake_ms = INT64_MAX;
	state->muted_ms = TIME_NONE;
	state->overflow.state = KEY_STATE_NEW;
	key_table_init(&state->keys, seed);
	return state;
}

void engine_rule_state_free(struct rule_state *state)
{
	window_slide_free(state->slide);
	engine_free_keys(state);
	engine_history_free(state->history);
	correction_set_free(state->corrections);
	mem_free(state->field_text);
	mem_free(state->last_error);
	script_memory_free(state->memory);
	rule_unref(state->rule);
	mem_free(state);
}

int64_t engine_boundary_limit(const struct rule_state *state)
{
	const struct engine_source *source = state->metric->source;
	int64_t every_ms = state->rule->every_ms;

	/* A finished source is complete to the end of its last pane, and says nothing of later. */
	if (source->is_finished && source->max_event_ms != TIME_NONE) {
		int64_t end_ms = engine_next_multiple(source->max_event_ms, every_ms);
		int64_t reached_ms = span_floor(source->watermark_ms, every_ms);

		return end_ms > reached_ms ? end_ms : reached_ms;
	}
	if (source->watermark_ms == TIME_NONE)
		return TIME_NONE;
	return span_floor(source->watermark_ms, every_ms);
}

/** A rule without history starts at the first reading of its source, matching or not: what comes
 *  behind the watermark is late for it as for any other rule. */
static bool find_begin(const struct rule_state *state, int64_t *begin_ms)
{
	int64_t first_ms = state->metric->source->first_event_ms;

	if (first_ms == TIME_NONE)
		return false;
	*begin_ms = span_floor(first_ms, state->rule->every_ms);
	return true;
}

/** Or the first boundary at which a watched key is due, which no pane tells. */
static int64_t earlier_wake(const struct rule_state *state, int64_t boundary_ms)
{
	int64_t wake_ms = state->wake_ms;

	if (wake_ms == INT64_MAX)
		return boundary_ms;
	wake_ms = engine_next_multiple(wake_ms - 1, state->rule->every_ms);
	return wake_ms < boundary_ms ? wake_ms : boundary_ms;
}

static int64_t next_of_script(const struct rule_state *state, int64_t first_ms)
{
	const struct rule *rule = state->rule;
	int64_t next_ms = INT64_MAX;
	int64_t pane_ms;

	/* What fires resolves when its valid time ends, and a window that was empty before it began
	 * was asked of nobody. */
	if (!state->is_settled ||
	    (rule->valid_time != NULL &&
	     (state->watched_count > 0 || (state->is_muted && rule->by_count == 0))))
		return first_ms;
	if (window_slide_next_pane(state->slide, first_ms, &pane_ms))
		next_ms = pane_ms < first_ms ? first_ms
					     : engine_next_multiple(pane_ms, rule->every_ms);
	next_ms = earlier_wake(state, next_ms);
	return next_ms > first_ms ? next_ms : first_ms;
}

static int64_t next_of_threshold(const struct rule_state *state, int64_t first_ms)
{
	const struct rule *rule = state->rule;
	int64_t change_ms, pane_ms;

	/* Between two boundaries its valid time may begin or end; without keys nobody is asked, but
	 * the whole system is always there. */
	if (rule->valid_time != NULL &&
	    (state->watched_count > 0 || rule->by_count == 0 ||
	     (window_slide_next_pane(state->slide, first_ms, &pane_ms) && pane_ms < first_ms)))
		return first_ms;
	if (window_slide_next_change(state->slide, state->evaluated_ms, &change_ms))
		change_ms = engine_next_multiple(change_ms, rule->every_ms);
	change_ms = earlier_wake(state, change_ms);
	return change_ms > first_ms ? change_ms : first_ms;
}

int64_t engine_next_boundary(const struct rule_state *state)
{
	int64_t limit_ms = engine_boundary_limit(state);
	int64_t begin_ms = state->evaluated_ms;
	int64_t next_ms;

	if (limit_ms == TIME_NONE || state->is_quarantined || !engine_has_windows(state->rule) ||
	    (begin_ms == TIME_NONE && !find_begin(state, &begin_ms)))
		return INT64_MAX;
	next_ms = begin_ms + state->rule->every_ms;
	if (next_ms > limit_ms)
		return INT64_MAX;
	if (!state->is_dirty && state->evaluated_ms != TIME_NONE)
		next_ms = state->rule->type == RULE_SCRIPT ? next_of_script(state, next_ms)
			  : state->history != NULL         ? engine_history_next(state, next_ms)
							   : next_of_threshold(state, next_ms);
	return next_ms <= limit_ms ? next_ms : INT64_MAX;
}

static int64_t least_next(const struct engine *engine)
{
	int64_t least_ms = INT64_MAX;

	for (uint32_t i = 0; i < engine->rule_count; i++)
		if (engine->rules[i]->next_ms < least_ms)
			least_ms = engine->rules[i]->next_ms;
	return least_ms;
}

/** Every boundary is the end of a pane, so between two of those there is nothing to look at. */
bool engine_has_passed_pane(const struct engine_source *source)
{
	return source->watermark_ms != TIME_NONE &&
	       (source->checked_ms == TIME_NONE ||
		source->watermark_ms - source->checked_ms >= PANE_MS);
}

static bool is_due(const struct engine_source *source)
{
	return source->must_check || engine_has_passed_pane(source);
}

/** All rules boundary by boundary, so that alerts come in the order of their windows. */
static void evaluate_due(struct engine *engine)
{
	int64_t boundary_ms;

	for (uint32_t i = 0; i < engine->rule_count; i++) {
		struct rule_state *state = engine->rules[i];

		state->next_ms =
			is_due(state->metric->source) ? engine_next_boundary(state) : INT64_MAX;
	}
	while ((boundary_ms = least_next(engine)) != INT64_MAX)
		for (uint32_t i = 0; i < engine->rule_count; i++) {
			struct rule_state *state = engine->rules[i];

			if (state->next_ms != boundary_ms)
				continue;
			engine_evaluate(engine, state, boundary_ms);
			state->next_ms = engine_next_boundary(state);
		}
}

/** What was skipped counts as evaluated: it could not have changed anything. */
static void settle_rule(struct engine *engine, struct rule_state *state)
{
	const struct engine_source *source = state->metric->source;
	int64_t limit_ms = engine_boundary_limit(state);

	if (state->evaluated_ms != TIME_NONE && limit_ms > state->evaluated_ms)
		state->evaluated_ms = limit_ms;
	if (state->evaluated_ms == state->stored_ms)
		return;
	/* After a pane the source's row tells, once there is a row of the rule. */
	if (state->stored_ms == TIME_NONE || !engine_has_passed_pane(source))
		engine_put_evaluated(engine, state);
	state->stored_ms = state->evaluated_ms;
}

static void settle_source(struct engine *engine, struct engine_source *source)
{
	engine_expire(engine, source);
	source->must_check = false;
	if (!engine_has_passed_pane(source))
		return;
	source->checked_ms = span_floor(source->watermark_ms, PANE_MS);
	engine_change_source(engine, source);
}

static void advance(struct engine *engine)
{
	bool is_any_due = false;

	for (uint32_t i = 0; i < engine->source_count; i++)
		is_any_due |= is_due(engine->sources[i]);
	if (!is_any_due) {
		engine_pass_time(engine);
		return;
	}
	evaluate_due(engine);
	engine_pass_time(engine);
	for (uint32_t i = 0; i < engine->rule_count; i++)
		if (is_due(engine->rules[i]->metric->source))
			settle_rule(engine, engine->rules[i]);
	for (uint32_t i = 0; i < engine->source_count; i++)
		if (is_due(engine->sources[i]))
			settle_source(engine, engine->sources[i]);
}

void engine_judge_reached(struct engine *engine, struct engine_source *source, int64_t now_mono_ms)
{
	int64_t watermark_ms = watermark_of_readings(source->watermark, now_mono_ms);

	if (source->is_installed && watermark_ms > source->watermark_ms)
		source->watermark_ms = watermark_ms;
	advance(engine);
}

void engine_advance(struct engine *engine, int64_t now_mono_ms, int64_t wall_ms)
{
	engine->wall_ms = wall_ms;
	for (uint32_t i = 0; i < engine->source_count; i++) {
		struct engine_source *source = engine->sources[i];
		int64_t watermark_ms = watermark_get(source->watermark, now_mono_ms, wall_ms);

		if (source->is_installed && watermark_ms > source->watermark_ms)
			source->watermark_ms = watermark_ms;
	}
	advance(engine);
}

void engine_finish(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->source_count; i++) {
		struct engine_source *source = engine->sources[i];

		source->is_finished = true;
		source->must_check = true;
		if (source->max_event_ms != TIME_NONE && source->watermark_ms == TIME_NONE)
			source->watermark_ms = source->max_event_ms - source->lateness_ms;
	}
	advance(engine);
}

/** An idle source's watermark moves with processing time; only the end of a pane can matter. */
static int64_t next_of_source(const struct engine_source *source, int64_t now_mono_ms)
{
	int64_t change_ms = watermark_next_change(source->watermark, now_mono_ms);
	int64_t next_ms;

	if (change_ms != now_mono_ms + WATERMARK_STEP_MS || source->watermark_ms == TIME_NONE)
		return change_ms;
	next_ms = engine_next_multiple(source->watermark_ms, PANE_MS);
	if (engine_next_timer(source) < next_ms)
		next_ms = engine_next_timer(source);
	return now_mono_ms + next_ms - source->watermark_ms;
}

int64_t engine_next_ms(const struct engine *engine, int64_t now_mono_ms)
{
	int64_t next_ms = -1;

	for (uint32_t i = 0; i < engine->source_count; i++) {
		int64_t change_ms;

		if (!engine->sources[i]->is_installed)
			continue;
		change_ms = next_of_source(engine->sources[i], now_mono_ms);
		if (change_ms >= 0 && (next_ms < 0 || change_ms < next_ms))
			next_ms = change_ms;
	}
	return next_ms;
}
