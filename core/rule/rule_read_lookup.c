/* Which keys of the dimension are watched, by which number, and when: `dimensions`, `exclude`,
 * `thresholds`, `valid_time`. */
#include "core/rule/rule_internal.h"

#include "core/base/err.h"
#include "core/base/report.h"
#include "core/calendar/valid_time.h"
#include "core/config/config.h"
#include "core/config/tree.h"
#include "core/lookup/key_filter.h"
#include "core/lookup/key_thresholds.h"
#include "core/lookup/lookup.h"
#include "core/model/value.h"

#include <string.h>

static const struct option column_rows[] = {
	{.name = "lookup",
	 .type = OPTION_TEXT,
	 .is_required = true,
	 .example = "\"vip\"",
	 .help = "a lookup of tocsin.lua"},
	{.name = "column",
	 .type = OPTION_TEXT,
	 .example = "\"merchantId\"",
	 .help = "column of the lookup"},
	{.name = NULL},
};

/* clang-format off */
static const struct rule_row rows[] = {
	{RULE_BITS_ALL,
	 {.name = "dimensions", .type = OPTION_TABLE,
	  .example = "{ merchantId = { \"m0001\", \"m0002\" } }",
	  .help = "only these keys are watched: for each field a list, or a lookup",
	  .rows = column_rows, .is_named = true}},
	{RULE_BITS_ALL,
	 {.name = "exclude", .type = OPTION_TABLE,
	  .example = "{ merchantId = { lookup = \"vip\", column = \"merchantId\" } }",
	  .help = "these keys are not watched: as dimensions", .rows = column_rows,
	  .is_named = true}},
	{RULE_BITS_THRESHOLD,
	 {.name = "thresholds", .type = OPTION_TABLE,
	  .example = "{ lookup = \"limits\", column = \"limit\" }",
	  .help = "numbers of single keys in place of the threshold's", .rows = column_rows}},
	{RULE_BITS_ALL,
	 {.name = "valid_time", .type = OPTION_ANY,
	  .example = "{ { days = \"mon-fri\", from = \"08:00\", to = \"20:00\" } }",
	  .help = "when the rule is judged", .rows = valid_time_rows}},
	{0, {.name = NULL}},
};
/* clang-format on */

static const struct lookup *find_lookup(const struct rule_builder *builder,
					const struct tree *table)
{
	const struct config *config = builder->config;
	const struct tree *entry = tree_get(table, "lookup");
	const struct lookup *lookup = config_find_lookup(config, entry->text);
	const char *names[CONFIG_LOOKUPS_MAX + 1];
	struct bytes known = BYTES_EMPTY;
	const char *nearest;

	if (lookup != NULL)
		return lookup;
	for (uint32_t i = 0; i < config->lookup_count; i++) {
		names[i] = config->lookups[i].name;
		bytes_append_format(&known, "%s%s", i > 0 ? ", " : "", names[i]);
	}
	names[config->lookup_count] = NULL;
	nearest = report_nearest(entry->text, names);
	rule_fault_at(builder, entry->line,
		      "unknown lookup \"%.64s\"%s%s%s; lookups of the site: %s", entry->text,
		      nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
		      nearest != NULL ? "\"?" : "", known.data != NULL ? known.data : "none");
	bytes_deinit(&known);
	return NULL;
}

const struct lookup *rule_read_column(const struct rule_builder *builder, const struct tree *table,
				      const char *option, const char *otherwise, uint32_t *column)
{
	const struct tree *entry = tree_get(table, "column");
	const char *name = option_text(table, "column", otherwise);
	const struct lookup *lookup;
	struct bytes known = BYTES_EMPTY;
	int found;

	if (!rule_check_table(builder, table, column_rows, option) || builder->config == NULL)
		return NULL;
	lookup = find_lookup(builder, table);
	if (lookup == NULL)
		return NULL;
	found = lookup_find_column(lookup, name);
	*column = (uint32_t)found;
	if (found >= 0)
		return lookup;
	for (uint32_t i = 0; i < lookup_column_count(lookup); i++)
		bytes_append_format(&known, "%s%s", i > 0 ? ", " : "",
				    lookup_column_name(lookup, i));
	rule_fault_at(builder, entry != NULL ? entry->line : table->line,
		      "lookup %.64s has no column \"%.64s\"; its columns: %.400s",
		      tree_get(table, "lookup")->text, name, known.data);
	bytes_deinit(&known);
	return NULL;
}

static int find_field(const struct rule_builder *builder, const char *option,
		      const struct tree *entry)
{
	const struct rule *rule = builder->rule;
	struct bytes known = BYTES_EMPTY;

	for (uint32_t i = 0; i < rule->by_count; i++) {
		if (strcmp(rule->by[i], entry->key) == 0) {
			bytes_deinit(&known);
			return (int)i;
		}
		bytes_append_format(&known, "%s%s", i > 0 ? ", " : "", rule->by[i]);
	}
	rule_fault_at(builder, entry->line,
		      "\"%s\" must have fields of the rule's dimension, found \"%.128s\"; allowed: "
		      "%s",
		      option, entry->key,
		      known.data != NULL ? known.data : "none, the rule has no dimension");
	bytes_deinit(&known);
	return -1;
}

static void read_list(struct rule_builder *builder, const struct tree *list, bool is_exclude,
		      uint32_t field)
{
	char found[TREE_DESCRIPTION_BYTES_MAX];

	if (list->child_count == 0)
		rule_fault_at(builder, list->line,
			      "the list \"%.64s\" of \"%s\" is empty; example: { \"m0001\", "
			      "\"m0002\" }",
			      list->key, is_exclude ? "exclude" : "dimensions");
	key_filter_begin(builder->rule->key_filter, is_exclude, field);
	for (const struct tree *item = list->first; item != NULL; item = item->next) {
		struct bytes text = BYTES_EMPTY;
		struct value value = {.type = VALUE_FLOAT, .as.number = item->number};

		if (item->type != TREE_STRING && item->type != TREE_NUMBER) {
			rule_fault_at(builder, item->line,
				      "\"%s\" must list texts or numbers, found %s; example: "
				      "{ \"m0001\", \"m0002\" }",
				      is_exclude ? "exclude" : "dimensions",
				      tree_describe(item, found));
			continue;
		}
		if (item->type == TREE_STRING)
			bytes_append(&text, item->text, item->text_length);
		else
			value_append_text(&value, &text);
		key_filter_add(builder->rule->key_filter, is_exclude, field, bytes_slice(&text));
		bytes_deinit(&text);
	}
}

static void read_keys(struct rule_builder *builder, bool is_exclude)
{
	const char *option = is_exclude ? "exclude" : "dimensions";
	const struct tree *tree = tree_get(builder->tree, option);

	if (tree == NULL || !tree_is_map(tree))
		return;
	if (tree->child_count == 0)
		rule_fault(builder, option,
			   "\"%s\" is empty; leave it out, or write %s = { merchantId = "
			   "{ \"m0001\" } }",
			   option, option);
	if (builder->rule->key_filter == NULL)
		builder->rule->key_filter = key_filter_new();
	for (const struct tree *entry = tree->first; entry != NULL; entry = entry->next) {
		int field = find_field(builder, option, entry);
		const struct lookup *lookup;
		uint32_t column;

		if (field < 0)
			continue;
		if (tree_is_list(entry)) {
			read_list(builder, entry, is_exclude, (uint32_t)field);
			continue;
		}
		if (!tree_is_map(entry)) {
			rule_fault_at(builder, entry->line,
				      "\"%s\" of %.64s must be a list or a lookup; example: { "
				      "\"m0001\" } or { lookup = \"vip\" }",
				      option, entry->key);
			continue;
		}
		lookup = rule_read_column(builder, entry, option, entry->key, &column);
		if (lookup != NULL)
			key_filter_add_column(builder->rule->key_filter, is_exclude,
					      (uint32_t)field, lookup, column);
	}
}

static void read_thresholds(struct rule_builder *builder)
{
	const struct tree *tree = tree_get(builder->tree, "thresholds");
	struct rule *rule = builder->rule;
	struct err_note why = {0};
	const struct lookup *lookup;
	uint32_t column;

	if (tree == NULL || !tree_is_map(tree))
		return;
	if (rule->level_count != 1 || rule->levels[0].holds.count != 1) {
		rule_fault(builder, "thresholds",
			   "\"thresholds\" stands for the number of one comparison, but the rule "
			   "has several; give it \"threshold\" alone");
		return;
	}
	lookup = rule_read_column(builder, tree, "thresholds", "threshold", &column);
	if (lookup != NULL &&
	    key_thresholds_new(&rule->key_thresholds, lookup, (const char *const *)rule->by,
			       rule->by_count, column, &why) != 0)
		rule_fault(builder, "thresholds", "lookup %.64s: %s",
			   tree_get(tree, "lookup")->text, why.text);
}

static void read_part(struct rule_builder *builder)
{
	const struct tree *valid_time = tree_get(builder->tree, "valid_time");
	const char *zone = builder->config != NULL ? builder->config->timezone : "UTC";

	read_keys(builder, false);
	read_keys(builder, true);
	read_thresholds(builder);
	if (valid_time != NULL)
		builder->rule->valid_time =
			valid_time_new(valid_time, zone, builder->rule->file, builder->report);
}

static void release(struct rule *rule)
{
	valid_time_free(rule->valid_time);
	key_filter_free(rule->key_filter);
	key_thresholds_free(rule->key_thresholds);
}

const struct rule_part rule_part_lookup = {rows, read_part, release};
