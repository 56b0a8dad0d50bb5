/* Totals of the keys that a moving window can have changed.
 *
 *             old_from    from          old_to      to
 *      -------|===========|=============|-----------|------> event time
 *              left the window           came into it
 *
 * Only keys with a pane in one of the two ends can have another value. When those are nearly all,
 * or when nothing is known of the old window, the walk is over all records as they lie.
 */
#include "core/window/window_internal.h"

#include <string.h>

#include "core/window/metric.h"

enum { WALK_QUEUE = 8, PREFETCH_AHEAD = 16, FETCH_MAX = 20, FETCH_NEWER = 3 };

struct walk_run {
	struct window *window;
	const struct window_walk *walk;
	int64_t from, to;
	uint32_t fetch_count; /**< panes of each key that are worth it */
	const struct window_key *keys[WALK_QUEUE];
	uint32_t count; /**< keys that were asked for */
};

void window_walk_begin(struct window *window)
{
	window->visit++;
}

/* A count is the same sum in any order and needs nothing else; it is the first word of both kinds
 * of panes. 12 panes of a key: 340 instructions so, 640 merging aggregates and looking the key up
 * in those that fire. */
static uint64_t count_list(const struct walk_run *run, const struct window_key *key)
{
	const struct pane_shape *shape = &run->window->shape;
	const struct pane_list *list = &key->panes;
	uint32_t index = pane_list_find(list, run->from, key->size, shape);
	const char *end = (const char *)list->block + ((size_t)shape->pane_bytes << key->size);
	const char *at = (const char *)pane_list_at(list, index, key->size, shape);
	uint64_t count = 0;

	for (; index < list->count; index++) {
		const struct pane *pane = (const struct pane *)(const void *)at;

		if (pane_number(pane) >= run->to)
			break;
		count += pane->data[0];
		at += shape->pane_bytes;
		if (at == end)
			at = (const char *)list->block;
	}
	return count;
}

static void tell(const struct window_walk *walk, const struct pane_shape *shape, uint32_t ref,
		 struct aggregate *total, bool is_marked)
{
	if (total->count > 0)
		walk->each(walk->arg, ref, total, is_marked);
	cells_release(shape->layout, total, NULL);
}

static void judge(const struct walk_run *run, const struct window_key *key)
{
	const struct window_walk *walk = run->walk;
	const struct pane_shape *shape = &run->window->shape;
	uint32_t ref = window_keys_ref(&run->window->keys, key);
	bool is_marked = key->firing_visit == run->window->visit;
	struct cell_total total;

	if (walk->stacks != NULL) {
		window_stacks_total(walk->stacks, key, run->from, run->to, total.aggregates);
		tell(walk, shape, ref, total.aggregates, is_marked);
		return;
	}
	if (shape->is_counted) {
		total.aggregates[0] = (struct aggregate){.count = count_list(run, key)};
		tell(walk, shape, ref, total.aggregates, is_marked);
		return;
	}
	window_total_of(run->window, ref, walk->from_ms, walk->to_ms, total.aggregates);
	tell(walk, shape, ref, total.aggregates, is_marked);
}

/* A key is judged when WALK_QUEUE later ones have been asked for. */
static void add_key(struct walk_run *run, const struct window_key *key)
{
	uint32_t at = run->count % WALK_QUEUE;

	if (key->panes.count == 0)
		return;
	if (run->count >= WALK_QUEUE)
		judge(run, run->keys[at]);
	window_fetch(run->window, key, run->fetch_count);
	if (run->walk->stacks != NULL) {
		window_stacks_fetch(run->walk->stacks, key);
		if (run->count >= WALK_QUEUE / 2)
			window_stacks_fetch_sums(
				run->walk->stacks,
				run->keys[(run->count - WALK_QUEUE / 2) % WALK_QUEUE], run->from);
	}
	run->keys[at] = key;
	run->count++;
}

static void judge_rest(struct walk_run *run)
{
	uint32_t waiting = run->count < WALK_QUEUE ? run->count : WALK_QUEUE;

	for (uint32_t i = run->count - waiting; i != run->count; i++)
		judge(run, run->keys[i % WALK_QUEUE]);
}

static void walk_all(struct walk_run *run)
{
	const struct window_key *key;
	size_t at = 0;

	while ((key = window_keys_next(&run->window->keys, &at)) != NULL)
		add_key(run, key);
}

static void walk_starts(struct walk_run *run, uint32_t first, uint32_t end)
{
	const struct window_keys *keys = &run->window->keys;

	for (uint32_t i = first; i < end; i++) {
		const struct ref_list *refs = &run->window->starts[i].refs;

		for (uint32_t k = 0; k < refs->count; k++) {
			struct window_key *key = window_keys_at(keys, refs->data[k]);

			if (k + PREFETCH_AHEAD < refs->count)
				__builtin_prefetch(
					window_keys_at(keys, refs->data[k + PREFETCH_AHEAD]));
			if (key->seen_visit == run->window->visit)
				continue;
			key->seen_visit = run->window->visit;
			add_key(run, key);
		}
	}
}

static uint64_t count_refs(const struct window *window, uint32_t first, uint32_t end)
{
	uint64_t count = 0;

	for (uint32_t i = first; i < end; i++)
		count += window->starts[i].refs.count;
	return count;
}

void window_walk(struct window *window, const struct window_walk *walk)
{
	struct walk_run run = {
		.window = window,
		.walk = walk,
		.from = window_number_from(window, walk->from_ms),
		.to = window_number_from(window, walk->to_ms),
	};
	uint32_t left = 0, left_end = 0, came = 0, came_end = 0;
	bool knows_old = walk->old_from_ms < walk->old_to_ms;

	/* The watermark is behind, so some panes are newer than the window. */
	run.fetch_count = run.to - run.from < FETCH_MAX - FETCH_NEWER
				  ? (uint32_t)(run.to - run.from) + FETCH_NEWER
				  : FETCH_MAX;
	if (knows_old) {
		left = window_find_start(window, window_number_from(window, walk->old_from_ms));
		left_end = window_find_start(window, run.from);
		came = window_find_start(window, window_number_from(window, walk->old_to_ms));
		came_end = window_find_start(window, run.to);
	}
	/* A stack needs what came. */
	if (walk->stacks != NULL)
		run.fetch_count = FETCH_NEWER;
	/* When the window moved past its whole old length, the ends overlap: each is seen once. */
	if (!knows_old || count_refs(window, left, left_end) + count_refs(window, came, came_end) >=
				  window->keys.count) {
		walk_all(&run);
	} else {
		walk_starts(&run, left, left_end);
		walk_starts(&run, came, came_end);
	}
	judge_rest(&run);
}

bool window_walk_mark(struct window *window, const struct window_walk *walk, uint64_t key_hash,
		      struct slice key)
{
	uint32_t ref = window_keys_find(&window->keys, (uint32_t)key_hash, key);
	struct window_key *record;
	uint32_t index;

	if (ref == WINDOW_KEY_NONE)
		return false;
	record = window_keys_at(&window->keys, ref);
	record->firing_visit = window->visit;
	index = pane_list_find(&record->panes, window_number_from(window, walk->from_ms),
			       record->size, &window->shape);
	return index < record->panes.count &&
	       pane_number(pane_list_at(&record->panes, index, record->size, &window->shape)) <
		       window_number_from(window, walk->to_ms);
}
