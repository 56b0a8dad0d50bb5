/** query_slide.h - windows that overlap: the panes of the last window, and each key's total.
 *
 *      panes     | 06:00:00 | 06:00:05 | 06:00:10 | 06:00:15 | 06:00:20 | ...
 *      of a key     a──────────> b─────────────────> c              d        records, oldest first
 *                 a+b+c          b+c                 c         back: d
 *
 *  Sums cannot be un-added exactly (aggregate.h), so a key's panes are two stacks: the older ones
 *  hold the sum of themselves and the records behind them, the newer ones are in one sum, `back`.
 *  The total is the oldest record and `back`; a pane that leaves takes its records along. When no
 *  older pane is left, the newer ones become the older: three merges per record in its life,
 *  however long the window. Panes are added in the order of time, as if they were merged one by
 *  one.
 *  Owner: slide_new() result owned. Threads: one. Memory follows the panes of one window.
 */
#ifndef TOCSIN_CORE_CLI_QUERY_SLIDE_H
#define TOCSIN_CORE_CLI_QUERY_SLIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct aggregate;
struct cell_layout;
struct slide;

enum { SLIDE_PANES_MAX = 100000 };

/** `pane_count` panes of `step_ms` in a window, at most SLIDE_PANES_MAX. The layout is borrowed. */
struct slide *slide_new(const struct cell_layout *layout, int64_t step_ms, uint32_t pane_count);
void slide_free(struct slide *slide); /**< NULL allowed */

/** Moves the window on: the pane that starts at `start_ms` is its last one, empty as yet. By one
 *  step, or anywhere while no key is in the window. */
void slide_move(struct slide *slide, int64_t start_ms);
/** A group of that pane, its cells; a key is given once. */
void slide_add(struct slide *slide, uint64_t key_hash, struct slice key,
	       const struct aggregate *cells);

uint32_t slide_key_count(const struct slide *slide); /**< keys in the window */
/** Walks the keys of the window in no order: *at starts as 0; false at the end. `total` has
 *  room for the cells, which the caller releases; `key` is borrowed until the next move. */
bool slide_next(const struct slide *slide, uint32_t *at, struct slice *key,
		struct aggregate *total);

#endif
