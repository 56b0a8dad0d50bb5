#include "core/config/config_internal.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/lookup/lookup.h"

#include <string.h>

const struct option config_lookup_rows[] = {
	{.name = "csv",
	 .type = OPTION_TEXT,
	 .example = "\"lookups/vip.csv\"",
	 .help = "CSV file, its first line names the columns"},
	{.name = "sqlite",
	 .type = OPTION_TEXT,
	 .example = "\"lookups/limits.db\"",
	 .help = "SQLite file"},
	{.name = "table",
	 .type = OPTION_TEXT,
	 .example = "\"limits\"",
	 .help = "table of the SQLite file"},
	{.name = NULL},
};

/** Inside the folder of the site: no path leads out of it. */
static bool is_inside(const char *path)
{
	size_t length = strlen(path);

	return length > 0 && path[0] != '/' && strcmp(path, "..") != 0 &&
	       strncmp(path, "../", 3) != 0 && strstr(path, "/../") == NULL &&
	       (length < 3 || strcmp(path + length - 3, "/..") != 0);
}

/** Owned. */
static char *path_of(const struct config_builder *builder, const char *name)
{
	const char *slash = strrchr(builder->file, '/');
	int folder_length = slash != NULL ? (int)(slash - builder->file) + 1 : 0;

	return mem_format("%.*s%s", folder_length, builder->file, name);
}

static void open_lookup(struct config_builder *builder, const struct tree *tree,
			const struct tree *file)
{
	struct config_lookup *row = &builder->config->lookups[builder->config->lookup_count];
	const char *table = option_text(tree, "table", NULL);
	char *path = path_of(builder, file->text);
	struct err_note why = {""};
	int code = table != NULL ? lookup_open_sqlite(&row->lookup, path, table, &why)
				 : lookup_open_csv(&row->lookup, path, &why);

	if (code == 0) {
		row->name = config_copy_text(builder->config, tree->key);
		builder->config->lookup_count++;
	} else {
		report_add(builder->report, builder->file, file->line,
			   "lookup %.64s cannot be read from \"%.200s\": %s", tree->key, path,
			   why.text);
	}
	mem_free(path);
}

static void read_lookup(struct config_builder *builder, const struct tree *tree)
{
	const struct tree *csv, *sqlite, *file;

	if (!tree_is_map(tree) || tree->key == NULL || !config_is_name(tree->key)) {
		report_add(
			builder->report, builder->file, tree->line,
			"a lookup must be name = { csv = file } or name = { sqlite = file, table "
			"= name }; example: vip = { csv = \"lookups/vip.csv\" }");
		return;
	}
	if (options_check(tree, config_lookup_rows, builder->file, "a lookup", builder->report) > 0)
		return;
	csv = tree_get(tree, "csv");
	sqlite = tree_get(tree, "sqlite");
	file = csv != NULL ? csv : sqlite;
	if ((csv != NULL) == (sqlite != NULL) ||
	    (sqlite != NULL) != (tree_get(tree, "table") != NULL)) {
		report_add(builder->report, builder->file, tree->line,
			   "lookup %.64s must have either \"csv\", or \"sqlite\" with \"table\"; "
			   "example: vip = { csv = \"lookups/vip.csv\" }",
			   tree->key);
		return;
	}
	if (!is_inside(file->text)) {
		report_add(builder->report, builder->file, file->line,
			   "the file of lookup %.64s must be inside the folder of the site, found "
			   "\"%.200s\"; example: \"lookups/vip.csv\"",
			   tree->key, file->text);
		return;
	}
	open_lookup(builder, tree, file);
}

void config_read_lookups(struct config_builder *builder, const struct tree *lookups)
{
	struct config *config = builder->config;

	if (lookups == NULL || lookups->child_count == 0)
		return;
	if (lookups->child_count > CONFIG_LOOKUPS_MAX) {
		report_add(builder->report, builder->file, lookups->line,
			   "the site has %u lookups; at most %d are allowed", lookups->child_count,
			   CONFIG_LOOKUPS_MAX);
		return;
	}
	config->lookups =
		arena_zalloc(&config->arena, lookups->child_count * sizeof(*config->lookups));
	for (const struct tree *item = lookups->first; item != NULL; item = item->next)
		read_lookup(builder, item);
}

const struct lookup *config_find_lookup(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->lookup_count; i++)
		if (strcmp(config->lookups[i].name, name) == 0)
			return config->lookups[i].lookup;
	return NULL;
}
