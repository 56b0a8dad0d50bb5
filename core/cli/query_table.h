/** query_table.h - the open windows of a query: one group per window start and dimension key.
 *
 *  The readings are grouped straight into the table: it is lent to the bundle while a block is
 *  read. Rows leave in order of window, then group, as the watermark passes, and are forgotten, so
 *  memory follows the open windows. Windows that overlap are made of panes (query_slide.h): then
 *  the table holds the panes that are not complete.
 *  Owner: query_table_new() result owned. Threads: one.
 */
#ifndef TOCSIN_CORE_CLI_QUERY_TABLE_H
#define TOCSIN_CORE_CLI_QUERY_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct aggregate;
struct cell_layout;
struct group_table;
struct query_having;
struct query_table;

struct query_row {
	int64_t start_ms;
	struct slice key; /**< dimension key */
	const struct aggregate *cells;
};

struct query_table_options {
	const struct cell_layout *layout;  /**< borrowed; of the groups that come in */
	int64_t step_ms;                   /**< of the groups that come in */
	uint32_t pane_count;               /**< steps of a window; 1: windows do not overlap */
	const struct query_having *having; /**< borrowed; other rows are left out */
};

struct query_table *query_table_new(const struct query_table_options *options);
void query_table_free(struct query_table *table);

/** The table takes the place of a bundle's deltas (of seed 0), and back. */
void query_table_swap(struct query_table *table, struct group_table *deltas);

/** Calls `each` for the rows of every window that ends by `before_ms`, and forgets them. Returns
 *  the readings that were of windows which had left before. */
uint64_t query_table_emit(struct query_table *table, int64_t before_ms,
			  void (*each)(void *arg, const struct query_row *row), void *arg);

/** Whether windows end between the last emission and `before_ms`. */
bool query_table_has_left(const struct query_table *table, int64_t before_ms);
uint32_t query_table_group_count(const struct query_table *table);

#endif
