/* Runs of readings with the same value of a field. What is kept of a dimension:
 *
 *     state    length of the run (8), its value as a key has it (dimension.h)
 *     timer    the run is over when no reading came for the rule's window
 *
 * The alert is about the value: its key is the dimension and the value. */
#include "core/engine/engine_script.h"

struct run {
	uint64_t length;
	struct slice value;
	int64_t over_ms; /**< a later reading begins another one */
};

static void read_run(const struct rule_memory *memory, struct run *out)
{
	struct byte_reader reader = byte_reader_of(memory->state);

	out->length = byte_reader_be64(&reader);
	out->value = (struct slice){(const char *)reader.data, reader.left};
	out->over_ms = memory->timer_count > 0 ? memory->timers[0].at_ms : INT64_MIN;
}

void engine_streak_print(struct slice state, struct bytes *out, size_t bytes_max)
{
	struct rule_memory memory = {.state = state};
	struct bytes value = BYTES_EMPTY;
	struct run run;

	if (state.length == 0)
		return;
	read_run(&memory, &run);
	dimension_append_text(run.value, &value);
	bytes_append_format(out, "%llu in a row: ", (unsigned long long)run.length);
	if (value.length > bytes_max) {
		bytes_append(out, value.data, bytes_max);
		bytes_append_text(out, "…");
	} else {
		bytes_append_slice(out, bytes_slice(&value));
	}
	bytes_deinit(&value);
}

static void tell(struct engine *engine, struct rule_state *state, struct slice dimension,
		 const struct run *run, bool is_firing, int64_t time_ms, int64_t watermark_ms)
{
	struct bytes key = BYTES_EMPTY;
	struct script_told told = {
		.level = is_firing ? 0 : -1, .count = run->length, .time_ms = time_ms};

	bytes_append_slice(&key, dimension);
	bytes_append_slice(&key, run->value);
	told.key = bytes_slice(&key);
	engine_tell_at(engine, state, dimension, &told, watermark_ms);
	bytes_deinit(&key);
}

void engine_streak_read(struct engine *engine, struct rule_state *state, struct slice dimension,
			struct slice value, int64_t time_ms, int64_t watermark_ms)
{
	struct rule_call call = {.key = dimension, .time_ms = time_ms};
	struct rule_memory *memory = &call.memory;
	struct run run = {.over_ms = INT64_MIN};
	struct bytes kept = BYTES_EMPTY;

	script_memory_load(script_memory_find(state->memory, dimension, watermark_ms), memory);
	if (memory->state.length > 0)
		read_run(memory, &run);
	if (run.length == 0 || !slice_equal(run.value, value) || time_ms >= run.over_ms) {
		if (run.length >= state->rule->streak)
			tell(engine, state, dimension, &run, false, time_ms, watermark_ms);
		run = (struct run){0, value, INT64_MIN};
	}
	run.length++;
	bytes_append_be64(&kept, run.length);
	bytes_append_slice(&kept, value);
	memory->state = bytes_slice(&kept);
	memory->timer_count = 1;
	memory->timers[0].name[0] = '\0';
	memory->timers[0].at_ms = time_ms + state->rule->window_ms;
	if (memory->timers[0].at_ms < run.over_ms)
		memory->timers[0].at_ms = run.over_ms;
	memory->has_new_state = memory->has_new_timers = true;
	run.value = value;
	if (script_memory_keep(state->memory, &call, true, watermark_ms) &&
	    run.length >= state->rule->streak)
		tell(engine, state, dimension, &run, true, time_ms, watermark_ms);
	bytes_deinit(&kept);
}

void engine_streak_end(struct engine *engine, struct rule_state *state,
		       const struct script_key *key, int64_t time_ms, int64_t watermark_ms)
{
	struct slice name = script_memory_key(state->memory, key);
	struct rule_call call = {.time_ms = time_ms};
	struct bytes copy = BYTES_EMPTY, before = BYTES_EMPTY;
	struct run run;

	script_memory_load(key, &call.memory);
	bytes_append_slice(&copy, name);
	bytes_append_slice(&before, call.memory.state);
	call.key = bytes_slice(&copy);
	call.memory.state = bytes_slice(&before);
	read_run(&call.memory, &run);
	if (run.length >= state->rule->streak)
		tell(engine, state, call.key, &run, false, time_ms, watermark_ms);
	call.memory.state = (struct slice){NULL, 0};
	call.memory.has_new_state = true;
	script_memory_keep(state->memory, &call, false, watermark_ms);
	bytes_deinit(&copy);
	bytes_deinit(&before);
}
