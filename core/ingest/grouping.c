#include "core/ingest/grouping.h"

#include <stdbool.h>

#include "core/base/mem.h"
#include "core/filter/filter.h"
#include "core/ingest/bundle.h"
#include "core/ingest/intake.h"
#include "core/model/batch.h"

struct grouping {
	struct filter_scratch *scratch;
	struct bytes key; /**< of the group at hand */
	uint16_t rows[BATCH_ROWS_MAX];
	uint16_t all_rows[BATCH_ROWS_MAX]; /**< 0, 1, 2 ... */
};

struct grouping *grouping_new(void)
{
	struct grouping *grouping = mem_alloc(sizeof(*grouping));
	grouping->scratch = filter_scratch_new();
	bytes_init(&grouping->key);
	for (uint32_t i = 0; i < BATCH_ROWS_MAX; i++)
		grouping->all_rows[i] = (uint16_t)i;
	return grouping;
}

void grouping_free(struct grouping *grouping)
{
	if (!grouping)
		return;
	filter_scratch_free(grouping->scratch);
	bytes_deinit(&grouping->key);
	mem_free(grouping);
}

static int64_t pane_start(int64_t time_ms, int64_t pane_ms)
{
	int64_t rest = time_ms % pane_ms;
	return time_ms - (rest < 0 ? rest + pane_ms : rest);
}

static void group_row(const struct intake_metric *metric, const struct batch *batch, uint16_t row,
		      struct aggregate *aggregates)
{
	double number;
	if (metric->metric->value_count == 0)
		aggregate_add(&aggregates[0]);
	for (uint32_t i = 0; i < metric->metric->value_count; i++) {
		if (value_number(&batch->columns[metric->value_columns[i]][row], &number))
			aggregate_add_number(&aggregates[i], number);
		else
			aggregate_add(&aggregates[i]);
	}
}

static void group_rows(struct grouping *grouping, const struct intake_metric *metric,
		       const struct batch *batch, struct group_table *deltas)
{
	const uint16_t *rows = grouping->all_rows;
	uint32_t row_count = batch->row_count;
	int64_t pane_ms = metric->metric->pane_ms, start_ms = 0;
	bool has_start = false;
	if (metric->filter) {
		row_count = filter_run(metric->filter, batch, grouping->scratch, grouping->rows);
		rows = grouping->rows;
	}
	for (uint32_t i = 0; i < row_count; i++) {
		int64_t time_ms = batch->time_ms[rows[i]];
		if (!has_start || time_ms < start_ms || time_ms - start_ms >= pane_ms)
			start_ms = pane_start(time_ms, pane_ms);
		has_start = true;
		bytes_clear(&grouping->key);
		for (uint32_t j = 0; j < metric->metric->by_count; j++)
			dimension_append(&grouping->key,
					 &batch->columns[metric->by_columns[j]][rows[i]]);
		struct slice key = bytes_slice(&grouping->key);
		struct group *group =
			group_table_put(deltas, group_key_hash(deltas->seed, key), start_ms, key);
		group_row(metric, batch, rows[i], group->aggregates);
	}
}

void grouping_add(struct grouping *grouping, const struct intake *intake, const struct batch *batch,
		  struct bundle *bundle)
{
	uint64_t limits_before = filter_scratch_limits_hit(grouping->scratch);
	for (uint32_t i = 0; i < intake->metric_count && batch->row_count > 0; i++)
		group_rows(grouping, &intake->metrics[i], batch, &bundle->deltas[i]);
	bundle->regex_limits += filter_scratch_limits_hit(grouping->scratch) - limits_before;
}
