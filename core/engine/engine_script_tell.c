#include "core/engine/engine_judge.h"
#include "core/engine/engine_script.h"

#include "core/judge/key_state.h"
#include "core/model/cells.h"
#include "core/rule/rule.h"
#include "core/rule/rule_runner.h"
#include "core/window/metric.h"

#include <string.h>

/** The level that the key fires with; -1: it does not. */
static int level_of(const struct rule_state *state, struct slice key)
{
	const struct engine_key *watched = engine_find_key(state, key);

	return watched != NULL ? key_state_level(&watched->state, state->rule) : -1;
}

int engine_verdict_level(const struct rule *rule, const struct rule_verdict *verdict)
{
	const char *severity = verdict->severity != NULL ? verdict->severity : rule->severity;

	if (!verdict->is_firing)
		return -1;
	for (uint32_t i = 0; i < rule->level_count; i++)
		if (strcmp(rule->levels[i].severity, severity) == 0)
			return (int)i;
	return 0;
}

/** The document's id is made of its end: two alerts of a key never have the same. */
static int64_t end_of(const struct script_key *key, int64_t time_ms)
{
	return time_ms > key->told_ms ? time_ms : key->told_ms + 1;
}

/** A step of the key, as at a boundary. */
static void step(struct engine *engine, struct rule_state *state, const struct script_told *told,
		 int64_t end_ms)
{
	struct evaluation evaluation = {
		.engine = engine,
		.state = state,
		.boundary_ms = end_ms,
		.from_ms = end_ms - state->rule->window_ms,
		.watched_ms = TIME_NONE,
	};
	struct candidate candidate = {.key = told->key};

	arena_reset(&engine->scratch);
	candidate.cells = engine_cells(&evaluation);
	candidate.cells->count = told->count;
	condition_judge_level(state->rule, told->level, told->count, &candidate.judgement);
	engine_step(&evaluation, &candidate, told->verdict);
	cells_release(&state->metric->metric->cells, candidate.cells, NULL);
	engine_compact_keys(state);
}

bool engine_tell_at(struct engine *engine, struct rule_state *state, struct slice memory_key,
		    const struct script_told *told, int64_t watermark_ms)
{
	struct script_key *key;
	int64_t end_ms;

	if (told->level == level_of(state, told->key))
		return true;
	key = script_memory_put(state->memory, memory_key, watermark_ms);
	if (key == NULL)
		return false;
	end_ms = end_of(key, told->time_ms);
	step(engine, state, told, end_ms);
	/* There may have been no room for what it is in. */
	script_memory_tell(state->memory, key, end_ms, level_of(state, told->key) >= 0);
	return true;
}

bool engine_answer(struct engine *engine, struct rule_state *state, const struct rule_call *call,
		   enum rule_answer answer, const struct rule_verdict *verdict,
		   int64_t watermark_ms)
{
	struct script_told told = {call->key, -1, 1, call->time_ms, verdict};

	if (answer == RULE_ANSWER_NONE)
		return true;
	if (answer == RULE_ANSWER_FIRING)
		told.level = engine_verdict_level(state->rule, verdict);
	return engine_tell_at(engine, state, call->key, &told, watermark_ms);
}

void engine_load_call(const struct rule_state *state, int64_t boundary_ms, struct rule_call *call)
{
	call->by = (const char *const *)state->rule->by;
	call->by_count = state->rule->by_count;
	call->time_ms = call->reached_ms = boundary_ms;
	script_memory_load(script_memory_find(state->memory, call->key, boundary_ms),
			   &call->memory);
}

void engine_keep_call(struct rule_state *state, const struct rule_call *call)
{
	if (!call->memory.has_new_state && !call->memory.has_new_timers)
		return;
	state->is_settled = false;
	script_memory_keep(state->memory, call, false, call->time_ms);
}

void engine_note_firing(struct rule_state *state, struct slice name, int64_t boundary_ms)
{
	struct script_key *key = script_memory_find(state->memory, name, boundary_ms);
	bool is_firing = level_of(state, name) >= 0;

	if (key != NULL && key->is_firing != is_firing)
		script_memory_tell(state->memory, key,
				   boundary_ms > key->told_ms ? boundary_ms : key->told_ms,
				   is_firing);
}
