#include "core/config/config_internal.h"

#include "core/base/report.h"

#include <stdlib.h>
#include <string.h>

const struct option config_category_rows[] = {
	{.name = "name",
	 .type = OPTION_TEXT,
	 .example = "\"restaurants\"",
	 .help = "name of the category (in the list form)"},
	{.name = "parent",
	 .type = OPTION_TEXT,
	 .example = "\"offline\"",
	 .help = "name of the category above"},
	{.name = "members",
	 .type = OPTION_ANY,
	 .lua_type = "string[]|table",
	 .example = "{ \"m0001\", \"m0002\" }",
	 .help = "values of the category field, or { lookup =, column = }"},
	{.name = NULL},
};

static struct config_category *find(const struct config *config, const char *name)
{
	for (uint32_t i = 0; i < config->category_count; i++)
		if (strcmp(config->categories[i].name, name) == 0)
			return &config->categories[i];
	return NULL;
}

static void read_category(struct config_builder *builder, const struct tree *tree)
{
	struct config *config = builder->config;
	struct config_category *category;
	const char *name;

	if (options_check(tree, config_category_rows, builder->file, "a category",
			  builder->report) > 0)
		return;
	name = option_text(tree, "name", tree->key);
	if (name == NULL || name[0] == '\0') {
		report_add(builder->report, builder->file, tree->line,
			   "a category needs a name; example: { name = \"restaurants\", "
			   "parent = \"offline\", members = { \"m0001\" } }");
		return;
	}
	if (tree->key != NULL && strcmp(name, tree->key) != 0) {
		report_add(builder->report, builder->file, tree->line,
			   "category %.64s must not have another name, found \"%.64s\"; leave "
			   "\"name\" out: it is for the list form",
			   tree->key, name);
		return;
	}
	if (find(config, name) != NULL) {
		report_add(builder->report, builder->file, tree->line,
			   "category \"%.64s\" is there twice; names must differ", name);
		return;
	}
	category = &config->categories[config->category_count++];
	category->name = config_copy_text(config, name);
	category->parent = config_copy_text(config, option_text(tree, "parent", NULL));
	category->line = tree->line;
	config_read_members(builder, tree_get(tree, "members"), category);
}

/** A parent must exist, and no category may stand above itself. */
static void check_parents(struct config_builder *builder)
{
	const struct config *config = builder->config;

	for (uint32_t i = 0; i < config->category_count; i++) {
		const struct config_category *category = &config->categories[i];
		const struct config_category *above = category;
		uint32_t steps = 0;

		if (category->parent != NULL && find(config, category->parent) == NULL) {
			report_add(builder->report, builder->file, category->line,
				   "category \"%.64s\" has the unknown parent \"%.64s\"",
				   category->name, category->parent);
			continue;
		}
		while (above != NULL && above->parent != NULL && steps <= config->category_count) {
			above = find(config, above->parent);
			steps++;
		}
		if (steps > config->category_count)
			report_add(builder->report, builder->file, category->line,
				   "category \"%.64s\" is its own parent, or below itself",
				   category->name);
	}
}

static int compare_members(const void *a, const void *b)
{
	return strcmp(((const struct config_member *)a)->value,
		      ((const struct config_member *)b)->value);
}

/** Sorted, so that config_category_of() is quick for thousands of merchants. */
static void index_members(struct config_builder *builder)
{
	struct config *config = builder->config;
	size_t total = 0;

	for (uint32_t i = 0; i < config->category_count; i++)
		total += config->categories[i].member_count;
	if (total == 0)
		return;
	config->members = arena_zalloc(&config->arena, total * sizeof(*config->members));
	for (uint32_t i = 0; i < config->category_count; i++)
		for (uint32_t k = 0; k < config->categories[i].member_count; k++)
			config->members[config->member_count++] = (struct config_member){
				config->categories[i].members[k], &config->categories[i]};
	qsort(config->members, config->member_count, sizeof(*config->members), compare_members);
	for (uint32_t i = 1; i < config->member_count; i++)
		if (strcmp(config->members[i - 1].value, config->members[i].value) == 0 &&
		    config->members[i - 1].category != config->members[i].category)
			report_add(builder->report, builder->file,
				   config->members[i].category->line,
				   "\"%.64s\" is a member of categories \"%.64s\" and \"%.64s\"; "
				   "a member has one category",
				   config->members[i].value, config->members[i - 1].category->name,
				   config->members[i].category->name);
}

void config_read_categories(struct config_builder *builder, const struct tree *categories)
{
	struct config *config = builder->config;

	if (categories == NULL)
		return;
	if (categories->type != TREE_LIST && categories->type != TREE_MAP) {
		char found[TREE_DESCRIPTION_BYTES_MAX];

		report_add(builder->report, builder->file, categories->line,
			   "\"categories\" of the site must be a table, found %s; example: "
			   "categories = { restaurants = { parent = \"offline\" } }",
			   tree_describe(categories, found));
		return;
	}
	if (categories->child_count == 0)
		return;
	config->categories =
		arena_zalloc(&config->arena, categories->child_count * sizeof(*config->categories));
	for (const struct tree *child = categories->first; child != NULL; child = child->next)
		read_category(builder, child);
	check_parents(builder);
	index_members(builder);
}

const char *config_category_of(const struct config *config, const char *member)
{
	struct config_member wanted = {member, NULL};
	const struct config_member *found;

	if (config->member_count == 0)
		return NULL;
	found = bsearch(&wanted, config->members, config->member_count, sizeof(*config->members),
			compare_members);
	return found != NULL ? found->category->name : NULL;
}

const char *config_category_parent(const struct config *config, const char *category)
{
	for (uint32_t i = 0; i < config->category_count; i++)
		if (strcmp(config->categories[i].name, category) == 0)
			return config->categories[i].parent;
	return NULL;
}
