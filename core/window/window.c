/* One window:
 *
 *     keys    key bytes -> id                     (key_table.h)
 *     lists   id -> panes of that key             (pane_list.h); empty: the key is dead
 *     starts  every start in use, sorted, and how many panes have it
 *
 * `starts` answers window_next_pane(), and lets window_expire() return at once when nothing is old.
 * The key table cannot forget one key, so dead keys stay until they outnumber the living; then the
 * table is built anew (test: expires_dead_keys_and_takes_new_ones).
 */
#include "core/window/window.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/key_table.h"
#include "core/base/mem.h"
#include "core/window/metric.h"
#include "core/window/pane_list.h"

enum { DEAD_KEYS_MIN = 64 };

struct start {
	int64_t start_ms;
	uint64_t pane_count;
};

struct window {
	struct metric *metric;
	uint32_t width; /**< aggregates per pane */
	uint32_t keys_max;
	struct key_table keys;
	struct pane_list *lists; /**< [list_capacity], the first keys.count in use */
	uint32_t list_capacity;
	uint32_t live_count; /**< keys that have a pane */
	struct start *starts;
	uint32_t start_count;
	uint32_t start_capacity;
	uint64_t pane_count;
	uint64_t pane_memory_bytes;
	uint64_t overflow_count;
};

static const struct aggregate no_pane[METRIC_VALUES_MAX];

struct window *window_new(struct metric *metric, uint32_t keys_max, uint64_t seed)
{
	struct window *window = mem_alloc(sizeof(*window));

	window->metric = metric_ref(metric);
	window->width = metric->aggregate_count;
	window->keys_max = keys_max > 0 ? keys_max : WINDOW_KEYS_MAX_DEFAULT;
	key_table_init(&window->keys, seed);
	return window;
}

void window_free(struct window *window)
{
	if (window == NULL)
		return;
	for (uint32_t id = 0; id < window->keys.count; id++)
		pane_list_clear(&window->lists[id]);
	mem_free(window->lists);
	mem_free(window->starts);
	key_table_deinit(&window->keys);
	metric_unref(window->metric);
	mem_free(window);
}

/* ---- the starts in use ---- */

/* Index of the first start at or after `start_ms`. */
static uint32_t starts_find(const struct window *window, int64_t start_ms)
{
	uint32_t low = 0, high = window->start_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (window->starts[middle].start_ms < start_ms)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void starts_add(struct window *window, int64_t start_ms)
{
	uint32_t index = starts_find(window, start_ms);

	if (index == window->start_count || window->starts[index].start_ms != start_ms) {
		if (window->start_count == window->start_capacity) {
			window->start_capacity =
				window->start_capacity == 0 ? 16 : window->start_capacity * 2;
			window->starts = mem_grow(window->starts, window->start_capacity,
						  sizeof(*window->starts));
		}
		memmove(&window->starts[index + 1], &window->starts[index],
			(window->start_count - index) * sizeof(*window->starts));
		window->starts[index] = (struct start){.start_ms = start_ms};
		window->start_count++;
	}
	window->starts[index].pane_count++;
	window->pane_count++;
}

static void starts_drop(struct window *window, uint32_t index, uint32_t count)
{
	window->start_count -= count;
	memmove(&window->starts[index], &window->starts[index + count],
		(window->start_count - index) * sizeof(*window->starts));
}

static void starts_remove(struct window *window, int64_t start_ms)
{
	uint32_t index = starts_find(window, start_ms);

	window->pane_count--;
	if (--window->starts[index].pane_count == 0)
		starts_drop(window, index, 1);
}

/* ---- the keys ---- */

static uint64_t list_memory(const struct window *window, const struct pane_list *list)
{
	return list->capacity * pane_bytes(window->width);
}

static struct pane_list *find_list(const struct window *window, struct slice key)
{
	uint32_t id = key_table_find(&window->keys, key);

	return id == KEY_TABLE_NONE ? NULL : &window->lists[id];
}

/* NULL: there is no room for a key more. */
static struct pane_list *put_list(struct window *window, struct slice key)
{
	struct pane_list *list = find_list(window, key);
	bool is_new;
	uint32_t id;

	if (list != NULL && list->count > 0)
		return list;
	if (window->live_count >= window->keys_max)
		return NULL;
	window->live_count++;
	if (list != NULL)
		return list;
	id = key_table_put(&window->keys, key, &is_new);
	if (id >= window->list_capacity) {
		window->list_capacity = window->list_capacity == 0 ? 64 : window->list_capacity * 2;
		window->lists =
			mem_grow(window->lists, window->list_capacity, sizeof(*window->lists));
	}
	window->lists[id] = (struct pane_list){0};
	return &window->lists[id];
}

static void rebuild_keys(struct window *window)
{
	struct key_table old = window->keys;
	uint32_t kept = 0;

	key_table_init(&window->keys, old.seed);
	for (uint32_t id = 0; id < old.count; id++) {
		bool is_new;

		if (window->lists[id].count == 0)
			continue;
		key_table_put(&window->keys, key_table_key(&old, id), &is_new);
		window->lists[kept++] = window->lists[id];
	}
	key_table_deinit(&old);
	window->list_capacity = kept;
	window->lists = mem_grow(window->lists, kept > 0 ? kept : 1, sizeof(*window->lists));
}

/* ---- panes ---- */

static bool is_empty(const struct window *window, const struct aggregate *aggregates)
{
	for (uint32_t i = 0; i < window->width; i++)
		if (aggregates[i].count > 0)
			return false;
	return true;
}

static struct pane *find_pane(const struct window *window, int64_t start_ms, struct slice key)
{
	const struct pane_list *list = find_list(window, key);
	uint32_t index = list == NULL ? 0 : pane_list_find(list, start_ms, window->width);
	struct pane *pane;

	if (list == NULL || index == list->count)
		return NULL;
	pane = pane_list_at(list, index, window->width);
	return pane->start_ms == start_ms ? pane : NULL;
}

/* The pane, made when it is not there; NULL: no room. */
static struct pane *put_pane(struct window *window, int64_t start_ms, struct slice key)
{
	struct pane_list *list = put_list(window, key);
	struct pane *pane;
	uint32_t index;

	if (list == NULL)
		return NULL;
	index = pane_list_find(list, start_ms, window->width);
	if (index < list->count) {
		pane = pane_list_at(list, index, window->width);
		if (pane->start_ms == start_ms)
			return pane;
	}
	window->pane_memory_bytes -= list_memory(window, list);
	pane = pane_list_insert(list, index, start_ms, window->width);
	window->pane_memory_bytes += list_memory(window, list);
	starts_add(window, start_ms);
	return pane;
}

int window_merge(struct window *window, int64_t start_ms, struct slice key,
		 const struct aggregate *delta, const struct aggregate **pane)
{
	struct pane *into = is_empty(window, delta) ? find_pane(window, start_ms, key)
						    : put_pane(window, start_ms, key);

	if (into == NULL && !is_empty(window, delta))
		return ERR_FULL;
	for (uint32_t i = 0; into != NULL && i < window->width; i++)
		aggregate_merge(&into->aggregates[i], &delta[i]);
	if (pane != NULL)
		*pane = into != NULL ? into->aggregates : no_pane;
	return 0;
}

static void remove_pane(struct window *window, int64_t start_ms, struct slice key)
{
	struct pane_list *list = find_list(window, key);

	if (find_pane(window, start_ms, key) == NULL)
		return;
	window->pane_memory_bytes -= list_memory(window, list);
	pane_list_remove(list, pane_list_find(list, start_ms, window->width), window->width);
	window->pane_memory_bytes += list_memory(window, list);
	starts_remove(window, start_ms);
	if (list->count == 0)
		window->live_count--;
}

int window_restore(struct window *window, int64_t start_ms, struct slice key,
		   const struct aggregate *pane)
{
	struct pane *into;

	if (is_empty(window, pane)) {
		remove_pane(window, start_ms, key);
		return 0;
	}
	into = put_pane(window, start_ms, key);
	if (into == NULL)
		return ERR_FULL;
	memcpy(into->aggregates, pane, window->width * sizeof(*pane));
	return 0;
}

/* False: the key has no pane there, and `out` is empty. */
static bool sum_list(const struct window *window, const struct pane_list *list, int64_t from_ms,
		     int64_t to_ms, struct aggregate *out)
{
	uint32_t index = pane_list_find(list, from_ms, window->width);
	bool is_any = false;

	memset(out, 0, window->width * sizeof(*out));
	for (; index < list->count; index++) {
		const struct pane *pane = pane_list_at(list, index, window->width);

		if (pane->start_ms >= to_ms)
			break;
		for (uint32_t i = 0; i < window->width; i++)
			aggregate_merge(&out[i], &pane->aggregates[i]);
		is_any = true;
	}
	return is_any;
}

void window_total(const struct window *window, struct slice key, int64_t from_ms, int64_t to_ms,
		  struct aggregate *out)
{
	static const struct pane_list none;
	const struct pane_list *list = find_list(window, key);

	sum_list(window, list != NULL ? list : &none, from_ms, to_ms, out);
}

void window_each(const struct window *window, int64_t from_ms, int64_t to_ms,
		 void (*each)(void *arg, struct slice key, const struct aggregate *total),
		 void *arg)
{
	struct aggregate total[METRIC_VALUES_MAX];

	for (uint32_t id = 0; id < window->keys.count; id++)
		if (sum_list(window, &window->lists[id], from_ms, to_ms, total))
			each(arg, key_table_key(&window->keys, id), total);
}

bool window_next_pane(const struct window *window, int64_t from_ms, int64_t *out_ms)
{
	uint32_t index = starts_find(window, from_ms);

	if (index == window->start_count)
		return false;
	*out_ms = window->starts[index].start_ms;
	return true;
}

static void forget_before(struct window *window, struct pane_list *list, int64_t before_ms)
{
	if (list->count == 0)
		return;
	window->pane_memory_bytes -= list_memory(window, list);
	pane_list_forget_first(list, pane_list_find(list, before_ms, window->width));
	window->pane_memory_bytes += list_memory(window, list);
	if (list->count == 0)
		window->live_count--;
}

uint64_t window_expire(struct window *window, int64_t before_ms)
{
	uint32_t old_count = starts_find(window, before_ms), dead_count;
	uint64_t forgotten = 0;

	if (old_count == 0)
		return 0;
	for (uint32_t i = 0; i < old_count; i++)
		forgotten += window->starts[i].pane_count;
	starts_drop(window, 0, old_count);
	window->pane_count -= forgotten;
	for (uint32_t id = 0; id < window->keys.count; id++)
		forget_before(window, &window->lists[id], before_ms);
	dead_count = window->keys.count - window->live_count;
	if (dead_count >= DEAD_KEYS_MIN && dead_count > window->live_count)
		rebuild_keys(window);
	return forgotten;
}

void window_usage(const struct window *window, struct window_usage *out)
{
	const struct key_table *keys = &window->keys;
	uint64_t key_memory =
		keys->keys.used_bytes + keys->slot_count * sizeof(*keys->slots) +
		keys->id_capacity * (sizeof(*keys->key_by_id) + sizeof(*keys->hash_by_id));

	*out = (struct window_usage){
		.key_count = window->live_count,
		.pane_count = window->pane_count,
		.overflow_count = window->overflow_count,
		.memory_bytes = sizeof(*window) + key_memory + window->pane_memory_bytes +
				window->list_capacity * sizeof(*window->lists) +
				window->start_capacity * sizeof(*window->starts),
	};
}

void window_count_overflow(struct window *window, uint64_t readings)
{
	window->overflow_count += readings;
}
