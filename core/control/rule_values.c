#include "core/control/rule_values.h"

#include "core/base/bytes.h"
#include "core/base/mem.h"
#include "core/control/json_text.h"
#include "core/engine/engine.h"
#include "core/model/cells.h"
#include "core/model/dimension.h"
#include "core/model/timestamp.h"
#include "core/rule/rule.h"
#include "core/rule/rule_runner.h"
#include "core/window/metric.h"

#include <stdio.h>
#include <string.h>

/** Shown percentiles, beside those that the rule names. */
static const uint16_t percentiles[] = {500, 950, 990};

enum {
	SHOWN_KEYS_MAX = 1000,
	SHOWN_KEPT_MAX = 20,
	PERCENTILES = sizeof(percentiles) / sizeof(percentiles[0]),
	STATISTICS_MAX = 64,
};

struct showing {
	json_t *rows;
	json_t *names; /**< of all statistics */
	struct measure measures[STATISTICS_MAX];
	uint32_t measure_count;
};

/* ---- which statistics ---- */

static void add_measure(struct showing *showing, struct measure measure)
{
	for (uint32_t i = 0; i < showing->measure_count; i++)
		if (memcmp(&showing->measures[i], &measure, sizeof(measure)) == 0)
			return;
	if (showing->measure_count < STATISTICS_MAX)
		showing->measures[showing->measure_count++] = measure;
}

static void add_statistic(struct showing *showing, uint32_t value, enum statistic statistic)
{
	add_measure(showing, (struct measure){(uint8_t)statistic, (uint8_t)value, 0});
}

static void add_percentiles(struct showing *showing, uint32_t value, const struct rule *rule)
{
	for (uint32_t i = 0; i < PERCENTILES; i++)
		add_measure(showing,
			    (struct measure){STATISTIC_PERCENTILE, (uint8_t)value, percentiles[i]});
	if (rule->measure.statistic == STATISTIC_PERCENTILE && rule->measure.value == value)
		add_measure(showing, rule->measure);
	for (uint32_t i = 0; i < rule->level_count; i++)
		for (uint32_t k = 0; k < rule->levels[i].holds.count; k++) {
			const struct measure *measure =
				&rule->levels[i].holds.expressions[k].measure;

			if (measure->statistic == STATISTIC_PERCENTILE && measure->value == value)
				add_measure(showing, *measure);
		}
}

/** All that can be told from what is kept of the value. */
static void add_value(struct showing *showing, uint32_t value, uint32_t needs,
		      const struct rule *rule)
{
	static const struct {
		enum cell_need need;
		enum statistic statistic;
	} of[] = {
		{CELL_NUMBER, STATISTIC_SUM},     {CELL_NUMBER, STATISTIC_MIN},
		{CELL_NUMBER, STATISTIC_MAX},     {CELL_NUMBER, STATISTIC_AVG},
		{CELL_SQUARES, STATISTIC_STDDEV}, {CELL_DISTINCT, STATISTIC_DISTINCT},
		{CELL_FIRST, STATISTIC_FIRST},    {CELL_LAST, STATISTIC_LAST},
	};

	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		if ((needs & of[i].need) != 0)
			add_statistic(showing, value, of[i].statistic);
	if ((needs & CELL_SKETCH) != 0)
		add_percentiles(showing, value, rule);
}

static void name_measure(const struct metric *metric, const struct measure *measure,
			 struct bytes *out)
{
	char name[MEASURE_NAME_BYTES_MAX];

	bytes_clear(out);
	bytes_append_text(out, measure_name(measure, name));
	/* Lines that are kept beside the fields have no statistic. */
	if (metric->value_count - (metric->cells.lines_max > 0) > 1 &&
	    statistic_needs_field(measure_statistic(measure)))
		bytes_append_format(out, "(%s)", metric->values[measure->value]);
}

static void list_statistics(struct showing *showing, const struct engine_key_status *status)
{
	const struct metric *metric = status->metric;
	struct bytes name = BYTES_EMPTY;

	add_statistic(showing, 0, STATISTIC_RATE);
	for (uint32_t i = 0; i < metric->value_count; i++)
		add_value(showing, i, metric->cells.values[i].needs, status->rule);
	for (uint32_t i = 0; i < showing->measure_count; i++) {
		name_measure(metric, &showing->measures[i], &name);
		json_array_append_new(showing->names, json_text(name.data));
	}
	bytes_deinit(&name);
}

/* ---- rows ---- */

static void put_statistics(const struct showing *showing, const struct engine_key_status *status,
			   json_t *row)
{
	struct bytes name = BYTES_EMPTY;
	double value;

	for (uint32_t i = 0; i < showing->measure_count; i++) {
		const struct measure *measure = &showing->measures[i];

		if (!measure_value(&status->metric->cells, status->total, measure, status->span_ms,
				   &value))
			continue;
		name_measure(status->metric, measure, &name);
		json_take(row, name.data, json_real(value));
	}
	bytes_deinit(&name);
}

static json_t *key_text(struct slice key)
{
	struct bytes text = BYTES_EMPTY;
	json_t *json;

	dimension_append_text(key, &text);
	json = json_text_slice(bytes_slice(&text));
	bytes_deinit(&text);
	return json;
}

static void add_key(void *arg, const struct engine_key_status *status)
{
	struct showing *showing = arg;
	json_t *row;

	if (json_array_size(showing->rows) >= SHOWN_KEYS_MAX)
		return;
	row = json_object();
	json_take(row, "key", key_text(status->key));
	json_put_int(row, "count", status->total->count);
	if (status->metric != NULL && showing->measure_count == 0)
		list_statistics(showing, status);
	if (status->metric != NULL)
		put_statistics(showing, status, row);
	json_take(row, "firing",
		  json_boolean(status->stage == KEY_STAGE_FIRING ||
			       status->stage == KEY_STAGE_CLEARING));
	json_put_text(row, "stage", key_stage_name(status->stage));
	if (status->severity != NULL)
		json_put_text(row, "severity", status->severity);
	if (status->kept_back > 0)
		json_put_int(row, "kept_back", status->kept_back);
	json_array_append_new(showing->rows, row);
}

/** "calm 2026-11-22T06:00:00.000Z, …" */
static json_t *timers_text(const struct engine_kept_status *status)
{
	struct bytes text = BYTES_EMPTY;
	json_t *json;

	for (uint32_t i = 0; i < status->timer_count; i++) {
		char time[TIMESTAMP_TEXT_BYTES_MAX];
		size_t length = (size_t)timestamp_format(status->timers[i].at_ms, time);
		const char *name = status->timers[i].name;

		bytes_append_format(&text, "%s%s%s%.*s", i > 0 ? ", " : "", name,
				    name[0] != '\0' ? " " : "", (int)length, time);
	}
	json = json_text_slice(bytes_slice(&text));
	bytes_deinit(&text);
	return json;
}

static void add_kept(void *arg, const struct engine_kept_status *status)
{
	json_t *rows = arg, *row = json_object();

	json_take(row, "key", key_text(status->key));
	json_take(row, "state", json_text_slice(status->text));
	json_take(row, "timers", timers_text(status));
	json_take(row, "firing", json_boolean(status->is_firing));
	json_array_append_new(rows, row);
}

void rule_values_put(json_t *object, const struct engine *engine, const char *rule)
{
	struct showing showing = {.rows = json_array(), .names = json_array()};
	json_t *kept = json_array();
	uint32_t kept_count = engine_each_kept(engine, rule, SHOWN_KEPT_MAX, add_kept, kept);

	engine_each_key(engine, rule, add_key, &showing);
	json_take(object, "values", showing.rows);
	json_take(object, "statistics", showing.names);
	json_take(object, "kept", kept);
	json_put_int(object, "kept_keys", kept_count);
}
