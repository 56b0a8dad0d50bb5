/* The values of a key's window, and what they mean for the rule. */
#include "core/engine/engine_judge.h"

#include "core/calendar/valid_time.h"
#include "core/lookup/key_thresholds.h"
#include "core/model/cells.h"
#include "core/rule/rule.h"
#include "core/window/metric.h"

bool engine_value(const struct rule_state *state, const struct aggregate *cells,
		  const struct measure *measure, double *out)
{
	return measure_value(&state->metric->metric->cells, cells, measure, state->span_ms, out);
}

struct aggregate *engine_cells(const struct evaluation *evaluation)
{
	return arena_zalloc(&evaluation->engine->scratch,
			    evaluation->state->metric->metric->cells.bytes);
}

/** Of the expressions of one candidate. */
struct values_of {
	const struct rule_state *state;
	const struct aggregate *cells;
};

static bool value_of(void *arg, const struct rule_expression *expression, double *out)
{
	const struct values_of *values = arg;

	return engine_value(values->state, values->cells, &expression->measure, out);
}

void engine_judge(const struct evaluation *evaluation, struct candidate *candidate)
{
	const struct rule_state *state = evaluation->state;
	const struct rule *rule = state->rule;
	struct values_of from = {state, candidate->cells};
	struct judge_values values = {
		.value = value_of, .arg = &from, .reading_count = candidate->cells->count};

	if (rule->key_thresholds != NULL &&
	    key_thresholds_find(rule->key_thresholds, candidate->key, &candidate->own_number)) {
		candidate->has_own_number = true;
		values.own_number = &candidate->own_number;
	}
	condition_judge(rule, &values, &candidate->judgement);
	candidate->judgement.is_muted = evaluation->is_muted;
}
