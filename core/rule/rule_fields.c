#include "core/rule/rule_internal.h"

#include "core/base/err.h"
#include "core/base/report.h"
#include "core/config/config.h"
#include "core/config/options.h"
#include "core/config/tree.h"
#include "core/filter/filter.h"
#include "core/model/batch.h"

#include <string.h>

static const char *nearest_field(const struct schema *schema, const char *name)
{
	const char *names[SCHEMA_FIELDS_MAX + 1];
	uint32_t count = 0;

	for (; count < schema->field_count && count < SCHEMA_FIELDS_MAX; count++)
		names[count] = schema->fields[count].name;
	names[count] = NULL;
	return report_nearest(name, names);
}

static void append_field_names(const struct schema *schema, struct bytes *out)
{
	for (uint32_t i = 0; i < schema->field_count; i++)
		bytes_append_format(out, "%s%s", i > 0 ? ", " : "", schema->fields[i].name);
}

bool rule_check_field(const struct rule_builder *builder, const char *option, const char *name,
		      int line)
{
	const struct schema *schema;
	struct bytes known = BYTES_EMPTY;
	const char *nearest;

	if (name[0] == '\0' || strlen(name) > FIELD_NAME_BYTES_MAX) {
		report_add(builder->report, builder->rule->file, line,
			   "\"%s\" must name a field in 1 to %d bytes; example: \"merchantId\"",
			   option, FIELD_NAME_BYTES_MAX);
		return false;
	}
	if (builder->source == NULL)
		return true;
	schema = &builder->source->schema;
	if (!schema->is_closed || schema_find(schema, name) != NULL)
		return true;
	nearest = nearest_field(schema, name);
	append_field_names(schema, &known);
	report_add(builder->report, builder->rule->file, line,
		   "unknown field \"%.128s\" in \"%s\"%s%s%s; fields of source %s: %s", name,
		   option, nearest != NULL ? "; did you mean \"" : "",
		   nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "",
		   builder->source->name, known.data != NULL ? known.data : "none");
	bytes_deinit(&known);
	return false;
}

static void read_by(struct rule_builder *builder)
{
	const struct tree *by = tree_get(builder->tree, "by");
	struct rule *rule = builder->rule;
	bool is_needed = rule->type == RULE_GROUP;

	if (by == NULL || !tree_is_list(by))
		return;
	if (by->child_count > DIMENSION_FIELDS_MAX || (is_needed && by->child_count == 0)) {
		rule_fault(builder, "by",
			   "\"by\" must have %d to %d fields, found %u; example: "
			   "by = { \"merchantId\" }",
			   is_needed ? 1 : 0, DIMENSION_FIELDS_MAX, by->child_count);
		return;
	}
	for (const struct tree *item = by->first; item != NULL; item = item->next) {
		if (item->type != TREE_STRING)
			continue;
		for (uint32_t i = 0; i < rule->by_count; i++)
			if (strcmp(rule->by[i], item->text) == 0)
				report_add(builder->report, rule->file, item->line,
					   "\"by\" has the field \"%.128s\" twice", item->text);
		rule->by[rule->by_count++] = arena_copy_text(&rule->arena, item->text);
		rule_check_field(builder, "by", item->text, item->line);
	}
}

/** Without a source its syntax is checked all the same: any name may be a field. */
static void check_filter(const struct rule_builder *builder)
{
	struct filter *filter;
	struct field_set fields;
	struct schema open;
	struct err_note why = {0};

	if (builder->rule->filter[0] == '\0')
		return;
	field_set_init(&fields);
	schema_init(&open);
	if (filter_compile(&filter, builder->rule->filter,
			   builder->source != NULL ? &builder->source->schema : &open, &fields,
			   &why) == 0)
		filter_free(filter);
	else
		rule_fault(builder, "filter", "filter: %s", why.text);
	schema_deinit(&open);
	field_set_deinit(&fields);
}

static void add_read(const struct rule_builder *builder, const char *name, int line)
{
	struct rule *rule = builder->rule;

	if (!rule_check_field(builder, "reads", name, line))
		return;
	rule->reads[rule->read_count++] = arena_copy_text(&rule->arena, name);
}

/** All declared fields, unless the rule names those it needs. */
static void read_reads(const struct rule_builder *builder, const char *option)
{
	const struct schema *schema = builder->source != NULL ? &builder->source->schema : NULL;
	const struct tree *reads = tree_get(builder->tree, "reads");
	uint32_t count = reads != NULL ? reads->child_count : schema ? schema->field_count : 0;

	if (count > RULE_READS_MAX) {
		rule_fault(builder, reads != NULL ? "reads" : option,
			   "a function of a reading sees at most %d fields, found %u; name those "
			   "it looks at: reads = { \"amount\", \"app\" }",
			   RULE_READS_MAX, count);
		return;
	}
	if (reads == NULL && schema != NULL && !schema->is_closed) {
		rule_fault(builder, option,
			   "a function of a reading of a source without declared fields needs "
			   "\"reads\", the fields it looks at; example: reads = { \"amount\", "
			   "\"app\" }");
		return;
	}
	if (reads == NULL)
		for (uint32_t i = 0; i < count; i++)
			add_read(builder, schema->fields[i].name, 0);
	for (const struct tree *item = reads != NULL && tree_is_list(reads) ? reads->first : NULL;
	     item != NULL; item = item->next)
		if (item->type == TREE_STRING)
			add_read(builder, item->text, item->line);
}

static void read_filter(const struct rule_builder *builder)
{
	const struct tree *filter = tree_get(builder->tree, "filter");
	struct rule *rule = builder->rule;
	char found[TREE_DESCRIPTION_BYTES_MAX];

	rule->has_filter_function = filter != NULL && filter->type == TREE_FUNCTION;
	rule->filter = arena_copy_text(
		&rule->arena, filter != NULL && filter->type == TREE_STRING ? filter->text : "");
	if (filter != NULL && filter->type != TREE_STRING && filter->type != TREE_FUNCTION)
		rule_fault(builder, "filter",
			   "\"filter\" must be an expression in quotes or a function, found %s; "
			   "example: filter = 'success == false and amount > 0'",
			   tree_describe(filter, found));
	if (rule->has_filter_function)
		read_reads(builder, "filter");
	else if (tree_get(builder->tree, "on_reading") != NULL)
		read_reads(builder, "on_reading");
	else if (tree_get(builder->tree, "reads") != NULL)
		rule_fault(builder, "reads",
			   "\"reads\" is only for a function of a reading (filter, on_reading): "
			   "an expression names its fields itself");
	check_filter(builder);
}

/** The last field of the dimension: each of its values is watched by itself. */
static void add_watched_field(const struct rule_builder *builder, int line)
{
	struct rule *rule = builder->rule;

	if (rule->by_count == DIMENSION_FIELDS_MAX)
		rule_fault(builder, "by",
			   "\"by\" of rule.continuous has at most %d fields, for \"field\" comes "
			   "behind them",
			   DIMENSION_FIELDS_MAX - 1);
	else
		rule->by[rule->by_count++] = rule->field;
	rule_check_field(builder, "field", rule->field, line);
}

void rule_read_fields(struct rule_builder *builder)
{
	struct rule *rule = builder->rule;
	const struct tree *field = tree_get(builder->tree, "field");

	if (field != NULL && field->type == TREE_STRING)
		rule->field = arena_copy_text(&rule->arena, field->text);
	read_by(builder);
	if (rule->type == RULE_CONTINUOUS && field != NULL && rule->field != NULL)
		add_watched_field(builder, field->line);
	rule_read_statistic(builder);
	read_filter(builder);
}
