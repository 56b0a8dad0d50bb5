#include "core/engine/engine_history.h"
#include "core/engine/engine_internal.h"
#include "core/engine/engine_judge.h"
#include "core/engine/engine_store.h"

#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/config/config.h"
#include "core/model/cells.h"
#include "core/model/dimension.h"
#include "core/rule/rule.h"
#include "core/rule/rule_message.h"
#include "core/rule/rule_runner.h"
#include "core/window/metric.h"

#include <string.h>

const char *engine_category_of(const struct engine *engine, const struct rule *rule,
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

static enum alert_state state_of(enum key_kind kind)
{
	switch (kind) {
	case KEY_KIND_OK: return ALERT_RESOLVED;
	case KEY_KIND_FIRING: return ALERT_FIRING;
	case KEY_KIND_NODATA: return ALERT_NODATA;
	}
	return ALERT_FIRING;
}

/** Of a key that has a number of its own: that number in place of the rule's. */
static const char *threshold_text(struct engine *engine, const struct rule_level *level,
				  const struct candidate *candidate)
{
	static const char *const words[] = {
#define COMPARE_TEXT(name, text) [COMPARE_##name] = (text),
		COMPARE_LIST(COMPARE_TEXT)
#undef COMPARE_TEXT
	};
	char number[NUMBER_TEXT_BYTES_MAX];

	if (candidate == NULL || !candidate->has_own_number || level->holds.count != 1 ||
	    !level->holds.expressions[0].is_main)
		return level->holds.text;
	number_format(candidate->own_number, number);
	return arena_format(&engine->scratch, "%s%s",
			    words[level->holds.expressions[0].threshold.compare], number);
}

static struct alert make_alert(struct engine *engine, const struct rule_state *state,
			       struct slice key, int64_t boundary_ms, const struct key_tell *tell)
{
	const struct rule *rule = state->rule;
	const struct rule_level *level = &rule->levels[tell->level];

	return (struct alert){
		.rule = rule->name,
		.title = rule->title,
		.version = rule->version,
		.form = form_of(rule->type),
		.state = state_of(tell->kind),
		.window_start_ms = engine_window_start(engine, rule, boundary_ms),
		.window_end_ms = boundary_ms,
		.window_ms = rule->window_ms,
		.threshold = level->holds.text,
		.field = state->field_text,
		.statistic = rule->statistic,
		.key = key,
		.by = (const char *const *)rule->by,
		.by_count = rule->by_count,
		.severity = level->severity,
		.labels_json = rule->labels_json,
		.category = engine_category_of(engine, rule, key),
		.reason = tell->reason,
		.kept_back = tell->kept_back,
	};
}

static void add_verdict(struct alert *alert, const struct rule_verdict *verdict)
{
	if (verdict == NULL)
		return;
	alert->has_value = verdict->has_value;
	alert->value = verdict->value;
	alert->message = verdict->message;
	if (verdict->labels_json != NULL)
		alert->labels_json = verdict->labels_json;
}

/** The lines that led to it: what resolves, or is silent, has none. */
static void add_samples(struct engine *engine, const struct rule_state *state,
			const struct aggregate *cells, struct alert *alert)
{
	const struct cell_layout *layout = &state->metric->metric->cells;
	struct alert_sample *samples;
	uint32_t count;

	if (state->rule->sample_count == 0 || alert->state != ALERT_FIRING)
		return;
	count = cells_line_count(layout, cells);
	samples = arena_zalloc(&engine->scratch, (count + 1) * sizeof(*samples));
	for (uint32_t i = 0; i < count; i++) {
		struct cell_line line = cells_line(layout, cells, i);

		samples[i] = (struct alert_sample){line.time_ms, line.text, line.is_cut};
	}
	alert->samples = samples;
	alert->sample_count = count;
}

static void emit(struct engine *engine, const struct rule_state *state, struct alert *alert)
{
	const struct rule_message *message = state->rule->message;

	/* What a script says goes before the template. */
	if (message != NULL && alert->message == NULL) {
		bytes_clear(&engine->message);
		rule_message_append(message, alert, &engine->message);
		alert->message = engine->message.data;
	}
	alert_make_id(alert);
	if (engine->options.on_alert != NULL)
		engine->options.on_alert(engine->options.arg, state->rule, alert);
}

void engine_tell(struct engine *engine, struct rule_state *state, struct slice key,
		 const struct candidate *candidate, const struct key_tell *tell,
		 int64_t boundary_ms, const struct rule_verdict *verdict)
{
	const struct rule *rule = state->rule;
	struct alert alert = make_alert(engine, state, key, boundary_ms, tell);

	if (candidate != NULL) {
		alert.is_early = candidate->is_early;
		alert.threshold = threshold_text(engine, &rule->levels[tell->level], candidate);
		alert.count = candidate->cells->count;
		if (rule->type == RULE_SCRIPT)
			add_verdict(&alert, verdict);
		else
			alert.has_value =
				engine_value(state, candidate->cells, &rule->measure, &alert.value);
		engine_tell_compared(engine, state, candidate, &alert);
		add_samples(engine, state, candidate->cells, &alert);
	}
	emit(engine, state, &alert);
}

void engine_tell_correction(struct engine *engine, const struct rule_state *state,
			    const struct candidate *candidate, const struct key_tell *tell,
			    int64_t end_ms, const struct alert_correction *correction)
{
	const struct rule *rule = state->rule;
	struct alert alert = make_alert(engine, state, candidate->key, end_ms, tell);

	alert.correction = correction;
	alert.threshold = threshold_text(engine, &rule->levels[tell->level], candidate);
	alert.count = candidate->cells->count;
	alert.has_value = engine_value(state, candidate->cells, &rule->measure, &alert.value);
	add_samples(engine, state, candidate->cells, &alert);
	emit(engine, state, &alert);
}

void engine_tell_overflow(struct engine *engine, struct rule_state *state,
			  const struct key_tell *tell, int64_t boundary_ms)
{
	struct alert alert = make_alert(engine, state, (struct slice){"", 0}, boundary_ms, tell);

	alert.reason = "keys_max";
	alert.count = state->overflow_seen;
	alert.message = tell->kind == KEY_KIND_OK
				? "the rule has room for all its keys again"
				: "the rule has as many keys as keys_max lets it have: readings of "
				  "further keys are not judged";
	emit(engine, state, &alert);
}

static void end_key(struct engine *engine, struct rule_state *state, struct slice name,
		    struct engine_key *key, const char *reason)
{
	int64_t boundary_ms =
		state->evaluated_ms != TIME_NONE ? state->evaluated_ms : key->state.told_ms;
	struct key_tell tell;
	bool is_told;

	/* What fired early is told after that. */
	if (key->state.told_ms > boundary_ms)
		boundary_ms = key->state.told_ms;
	is_told = key_state_end(&key->state, reason, &tell);
	if (key->is_stored)
		engine_delete_key(engine, state->rule->name, name);
	if (is_told) {
		state->resolved_count++;
		engine_tell(engine, state, name, NULL, &tell, boundary_ms, NULL);
	}
}

void engine_resolve_all(struct engine *engine, struct rule_state *state, const char *reason)
{
	for (uint32_t id = 0; id < state->keys.count; id++)
		if (state->watched[id].is_live) {
			end_key(engine, state, key_table_key(&state->keys, id), &state->watched[id],
				reason);
			engine_forget(state, &state->watched[id]);
		}
	if (state->overflow.is_live) {
		end_key(engine, state, (struct slice){"", 0}, &state->overflow, reason);
		key_state_deinit(&state->overflow.state);
		state->overflow.is_live = false;
	}
	state->wake_ms = INT64_MAX;
}
