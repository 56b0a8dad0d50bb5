#define _Noreturn [[noreturn]] /* require.h is C11 */
extern "C" {
#include "core/ingest/decode_json.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/base/require.h"
#include "core/ingest/decode.h"
#include "core/ingest/decode_fault.h"
#include "core/ingest/decode_names.h"
#include "core/ingest/decode_row.h"
#include "core/ingest/intake.h"
#include "core/model/batch.h"
}

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#include <cstring>
#include <new>

using simdjson::dom::element;
using simdjson::dom::element_type;

/* simdjson counts one level more than there are brackets. */
static constexpr size_t DEPTH = DECODE_DEPTH_MAX + 1;

struct json_decoder {
	simdjson::dom::parser parser;
	struct bytes padded; /* a copy of a line that has no room behind it */
};

static void decoder_reserve(json_decoder *decoder, size_t line_bytes)
{
	if (decoder->parser.capacity() >= line_bytes)
		return;
	auto error = decoder->parser.allocate(line_bytes, DEPTH);
	REQUIRE(error == simdjson::SUCCESS);
}

struct json_decoder *json_decoder_new(void)
{
	auto *decoder = new (std::nothrow) json_decoder;
	REQUIRE(decoder != nullptr);
	bytes_init(&decoder->padded);
	decoder_reserve(decoder, INTAKE_LINE_BYTES_MAX);
	return decoder;
}

void json_decoder_free(struct json_decoder *decoder)
{
	if (!decoder)
		return;
	bytes_deinit(&decoder->padded);
	delete decoder;
}

bool json_is_utf8(struct slice text)
{
	return simdjson::validate_utf8(text.data, text.length);
}

static simdjson::error_code parse_padded(json_decoder *decoder, element *root)
{
	struct bytes *padded = &decoder->padded;
	size_t length = padded->length;
	bytes_reserve(padded, simdjson::SIMDJSON_PADDING);
	memset(padded->data + length, 0, simdjson::SIMDJSON_PADDING);
	decoder_reserve(decoder, length);
	return decoder->parser.parse(padded->data, length, false).get(*root);
}

static bool is_number_char(char c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/* Of 19 digits some are integers, others are beyond. */
static bool is_beyond_64_bits(const char *number, size_t length, size_t digits)
{
	int64_t integer;
	return digits >= 19 && digits == length - (*number == '-') &&
	       number_parse_int({number, length}, &integer) != 0;
}

/* Copies the line with "e0" behind each integer that needs more than 64 bits, so that the parser
 * reads a float. False: it has none. */
static bool copy_with_floats(struct slice line, struct bytes *out)
{
	bool has_changed = false, in_string = false;
	bytes_clear(out);
	for (size_t at = 0; at < line.length;) {
		char c = line.data[at];
		if (in_string || !is_number_char(c)) {
			size_t step = in_string && c == '\\' && at + 1 < line.length ? 2 : 1;
			in_string = in_string != (c == '"');
			bytes_append(out, line.data + at, step);
			at += step;
			continue;
		}
		size_t end = at, digits = 0;
		for (; end < line.length && is_number_char(line.data[end]); end++)
			digits += line.data[end] >= '0' && line.data[end] <= '9';
		bytes_append(out, line.data + at, end - at);
		if (is_beyond_64_bits(line.data + at, end - at, digits)) {
			bytes_append(out, "e0", 2);
			has_changed = true;
		}
		at = end;
	}
	return has_changed;
}

static simdjson::error_code parse_line(json_decoder *decoder, struct slice line, size_t readable,
				       element *root)
{
	simdjson::error_code error;
	if (readable >= simdjson::SIMDJSON_PADDING) {
		decoder_reserve(decoder, line.length);
		error = decoder->parser.parse(line.data, line.length, false).get(*root);
	} else {
		bytes_clear(&decoder->padded);
		bytes_append_slice(&decoder->padded, line);
		error = parse_padded(decoder, root);
	}
	if (error == simdjson::NUMBER_ERROR && copy_with_floats(line, &decoder->padded))
		error = parse_padded(decoder, root);
	return error;
}

static struct value string_value(const element &found)
{
	std::string_view text = found.get_string().value_unsafe();
	struct value value = {};
	value.type = VALUE_STRING;
	value.length = static_cast<uint32_t>(text.size());
	value.as.text = text.data();
	return value;
}

/* False for an object or an array. Strings are borrowed from the parser. */
static bool scalar_value(const element &found, struct value *out)
{
	struct value value = {};
	switch (found.type()) {
	case element_type::STRING: value = string_value(found); break;
	case element_type::INT64:
		value.type = VALUE_INT;
		value.as.integer = found.get_int64().value_unsafe();
		break;
	case element_type::UINT64:
		value.type = VALUE_FLOAT;
		value.as.number = static_cast<double>(found.get_uint64().value_unsafe());
		break;
	case element_type::DOUBLE:
		value.type = VALUE_FLOAT;
		value.as.number = found.get_double().value_unsafe();
		break;
	case element_type::BOOL:
		value.type = VALUE_BOOL;
		value.as.boolean = found.get_bool().value_unsafe();
		break;
	case element_type::NULL_VALUE: value.type = VALUE_NIL; break;
	case element_type::ARRAY:
	case element_type::OBJECT: return false;
	}
	*out = value;
	return true;
}

static void store_column(const struct name_node *node, const element &found, struct decode_row *row)
{
	struct value value = {};
	uint32_t column = static_cast<uint32_t>(node->column);
	if (!scalar_value(found, &value)) {
		row->mistyped += node->type != FIELD_ANY || node->is_number;
	} else if (value.type == VALUE_STRING) {
		const void *text = value.as.text;
		value.as.text = arena_copy(&row->batch->strings, text, value.length);
	}
	decode_row_store(row, column, node->type, node->is_number, value);
}

/* An object given twice replaces the first one: what was found inside that is not there. */
static void forget_inside(const struct name_tree *names, struct decode_row *row)
{
	for (uint32_t i = 0; i < names->node_count; i++) {
		const struct name_node *node = &names->nodes[i];
		if (node->is_time)
			row->has_time = false;
		if (node->column >= 0)
			row->batch->columns[node->column][row->index].type = VALUE_NIL;
		if (node->in)
			forget_inside(node->in, row);
	}
}

static void store_object(const simdjson::dom::object &object, const struct name_tree *names,
			 struct decode_row *row)
{
	for (auto at = object.begin(), end = object.end(); at != end; ++at) {
		const struct name_node *node =
			name_tree_find(names, at.key_c_str(), at.key_length());
		if (!node)
			continue;
		element found = at.value();
		if (node->is_time) {
			row->has_time = true;
			row->time = {};
			scalar_value(found, &row->time);
		}
		if (node->column >= 0)
			store_column(node, found, row);
		if (node->in) {
			forget_inside(node->in, row);
			if (found.is_object())
				store_object(found.get_object().value_unsafe(), node->in, row);
		}
	}
}

int json_decoder_decode(struct json_decoder *decoder, const struct name_tree *names,
			struct slice line, size_t readable, struct decode_row *row,
			struct err_note *why)
{
	element root;
	simdjson::error_code error = parse_line(decoder, line, readable, &root);
	if (error != simdjson::SUCCESS) {
		if (why && !decode_fault_explain(line, why))
			err_set(why, ERR_INVALID, "not valid JSON: %s",
				simdjson::error_message(error));
		return ERR_INVALID;
	}
	if (!root.is_object())
		return err_set(why, ERR_INVALID, "column 1: a line must be one JSON object");
	store_object(root.get_object().value_unsafe(), names, row);
	return 0;
}
