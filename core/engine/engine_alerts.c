#include "core/engine/engine_internal.h"
#include "core/engine/engine_judge.h"
#include "core/engine/engine_store.h"

#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/model/dimension.h"
#include "core/rule/rule.h"
#include "core/rule/rule_runner.h"
#include "core/window/metric.h"

#include <string.h>

struct firing *engine_firing(struct rule_state *state, struct slice key)
{
	bool is_new;
	uint32_t id = key_table_put(&state->keys, key, &is_new);

	if (id >= state->firing_capacity) {
		state->firing_capacity =
			state->firing_capacity == 0 ? 16 : 2 * state->firing_capacity;
		state->firings =
			mem_grow(state->firings, state->firing_capacity, sizeof(*state->firings));
	}
	if (is_new)
		state->firings[id] = (struct firing){0};
	return &state->firings[id];
}

/** Keys that stopped firing leave holes; a key table cannot forget, so it is built again. */
void engine_compact_firings(struct rule_state *state)
{
	struct rule_state kept = {0};

	if (state->keys.count < ENGINE_KEYS_REBUILD_MIN ||
	    state->keys.count < 2 * state->firing_count)
		return;
	key_table_init(&kept.keys, state->keys.seed);
	for (uint32_t id = 0; id < state->keys.count; id++)
		if (state->firings[id].is_firing)
			*engine_firing(&kept, key_table_key(&state->keys, id)) = state->firings[id];
		else
			mem_free(state->firings[id].severity);
	key_table_deinit(&state->keys);
	mem_free(state->firings);
	state->keys = kept.keys;
	state->firings = kept.firings;
	state->firing_capacity = kept.firing_capacity;
}

/** Category of the value of the site's category field, when the dimension has it. */
static const char *find_category(const struct engine *engine, const struct rule *rule,
				 struct slice key)
{
	const struct config *config = engine->config;
	struct value values[DIMENSION_FIELDS_MAX];
	int count = dimension_decode(key, values, DIMENSION_FIELDS_MAX);
	struct bytes text = BYTES_EMPTY;
	const char *category = NULL;

	for (int i = 0; i < count && (uint32_t)i < rule->by_count; i++)
		if (strcmp(rule->by[i], config->category_field) == 0) {
			value_append_text(&values[i], &text);
			category = text.data != NULL ? config_category_of(config, text.data) : NULL;
		}
	bytes_deinit(&text);
	return category;
}

static enum alert_form form_of(enum rule_type type)
{
	switch (type) {
	case RULE_COUNT: return FORM_COUNT;
	case RULE_FIELD: return FORM_FIELD;
	case RULE_CONTINUOUS: return FORM_CONTINUOUS;
	case RULE_GROUP: return FORM_GROUP;
	case RULE_SCRIPT: return FORM_SCRIPT;
	case RULE_BASELINE: return FORM_BASELINE;
	}
	return FORM_SCRIPT;
}

static struct alert make_alert(const struct engine *engine, const struct rule_state *state,
			       struct slice key, int64_t boundary_ms, enum alert_state alert_state)
{
	const struct rule *rule = state->rule;

	return (struct alert){
		.rule = rule->name,
		.title = rule->title,
		.version = rule->version,
		.form = form_of(rule->type),
		.state = alert_state,
		.window_start_ms = boundary_ms - rule->window_ms,
		.window_end_ms = boundary_ms,
		.window_ms = rule->window_ms,
		.threshold = rule->threshold.text,
		.field = state->field_text,
		.statistic = rule->statistic,
		.key = key,
		.by = (const char *const *)rule->by,
		.by_count = rule->by_count,
		.severity = rule->severity,
		.labels_json = rule->labels_json,
		.category = find_category(engine, rule, key),
	};
}

static void add_value(struct alert *alert, const struct rule_state *state,
		      const struct aggregate *total, const struct rule_verdict *verdict)
{
	alert->count = total->count;
	if (state->rule->type != RULE_SCRIPT) {
		engine_decide(state, total, &alert->value, &alert->has_value);
		return;
	}
	if (verdict == NULL)
		return;
	alert->has_value = verdict->has_value;
	alert->value = verdict->value;
	alert->message = verdict->message;
	if (verdict->severity != NULL)
		alert->severity = verdict->severity;
	if (verdict->labels_json != NULL)
		alert->labels_json = verdict->labels_json;
}

static void emit(const struct engine *engine, const struct rule_state *state, struct alert *alert)
{
	alert_make_id(alert);
	if (engine->options.on_alert != NULL)
		engine->options.on_alert(engine->options.arg, state->rule, alert);
}

void engine_fire(struct engine *engine, struct rule_state *state, struct slice key,
		 const struct aggregate *total, int64_t boundary_ms,
		 const struct rule_verdict *verdict)
{
	struct alert alert = make_alert(engine, state, key, boundary_ms, ALERT_FIRING);
	struct firing *firing = engine_firing(state, key);

	add_value(&alert, state, total, verdict);
	mem_free(firing->severity);
	*firing = (struct firing){
		.is_firing = true,
		.since_ms = boundary_ms,
		.severity = verdict != NULL ? mem_copy_text(verdict->severity) : NULL,
	};
	state->firing_count++;
	state->fired_count++;
	engine_put_firing(engine, state->rule, key, firing);
	emit(engine, state, &alert);
}

void engine_resolve(struct engine *engine, struct rule_state *state, struct slice key,
		    const struct aggregate *total, int64_t boundary_ms,
		    const struct rule_verdict *verdict, const char *reason)
{
	struct alert alert = make_alert(engine, state, key, boundary_ms, ALERT_RESOLVED);
	struct firing *firing = engine_firing(state, key);
	char *severity = firing->severity;

	/* It resolves with the severity it fired with, unless the script says another. */
	if (severity != NULL)
		alert.severity = severity;
	if (total != NULL)
		add_value(&alert, state, total, verdict);
	alert.reason = reason;
	*firing = (struct firing){0};
	state->firing_count--;
	state->resolved_count++;
	engine_delete_firing(engine, state->rule->name, key);
	emit(engine, state, &alert);
	mem_free(severity);
}

void engine_resolve_all(struct engine *engine, struct rule_state *state, const char *reason)
{
	int64_t boundary_ms = state->evaluated_ms;

	for (uint32_t id = 0; id < state->keys.count; id++)
		if (state->firings[id].is_firing)
			engine_resolve(engine, state, key_table_key(&state->keys, id), NULL,
				       boundary_ms != TIME_NONE ? boundary_ms
								: state->firings[id].since_ms,
				       NULL, reason);
}
