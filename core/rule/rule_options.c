#include "core/rule/rule_options.h"

#include "core/base/require.h"
#include "core/rule/rule_internal.h"

#include <stddef.h>

static const char *const severity_choices[] = {"info", "warning", "critical", NULL};

/* clang-format off */
static const struct rule_row base_rows[] = {
	{RULE_BITS_ALL,
	 {.name = "type", .type = OPTION_TEXT, .is_required = true}},
	{RULE_BITS_ALL,
	 {.name = "source", .type = OPTION_TEXT, .is_required = true, .example = "\"pay\"",
	  .help = "source whose readings are watched"}},
	{RULE_BITS_ALL,
	 {.name = "window", .type = OPTION_WINDOW, .is_required = true, .example = "\"1m\"",
	  .help = "span that is judged"}},
	{RULE_BITS_ALL,
	 {.name = "output", .type = OPTION_TEXT, .is_required = true, .example = "\"alerts\"",
	  .help = "output that gets the alerts"}},
	{RULE_BITS_ALL,
	 {.name = "every", .type = OPTION_SPAN, .example = "\"5s\"",
	  .help = "time between evaluations"}},
	{RULE_BITS_ALL,
	 {.name = "filter", .type = OPTION_ANY, .example = "'success == false and amount > 0'",
	  .help = "which readings count: an expression, or a function of a reading",
	  .lua_type = "string|fun(r: tocsin.Reading): any"}},
	{RULE_BITS_ALL,
	 {.name = "reads", .type = OPTION_TEXT_LIST, .example = "{ \"amount\", \"app\" }",
	  .help = "fields that a filter function looks at"}},
	{RULE_BITS_ALL,
	 {.name = "title", .type = OPTION_TEXT, .example = "\"Failed payments\"",
	  .help = "name shown in alerts, at most 200 bytes"}},
	{RULE_BITS_ALL,
	 {.name = "description", .type = OPTION_TEXT, .example = "\"Too many failed payments\"",
	  .help = "free text, at most 4000 bytes"}},
	{RULE_BITS_ALL,
	 {.name = "severity", .type = OPTION_CHOICE, .choices = severity_choices,
	  .example = "\"critical\"", .help = "how bad it is"}},
	{RULE_BITS_ALL,
	 {.name = "labels", .type = OPTION_TABLE, .example = "{ team = \"payments\" }",
	  .help = "texts of at most 1000 bytes carried by each alert",
	  .lua_type = "table<string, string>"}},
	{RULE_BITS_ALL,
	 {.name = "incident", .type = OPTION_ANY, .example = "{ key = { \"merchantId\" } }",
	  .help = "fields that make one incident, or false for none",
	  .lua_type = "false|{key?: string[], approve?: boolean}", .rows = rule_incident_rows}},
	{RULE_BIT(FIELD),
	 {.name = "field", .type = OPTION_TEXT, .is_required = true, .example = "\"cost_time\"",
	  .help = "numeric field that is computed"}},
	{RULE_BIT(FIELD),
	 {.name = "statistic", .type = OPTION_TEXT, .is_required = true, .example = "\"max\"",
	  .help = "what is computed"}},
	{RULE_BIT(CONTINUOUS),
	 {.name = "field", .type = OPTION_TEXT, .is_required = true, .example = "\"cost_time\"",
	  .help = "field of which every value is watched by itself"}},
	{RULE_BIT(GROUP),
	 {.name = "by", .type = OPTION_TEXT_LIST, .is_required = true,
	  .example = "{ \"merchantId\" }", .help = "fields whose combinations are watched"}},
	{RULE_BIT(GROUP),
	 {.name = "field", .type = OPTION_TEXT, .example = "\"amount\"",
	  .help = "numeric field that is computed"}},
	{RULE_BIT(GROUP),
	 {.name = "statistic", .type = OPTION_TEXT,
	  .example = "\"sum\"", .help = "what is computed"}},
	{RULE_BIT(SCRIPT),
	 {.name = "by", .type = OPTION_TEXT_LIST, .example = "{ \"merchantId\" }",
	  .help = "fields whose combinations are watched"}},
	{RULE_BIT(SCRIPT),
	 {.name = "field", .type = OPTION_TEXT, .example = "\"amount\"",
	  .help = "numeric field that is computed"}},
	{RULE_BIT(SCRIPT),
	 {.name = "on_window", .type = OPTION_FUNCTION,
	  .example = "function(ctx, w) … end", .help = "decides about one window",
	  .lua_type = "fun(ctx: tocsin.RuleContext, w: tocsin.Window): tocsin.Verdict|false|nil"}},
	{0, {.name = NULL}},
};
/* clang-format on */

static uint32_t add_rows(const struct rule_row *rows, enum rule_type type, struct option *out,
			 uint32_t count)
{
	for (; rows->option.name != NULL; rows++) {
		if ((rows->types & 1u << type) == 0)
			continue;
		REQUIRE(count < RULE_OPTIONS_MAX - 1);
		out[count++] = rows->option;
	}
	return count;
}

void rule_options(enum rule_type type, struct option out[RULE_OPTIONS_MAX])
{
	uint32_t count = add_rows(base_rows, type, out, 0);

#define RULE_PART_ROWS(name) count = add_rows(rule_part_##name.rows, type, out, count);
	RULE_PART_LIST(RULE_PART_ROWS)
#undef RULE_PART_ROWS
	out[count] = (struct option){.name = NULL};
}

void rule_read_parts(struct rule_builder *builder)
{
#define RULE_PART_READ(name) rule_part_##name.read(builder);
	RULE_PART_LIST(RULE_PART_READ)
#undef RULE_PART_READ
}

void rule_free_parts(struct rule *rule)
{
#define RULE_PART_FREE(name)                                                                       \
	if (rule_part_##name.free != NULL)                                                         \
		rule_part_##name.free(rule);
	RULE_PART_LIST(RULE_PART_FREE)
#undef RULE_PART_FREE
}
