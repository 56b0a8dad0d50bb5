/* `early`: firing at the commit that crosses the threshold. Only where a window that is not over
 * can tell: each reading more makes the condition truer, or leaves it as it is. */
#include "core/rule/rule_internal.h"

/* clang-format off */
static const struct rule_row rows[] = {
	{RULE_BITS_THRESHOLD,
	 {.name = "early", .type = OPTION_BOOL, .example = "true",
	  .help = "fires at the reading that crosses the threshold, not at the window's end"}},
	{0, {.name = NULL}},
};
/* clang-format on */

static bool only_grows(const struct rule_expression *expression)
{
	enum compare compare = expression->threshold.compare;

	if (compare != COMPARE_GT && compare != COMPARE_GE)
		return false;
	switch (measure_statistic(&expression->measure)) {
	case STATISTIC_COUNT:
	case STATISTIC_SUM:
	case STATISTIC_MAX:
	case STATISTIC_DISTINCT: return true;
	case STATISTIC_AVG:
	case STATISTIC_MIN:
	case STATISTIC_STDDEV:
	case STATISTIC_RATE:
	case STATISTIC_FIRST:
	case STATISTIC_LAST:
	case STATISTIC_PERCENTILE: return false;
	}
	return false;
}

static void check_level(const struct rule_builder *builder, const struct rule_level *level)
{
	if (level->hold_ms > 0)
		rule_fault(builder, "early",
			   "\"early\" and \"hold\" exclude each other: what must last cannot fire "
			   "before the window is over; leave one of them out");
	for (uint32_t i = 0; i < level->holds.count; i++)
		if (!only_grows(&level->holds.expressions[i])) {
			rule_fault(builder, "early",
				   "\"early\" is for count, sum, max and distinct with > or >=, "
				   "which every further reading makes truer; leave it out");
			return;
		}
}

static void read_early(struct rule_builder *builder)
{
	struct rule *rule = builder->rule;

	rule->is_early = option_bool(builder->tree, "early", false);
	if (!rule->is_early)
		return;
	for (uint32_t i = 0; i < rule->level_count; i++)
		check_level(builder, &rule->levels[i]);
}

const struct rule_part rule_part_early = {.rows = rows, .read = read_early};
