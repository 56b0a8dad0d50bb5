#include "core/window/window_days.h"
#include "core/window/window_internal.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/model/local_day.h"
#include "core/window/group_table.h"
#include "core/window/metric.h"

struct window_days {
	struct window_levels *levels;
	uint32_t days;
	struct window_options options;
	struct window *totals;
	int64_t from_ms, to_ms;  /**< empty: there are no totals */
	int64_t midnight_ms;     /**< what ends after it has another beginning */
	struct ref_list changed; /**< totals that changed since the last walk; may say one twice */
	bool has_changed_wholly;
};

static void renew_totals(struct window_days *days)
{
	window_free(days->totals);
	days->totals = window_new(days->levels->day_metric, &days->options);
	days->changed.count = 0;
	days->has_changed_wholly = true;
}

struct window_days *window_days_new(struct window_levels *levels, uint32_t day_count,
				    const struct window_options *options)
{
	struct window_days *days = mem_alloc(sizeof(*days));

	days->levels = levels;
	days->days = day_count;
	days->options = *options;
	days->options.is_stored = false;
	renew_totals(days);
	return days;
}

void window_days_free(struct window_days *days)
{
	if (days == NULL)
		return;
	window_free(days->totals);
	mem_free(days->changed.data);
	mem_free(days);
}

struct window *window_days_totals(struct window_days *days)
{
	return days->totals;
}

/* ---- feeding ---- */

/* The total of a key, or NULL: there is no room, and its readings are counted. */
static struct pane *total_of(struct window_days *days, uint32_t hash, struct slice key,
			     uint64_t count, uint32_t *ref)
{
	struct window *totals = days->totals;

	*ref = window_put_key(totals, hash, key);
	if (*ref != WINDOW_KEY_NONE)
		return window_put_pane(totals, *ref, 0);
	totals->overflow_count += count;
	return NULL;
}

/* All keys of a level with panes in [from, to), key by key: the panes of one lie together. */
static void feed_keys(struct window_days *days, const struct window *level, int64_t from,
		      int64_t to)
{
	const struct window_key *key;
	size_t at = 0;

	while ((key = window_keys_next(&level->keys, &at)) != NULL) {
		uint32_t index = pane_list_find(&key->panes, from, key->size, &level->shape);
		struct pane *total = NULL;

		for (; index < key->panes.count; index++) {
			const struct pane *pane =
				pane_list_at(&key->panes, index, key->size, &level->shape);
			struct aggregate counted;
			const struct aggregate *cells = pane_cells(pane, &level->shape, &counted);
			uint32_t ref;

			if (pane_number(pane) >= to)
				break;
			if (total == NULL)
				total = total_of(days, key->hash, window_keys_bytes(key),
						 cells->count, &ref);
			if (total != NULL)
				pane_merge(total, &days->totals->shape, cells);
		}
	}
}

static int64_t fine_from_ms(const struct window_days *days)
{
	int64_t rolled_ms = days->levels->rolled_ms;

	return days->from_ms > rolled_ms ? days->from_ms : rolled_ms;
}

static void feed_all(struct window_days *days)
{
	const struct window_levels *levels = days->levels;
	const struct window *fine = levels->fine;
	int64_t last = window_level_day(levels->zone, days->to_ms - 1);
	int64_t first = last - (int64_t)days->days + 1;

	feed_keys(days, levels->days, first, last + 1);
	feed_keys(days, levels->hours, first * LEVEL_DAY_HOURS, (last + 1) * LEVEL_DAY_HOURS);
	feed_keys(days, fine, window_number_from(fine, fine_from_ms(days)),
		  window_number_from(fine, days->to_ms));
}

enum { PREFETCH_AHEAD = 8 };

static void fetch_ahead(const struct window_days *days, const struct ref_list *refs, uint32_t at)
{
	const struct window *fine = days->levels->fine;
	const struct window_key *key;
	uint32_t ref;

	if (at + 3 * PREFETCH_AHEAD >= refs->count || days->totals->keys.slot_count == 0)
		return;
	__builtin_prefetch(window_keys_at(&fine->keys, refs->data[at + 3 * PREFETCH_AHEAD]));
	key = window_keys_at(&fine->keys, refs->data[at + 2 * PREFETCH_AHEAD]);
	window_fetch(fine, key, 1);
	window_keys_prefetch_slot(&days->totals->keys, key->hash);
	key = window_keys_at(&fine->keys, refs->data[at + PREFETCH_AHEAD]);
	ref = window_keys_guess(&days->totals->keys, key->hash);
	if (ref != WINDOW_KEY_NONE)
		__builtin_prefetch(window_keys_at(&days->totals->keys, ref));
}

/* What came since the last boundary, start by start: few panes of many keys. */
static void feed_newest(struct window_days *days, int64_t from_ms)
{
	const struct window *fine = days->levels->fine;
	uint32_t index = window_find_start(fine, window_number_from(fine, from_ms));
	uint32_t end = window_find_start(fine, window_number_from(fine, days->to_ms));

	for (; index < end; index++) {
		const struct start *start = &fine->starts[index];

		for (uint32_t i = 0; i < start->refs.count; i++) {
			const struct window_key *key =
				window_keys_at(&fine->keys, start->refs.data[i]);
			const struct pane *pane = window_pane_of(fine, key, start->number);
			struct aggregate counted;
			const struct aggregate *cells;
			struct pane *total;
			uint32_t ref;

			fetch_ahead(days, &start->refs, i);
			if (pane == NULL)
				continue;
			cells = pane_cells(pane, &fine->shape, &counted);
			total = total_of(days, key->hash, window_keys_bytes(key), cells->count,
					 &ref);
			if (total == NULL)
				continue;
			pane_merge(total, &days->totals->shape, cells);
			ref_list_add(&days->changed, ref, 16);
		}
	}
}

/* The totals go on to `to_ms`: the beginning stays, and what came since is in the fine window. */
static bool goes_on(const struct window_days *days, int64_t to_ms)
{
	return days->from_ms < days->to_ms && to_ms >= days->to_ms && to_ms <= days->midnight_ms &&
	       days->to_ms >= days->levels->rolled_ms;
}

void window_days_move(struct window_days *days, int64_t to_ms)
{
	int64_t old_to_ms = days->to_ms;

	if (goes_on(days, to_ms)) {
		days->to_ms = to_ms;
		feed_newest(days, old_to_ms);
		return;
	}
	days->to_ms = to_ms;
	days->from_ms = window_level_from_ms(days->levels->zone, to_ms, days->days);
	days->midnight_ms = window_level_from_ms(days->levels->zone, to_ms, 0);
	renew_totals(days);
	feed_all(days);
}

/* What a level has of a key in [from, to) is added to `out`. */
static void add_level(const struct window *level, struct slice key, int64_t from_ms, int64_t to_ms,
		      struct aggregate *out)
{
	struct cell_total part;

	window_total(level, key, from_ms, to_ms, part.aggregates);
	cells_merge(level->shape.layout, out, part.aggregates, NULL);
	cells_release(level->shape.layout, part.aggregates, NULL);
}

void window_days_total(const struct window_days *days, int64_t to_ms, struct slice key,
		       struct aggregate *out)
{
	const struct window_levels *levels = days->levels;
	int64_t last, first, fine_ms;

	if (goes_on(days, to_ms)) {
		window_total(days->totals, key, 0, LEVEL_DAY_MS, out);
		add_level(levels->fine, key, days->to_ms, to_ms, out);
		return;
	}
	last = window_level_day(levels->zone, to_ms - 1);
	first = last - (int64_t)days->days + 1;
	fine_ms = local_day_start_ms(levels->zone, first);
	window_total(levels->days, key, window_level_day_ms(first), window_level_day_ms(last + 1),
		     out);
	add_level(levels->hours, key, window_level_hour_ms(first), window_level_hour_ms(last + 1),
		  out);
	add_level(levels->fine, key, fine_ms > levels->rolled_ms ? fine_ms : levels->rolled_ms,
		  to_ms, out);
}

void window_days_add(struct window_days *days, int64_t start_ms, struct slice key,
		     const struct aggregate *delta)
{
	struct pane *total;
	uint32_t ref;

	if (start_ms < days->from_ms || start_ms >= days->to_ms)
		return;
	total = total_of(days, (uint32_t)group_key_hash(days->options.seed, key), key, delta->count,
			 &ref);
	if (total == NULL)
		return;
	pane_merge(total, &days->totals->shape, delta);
	ref_list_add(&days->changed, ref, 16);
}

/* ---- walking ---- */

struct days_walk {
	const struct window *totals;
	window_walk_each *each;
	void *arg;
};

static void tell(const struct days_walk *walk, const struct window_key *key)
{
	const struct pane_shape *shape = &walk->totals->shape;
	struct aggregate counted;

	if (key->panes.count == 0)
		return;
	walk->each(walk->arg, window_keys_ref(&walk->totals->keys, key),
		   pane_cells(pane_list_at(&key->panes, 0, key->size, shape), shape, &counted),
		   key->firing_visit == walk->totals->visit);
}

void window_days_walk(struct window_days *days, bool wants_all, window_walk_each *each, void *arg)
{
	const struct window_keys *keys = &days->totals->keys;
	struct days_walk walk = {days->totals, each, arg};
	struct window_key *key;
	size_t at = 0;

	if (wants_all || days->has_changed_wholly) {
		while ((key = window_keys_next(keys, &at)) != NULL)
			tell(&walk, key);
	} else {
		for (uint32_t i = 0; i < days->changed.count; i++) {
			key = window_keys_at(keys, days->changed.data[i]);
			if (key->seen_visit == days->totals->visit)
				continue;
			key->seen_visit = days->totals->visit;
			tell(&walk, key);
		}
	}
	days->changed.count = 0;
	days->has_changed_wholly = false;
}
