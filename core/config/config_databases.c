/* Databases that plans may ask: sql.query. They are opened when they are asked, not before. */
#include "core/config/config_actions.h"

#include "core/base/report.h"
#include "core/config/config_internal.h"

#include <string.h>

const struct option config_database_rows[] = {
	{.name = "sqlite",
	 .type = OPTION_TEXT,
	 .is_required = true,
	 .example = "\"/var/lib/pay/pay.db\"",
	 .help = "SQLite file; a relative path starts at the folder of the site"},
	{.name = NULL},
};

static const char *path_of(struct config_builder *builder, const char *path)
{
	const char *slash = strrchr(builder->file, '/');

	if (path[0] == '/' || slash == NULL)
		return config_copy_text(builder->config, path);
	return arena_format(&builder->config->arena, "%.*s/%s", (int)(slash - builder->file),
			    builder->file, path);
}

static void read_database(struct config_builder *builder, const struct tree *tree,
			  struct config_actions *actions)
{
	struct config_database *database = &actions->databases[actions->database_count];
	const char *path;

	if (!tree_is_map(tree) || tree->key == NULL || !config_is_name(tree->key)) {
		report_add(builder->report, builder->file, tree->line,
			   "a database must be name = { sqlite = file }; example: pay = { sqlite = "
			   "\"/var/lib/pay/pay.db\" }");
		return;
	}
	if (options_check(tree, config_database_rows, builder->file, "a database",
			  builder->report) > 0)
		return;
	path = option_text(tree, "sqlite", "");
	if (path[0] == '\0') {
		report_add(builder->report, builder->file, tree->line,
			   "\"sqlite\" of database %.64s must be the path of a file; example: "
			   "\"/var/lib/pay/pay.db\"",
			   tree->key);
		return;
	}
	database->name = config_copy_text(builder->config, tree->key);
	database->path = path_of(builder, path);
	actions->database_count++;
}

void config_read_databases(struct config_builder *builder, const struct tree *site,
			   struct config_actions *actions)
{
	const struct tree *section = tree_get(site, "databases");

	if (section == NULL || !tree_is_map(section) || section->child_count == 0)
		return;
	if (section->child_count > CONFIG_DATABASES_MAX) {
		report_add(builder->report, builder->file, section->line,
			   "the site has %u databases; at most %d are allowed",
			   section->child_count, CONFIG_DATABASES_MAX);
		return;
	}
	actions->databases = arena_zalloc(&builder->config->arena,
					  section->child_count * sizeof(*actions->databases));
	for (const struct tree *item = section->first; item != NULL; item = item->next)
		read_database(builder, item, actions);
}

const struct config_database *config_find_database(const struct config *config, const char *name)
{
	const struct config_actions *actions = config_actions(config);

	for (uint32_t i = 0; i < actions->database_count; i++)
		if (strcmp(actions->databases[i].name, name) == 0)
			return &actions->databases[i];
	return NULL;
}
