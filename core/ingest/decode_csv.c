#include "core/ingest/decode_csv.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/number.h"
#include "core/ingest/decode_csv_internal.h"
#include "core/ingest/decode_fault.h"
#include "core/ingest/decode_json.h"
#include "core/ingest/decode_row.h"
#include "core/ingest/intake.h"
#include "core/model/batch.h"

/** Copies the inside of a quoted field with doubled quotes made single. */
static struct slice unquote(struct slice inside, struct arena *strings)
{
	char *out = arena_alloc(strings, inside.length);
	size_t length = 0;
	for (size_t i = 0; i < inside.length; i++) {
		out[length++] = inside.data[i];
		i += inside.data[i] == '"';
	}
	return (struct slice){out, length};
}

static int quoted_field(struct slice line, char delimiter, size_t *at, struct arena *strings,
			struct slice *text, struct err_note *why)
{
	size_t first = *at + 1, end = first;
	bool has_doubled = false;
	for (;; end += 2) {
		const char *quote = memchr(line.data + end, '"', line.length - end);
		if (!quote)
			return err_set(why, ERR_INVALID, "column %zu: a quote that is not closed",
				       first);
		end = (size_t)(quote - line.data);
		if (end + 1 == line.length || line.data[end + 1] != '"')
			break;
		has_doubled = true;
	}
	if (end + 1 < line.length && line.data[end + 1] != delimiter)
		return err_set(why, ERR_INVALID, "column %zu: text after a closing quote", end + 2);
	*text = (struct slice){line.data + first, end - first};
	if (has_doubled)
		*text = unquote(*text, strings);
	*at = end + 2;
	return 0;
}

int csv_field(struct slice line, char delimiter, size_t *at, struct arena *strings,
	      struct slice *text, struct err_note *why)
{
	const char *start = line.data + *at;
	size_t left = line.length - *at;
	if (left > 0 && *start == '"')
		return quoted_field(line, delimiter, at, strings, text, why);
	const char *end = left > 0 ? memchr(start, delimiter, left) : NULL;
	text->data = start;
	text->length = end ? (size_t)(end - start) : left;
	*at += text->length + 1;
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/** Integers of up to 18 digits and no sign but '-'; false: look closer. */
static bool short_int(struct slice text, int64_t *out)
{
	size_t at = text.data[0] == '-';
	size_t digits = text.length - at;
	int64_t value = 0;
	if (digits == 0 || digits > 18 || (text.data[at] == '0' && digits > 1))
		return false;
	for (; at < text.length; at++) {
		if (!is_digit(text.data[at]))
			return false;
		value = value * 10 + (text.data[at] - '0');
	}
	*out = text.data[0] == '-' ? -value : value;
	return true;
}

/** Decimals of up to 15 digits: digits and power of ten are both exact doubles, so one division
 *  rounds correctly (Clinger 1990, "How to read floating point numbers accurately"). */
static bool short_decimal(struct slice text, double *out)
{
	static const double power[] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
				       1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
	size_t at = text.data[0] == '-', point = 0;
	int64_t value = 0;
	if (text.length - at < 3 || text.length - at > 16 || !is_digit(text.data[at]) ||
	    !is_digit(text.data[text.length - 1]) ||
	    (text.data[at] == '0' && text.data[at + 1] != '.'))
		return false;
	for (; at < text.length; at++) {
		if (text.data[at] == '.' && point == 0)
			point = at;
		else if (is_digit(text.data[at]))
			value = value * 10 + (text.data[at] - '0');
		else
			return false;
	}
	if (point == 0)
		return false;
	double number = (double)value / power[text.length - point - 1];
	*out = text.data[0] == '-' ? -number : number;
	return true;
}

/** JSON's grammar: no leading zeros, no '+', digits on both sides of the point. */
static bool has_number_form(struct slice text)
{
	size_t at = text.data[0] == '-', start = at;
	while (at < text.length && is_digit(text.data[at]))
		at++;
	if (at == start || (text.data[start] == '0' && at - start > 1))
		return false;
	if (at < text.length && text.data[at] == '.') {
		start = ++at;
		while (at < text.length && is_digit(text.data[at]))
			at++;
		if (at == start)
			return false;
	}
	if (at < text.length && (text.data[at] == 'e' || text.data[at] == 'E')) {
		at++;
		at += at < text.length && (text.data[at] == '+' || text.data[at] == '-');
		start = at;
		while (at < text.length && is_digit(text.data[at]))
			at++;
		if (at == start)
			return false;
	}
	return at == text.length;
}

static struct value string_value(struct slice text)
{
	return (struct value){
		.type = VALUE_STRING, .length = (uint32_t)text.length, .as.text = text.data};
}

/** `is_wide` accepts whatever number_parse accepts ("007"), for columns declared as numbers. */
static struct value number_value(struct slice text, bool is_wide)
{
	int64_t integer;
	double number;
	if (short_int(text, &integer))
		return (struct value){.type = VALUE_INT, .as.integer = integer};
	if (short_decimal(text, &number))
		return (struct value){.type = VALUE_FLOAT, .as.number = number};
	if (!is_wide && !has_number_form(text))
		return string_value(text);
	if (number_parse_int(text, &integer) == 0)
		return (struct value){.type = VALUE_INT, .as.integer = integer};
	if (number_parse(text, &number) == 0)
		return (struct value){.type = VALUE_FLOAT, .as.number = number};
	return string_value(text);
}

static struct value bool_value(struct slice text)
{
	bool is_true = slice_equal(text, SLICE_LITERAL("true"));
	if (is_true || slice_equal(text, SLICE_LITERAL("false")))
		return (struct value){.type = VALUE_BOOL, .as.boolean = is_true};
	return string_value(text);
}

struct value csv_value(struct slice text, enum field_type type)
{
	if (text.length == 0)
		return (struct value){.type = VALUE_NIL};
	switch (type) {
	case FIELD_STRING:
	case FIELD_TIME: return string_value(text);
	case FIELD_INT:
	case FIELD_FLOAT: return number_value(text, true);
	case FIELD_BOOL: return bool_value(text);
	case FIELD_ANY: break;
	}
	if (is_digit(text.data[0]) || text.data[0] == '-')
		return number_value(text, false);
	return text.data[0] == 't' || text.data[0] == 'f' ? bool_value(text) : string_value(text);
}

static void store_field(const struct intake *intake, uint32_t csv_column, struct slice text,
			struct decode_row *row)
{
	int column = intake->column_of_csv[csv_column];
	if (column >= 0) {
		enum field_type type = intake->fields.fields[column].type;
		decode_row_store(row, (uint32_t)column, type, intake->is_number[column],
				 csv_value(text, type));
	}
	if (intake->time_of_csv == (int)csv_column) {
		row->has_time = text.length > 0;
		row->time = string_value(text);
	}
}

int csv_decode(const struct intake *intake, struct slice line, struct decode_row *row,
	       struct err_note *why)
{
	uint32_t count = 0;
	if (!json_is_utf8(line)) {
		if (why)
			decode_fault_explain(line, why);
		return ERR_INVALID;
	}
	for (size_t at = 0; at <= line.length; count++) {
		struct slice text;
		int rc = csv_field(line, intake->delimiter, &at, &row->batch->strings, &text, why);
		if (rc)
			return rc;
		if (count < intake->column_count)
			store_field(intake, count, text, row);
	}
	if (count != intake->column_count)
		return err_set(why, ERR_INVALID, "%u columns; %u are declared", count,
			       intake->column_count);
	return 0;
}
