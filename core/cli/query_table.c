/* Groups leave in order of their windows: leaving only moves `left_before_ms`; what has left is
 * forgotten when it is half of the table. */
#include "core/cli/query_table.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/model/aggregate.h"
#include "core/model/dimension.h"
#include "core/window/group_table.h"

enum { REBUILD_GROUPS_MIN = 4096 };

struct query_table {
	struct group_table groups;
	uint32_t left_count;
	int64_t left_before_ms; /**< windows that start before it have left */
	struct query_row *rows;
	uint32_t row_capacity;
};

struct query_table *query_table_new(uint32_t aggregate_count)
{
	struct query_table *table = mem_alloc(sizeof(*table));
	table->left_before_ms = INT64_MIN;
	group_table_init(&table->groups, aggregate_count, 0);
	return table;
}

void query_table_free(struct query_table *table)
{
	if (!table)
		return;
	group_table_deinit(&table->groups);
	mem_free(table->rows);
	mem_free(table);
}

uint32_t query_table_group_count(const struct query_table *table)
{
	return table->groups.count;
}

uint64_t query_table_merge(struct query_table *table, const struct group_table *deltas)
{
	const struct group *from;
	uint64_t late_count = 0;
	size_t at = 0;
	while ((from = group_table_next(deltas, &at)) != NULL) {
		if (from->start_ms < table->left_before_ms) {
			late_count += from->aggregates->count;
			continue;
		}
		struct group *into = group_table_put(&table->groups, from->key_hash, from->start_ms,
						     group_key(deltas, from));
		for (uint32_t i = 0; i < deltas->width; i++)
			aggregate_merge(&into->aggregates[i], &from->aggregates[i]);
	}
	return late_count;
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
	const struct group *group;
	size_t at = 0;
	while ((group = group_table_next(&table->groups, &at)) != NULL)
		if (group->start_ms >= table->left_before_ms && group->start_ms < before_ms)
			table->rows[row_count++] = (struct query_row){
				.start_ms = group->start_ms,
				.key = group_key(&table->groups, group),
				.aggregates = group->aggregates,
			};
	if (row_count > 0)
		qsort(table->rows, row_count, sizeof(*table->rows), row_compare);
	for (uint32_t i = 0; i < row_count; i++)
		each(arg, &table->rows[i]);
	table->left_before_ms = before_ms;
	table->left_count += row_count;
	if (table->groups.count >= REBUILD_GROUPS_MIN &&
	    table->left_count >= table->groups.count / 2) {
		group_table_forget_before(&table->groups, before_ms);
		table->left_count = 0;
	}
}
