#include "core/model/value.h"

#include <inttypes.h>

#include "core/base/number.h"

void value_append_text(const struct value *value, struct bytes *out)
{
	char text[NUMBER_TEXT_BYTES_MAX];

	switch ((enum value_type)value->type) {
	case VALUE_NIL: break;
	case VALUE_BOOL: bytes_append_text(out, value->as.boolean ? "true" : "false"); break;
	case VALUE_INT: bytes_append_format(out, "%" PRId64, value->as.integer); break;
	case VALUE_FLOAT:
		bytes_append(out, text, (size_t)number_format(value->as.number, text));
		break;
	case VALUE_STRING: bytes_append(out, value->as.text, value->length); break;
	}
}
