#include "core/rule/rule_metric.h"

#include "core/base/err.h"
#include "core/config/config.h"
#include "core/filter/filter.h"
#include "core/model/batch.h"

#include <stdio.h>

void rule_metric_spec(const struct rule *rule, struct rule_metric *out)
{
	_Static_assert(sizeof(out->identity) > RULE_NAME_BYTES_MAX + sizeof(rule->hash),
		       "room for hash, space and name");
	*out = (struct rule_metric){.spec = {
					    .source = rule->source,
					    .filter = rule->filter,
					    .by = (const char *const *)rule->by,
					    .by_count = rule->by_count,
					    .values = (const char *const *)rule->values,
					    .value_count = rule->value_count,
					    .needs = rule->value_needs,
					    .lines_max = (uint8_t)rule->sample_count,
					    .pane_ms = rule->pane_ms,
				    }};
	out->spec.keeps_rows = rule->has_on_reading || rule->streak > 0;
	out->spec.reads = (const char *const *)rule->reads;
	out->spec.read_count = rule->read_count;
	if (!rule->has_filter_function)
		return;
	/* Whatever a function does, only the same file does it. */
	snprintf(out->identity, sizeof(out->identity), "%s %s", rule->hash, rule->name);
	out->spec.filter_function = out->identity;
}

int rule_metric_make(const struct rule *rule, const struct config *config, struct metric **out,
		     struct err_note *why)
{
	const struct config_source *source = config_find_source(config, rule->source);
	struct rule_metric metric;
	struct filter *filter = NULL;
	struct field_set fields;
	int code = 0;

	if (source == NULL)
		return err_set(why, ERR_NOT_FOUND, "rule %s: the site has no source \"%.100s\"",
			       rule->name, rule->source);
	rule_metric_spec(rule, &metric);
	field_set_init(&fields);
	if (rule->filter[0] != '\0')
		code = filter_compile(&filter, rule->filter, &source->schema, &fields, why);
	if (code == 0) {
		metric.spec.filter = filter != NULL ? filter_canonical(filter) : "";
		*out = metric_new(&metric.spec);
	}
	filter_free(filter);
	field_set_deinit(&fields);
	return code;
}
