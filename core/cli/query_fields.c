#include "core/cli/query_fields.h"

#include "core/base/bytes.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/cli/query_options.h"
#include "core/filter/filter.h"
#include "core/model/batch.h"
#include "core/model/schema.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Sets of names, as objects: "customer.city". Looking ends with the last missing one, for a query
 * of a small file takes less time than a thousand readings here. */
struct look {
	json_t *missing; /* of the question, in no reading so far */
	json_t *names;   /* of the readings so far */
	unsigned line_count;
};

/** Nested objects have dotted names, and are no values themselves. */
static void add_names(struct look *look, const char *prefix, const json_t *object, int depth)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
	{
		char *name = mem_format("%s%s%s", prefix, prefix[0] != '\0' ? "." : "", key);

		if (json_is_object(value) && depth > 0)
			add_names(look, name, value, depth - 1);
		else if (json_object_size(look->names) < QUERY_LOOK_NAMES_MAX)
			json_object_set_new(look->names, name, json_true());
		json_object_del(look->missing, name);
		mem_free(name);
	}
}

/** The beginning of the file; false: it is no file, or cannot be read. */
static bool read_start(const char *path, struct bytes *out)
{
	struct stat info;
	ssize_t count = -1;
	int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0)
		return false;
	if (fstat(file, &info) == 0 && S_ISREG(info.st_mode)) {
		bytes_reserve(out, QUERY_LOOK_BYTES);
		count = pread(file, out->data, QUERY_LOOK_BYTES, 0);
		out->length = count > 0 ? (size_t)count : 0;
	}
	close(file);
	return count > 0;
}

static void look_at(struct look *look, const struct bytes *text)
{
	size_t at = 0;

	while (at < text->length && look->line_count < QUERY_LOOK_LINES &&
	       json_object_size(look->missing) > 0) {
		const char *start = text->data + at;
		const char *end = memchr(start, '\n', text->length - at);
		json_t *line;

		if (end == NULL)
			return; /* cut off */
		line = json_loadb(start, (size_t)(end - start), 0, NULL);
		if (json_is_object(line)) {
			add_names(look, "", line, 8);
			look->line_count++;
		}
		json_decref(line);
		at += (size_t)(end - start) + 1;
	}
}

static void say(const struct look *look, const char *path, const char *field)
{
	const char *names[QUERY_LOOK_NAMES_MAX + 1];
	const char *nearest, *key;
	size_t count = 0;
	json_t *value;

	json_object_foreach(look->names, key, value) names[count++] = key;
	names[count] = NULL;
	nearest = report_nearest(field, names);
	fprintf(stderr, "note: none of the first %u readings of %s has a field \"%s\"%s%s%s\n",
		look->line_count, path, field, nearest != NULL ? "; did you mean \"" : "",
		nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
}

static void ask(struct look *look, const char *field)
{
	json_object_set_new(look->missing, field, json_true());
}

static void ask_filter(struct look *look, const char *where)
{
	struct filter *filter = NULL;
	struct field_set fields;
	struct schema open;

	field_set_init(&fields);
	schema_init(&open);
	if (filter_compile(&filter, where, &open, &fields, NULL) == 0)
		for (uint32_t i = 0; i < fields.count; i++)
			ask(look, fields.fields[i].name);
	filter_free(filter);
	schema_deinit(&open);
	field_set_deinit(&fields);
}

void query_fields_check(const struct query_options *options)
{
	const char *path = options->input_count > 0 ? options->inputs[0] : "-";
	struct look look = {json_object(), json_object(), 0};
	struct bytes text = BYTES_EMPTY;
	const char *field;
	json_t *value;

	for (uint32_t i = 0; i < options->by_count; i++)
		ask(&look, options->by[i]);
	for (uint32_t i = 0; i < options->value_count; i++)
		ask(&look, options->values[i]);
	if (options->where != NULL)
		ask_filter(&look, options->where);
	if (strcmp(path, "-") != 0 && read_start(path, &text))
		look_at(&look, &text);
	if (look.line_count > 0)
		json_object_foreach(look.missing, field, value) say(&look, path, field);
	json_decref(look.missing);
	json_decref(look.names);
	bytes_deinit(&text);
}
