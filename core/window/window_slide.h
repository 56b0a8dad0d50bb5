/** window_slide.h - the window of one rule, as it moves from boundary to boundary.
 *
 *  It slides over the metric's panes, or it is N calendar days (window_days.h). In both a boundary
 *  costs what came and what left since the one before, and not what is in between.
 *  At a boundary: begin, mark what the caller wants to know of, walk.
 *  Owner: window_slide_new() result owned; the window and its levels are borrowed, and outlive it.
 *  Threads: owner's.
 */
#ifndef TOCSIN_CORE_WINDOW_WINDOW_SLIDE_H
#define TOCSIN_CORE_WINDOW_WINDOW_SLIDE_H

#include "core/window/window_level.h"

struct window_slide;

struct window_slide_options {
	int64_t window_ms;
	uint32_t days;                /**< calendar days; 0: it slides */
	struct window_options totals; /**< of the metric's window */
};
/** `levels` NULL: it slides. */
struct window_slide *window_slide_new(struct window *window, struct window_levels *levels,
				      const struct window_slide_options *options);
void window_slide_free(struct window_slide *slide); /**< NULL allowed */

/** Where the window that ends at `to_ms` begins. */
int64_t window_slide_from_ms(const struct window_slide *slide, int64_t to_ms);

/** `old_to_ms` is the end of the window of the last walk when nothing changed behind it, or
 *  LEVEL_NONE: every key is told. */
void window_slide_begin(struct window_slide *slide, int64_t to_ms, int64_t old_to_ms);
/** Marks a key for the walk. False: it has no pane in the window. */
bool window_slide_mark(struct window_slide *slide, uint64_t key_hash, struct slice key);
/** Every key whose total may differ from that of the last walk, and that has a pane in the window.
 */
void window_slide_walk(struct window_slide *slide, window_walk_each *each, void *arg);
struct slice window_slide_key(const struct window_slide *slide, uint32_t ref);

/** Every key of the window that ends at `to_ms`, in no order; a walk is not disturbed by it. */
void window_slide_each(struct window_slide *slide, int64_t to_ms,
		       void (*each)(void *arg, struct slice key, const struct aggregate *total),
		       void *arg);
/** Total of one key of the window that ends at `to_ms`; cells_release() is the caller's. */
void window_slide_total(struct window_slide *slide, int64_t to_ms, struct slice key,
			struct aggregate *out);

/** The first pane that the window that ends at `to_ms` or a later one sees. False: none. */
bool window_slide_next_pane(struct window_slide *slide, int64_t to_ms, int64_t *out_ms);
/** The next instant after which a window sees something else than the one that ends at `to_ms`, as
 *  long as nothing late comes: a boundary at or before it need not be looked at. False: never. */
bool window_slide_next_change(struct window_slide *slide, int64_t to_ms, int64_t *out_ms);

/** A delta was merged behind the end of the last window. */
void window_slide_add_late(struct window_slide *slide, int64_t start_ms, struct slice key,
			   const struct aggregate *delta);

uint64_t window_slide_memory_bytes(const struct window_slide *slide);

#endif
