#include "core/engine/engine_plan.h"
#include "core/engine/engine_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/ingest/intake.h"
#include "core/rule/rule.h"
#include "core/rule/rule_metric.h"

#include <string.h>

static struct intake *make_intake(const struct config_source *source, uint64_t generation)
{
	struct intake_options options = {
		.source = source->name,
		.format = source->is_csv ? FORMAT_CSV : FORMAT_JSON,
		.delimiter = source->delimiter,
		.columns = source->columns,
		.column_count = source->column_count,
		.lateness_ms = source->lateness_ms,
		.max_ahead_ms = source->max_ahead_ms,
		.line_bytes_max = source->line_bytes_max,
		.marks_late = true,
	};

	return intake_new(&options, &source->schema, generation);
}

static struct install_source *find_source(const struct install_plan *plan, const char *name)
{
	for (uint32_t i = 0; i < plan->source_count; i++)
		if (strcmp(plan->sources[i].config->name, name) == 0)
			return &plan->sources[i];
	return NULL;
}

static int add_metric(const struct install_plan *plan, const struct rule *rule, struct metric **out,
		      struct err_note *why)
{
	struct install_source *source = find_source(plan, rule->source);
	struct rule_metric metric;
	uint32_t index;
	int code;

	if (source == NULL)
		return err_set(why, ERR_NOT_FOUND, "rule %s: the site has no source \"%.100s\"",
			       rule->name, rule->source);
	rule_metric_spec(rule, &metric);
	code = intake_add_metric(source->intake, &metric.spec, &index, why);
	if (code != 0) {
		err_prefix(why, "rule %s", rule->name);
		return code;
	}
	*out = source->intake->metrics[index].metric;
	return 0;
}

static int check_names(struct rule *const *rules, uint32_t rule_count, struct err_note *why)
{
	for (uint32_t i = 1; i < rule_count; i++)
		if (strcmp(rules[i - 1]->name, rules[i]->name) == 0)
			return err_set(why, ERR_EXISTS, "rule %s is there twice, as %u and %u",
				       rules[i]->name, rules[i - 1]->version, rules[i]->version);
	return 0;
}

int engine_plan_install(struct engine *engine, struct config *config, struct rule *const *rules,
			uint32_t rule_count, struct install_plan *out, struct err_note *why)
{
	int code = check_names(rules, rule_count, why);

	out->source_count = config->source_count;
	out->sources = mem_alloc_array(config->source_count + 1, sizeof(*out->sources));
	out->metrics = mem_alloc_array(rule_count + 1, sizeof(*out->metrics));
	for (uint32_t i = 0; i < config->source_count; i++) {
		out->sources[i].config = &config->sources[i];
		out->sources[i].intake = make_intake(&config->sources[i], engine->generation + 1);
	}
	for (uint32_t i = 0; code == 0 && i < rule_count; i++)
		code = add_metric(out, rules[i], &out->metrics[i], why);
	if (code != 0)
		engine_plan_free(out);
	return code;
}

void engine_plan_free(struct install_plan *plan)
{
	for (uint32_t i = 0; i < plan->source_count; i++)
		intake_unref(plan->sources[i].intake);
	mem_free(plan->sources);
	mem_free(plan->metrics);
}
