#include "core/engine/engine_internal.h"

#include "core/rule/rule.h"
#include "core/rule/rule_runner.h"
#include "core/window/window.h"

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

static struct engine_rule_status rule_status(const struct rule_state *state)
{
	const struct rule_runner *runner = state->rule->runner;
	struct window_usage usage;
	struct engine_rule_status status = {
		.rule = state->rule,
		.evaluated_ms = state->evaluated_ms,
		.firing_count = state->firing_count,
		.evaluation_count = state->evaluation_count,
		.fired_count = state->fired_count,
		.resolved_count = state->resolved_count,
		.error_count = state->error_count,
		.is_quarantined = state->is_quarantined,
		.last_error = state->last_error,
	};

	window_usage(state->metric->window, &usage);
	status.key_count = usage.key_count;
	status.overflow_count = usage.overflow_count;
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
	void (*each)(void *arg, struct slice key, const struct aggregate *total, bool is_firing);
	void *arg;
};

static void on_key(void *arg, struct slice key, const struct aggregate *total)
{
	const struct each_key *each = arg;
	uint32_t id = key_table_find(&each->state->keys, key);

	each->each(each->arg, key, total,
		   id != KEY_TABLE_NONE && each->state->firings[id].is_firing);
}

void engine_each_key(const struct engine *engine, const char *rule,
		     void (*each)(void *arg, struct slice key, const struct aggregate *total,
				  bool is_firing),
		     void *arg)
{
	for (uint32_t i = 0; i < engine->rule_count; i++) {
		const struct rule_state *state = engine->rules[i];
		struct each_key on = {state, each, arg};

		if (strcmp(state->rule->name, rule) == 0 && state->evaluated_ms != TIME_NONE)
			window_each(state->metric->window,
				    state->evaluated_ms - state->rule->window_ms,
				    state->evaluated_ms, on_key, &on);
	}
}
