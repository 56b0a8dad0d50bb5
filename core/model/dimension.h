/** dimension.h - the values of a metric's `by` fields as one byte string, the key of panes.
 *
 *  Layout, per field in order: type (1 byte, enum value_type), length (2 bytes big-endian), text.
 *  Numbers are kept as their shortest text, so 30 and 30.0 are one key. A missing field is nil with
 *  length 0. The key of the whole system (no fields) is empty. Keys are equal when their bytes are.
 *  Limits: DIMENSION_FIELDS_MAX fields; a value longer than DIMENSION_VALUE_BYTES_MAX is cut.
 */
#ifndef TOCSIN_CORE_MODEL_DIMENSION_H
#define TOCSIN_CORE_MODEL_DIMENSION_H

#include <stdint.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/number.h"
#include "core/model/value.h"

enum { DIMENSION_FIELDS_MAX = 8, DIMENSION_VALUE_BYTES_MAX = 512, DIMENSION_HEAD_BYTES = 3 };

/** One value as the key has it. */
struct dimension_field {
	const char *text; /**< borrowed from the value or the buffer */
	uint32_t length;
	uint8_t type; /**< enum value_type */
};

/** `buffer` holds the text of a number. */
struct dimension_field dimension_field_of(const struct value *value,
					  char buffer[NUMBER_TEXT_BYTES_MAX]);

/** Writes head and text; returns their bytes, DIMENSION_HEAD_BYTES + field->length. */
static inline size_t dimension_write(char *out, const struct dimension_field *field)
{
	out[0] = (char)field->type;
	out[1] = (char)(field->length >> 8);
	out[2] = (char)(field->length & 0xFF);
	if (field->length > 0)
		memcpy(out + DIMENSION_HEAD_BYTES, field->text, field->length);
	return DIMENSION_HEAD_BYTES + field->length;
}

void dimension_append(struct bytes *key, const struct value *value);

/** Decodes into `out` (strings are borrowed from `key`; a whole number is VALUE_INT). Returns the
 *  number of fields, or ERR_CORRUPT (damaged, or more than `out_max`). */
int dimension_decode(struct slice key, struct value *out, uint32_t out_max);

/** "m1,10.1.1.1": the values joined by commas, as the zh form of 字段值 has them. */
void dimension_append_text(struct slice key, struct bytes *out);

/** Order for output: field by field, nil, bools, numbers by size, strings by bytes. */
int dimension_compare(struct slice a, struct slice b);

#endif
