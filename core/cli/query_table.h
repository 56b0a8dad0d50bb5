/** query_table.h - the open windows of a query: one group per window start and dimension key.
 *
 *  Rows leave in order of window, then group, as the watermark passes. Groups that left are cleared
 *  away when they are half of the table, so memory follows the open windows.
 *  Owner: query_table_new() result owned. Threads: one.
 */
#ifndef TOCSIN_CORE_CLI_QUERY_TABLE_H
#define TOCSIN_CORE_CLI_QUERY_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct aggregate;
struct group_table;
struct query_table;

struct query_row {
	int64_t start_ms;
	struct slice key; /**< dimension key */
	const struct aggregate *aggregates;
};

struct query_table *query_table_new(uint32_t aggregate_count);
void query_table_free(struct query_table *table);

/** Merges the groups of a bundle. Returns the readings of windows which left already. */
uint64_t query_table_merge(struct query_table *table, const struct group_table *deltas);

/** Calls `each` for the rows of every window that starts before `before_ms`, and forgets them. */
void query_table_emit(struct query_table *table, int64_t before_ms,
		      void (*each)(void *arg, const struct query_row *row), void *arg);

uint32_t query_table_group_count(const struct query_table *table);

#endif
