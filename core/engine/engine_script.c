#include "core/engine/engine_internal.h"
#include "core/engine/engine_judge.h"
#include "core/engine/engine_script.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/ingest/grouping.h"
#include "core/ingest/intake.h"
#include "core/model/batch.h"
#include "core/rule/rule.h"
#include "core/rule/rule_runner.h"

#include <stdio.h>

void engine_script_begins(struct engine *engine, const struct rule *rule, uint64_t place)
{
	struct script_marker *marker = engine->options.marker;

	if (marker == NULL)
		return;
	marker->version = rule->version;
	marker->place = place;
	snprintf(marker->rule, sizeof(marker->rule), "%s", rule->name);
}

void engine_script_ends(struct engine *engine)
{
	if (engine->options.marker != NULL)
		engine->options.marker->rule[0] = '\0';
}

static void quarantine(struct engine *engine, struct rule_state *state)
{
	state->is_quarantined = true;
	engine_resolve_all(engine, state, "rule_quarantined");
	if (state->memory != NULL)
		script_memory_quiet(state->memory);
	if (engine->options.on_quarantine != NULL)
		engine->options.on_quarantine(engine->options.arg, state->rule, state->last_error);
}

bool engine_count_script_error(struct engine *engine, struct rule_state *state, int code,
			       const struct err_note *why)
{
	mem_free(state->last_error);
	state->last_error = mem_copy_text(why->text[0] != '\0' ? why->text : err_sentence(code));
	state->error_count++;
	state->errors_in_row++;
	state->is_settled = false;
	if (code != ERR_BUDGET && code != ERR_MEMORY &&
	    state->errors_in_row < engine->config->lua.errors_max)
		return true;
	quarantine(engine, state);
	return false;
}

/** A batch may use up so many budgets. The readings of a call share one, and how many they are says
 *  how busy the source is, not how dear the function is: only who spends a budget on one reading,
 *  or a fifth of a second on a thousand, is stopped. */
enum { FILTER_BUDGETS_MAX = 4 };

/** Asks until every reading has its answer; one that raised has none. */
static void judge_readings(struct engine *engine, struct rule_state *state,
			   const struct rule_readings *readings, uint64_t place, bool *matches)
{
	struct rule_runner *runner = state->rule->runner;
	uint32_t from = 0, budgets = 1;

	while (from < readings->row_count && !state->is_quarantined) {
		struct err_note why = {0};
		uint32_t judged = from;
		int code;

		engine_script_begins(engine, state->rule,
				     (place + from) ^ (uint64_t)readings->time_ms[from] << 20);
		code = runner->ops->filter(runner, readings, from, matches, &judged, &why);
		engine_script_ends(engine);
		if (judged > from)
			state->errors_in_row = 0;
		if (code == ERR_BUDGET && judged > from && budgets++ < FILTER_BUDGETS_MAX) {
			from = judged;
			continue;
		}
		if (code != 0)
			engine_count_script_error(engine, state, code, &why);
		from = judged + 1;
	}
}

const struct value *engine_column_of(const struct intake *intake, const struct batch *batch,
				     const char *name)
{
	static const struct value missing[BATCH_ROWS_MAX];
	int column = field_set_find(&intake->fields, slice_of(name));

	return column >= 0 && batch->columns[column] != NULL ? batch->columns[column] : missing;
}

static void filter_batch(struct engine *engine, struct rule_state *state, uint32_t index,
			 uint32_t number, struct bundle *bundle)
{
	const struct batch *batch = bundle->batches[number];
	const struct value *columns[METRIC_READS_MAX];
	struct rule_readings readings = {
		.time_ms = batch->time_ms,
		.columns = columns,
		.names = (const char *const *)state->rule->reads,
		.column_count = state->rule->read_count,
		.row_count = batch->row_count,
	};
	bool matches[BATCH_ROWS_MAX] = {false};
	uint16_t rows[BATCH_ROWS_MAX];
	uint32_t row_count = 0;
	int keeper = bundle->intake->metrics[index].keeper;

	for (uint32_t i = 0; i < readings.column_count; i++)
		columns[i] = engine_column_of(bundle->intake, batch, readings.names[i]);
	judge_readings(engine, state, &readings,
		       bundle->from.offset + (uint64_t)number * BATCH_ROWS_MAX, matches);
	for (uint32_t row = 0; row < batch->row_count; row++)
		if (matches[row])
			rows[row_count++] = (uint16_t)row;
	grouping_add_rows(engine->grouping, batch, index, rows, row_count, bundle);
	if (keeper >= 0)
		bundle_mark_rows(bundle, number, (uint32_t)keeper, rows, row_count);
}

/** A metric behind a filter function has one rule; without it its readings are passed over, as
 *  those of any rule that is gone. */
void engine_filter(struct engine *engine, struct bundle *bundle)
{
	if (engine->grouping == NULL)
		engine->grouping = grouping_new();
	for (uint32_t i = 0; i < bundle->intake->metric_count; i++) {
		const struct metric *metric = bundle->intake->metrics[i].metric;
		struct engine_metric *owner;

		if (!metric->has_filter_function)
			continue;
		owner = engine_find_metric(engine, metric);
		if (owner == NULL || owner->rule_count == 0 || owner->rules[0]->is_quarantined)
			continue;
		for (uint32_t k = 0; k < bundle->batch_count; k++)
			filter_batch(engine, owner->rules[0], i, k, bundle);
	}
}
