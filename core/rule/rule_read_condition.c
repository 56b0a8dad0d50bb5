/* What a rule compares. Its words, and where the condition of a level comes from:
 *
 *     threshold = ">= 20"                                     one level, one expression
 *     all = { { statistic = "count", threshold = ">= 20" }, … }    one level, several
 *     severities = { warning = ">= 20", critical = { any = { … }, clear = "< 40", hold = "1m" } }
 *
 * `clear`, `hold`, `clear_hold` and `keep_firing` of the rule hold for each level that has none. */
#include "core/rule/rule_internal.h"

#include "core/base/err.h"
#include "core/base/report.h"
#include "core/config/tree.h"

#include <string.h>

static const char *const severities[] = {"info", "warning", "critical", NULL};

const struct option rule_expression_rows[] = {
	{.name = "threshold",
	 .type = OPTION_TEXT,
	 .is_required = true,
	 .example = "\">= 20\"",
	 .help = "a comparison and a number"},
	{.name = "statistic",
	 .type = OPTION_TEXT,
	 .example = "\"avg\"",
	 .help = "what is computed"},
	{.name = "field",
	 .type = OPTION_TEXT,
	 .example = "\"cost_time\"",
	 .help = "numeric field that is computed"},
	{.name = NULL},
};

static const struct option condition_rows[] = {
	{.name = "threshold",
	 .type = OPTION_TEXT,
	 .example = "\">= 20\"",
	 .help = "a comparison and a number"},
	{.name = "all", .type = OPTION_LIST, .help = "expressions that must all hold"},
	{.name = "any", .type = OPTION_LIST, .help = "expressions of which one must hold"},
	{.name = NULL},
};

#define SPAN_EXAMPLE "\"2m\""
const struct option rule_level_rows[] = {
	{.name = "threshold",
	 .type = OPTION_TEXT,
	 .example = "\">= 20\"",
	 .help = "a comparison and a number"},
	{.name = "all", .type = OPTION_LIST, .help = "expressions that must all hold"},
	{.name = "any", .type = OPTION_LIST, .help = "expressions of which one must hold"},
	{.name = "clear", .type = OPTION_ANY, .example = "\"< 10\"", .help = "when it is over"},
	{.name = "hold",
	 .type = OPTION_SPAN,
	 .example = SPAN_EXAMPLE,
	 .help = "how long it must hold"},
	{.name = "clear_hold",
	 .type = OPTION_SPAN,
	 .example = SPAN_EXAMPLE,
	 .help = "how long it must be over"},
	{.name = "keep_firing",
	 .type = OPTION_SPAN,
	 .example = SPAN_EXAMPLE,
	 .help = "how long it must be over"},
	{.name = NULL},
};

bool rule_check_table(const struct rule_builder *builder, const struct tree *table,
		      const struct option *rows, const char *name)
{
	return options_check(table, rows, builder->rule->file, name, builder->report) == 0;
}

static void check_statistic_field(const struct rule_builder *builder,
				  struct rule_expression *expression, int line)
{
	char buffer[MEASURE_NAME_BYTES_MAX];

	if (!statistic_needs_field(measure_statistic(&expression->measure)))
		expression->field = NULL;
	else if (expression->field == NULL)
		rule_fault_at(
			builder, line,
			"statistic \"%s\" needs \"field\", the numeric field it is computed of; "
			"example: field = \"amount\"",
			measure_name(&expression->measure, buffer));
	else
		rule_add_measure(builder, &expression->measure, expression->field, line);
}

static void read_threshold(const struct rule_builder *builder, const struct tree *text,
			   struct threshold *out)
{
	struct err_note why = {0};

	if (threshold_parse(&builder->rule->arena, text->text, out, &why) != 0)
		rule_fault_at(builder, text->line, "%s; example: %s = \">= 20\"", why.text,
			      text->key != NULL ? text->key : "threshold");
}

static struct rule_expression main_expression(const struct rule *rule)
{
	return (struct rule_expression){
		.measure = rule->measure,
		.field = rule->type == RULE_CONTINUOUS ? NULL : rule->field,
	};
}

/** One of a list: a table, or a text that is a threshold of the rule's statistic. */
static bool read_expression(const struct rule_builder *builder, const struct tree *tree,
			    struct rule_expression *out)
{
	const struct tree *field, *threshold, *statistic;

	*out = main_expression(builder->rule);
	if (tree->type == TREE_STRING) {
		read_threshold(builder, tree, &out->threshold);
		return true;
	}
	if (!rule_check_table(builder, tree, rule_expression_rows, "an expression"))
		return false;
	field = tree_get(tree, "field");
	threshold = tree_get(tree, "threshold");
	statistic = tree_get(tree, "statistic");
	if (field != NULL)
		out->field = arena_copy_text(&builder->rule->arena, field->text);
	if (statistic != NULL &&
	    !rule_parse_statistic(builder, statistic, "an expression", true, &out->measure))
		return false;
	read_threshold(builder, threshold, &out->threshold);
	check_statistic_field(builder, out, field != NULL ? field->line : tree->line);
	return true;
}

static const char *condition_text(struct rule *rule, const struct rule_condition *condition)
{
	struct bytes text = BYTES_EMPTY;
	const char *copy;

	if (condition->count == 1)
		return condition->expressions[0].threshold.text;
	for (uint32_t i = 0; i < condition->count; i++) {
		const struct rule_expression *one = &condition->expressions[i];
		char buffer[MEASURE_NAME_BYTES_MAX];

		bytes_append_format(&text, "%s%s%s%s%s",
				    i == 0              ? ""
				    : condition->is_any ? " or "
							: " and ",
				    measure_name(&one->measure, buffer),
				    one->field != NULL ? " " : "",
				    one->field != NULL ? one->field : "",
				    one->threshold.text != NULL ? one->threshold.text : "");
	}
	copy = arena_copy_text(&rule->arena, text.data != NULL ? text.data : "");
	bytes_deinit(&text);
	return copy;
}

static void read_several(const struct rule_builder *builder, const struct tree *list, bool is_any,
			 struct rule_condition *out)
{
	struct rule *rule = builder->rule;
	struct rule_expression *expressions;
	uint32_t count = 0;

	if (!tree_is_list(list))
		return;
	if (list->child_count < 1 || list->child_count > RULE_EXPRESSIONS_MAX) {
		rule_fault_at(builder, list->line,
			      "\"%s\" must have 1 to %d expressions, found %u; example: %s = { { "
			      "statistic = \"count\", threshold = \">= 20\" } }",
			      list->key, RULE_EXPRESSIONS_MAX, list->child_count, list->key);
		return;
	}
	expressions = arena_zalloc(&rule->arena, list->child_count * sizeof(*expressions));
	for (const struct tree *item = list->first; item != NULL; item = item->next)
		count += read_expression(builder, item, &expressions[count]);
	*out = (struct rule_condition){.expressions = expressions,
				       .count = count,
				       .is_any = is_any,
				       .option = is_any ? "any" : "all",
				       .line = list->line};
	out->text = condition_text(rule, out);
}

static void read_one(const struct rule_builder *builder, const struct tree *text, bool is_main,
		     struct rule_condition *out)
{
	struct rule *rule = builder->rule;
	struct rule_expression *expression = arena_zalloc(&rule->arena, sizeof(*expression));

	*expression = main_expression(rule);
	expression->is_main = is_main;
	read_threshold(builder, text, &expression->threshold);
	*out = (struct rule_condition){
		.expressions = expression,
		.count = 1,
		.text = expression->threshold.text,
		.option = arena_copy_text(&rule->arena, text->key != NULL ? text->key : ""),
		.line = text->line,
	};
}

/** One of "threshold", "all", "any" of a table; `what` names it in messages. */
static bool read_condition(const struct rule_builder *builder, const struct tree *map,
			   const char *what, bool is_rule, struct rule_condition *out)
{
	const struct tree *threshold = tree_get(map, "threshold");
	const struct tree *all = tree_get(map, "all"), *any = tree_get(map, "any");
	int count = (threshold != NULL) + (all != NULL) + (any != NULL);

	if (count > 1) {
		rule_fault_at(
			builder, any != NULL ? any->line : all->line,
			"%s has more than one of \"threshold\", \"all\" and \"any\"; write one of "
			"them",
			what);
		return true;
	}
	if (threshold != NULL && threshold->type == TREE_STRING)
		read_one(builder, threshold, is_rule, out);
	else if (all != NULL)
		read_several(builder, all, false, out);
	else if (any != NULL)
		read_several(builder, any, true, out);
	return count > 0;
}

static void read_clear(const struct rule_builder *builder, const struct tree *map,
		       struct rule_condition *out)
{
	const struct tree *clear = tree_get(map, "clear");
	char found[TREE_DESCRIPTION_BYTES_MAX];

	if (clear == NULL)
		return;
	if (clear->type == TREE_STRING)
		read_one(builder, clear, false, out);
	else if (!tree_is_map(clear))
		rule_fault_at(
			builder, clear->line,
			"\"clear\" must be a threshold or { all = { … } } or { any = { … } }, "
			"found %s; example: clear = \"< 10\"",
			tree_describe(clear, found));
	else if (rule_check_table(builder, clear, condition_rows, "clear") &&
		 !read_condition(builder, clear, "\"clear\"", false, out))
		rule_fault_at(builder, clear->line,
			      "\"clear\" is empty; example: clear = \"< 10\"");
}

/** What a table says of a level; the rest stays as it is. */
static void read_spans(const struct rule_builder *builder, const struct tree *map,
		       struct rule_level *level)
{
	bool has_clear_hold =
		tree_get(map, "clear_hold") != NULL || tree_get(map, "keep_firing") != NULL;
	int64_t clear_hold_ms = option_span_ms(map, "clear_hold", 0);
	int64_t keep_firing_ms = option_span_ms(map, "keep_firing", 0);

	read_clear(builder, map, &level->clear);
	level->hold_ms = option_span_ms(map, "hold", level->hold_ms);
	if (has_clear_hold)
		level->clear_hold_ms =
			clear_hold_ms > keep_firing_ms ? clear_hold_ms : keep_firing_ms;
}

static void read_level(const struct rule_builder *builder, const struct tree *item,
		       struct rule_level *level)
{
	char found[TREE_DESCRIPTION_BYTES_MAX];

	if (item->type == TREE_STRING) {
		read_one(builder, item, false, &level->holds);
		return;
	}
	if (!tree_is_map(item)) {
		rule_fault_at(builder, item->line,
			      "severity \"%s\" must be a threshold or a table with one, found %s; "
			      "example: severities = { %s = \">= 20\" }",
			      level->severity, tree_describe(item, found), level->severity);
		return;
	}
	if (!rule_check_table(builder, item, rule_level_rows, level->severity))
		return;
	if (!read_condition(builder, item, level->severity, false, &level->holds))
		rule_fault_at(builder, item->line,
			      "severity \"%s\" needs \"threshold\", \"all\" or \"any\"; example: "
			      "%s = { threshold = \">= 20\" }",
			      level->severity, level->severity);
	read_spans(builder, item, level);
}

static void read_severities(const struct rule_builder *builder, const struct tree *map,
			    const struct rule_level *defaults)
{
	struct rule *rule = builder->rule;
	struct option rows[RULE_LEVELS_MAX + 1] = {{.name = NULL}};

	for (uint32_t i = 0; severities[i] != NULL; i++)
		rows[i] = (struct option){.name = severities[i], .type = OPTION_ANY, .help = ""};
	if (!rule_check_table(builder, map, rows, "severities"))
		return;
	for (uint32_t i = 0; severities[i] != NULL; i++) {
		const struct tree *item = tree_get(map, severities[i]);

		if (item == NULL)
			continue;
		rule->levels[rule->level_count] = *defaults;
		rule->levels[rule->level_count].severity = severities[i];
		read_level(builder, item, &rule->levels[rule->level_count++]);
	}
	if (rule->level_count == 0) {
		rule_fault_at(
			builder, map->line,
			"\"severities\" is empty; example: severities = { warning = \">= 20\", "
			"critical = \">= 50\" }");
		return;
	}
	rule->severity = rule->levels[0].severity;
}

static bool is_compared(const struct rule *rule)
{
	return (RULE_BITS_THRESHOLD & 1u << rule->type) != 0;
}

static void read_single(const struct rule_builder *builder, const struct rule_level *defaults)
{
	struct rule *rule = builder->rule;

	rule->level_count = 1;
	rule->levels[0] = *defaults;
	rule->levels[0].severity = rule->severity;
	/* A verdict may have any of them. */
	if (rule->type == RULE_SCRIPT)
		for (rule->level_count = 0; severities[rule->level_count] != NULL;) {
			rule->levels[rule->level_count] = *defaults;
			rule->levels[rule->level_count].severity = severities[rule->level_count];
			rule->level_count++;
		}
	if (!is_compared(rule) || tree_get(builder->tree, "streak") != NULL ||
	    tree_get(builder->tree, "trend") != NULL)
		return;
	if (!read_condition(builder, builder->tree, "the rule", true, &rule->levels[0].holds))
		rule_fault_at(builder, builder->tree->line,
			      "rule.%s needs \"threshold\" (a comparison and a number), \"all\", "
			      "\"any\" or \"severities\"; example: threshold = \">= 20\"",
			      rule_type_name(rule->type));
}

void rule_read_levels(struct rule_builder *builder)
{
	const struct tree *map = tree_get(builder->tree, "severities");
	struct rule *rule = builder->rule;
	struct rule_level defaults = {.hold_ms = 0};

	read_spans(builder, builder->tree, &defaults);
	if (map == NULL) {
		read_single(builder, &defaults);
	} else {
		if (tree_get(builder->tree, "threshold") != NULL ||
		    tree_get(builder->tree, "all") != NULL ||
		    tree_get(builder->tree, "any") != NULL)
			rule_fault(builder, "severities",
				   "each of \"severities\" has its own condition: \"threshold\", "
				   "\"all\" "
				   "and \"any\" of the rule would say nothing");
		if (tree_get(builder->tree, "severity") != NULL)
			rule_fault(builder, "severity",
				   "\"severity\" is only for a rule without \"severities\"");
		if (tree_is_map(map))
			read_severities(builder, map, &defaults);
	}
	rule->threshold.text = rule->levels[0].holds.text;
	if (rule->level_count == 1 && rule->levels[0].holds.count == 1)
		rule->threshold = rule->levels[0].holds.expressions[0].threshold;
}
