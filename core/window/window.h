/** window.h - the panes of one metric, by dimension key: what happened in the last N seconds.
 *
 *  A pane is keyed (start_ms, key) and holds the metric's cells (core/model/cells.h); starts are
 *  multiples of the metric's pane length. Panes of a key are kept sorted by start, empty panes are
 *  not kept. A metric without value fields keeps the count of its aggregate alone.
 *  Owner: window_new() result owned; the metric is shared. Threads: owner thread only.
 *  Limits: `keys_max` keys (0: WINDOW_KEYS_MAX_DEFAULT); readings of a new key beyond it are
 *  counted in `overflow_count`, never silent. Panes of a key are bounded by how far the caller lets
 *  event times reach (max_ahead, lateness) and by window_expire().
 */
#ifndef TOCSIN_CORE_WINDOW_WINDOW_H
#define TOCSIN_CORE_WINDOW_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/model/cells.h"

struct err_note;
struct group_table;
struct metric;
struct window;
struct window_stacks;

enum { WINDOW_KEYS_MAX_DEFAULT = 100000 };

struct window_options {
	uint32_t keys_max;
	uint64_t seed;  /**< of hashes; keys of tables with the same are not hashed again */
	bool is_stored; /**< it remembers what changed, for window_save() */
};

struct window *window_new(struct metric *metric, const struct window_options *options);
void window_free(struct window *window);
/** Another limit; keys that are there stay. */
void window_limit_keys(struct window *window, uint32_t keys_max);

/** Merges a delta, the metric's cells, into its pane. ERR_FULL: no room for a new
 *  key, its readings are counted. */
int window_merge(struct window *window, int64_t start_ms, struct slice key,
		 const struct aggregate *delta);

struct window_merged {
	uint64_t late_count; /**< readings of panes before `from_ms`: not merged */
	int64_t first_ms;    /**< least start merged, INT64_MAX: nothing was */
};
/** Merges every group whose pane starts at `from_ms` or later. Marked ones (group_table.h) are the
 *  caller's: they are passed over. */
void window_merge_table(struct window *window, const struct group_table *table, int64_t from_ms,
			struct window_merged *out);

/** Sum of the panes in [from_ms, to_ms) of one key. `out` has room for the metric's cells (a
 *  struct cell_total has); what was in it is not released, and cells_release() is the caller's.
 *  O(panes in it). */
void window_total(const struct window *window, struct slice key, int64_t from_ms, int64_t to_ms,
		  struct aggregate *out);

/** Calls `each` for every key with a pane in [from_ms, to_ms), with its total (the metric's cells,
 *  borrowed for the call), in no order. The window must not be changed inside. */
void window_each(const struct window *window, int64_t from_ms, int64_t to_ms,
		 void (*each)(void *arg, struct slice key, const struct aggregate *total),
		 void *arg);

/** Start of the first pane at or after `from_ms`; false when there is none. */
bool window_next_pane(const struct window *window, int64_t from_ms, int64_t *out_ms);

/** Forgets panes that start before `before_ms` and keys without panes. Returns panes forgotten.
 *  O(what it forgets). */
uint64_t window_expire(struct window *window, int64_t before_ms);

/** Every window that is asked for from now on ends at `before_ms` or later: of the panes that end
 *  until then a key keeps its newest lines, and no total is another for it. INT64_MAX: so it is
 *  with every pane. Metrics without lines: nothing. */
void window_drop_lines(struct window *window, int64_t before_ms);

struct window_usage {
	uint32_t key_count;
	uint64_t pane_count;
	uint64_t overflow_count;
	uint64_t memory_bytes;
};
void window_usage(const struct window *window, struct window_usage *out);
uint64_t window_overflow_count(const struct window *window); /**< of window_usage(), O(1) */
/** End of the newest pane whose readings found no room; INT64_MIN: all did. */
int64_t window_refused_ms(const struct window *window);

/* ---- totals of many keys (window_walk.c) ---- */

/** `ref` is good until the window changes; `total`, the metric's cells, until the call returns. */
typedef void window_walk_each(void *arg, uint32_t ref, const struct aggregate *total,
			      bool is_marked);

/** A window that moved from [old_from_ms, old_to_ms) to [from_ms, to_ms), over panes that did not
 *  change in between but for those from old_to_ms on. An empty old one: nothing is known. */
struct window_walk {
	int64_t from_ms, to_ms;
	int64_t old_from_ms, old_to_ms;
	struct window_stacks *stacks; /**< of that length (window_stack.h); or NULL */
	/** Every key whose total may differ from that of the old window, and that has a pane in the
	 *  new one. */
	window_walk_each *each;
	void *arg;
};
/** Begin, mark, walk: the marks are of this walk alone. */
void window_walk_begin(struct window *window);
/** Marks a key for the walk. False: it has no pane in the walk's window. */
bool window_walk_mark(struct window *window, const struct window_walk *walk, uint64_t key_hash,
		      struct slice key);
void window_walk(struct window *window, const struct window_walk *walk);
struct slice window_key_of(const struct window *window, uint32_t ref);
/** As window_total(): the caller releases `out`. */
void window_total_of(const struct window *window, uint32_t ref, int64_t from_ms, int64_t to_ms,
		     struct aggregate *out);

/* ---- rows: how a window is stored (window_rows.c) ---- */

/** Where rows go: each is known by its pane's start and a number, and replaces the one of the same
 *  name. */
struct window_rows {
	void (*put)(void *arg, int64_t start_ms, uint32_t row, struct slice content);
	void (*drop)(void *arg, int64_t start_ms, uint32_t row);
	void *arg;
};
bool window_has_changes(const struct window *window);
/** Writes what changed since the last time. Rows of panes that window_expire() forgot are dropped
 *  by the caller. */
void window_save(struct window *window, const struct window_rows *rows);
/** Panes that start before `before_ms` will hardly change: the next save makes one row of those
 *  that have many. */
void window_close(struct window *window, int64_t before_ms);
/** Takes a stored row back; rows of a start come in the order of their numbers. ERR_CORRUPT. Keys
 *  beyond the limit are counted as overflow. */
int window_load(struct window *window, int64_t start_ms, uint32_t row, struct slice content,
		struct err_note *why);

#endif
