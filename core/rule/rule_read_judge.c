#include "core/rule/rule_internal.h"

#include "core/base/err.h"
#include "core/config/tree.h"
#include "core/rule/rule_message.h"

#include <string.h>

#define DAY_MS INT64_C(86400000)
/** As long as the rows of days are kept by default. */
#define KEY_IDLE_MS (30 * DAY_MS)

static const char *const no_data_choices[] = {"keep", "ok", "alert", NULL};

/* clang-format off */
static const struct option flap_rows[] = {
	{.name = "changes", .type = OPTION_INT, .is_required = true,
	 .min = 2, .max = RULE_FLAP_CHANGES_MAX, .example = "4", .help = "changes of state"},
	{.name = "within", .type = OPTION_SPAN, .is_required = true,
	 .min = 1000, .max = 30 * DAY_MS, .example = "\"10m\"", .help = "time they are counted in"},
	{.name = NULL},
};

static const struct option non_disturb_rows[] = {
	{.name = "max", .type = OPTION_INT, .is_required = true,
	 .min = 1, .max = RULE_NON_DISTURB_MAX, .example = "3", .help = "firing alerts"},
	{.name = "within", .type = OPTION_SPAN, .is_required = true,
	 .min = 1000, .max = 30 * DAY_MS, .example = "\"1h\"", .help = "time they are counted in"},
	{.name = NULL},
};

static const struct rule_row rows[] = {
	{RULE_BITS_THRESHOLD,
	 {.name = "threshold", .type = OPTION_TEXT, .example = "\">= 20\"",
	  .help = "a comparison and a number"}},
	{RULE_BITS_THRESHOLD,
	 {.name = "all", .type = OPTION_LIST,
	  .example = "{ { statistic = \"count\", threshold = \">= 20\" }, … }",
	  .help = "expressions that must all hold",
	  .rows = rule_expression_rows}},
	{RULE_BITS_THRESHOLD,
	 {.name = "any", .type = OPTION_LIST,
	  .example = "{ { statistic = \"count\", threshold = \">= 20\" }, … }",
	  .help = "expressions of which one must hold",
	  .rows = rule_expression_rows}},
	{RULE_BITS_THRESHOLD,
	 {.name = "severities", .type = OPTION_TABLE,
	  .example = "{ warning = \">= 20\", critical = \">= 50\" }",
	  .help = "levels with conditions of their own, as text or table",
	  .rows = rule_level_rows, .is_named = true}},
	{RULE_BITS_THRESHOLD,
	 {.name = "clear", .type = OPTION_ANY, .example = "\"< 10\"",
	  .help = "condition under which it resolves",
	  .lua_type = "string|table"}},
	{RULE_BITS_ALL,
	 {.name = "hold", .type = OPTION_SPAN, .example = "\"2m\"",
	  .help = "how long the condition must hold before it fires"}},
	{RULE_BITS_ALL,
	 {.name = "clear_hold", .type = OPTION_SPAN, .example = "\"5m\"",
	  .help = "how long it must be over before it resolves"}},
	{RULE_BITS_ALL,
	 {.name = "keep_firing", .type = OPTION_SPAN, .example = "\"5m\"",
	  .help = "how long it must be over before it resolves"}},
	{RULE_BITS_ALL,
	 {.name = "flap", .type = OPTION_TABLE, .example = "{ changes = 4, within = \"10m\" }",
	  .help = "changes of state that make a key flapping", .rows = flap_rows}},
	{RULE_BITS_ALL,
	 {.name = "non_disturb", .type = OPTION_TABLE, .example = "{ max = 3, within = \"1h\" }",
	  .help = "how many firing alerts of a key are sent at most",
	  .rows = non_disturb_rows}},
	{RULE_BITS_ALL & ~RULE_BIT(SCRIPT),
	 {.name = "min_samples", .type = OPTION_INT, .min = 1, .max = 1e12, .example = "30",
	  .help = "readings a window must have to be judged"}},
	{RULE_BITS_ALL & ~RULE_BIT(SCRIPT),
	 {.name = "no_data", .type = OPTION_CHOICE, .choices = no_data_choices,
	  .example = "\"alert\"", .help = "what a key without readings means"}},
	{RULE_BITS_ALL & ~RULE_BIT(SCRIPT),
	 {.name = "no_data_after", .type = OPTION_SPAN, .example = "\"5m\"",
	  .help = "silence that is a finding"}},
	{RULE_BITS_ALL & ~RULE_BIT(SCRIPT),
	 {.name = "expect", .type = OPTION_ANY, .example = "{ \"m1\", \"m2\" }",
	  .lua_type = "any[]|{lookup: string, column?: string}",
	  .help = "keys that must send"}},
	{RULE_BITS_ALL,
	 {.name = "message", .type = OPTION_TEXT,
	  .example = "\"{merchantId}: {count} failed payments\"",
	  .help = "text of the alert, with names in braces"}},
	{RULE_BITS_ALL,
	 {.name = "keys_max", .type = OPTION_INT, .min = 1, .max = 1e7, .example = "1000",
	  .help = "keys the rule watches at most"}},
	{RULE_BITS_ALL,
	 {.name = "key_idle", .type = OPTION_SPAN, .example = "\"1d\"",
	  .help = "silence after which a key is forgotten"}},
	{0, {.name = NULL}},
};
/* clang-format on */

static void read_limits(const struct rule_builder *builder)
{
	const struct tree *flap = tree_get(builder->tree, "flap");
	const struct tree *non_disturb = tree_get(builder->tree, "non_disturb");
	struct rule *rule = builder->rule;

	if (flap != NULL && tree_is_map(flap) &&
	    rule_check_table(builder, flap, flap_rows, "flap")) {
		rule->flap.changes = (uint32_t)option_int(flap, "changes", 0);
		rule->flap.within_ms = option_span_ms(flap, "within", 0);
	}
	if (non_disturb != NULL && tree_is_map(non_disturb) &&
	    rule_check_table(builder, non_disturb, non_disturb_rows, "non_disturb")) {
		rule->non_disturb.max = (uint32_t)option_int(non_disturb, "max", 0);
		rule->non_disturb.within_ms = option_span_ms(non_disturb, "within", 0);
	}
}

/* ---- silence ---- */

static void read_no_data(const struct rule_builder *builder)
{
	struct rule *rule = builder->rule;
	const char *text = option_text(builder->tree, "no_data", NULL);
	bool is_alert;

	rule_read_expect(builder);
	/* Keys that must send are named for no other reason. */
	is_alert = text != NULL ? strcmp(text, "alert") == 0 : rule->expect_count > 0;
	if (is_alert)
		rule->no_data = RULE_NO_DATA_ALERT;
	else if (text != NULL && strcmp(text, "ok") == 0)
		rule->no_data = RULE_NO_DATA_OK;
	rule->no_data_after_ms = option_span_ms(builder->tree, "no_data_after", 0);
	if (rule->no_data_after_ms < rule->window_ms) {
		if (tree_get(builder->tree, "no_data_after") != NULL)
			rule_fault(
				builder, "no_data_after",
				"\"no_data_after\" must not be shorter than the window, which is "
				"%s: only an empty window is silence",
				option_text(builder->tree, "window", ""));
		rule->no_data_after_ms = rule->window_ms;
	}
	if (!is_alert && rule->expect_count > 0)
		rule_fault(builder, "expect", "\"expect\" needs no_data = \"alert\"");
	if (!is_alert && tree_get(builder->tree, "no_data_after") != NULL)
		rule_fault(builder, "no_data_after",
			   "\"no_data_after\" needs no_data = \"alert\": only then silence is a "
			   "finding");
}

/* ---- all ---- */

static void read_message(const struct rule_builder *builder)
{
	const struct tree *text = tree_get(builder->tree, "message");
	struct rule *rule = builder->rule;
	struct err_note why = {0};

	if (text != NULL && text->type == TREE_STRING &&
	    rule_message_parse(&rule->arena, text->text, (const char *const *)rule->by,
			       rule->by_count, &rule->message, &why) != 0)
		rule_fault(builder, "message", "\"message\": %s", why.text);
}

bool rule_is_plain(const struct rule *rule)
{
	const struct rule_level *level = &rule->levels[0];

	return (RULE_BITS_THRESHOLD & 1u << rule->type) != 0 && rule->level_count == 1 &&
	       level->holds.count == 1 && level->holds.expressions[0].is_main &&
	       rule->measure.value == 0 && rule->measure.statistic <= STATISTIC_MAX &&
	       level->clear.count == 0 && level->hold_ms == 0 && level->clear_hold_ms == 0 &&
	       rule->no_data == RULE_NO_DATA_KEEP && rule->min_samples == 0 &&
	       rule->flap.changes == 0 && rule->non_disturb.max == 0 && rule->valid_time == NULL &&
	       rule->key_filter == NULL && rule->key_thresholds == NULL;
}

static void read_key_idle(const struct rule_builder *builder)
{
	struct rule *rule = builder->rule;
	bool is_alert = rule->no_data == RULE_NO_DATA_ALERT;

	rule->key_idle_ms =
		option_span_ms(builder->tree, "key_idle", rule->no_data_after_ms + KEY_IDLE_MS);
	if (rule->key_idle_ms < rule->window_ms)
		rule_fault(builder, "key_idle",
			   "\"key_idle\" must not be shorter than the window: a key would be "
			   "forgotten while it is judged");
	else if (is_alert && rule->key_idle_ms <= rule->no_data_after_ms)
		rule_fault(builder, "key_idle",
			   "\"key_idle\" must be longer than \"no_data_after\": a key would be "
			   "forgotten before its silence is told");
}

static void read_part(struct rule_builder *builder)
{
	struct rule *rule = builder->rule;
	rule_read_levels(builder);
	read_limits(builder);
	read_no_data(builder);
	read_message(builder);
	rule->min_samples = (uint64_t)option_int(builder->tree, "min_samples", 0);
	rule->keys_max = (uint32_t)option_int(builder->tree, "keys_max", 0);
	read_key_idle(builder);
}

const struct rule_part rule_part_judge = {rows, read_part, NULL};
