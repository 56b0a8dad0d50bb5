#include "core/rule/rule_history.h"

#include "core/base/bytes.h"
#include "core/rule/rule.h"
#include "core/trend/trend.h"
#include "core/window/metric.h"

#include <xxhash.h>

static const struct reference trend_references[] = {
	[TREND_YESTERDAY] = {.kind = REFERENCE_SAME_TIME,
			     .step_days = 1,
			     .tries = 1,
			     .wanted = 1,
			     .name = "same time yesterday"},
	[TREND_LAST_WEEK] = {.kind = REFERENCE_SAME_TIME,
			     .step_days = 7,
			     .tries = 1,
			     .wanted = 1,
			     .name = "same time last week"},
};

bool rule_has_history(const struct rule *rule)
{
	return rule->baseline != NULL || rule->trend != NULL;
}

const struct reference *rule_references(const struct rule *rule, uint32_t *count)
{
	if (rule->baseline == NULL) {
		*count = sizeof(trend_references) / sizeof(trend_references[0]);
		return trend_references;
	}
	*count = rule->baseline->reference_count;
	return rule->baseline->references;
}

bool rule_has_reference(const struct rule *rule, enum reference_kind kind)
{
	uint32_t count;
	const struct reference *references = rule_references(rule, &count);

	for (uint32_t i = 0; i < count; i++)
		if (references[i].kind == kind)
			return true;
	return false;
}

uint32_t rule_history_days(const struct rule *rule)
{
	uint32_t count, most = 0;
	const struct reference *references = rule_references(rule, &count);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t days = reference_days_back(&references[i]);

		most = days > most ? days : most;
	}
	return most;
}

uint64_t rule_history_definition(const struct rule *rule, const struct metric *metric,
				 const char *timezone)
{
	char measure[MEASURE_NAME_BYTES_MAX];
	struct bytes text = BYTES_EMPTY;
	uint64_t definition;

	bytes_append(&text, metric->id.bytes, METRIC_ID_BYTES);
	bytes_append_format(&text, "%s %u %lld %lld %s %d%d", measure_name(&rule->measure, measure),
			    rule->measure.value, (long long)rule->window_ms,
			    (long long)rule->every_ms, timezone,
			    rule_has_reference(rule, REFERENCE_SAME_TIME),
			    rule_has_reference(rule, REFERENCE_DAYS));
	/* Which keys it keeps is not known to be the same. */
	if (rule->key_filter != NULL)
		bytes_append_text(&text, rule->hash);
	definition = XXH3_64bits(text.data, text.length);
	bytes_deinit(&text);
	return definition;
}
