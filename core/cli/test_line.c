#include "core/cli/test_line.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/config/config.h"
#include "core/model/timestamp.h"

#include <stdlib.h>
#include <string.h>

static void append_quoted(const char *text, char delimiter, struct bytes *out)
{
	if (strpbrk(text, "\"\r\n") == NULL && strchr(text, delimiter) == NULL) {
		bytes_append_text(out, text);
		return;
	}
	bytes_append_char(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"')
			bytes_append_char(out, '"');
		bytes_append_char(out, *text);
	}
	bytes_append_char(out, '"');
}

/** A missing value is an empty cell. */
static void append_cell(const json_t *value, char delimiter, struct bytes *out)
{
	char *text;

	if (value == NULL || json_is_null(value))
		return;
	if (json_is_string(value)) {
		append_quoted(json_string_value(value), delimiter, out);
		return;
	}
	text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	append_quoted(text != NULL ? text : "", delimiter, out);
	free(text);
}

/** "customer.city" is declared: then "customer" may be a table that has it. */
static bool is_declared(const struct schema *schema, const char *name, const json_t *value)
{
	size_t length = strlen(name);

	for (uint32_t i = 0; i < schema->field_count; i++) {
		const char *field = schema->fields[i].name;

		if (strcmp(field, name) == 0 ||
		    (json_is_object(value) && strncmp(field, name, length) == 0 &&
		     field[length] == '.'))
			return true;
	}
	return false;
}

static int check_columns(const struct config_source *source, json_t *reading, struct err_note *why)
{
	const char *name;
	json_t *value;

	json_object_foreach(reading, name, value)
	{
		bool is_there = false;

		for (uint32_t i = 0; i < source->column_count; i++)
			is_there |= strcmp(source->columns[i], name) == 0;
		if (!is_there)
			return err_set(why, ERR_INVALID, "source %s has no column \"%s\"",
				       source->name, name);
	}
	return 0;
}

/** A log may have more fields than the source declares, but a test that names one means it. */
static int check_fields(const struct config_source *source, json_t *reading, struct err_note *why)
{
	const struct schema *schema = &source->schema;
	const char **names;
	const char *name, *nearest;
	json_t *value;
	int code = 0;

	if (!schema->is_closed)
		return 0;
	names = mem_alloc_array(schema->field_count + 1, sizeof(*names));
	for (uint32_t i = 0; i < schema->field_count; i++)
		names[i] = schema->fields[i].name;
	json_object_foreach(reading, name, value)
	{
		if (code != 0 || strcmp(name, schema->time_field) == 0 ||
		    is_declared(schema, name, value))
			continue;
		nearest = report_nearest(name, names);
		code = err_set(
			why, ERR_INVALID,
			"source %s has no field \"%.100s\"%s%s%s: it would be ignored; give a "
			"line as text to test what is not declared",
			source->name, name, nearest != NULL ? "; did you mean \"" : "",
			nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
	}
	mem_free(names);
	return code;
}

int test_line_append(const struct config_source *source, json_t *reading, int64_t now_ms,
		     struct bytes *out, struct err_note *why)
{
	const char *time_field = source->schema.time_field;
	char time[TIMESTAMP_TEXT_BYTES_MAX];
	char *text;

	timestamp_format(now_ms, time);
	if (json_object_get(reading, time_field) == NULL)
		json_object_set_new(reading, time_field, json_string(time));
	if (!source->is_csv) {
		if (check_fields(source, reading, why) != 0)
			return ERR_INVALID;
		text = json_dumps(reading, JSON_COMPACT);
		bytes_append_text(out, text != NULL ? text : "");
		bytes_append_char(out, '\n');
		free(text);
		return 0;
	}
	if (check_columns(source, reading, why) != 0)
		return ERR_INVALID;
	for (uint32_t i = 0; i < source->column_count; i++) {
		if (i > 0)
			bytes_append_char(out, source->delimiter);
		append_cell(json_object_get(reading, source->columns[i]), source->delimiter, out);
	}
	bytes_append_char(out, '\n');
	return 0;
}
