#include "core/window/window_slide.h"
#include "core/window/window_days.h"
#include "core/window/window_internal.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/window/group_table.h"

struct window_slide {
	struct window *window; /**< the metric's */
	struct window_levels *levels;
	struct window_days *days;     /**< NULL: it slides */
	struct window_stacks *stacks; /**< of long ones that slide; or NULL */
	int64_t window_ms;
	uint32_t day_count;
	uint64_t seed;
	int64_t to_ms, old_to_ms; /**< of the walk that began */
};

struct window_slide *window_slide_new(struct window *window, struct window_levels *levels,
				      const struct window_slide_options *options)
{
	struct window_slide *slide = mem_alloc(sizeof(*slide));

	slide->window = window;
	slide->levels = levels;
	slide->window_ms = options->window_ms;
	slide->day_count = options->days;
	slide->seed = options->totals.seed;
	if (options->days > 0)
		slide->days = window_days_new(levels, options->days, &options->totals);
	else
		slide->stacks = window_stacks_new(window, options->window_ms);
	return slide;
}

void window_slide_free(struct window_slide *slide)
{
	if (slide == NULL)
		return;
	window_days_free(slide->days);
	window_stacks_free(slide->stacks);
	mem_free(slide);
}

int64_t window_slide_from_ms(const struct window_slide *slide, int64_t to_ms)
{
	return slide->days != NULL
		       ? window_level_from_ms(slide->levels->zone, to_ms, slide->day_count)
		       : to_ms - slide->window_ms;
}

/* ---- a walk ---- */

static struct window_walk walk_of(const struct window_slide *slide)
{
	struct window_walk walk = {.from_ms = slide->to_ms - slide->window_ms,
				   .to_ms = slide->to_ms};

	if (slide->old_to_ms == LEVEL_NONE)
		return walk;
	walk.old_from_ms = slide->old_to_ms - slide->window_ms;
	walk.old_to_ms = slide->old_to_ms;
	return walk;
}

void window_slide_begin(struct window_slide *slide, int64_t to_ms, int64_t old_to_ms)
{
	slide->to_ms = to_ms;
	slide->old_to_ms = old_to_ms;
	if (slide->days != NULL) {
		window_days_move(slide->days, to_ms);
		window_walk_begin(window_days_totals(slide->days));
	} else {
		window_walk_begin(slide->window);
	}
}

bool window_slide_mark(struct window_slide *slide, uint64_t key_hash, struct slice key)
{
	struct window_walk walk = walk_of(slide);

	if (slide->days == NULL)
		return window_walk_mark(slide->window, &walk, key_hash, key);
	walk.from_ms = 0;
	walk.to_ms = LEVEL_DAY_MS; /* where totals are */
	return window_walk_mark(window_days_totals(slide->days), &walk, key_hash, key);
}

void window_slide_walk(struct window_slide *slide, window_walk_each *each, void *arg)
{
	struct window_walk walk = walk_of(slide);

	if (slide->days != NULL) {
		window_days_walk(slide->days, slide->old_to_ms == LEVEL_NONE, each, arg);
		return;
	}
	walk.stacks = slide->stacks;
	walk.each = each;
	walk.arg = arg;
	window_walk(slide->window, &walk);
}

struct slice window_slide_key(const struct window_slide *slide, uint32_t ref)
{
	return window_key_of(slide->days != NULL ? window_days_totals(slide->days) : slide->window,
			     ref);
}

/* ---- any time ---- */

static void total_of_stack(struct window_slide *slide, const struct window_key *key, int64_t to_ms,
			   struct aggregate *out)
{
	window_stacks_total(slide->stacks, key,
			    window_number_from(slide->window, to_ms - slide->window_ms),
			    window_number_from(slide->window, to_ms), out);
}

static void each_of_stacks(struct window_slide *slide, int64_t to_ms,
			   void (*each)(void *arg, struct slice key, const struct aggregate *total),
			   void *arg)
{
	const struct window_key *key;
	size_t at = 0;

	while ((key = window_keys_next(&slide->window->keys, &at)) != NULL) {
		struct cell_total total;

		if (key->panes.count == 0)
			continue;
		total_of_stack(slide, key, to_ms, total.aggregates);
		if (total.aggregates[0].count > 0)
			each(arg, window_keys_bytes(key), total.aggregates);
		cells_release(slide->window->shape.layout, total.aggregates, NULL);
	}
}

void window_slide_each(struct window_slide *slide, int64_t to_ms,
		       void (*each)(void *arg, struct slice key, const struct aggregate *total),
		       void *arg)
{
	if (slide->stacks != NULL) {
		each_of_stacks(slide, to_ms, each, arg);
		return;
	}
	if (slide->days == NULL) {
		window_each(slide->window, to_ms - slide->window_ms, to_ms, each, arg);
		return;
	}
	window_days_move(slide->days, to_ms);
	window_each(window_days_totals(slide->days), 0, LEVEL_DAY_MS, each, arg);
}

void window_slide_total(struct window_slide *slide, int64_t to_ms, struct slice key,
			struct aggregate *out)
{
	uint32_t ref;

	if (slide->days != NULL) {
		window_days_total(slide->days, to_ms, key, out);
		return;
	}
	ref = slide->stacks != NULL && to_ms == slide->to_ms
		      ? window_keys_find(&slide->window->keys,
					 (uint32_t)group_key_hash(slide->seed, key), key)
		      : WINDOW_KEY_NONE;
	if (ref != WINDOW_KEY_NONE)
		total_of_stack(slide, window_keys_at(&slide->window->keys, ref), to_ms, out);
	else
		window_total(slide->window, key, to_ms - slide->window_ms, to_ms, out);
}

bool window_slide_next_pane(struct window_slide *slide, int64_t to_ms, int64_t *out_ms)
{
	int64_t from_ms = window_slide_from_ms(slide, to_ms);

	if (slide->days == NULL || window_days_totals(slide->days)->keys.count == 0)
		return window_next_pane(slide->window, from_ms, out_ms);
	*out_ms = from_ms;
	return true;
}

bool window_slide_next_change(struct window_slide *slide, int64_t to_ms, int64_t *out_ms)
{
	int64_t change_ms = INT64_MAX, pane_ms;

	if (window_next_pane(slide->window, to_ms, &pane_ms))
		change_ms = pane_ms;
	if (slide->days != NULL) {
		/* Totals that are there leave on some midnight, and nobody knows on which. */
		pane_ms = window_level_from_ms(slide->levels->zone, to_ms, 0);
		if (window_days_totals(slide->days)->keys.count > 0 && pane_ms < change_ms)
			change_ms = pane_ms;
	} else if (window_next_pane(slide->window, to_ms - slide->window_ms, &pane_ms) &&
		   pane_ms + slide->window_ms < change_ms) {
		change_ms = pane_ms + slide->window_ms;
	}
	*out_ms = change_ms;
	return change_ms != INT64_MAX;
}

void window_slide_add_late(struct window_slide *slide, int64_t start_ms, struct slice key,
			   const struct aggregate *delta)
{
	if (slide->days != NULL)
		window_days_add(slide->days, start_ms, key, delta);
}

uint64_t window_slide_memory_bytes(const struct window_slide *slide)
{
	struct window_usage usage = {0};

	if (slide->days != NULL)
		window_usage(window_days_totals(slide->days), &usage);
	if (slide->stacks != NULL)
		usage.memory_bytes = window_stacks_bytes(slide->stacks);
	return sizeof(*slide) + usage.memory_bytes;
}
