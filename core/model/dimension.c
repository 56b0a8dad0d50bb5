#include "core/model/dimension.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/base/err.h"

#define INT64_END 9223372036854775808.0 /* 2^63 */

static struct dimension_field int_field(int64_t integer, char buffer[NUMBER_TEXT_BYTES_MAX])
{
	char *end = buffer + NUMBER_TEXT_BYTES_MAX, *at = end;
	uint64_t rest = integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer;

	do {
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest != 0);
	if (integer < 0)
		*--at = '-';
	return (struct dimension_field){at, (uint32_t)(end - at), VALUE_INT};
}

static struct dimension_field float_field(double number, char buffer[NUMBER_TEXT_BYTES_MAX])
{
	/* A whole float is written as the int it equals, else 30 and 30.0 were two keys. */
	if (number >= -INT64_END && number < INT64_END && trunc(number) == number)
		return int_field((int64_t)number, buffer);
	if (!isfinite(number))
		return (struct dimension_field){"", 0, VALUE_NIL};
	return (struct dimension_field){buffer, (uint32_t)number_format(number, buffer),
					VALUE_FLOAT};
}

static struct dimension_field string_field(const char *text, uint32_t length)
{
	if (length > DIMENSION_VALUE_BYTES_MAX) {
		length = DIMENSION_VALUE_BYTES_MAX;
		/* Not inside a UTF-8 sequence: the key's text goes into JSON documents. */
		while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
			length--;
	}
	return (struct dimension_field){text, length, VALUE_STRING};
}

struct dimension_field dimension_field_of(const struct value *value,
					  char buffer[NUMBER_TEXT_BYTES_MAX])
{
	switch ((enum value_type)value->type) {
	case VALUE_NIL: break;
	case VALUE_BOOL:
		if (value->as.boolean)
			return (struct dimension_field){"true", 4, VALUE_BOOL};
		return (struct dimension_field){"false", 5, VALUE_BOOL};
	case VALUE_INT: return int_field(value->as.integer, buffer);
	case VALUE_FLOAT: return float_field(value->as.number, buffer);
	case VALUE_STRING: return string_field(value->as.text, value->length);
	}
	return (struct dimension_field){"", 0, VALUE_NIL};
}

void dimension_append(struct bytes *key, const struct value *value)
{
	char buffer[NUMBER_TEXT_BYTES_MAX];
	struct dimension_field field = dimension_field_of(value, buffer);

	bytes_reserve(key, DIMENSION_HEAD_BYTES + field.length);
	key->length += dimension_write(key->data + key->length, &field);
	key->data[key->length] = '\0';
}

static int value_decode(unsigned type, struct slice text, struct value *out)
{
	bool is_true = slice_equal(text, SLICE_LITERAL("true"));

	*out = (struct value){.type = (uint8_t)type};
	switch (type) {
	case VALUE_NIL: return text.length == 0 ? 0 : ERR_CORRUPT;
	case VALUE_BOOL:
		out->as.boolean = is_true;
		return is_true || slice_equal(text, SLICE_LITERAL("false")) ? 0 : ERR_CORRUPT;
	case VALUE_INT: return number_parse_int(text, &out->as.integer) == 0 ? 0 : ERR_CORRUPT;
	case VALUE_FLOAT: return number_parse(text, &out->as.number) == 0 ? 0 : ERR_CORRUPT;
	case VALUE_STRING:
		out->length = (uint32_t)text.length;
		out->as.text = text.data;
		return text.length <= DIMENSION_VALUE_BYTES_MAX ? 0 : ERR_CORRUPT;
	default: return ERR_CORRUPT;
	}
}

/* What is left of a key; damaged once, damaged for good. */
struct cursor {
	const unsigned char *at, *end;
	bool is_damaged;
};

static struct cursor cursor_of(struct slice key)
{
	const unsigned char *at = (const unsigned char *)key.data;

	return (struct cursor){at, key.length == 0 ? at : at + key.length, false};
}

/* The next field as type and text; false at the end or at damage. Inline and without calls: keys
 * are sorted by the million. */
static inline bool field_next(struct cursor *cursor, unsigned *type, struct slice *text)
{
	size_t left = (size_t)(cursor->end - cursor->at), length;

	if (left == 0 || cursor->is_damaged)
		return false;
	cursor->is_damaged = left < DIMENSION_HEAD_BYTES;
	if (cursor->is_damaged)
		return false;
	length = (size_t)cursor->at[1] << 8 | cursor->at[2];
	cursor->is_damaged = left - DIMENSION_HEAD_BYTES < length;
	if (cursor->is_damaged)
		return false;
	*type = cursor->at[0];
	*text = (struct slice){(const char *)cursor->at + DIMENSION_HEAD_BYTES, length};
	cursor->at += DIMENSION_HEAD_BYTES + length;
	return true;
}

int dimension_decode(struct slice key, struct value *out, uint32_t out_max)
{
	struct cursor cursor = cursor_of(key);
	struct slice text;
	uint32_t count = 0;
	unsigned type;

	while (field_next(&cursor, &type, &text)) {
		if (count == out_max || count == DIMENSION_FIELDS_MAX)
			return ERR_CORRUPT;
		if (value_decode(type, text, &out[count++]) != 0)
			return ERR_CORRUPT;
	}
	return cursor.is_damaged ? ERR_CORRUPT : (int)count;
}

void dimension_append_text(struct slice key, struct bytes *out)
{
	struct cursor cursor = cursor_of(key);
	struct slice text;
	bool is_first = true;
	unsigned type;

	while (field_next(&cursor, &type, &text)) {
		if (!is_first)
			bytes_append_char(out, ',');
		is_first = false;
		bytes_append_slice(out, text);
	}
}

static bool is_number(unsigned type)
{
	return type == VALUE_INT || type == VALUE_FLOAT;
}

static int number_compare(const struct value *a, const struct value *b)
{
	/* long double holds every int64 and every double exactly (64 bits of digits or more). */
	long double x = a->type == VALUE_INT ? (long double)a->as.integer : a->as.number;
	long double y = b->type == VALUE_INT ? (long double)b->as.integer : b->as.number;

	return (x > y) - (x < y);
}

static int field_compare(unsigned a_type, struct slice a, unsigned b_type, struct slice b)
{
	struct value x, y;

	if (is_number(a_type) && is_number(b_type)) {
		if (value_decode(a_type, a, &x) == 0 && value_decode(b_type, b, &y) == 0)
			return number_compare(&x, &y);
	} else if (a_type != b_type) {
		return a_type < b_type ? -1 : 1;
	}
	size_t shorter = a.length < b.length ? a.length : b.length;
	int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);

	return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

int dimension_compare(struct slice a, struct slice b)
{
	struct cursor a_cursor = cursor_of(a), b_cursor = cursor_of(b);
	struct slice a_text, b_text;
	unsigned a_type, b_type;

	for (;;) {
		bool has_a = field_next(&a_cursor, &a_type, &a_text);
		bool has_b = field_next(&b_cursor, &b_type, &b_text);

		if (!has_a || !has_b)
			return has_a - has_b;
		int order = field_compare(a_type, a_text, b_type, b_text);
		if (order != 0)
			return order;
	}
}
