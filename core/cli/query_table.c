/* Groups get ids in order of arrival; the key is the bundle's own (pane start + dimension).
 *
 *     ids   0   1   2   3   4   5      start < left_before: the row has left
 *           left    open    left
 *
 * Leaving only moves `left_before`; the rebuild that follows now and then keeps the open ones.
 */
#include "core/cli/query_table.h"

#include <stdlib.h>

#include "core/base/key_table.h"
#include "core/base/mem.h"
#include "core/ingest/bundle.h"
#include "core/model/aggregate.h"
#include "core/model/dimension.h"

enum { REBUILD_GROUPS_MIN = 4096 };

struct query_table {
	struct key_table groups;
	struct aggregate *aggregates; /**< [capacity * aggregate_count] */
	uint32_t capacity;
	uint32_t aggregate_count;
	uint32_t left_count;
	int64_t left_before_ms; /**< windows that start before it have left */
	struct query_row *rows;
	uint32_t row_capacity;
};

struct query_table *query_table_new(uint32_t aggregate_count)
{
	struct query_table *table = mem_alloc(sizeof(*table));
	table->aggregate_count = aggregate_count;
	table->left_before_ms = INT64_MIN;
	key_table_init(&table->groups, 0);
	return table;
}

void query_table_free(struct query_table *table)
{
	if (!table)
		return;
	key_table_deinit(&table->groups);
	mem_free(table->aggregates);
	mem_free(table->rows);
	mem_free(table);
}

uint32_t query_table_group_count(const struct query_table *table)
{
	return table->groups.count;
}

static void table_add(struct query_table *table, struct slice group, const struct aggregate *from)
{
	bool is_new;
	uint32_t count = table->aggregate_count;
	uint32_t id = key_table_put(&table->groups, group, &is_new);
	if (id >= table->capacity) {
		table->capacity = table->capacity ? table->capacity * 2 : 256;
		table->aggregates = mem_grow(table->aggregates, (size_t)table->capacity * count,
					     sizeof(*table->aggregates));
	}
	struct aggregate *into = table->aggregates + (size_t)id * count;
	for (uint32_t i = 0; i < count; i++) {
		if (is_new)
			into[i] = from[i];
		else
			aggregate_merge(&into[i], &from[i]);
	}
}

uint64_t query_table_merge(struct query_table *table, const struct bundle_deltas *deltas)
{
	uint64_t late_count = 0;
	for (uint32_t id = 0; id < deltas->groups.count; id++) {
		int64_t start_ms;
		struct slice group = key_table_key(&deltas->groups, id);
		const struct aggregate *from =
			deltas->aggregates + (size_t)id * table->aggregate_count;
		bundle_group_key(group, &start_ms);
		if (start_ms < table->left_before_ms)
			late_count += from->count;
		else
			table_add(table, group, from);
	}
	return late_count;
}

static void table_rebuild(struct query_table *table)
{
	struct query_table old = *table;
	key_table_init(&table->groups, 0);
	table->aggregates = NULL;
	table->capacity = 0;
	table->left_count = 0;
	for (uint32_t id = 0; id < old.groups.count; id++) {
		int64_t start_ms;
		struct slice group = key_table_key(&old.groups, id);
		bundle_group_key(group, &start_ms);
		if (start_ms >= table->left_before_ms)
			table_add(table, group,
				  old.aggregates + (size_t)id * table->aggregate_count);
	}
	key_table_deinit(&old.groups);
	mem_free(old.aggregates);
}

static int row_compare(const void *a, const void *b)
{
	const struct query_row *x = a, *y = b;
	if (x->start_ms != y->start_ms)
		return x->start_ms < y->start_ms ? -1 : 1;
	return dimension_compare(x->key, y->key);
}

void query_table_emit(struct query_table *table, int64_t before_ms,
		      void (*each)(void *arg, const struct query_row *row), void *arg)
{
	uint32_t row_count = 0;
	if (before_ms <= table->left_before_ms)
		return;
	if (table->row_capacity < table->groups.count) {
		table->row_capacity = table->groups.count;
		table->rows = mem_grow(table->rows, table->row_capacity, sizeof(*table->rows));
	}
	for (uint32_t id = 0; id < table->groups.count; id++) {
		struct query_row row;
		row.key = bundle_group_key(key_table_key(&table->groups, id), &row.start_ms);
		row.aggregates = table->aggregates + (size_t)id * table->aggregate_count;
		if (row.start_ms >= table->left_before_ms && row.start_ms < before_ms)
			table->rows[row_count++] = row;
	}
	if (row_count > 0)
		qsort(table->rows, row_count, sizeof(*table->rows), row_compare);
	for (uint32_t i = 0; i < row_count; i++)
		each(arg, &table->rows[i]);
	table->left_before_ms = before_ms;
	table->left_count += row_count;
	if (table->groups.count >= REBUILD_GROUPS_MIN &&
	    table->left_count >= table->groups.count / 2)
		table_rebuild(table);
}
