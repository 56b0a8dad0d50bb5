#include "core/cli/query_output.h"

#include <math.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/base/printable.h"
#include "core/base/require.h"
#include "core/base/utf8.h"
#include "core/cli/query_options.h"
#include "core/cli/query_table.h"
#include "core/model/cells.h"
#include "core/model/value.h"

/* A byte of a group may become \u0000; a cell has a comma, a number and perhaps quotes. */
enum { ESCAPED_BYTES = 6, CELL_BYTES = NUMBER_TEXT_BYTES_MAX + 4, ROW_END_BYTES = 8 };

void query_output_init(struct query_output *output, const struct query_options *options)
{
	uint32_t count = 1 + options->by_count + options->stat_count;
	*output = (struct query_output){.options = options, .start_ms = INT64_MIN};
	output->name_ends = mem_alloc_array(count, sizeof(*output->name_ends));
	for (uint32_t i = 0; i < count; i++) {
		const char *name = "window_start";
		if (i > options->by_count)
			name = options->stats[i - 1 - options->by_count].text;
		else if (i > 0)
			name = options->by[i - 1];
		if (i > 0)
			bytes_append_char(&output->names, ',');
		if (options->is_json_output) {
			utf8_append_json(&output->names, slice_of(name));
			bytes_append_char(&output->names, ':');
		}
		output->name_ends[i] = (uint32_t)output->names.length;
	}
	output->row_bytes = output->names.length + TIMESTAMP_TEXT_BYTES_MAX + ROW_END_BYTES +
			    (size_t)count * CELL_BYTES;
}

void query_output_deinit(struct query_output *output)
{
	bytes_deinit(&output->names);
	mem_free(output->name_ends);
}

static bool needs_quotes(struct slice text)
{
	for (size_t i = 0; i < text.length; i++) {
		char c = text.data[i];
		if (c == ',' || c == '"' || c == '\r' || c == '\n')
			return true;
	}
	return text.length == 0;
}

/** Has it what a terminal could obey, or what is no UTF-8? Of what is not ASCII, perhaps. */
static bool may_be_unsafe(struct slice text)
{
	for (size_t i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (c < 0x20 || c >= 0x7F)
			return true;
	}
	return false;
}

static char *put(char *at, const void *data, size_t length)
{
	memcpy(at, data, length);
	return at + length;
}

static char *put_quoted(char *at, struct slice text)
{
	if (!needs_quotes(text))
		return put(at, text.data, text.length);
	*at++ = '"';
	for (size_t i = 0; i < text.length; i++) {
		if (text.data[i] == '"')
			*at++ = '"';
		*at++ = text.data[i];
	}
	*at++ = '"';
	return at;
}

/** Control characters are escaped as everywhere in text; new lines and tabs are quoted. */
static char *put_csv(char *at, struct slice text)
{
	struct bytes safe = BYTES_EMPTY;
	if (!may_be_unsafe(text))
		return put_quoted(at, text);
	while (text.length > 0) {
		size_t length = strnlen(text.data, text.length);
		char *part = mem_copy_bytes(text.data, length);
		printable_append(&safe, part, true);
		mem_free(part);
		if (length < text.length) {
			bytes_append_text(&safe, "\\x00");
			length++;
		}
		text = (struct slice){text.data + length, text.length - length};
	}
	at = put_quoted(at, bytes_slice(&safe));
	bytes_deinit(&safe);
	return at;
}

static char *put_integer(char *at, uint64_t number)
{
	char digits[20];
	size_t length = 0;
	do {
		digits[sizeof(digits) - ++length] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	return put(at, digits + sizeof(digits) - length, length);
}

/** Two decimals at most, as amounts of money have: these digits read back as the number, and no
 *  other decimal of up to 15 digits does, so they are what number_format() would find. */
static bool is_in_cents(double number, uint64_t *cents)
{
	if (!(number >= 0.01 && number < 1e12))
		return false;
	*cents = (uint64_t)(number * 100 + 0.5);
	return (double)*cents / 100 == number;
}

static char *put_number(char *at, double number)
{
	char text[NUMBER_TEXT_BYTES_MAX];
	uint64_t cents;
	if (!is_in_cents(number, &cents))
		return put(at, text, (size_t)number_format(number, text));
	at = put_integer(at, cents / 100);
	cents %= 100;
	if (cents == 0)
		return at;
	*at++ = '.';
	*at++ = (char)('0' + cents / 10);
	if (cents % 10 != 0)
		*at++ = (char)('0' + cents % 10);
	return at;
}

static char *put_name(const struct query_output *output, uint32_t cell, char *at)
{
	uint32_t start = cell ? output->name_ends[cell - 1] : 0;
	return put(at, output->names.data + start, output->name_ends[cell] - start);
}

static char *put_start(struct query_output *output, int64_t start_ms, char *at)
{
	bool is_json = output->options->is_json_output;
	if (output->options->every_ms == 0)
		return is_json ? put(at, "null", 4) : at;
	if (output->start_ms != start_ms) {
		output->start_ms = start_ms;
		output->start_bytes = (size_t)timestamp_format(start_ms, output->start);
	}
	if (is_json)
		*at++ = '"';
	at = put(at, output->start, output->start_bytes);
	if (is_json)
		*at++ = '"';
	return at;
}

/** A value of the group: what is no string is written as the key has it. */
static char *put_field(const struct query_output *output, unsigned type, struct slice text,
		       struct bytes *out, char *at)
{
	bool is_json = output->options->is_json_output;
	if (type == VALUE_NIL)
		return is_json ? put(at, "null", 4) : at;
	if (type != VALUE_STRING)
		return put(at, text.data, text.length);
	if (!is_json)
		return put_csv(at, text);
	out->length = (size_t)(at - out->data);
	utf8_append_json(out, text);
	return out->data + out->length;
}

static char *put_stat(const struct query_output *output, const struct query_stat *stat,
		      const struct aggregate *cells, char *at)
{
	const struct query_options *options = output->options;
	double number;
	if (stat->measure.statistic == STATISTIC_COUNT)
		return put_integer(at, cells->count);
	if (measure_value(&options->layout, cells, &stat->measure, options->span_ms, &number))
		return put_number(at, number);
	return options->is_json_output ? put(at, "null", 4) : at;
}

void query_output_header(const struct query_output *output, struct bytes *out)
{
	const struct query_options *options = output->options;
	size_t bytes = sizeof("window_start\n");
	if (options->is_json_output)
		return;
	for (uint32_t i = 0; i < options->by_count; i++)
		bytes += strlen(options->by[i]) * 4 + sizeof(",\"\"");
	for (uint32_t i = 0; i < options->stat_count; i++)
		bytes += strlen(options->stats[i].text) * 4 + sizeof(",\"\"");
	bytes_reserve(out, bytes);
	char *at = put(out->data + out->length, "window_start", strlen("window_start"));
	for (uint32_t i = 0; i < options->by_count; i++) {
		*at++ = ',';
		at = put_csv(at, slice_of(options->by[i]));
	}
	for (uint32_t i = 0; i < options->stat_count; i++) {
		*at++ = ',';
		at = put_csv(at, slice_of(options->stats[i].text));
	}
	*at++ = '\n';
	*at = '\0';
	out->length = (size_t)(at - out->data);
}

void query_output_row(struct query_output *output, const struct query_row *row, struct bytes *out)
{
	const struct query_options *options = output->options;
	struct byte_reader reader = byte_reader_of(row->key);
	uint32_t cell = 0;
	/* Also what utf8_append_json() writes finds this room, so nothing moves under `at`. */
	bytes_reserve(out, output->row_bytes + row->key.length * ESCAPED_BYTES);
	char *at = out->data + out->length;
	if (options->is_json_output)
		*at++ = '{';
	at = put_name(output, cell++, at);
	at = put_start(output, row->start_ms, at);
	for (uint32_t i = 0; i < options->by_count; i++) {
		unsigned type = byte_reader_u8(&reader);
		struct slice text = byte_reader_bytes(&reader, byte_reader_be16(&reader));
		at = put_name(output, cell++, at);
		at = put_field(output, type, text, out, at);
	}
	REQUIRE(!reader.has_failed && reader.left == 0);
	for (uint32_t i = 0; i < options->stat_count; i++) {
		at = put_name(output, cell++, at);
		at = put_stat(output, &options->stats[i], row->cells, at);
	}
	if (options->is_json_output)
		*at++ = '}';
	*at++ = '\n';
	*at = '\0';
	out->length = (size_t)(at - out->data);
}
