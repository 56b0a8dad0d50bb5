#include "core/engine/engine_judge.h"
#include "core/engine/engine_script.h"

#include "core/base/err.h"
#include "core/model/dimension_hash.h"
#include "core/model/span.h"
#include "core/rule/rule.h"
#include "storage/commit.h"

/** A timer that came is gone, whatever its call does. */
static void ask_timer(struct engine *engine, struct rule_state *state, const struct script_key *key,
		      const struct rule_timer *timer, int64_t reached_ms)
{
	struct rule_runner *runner = state->rule->runner;
	/* A copy: what the call leaves may move the table. */
	struct slice name = script_memory_key(state->memory, key);
	struct bytes copy = BYTES_EMPTY;
	struct rule_call call = {
		.by = (const char *const *)state->rule->by,
		.by_count = state->rule->by_count,
		.time_ms = timer->at_ms,
		.reached_ms = reached_ms,
	};
	struct rule_verdict verdict = {0};
	enum rule_answer answer = RULE_ANSWER_NONE;
	struct err_note why = {0};
	int code;

	bytes_append_slice(&copy, name);
	call.key = bytes_slice(&copy);
	script_memory_load(key, &call.memory);
	engine_script_begins(engine, state->rule, dimension_hash((uint64_t)timer->at_ms, call.key));
	code = runner->ops->on_timer(runner, &call, timer->name, &answer, &verdict, &why);
	engine_script_ends(engine);
	if (code != 0) {
		engine_count_script_error(engine, state, code, &why);
	} else {
		state->errors_in_row = 0;
		if (script_memory_keep(state->memory, &call, false, reached_ms))
			engine_answer(engine, state, &call, answer, &verdict, reached_ms);
	}
	rule_verdict_clear(&verdict);
	bytes_deinit(&copy);
}

void engine_run_timers(struct engine *engine, struct rule_state *state, int64_t upto_ms)
{
	struct rule_timer timer;
	struct script_key *key;

	if (state->memory == NULL || engine_next_due(state) > upto_ms)
		return;
	state->is_settled = false;
	if (engine->options.commit != NULL)
		commit_keep_back(engine->options.commit);
	while (!state->is_quarantined && engine_next_due(state) <= upto_ms) {
		int64_t full_ms = engine_full_until(state);

		if (!script_memory_take_due(state->memory, full_ms < upto_ms ? full_ms : upto_ms,
					    &timer, &key)) {
			if (full_ms <= upto_ms)
				engine_end_full(engine, state, upto_ms);
			continue;
		}
		if (state->rule->streak > 0)
			engine_streak_end(engine, state, key, timer.at_ms, upto_ms);
		else
			ask_timer(engine, state, key, &timer, upto_ms);
		engine_note_refused(engine, state, timer.at_ms, upto_ms);
	}
}

/** A finished source is complete to the end of its last pane, as for windows. */
static int64_t reached_by(const struct engine_source *source)
{
	int64_t end_ms;

	if (!source->is_finished || source->max_event_ms == TIME_NONE)
		return source->watermark_ms;
	end_ms = engine_next_multiple(source->max_event_ms, PANE_MS);
	return end_ms > source->watermark_ms ? end_ms : source->watermark_ms;
}

void engine_pass_time(struct engine *engine)
{
	if (!engine->has_memories)
		return;
	for (uint32_t i = 0; i < engine->rule_count; i++) {
		struct rule_state *state = engine->rules[i];
		int64_t reached_ms;

		if (state->memory == NULL)
			continue;
		reached_ms = reached_by(state->metric->source);
		if (reached_ms == TIME_NONE)
			continue;
		engine_run_timers(engine, state, reached_ms);
		script_memory_sweep(state->memory, reached_ms);
	}
}

int64_t engine_next_timer(const struct engine_source *source)
{
	int64_t next_ms = INT64_MAX;

	for (uint32_t i = 0; i < source->reader_count; i++)
		if (engine_next_due(source->readers[i]) < next_ms)
			next_ms = engine_next_due(source->readers[i]);
	return next_ms;
}
