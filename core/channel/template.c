#include "core/channel/template.h"

#include "core/base/err.h"
#include "core/channel/message.h"

#include <string.h>

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '-';
}

/** The name when a `{name}` starts here; false: the brace is text. */
static bool read_name(const char *at, char name[TEMPLATE_NAME_BYTES_MAX])
{
	size_t length = 0;

	if (at[0] != '{' || at[1] < 'a' || at[1] > 'z')
		return false;
	while (is_name_char(at[1 + length]))
		length++;
	if (at[1 + length] != '}' || length >= TEMPLATE_NAME_BYTES_MAX)
		return false;
	memcpy(name, at + 1, length);
	name[length] = '\0';
	return true;
}

int template_check(const char *text, struct err_note *why)
{
	char name[TEMPLATE_NAME_BYTES_MAX];

	if (strlen(text) > TEMPLATE_BYTES_MAX)
		return err_set(why, ERR_RANGE, "a template may have %d bytes, found %zu",
			       TEMPLATE_BYTES_MAX, strlen(text));
	for (const char *at = text; *at != '\0'; at++)
		if (read_name(at, name) && !message_is_field(name))
			return err_set(why, ERR_INVALID, "no message has {%s}", name);
	return 0;
}

/** Expands up to `end`. Returns whether there were names, all of them empty. */
static bool expand_span(const char *text, const char *end, const struct message_fields *fields,
			template_escape *escape, struct bytes *out)
{
	char name[TEMPLATE_NAME_BYTES_MAX];
	bool has_name = false, has_value = false;

	for (const char *at = text; at < end; at++) {
		const char *value;

		if (!read_name(at, name)) {
			bytes_append_char(out, *at);
			continue;
		}
		value = message_field(fields, name);
		has_name = true;
		has_value |= value[0] != '\0';
		escape(out, slice_of(value));
		at += strlen(name) + 1;
	}
	return has_name && !has_value;
}

void template_expand(const char *text, const struct message_fields *fields, template_escape *escape,
		     struct bytes *out)
{
	size_t start = out->length;

	for (const char *line = text; *line != '\0';) {
		const char *end = strchrnul(line, '\n');
		size_t before = out->length;
		bool is_left_out;

		if (before > start)
			bytes_append_char(out, '\n');
		is_left_out = expand_span(line, end, fields, escape, out);
		if (is_left_out) {
			out->length = before;
			if (out->data != NULL)
				out->data[before] = '\0';
		}
		line = *end == '\n' ? end + 1 : end;
	}
}

void template_expand_whole(const char *text, const struct message_fields *fields,
			   template_escape *escape, struct bytes *out)
{
	expand_span(text, text + strlen(text), fields, escape, out);
}
