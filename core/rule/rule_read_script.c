/* What rules ask of each reading: functions of a script, runs of equal values, log lines. */
#include "core/rule/rule_internal.h"

#include "core/config/tree.h"

/* clang-format off */
static const struct rule_row rows[] = {
	{RULE_BIT(SCRIPT),
	 {.name = "on_reading", .type = OPTION_FUNCTION,
	  .example = "function(ctx, r) … end", .help = "is asked about each matching reading",
	  .lua_type = "fun(ctx: tocsin.RuleContext, r: tocsin.Reading): tocsin.Verdict|false|nil"}},
	{RULE_BIT(SCRIPT),
	 {.name = "on_timer", .type = OPTION_FUNCTION,
	  .example = "function(ctx, name) … end", .help = "a timer that the script has set",
	  .lua_type = "fun(ctx: tocsin.RuleContext, name: string): tocsin.Verdict|false|nil"}},
	{RULE_BIT(CONTINUOUS),
	 {.name = "streak", .type = OPTION_INT, .min = 2, .max = 1e6, .example = "5",
	  .help = "readings in a row with the same value of the field, in place of a threshold"}},
	{RULE_BIT(CONTINUOUS),
	 {.name = "by", .type = OPTION_TEXT_LIST, .example = "{ \"terminalId\" }",
	  .help = "of a streak: fields of which each combination has runs of its own"}},
	{0, {.name = NULL}},
};
/* clang-format on */

static bool has_function(const struct rule_builder *builder, const char *name)
{
	const struct tree *entry = tree_get(builder->tree, name);

	return entry != NULL && entry->type == TREE_FUNCTION;
}

/** What is told at a reading is not judged at boundaries, which these options count in. */
static void check_options(const struct rule_builder *builder)
{
	static const char *const names[] = {"hold",          "clear_hold", "keep_firing", "flap",
					    "non_disturb",   "valid_time", "min_samples", "no_data",
					    "expect",        "threshold",  "all",         "any",
					    "severities",    "clear",      "thresholds",  "early",
					    "no_data_after", NULL};

	for (size_t i = 0; names[i] != NULL; i++)
		if (tree_get(builder->tree, names[i]) != NULL)
			rule_fault(builder, names[i],
				   "\"%s\" is not for a rule that is judged at each reading: it "
				   "decides by boundaries",
				   names[i]);
}

static void read_script(const struct rule_builder *builder)
{
	struct rule *rule = builder->rule;

	rule->has_on_reading = has_function(builder, "on_reading");
	rule->has_on_window = has_function(builder, "on_window");
	rule->has_on_timer = has_function(builder, "on_timer");
	/* One of another type is reported by itself. */
	if (tree_get(builder->tree, "on_reading") == NULL &&
	    tree_get(builder->tree, "on_window") == NULL)
		rule_fault_at(builder, builder->tree->line,
			      "rule.script needs \"on_window\" (decides about one window) or "
			      "\"on_reading\" (is asked about each matching reading); example: "
			      "on_window = function(ctx, w) … end");
	if (rule->has_on_reading)
		check_options(builder);
}

static void read_streak(const struct rule_builder *builder)
{
	struct rule *rule = builder->rule;

	rule->streak = (uint32_t)option_int(builder->tree, "streak", 0);
	if (rule->streak == 0) {
		if (tree_get(builder->tree, "by") != NULL)
			rule_fault(builder, "by",
				   "\"by\" of rule.continuous is only for a \"streak\"; without "
				   "one rule.group counts by several fields");
		return;
	}
	check_options(builder);
	rule->threshold.text = arena_format(&rule->arena, ">=%u", rule->streak);
	rule->levels[0].holds.text = rule->threshold.text;
}

static void read_script_part(struct rule_builder *builder)
{
	if (builder->rule->type == RULE_SCRIPT)
		read_script(builder);
	else if (builder->rule->type == RULE_CONTINUOUS)
		read_streak(builder);
}

const struct rule_part rule_part_script = {rows, read_script_part, NULL};
