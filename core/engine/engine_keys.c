/* The keys of a rule that are in some state: who they are, their steps and their rows.
 *
 * A key is watched from the step that gives it a state until one after which a new state would
 * know as much. Its place in the table stays until the table is built again. */
#include "core/engine/engine_history.h"
#include "core/engine/engine_judge.h"
#include "core/engine/engine_store.h"
#include "core/engine/script_memory.h"

#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/judge/trace.h"
#include "core/lookup/key_filter.h"
#include "core/model/dimension.h"
#include "core/rule/rule.h"
#include "core/rule/rule_runner.h"
#include "core/window/metric.h"
#include "core/window/window.h"

#include <stdlib.h>
#include <string.h>

uint64_t engine_refused_count(const struct rule_state *state)
{
	return state->overflow_count + (state->memory != NULL ? state->memory->refused_count : 0);
}

struct engine_key *engine_find_key(const struct rule_state *state, struct slice key)
{
	uint32_t id = key_table_find(&state->keys, key);

	return id != KEY_TABLE_NONE && state->watched[id].is_live ? &state->watched[id] : NULL;
}

static struct engine_key *put_key(struct rule_state *state, struct slice key)
{
	bool is_new;
	uint32_t id = key_table_put(&state->keys, key, &is_new);

	if (id >= state->watched_capacity) {
		state->watched_capacity =
			state->watched_capacity == 0 ? 16 : 2 * state->watched_capacity;
		state->watched =
			mem_grow(state->watched, state->watched_capacity, sizeof(*state->watched));
	}
	if (is_new || !state->watched[id].is_live) {
		state->watched[id] = (struct engine_key){.state = KEY_STATE_NEW, .is_live = true};
		state->watched_count++;
	}
	return &state->watched[id];
}

struct engine_key *engine_watch(struct engine *engine, struct rule_state *state, struct slice key)
{
	struct engine_key *watched = engine_find_key(state, key);
	uint32_t keys_max =
		state->rule->keys_max != 0 ? state->rule->keys_max : engine->config->keys_max;

	if (watched != NULL)
		return watched;
	if (state->watched_count >= keys_max) {
		state->overflow_count++;
		return NULL;
	}
	return put_key(state, key);
}

static void clear_key(struct engine_key *key)
{
	key_state_deinit(&key->state);
	*key = (struct engine_key){.state = KEY_STATE_NEW};
}

void engine_forget(struct rule_state *state, struct engine_key *key)
{
	clear_key(key);
	state->watched_count--;
}

void engine_adopt_key(struct rule_state *state, struct slice key, struct engine_key *stored)
{
	/* The key of a group is never empty, so that row is the one about too many keys. */
	bool is_overflow = key.length == 0 && state->rule->by_count > 0;
	struct engine_key *place = is_overflow ? &state->overflow : put_key(state, key);

	clear_key(place);
	*place = *stored;
	place->is_live = true;
	if (place->state.next_ms < state->wake_ms)
		state->wake_ms = place->state.next_ms;
	*stored = (struct engine_key){.state = KEY_STATE_NEW};
}

/** Keys in no state leave holes; a key table cannot forget, so it is built again. */
void engine_compact_keys(struct rule_state *state)
{
	struct rule_state kept = {0};

	if (state->keys.count < ENGINE_KEYS_REBUILD_MIN ||
	    state->keys.count < 2 * state->watched_count)
		return;
	key_table_init(&kept.keys, state->keys.seed);
	for (uint32_t id = 0; id < state->keys.count; id++)
		if (state->watched[id].is_live)
			*put_key(&kept, key_table_key(&state->keys, id)) = state->watched[id];
	key_table_deinit(&state->keys);
	mem_free(state->watched);
	state->keys = kept.keys;
	state->watched = kept.watched;
	state->watched_capacity = kept.watched_capacity;
}

void engine_free_keys(struct rule_state *state)
{
	for (uint32_t id = 0; id < state->keys.count; id++)
		if (state->watched[id].is_live)
			clear_key(&state->watched[id]);
	clear_key(&state->overflow);
	key_table_deinit(&state->keys);
	mem_free(state->watched);
	trace_free(state->trace);
}

static void watch_from_now(struct engine *engine, struct rule_state *state, struct slice name,
			   int64_t boundary_ms)
{
	bool is_new = engine_find_key(state, name) == NULL;
	struct engine_key *key = engine_watch(engine, state, name);

	if (key == NULL)
		return;
	key->is_expected = true;
	if (!is_new)
		return;
	/* It has been missed since the rule began. */
	key->state.quiet_ms = boundary_ms - state->rule->every_ms;
	key->state.next_ms = boundary_ms;
}

void engine_watch_expected(struct engine *engine, struct rule_state *state, int64_t boundary_ms)
{
	const struct rule *rule = state->rule;
	const struct key_filter *filter = rule->key_filter;

	if (rule->by_count == 0 && rule->no_data == RULE_NO_DATA_ALERT)
		watch_from_now(engine, state, (struct slice){"", 0}, boundary_ms);
	for (uint32_t i = 0; i < rule->expect_count; i++)
		/* `dimensions` and `exclude` hold for what is expected, too. */
		if (filter == NULL || key_filter_passes(filter, rule->expect[i]))
			watch_from_now(engine, state, rule->expect[i], boundary_ms);
}

/* ---- steps ---- */

/** Its row, when the state is another one than before the step. */
static void store_key(const struct evaluation *evaluation, struct slice name,
		      struct engine_key *key, struct slice before, bool is_needed)
{
	struct engine *engine = evaluation->engine;
	struct rule_state *state = evaluation->state;
	struct bytes now = BYTES_EMPTY;
	bool has_changed;

	key_state_encode(&key->state, &now);
	has_changed = !slice_equal(before, bytes_slice(&now));
	bytes_deinit(&now);
	if (has_changed)
		state->is_settled = false;
	if (is_needed && (has_changed || !key->is_stored))
		engine_put_key(engine, state->rule, name, key);
	else if (!is_needed && key->is_stored)
		engine_delete_key(engine, state->rule->name, name);
	key->is_stored = is_needed;
	if (is_needed && key->state.next_ms < state->wake_ms)
		state->wake_ms = key->state.next_ms;
}

/** Of one candidate's cells. */
struct traced {
	const struct rule_state *state;
	const struct candidate *candidate;
};

static bool traced_value(void *arg, const struct rule_expression *expression, double *out)
{
	const struct traced *traced = arg;

	return engine_value(traced->state, traced->candidate->cells, &expression->measure, out);
}

static void trace_step(const struct evaluation *evaluation, const struct candidate *candidate,
		       const struct key_step *step, const struct key_state *after,
		       const struct key_tell *tell)
{
	struct traced traced = {evaluation->state, candidate};
	struct judge_values values = {
		.value = traced_value,
		.arg = &traced,
		.reading_count = candidate->cells->count,
		.own_number = candidate->has_own_number ? &candidate->own_number : NULL,
	};
	struct trace_point point;

	trace_point_of(evaluation->state->rule, step, &values, after, tell, &point);
	engine_trace_compared(evaluation->state, candidate, &point);
	trace_add(&evaluation->state->trace, candidate->key, &point);
}

void engine_trace_error(const struct evaluation *evaluation, const struct candidate *candidate)
{
	const struct engine_key *key = engine_find_key(evaluation->state, candidate->key);
	struct trace_point point = {
		.boundary_ms = evaluation->boundary_ms,
		.reason = TRACE_ERROR,
		.stage = key != NULL ? key_state_stage(&key->state, evaluation->state->rule)
				     : KEY_STAGE_OK,
		.reading_count = candidate->cells->count,
	};

	trace_add(&evaluation->state->trace, candidate->key, &point);
}

static void count_tell(struct rule_state *state, const struct key_tell *tell)
{
	state->fired_count += tell->kind == KEY_KIND_FIRING;
	state->resolved_count += tell->kind == KEY_KIND_OK;
}

/** An early step that tells nothing did not happen: the boundary will see. */
static void take_back(struct rule_state *state, struct engine_key *key, struct slice before,
		      bool is_new)
{
	struct byte_reader reader = byte_reader_of(before);

	key_state_deinit(&key->state);
	key_state_decode(&reader, &key->state);
	if (is_new)
		engine_forget(state, key);
}

/** It fired early, in the window of a later boundary: until then it stays so. */
static bool is_ahead(const struct engine_key *key, const struct evaluation *evaluation)
{
	return key->state.told_ms != KEY_TIME_NONE && evaluation->boundary_ms < key->state.told_ms;
}

void engine_step(const struct evaluation *evaluation, struct candidate *candidate,
		 const struct rule_verdict *verdict)
{
	struct rule_state *state = evaluation->state;
	bool is_new = engine_find_key(state, candidate->key) == NULL;
	struct engine_key *key = engine_watch(evaluation->engine, state, candidate->key);
	struct key_step step = {
		.boundary_ms = evaluation->boundary_ms,
		.window_start_ms = evaluation->from_ms,
		.watched_ms = evaluation->watched_ms,
		.is_expected = key != NULL && key->is_expected,
		.judgement = &candidate->judgement,
	};
	struct bytes before = BYTES_EMPTY;
	struct key_tell tell;
	bool is_told, is_needed;

	if (key == NULL || is_ahead(key, evaluation))
		return;
	key_state_encode(&key->state, &before);
	is_told = key_state_step(&key->state, state->rule, &step, &tell);
	if (candidate->is_early && !is_told) {
		take_back(state, key, bytes_slice(&before), is_new);
		bytes_deinit(&before);
		return;
	}
	is_needed = key->is_expected ||
		    key_state_is_needed(&key->state, state->rule, evaluation->boundary_ms);
	trace_step(evaluation, candidate, &step, &key->state, is_told ? &tell : NULL);
	store_key(evaluation, candidate->key, key, bytes_slice(&before), is_needed);
	bytes_deinit(&before);
	if (is_told) {
		count_tell(state, &tell);
		engine_tell(evaluation->engine, state, candidate->key, candidate, &tell,
			    evaluation->boundary_ms, verdict);
	}
	if (!is_needed)
		engine_forget(state, key);
}

/** As much of a rule as the alert about its keys needs. */
static struct rule overflow_rule(const struct rule_state *state, int64_t clear_hold_ms)
{
	return (struct rule){
		.level_count = 1,
		.levels = {{.clear_hold_ms = clear_hold_ms}},
		.window_ms = state->rule->window_ms,
	};
}

void engine_step_full(const struct evaluation *evaluation, int64_t clear_hold_ms, bool has_refused)
{
	struct rule_state *state = evaluation->state;
	struct rule rule = overflow_rule(state, clear_hold_ms);
	struct engine_key *key = &state->overflow;
	struct judgement judgement = {.has_readings = true};
	struct key_step step = {.boundary_ms = evaluation->boundary_ms,
				.watched_ms = KEY_TIME_NONE,
				.judgement = &judgement};
	struct bytes before = BYTES_EMPTY;
	struct key_tell tell;

	if (!key->is_live)
		*key = (struct engine_key){.state = KEY_STATE_NEW, .is_live = true};
	judgement.holds[0] = has_refused ? TRUTH_YES : TRUTH_NO;
	judgement.is_over[0] = has_refused ? TRUTH_NO : TRUTH_YES;
	key_state_encode(&key->state, &before);
	if (key_state_step(&key->state, &rule, &step, &tell))
		engine_tell_overflow(evaluation->engine, state, &tell, evaluation->boundary_ms);
	key->is_live = key_state_is_needed(&key->state, &rule, evaluation->boundary_ms);
	store_key(evaluation, (struct slice){"", 0}, key, bytes_slice(&before), key->is_live);
	bytes_deinit(&before);
}

void engine_step_overflow(const struct evaluation *evaluation)
{
	struct rule_state *state = evaluation->state;
	int64_t keep_ms = state->metric->keep_ms;
	uint64_t overflow_count =
		window_overflow_count(state->metric->window) + engine_refused_count(state);
	/* A bundle may span many boundaries: what it was refused belongs to all up to its pane. */
	bool has_refused = overflow_count > state->overflow_seen ||
			   (evaluation->judged_ms != TIME_NONE &&
			    window_refused_ms(state->metric->window) > evaluation->judged_ms);

	state->overflow_seen = overflow_count;
	/* A key gives its room away when its last pane is gone: only then was nobody refused
	 * because nobody else came. */
	if (keep_ms < ENGINE_FULL_MS_MIN)
		keep_ms = ENGINE_FULL_MS_MIN;
	/* Most rules never come near it. */
	if (has_refused || state->overflow.is_live)
		engine_step_full(evaluation, state->rule->window_ms + keep_ms, has_refused);
}
