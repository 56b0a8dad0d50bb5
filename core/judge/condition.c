#include "core/judge/condition.h"

#include "core/rule/rule.h"

static enum truth expression_holds(const struct rule_expression *expression,
				   const struct judge_values *values)
{
	const struct threshold *threshold = &expression->threshold;
	bool has_own = expression->is_main && values->own_number != NULL;
	double value;

	if (!values->value(values->arg, expression, &value))
		return TRUTH_UNKNOWN;
	return compare_holds(threshold->compare, value,
			     has_own ? *values->own_number : threshold->number)
		       ? TRUTH_YES
		       : TRUTH_NO;
}

enum truth condition_holds(const struct rule_condition *condition,
			   const struct judge_values *values)
{
	enum truth decisive = condition->is_any ? TRUTH_YES : TRUTH_NO;
	enum truth result = condition->is_any ? TRUTH_NO : TRUTH_YES;

	for (uint32_t i = 0; i < condition->count; i++) {
		enum truth one = expression_holds(&condition->expressions[i], values);

		if (one == decisive)
			return decisive;
		if (one == TRUTH_UNKNOWN)
			result = TRUTH_UNKNOWN;
	}
	return result;
}

/** Nothing can be said of the window. */
static bool is_unjudged(const struct rule *rule, uint64_t reading_count)
{
	if (reading_count > 0)
		return reading_count < rule->min_samples;
	/* With "ok" an empty window is judged, whatever `min_samples` asks for. */
	return rule->no_data == RULE_NO_DATA_ALERT ||
	       (rule->no_data == RULE_NO_DATA_KEEP && rule->min_samples > 0);
}

static void judge_level(const struct rule *rule, uint32_t level, enum truth holds,
			enum truth is_over, struct judgement *out)
{
	if (rule->no_data == RULE_NO_DATA_OK && holds == TRUTH_UNKNOWN) {
		holds = TRUTH_NO;
		is_over = TRUTH_YES;
	}
	if (rule->no_data == RULE_NO_DATA_OK && is_over == TRUTH_UNKNOWN)
		is_over = TRUTH_YES;
	/* Where both overlap it holds: else the key would fire and resolve in turn. */
	if (holds == TRUTH_YES)
		is_over = TRUTH_NO;
	out->holds[level] = (uint8_t)holds;
	out->is_over[level] = (uint8_t)is_over;
}

static enum truth negate(enum truth truth)
{
	return (enum truth)(TRUTH_YES - truth);
}

void condition_judge(const struct rule *rule, const struct judge_values *values,
		     struct judgement *out)
{
	bool is_unknown = is_unjudged(rule, values->reading_count);

	*out = (struct judgement){.has_readings = values->reading_count > 0};
	for (uint32_t i = 0; i < rule->level_count; i++) {
		const struct rule_level *level = &rule->levels[i];
		enum truth holds =
			is_unknown ? TRUTH_UNKNOWN : condition_holds(&level->holds, values);
		enum truth is_over = is_unknown ? TRUTH_UNKNOWN
				     : level->clear.count > 0
					     ? condition_holds(&level->clear, values)
					     : negate(holds);

		if (is_unknown) {
			out->holds[i] = out->is_over[i] = TRUTH_UNKNOWN;
			continue;
		}
		judge_level(rule, i, holds, is_over, out);
	}
}

void condition_judge_as(const struct rule *rule, enum truth holds, uint64_t reading_count,
			struct judgement *out)
{
	*out = (struct judgement){.has_readings = reading_count > 0};
	if (is_unjudged(rule, reading_count))
		out->holds[0] = out->is_over[0] = TRUTH_UNKNOWN;
	else
		judge_level(rule, 0, holds, negate(holds), out);
}

void condition_judge_level(const struct rule *rule, int level, uint64_t reading_count,
			   struct judgement *out)
{
	*out = (struct judgement){.has_readings = reading_count > 0};
	for (int i = 0; i < (int)rule->level_count; i++) {
		enum truth holds = i <= level ? TRUTH_YES : TRUTH_NO;

		judge_level(rule, (uint32_t)i, holds, negate(holds), out);
	}
}
