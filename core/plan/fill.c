#include "core/plan/fill.h"

#include "core/base/bytes.h"
#include "core/base/mem.h"
#include "core/plan/plan_json.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The name when a {name} begins here. */
static bool read_name(const char *at, char name[FILL_NAME_BYTES_MAX])
{
	size_t length = 0;
	if (at[0] != '{' || !islower((unsigned char)at[1]))
		return false;
	while (isalnum((unsigned char)at[1 + length]) || at[1 + length] == '_')
		length++;
	if (at[1 + length] != '}' || length >= FILL_NAME_BYTES_MAX)
		return false;
	memcpy(name, at + 1, length);
	name[length] = '\0';
	return true;
}

static bool is_text_complete(const char *text, const json_t *names, char out[FILL_NAME_BYTES_MAX])
{
	for (const char *at = text; *at; at++) {
		if (read_name(at, out) && !json_object_get(names, out))
			return false;
	}
	return true;
}

bool fill_is_complete(const json_t *shape, const json_t *names, char out[FILL_NAME_BYTES_MAX])
{
	const char *key;
	json_t *part;
	if (json_is_string(shape))
		return is_text_complete(json_string_value(shape), names, out);
	json_object_foreach((json_t *)(uintptr_t)shape, key, part)
	{
		if (!fill_is_complete(part, names, out))
			return false;
	}
	for (size_t i = 0; i < json_array_size(shape); i++) {
		if (!fill_is_complete(json_array_get(shape, i), names, out))
			return false;
	}
	return true;
}

static void append_value(struct bytes *out, const json_t *value, bool is_url)
{
	struct bytes text = BYTES_EMPTY;
	if (json_is_string(value))
		bytes_append(&text, json_string_value(value), json_string_length(value));
	else if (value && !json_is_null(value))
		plan_json_append(value, &text);
	for (size_t i = 0; i < text.length; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (is_url && !(isalnum(c) && c < 0x80) && !strchr("-._~", c))
			bytes_append_format(out, "%%%02X", c);
		else
			bytes_append_char(out, (char)c);
	}
	bytes_deinit(&text);
}

static void fill_text(const char *shape, const json_t *names, bool is_url, struct bytes *out)
{
	char name[FILL_NAME_BYTES_MAX];
	for (const char *at = shape; *at; at++) {
		if (!read_name(at, name)) {
			bytes_append_char(out, *at);
			continue;
		}
		append_value(out, json_object_get(names, name), is_url);
		at += strlen(name) + 1;
	}
}

void fill_url(const char *shape, const json_t *names, struct bytes *out)
{
	fill_text(shape, names, true, out);
}

static json_t *fill_string(const char *shape, const json_t *names)
{
	char name[FILL_NAME_BYTES_MAX];
	struct bytes text = BYTES_EMPTY;
	if (read_name(shape, name) && shape[strlen(name) + 2] == '\0' &&
	    json_object_get(names, name))
		return json_deep_copy(json_object_get(names, name));
	fill_text(shape, names, false, &text);
	json_t *json = json_stringn(text.data ? text.data : "", text.length);
	bytes_deinit(&text);
	return json;
}

json_t *fill_json(const json_t *shape, const json_t *names)
{
	const char *key;
	json_t *part, *made;
	if (json_is_string(shape))
		return fill_string(json_string_value(shape), names);
	if (!json_is_object(shape) && !json_is_array(shape))
		return json_deep_copy(shape);
	made = json_is_object(shape) ? json_object() : json_array();
	json_object_foreach((json_t *)(uintptr_t)shape, key, part)
		json_object_set_new(made, key, fill_json(part, names));
	for (size_t i = 0; i < json_array_size(shape); i++)
		json_array_append_new(made, fill_json(json_array_get(shape, i), names));
	return made;
}

char *fill_path(const json_t *answer, const char *path)
{
	const json_t *at = answer;
	while (at && *path) {
		size_t length = strcspn(path, ".");
		char *name = mem_copy_bytes(path, length);
		if (json_is_array(at)) {
			unsigned long index = strtoul(name, NULL, 10);
			at = index > 0 ? json_array_get(at, index - 1) : NULL;
		} else {
			at = json_object_get(at, name);
		}
		mem_free(name);
		path += path[length] == '.' ? length + 1 : length;
	}
	if (json_is_string(at))
		return mem_copy_text(json_string_value(at));
	return json_is_number(at) ? plan_json_text(at) : NULL;
}
