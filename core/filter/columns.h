/** columns.h - a checked tree evaluated over a batch: every node over all rows, then the next node.
 *
 *  A truth is a mask, one bit for each row; a value is a column. Every operation receives the rows
 *  that are still asked for and looks at no other, so `a and b` asks b only for rows where a holds.
 *  The same tree answers for one row alone (columns_row).
 *  Owner: the scratch's columns and matcher are reused; nothing is allocated once it has grown to
 *  the largest filter it has seen.
 */
#ifndef TOCSIN_CORE_FILTER_COLUMNS_H
#define TOCSIN_CORE_FILTER_COLUMNS_H

#include <stdint.h>

#include "core/filter/mask.h"

struct node;
struct regex_matcher;
struct value;

struct filter_scratch {
	struct value *columns; /**< [column_count][BATCH_ROWS_MAX] */
	uint32_t column_count;
	struct regex_matcher *matcher;
};

/** Scratch columns that columns_run() needs for `node`. */
uint32_t columns_needed(const struct node *node);

/** The rows of `in` for which `node` is neither nil nor false; `out` may be `in`. */
void columns_run(const struct node *node, const struct batch *batch, struct filter_scratch *scratch,
		 const struct mask *in, struct mask *out);

/** The same for one row: cheaper than a mask for a handful of them. */
bool columns_row(const struct node *node, const struct batch *batch, uint32_t row,
		 struct regex_matcher *matcher);

#endif
