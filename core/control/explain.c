#include "core/control/explain.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/number.h"
#include "core/control/json_text.h"
#include "core/engine/engine.h"
#include "core/judge/trace.h"
#include "core/lookup/key_filter.h"
#include "core/model/aggregate.h"
#include "core/model/dimension.h"
#include "core/model/span.h"
#include "core/model/timestamp.h"
#include "core/rule/rule.h"
#include "core/window/metric.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct explain {
	const struct engine *engine;
	const char *name;
	const struct rule *rule;
	const struct trace *trace;
	const char *key; /**< asked for; or NULL */
	int64_t at_ms, evaluated_ms;
	json_t *document, *list, *hints;
	json_t *row; /**< of the key at hand */
	/* of the keys of the window judged last */
	uint64_t key_count, sample_count;
	bool has_field[DIMENSION_FIELDS_MAX]; /**< of `by`: some key has it */
};

static void hint(struct explain *explain, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void hint(struct explain *explain, const char *format, ...)
{
	char text[ERR_NOTE_BYTES_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(explain->hints, json_text(text));
}

static json_t *span_text(int64_t ms)
{
	char text[32];

	span_format(ms, text, sizeof(text));
	return json_string(text);
}

static const char *window_text(const struct rule *rule, char *out, unsigned out_bytes)
{
	if (rule->window_days > 0)
		snprintf(out, out_bytes, "%ud", rule->window_days);
	else
		span_format(rule->window_ms, out, out_bytes);
	return out;
}

/* ---- the rule ---- */

static void add_rule(void *arg, const struct engine_rule_status *status)
{
	struct explain *explain = arg;
	const struct rule *rule = status->rule;
	char text[32];

	if (strcmp(rule->name, explain->name) != 0)
		return;
	explain->rule = rule;
	explain->evaluated_ms = status->evaluated_ms;
	json_put_text(explain->document, "rule", rule->name);
	json_put_int(explain->document, "version", rule->version);
	json_put_text(explain->document, "source", rule->source);
	json_put_text(explain->document, "filter", rule->filter);
	json_put_text(explain->document, "window", window_text(rule, text, sizeof(text)));
	json_take(explain->document, "evaluated", json_time(status->evaluated_ms));
	json_put_int(explain->document, "evaluations", status->evaluation_count);
	json_put_int(explain->document, "fired", status->fired_count);
	json_put_int(explain->document, "keys", status->key_count);
	if (status->is_quarantined)
		hint(explain, "the rule is quarantined and judges nothing: %s",
		     status->last_error != NULL ? status->last_error : "see the log");
	else if (status->last_error != NULL)
		hint(explain, "its script failed %llu times, last with: %s",
		     (unsigned long long)status->error_count, status->last_error);
	if (status->overflow_count > 0)
		hint(explain,
		     "%llu readings or keys were not watched, for the rule has as many keys "
		     "as keys_max lets it have",
		     (unsigned long long)status->overflow_count);
}

static void add_levels(struct explain *explain)
{
	json_t *levels = json_array();

	for (uint32_t i = 0; i < explain->rule->level_count; i++) {
		const struct rule_level *level = &explain->rule->levels[i];
		json_t *row = json_object();

		json_put_text(row, "severity", level->severity);
		if (level->holds.text != NULL)
			json_put_text(row, "condition", level->holds.text);
		if (level->hold_ms > 0)
			json_take(row, "hold", span_text(level->hold_ms));
		json_array_append_new(levels, row);
	}
	json_take(explain->document, "levels", levels);
}

/* ---- runs ---- */

static void append_expression(const struct rule_expression *expression,
			      const struct trace_point *point, struct bytes *out)
{
	char name[MEASURE_NAME_BYTES_MAX], number[NUMBER_TEXT_BYTES_MAX];

	bytes_append_text(out, measure_name(&expression->measure, name));
	if (expression->field != NULL)
		bytes_append_format(out, "(%s)", expression->field);
	bytes_append_char(out, ' ');
	if (expression->is_main && point->has_own_number) {
		size_t length = strcspn(expression->threshold.text, "-.0123456789");

		number_format(point->own_number, number);
		bytes_append(out, expression->threshold.text, length);
		bytes_append_text(out, number);
	} else {
		bytes_append_text(out, expression->threshold.text);
	}
}

/** {"count": 17, "same time yesterday": 40} */
static json_t *compared_values(const struct rule *rule, const struct trace_point *point)
{
	const char *reference = rule_reference_name(rule, point->reference);
	json_t *values = json_object();
	char name[MEASURE_NAME_BYTES_MAX];

	if ((point->has_values & 1U) != 0)
		json_take(values, measure_name(&rule->measure, name), json_real(point->values[0]));
	if (reference != NULL && (point->has_values & 2U) != 0)
		json_take(values, reference, json_real(point->values[1]));
	return values;
}

/** Each expression of the level with its value: {"count >=20": 17}. */
static json_t *values_of(const struct rule *rule, const struct trace_point *point)
{
	const struct rule_condition *holds = &rule->levels[point->level].holds;
	json_t *values;

	if (rule->baseline != NULL || rule->trend != NULL)
		return compared_values(rule, point);
	values = json_object();

	for (uint32_t i = 0; i < holds->count && i < TRACE_VALUES_MAX; i++) {
		struct bytes text = BYTES_EMPTY;

		append_expression(&holds->expressions[i], point, &text);
		json_take(values, text.data,
			  (point->has_values & 1U << i) != 0 ? json_real(point->values[i])
							     : json_null());
		bytes_deinit(&text);
	}
	return values;
}

static json_t *run_json(const struct rule *rule, const struct trace_run *run)
{
	const struct trace_point *last = &run->last;
	json_t *row = json_object();

	json_take(row, "from", json_time(run->first_ms));
	json_take(row, "to", json_time(last->boundary_ms));
	json_put_int(row, "count", run->count);
	json_put_text(row, "reason", trace_reason_word(last->reason));
	json_put_text(row, "text", trace_reason_text(last->reason));
	json_put_text(row, "stage", key_stage_name(last->stage));
	json_put_int(row, "readings", last->reading_count);
	if (last->level < rule->level_count) {
		json_put_text(row, "severity", rule->levels[last->level].severity);
		json_take(row, "values", values_of(rule, last));
	}
	if (last->needed_ms > 0) {
		json_take(row, "waited", span_text(last->waited_ms));
		json_take(row, "needed", span_text(last->needed_ms));
	}
	if (last->note[0] != '\0')
		json_put_text(row, "note", last->note);
	return row;
}

struct runs {
	struct trace_run items[TRACE_RUNS_MAX];
	uint32_t count;
};

static void keep_run(void *arg, const struct trace_run *run)
{
	struct runs *runs = arg;

	runs->items[runs->count++] = *run;
}

static json_t *runs_json(struct explain *explain, struct slice key)
{
	struct runs runs = {.count = 0};
	json_t *list = json_array();
	uint32_t from = 0, to;

	trace_each_run(explain->trace, key, keep_run, &runs);
	to = runs.count;
	if (explain->at_ms != EXPLAIN_NOW) {
		while (from + 1 < runs.count && runs.items[from + 1].first_ms <= explain->at_ms)
			from++;
		if (to > from + 2)
			to = from + 2;
		if (runs.count > 0 && runs.items[0].first_ms > explain->at_ms)
			hint(explain,
			     "nothing is recorded of that time: the first evaluation that is "
			     "kept came later");
	}
	for (uint32_t i = from; i < to; i++)
		json_array_append_new(list, run_json(explain->rule, &runs.items[i]));
	return list;
}

/* ---- keys ---- */

static json_t *key_text(struct slice key)
{
	struct bytes text = BYTES_EMPTY;
	json_t *json;

	dimension_append_text(key, &text);
	json = json_text_slice(bytes_slice(&text));
	bytes_deinit(&text);
	return json;
}

/** A field that is missing is null, and so is not an empty text. */
static json_t *key_fields(const struct rule *rule, struct slice key)
{
	struct value values[DIMENSION_FIELDS_MAX];
	int count = dimension_decode(key, values, DIMENSION_FIELDS_MAX);
	json_t *fields = json_object();

	for (uint32_t i = 0; i < rule->by_count && (int)i < count; i++) {
		struct bytes text = BYTES_EMPTY;

		if (values[i].type != VALUE_NIL)
			value_append_text(&values[i], &text);
		json_take(fields, rule->by[i],
			  values[i].type == VALUE_NIL ? json_null()
						      : json_text_slice(bytes_slice(&text)));
		bytes_deinit(&text);
	}
	return fields;
}

static bool is_asked(const struct explain *explain, struct slice key)
{
	struct bytes text = BYTES_EMPTY;
	bool is_asked;

	if (explain->key == NULL)
		return true;
	dimension_append_text(key, &text);
	is_asked = slice_equal(bytes_slice(&text), slice_of(explain->key));
	bytes_deinit(&text);
	return is_asked;
}

static json_t *find_row(const struct explain *explain, struct slice key)
{
	json_t *fields = key_fields(explain->rule, key), *row, *found = NULL;
	size_t index;

	json_array_foreach(explain->list, index, row)
	{
		if (json_equal(json_object_get(row, "dimension"), fields))
			found = row;
	}
	json_decref(fields);
	return found;
}

static json_t *add_row(struct explain *explain, struct slice key)
{
	json_t *row = json_object();

	json_take(row, "key", key_text(key));
	json_take(row, "dimension", key_fields(explain->rule, key));
	json_take(row, "runs", runs_json(explain, key));
	json_array_append_new(explain->list, row);
	return row;
}

static void on_traced_key(void *arg, struct slice key)
{
	struct explain *explain = arg;

	if (is_asked(explain, key) && json_array_size(explain->list) < EXPLAIN_KEYS_MAX)
		add_row(explain, key);
}

static void note_fields(struct explain *explain, const struct engine_key_status *status)
{
	struct value values[DIMENSION_FIELDS_MAX];
	int count = dimension_decode(status->key, values, DIMENSION_FIELDS_MAX);

	explain->key_count++;
	explain->sample_count += status->total->samples;
	for (int i = 0; i < count; i++)
		explain->has_field[i] |= values[i].type != VALUE_NIL;
}

/** What the window judged last has of it. */
static void on_seen_key(void *arg, const struct engine_key_status *status)
{
	struct explain *explain = arg;
	json_t *row = find_row(explain, status->key);

	if (status->total->count > 0)
		note_fields(explain, status);
	if (row == NULL && is_asked(explain, status->key) &&
	    json_array_size(explain->list) < EXPLAIN_KEYS_MAX)
		row = add_row(explain, status->key);
	if (row == NULL)
		return;
	json_put_text(row, "stage", key_stage_name(status->stage));
	if (status->severity != NULL)
		json_put_text(row, "severity", status->severity);
	json_put_int(row, "readings", status->total->count);
	if (status->has_value)
		json_take(row, "value", json_real(status->value));
}

/** As dimension bytes; values are texts, which is all that a key filter looks at. */
static bool is_excluded(const struct explain *explain)
{
	struct bytes key = BYTES_EMPTY;
	const char *at = explain->key;
	bool is_excluded;

	if (explain->rule->key_filter == NULL)
		return false;
	for (uint32_t i = 0; i < explain->rule->by_count; i++) {
		size_t length = i + 1 < explain->rule->by_count ? strcspn(at, ",") : strlen(at);
		struct value value = {
			.type = VALUE_STRING, .length = (uint32_t)length, .as.text = at};

		dimension_append(&key, &value);
		at += length + (at[length] == ',');
	}
	is_excluded = !key_filter_passes(explain->rule->key_filter, bytes_slice(&key));
	bytes_deinit(&key);
	return is_excluded;
}

/* ---- hints ---- */

static void add_hints(struct explain *explain)
{
	const struct rule *rule = explain->rule;

	if (explain->evaluated_ms <= 0) {
		hint(explain,
		     "no window was judged yet: the watermark of source %s has not passed "
		     "the end of one since the rule began",
		     rule->source);
	} else if (explain->key_count == 0) {
		hint(explain, "no reading of the window judged last matched%s%s%s",
		     rule->filter[0] != '\0' ? " the filter: " : "", rule->filter,
		     rule->has_filter_function ? " its filter function" : "");
	} else {
		for (uint32_t i = 0; i < rule->by_count; i++)
			if (!explain->has_field[i])
				hint(explain,
				     "field %s is in none of the readings of the window "
				     "judged last",
				     rule->by[i]);
		if (rule->value_count > 0 && strcmp(rule->values[0], METRIC_LINE) != 0 &&
		    explain->sample_count == 0)
			hint(explain,
			     "field %s has no value in the readings of the window judged "
			     "last",
			     rule->values[0]);
	}
	if (explain->key == NULL)
		return;
	if (is_excluded(explain))
		hint(explain, "key %s is left out by `dimensions` or `exclude`", explain->key);
	else if (json_array_size(explain->list) == 0)
		hint(explain,
		     "key %s has no reading in the window judged last, and never came near a "
		     "transition that is kept",
		     explain->key);
}

int explain_rule(const struct engine *engine, const char *rule, const char *key, int64_t at_ms,
		 json_t **out, struct err_note *why)
{
	struct explain explain = {
		.engine = engine,
		.name = rule,
		.key = key,
		.at_ms = at_ms,
		.trace = engine_trace(engine, rule),
		.document = json_object(),
		.list = json_array(),
		.hints = json_array(),
	};

	engine_each_rule(engine, add_rule, &explain);
	if (explain.rule == NULL) {
		json_decref(explain.document);
		json_decref(explain.list);
		json_decref(explain.hints);
		return err_set(why, ERR_NOT_FOUND, "no version of rule \"%s\" is active", rule);
	}
	add_levels(&explain);
	trace_each_key(explain.trace, on_traced_key, &explain);
	engine_each_key(engine, rule, on_seen_key, &explain);
	add_hints(&explain);
	json_take(explain.document, "list", explain.list);
	json_take(explain.document, "hints", explain.hints);
	*out = explain.document;
	return 0;
}
