/* `late = "correct"`: a reading that comes after its windows judges them again. Only where a past
 * window says the same today as it would have said then: what depends on the order of readings, or
 * on what was known at the time, does not. */
#include "core/rule/rule_internal.h"

#include "core/config/tree.h"

enum { WINDOWS_MAX = 64, REACH_MS_MAX = 3600 * 1000 };

static const char *const choices[] = {"correct", NULL};

/* clang-format off */
static const struct rule_row rows[] = {
	{RULE_BITS_THRESHOLD,
	 {.name = "late", .type = OPTION_CHOICE, .choices = choices, .example = "\"correct\"",
	  .help = "a late reading judges its windows again, and tells where their level changed"}},
	/* Without help: only to say why not. */
	{RULE_BIT(SCRIPT) | RULE_BIT(BASELINE),
	 {.name = "late", .type = OPTION_CHOICE, .choices = choices, .example = "\"correct\""}},
	{0, {.name = NULL}},
};
/* clang-format on */

int64_t rule_late_reach_ms(const struct rule *rule)
{
	int64_t reach_ms = WINDOWS_MAX * rule->every_ms;

	if (!rule->corrects_late)
		return 0;
	return reach_ms < REACH_MS_MAX ? reach_ms : REACH_MS_MAX;
}

static const char *find_obstacle(const struct rule *rule)
{
	if (rule->type == RULE_SCRIPT)
		return "a rule.script: what its functions said of a window is not asked again";
	if (rule->streak > 0)
		return "a \"streak\": it is judged at each reading, and keeps no window";
	if (rule->baseline != NULL || rule->type == RULE_BASELINE)
		return "a rule.baseline: what it compared with is not kept";
	if (rule->trend != NULL)
		return "a rule with \"trend\": what it compared with is not kept";
	if (rule->is_early)
		return "a rule with \"early\": its alerts come before their window is over";
	if (rule->window_days > 0)
		return "a window of days: of days that are over only their sums are kept";
	return NULL;
}

static void read_late(struct rule_builder *builder)
{
	struct rule *rule = builder->rule;
	const char *obstacle;

	rule->corrects_late = tree_get(builder->tree, "late") != NULL;
	if (!rule->corrects_late)
		return;
	obstacle = find_obstacle(rule);
	if (obstacle != NULL)
		rule_fault(builder, "late", "\"late\" is not for %s; leave it out", obstacle);
}

const struct rule_part rule_part_late = {.rows = rows, .read = read_late};
