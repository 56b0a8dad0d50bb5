/* One metric's rows of a batch, some at a time, in passes so that misses of the cache overlap:
 *
 *     hash of (pane, key), fetch slot  ->  slot to record, fetch it  ->  compare key, add values
 *
 * What several metrics share is computed once for a batch: filters in filter_set.h, pane starts and
 * hashes of keys in grouping_keys.h.
 */
#include "core/ingest/grouping.h"

#include <stdbool.h>

#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/filter/filter_set.h"
#include "core/ingest/bundle.h"
#include "core/ingest/grouping_keys.h"
#include "core/ingest/intake.h"
#include "core/model/batch.h"

enum { ROWS_AT_ONCE = 32, LINE_BYTES = 64 };

/** Where the parts of one metric are. */
struct grouped_metric {
	uint32_t starts;
	uint32_t keys;
};

struct grouping {
	struct intake *intake; /**< shared: what all below was made for */
	uint32_t metric_count;
	uint64_t seed;
	struct filter_set *set;
	struct filter_set_scratch *scratch;
	struct grouped_metric *metrics;
	uint32_t *declared; /**< metric of each filter in `set` */
	struct grouping_keys keys;
	uint64_t some[BATCH_ROWS_MAX]; /**< hashes of few rows */
	char key[GROUPING_KEY_BYTES_MAX];
};

struct grouping_run {
	struct grouping *grouping;
	const struct batch *batch;
	struct bundle *bundle;
};

/** The rows of one metric. */
struct grouped_rows {
	const struct value *values[METRIC_VALUES_MAX]; /**< columns */
	uint32_t value_count;
	const struct cell_layout *extras; /**< NULL: there are none */
	const int64_t *time_ms;
	const struct key_hashes *by;
	const struct pane_starts *starts;
	const uint64_t *hashes; /**< by row, or NULL: grouping->some by place */
	struct group_table *table;
	size_t key_at; /**< of the key in a record */
	const uint16_t *rows;
	uint32_t row_count;
};

struct grouping *grouping_new(void)
{
	return mem_alloc(sizeof(struct grouping));
}

static void grouping_forget(struct grouping *grouping)
{
	if (!grouping->intake)
		return;
	filter_set_scratch_free(grouping->scratch);
	filter_set_free(grouping->set);
	grouping_keys_deinit(&grouping->keys);
	mem_free(grouping->metrics);
	mem_free(grouping->declared);
	intake_unref(grouping->intake);
	grouping->intake = NULL;
}

void grouping_free(struct grouping *grouping)
{
	if (!grouping)
		return;
	grouping_forget(grouping);
	mem_free(grouping);
}

/** Makes what depends on the intake's metrics: once for a reload and reader. */
static void grouping_prepare(struct grouping *grouping, struct intake *intake, uint64_t seed)
{
	if (grouping->intake == intake && grouping->metric_count == intake->metric_count &&
	    grouping->seed == seed)
		return;
	grouping_forget(grouping);
	grouping->intake = intake_ref(intake);
	grouping->metric_count = intake->metric_count;
	grouping->seed = seed;
	const struct filter **filters = mem_alloc_array(intake->metric_count, sizeof(*filters));
	grouping->metrics = mem_alloc_array(intake->metric_count, sizeof(*grouping->metrics));
	grouping->declared = mem_alloc_array(intake->metric_count, sizeof(*grouping->declared));
	grouping_keys_init(&grouping->keys, seed);
	uint32_t declared_count = 0;
	for (uint32_t i = 0; i < intake->metric_count; i++) {
		const struct intake_metric *metric = &intake->metrics[i];
		if (!metric->metric->has_filter_function) {
			filters[declared_count] = metric->filter;
			grouping->declared[declared_count++] = i;
		}
		grouping->metrics[i] = (struct grouped_metric){
			grouping_keys_add_starts(&grouping->keys, metric->metric->pane_ms),
			grouping_keys_add(&grouping->keys, metric->by_columns,
					  metric->metric->by_count),
		};
	}
	grouping->set = filter_set_new(filters, declared_count);
	grouping->scratch = filter_set_scratch_new(grouping->set, seed);
	mem_free(filters);
}

static inline void add_row(const struct grouped_rows *in, uint32_t row,
			   struct aggregate *aggregates)
{
	if (in->value_count == 0)
		aggregate_add(&aggregates[0]);
	for (uint32_t i = 0; i < in->value_count; i++) {
		double number;
		if (value_number(&in->values[i][row], &number))
			aggregate_add_number(&aggregates[i], number);
		else
			aggregate_add(&aggregates[i]);
	}
}

/** The same for cells with extras, which only values have. */
static void add_row_of_cells(const struct grouped_rows *in, uint32_t row, struct aggregate *cells)
{
	for (uint32_t i = 0; i < in->value_count; i++)
		cells_add(in->extras, cells, i, &in->values[i][row], in->time_ms[row],
			  &in->table->heap_bytes);
}

static struct group *group_put(struct grouping_run *run, const struct grouped_rows *in,
			       uint32_t row, uint64_t key_hash, int64_t start_ms)
{
	char *key = run->grouping->key;
	uint32_t bytes = grouping_keys_write(in->by, run->batch, row, key);
	return group_table_put(in->table, key_hash, start_ms, (struct slice){key, bytes});
}

/** The group at `place`, when it is that of the row. */
static inline struct group *group_confirm(const struct grouping_run *run,
					  const struct grouped_rows *in, size_t place, uint32_t row,
					  int64_t start_ms)
{
	if (place == GROUP_NONE)
		return NULL;
	struct group *group = group_table_at(in->table, place);
	struct slice key = {(const char *)group + in->key_at, group->key_bytes};
	if (group->start_ms != start_ms || !grouping_keys_equal(in->by, run->batch, row, key))
		return NULL;
	return group;
}

/** `first` .. `first` + `count` of the rows. */
static void add_some(struct grouping_run *run, const struct grouped_rows *in, uint32_t first,
		     uint32_t count)
{
	struct group_table *table = in->table;
	const uint16_t *rows = in->rows + first;
	uint64_t key_hashes[ROWS_AT_ONCE], hashes[ROWS_AT_ONCE];
	int64_t starts[ROWS_AT_ONCE];
	size_t places[ROWS_AT_ONCE];
	for (uint32_t i = 0; i < count; i++) {
		key_hashes[i] = in->hashes ? in->hashes[rows[i]] : run->grouping->some[first + i];
		starts[i] = in->starts->starts[in->starts->is_one ? 0 : rows[i]];
		hashes[i] = group_hash(table, key_hashes[i], starts[i]);
		group_table_fetch_slot(table, hashes[i]);
	}
	for (uint32_t i = 0; i < count; i++) {
		places[i] = group_table_guess(table, hashes[i]);
		if (places[i] == GROUP_NONE)
			continue;
		const char *record = table->records + places[i];
		__builtin_prefetch(record, 1);
		__builtin_prefetch(record + LINE_BYTES, 1);
		__builtin_prefetch(record + in->key_at);
	}
	for (uint32_t i = 0; i < count; i++) {
		struct group *group = group_confirm(run, in, places[i], rows[i], starts[i]);
		if (!group)
			group = group_put(run, in, rows[i], key_hashes[i], starts[i]);
		if (in->extras)
			add_row_of_cells(in, rows[i], group->aggregates);
		else
			add_row(in, rows[i], group->aggregates);
	}
}

/** One value of rows of one pane. The sums stay in registers: through memory each waits for the one
 *  before it. */
static void add_value_of_one(struct grouping_run *run, const struct grouped_rows *in)
{
	struct group *group = group_put(run, in, in->rows[0], 0, in->starts->starts[0]);
	struct aggregate sum = group->aggregates[0];
	const struct value *values = in->values[0];

	for (uint32_t i = 0; i < in->row_count; i++) {
		double number;
		if (value_number(&values[in->rows[i]], &number))
			aggregate_add_number(&sum, number);
		else
			aggregate_add(&sum);
	}
	group->aggregates[0] = sum;
}

/** Without `by` fields neighbours are in one group, mostly all of them. */
static void add_unkeyed(struct grouping_run *run, const struct grouped_rows *in)
{
	struct group *group = NULL;
	if (in->value_count == 1 && in->starts->is_one && !in->extras) {
		add_value_of_one(run, in);
		return;
	}
	for (uint32_t i = 0; i < in->row_count; i++) {
		uint32_t row = in->rows[i];
		int64_t start_ms = in->starts->starts[in->starts->is_one ? 0 : row];
		if (!group || group->start_ms != start_ms)
			group = group_put(run, in, row, 0, start_ms);
		if (in->value_count == 0 && in->starts->is_one) {
			group->aggregates[0].count += in->row_count;
			return;
		}
		if (in->extras)
			add_row_of_cells(in, row, group->aggregates);
		else
			add_row(in, row, group->aggregates);
	}
}

static void add_keyed(struct grouping_run *run, const struct grouped_metric *grouped,
		      struct grouped_rows *in)
{
	struct grouping *grouping = run->grouping;

	grouping_keys_hash(&grouping->keys, run->batch, grouped->keys, in->rows, in->row_count,
			   &in->hashes, grouping->some);
	for (uint32_t first = 0; first < in->row_count; first += ROWS_AT_ONCE) {
		uint32_t left = in->row_count - first;
		add_some(run, in, first, left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE);
	}
}

static void add_metric(struct grouping_run *run, uint32_t index, const uint16_t *rows,
		       uint32_t row_count)
{
	struct grouping *grouping = run->grouping;
	const struct grouped_metric *grouped = &grouping->metrics[index];
	const struct intake_metric *metric = &grouping->intake->metrics[index];
	struct group_table *table = &run->bundle->deltas[index];
	struct grouped_rows in = {
		.value_count = metric->metric->value_count,
		.by = &grouping->keys.keys[grouped->keys],
		.starts = grouping_keys_starts(&grouping->keys, run->batch, grouped->starts),
		.table = table,
		.extras = table->layout->has_extras ? table->layout : NULL,
		.time_ms = run->batch->time_ms,
		.key_at = sizeof(struct group) + table->cells_bytes,
		.rows = rows,
		.row_count = row_count,
	};
	for (uint32_t i = 0; i < in.value_count; i++)
		in.values[i] = run->batch->columns[metric->value_columns[i]];
	size_t bytes_before = table->record_bytes + table->heap_bytes;
	if (in.by->column_count == 0)
		add_unkeyed(run, &in);
	else
		add_keyed(run, grouped, &in);
	run->bundle->grown_bytes += table->record_bytes + table->heap_bytes - bytes_before;
}

/** A filter_set_each. */
static void add_declared(void *arg, uint32_t index, const uint16_t *rows, uint32_t row_count)
{
	struct grouping_run *run = arg;
	uint32_t metric = run->grouping->declared[index];
	int keeper = run->grouping->intake->metrics[metric].keeper;

	add_metric(run, metric, rows, row_count);
	if (keeper >= 0)
		bundle_mark_rows(run->bundle, run->bundle->batch_count, (uint32_t)keeper, rows,
				 row_count);
}

void grouping_add_rows(struct grouping *grouping, const struct batch *batch, uint32_t metric,
		       const uint16_t *rows, uint32_t row_count, struct bundle *bundle)
{
	struct grouping_run run = {grouping, batch, bundle};
	if (row_count == 0)
		return;
	grouping_prepare(grouping, bundle->intake, bundle->deltas[0].seed);
	grouping_keys_begin(&grouping->keys, batch);
	add_metric(&run, metric, rows, row_count);
}

void grouping_add(struct grouping *grouping, const struct intake *intake, const struct batch *batch,
		  struct bundle *bundle)
{
	REQUIRE(bundle->intake == intake);
	if (intake->metric_count == 0 || batch->row_count == 0)
		return;
	struct grouping_run run = {grouping, batch, bundle};
	grouping_prepare(grouping, bundle->intake, bundle->deltas[0].seed);
	uint64_t limits_before = filter_set_scratch_limits_hit(grouping->scratch);
	grouping_keys_begin(&grouping->keys, batch);
	if (intake->keeper_count > 0)
		bundle_begin_row_sets(bundle);
	filter_set_run(grouping->scratch, batch, &grouping->keys.columns, add_declared, &run);
	bundle->regex_limits += filter_set_scratch_limits_hit(grouping->scratch) - limits_before;
	if (!intake->keeps_batches)
		return;
	bundle_take_batch(bundle, batch_keep(batch, intake->is_kept));
	bundle->grown_bytes += batch->row_count * intake->kept_row_bytes +
			       intake->keeper_count * sizeof(uint64_t[BUNDLE_ROW_WORDS]);
}
