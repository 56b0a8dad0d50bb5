#include "core/engine/correction_set.h"
#include "core/base/mem.h"
#include "core/engine/engine_internal.h"
#include "core/engine/engine_judge.h"
#include "core/engine/engine_script.h"

#include "core/rule/rule.h"
#include "core/rule/rule_runner.h"
#include "core/window/window_slide.h"

#include <string.h>

static uint32_t count_partitions(const struct engine *engine, const struct engine_source *source)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < engine->partition_count; i++)
		count += engine->partitions[i].is_open && engine->partitions[i].source == source;
	return count;
}

void engine_each_source(const struct engine *engine,
			void (*each)(void *arg, const struct engine_source_status *status),
			void *arg)
{
	for (uint32_t i = 0; i < engine->source_count; i++) {
		const struct engine_source *source = engine->sources[i];
		struct engine_source_status status = {
			.name = source->name,
			.total = source->total,
			.late_dropped = source->late_dropped,
			.duplicates = source->duplicates,
			.regex_limits = source->regex_limits,
			.watermark_ms = source->watermark_ms,
			.partition_count = count_partitions(engine, source),
		};

		if (source->is_installed)
			each(arg, &status);
	}
}

void engine_each_partition(const struct engine *engine,
			   void (*each)(void *arg, const char *source, const char *name,
					const struct position *position,
					const struct bundle_counters *counters),
			   void *arg)
{
	for (uint32_t i = 0; i < engine->partition_count; i++) {
		const struct engine_partition *partition = &engine->partitions[i];

		if (partition->name != NULL)
			each(arg, partition->source->name, partition->name, &partition->committed,
			     &partition->counters);
	}
}

void engine_each_dead_letter(const struct engine *engine, const char *source_name,
			     void (*each)(void *arg, const char *source, const char *partition,
					  const struct dead_letter *letter),
			     void *arg)
{
	for (uint32_t i = 0; i < engine->source_count; i++) {
		const struct engine_source *source = engine->sources[i];

		if (source_name != NULL && strcmp(source->name, source_name) != 0)
			continue;
		for (uint32_t k = 0; k < source->dead_letter_count; k++)
			each(arg, source->name, source->dead_letters[k].partition,
			     &source->dead_letters[k].letter);
	}
}

static void count_stages(const struct rule_state *state, struct engine_rule_status *status)
{
	for (uint32_t id = 0; id < state->keys.count; id++) {
		const struct engine_key *key = &state->watched[id];

		if (!key->is_live)
			continue;
		status->firing_count += key->state.told_kind == KEY_KIND_FIRING;
		status->nodata_count += key->state.told_kind == KEY_KIND_NODATA;
		status->pending_count +=
			key_state_stage(&key->state, state->rule) == KEY_STAGE_PENDING;
	}
}

static struct engine_rule_status rule_status(const struct rule_state *state)
{
	const struct rule_runner *runner = state->rule->runner;
	struct window_usage usage;
	struct engine_rule_status status = {
		.rule = state->rule,
		.evaluated_ms = state->evaluated_ms,
		.evaluation_count = state->evaluation_count,
		.fired_count = state->fired_count,
		.resolved_count = state->resolved_count,
		.error_count = state->error_count,
		.is_quarantined = state->is_quarantined,
		.last_error = state->last_error,
	};

	window_usage(state->metric->window, &usage);
	count_stages(state, &status);
	status.key_count = usage.key_count;
	if (state->corrections != NULL) {
		status.correction_count = state->corrections->told_count;
		status.correction_lost_count = state->corrections->lost_count;
	}
	status.overflow_count = usage.overflow_count + engine_refused_count(state);
	if (runner != NULL && runner->ops->usage != NULL) {
		uint64_t memory_bytes_max, call_count;

		runner->ops->usage(runner, &status.memory_bytes, &memory_bytes_max, &call_count);
	}
	return status;
}

void engine_each_rule(const struct engine *engine,
		      void (*each)(void *arg, const struct engine_rule_status *status), void *arg)
{
	for (uint32_t i = 0; i < engine->rule_count; i++) {
		struct engine_rule_status status = rule_status(engine->rules[i]);

		each(arg, &status);
	}
}

struct each_key {
	const struct rule_state *state;
	void (*each)(void *arg, const struct engine_key_status *status);
	void *arg;
};

/** `has_cells`: `total` is the first of all cells of the metric. */
static void tell_key(const struct each_key *each, struct slice name, const struct aggregate *total,
		     bool has_cells, const struct engine_key *key)
{
	const struct rule *rule = each->state->rule;
	struct engine_key_status status = {
		.key = name,
		.total = total,
		.rule = rule,
		.metric = has_cells ? each->state->metric->metric : NULL,
		.span_ms = each->state->span_ms,
		.stage = KEY_STAGE_OK,
	};
	int level = key != NULL ? key_state_level(&key->state, rule) : -1;

	status.has_value =
		has_cells && engine_value(each->state, total, &rule->measure, &status.value);
	if (key != NULL) {
		status.stage = key_state_stage(&key->state, rule);
		status.kept_back = key->state.kept_back;
	}
	if (level >= 0)
		status.severity = rule->levels[level].severity;
	each->each(each->arg, &status);
}

static void on_key(void *arg, struct slice name, const struct aggregate *total)
{
	const struct each_key *each = arg;

	tell_key(each, name, total, true, engine_find_key(each->state, name));
}

/** Keys of whose readings the window has none. */
static void each_silent_key(const struct each_key *each)
{
	const struct aggregate empty = AGGREGATE_EMPTY;
	const struct rule_state *state = each->state;

	for (uint32_t id = 0; id < state->keys.count; id++)
		if (state->watched[id].is_live &&
		    state->watched[id].state.quiet_ms != KEY_TIME_NONE)
			tell_key(each, key_table_key(&state->keys, id), &empty, false,
				 &state->watched[id]);
}

static const struct rule_state *find_state(const struct engine *engine, const char *rule)
{
	for (uint32_t i = 0; i < engine->rule_count; i++)
		if (strcmp(engine->rules[i]->rule->name, rule) == 0)
			return engine->rules[i];
	return NULL;
}

void engine_each_key(const struct engine *engine, const char *rule,
		     void (*each)(void *arg, const struct engine_key_status *status), void *arg)
{
	const struct rule_state *state = find_state(engine, rule);
	struct each_key on = {state, each, arg};

	if (state == NULL || state->evaluated_ms == TIME_NONE)
		return;
	window_slide_each(state->slide, state->evaluated_ms, on_key, &on);
	each_silent_key(&on);
}

bool engine_ask_key(const struct engine *engine, const char *rule, struct slice key,
		    void (*each)(void *arg, const struct engine_key_status *status), void *arg)
{
	const struct rule_state *state = find_state(engine, rule);
	struct each_key on = {state, each, arg};

	if (state == NULL || state->evaluated_ms == TIME_NONE)
		return false;
	const struct cell_layout *layout = &state->metric->metric->cells;
	struct aggregate *cells = mem_alloc(layout->bytes);
	window_slide_total(state->slide, state->evaluated_ms, key, cells);
	tell_key(&on, key, cells, true, engine_find_key(state, key));
	cells_release(layout, cells, NULL);
	mem_free(cells);
	return true;
}

const struct trace *engine_trace(const struct engine *engine, const char *rule)
{
	const struct rule_state *state = find_state(engine, rule);

	return state != NULL ? state->trace : NULL;
}

static void kept_text(const struct rule *rule, const struct script_key *key, struct bytes *out)
{
	struct slice state = {key->state, key->state_bytes};

	bytes_clear(out);
	if (rule->streak > 0)
		engine_streak_print(state, out, ENGINE_KEPT_TEXT_BYTES_MAX);
	else if (rule->runner != NULL && rule->runner->ops->print_state != NULL)
		rule->runner->ops->print_state(state, out, ENGINE_KEPT_TEXT_BYTES_MAX);
}

uint32_t engine_each_kept(const struct engine *engine, const char *rule, uint32_t count_max,
			  void (*each)(void *arg, const struct engine_kept_status *status),
			  void *arg)
{
	const struct rule_state *state = find_state(engine, rule);
	const struct script_memory *memory = state != NULL ? state->memory : NULL;
	struct bytes text = BYTES_EMPTY;
	uint32_t count = 0;

	for (uint32_t id = 0; memory != NULL && id < memory->table.count; id++) {
		const struct script_key *key = &memory->keys[id];
		struct engine_kept_status status = {
			.key = script_memory_key(memory, key),
			.timers = key->timers,
			.timer_count = key->timer_count,
			.is_firing = key->is_firing,
		};

		if (!key->is_live || count++ >= count_max)
			continue;
		kept_text(state->rule, key, &text);
		status.text = bytes_slice(&text);
		each(arg, &status);
	}
	bytes_deinit(&text);
	return count;
}
