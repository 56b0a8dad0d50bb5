/* Rules that are asked about readings and have more keys than they may. Their windows are not
 * judged, so what engine_step_overflow() does at boundaries follows the readings here: it fires at
 * the first one that is refused, and its end is due like a timer. */
#include "core/engine/engine_judge.h"
#include "core/engine/engine_script.h"

#include "core/model/span.h"
#include "core/rule/rule.h"

static int64_t hold_of(const struct rule *rule)
{
	return rule->window_ms > ENGINE_FULL_MS_MIN ? rule->window_ms : ENGINE_FULL_MS_MIN;
}

static void step(struct engine *engine, struct rule_state *state, int64_t time_ms, bool has_refused)
{
	struct evaluation evaluation = {.engine = engine, .state = state, .boundary_ms = time_ms};

	engine_step_full(&evaluation, hold_of(state->rule), has_refused);
}

void engine_note_refused(struct engine *engine, struct rule_state *state, int64_t time_ms,
			 int64_t watermark_ms)
{
	uint64_t refused_count = engine_refused_count(state);
	int64_t hold_ms = hold_of(state->rule), step_ms = hold_ms / SCRIPT_IDLE_STEPS;
	bool was_full = state->overflow.is_live;

	if (refused_count == state->overflow_seen || engine_has_windows(state->rule))
		return;
	state->overflow_seen = refused_count;
	/* A late one is told when it came: the last such alert ended behind the watermark. */
	if (time_ms < watermark_ms)
		time_ms = watermark_ms;
	if (!was_full)
		step(engine, state, time_ms, true);
	/* In steps: not each reading changes the row. */
	time_ms = span_floor(time_ms, step_ms) + step_ms;
	if (was_full && time_ms + hold_ms <= engine_full_until(state))
		return;
	step(engine, state, time_ms, true);
	step(engine, state, time_ms, false);
}

void engine_end_full(struct engine *engine, struct rule_state *state, int64_t reached_ms)
{
	int64_t due_ms = engine_full_until(state), hold_ms = hold_of(state->rule);

	script_memory_sweep(state->memory, reached_ms);
	if (state->memory->live_count < state->memory->keys_max) {
		step(engine, state, due_ms, false);
		return;
	}
	due_ms += (reached_ms - due_ms) / hold_ms * hold_ms;
	step(engine, state, due_ms, true);
	step(engine, state, due_ms, false);
}
