/* Members of a category: a list, or the rows of a lookup that name the category. */
#include "core/config/config_internal.h"

#include "core/base/bytes.h"
#include "core/base/report.h"
#include "core/lookup/lookup.h"

static const struct option member_rows[] = {
	{.name = "lookup",
	 .type = OPTION_TEXT,
	 .is_required = true,
	 .example = "\"merchants\"",
	 .help = "a lookup of the site"},
	{.name = "column",
	 .type = OPTION_TEXT,
	 .is_required = true,
	 .example = "\"category\"",
	 .help = "its column that names the category"},
	{.name = "member",
	 .type = OPTION_TEXT,
	 .example = "\"merchantId\"",
	 .help = "its column of the members; default: the one called like category_field"},
	{.name = "value",
	 .type = OPTION_TEXT,
	 .example = "\"餐饮\"",
	 .help = "what stands in the column; default: the name of the category"},
	{.name = NULL},
};

static const struct lookup *find_lookup(struct config_builder *builder, const struct tree *name,
					const char *category)
{
	const struct config *config = builder->config;
	const struct lookup *lookup = config_find_lookup(config, name->text);
	struct bytes known = BYTES_EMPTY;

	if (lookup != NULL)
		return lookup;
	for (uint32_t i = 0; i < config->lookup_count; i++)
		bytes_append_format(&known, "%s%s", i > 0 ? ", " : "", config->lookups[i].name);
	report_add(builder->report, builder->file, name->line,
		   "members of category %.64s: unknown lookup \"%.64s\"; lookups of the site: "
		   "%.400s",
		   category, name->text, known.length > 0 ? known.data : "none");
	bytes_deinit(&known);
	return NULL;
}

static int find_column(struct config_builder *builder, const struct lookup *lookup,
		       const struct tree *members, const char *name, const char *category)
{
	int column = lookup_find_column(lookup, name);
	struct bytes known = BYTES_EMPTY;

	if (column >= 0)
		return column;
	for (uint32_t i = 0; i < lookup_column_count(lookup); i++)
		bytes_append_format(&known, "%s%s", i > 0 ? ", " : "",
				    lookup_column_name(lookup, i));
	report_add(builder->report, builder->file, members->line,
		   "members of category %.64s: lookup %.64s has no column \"%.64s\"; its columns: "
		   "%.400s",
		   category, option_text(members, "lookup", ""), name, known.data);
	bytes_deinit(&known);
	return -1;
}

static void take_rows(struct config *config, const struct lookup *lookup, uint32_t by,
		      uint32_t member, const char *value, struct config_category *category)
{
	uint32_t count = lookup_row_count(lookup), taken = 0;

	for (uint32_t row = 0; row < count; row++)
		taken += slice_equal(lookup_cell(lookup, row, by), slice_of(value));
	category->members = arena_zalloc(&config->arena, (taken + 1) * sizeof(*category->members));
	for (uint32_t row = 0; row < count; row++) {
		struct slice cell = lookup_cell(lookup, row, member);

		/* A row without a member is none. */
		if (cell.length > 0 && slice_equal(lookup_cell(lookup, row, by), slice_of(value)))
			category->members[category->member_count++] =
				arena_format(&config->arena, "%.*s", (int)cell.length, cell.data);
	}
}

static void read_lookup(struct config_builder *builder, const struct tree *members,
			struct config_category *category)
{
	struct config *config = builder->config;
	const struct lookup *lookup;
	int by, member;

	if (options_check(members, member_rows, builder->file, "members of a category",
			  builder->report) > 0)
		return;
	lookup = find_lookup(builder, tree_get(members, "lookup"), category->name);
	if (lookup == NULL)
		return;
	by = find_column(builder, lookup, members, option_text(members, "column", ""),
			 category->name);
	member =
		find_column(builder, lookup, members,
			    option_text(members, "member", config->category_field), category->name);
	if (by >= 0 && member >= 0)
		take_rows(config, lookup, (uint32_t)by, (uint32_t)member,
			  option_text(members, "value", category->name), category);
}

void config_read_members(struct config_builder *builder, const struct tree *members,
			 struct config_category *category)
{
	char found[TREE_DESCRIPTION_BYTES_MAX];
	bool is_list = members == NULL || tree_is_list(members);

	if (!is_list && tree_is_map(members)) {
		read_lookup(builder, members, category);
		return;
	}
	for (const struct tree *item = is_list && members != NULL ? members->first : NULL;
	     item != NULL && is_list; item = item->next)
		is_list = item->type == TREE_STRING;
	if (is_list)
		category->members =
			config_copy_texts(builder->config, members, &category->member_count);
	else
		report_add(builder->report, builder->file, members->line,
			   "\"members\" of category %.64s must be a list of texts, or { lookup =, "
			   "column = }, found %s; example: members = { \"m0001\" }",
			   category->name, tree_describe(members, found));
}
