/* A generation is installed in this order, after engine_plan_install() has found nothing wrong:
 *
 *     sources -> rule states (kept, continued, new; the gone ones resolve) -> metrics and windows
 *     -> at the first install: panes and alert states from the store
 */
#include "core/engine/engine_history.h"
#include "core/engine/engine_internal.h"
#include "core/engine/engine_judge.h"
#include "core/engine/engine_plan.h"
#include "core/engine/engine_script.h"
#include "core/engine/engine_store.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/ingest/intake.h"
#include "core/model/span.h"
#include "core/model/zone.h"
#include "core/rule/rule.h"
#include "core/window/metric.h"
#include "core/window/window.h"

#include <stdlib.h>
#include <string.h>

static void install_sources(struct engine *engine, struct install_plan *plan)
{
	for (uint32_t i = 0; i < engine->source_count; i++)
		engine->sources[i]->is_installed = false;
	for (uint32_t i = 0; i < plan->source_count; i++) {
		const struct config_source *config = plan->sources[i].config;
		struct engine_source *source = engine_add_source(engine, config->name);

		intake_unref(source->intake);
		source->intake = plan->sources[i].intake;
		plan->sources[i].intake = NULL;
		source->lateness_ms = config->lateness_ms;
		source->is_installed = true;
		watermark_configure(source->watermark, config->lateness_ms, config->idle_ms);
	}
}

static uint32_t find_old(struct rule_state *const *old, uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++)
		if (old[i] != NULL && strcmp(old[i]->rule->name, name) == 0)
			return i;
	return UINT32_MAX;
}

static bool is_same(const struct rule *a, const struct rule *b)
{
	return a->version == b->version && strcmp(a->hash, b->hash) == 0;
}

/** Where a rule goes on: where its name was evaluated to; one that is new to a source that flows
 *  already begins now, for there is no history that it could judge. */
static int64_t continue_from(const struct engine *engine, const struct rule_state *old,
			     const struct rule *rule)
{
	const struct stored_evaluated *stored = engine_find_stored(engine, rule->name);
	const struct engine_source *source = engine_find_source(engine, rule->source);
	int64_t from_ms = old != NULL      ? old->evaluated_ms
			  : stored != NULL ? stored->evaluated_ms
					   : source->watermark_ms;

	return from_ms == TIME_NONE ? TIME_NONE : span_floor(from_ms, rule->every_ms);
}

static struct rule_state *make_state(struct engine *engine, struct rule_state *old,
				     struct rule *rule)
{
	struct rule_state *state;

	if (old != NULL && is_same(old->rule, rule)) {
		rule_ref(rule);
		rule_unref(old->rule);
		old->rule = rule;
		old->is_quarantined = false;
		old->is_dirty = true;
		old->errors_in_row = 0;
		return old;
	}
	state = engine_rule_state_new(rule, engine->options.seed);
	state->evaluated_ms = continue_from(engine, old, rule);
	if (rule->type == RULE_SCRIPT || rule->streak > 0)
		state->memory = script_memory_new(engine->options.seed,
						  rule->keys_max != 0 ? rule->keys_max
								      : engine->config->keys_max,
						  rule->key_idle_ms);
	if (old != NULL) {
		engine_delete_memory(engine, old->rule->name);
		if (old->corrections != NULL)
			engine_delete_corrections(engine, old->rule->name);
		engine_resolve_all(engine, old, "rule_changed");
		state->history = old->history;
		old->history = NULL;
		engine_rule_state_free(old);
	}
	engine_put_evaluated(engine, state);
	return state;
}

static void install_rules(struct engine *engine, struct rule *const *rules, uint32_t rule_count)
{
	struct rule_state **old = engine->rules;
	uint32_t old_count = engine->rule_count;
	struct rule_state **states = mem_alloc_array(rule_count + 1, sizeof(*states));

	for (uint32_t i = 0; i < rule_count; i++) {
		uint32_t index = find_old(old, old_count, rules[i]->name);

		states[i] = make_state(engine, index != UINT32_MAX ? old[index] : NULL, rules[i]);
		if (index != UINT32_MAX)
			old[index] = NULL;
	}
	for (uint32_t i = 0; i < old_count; i++) {
		if (old[i] == NULL)
			continue;
		engine_resolve_all(engine, old[i], engine_why_gone(engine, old[i]->rule));
		engine_delete_evaluated(engine, old[i]->rule->name);
		engine_delete_memory(engine, old[i]->rule->name);
		if (old[i]->corrections != NULL)
			engine_delete_corrections(engine, old[i]->rule->name);
		if (old[i]->history != NULL)
			engine_history_drop(engine, old[i]->rule->name);
		engine_rule_state_free(old[i]);
	}
	mem_free(old);
	engine->rules = states;
	engine->rule_count = rule_count;
}

/** The metric among the new ones, or taken over from the old ones, or made. */
static struct engine_metric *take_metric(struct engine *engine, struct engine_metric **old,
					 uint32_t old_count, const struct rule *rule,
					 struct metric *wanted)
{
	struct slice id = {(const char *)wanted->id.bytes, METRIC_ID_BYTES};
	bool is_new;
	uint32_t index = key_table_put(&engine->metric_ids, id, &is_new);
	struct engine_metric *metric = NULL;

	if (!is_new)
		return engine->metrics[index];
	for (uint32_t i = 0; i < old_count; i++)
		if (old[i] != NULL &&
		    memcmp(&old[i]->metric->id, &wanted->id, METRIC_ID_BYTES) == 0) {
			metric = old[i];
			old[i] = NULL;
			mem_free(metric->rules);
			metric->rules = NULL;
			metric->rule_count = 0;
			metric->keep_ms = 0;
			metric->keys_max = 0;
			metric->days_max = 0;
			metric->has_early = false;
			metric->corrects_late = false;
		}
	if (metric == NULL) {
		metric = mem_alloc(sizeof(*metric));
		metric->metric = metric_ref(wanted);
		metric->window =
			window_new(wanted, &(struct window_options){
						   .keys_max = engine->config->keys_max,
						   .seed = engine->options.seed,
						   .is_stored = engine->options.commit != NULL,
					   });
		metric->cut_ms = TIME_NONE;
		metric->expired_ms = TIME_NONE;
	}
	metric->source = engine_find_source(engine, rule->source);
	engine->metrics[index] = metric;
	engine->metric_count = index + 1;
	return metric;
}

static void attach_rule(const struct engine *engine, struct engine_metric *metric,
			struct rule_state *state)
{
	uint32_t keys_max = state->rule->keys_max;

	/* What left the window since the last boundary must still be there at the next one. */
	int64_t keep_ms = state->rule->window_ms + state->rule->every_ms +
			  metric->source->lateness_ms + ENGINE_KEEP_EXTRA_MS +
			  rule_late_reach_ms(state->rule);

	metric->has_early |= state->rule->is_early;
	metric->corrects_late |= state->rule->corrects_late;
	if (state->rule->window_days > metric->days_max)
		metric->days_max = state->rule->window_days;
	/* Of calendar windows the levels keep what is not needed minute by minute. */
	if (state->rule->window_days == 0 && keep_ms > metric->keep_ms)
		metric->keep_ms = keep_ms;
	/* The window has the keys that the rule leaves out as well: they take no room of it. */
	if (keys_max == 0 ||
	    (state->rule->key_filter != NULL && keys_max < engine->config->keys_max))
		keys_max = engine->config->keys_max;
	if (keys_max > metric->keys_max)
		metric->keys_max = keys_max;
	window_limit_keys(metric->window, metric->keys_max);
	metric->rules = mem_grow(metric->rules, metric->rule_count + 1, sizeof(*metric->rules));
	metric->rules[metric->rule_count++] = state;
	state->metric = metric;
}

/** Which of the engine's metrics is which of the intake's; and all rules are looked at again. */
static void index_metrics(struct engine *engine, struct engine_source *source)
{
	const struct intake *intake = source->intake;
	uint32_t count = intake != NULL ? intake->metric_count : 0;

	mem_free(source->metrics);
	source->metrics = mem_alloc_array(count + 1, sizeof(struct engine_metric *));
	for (uint32_t i = 0; i < count; i++)
		source->metrics[i] = engine_find_metric(engine, intake->metrics[i].metric);
	source->must_check = true;
	engine_index_readers(engine, source);
}

static void install_metrics(struct engine *engine, const struct install_plan *plan)
{
	struct engine_metric **old = engine->metrics;
	uint32_t old_count = engine->metric_count;

	engine->metrics = mem_alloc_array(engine->rule_count + 1, sizeof(*engine->metrics));
	engine->metric_count = 0;
	key_table_clear(&engine->metric_ids);
	for (uint32_t i = 0; i < engine->rule_count; i++)
		attach_rule(engine,
			    take_metric(engine, old, old_count, engine->rules[i]->rule,
					plan->metrics[i]),
			    engine->rules[i]);
	for (uint32_t i = 0; i < old_count; i++) {
		if (old[i] == NULL)
			continue;
		engine_delete_metric(engine, old[i]);
		engine_metric_free(old[i]);
	}
	mem_free(old);
	engine_install_levels(engine);
	for (uint32_t i = 0; i < engine->source_count; i++)
		index_metrics(engine, engine->sources[i]);
}

static int compare_rules(const void *a, const void *b)
{
	return strcmp((*(struct rule *const *)a)->name, (*(struct rule *const *)b)->name);
}

static void replace_config(struct engine *engine, struct config *config)
{
	config_ref(config);
	config_unref(engine->config);
	engine->config = config;
	engine->generation++;
}

int engine_install(struct engine *engine, struct config *config, struct rule *const *rules,
		   uint32_t rule_count, int64_t now_mono_ms, int64_t wall_ms, struct err_note *why)
{
	struct rule **sorted = mem_alloc_array(rule_count + 1, sizeof(*sorted));
	struct install_plan plan = {0};
	struct zone *zone = NULL;
	int code;

	if (rule_count > 0)
		memcpy(sorted, rules, rule_count * sizeof(*sorted));
	qsort(sorted, rule_count, sizeof(*sorted), compare_rules);
	code = engine_plan_install(engine, config, sorted, rule_count, &plan, why);
	if (code == 0 && (code = zone_open(&zone, config->timezone, why)) != 0)
		engine_plan_free(&plan);
	if (code != 0) {
		mem_free(sorted);
		return code;
	}
	/* What the old rules can still decide they decide, before any of them goes. */
	if (engine->is_restored)
		engine_advance(engine, now_mono_ms, wall_ms);
	engine->wall_ms = wall_ms;
	replace_config(engine, config);
	engine_drop_slides(engine);
	zone_free(engine->zone);
	engine->zone = zone;
	install_sources(engine, &plan);
	install_rules(engine, sorted, rule_count);
	install_metrics(engine, &plan);
	engine_history_open_all(engine);
	engine_plan_free(&plan);
	mem_free(sorted);
	if (!engine->is_restored) {
		if (engine->options.commit != NULL)
			code = engine_restore_panes(engine, why);
		if (code == 0 && engine->options.commit != NULL)
			code = engine_restore_memory(engine, why);
		if (code == 0 && engine->options.commit != NULL)
			code = engine_restore_corrections(engine, why);
		engine_adopt_stored(engine);
		engine->is_restored = true;
	}
	engine_open_corrections(engine);
	return code;
}
