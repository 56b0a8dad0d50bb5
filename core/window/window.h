/** window.h - the panes of one metric, by dimension key: what happened in the last N seconds.
 *
 *  A pane is keyed (start_ms, key) and holds metric->aggregate_count aggregates. Panes of a key are
 *  kept sorted by start, empty panes are not kept.
 *  Owner: window_new() result owned; the metric is shared. Threads: owner thread only.
 *  Limits: `keys_max` keys (0: WINDOW_KEYS_MAX_DEFAULT); a reading of a new key beyond it is
 *  counted in `overflow_count`, never silent. Panes of a key are bounded by how far the caller lets
 *  event times reach (max_ahead, lateness) and by window_expire().
 */
#ifndef TOCSIN_CORE_WINDOW_WINDOW_H
#define TOCSIN_CORE_WINDOW_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/model/aggregate.h"

struct metric;
struct window;

enum { WINDOW_KEYS_MAX_DEFAULT = 100000 };

struct window *window_new(struct metric *metric, uint32_t keys_max, uint64_t seed);
void window_free(struct window *window);

/** Merges a delta into its pane; `delta` has aggregate_count elements. ERR_FULL: no room for a new
 *  key. On success *pane (may be NULL) is the merged pane, borrowed until the next call. */
int window_merge(struct window *window, int64_t start_ms, struct slice key,
		 const struct aggregate *delta, const struct aggregate **pane);

/** Puts a stored pane back (start of the program); replaces. ERR_FULL as above. */
int window_restore(struct window *window, int64_t start_ms, struct slice key,
		   const struct aggregate *pane);

/** Sum of the panes in [from_ms, to_ms) of one key; `out` has aggregate_count elements.
 *  O(panes in it). */
void window_total(const struct window *window, struct slice key, int64_t from_ms, int64_t to_ms,
		  struct aggregate *out);

/** Calls `each` for every key with a pane in [from_ms, to_ms), with its total. Order: as keys came
 *  (a key that lost all its panes and comes again may keep its old place). The window must not be
 *  changed inside. */
void window_each(const struct window *window, int64_t from_ms, int64_t to_ms,
		 void (*each)(void *arg, struct slice key, const struct aggregate *total),
		 void *arg);

/** Start of the first pane at or after `from_ms`; false when there is none. */
bool window_next_pane(const struct window *window, int64_t from_ms, int64_t *out_ms);

/** Forgets panes that start before `before_ms` and keys without panes. Returns panes forgotten.
 *  O(1) when there is none, else O(keys). */
uint64_t window_expire(struct window *window, int64_t before_ms);

struct window_usage {
	uint32_t key_count;
	uint64_t pane_count;
	uint64_t overflow_count;
	uint64_t memory_bytes;
};
void window_usage(const struct window *window, struct window_usage *out);
void window_count_overflow(struct window *window, uint64_t readings);

#endif
