/* Drills of plans: what their steps reach in the place of the real targets. What is not here is
 * refused in a drill. */
#include "core/config/config_actions.h"

#include "core/base/report.h"
#include "core/config/config_internal.h"

#include <stdio.h>
#include <string.h>

enum { PAIRS_MAX = 1000 };

const struct option config_drill_rows[] = {
	{.name = "outputs",
	 .type = OPTION_TABLE,
	 .example = "{ ops = \"drill_ops\" }",
	 .help = "which output gets the messages for an output; its own name: the same",
	 .lua_type = "table<string, string>"},
	{.name = "http",
	 .type = OPTION_TABLE,
	 .example = "{ [\"pay.example\"] = \"drill.example:8080\" }",
	 .help = "which host on http.allow gets the requests for a host, as URLs have it",
	 .lua_type = "table<string, string>"},
	{.name = "exec",
	 .type = OPTION_TABLE,
	 .example = "{ [\"/usr/bin/switch\"] = \"/usr/bin/switch-drill\" }",
	 .help = "which program on exec.allow is run in the place of a program",
	 .lua_type = "table<string, string>"},
	{.name = NULL},
};

static bool is_listed(const char *const *list, uint32_t count, const char *text)
{
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(list[i], text) == 0)
			return true;
	return false;
}

static bool is_output(const struct config *config, const char *name)
{
	return config_find_output(config, name) != NULL;
}

static bool is_host(const struct config *config, const char *name)
{
	char host[256];

	snprintf(host, sizeof(host), "%.*s", (int)strcspn(name, ":"), name);
	return is_listed(config->http_allow, config->http_allow_count, name) ||
	       is_listed(config->http_allow, config->http_allow_count, host);
}

static bool is_program(const struct config *config, const char *name)
{
	return is_listed(config->exec_allow, config->exec_allow_count, name);
}

struct part {
	const char *name, *what;
	bool (*is_known)(const struct config *config, const char *name);
	bool is_known_from; /**< so must be what it stands for */
};

static const struct part parts[] = {
	{"outputs", "an output of the site", is_output, true},
	{"http", "on http.allow", is_host, false},
	{"exec", "on exec.allow", is_program, false},
};

static bool check(struct config_builder *builder, const struct part *part, const struct tree *item)
{
	const char *missing = NULL;

	if (item->key == NULL || item->type != TREE_STRING) {
		report_add(builder->report, builder->file, item->line,
			   "drill.%s is a table of texts; example: drill = { outputs = { ops = "
			   "\"drill_ops\" } }",
			   part->name);
		return false;
	}
	if (part->is_known_from && !part->is_known(builder->config, item->key))
		missing = item->key;
	else if (!part->is_known(builder->config, item->text))
		missing = item->text;
	if (missing != NULL)
		report_add(builder->report, builder->file, item->line,
			   "drill.%s: \"%.100s\" is not %s", part->name, missing, part->what);
	return missing == NULL;
}

static void read_part(struct config_builder *builder, const struct part *part,
		      const struct tree *section, struct config_pair **out, uint32_t *count)
{
	const struct tree *table = tree_get(section, part->name);

	if (table == NULL || table->child_count == 0)
		return;
	if (table->child_count > PAIRS_MAX) {
		report_add(builder->report, builder->file, table->line,
			   "drill.%s has %u entries; at most %d are allowed", part->name,
			   table->child_count, PAIRS_MAX);
		return;
	}
	*out = arena_zalloc(&builder->config->arena, table->child_count * sizeof(**out));
	for (const struct tree *item = table->first; item != NULL; item = item->next)
		if (check(builder, part, item))
			(*out)[(*count)++] =
				(struct config_pair){config_copy_text(builder->config, item->key),
						     config_copy_text(builder->config, item->text)};
}

void config_read_drill(struct config_builder *builder, const struct tree *site,
		       struct config_drill *drill)
{
	const struct tree *section = config_section(builder, site, "drill", config_drill_rows);

	if (section == NULL)
		return;
	read_part(builder, &parts[0], section, &drill->outputs, &drill->output_count);
	read_part(builder, &parts[1], section, &drill->http, &drill->http_count);
	read_part(builder, &parts[2], section, &drill->exec, &drill->exec_count);
}

const char *config_drill_target(const struct config_pair *pairs, uint32_t count, const char *from)
{
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(pairs[i].from, from) == 0)
			return pairs[i].to;
	return NULL;
}
