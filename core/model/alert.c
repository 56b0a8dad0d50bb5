#include "core/model/alert.h"

#include <inttypes.h>
#include <string.h>

#include <xxhash.h>

#include "core/base/number.h"
#include "core/base/require.h"
#include "core/base/utf8.h"
#include "core/model/dimension.h"
#include "core/model/span.h"
#include "core/model/timestamp.h"
#include "core/model/zone.h"

/** One document being written; `is_empty` until the first entry. */
struct document {
	struct bytes *out;
	bool has_zh_keys;
	bool is_empty;
};

void alert_make_id(struct alert *alert)
{
	struct bytes text = BYTES_EMPTY;
	XXH128_canonical_t canonical;

	bytes_append_be32(&text, (uint32_t)strlen(alert->rule));
	bytes_append_text(&text, alert->rule);
	bytes_append_be32(&text, alert->version);
	bytes_append_be32(&text, (uint32_t)alert->key.length);
	bytes_append_slice(&text, alert->key);
	bytes_append_be64(&text, (uint64_t)alert->window_end_ms);
	bytes_append_u8(&text, (uint8_t)alert->state);
	/* With `early` a level can change within its window. */
	if (alert->state == ALERT_FIRING && alert->severity != NULL)
		bytes_append_text(&text, alert->severity);
	if (alert->correction != NULL) {
		bytes_append_text(&text, "correction");
		bytes_append_be64(&text, (uint64_t)alert->correction->found_ms);
	}
	XXH128_canonicalFromHash(&canonical, XXH3_128bits(text.data, text.length));
	for (size_t i = 0; i < sizeof(canonical.digest); i++)
		snprintf(alert->id + 2 * i, 3, "%02x", canonical.digest[i]);
	bytes_deinit(&text);
}

const char *alert_state_name(enum alert_state state)
{
	switch (state) {
	case ALERT_FIRING: return "firing";
	case ALERT_RESOLVED: return "resolved";
	case ALERT_NODATA: return "nodata";
	}
	return "firing";
}

/* ---- entries of a document ---- */

static void add_key(struct document *document, const char *key)
{
	if (!document->is_empty)
		bytes_append_char(document->out, ',');
	document->is_empty = false;
	bytes_append_format(document->out, "\"%s\":", key);
}

static const char *word(const struct document *document, const char *zh, const char *en)
{
	return document->has_zh_keys ? zh : en;
}

static void add_text(struct document *document, const char *key, const char *text)
{
	add_key(document, key);
	utf8_append_json(document->out, slice_of(text));
}

static void add_number(struct document *document, const char *key, bool has_value, double value,
		       bool is_quoted)
{
	char text[NUMBER_TEXT_BYTES_MAX];

	add_key(document, key);
	number_format(value, text);
	if (!has_value)
		bytes_append_text(document->out, "null");
	else
		bytes_append_format(document->out, is_quoted ? "\"%s\"" : "%s", text);
}

static void add_count(struct document *document, const struct alert *alert, bool is_quoted)
{
	add_key(document, word(document, "事件数", "count"));
	bytes_append_format(document->out, is_quoted ? "\"%" PRIu64 "\"" : "%" PRIu64,
			    alert->count);
}

static void add_time(struct document *document, const char *key, int64_t ms)
{
	char text[TIMESTAMP_TEXT_BYTES_MAX];

	timestamp_format(ms, text);
	add_text(document, key, text);
}

static void append_value(const struct value *value, struct bytes *out)
{
	switch ((enum value_type)value->type) {
	case VALUE_NIL: bytes_append_text(out, "null"); break;
	case VALUE_BOOL:
	case VALUE_INT:
	case VALUE_FLOAT: value_append_text(value, out); break;
	case VALUE_STRING:
		utf8_append_json(out, (struct slice){value->as.text, value->length});
		break;
	}
}

static void add_dimension(struct document *document, const struct alert *alert)
{
	struct value values[DIMENSION_FIELDS_MAX];
	int count = dimension_decode(alert->key, values, DIMENSION_FIELDS_MAX);

	add_key(document, "dimension");
	bytes_append_char(document->out, '{');
	for (int i = 0; i < count && (uint32_t)i < alert->by_count; i++) {
		if (i > 0)
			bytes_append_char(document->out, ',');
		utf8_append_json(document->out, slice_of(alert->by[i]));
		bytes_append_char(document->out, ':');
		append_value(&values[i], document->out);
	}
	bytes_append_char(document->out, '}');
}

/* ---- the document of the source, form by form ---- */

static void format_range(int64_t window_ms, char *out, size_t out_bytes)
{
	static const struct {
		int64_t ms;
		const char *unit;
	} units[] = {{86400000, "天"}, {3600000, "小时"}, {60000, "分钟"}, {1000, "秒"}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (window_ms % units[i].ms == 0) {
			snprintf(out, out_bytes, "%" PRId64 "%s内", window_ms / units[i].ms,
				 units[i].unit);
			return;
		}
	snprintf(out, out_bytes, "%" PRId64 "毫秒内", window_ms);
}

static void add_head(struct document *document, const struct alert *alert, const struct zone *zone)
{
	char text[32];

	add_text(document, word(document, "名称", "name"), alert->title);
	if (document->has_zh_keys) {
		snprintf(text, sizeof(text), "%" PRIu32 ".0", alert->version);
		add_text(document, "版本", text);
		REQUIRE(zone != NULL);
		zone_format_compact(zone, alert->window_end_ms, text);
		add_text(document, "告警时间", text);
		format_range(alert->window_ms, text, sizeof(text));
		add_text(document, "时间范围", text);
		return;
	}
	add_number(document, "version", true, alert->version, false);
	add_time(document, "alert_time", alert->window_end_ms);
	span_format(alert->window_ms, text, sizeof(text));
	add_text(document, "window", text);
}

static const char *zh_statistic(const char *name)
{
	static const char *const names[][2] = {
		{"max", "最大值"},   {"min", "最小值"},    {"avg", "平均值"},      {"sum", "总和"},
		{"count", "事件数"}, {"stddev", "标准差"}, {"distinct", "去重数"}, {"rate", "速率"},
		{"first", "首值"},   {"last", "末值"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i][0], name) == 0)
			return names[i][1];
	return name;
}

static void add_statistic(struct document *document, const struct alert *alert)
{
	add_text(document, word(document, "统计类型", "statistic"),
		 document->has_zh_keys ? zh_statistic(alert->statistic) : alert->statistic);
}

static void add_threshold(struct document *document, const struct alert *alert)
{
	add_text(document, word(document, "告警阈值", "threshold"), alert->threshold);
}

static void add_statistic_value(struct document *document, const struct alert *alert)
{
	add_number(document, word(document, "统计值", "value"), alert->has_value, alert->value,
		   document->has_zh_keys);
}

static void add_field_values(struct document *document, const struct alert *alert)
{
	struct bytes text = BYTES_EMPTY;
	bool is_group = alert->form == FORM_GROUP;
	struct value value;

	add_key(document, word(document, "字段值", is_group ? "field_values" : "field_value"));
	if (!document->has_zh_keys && !is_group && dimension_decode(alert->key, &value, 1) == 1) {
		append_value(&value, document->out);
		return;
	}
	dimension_append_text(alert->key, &text);
	utf8_append_json(document->out, bytes_slice(&text));
	bytes_deinit(&text);
}

static bool is_computed_group(const struct alert *alert)
{
	return alert->form == FORM_GROUP && alert->statistic != NULL &&
	       strcmp(alert->statistic, "count") != 0;
}

static const char *zh_side(const char *side)
{
	static const char *const sides[][2] = {{"left", "左侧"},
					       {"right", "右侧"},
					       {"outside", "两侧"},
					       {"inside", "中间"},
					       {"middle", "中间"}};

	for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++)
		if (strcmp(sides[i][0], side) == 0)
			return sides[i][1];
	return side;
}

static void add_reference(const struct document *document, const struct alert_reference *reference)
{
	struct document inner = {document->out, document->has_zh_keys, true};

	bytes_append_char(document->out, '{');
	add_text(&inner, word(document, "基线时间", "time"),
		 document->has_zh_keys ? reference->time_zh : reference->time);
	add_number(&inner, word(document, "基线值", "value"), reference->has_value,
		   reference->value, false);
	if (reference->has_lower)
		add_number(&inner, word(document, "下限", "lower"), true, reference->lower, false);
	if (reference->has_upper)
		add_number(&inner, word(document, "上限", "upper"), true, reference->upper, false);
	if (reference->place != NULL)
		add_text(&inner, word(document, "位置", "place"),
			 document->has_zh_keys ? zh_side(reference->place) : reference->place);
	add_key(&inner, word(document, "告警", "fires"));
	bytes_append_text(document->out, reference->fires ? "true" : "false");
	if (reference->why != NULL)
		add_text(&inner, word(document, "原因", "why"), reference->why);
	bytes_append_char(document->out, '}');
}

static void add_references(struct document *document, const struct alert_baseline *baseline)
{
	add_key(document, word(document, "各基线", "references"));
	bytes_append_char(document->out, '[');
	for (uint32_t i = 0; i < baseline->reference_count; i++) {
		if (i > 0)
			bytes_append_char(document->out, ',');
		add_reference(document, &baseline->references[i]);
	}
	bytes_append_char(document->out, ']');
}

static void add_baseline(struct document *document, const struct alert_baseline *baseline)
{
	struct document inner = {document->out, document->has_zh_keys, true};

	add_text(document, word(document, "基线时间", "baseline_time"),
		 document->has_zh_keys ? baseline->time_zh : baseline->time);
	add_number(document, word(document, "基线值", "baseline"), true, baseline->value, false);
	add_key(document, word(document, "区间", "band"));
	bytes_append_char(document->out, '{');
	if (baseline->lower != NULL)
		add_text(&inner, word(document, "下限", "lower"), baseline->lower);
	if (baseline->upper != NULL)
		add_text(&inner, word(document, "上限", "upper"), baseline->upper);
	add_text(&inner, word(document, "范围", "side"),
		 document->has_zh_keys ? zh_side(baseline->side) : baseline->side);
	bytes_append_char(document->out, '}');
	if (baseline->reference_count > 0)
		add_references(document, baseline);
	add_key(document, word(document, "字段值", "field_values"));
	bytes_append_char(document->out, '{');
	for (uint32_t i = 0; i < baseline->offender_count; i++) {
		if (i > 0)
			bytes_append_char(document->out, ',');
		utf8_append_json(document->out, slice_of(baseline->offenders[i].value));
		bytes_append_format(document->out, ":%" PRIu64, baseline->offenders[i].count);
	}
	bytes_append_char(document->out, '}');
}

static void add_form(struct document *document, const struct alert *alert)
{
	const char *field_key = word(document, "字段", "field");

	switch (alert->form) {
	case FORM_COUNT:
		add_threshold(document, alert);
		add_count(document, alert, false);
		break;
	case FORM_FIELD:
		add_text(document, field_key, alert->field);
		add_statistic(document, alert);
		add_threshold(document, alert);
		add_statistic_value(document, alert);
		break;
	case FORM_CONTINUOUS:
	case FORM_GROUP:
		add_text(document, field_key, alert->field);
		add_field_values(document, alert);
		if (is_computed_group(alert))
			add_statistic(document, alert);
		add_threshold(document, alert);
		if (is_computed_group(alert))
			add_statistic_value(document, alert);
		else
			add_count(document, alert, document->has_zh_keys);
		break;
	case FORM_BASELINE:
		/* Readings that are counted are not of a field. */
		if (alert->field != NULL)
			add_text(document, field_key, alert->field);
		if (alert->baseline != NULL)
			add_baseline(document, alert->baseline);
		break;
	case FORM_SCRIPT: break;
	}
}

static void add_sample(struct document *document, const struct alert_sample *sample)
{
	struct document inner = {document->out, document->has_zh_keys, true};

	bytes_append_char(document->out, '{');
	add_time(&inner, "time", sample->time_ms);
	add_key(&inner, "line");
	utf8_append_json(document->out, sample->line);
	if (sample->is_cut) {
		add_key(&inner, "cut");
		bytes_append_text(document->out, "true");
	}
	bytes_append_char(document->out, '}');
}

static void add_samples(struct document *document, const struct alert *alert)
{
	add_key(document, "samples");
	bytes_append_char(document->out, '[');
	for (uint32_t i = 0; i < alert->sample_count; i++) {
		if (i > 0)
			bytes_append_char(document->out, ',');
		add_sample(document, &alert->samples[i]);
	}
	bytes_append_char(document->out, ']');
}

static void add_correction(struct document *document, const struct alert_correction *correction)
{
	add_key(document, "correction");
	bytes_append_text(document->out, "true");
	add_number(document, "previous_value", correction->has_value, correction->value, false);
	if (correction->severity != NULL) {
		add_text(document, "previous_severity", correction->severity);
		return;
	}
	add_key(document, "previous_severity");
	bytes_append_text(document->out, "null");
}

static void add_envelope(struct document *document, const struct alert *alert)
{
	bool has_en_value =
		!document->has_zh_keys && (alert->form == FORM_FIELD || is_computed_group(alert));

	add_text(document, "id", alert->id);
	add_text(document, "rule", alert->rule);
	if (document->has_zh_keys)
		add_number(document, "version", true, alert->version, false);
	add_text(document, "state", alert_state_name(alert->state));
	add_time(document, "window_start", alert->window_start_ms);
	add_time(document, "window_end", alert->window_end_ms);
	add_dimension(document, alert);
	if (!has_en_value)
		add_number(document, "value", alert->has_value, alert->value, false);
	add_text(document, "severity", alert->severity);
	add_samples(document, alert);
	add_key(document, "labels");
	bytes_append_text(document->out, alert->labels_json);
	if (alert->category != NULL)
		add_text(document, "category", alert->category);
	if (alert->message != NULL)
		add_text(document, "message", alert->message);
	if (alert->reason != NULL)
		add_text(document, "reason", alert->reason);
	if (alert->kept_back > 0) {
		add_key(document, "kept_back");
		bytes_append_format(document->out, "%" PRIu64, alert->kept_back);
	}
	if (alert->is_early) {
		add_key(document, "early");
		bytes_append_text(document->out, "true");
	}
	if (alert->correction != NULL)
		add_correction(document, alert->correction);
}

void alert_append_document(const struct alert *alert, bool has_zh_keys, const struct zone *zone,
			   struct bytes *out)
{
	struct document document = {out, has_zh_keys, true};

	bytes_append_char(out, '{');
	add_head(&document, alert, zone);
	add_form(&document, alert);
	add_envelope(&document, alert);
	bytes_append_char(out, '}');
}
