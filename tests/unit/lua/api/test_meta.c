#include "lua/api/api.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <stdio.h>
#include <string.h>

/* Editor stubs and the table of api.c must name the same calls. Tests run in the root of the
 * tree. */
enum { NAMES_MAX = 200, NAME_BYTES_MAX = 64 };

struct names {
	char items[NAMES_MAX][NAME_BYTES_MAX];
	size_t count;
};

/* "function ctx:step(id)" -> "ctx:step"; a doc comment must stand above. */
static void read_stub(const char *path, struct names *names)
{
	FILE *file = fopen(path, "re");
	char line[300], before[300] = "";
	bool has_meta = false;

	cr_assert_not_null(file, "%s", path);
	while (fgets(line, sizeof(line), file)) {
		char name[NAME_BYTES_MAX];

		has_meta = has_meta || strncmp(line, "---@meta", 8) == 0;
		if (sscanf(line, "function %63[a-z_.:]", name) == 1) {
			cr_expect(strncmp(before, "---", 3) == 0, "%s: %s has no comment", path,
				  name);
			cr_assert_lt(names->count, (size_t)NAMES_MAX);
			snprintf(names->items[names->count++], NAME_BYTES_MAX, "%s", name);
		}
		snprintf(before, sizeof(before), "%s", line);
	}
	cr_expect(has_meta, "%s does not begin with ---@meta", path);
	fclose(file);
}

static void read_stubs(struct names *names)
{
	DIR *dir = opendir("lua/meta");
	struct dirent *entry;

	cr_assert_not_null(dir, "lua/meta is not here: run the tests in the root of the tree");
	names->count = 0;
	while ((entry = readdir(dir))) {
		char path[300];

		if (!strstr(entry->d_name, ".lua"))
			continue;
		snprintf(path, sizeof(path), "lua/meta/%s", entry->d_name);
		read_stub(path, names);
	}
	closedir(dir);
}

static bool has_name(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->items[i], name) == 0)
			return true;
	return false;
}

static const struct api_row *find_row(const char *name)
{
	for (const struct api_row *row = api_rows; row->name; row++)
		if (strcmp(row->name, name) == 0)
			return row;
	return NULL;
}

Test(meta, every_call_of_ours_has_a_stub)
{
	static struct names names;

	read_stubs(&names);
	for (const struct api_row *row = api_rows; row->name; row++)
		if (row->kind == API_OWN || row->kind == API_LIBRARY)
			cr_expect(has_name(&names, row->name), "%s has no stub in lua/meta",
				  row->name);
}

Test(meta, every_stub_is_a_call_of_the_table)
{
	static struct names names;

	read_stubs(&names);
	for (size_t i = 0; i < names.count; i++)
		cr_expect_not_null(find_row(names.items[i]), "%s is not in lua/api/api.c",
				   names.items[i]);
}

Test(meta, rows_are_complete_and_unique)
{
	for (const struct api_row *row = api_rows; row->name; row++) {
		cr_expect(row->phases != 0 && row->cost[0], "%s", row->name);
		cr_expect_eq(row->kind == API_OWN, row->function != NULL, "%s", row->name);
		cr_expect_eq(find_row(row->name), row, "%s is there twice", row->name);
	}
}
