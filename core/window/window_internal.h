/** window_internal.h - the parts of a window, for its own files. */
#ifndef TOCSIN_CORE_WINDOW_WINDOW_INTERNAL_H
#define TOCSIN_CORE_WINDOW_WINDOW_INTERNAL_H

#include "core/window/pane_pool.h"
#include "core/window/window.h"
#include "core/window/window_keys.h"
#include "core/window/window_stack.h"

struct ref_list {
	uint32_t *data;
	uint32_t count, capacity;
};

/** A pane start in use. */
struct start {
	int64_t number;
	struct ref_list refs;    /**< keys that have the pane, as they came */
	struct ref_list changed; /**< of them, those whose rows are out of date */
	uint32_t row_count;
	uint32_t full_rows;  /**< the first ones, written together: no key is in them twice */
	uint32_t row_groups; /**< in all its rows */
	uint32_t stale;      /**< panes that lost their lines since all of it was written */
	bool is_full_due;    /**< the next save writes all of it */
};

struct window {
	struct metric *metric;
	int64_t pane_ms;
	struct pane_shape shape;
	size_t heap_bytes; /**< of the panes' sketches */
	struct window_options options;
	struct window_keys keys;
	struct pane_pool pool;
	struct start *starts; /**< sorted */
	uint32_t start_count, start_capacity;
	uint32_t recent_start; /**< index of the one used last: a guess */
	uint32_t due_count;    /**< starts with something to save */
	int64_t closed_number; /**< starts before it were closed */
	/** Panes before it are in every window that is still judged and has an older one: of their
	 *  lines only the newest are kept (window_lines.c). */
	int64_t lines_number;
	uint64_t pane_count;
	uint64_t overflow_count;
	int64_t refused_number; /**< newest pane that was refused, or INT64_MIN */
	uint32_t visit;
	struct window_stacks *stacks; /**< totals that must know of what changes; a list */
	int64_t covered;              /**< no stack has a pane from this number on */
	struct ref_list spare;        /**< for the next start that changes */
	struct bytes row;
};

/** Readings of a pane whose key finds no room. */
static inline void window_refuse(struct window *window, int64_t number, uint64_t count)
{
	window->overflow_count += count;
	if (number > window->refused_number)
		window->refused_number = number;
}

static inline int64_t window_number(const struct window *window, int64_t ms)
{
	int64_t rest = ms % window->pane_ms;

	return ms / window->pane_ms - (rest < 0);
}

/** Of the first pane that starts at `ms` or later. */
static inline int64_t window_number_from(const struct window *window, int64_t ms)
{
	return window_number(window, ms) + (ms % window->pane_ms != 0);
}

/** Brings the newest `count` panes of a key nearer. The panes of each key are a miss of their own:
 *  without this a third of the owner's samples with 1,000 keys were in pane_list_find(), on the
 *  first load of a pane. */
static inline void window_fetch(const struct window *window, const struct window_key *key,
				uint32_t count)
{
	const struct pane_shape *shape = &window->shape;
	uint32_t step = shape->pane_bytes <= 16 ? 4 : shape->pane_bytes <= 32 ? 2 : 1;

	if (count > key->panes.count)
		count = key->panes.count;
	for (uint32_t i = 0; i < count; i += step)
		__builtin_prefetch(
			pane_list_at(&key->panes, key->panes.count - 1 - i, key->size, shape));
	if (count > 0)
		__builtin_prefetch(
			pane_list_at(&key->panes, key->panes.count - count, key->size, shape));
}

/** The cells of a pane; those of a counted one are made in `counted`. */
static inline const struct aggregate *
pane_cells(const struct pane *pane, const struct pane_shape *shape, struct aggregate *counted)
{
	if (!shape->is_counted)
		return (const struct aggregate *)(const void *)pane->data;
	*counted = (struct aggregate){.count = pane->data[0]};
	return counted;
}

static inline bool start_is_due(const struct start *start)
{
	return start->changed.count > 0 || start->is_full_due;
}

void ref_list_add(struct ref_list *list, uint32_t ref, uint32_t capacity_min);

/** Index of the first start from `number` on. */
uint32_t window_find_start(const struct window *window, int64_t number);
/** The start, made when it is not there. */
struct start *window_put_start(struct window *window, int64_t number);

/** The pane of a key, made when it is not there; it counts as changed. `start` is its start or
 *  NULL. */
struct pane *window_put_pane(struct window *window, uint32_t ref, int64_t number);
/** The pane, or NULL. */
struct pane *window_pane_of(const struct window *window, const struct window_key *key,
			    int64_t number);
/** The key, made when there is room; else WINDOW_KEY_NONE. */
uint32_t window_put_key(struct window *window, uint32_t hash, struct slice key);

/** After a merge into a pane before `lines_number`. */
void window_drop_late_lines(struct window *window, uint32_t ref, int64_t number);

#endif
