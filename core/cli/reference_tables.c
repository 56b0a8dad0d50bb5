#include "core/cli/reference.h"

#include "core/base/bytes.h"
#include "core/base/require.h"
#include "core/rule/rule_options.h"
#include "lua/api/api.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const enum rule_type types[] = {
#define TYPE_MEMBER(name, text) RULE_##name,
	RULE_TYPE_LIST(TYPE_MEMBER)
#undef TYPE_MEMBER
};

enum { TYPE_COUNT = sizeof(types) / sizeof(types[0]) };

static bool has_module(const char *const *modules, uint32_t count, const char *name, size_t length)
{
	for (uint32_t i = 0; i < count; i++)
		if (strlen(modules[i]) == length && memcmp(modules[i], name, length) == 0)
			return true;
	return false;
}

/** A library's rows begin with its name; `ctx:` is an object, not a module. */
uint32_t reference_modules(const char *out[REFERENCE_MODULES_MAX])
{
	static char names[REFERENCE_MODULES_MAX][32];
	uint32_t count = 0;

	out[count++] = "sandbox";
	for (const struct api_row *row = api_rows; row->name != NULL; row++) {
		size_t length = strcspn(row->name, ".:");

		if (row->kind != API_LIBRARY || row->name[length] == ':' ||
		    has_module(out, count, row->name, length))
			continue;
		REQUIRE(count < REFERENCE_MODULES_MAX && length < sizeof(names[0]));
		memcpy(names[count], row->name, length);
		names[count][length] = '\0';
		out[count] = names[count];
		count++;
	}
	return count;
}

static const struct option *find_row(const struct option *rows, const char *name)
{
	for (; rows->name != NULL; rows++)
		if (strcmp(rows->name, name) == 0)
			return rows;
	return NULL;
}

bool reference_is_common(const struct option *row)
{
	for (int i = 0; i < TYPE_COUNT; i++) {
		struct option rows[RULE_OPTIONS_MAX];
		const struct option *found;

		rule_options(types[i], rows);
		found = find_row(rows, row->name);
		if (found == NULL || found->help != row->help)
			return false;
	}
	return true;
}

const struct option *reference_common_options(void)
{
	static struct option common[RULE_OPTIONS_MAX];
	struct option rows[RULE_OPTIONS_MAX];
	uint32_t count = 0;

	rule_options(types[0], rows);
	for (const struct option *row = rows; row->name != NULL; row++)
		if (row->help != NULL && reference_is_common(row))
			common[count++] = *row;
	common[count] = (struct option){.name = NULL};
	return common;
}

const struct reference_table *reference_find(const struct reference_tables *tables,
					     const struct option *rows)
{
	for (uint32_t i = 0; i < tables->count; i++)
		if (tables->items[i].rows == rows)
			return &tables->items[i];
	return NULL;
}

/** "non_disturb" -> "NonDisturb" */
static void append_camel(const char *name, struct bytes *out)
{
	bool is_start = true;

	for (; *name != '\0'; name++) {
		if (*name != '_')
			bytes_append_char(out,
					  is_start ? (char)toupper((unsigned char)*name) : *name);
		is_start = *name == '_';
	}
}

static void add_table(const struct option *row, const char *title, const char *prefix,
		      struct reference_tables *tables)
{
	struct reference_table *table = &tables->items[tables->count];
	struct bytes name = BYTES_EMPTY;

	REQUIRE(tables->count < REFERENCE_TABLES_MAX);
	tables->count++;
	table->rows = row->rows;
	snprintf(table->title, sizeof(table->title), "%s%s%s%s%s", title, title[0] ? "." : "",
		 row->name, row->is_named ? ".NAME" : "", row->type == OPTION_LIST ? "[]" : "");
	bytes_append_format(&name, "tocsin.%s", prefix);
	append_camel(row->name, &name);
	snprintf(table->class_name, sizeof(table->class_name), "%s", name.data);
	bytes_deinit(&name);
}

void reference_collect(const struct option *rows, const char *title, const char *prefix,
		       struct reference_tables *tables)
{
	for (const struct option *row = rows; row->name != NULL; row++) {
		if (row->rows == NULL || reference_find(tables, row->rows) != NULL)
			continue;
		add_table(row, title, prefix, tables);
		/* Its title stays where it is: the list does not move. */
		reference_collect(row->rows, tables->items[tables->count - 1].title, prefix,
				  tables);
	}
}
