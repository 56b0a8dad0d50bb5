/* What is computed, and of which field: the rule's own statistic and those of expressions. */
#include "core/rule/rule_internal.h"

#include "core/base/report.h"
#include "core/config/config.h"
#include "core/config/tree.h"
#include "core/model/cells.h"

#include <string.h>

#define STATISTIC_CHOICES                                                                          \
	"\"sum\", \"avg\", \"min\", \"max\", \"stddev\", \"distinct\", \"first\", \"last\", or a " \
	"percentile such as \"p95\" or \"p99.9\""

static void append_numeric_fields(const struct schema *schema, struct bytes *out)
{
	for (uint32_t i = 0; i < schema->field_count; i++)
		if (field_type_is_numeric(schema->fields[i].type))
			bytes_append_format(out, "%s%s", out->length > 0 ? ", " : "",
					    schema->fields[i].name);
}

static void check_numeric(const struct rule_builder *builder, const char *name, int line)
{
	const struct schema *schema = builder->source != NULL ? &builder->source->schema : NULL;
	const struct field *field = schema != NULL ? schema_find(schema, name) : NULL;
	struct bytes numeric = BYTES_EMPTY;

	if (field == NULL || field_type_is_numeric(field->type))
		return;
	append_numeric_fields(schema, &numeric);
	rule_fault_at(builder, line,
		      "\"field\" must be numeric (int or float) where a statistic is computed; "
		      "\"%.128s\" of source %s is declared %s; numeric fields: %s",
		      name, builder->source->name, field_type_name(field->type),
		      numeric.data != NULL ? numeric.data : "none");
	bytes_deinit(&numeric);
}

/** Place of the field in `values`, or -1. */
static int place_of(const struct rule_builder *builder, const char *name, int line)
{
	struct rule *rule = builder->rule;

	for (uint32_t i = 0; i < rule->value_count; i++)
		if (strcmp(rule->values[i], name) == 0)
			return (int)i;
	if (rule->value_count == METRIC_VALUES_MAX) {
		rule_fault_at(builder, line, "a rule computes statistics of at most %d fields",
			      METRIC_VALUES_MAX);
		return -1;
	}
	rule->values[rule->value_count] = name;
	return (int)rule->value_count++;
}

bool rule_add_measure(const struct rule_builder *builder, struct measure *measure,
		      const char *field, int line)
{
	struct rule *rule = builder->rule;
	int place;

	if (!rule_check_field(builder, "field", field, line))
		return false;
	if (statistic_needs_number(measure_statistic(measure)))
		check_numeric(builder, field, line);
	place = place_of(builder, field, line);
	if (place < 0)
		return false;
	measure->value = (uint8_t)place;
	rule->value_needs[place] |= measure_needs(measure);
	return true;
}

bool rule_parse_statistic(const struct rule_builder *builder, const struct tree *text,
			  const char *what, bool is_counted, struct measure *out)
{
	bool is_known = measure_parse(text->text, out) == 0;

	if (is_known && (is_counted || statistic_needs_field(measure_statistic(out))))
		return true;
	rule_fault_at(builder, text->line,
		      "\"statistic\" of %s must be one of %s" STATISTIC_CHOICES
		      ", found the string \"%.64s\"; example: statistic = \"max\"",
		      what, is_counted ? "\"count\", \"rate\", " : "", text->text);
	return false;
}

/** A group computes a statistic of a field, or counts and needs none. */
static void check_group_field(const struct rule_builder *builder)
{
	const struct rule *rule = builder->rule;
	bool is_computed = statistic_needs_field(measure_statistic(&rule->measure));

	if (is_computed && rule->field == NULL)
		rule_fault(builder, "statistic",
			   "statistic \"%s\" needs \"field\", the numeric field it is computed of; "
			   "example: field = \"amount\"",
			   rule->statistic);
	if (!is_computed && rule->field != NULL)
		rule_fault(builder, "field",
			   "\"field\" is only for a statistic of a field: " STATISTIC_CHOICES
			   "; example: statistic = \"sum\"");
}

void rule_read_statistic(const struct rule_builder *builder)
{
	const struct tree *statistic = tree_get(builder->tree, "statistic");
	const struct tree *field = tree_get(builder->tree, "field");
	struct rule *rule = builder->rule;
	char buffer[MEASURE_NAME_BYTES_MAX], what[32];
	/* A script sees sum, min and max of its field. */
	struct measure numbers = {.statistic = STATISTIC_SUM};

	rule->measure = (struct measure){.statistic = STATISTIC_COUNT};
	snprintf(what, sizeof(what), "rule.%s", rule_type_name(rule->type));
	if (statistic != NULL && statistic->type == TREE_STRING)
		rule_parse_statistic(builder, statistic, what, rule->type != RULE_FIELD,
				     &rule->measure);
	rule->statistic = arena_copy_text(&rule->arena, measure_name(&rule->measure, buffer));
	if (rule->type == RULE_GROUP || rule->type == RULE_BASELINE)
		check_group_field(builder);
	if (field == NULL || rule->field == NULL || rule->type == RULE_CONTINUOUS)
		return;
	if (statistic_needs_field(measure_statistic(&rule->measure)))
		rule_add_measure(builder, &rule->measure, rule->field, field->line);
	else
		rule_add_measure(builder, &numbers, rule->field, field->line);
}
