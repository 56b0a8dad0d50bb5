#include "core/rule/rule_internal.h"

#include "core/config/options.h"

#include <stddef.h>

static const char *const severity_choices[] = {"info", "warning", "critical", NULL};
static const char *const field_statistics[] = {"max", "min", "avg", "sum", NULL};
static const char *const group_statistics[] = {"count", "max", "min", "avg", "sum", NULL};

/* clang-format off */
#define ROWS_OF_EVERY_TYPE                                                                         \
	{.name = "type", .type = OPTION_TEXT, .is_required = true},                                \
	{.name = "source", .type = OPTION_TEXT, .is_required = true, .example = "\"pay\"",         \
	 .help = "source whose readings are watched"},                                             \
	{.name = "window", .type = OPTION_WINDOW, .is_required = true, .example = "\"1m\"",        \
	 .help = "span that is judged"},                                                           \
	{.name = "output", .type = OPTION_TEXT, .is_required = true, .example = "\"alerts\"",      \
	 .help = "output that gets the alerts"},                                                   \
	{.name = "every", .type = OPTION_SPAN, .example = "\"5s\"",                                \
	 .help = "time between evaluations"},                                                      \
	{.name = "filter", .type = OPTION_ANY, .example = "'success == false and amount > 0'",     \
	 .help = "which readings count: an expression, or a function of a reading"},               \
	{.name = "reads", .type = OPTION_TEXT_LIST, .example = "{ \"amount\", \"app\" }",          \
	 .help = "fields that a filter function looks at"},                                        \
	{.name = "title", .type = OPTION_TEXT, .example = "\"Failed payments\"",                   \
	 .help = "name shown in alerts"},                                                          \
	{.name = "description", .type = OPTION_TEXT, .example = "\"Too many failed payments\"",    \
	 .help = "free text"},                                                                     \
	{.name = "severity", .type = OPTION_CHOICE, .choices = severity_choices,                   \
	 .example = "\"critical\"", .help = "how bad it is"},                                      \
	{.name = "labels", .type = OPTION_TABLE, .example = "{ team = \"payments\" }",             \
	 .help = "texts carried by each alert"},                                                   \
	{.name = "incident", .type = OPTION_ANY, .example = "{ key = { \"merchantId\" } }",        \
	 .help = "fields that make one incident, or false for none"}

#define ROW_THRESHOLD                                                                              \
	{.name = "threshold", .type = OPTION_TEXT, .is_required = true, .example = "\">= 20\"",    \
	 .help = "a comparison and a number"}

static const struct option count_rows[] = {
	ROWS_OF_EVERY_TYPE,
	ROW_THRESHOLD,
	{.name = NULL},
};

static const struct option field_rows[] = {
	ROWS_OF_EVERY_TYPE,
	ROW_THRESHOLD,
	{.name = "field", .type = OPTION_TEXT, .is_required = true, .example = "\"cost_time\"",
	 .help = "numeric field that is computed"},
	{.name = "statistic", .type = OPTION_CHOICE, .is_required = true,
	 .choices = field_statistics, .example = "\"max\"", .help = "what is computed"},
	{.name = NULL},
};

static const struct option continuous_rows[] = {
	ROWS_OF_EVERY_TYPE,
	ROW_THRESHOLD,
	{.name = "field", .type = OPTION_TEXT, .is_required = true, .example = "\"cost_time\"",
	 .help = "field of which every value is watched by itself"},
	{.name = NULL},
};

static const struct option group_rows[] = {
	ROWS_OF_EVERY_TYPE,
	ROW_THRESHOLD,
	{.name = "by", .type = OPTION_TEXT_LIST, .is_required = true,
	 .example = "{ \"merchantId\" }", .help = "fields whose combinations are watched"},
	{.name = "field", .type = OPTION_TEXT, .example = "\"amount\"",
	 .help = "numeric field that is computed"},
	{.name = "statistic", .type = OPTION_CHOICE, .choices = group_statistics,
	 .example = "\"sum\"", .help = "what is computed"},
	{.name = NULL},
};

static const struct option script_rows[] = {
	ROWS_OF_EVERY_TYPE,
	{.name = "by", .type = OPTION_TEXT_LIST, .example = "{ \"merchantId\" }",
	 .help = "fields whose combinations are watched"},
	{.name = "field", .type = OPTION_TEXT, .example = "\"amount\"",
	 .help = "numeric field that is computed"},
	{.name = "on_window", .type = OPTION_FUNCTION, .is_required = true,
	 .example = "function(ctx, w) … end", .help = "decides about one window"},
	{.name = NULL},
};
/* clang-format on */

const struct option *rule_options(enum rule_type type)
{
	switch (type) {
	case RULE_COUNT: return count_rows;
	case RULE_FIELD: return field_rows;
	case RULE_CONTINUOUS: return continuous_rows;
	case RULE_GROUP: return group_rows;
	case RULE_SCRIPT: return script_rows;
	}
	return script_rows;
}
