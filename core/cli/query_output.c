#include "core/cli/query_output.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/number.h"
#include "core/base/require.h"
#include "core/base/utf8.h"
#include "core/cli/query_options.h"
#include "core/cli/query_table.h"
#include "core/model/dimension.h"
#include "core/model/timestamp.h"
#include "core/model/value.h"

static void append_csv(struct bytes *out, struct slice text)
{
	bool is_plain = text.length > 0;
	for (size_t i = 0; i < text.length && is_plain; i++)
		is_plain = !strchr(",\"\r\n", text.data[i]) || text.data[i] == '\0';
	if (is_plain) {
		bytes_append_slice(out, text);
		return;
	}
	bytes_append_char(out, '"');
	for (size_t i = 0; i < text.length; i++) {
		if (text.data[i] == '"')
			bytes_append_char(out, '"');
		bytes_append_char(out, text.data[i]);
	}
	bytes_append_char(out, '"');
}

/** Strings are quoted as the output asks; everything else is its text. */
static void append_value(struct bytes *out, const struct value *value, bool is_json)
{
	struct slice text;
	switch ((enum value_type)value->type) {
	case VALUE_NIL: bytes_append_text(out, is_json ? "null" : ""); break;
	case VALUE_STRING:
		text = (struct slice){value->as.text, value->length};
		if (is_json)
			utf8_append_json(out, text);
		else
			append_csv(out, text);
		break;
	case VALUE_BOOL:
	case VALUE_INT:
	case VALUE_FLOAT: value_append_text(value, out); break;
	}
}

static void append_stat(struct bytes *out, const struct query_stat *stat,
			const struct aggregate *aggregates, bool is_json)
{
	char text[NUMBER_TEXT_BYTES_MAX];
	double number;
	const struct aggregate *aggregate = &aggregates[stat->value];
	if (stat->statistic == STATISTIC_COUNT)
		bytes_append_format(out, "%" PRIu64, aggregate->count);
	else if (aggregate_value(aggregate, stat->statistic, &number))
		bytes_append(out, text, (size_t)number_format(number, text));
	else if (is_json)
		bytes_append_text(out, "null");
}

static void append_name(struct bytes *out, const char *name, bool is_json)
{
	if (!is_json)
		return;
	utf8_append_json(out, slice_of(name));
	bytes_append_char(out, ':');
}

void query_output_header(const struct query_options *options, struct bytes *out)
{
	if (options->is_json_output)
		return;
	bytes_append_text(out, "window_start");
	for (uint32_t i = 0; i < options->by_count; i++) {
		bytes_append_char(out, ',');
		append_csv(out, slice_of(options->by[i]));
	}
	for (uint32_t i = 0; i < options->stat_count; i++) {
		bytes_append_char(out, ',');
		append_csv(out, slice_of(options->stats[i].text));
	}
	bytes_append_char(out, '\n');
}

void query_output_row(const struct query_options *options, const struct query_row *row,
		      struct bytes *out)
{
	bool is_json = options->is_json_output;
	struct value values[DIMENSION_FIELDS_MAX];
	char start[TIMESTAMP_TEXT_BYTES_MAX];
	int count = dimension_decode(row->key, values, DIMENSION_FIELDS_MAX);
	REQUIRE(count == (int)options->by_count);
	if (is_json)
		bytes_append_char(out, '{');
	append_name(out, "window_start", is_json);
	if (options->every_ms > 0) {
		timestamp_format(row->start_ms, start);
		bytes_append_format(out, is_json ? "\"%s\"" : "%s", start);
	} else if (is_json) {
		bytes_append_text(out, "null");
	}
	for (uint32_t i = 0; i < options->by_count; i++) {
		bytes_append_char(out, ',');
		append_name(out, options->by[i], is_json);
		append_value(out, &values[i], is_json);
	}
	for (uint32_t i = 0; i < options->stat_count; i++) {
		bytes_append_char(out, ',');
		append_name(out, options->stats[i].text, is_json);
		append_stat(out, &options->stats[i], row->aggregates, is_json);
	}
	bytes_append_text(out, is_json ? "}\n" : "\n");
}
