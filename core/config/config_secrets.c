/* Secrets of plans: names, and where their values are. Values are read when a step is sent. */
#include "core/config/config_internal.h"

#include "core/base/arena.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/config/options.h"

#include <string.h>

const struct option config_secret_rows[] = {
	{.name = "env",
	 .type = OPTION_TEXT,
	 .example = "\"GATEWAY_TOKEN\"",
	 .help = "a variable of the daemon's environment"},
	{.name = "file",
	 .type = OPTION_TEXT,
	 .example = "\"/etc/tocsin/gateway.token\"",
	 .help = "a file whose first line it is; only its owner may read it"},
	{.name = NULL},
};

static void read_secret(struct config_builder *builder, const struct tree *tree)
{
	struct config *config = builder->config;
	struct config_secret *secret = &config->secrets[config->secret_count];
	const char *env = NULL, *file = NULL;

	if (!tree_is_map(tree) || options_check(tree, config_secret_rows, builder->file, "a secret",
						builder->report) > 0) {
		if (!tree_is_map(tree))
			report_add(
				builder->report, builder->file, tree->line,
				"secret %.64s must be { env = \"NAME\" } or { file = \"/path\" }: "
				"its value does not belong into this file",
				tree->key);
		return;
	}
	env = option_text(tree, "env", NULL);
	file = option_text(tree, "file", NULL);
	if ((env == NULL) == (file == NULL) || (env && env[0] == '\0') ||
	    (file && file[0] != '/')) {
		report_add(builder->report, builder->file, tree->line,
			   "secret %.64s must be either { env = \"NAME\" } or { file = \"/path\" }",
			   tree->key);
		return;
	}
	secret->name = config_copy_text(config, tree->key);
	secret->reference =
		arena_format(&config->arena, "%s:%s", env ? "env" : "file", env ? env : file);
	config->secret_count++;
}

void config_read_secrets(struct config_builder *builder, const struct tree *secrets)
{
	struct config *config = builder->config;
	uint32_t count = 0;

	for (const struct tree *row = secrets ? secrets->first : NULL; row; row = row->next)
		count++;
	config->secrets = arena_zalloc(&config->arena, (count + 1) * sizeof(*config->secrets));
	for (const struct tree *row = secrets ? secrets->first : NULL; row; row = row->next) {
		if (row->key != NULL && config_is_name(row->key))
			read_secret(builder, row);
		else
			report_add(builder->report, builder->file, row->line,
				   "a secret needs a name of letters, digits, _ - and ., found "
				   "\"%.64s\"",
				   row->key ? row->key : "");
	}
}

const char *config_find_secret(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->secret_count; i++)
		if (strcmp(config->secrets[i].name, name) == 0)
			return config->secrets[i].reference;
	return NULL;
}
