/** window_days.h - the window of N calendar days of one rule: a total for each key.
 *
 *      from: a midnight                                        to: the boundary
 *      |  day  |  day  | ... |  day  |  today so far  |........>
 *      =================== one total per key ========== + the minutes that came
 *
 *  Until the next midnight nothing leaves, so a boundary costs what came since the one before,
 *  whatever N is; at midnight the totals are made anew, of a pane for each day. A late reading is
 *  added to its key's total. Totals are panes (number 0) of a window of their own: 87 bytes a key
 *  and its cells, no matter how many days. They are not stored.
 *  Owner: window_days_new() result owned; levels are borrowed. Threads: owner's.
 */
#ifndef TOCSIN_CORE_WINDOW_WINDOW_DAYS_H
#define TOCSIN_CORE_WINDOW_WINDOW_DAYS_H

#include "core/window/window_level.h"

struct window_days;

struct window_days *window_days_new(struct window_levels *levels, uint32_t day_count,
				    const struct window_options *options);
void window_days_free(struct window_days *days); /**< NULL allowed */

/** To the window that ends at `to_ms`; what changed is remembered until the next walk. */
void window_days_move(struct window_days *days, int64_t to_ms);
/** A late delta that was merged into the levels or the fine window. */
void window_days_add(struct window_days *days, int64_t start_ms, struct slice key,
		     const struct aggregate *delta);
/** Of one key, of a window that ends at `to_ms`, at the last move or later; nothing is moved. */
void window_days_total(const struct window_days *days, int64_t to_ms, struct slice key,
		       struct aggregate *out);
/** The totals: one pane a key, number 0. */
struct window *window_days_totals(struct window_days *days);

/** Every key of which the total changed since the last walk, or every key at all. */
void window_days_walk(struct window_days *days, bool wants_all, window_walk_each *each, void *arg);

#endif
