/* One window:
 *
 *     keys     key bytes -> record with the panes of that key      (window_keys.h, pane_list.h)
 *     starts   every start in use, sorted; each knows the keys that have its pane
 *     pool     the blocks of the panes                             (pane_pool.h)
 *
 * `starts` answers window_next_pane(), and makes forgetting, saving and walking as dear as what
 * they touch. A key without panes is removed at once. A window that shrank to a quarter is built
 * anew (test: expires_dead_keys_and_takes_new_ones).
 */
#include "core/window/window_internal.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/window/group_table.h"
#include "core/window/metric.h"

enum { REBUILD_BYTES_MIN = 64 * 1024, REBUILD_RATIO = 4, STARTS_MIN = 4, FETCH_AHEAD = 8 };

struct window *window_new(struct metric *metric, const struct window_options *options)
{
	struct window *window = mem_alloc(sizeof(*window));

	window->metric = metric_ref(metric);
	window->pane_ms = metric->pane_ms;
	window->shape =
		pane_shape_of(&metric->cells, metric->value_count == 0, &window->heap_bytes);
	window->options = *options;
	if (options->keys_max == 0)
		window->options.keys_max = WINDOW_KEYS_MAX_DEFAULT;
	window->closed_number = INT64_MIN;
	window->lines_number = INT64_MIN;
	window->refused_number = INT64_MIN;
	window->covered = INT64_MIN;
	window_keys_init(&window->keys);
	pane_pool_init(&window->pool, window->shape.pane_bytes);
	return window;
}

void window_limit_keys(struct window *window, uint32_t keys_max)
{
	window->options.keys_max = keys_max;
}

static void free_keys(struct window *window)
{
	struct window_key *key;
	size_t at = 0;

	while ((key = window_keys_next(&window->keys, &at)) != NULL)
		pane_list_clear(&key->panes, key->size, &window->shape, &window->pool);
	window_keys_deinit(&window->keys);
	pane_pool_deinit(&window->pool);
}

static void free_start(struct start *start)
{
	mem_free(start->refs.data);
	mem_free(start->changed.data);
}

void window_free(struct window *window)
{
	if (window == NULL)
		return;
	free_keys(window);
	for (uint32_t i = 0; i < window->start_count; i++)
		free_start(&window->starts[i]);
	mem_free(window->starts);
	mem_free(window->spare.data);
	bytes_deinit(&window->row);
	metric_unref(window->metric);
	mem_free(window);
}

/* ---- the starts in use ---- */

void ref_list_add(struct ref_list *list, uint32_t ref, uint32_t capacity_min)
{
	if (list->count == list->capacity) {
		list->capacity = list->capacity == 0 ? capacity_min : list->capacity * 2;
		list->data = mem_grow(list->data, list->capacity, sizeof(*list->data));
	}
	list->data[list->count++] = ref;
}

uint32_t window_find_start(const struct window *window, int64_t number)
{
	uint32_t low = 0, high = window->start_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (window->starts[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct start *window_put_start(struct window *window, int64_t number)
{
	uint32_t index = window->recent_start;

	if (index < window->start_count && window->starts[index].number == number)
		return &window->starts[index];
	index = window_find_start(window, number);
	window->recent_start = index;
	if (index < window->start_count && window->starts[index].number == number)
		return &window->starts[index];
	if (window->start_count == window->start_capacity) {
		window->start_capacity =
			window->start_capacity == 0 ? STARTS_MIN : window->start_capacity * 2;
		window->starts =
			mem_grow(window->starts, window->start_capacity, sizeof(*window->starts));
	}
	memmove(&window->starts[index + 1], &window->starts[index],
		(window->start_count - index) * sizeof(*window->starts));
	window->starts[index] = (struct start){.number = number};
	window->start_count++;
	return &window->starts[index];
}

static void drop_starts(struct window *window, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		window->due_count -= start_is_due(&window->starts[i]);
		window->pane_count -= window->starts[i].refs.count;
		free_start(&window->starts[i]);
	}
	window->start_count -= count;
	memmove(&window->starts[0], &window->starts[count],
		window->start_count * sizeof(*window->starts));
}

/* ---- keys and panes ---- */

uint32_t window_put_key(struct window *window, uint32_t hash, struct slice key)
{
	uint32_t ref = window_keys_find(&window->keys, hash, key);

	if (ref != WINDOW_KEY_NONE)
		return ref;
	if (window->keys.count >= window->options.keys_max)
		return WINDOW_KEY_NONE;
	return window_keys_add(&window->keys, hash, key);
}

struct pane *window_pane_of(const struct window *window, const struct window_key *key,
			    int64_t number)
{
	uint32_t index = pane_list_find(&key->panes, number, key->size, &window->shape);
	struct pane *pane;

	if (index == key->panes.count)
		return NULL;
	pane = pane_list_at(&key->panes, index, key->size, &window->shape);
	return pane_number(pane) == number ? pane : NULL;
}

/* A start has about as many keys as the one before it. */
static uint32_t expected_refs(const struct window *window, const struct start *start)
{
	uint32_t count = start > window->starts ? start[-1].refs.count : 0;

	return count < 4 ? 4 : count + count / 8;
}

static void note_change(struct window *window, struct start *start, struct pane *pane, uint32_t ref)
{
	pane_set_changed(pane, true);
	window->due_count += !start_is_due(start);
	if (start->changed.data == NULL) {
		start->changed = window->spare;
		window->spare = (struct ref_list){0};
	}
	ref_list_add(&start->changed, ref, expected_refs(window, start));
}

struct pane *window_put_pane(struct window *window, uint32_t ref, int64_t number)
{
	struct window_key *key = window_keys_at(&window->keys, ref);
	struct start *start;
	struct pane *pane = NULL;
	uint32_t index = pane_list_find(&key->panes, number, key->size, &window->shape);

	if (index < key->panes.count)
		pane = pane_list_at(&key->panes, index, key->size, &window->shape);
	if (pane != NULL && pane_number(pane) == number) {
		if (window->options.is_stored && !pane_is_changed(pane))
			note_change(window, window_put_start(window, number), pane, ref);
		return pane;
	}
	start = window_put_start(window, number);
	pane = pane_list_insert(&key->panes, index, number, &key->size, &window->shape,
				&window->pool);
	ref_list_add(&start->refs, ref, expected_refs(window, start));
	window->pane_count++;
	if (window->options.is_stored)
		note_change(window, start, pane, ref);
	return pane;
}

/* ---- sums ---- */

/* False: the key has no pane there, and `out` is empty. */
static bool sum_list(const struct window *window, const struct window_key *key, int64_t from,
		     int64_t to, struct aggregate *out)
{
	uint32_t index = pane_list_find(&key->panes, from, key->size, &window->shape);
	bool is_any = false;

	memset(out, 0, window->shape.layout->bytes);
	for (; index < key->panes.count; index++) {
		const struct pane *pane =
			pane_list_at(&key->panes, index, key->size, &window->shape);

		if (pane_number(pane) >= to)
			break;
		pane_add_to(pane, &window->shape, out);
		is_any = true;
	}
	return is_any;
}

void window_total_of(const struct window *window, uint32_t ref, int64_t from_ms, int64_t to_ms,
		     struct aggregate *out)
{
	sum_list(window, window_keys_at(&window->keys, ref), window_number_from(window, from_ms),
		 window_number_from(window, to_ms), out);
}

void window_total(const struct window *window, struct slice key, int64_t from_ms, int64_t to_ms,
		  struct aggregate *out)
{
	uint32_t hash = (uint32_t)group_key_hash(window->options.seed, key);
	uint32_t ref = window_keys_find(&window->keys, hash, key);

	if (ref != WINDOW_KEY_NONE)
		window_total_of(window, ref, from_ms, to_ms, out);
	else
		memset(out, 0, window->shape.layout->bytes);
}

struct slice window_key_of(const struct window *window, uint32_t ref)
{
	return window_keys_bytes(window_keys_at(&window->keys, ref));
}

void window_each(const struct window *window, int64_t from_ms, int64_t to_ms,
		 void (*each)(void *arg, struct slice key, const struct aggregate *total),
		 void *arg)
{
	int64_t from = window_number_from(window, from_ms), to = window_number_from(window, to_ms);
	struct cell_total total;
	const struct window_key *key;
	size_t at = 0;

	while ((key = window_keys_next(&window->keys, &at)) != NULL) {
		if (!sum_list(window, key, from, to, total.aggregates))
			continue;
		each(arg, window_keys_bytes(key), total.aggregates);
		cells_release(window->shape.layout, total.aggregates, NULL);
	}
}

bool window_next_pane(const struct window *window, int64_t from_ms, int64_t *out_ms)
{
	uint32_t index = window_find_start(window, window_number_from(window, from_ms));

	if (index == window->start_count)
		return false;
	*out_ms = window->starts[index].number * window->pane_ms;
	return true;
}

/* ---- forgetting ---- */

static void forget_panes(struct window *window, uint32_t ref, int64_t before)
{
	struct window_key *key = window_keys_at(&window->keys, ref);

	/* Another of the old starts had it already. */
	if (key->panes.count == 0)
		return;
	pane_list_forget_first(&key->panes,
			       pane_list_find(&key->panes, before, key->size, &window->shape),
			       key->size, &window->shape, &window->pool);
	if (key->panes.count > 0)
		return;
	window_stacks_drop(window, ref);
	window_keys_remove(&window->keys, ref);
}

/* For refs that lie anywhere: the record of a later one, and both ends of the list of a nearer. */
static void fetch_old(const struct window *window, const struct ref_list *refs, uint32_t at)
{
	const struct window_key *key;

	if (at + 2 * FETCH_AHEAD >= refs->count)
		return;
	__builtin_prefetch(window_keys_at(&window->keys, refs->data[at + 2 * FETCH_AHEAD]));
	key = window_keys_at(&window->keys, refs->data[at + FETCH_AHEAD]);
	window_fetch(window, key, 1);
	if (key->panes.count > 0)
		__builtin_prefetch(pane_list_at(&key->panes, 0, key->size, &window->shape));
}

static void move_key(struct window *to, struct window_key *from)
{
	uint32_t ref = window_keys_add(&to->keys, from->hash, window_keys_bytes(from));
	struct window_key *key = window_keys_at(&to->keys, ref);

	for (uint32_t i = 0; i < from->panes.count; i++) {
		struct pane *pane = pane_list_at(&from->panes, i, from->size, &to->shape);

		memcpy(pane_list_insert(&key->panes, i, pane_number(pane), &key->size, &to->shape,
					&to->pool),
		       pane, to->shape.pane_bytes);
		/* What its cells own went with them. */
		memset(pane->data, 0, to->shape.pane_bytes - sizeof(*pane));
	}
	from->hash = ref; /* where it went */
}

static void forward(const struct window *old, struct ref_list *refs)
{
	for (uint32_t i = 0; i < refs->count; i++)
		refs->data[i] = window_keys_at(&old->keys, refs->data[i])->hash;
}

static void rebuild(struct window *window)
{
	struct window old = *window;
	struct window_key *key;
	size_t at = 0;

	window_stacks_drop_all(window);
	window_keys_init(&window->keys);
	pane_pool_init(&window->pool, window->shape.pane_bytes);
	while ((key = window_keys_next(&old.keys, &at)) != NULL)
		if (key->panes.count > 0)
			move_key(window, key);
	for (uint32_t i = 0; i < window->start_count; i++) {
		forward(&old, &window->starts[i].refs);
		forward(&old, &window->starts[i].changed);
	}
	free_keys(&old);
}

uint64_t window_expire(struct window *window, int64_t before_ms)
{
	int64_t before = window_number_from(window, before_ms);
	uint32_t old_count = window_find_start(window, before);
	uint64_t had = window->pane_count;

	if (old_count == 0)
		return 0;
	for (uint32_t i = 0; i < old_count; i++) {
		const struct ref_list *refs = &window->starts[i].refs;

		for (uint32_t k = 0; k < refs->count; k++) {
			fetch_old(window, refs, k);
			forget_panes(window, refs->data[k], before);
		}
	}
	drop_starts(window, old_count);
	if (window->keys.record_bytes >= REBUILD_BYTES_MIN &&
	    window->keys.live_bytes < window->keys.record_bytes / REBUILD_RATIO)
		rebuild(window);
	return had - window->pane_count;
}

uint64_t window_overflow_count(const struct window *window)
{
	return window->overflow_count;
}

int64_t window_refused_ms(const struct window *window)
{
	if (window->refused_number == INT64_MIN)
		return INT64_MIN;
	return (window->refused_number + 1) * window->pane_ms;
}

void window_usage(const struct window *window, struct window_usage *out)
{
	uint64_t start_bytes = window->start_capacity * sizeof(*window->starts);

	for (uint32_t i = 0; i < window->start_count; i++)
		start_bytes += (uint64_t)(window->starts[i].refs.capacity +
					  window->starts[i].changed.capacity) *
			       sizeof(uint32_t);
	*out = (struct window_usage){
		.key_count = window->keys.count,
		.pane_count = window->pane_count,
		.overflow_count = window->overflow_count,
		.memory_bytes = sizeof(*window) + window_keys_memory_bytes(&window->keys) +
				window->pool.memory_bytes + window->heap_bytes + start_bytes +
				window->spare.capacity * sizeof(uint32_t) + window->row.capacity,
	};
}
