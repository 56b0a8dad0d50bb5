/* `samples`: the newest lines that matched are kept beside the statistics, as one value more of the
 * metric. It is read behind everything that computes a statistic: the places of fields stay. */
#include "core/rule/rule_internal.h"

/* clang-format off */
static const struct rule_row rows[] = {
	{RULE_BITS_THRESHOLD,
	 {.name = "samples", .type = OPTION_INT, .min = 1, .max = CELL_LINES_MAX, .example = "3",
	  .help = "newest log lines that matched, carried by each alert that fires"}},
	/* Without help: only to say why not. */
	{RULE_BIT(SCRIPT) | RULE_BIT(BASELINE),
	 {.name = "samples", .type = OPTION_INT, .min = 1, .max = CELL_LINES_MAX, .example = "3"}},
	{0, {.name = NULL}},
};
/* clang-format on */

/** What has no window of its own readings, or whose history would begin anew with the option. */
static const char *find_obstacle(const struct rule *rule)
{
	if (rule->type == RULE_SCRIPT)
		return "a rule.script: its functions see the readings and write the message";
	if (rule->streak > 0)
		return "a \"streak\": it is judged at each reading, and keeps no window";
	if (rule->baseline != NULL || rule->type == RULE_BASELINE)
		return "a rule.baseline: it tells values that differ from other days, not lines";
	if (rule->trend != NULL)
		return "a rule with \"trend\": it tells of a course of values, not of lines";
	return NULL;
}

static void read_samples(struct rule_builder *builder)
{
	struct rule *rule = builder->rule;
	const char *obstacle;

	rule->sample_count = (uint32_t)option_int(builder->tree, "samples", 0);
	if (rule->sample_count == 0)
		return;
	obstacle = find_obstacle(rule);
	if (obstacle != NULL) {
		rule_fault(builder, "samples", "\"samples\" is not for %s; leave it out", obstacle);
		return;
	}
	if (rule->value_count == METRIC_VALUES_MAX) {
		rule_fault(builder, "samples",
			   "\"samples\" takes the place of one field: the rule computes statistics "
			   "of %d fields, at most %d are allowed with it",
			   METRIC_VALUES_MAX, METRIC_VALUES_MAX - 1);
		return;
	}
	rule->values[rule->value_count] = METRIC_LINE;
	rule->value_needs[rule->value_count++] = CELL_LINES;
}

const struct rule_part rule_part_samples = {.rows = rows, .read = read_samples};
