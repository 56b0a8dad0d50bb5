/** value.h - one typed value of a field, 16 bytes. Strings are borrowed from the batch. */
#ifndef TOCSIN_CORE_MODEL_VALUE_H
#define TOCSIN_CORE_MODEL_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

enum value_type { VALUE_NIL, VALUE_BOOL, VALUE_INT, VALUE_FLOAT, VALUE_STRING };

struct value {
	uint8_t type;    /**< enum value_type */
	uint32_t length; /**< of a string, bytes */
	union {
		bool boolean;
		int64_t integer;
		double number;
		const char *text; /**< not NUL-terminated */
	} as;
};

/** Reads an int or float as double; false for every other type. */
static inline bool value_number(const struct value *value, double *out)
{
	if (value->type == VALUE_FLOAT)
		*out = value->as.number;
	else if (value->type == VALUE_INT)
		*out = (double)value->as.integer;
	else
		return false;
	return true;
}

/** Text of a value as alerts and tables show it: strings as they are, numbers by number_format. */
void value_append_text(const struct value *value, struct bytes *out);

#endif
