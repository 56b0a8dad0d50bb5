#include "core/incident/incident_internal.h"

#include "core/model/alert.h"
#include "core/model/dimension.h"
#include "core/model/value.h"

#include <string.h>

/* `;`, `=` and `\` are escaped, so that two different dimensions never give one text; so are bytes
 * that JSON cannot keep, because the key must come back the same from the store. */
static void append_escaped(struct bytes *out, struct slice text)
{
	bool is_utf8 = incident_is_utf8(text);
	for (size_t i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (c < 0x20 || (c >= 0x80 && !is_utf8)) {
			bytes_append_format(out, "\\x%02x", c);
			continue;
		}
		if (strchr(";=\\", c))
			bytes_append_char(out, '\\');
		bytes_append_char(out, (char)c);
	}
}

static void append_field(struct bytes *out, const char *name, const struct value *value)
{
	append_escaped(out, slice_of(name));
	if (value->type == VALUE_NIL)
		return;
	struct bytes text = BYTES_EMPTY;
	value_append_text(value, &text);
	bytes_append_char(out, '=');
	append_escaped(out, bytes_slice(&text));
	bytes_deinit(&text);
}

static uint32_t decode(const struct alert *alert, struct value *values)
{
	int count = dimension_decode(alert->key, values, DIMENSION_FIELDS_MAX);
	if (count < 0)
		return 0;
	return (uint32_t)count < alert->by_count ? (uint32_t)count : alert->by_count;
}

/** A field of the dimension; else "rule" and "category", which every alert has. */
static const struct value *find_value(const struct alert *alert, const struct value *values,
				      uint32_t count, const char *name, struct value *own)
{
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(alert->by[i], name) == 0)
			return &values[i];
	}
	const char *text = strcmp(name, "rule") == 0 ? alert->rule : NULL;
	if (strcmp(name, "category") == 0)
		text = alert->category;
	if (!text)
		return NULL;
	*own = (struct value){.type = VALUE_STRING, .length = (uint32_t)strlen(text)};
	own->as.text = text;
	return own;
}

char *incident_key(const struct alert *alert, const char *const *fields, uint32_t field_count,
		   bool has_fields)
{
	static const struct value nil = {.type = VALUE_NIL};
	struct value values[DIMENSION_FIELDS_MAX];
	uint32_t count = decode(alert, values);
	struct bytes out = BYTES_EMPTY;
	if (!has_fields) {
		bytes_append_format(&out, "rule:%s", alert->rule);
		for (uint32_t i = 0; i < count; i++) {
			bytes_append_char(&out, ';');
			append_field(&out, alert->by[i], &values[i]);
		}
		return bytes_take_text(&out);
	}
	bytes_append_text(&out, "shared");
	for (uint32_t i = 0; i < field_count; i++) {
		struct value own;
		const struct value *value = find_value(alert, values, count, fields[i], &own);
		bytes_append_char(&out, ';');
		append_field(&out, fields[i], value ? value : &nil);
	}
	return bytes_take_text(&out);
}

char *incident_firing_id(const struct alert *alert)
{
	struct value values[DIMENSION_FIELDS_MAX];
	uint32_t count = decode(alert, values);
	struct bytes out = BYTES_EMPTY;
	/* Never that of an alert that is real. */
	if (alert->is_drill)
		bytes_append_format(&out, "drill %lld ", (long long)alert->window_end_ms);
	bytes_append_format(&out, "%s|", alert->rule);
	for (uint32_t i = 0; i < count; i++) {
		if (i > 0)
			bytes_append_char(&out, ';');
		append_field(&out, alert->by[i], &values[i]);
	}
	return bytes_take_text(&out);
}
