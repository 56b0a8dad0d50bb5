/** window_stack.h - the total of a key over a long sliding window, from boundary to boundary.
 *
 *  Two stacks (Tangwongsan, Hirzel, Schneider, "General Incremental Sliding-Window Aggregation",
 *  PVLDB 8(7), 2015): what came is added to one total, what will leave has its sums prepared from
 *  the far end, so nothing is ever subtracted. Theirs keeps a sum for each pane, as many as the
 *  window has; here sums of whole chunks and those of one chunk, pane by pane, are enough:
 *
 *           from        head_end                  mid_end                newest    to
 *      ------|-------------|---------|---------|-----|---------|---------|----------|---> time
 *             head: sums from      chunks: sums from   chunks: of each    newest: of
 *             each pane to         each to mid_end     alone; back: of    one that is
 *             mid_end                                  all of these       not over
 *
 *      total(from, to) = head[from] + back + newest
 *
 *  When `from` reaches head_end, the next chunk becomes the head; when it passes mid_end, the
 *  chunks behind it are made into sums that end at `newest`. A pane is read twice in its life and a
 *  boundary merges four sums, however long the window is. The first mid_end is chosen by the key,
 *  so that keys do not turn at one boundary. A key with STACK_PANES_MIN panes or less has no stack:
 *  they are merged. Memory of a key: STACK_CHUNK + panes / STACK_CHUNK + 3 panes: 3.1 KiB for an
 *  hour of 5 s with one value, 4.4 KiB for a day of minutes; of counts alone 0.9 and 1.3 KiB.
 *  Owner: window_stacks_new() result owned; the window is borrowed and knows of it: it says what
 *  changed behind the totals. Threads: owner's.
 */
#ifndef TOCSIN_CORE_WINDOW_WINDOW_STACK_H
#define TOCSIN_CORE_WINDOW_WINDOW_STACK_H

#include "core/window/window.h"

enum { STACK_CHUNK_BITS = 5, STACK_CHUNK = 1 << STACK_CHUNK_BITS, STACK_PANES_MIN = 24 };

struct window_key;
struct window_stacks;

/** NULL: the window is so short that its panes are merged. */
struct window_stacks *window_stacks_new(struct window *window, int64_t window_ms);
void window_stacks_free(struct window_stacks *stacks); /**< NULL allowed */

/** Total of the panes with a number in [from, to), which only move forward; the caller's to
 *  release. */
void window_stacks_total(struct window_stacks *stacks, const struct window_key *key, int64_t from,
			 int64_t to, struct aggregate *out);
/** Brings what a total reads first, and then what it reads next, nearer. */
void window_stacks_fetch(const struct window_stacks *stacks, const struct window_key *key);
void window_stacks_fetch_sums(struct window_stacks *stacks, const struct window_key *key,
			      int64_t from);

/** Of all stacks of a window: a pane changed; the key goes; refs have another meaning. */
void window_stacks_touch(struct window *window, uint32_t ref, int64_t number);
void window_stacks_drop(struct window *window, uint32_t ref);
void window_stacks_drop_all(struct window *window);

size_t window_stacks_bytes(const struct window_stacks *stacks); /**< in use */
uint32_t window_stacks_count(const struct window_stacks *stacks);

#endif
