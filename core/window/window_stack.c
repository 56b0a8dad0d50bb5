#include "core/window/window_stack.h"
#include "core/window/window_internal.h"

#include <string.h>

#include "core/base/mem.h"

/** Entries are panes: a number, and the sum that begins there. */
struct key_stack {
	int64_t from, head_end, mid_end, newest, to; /**< newest: the chunk that is not over */
	uint32_t head_at, head_count;                /**< entries [head_at, head_count) count */
	unsigned char entries[]; /**< newest | back | head [STACK_CHUNK] | chunks [chunk_max] */
};

struct window_stacks {
	struct window *window;
	struct window_stacks *next; /**< of the same window */
	struct pane_shape shape;
	bool is_single;    /**< a pane is one aggregate */
	size_t heap_bytes; /**< of the sums' sketches */
	uint32_t chunk_max;
	struct key_stack **of_ref; /**< [ref / REF_STEP]: records are longer than that */
	uint32_t ref_count, stack_count;
};

enum { REF_STEP = 4, FETCH_BYTES = 64, NEWEST = 0, BACK = 1, HEAD = 2 };

struct window_stacks *window_stacks_new(struct window *window, int64_t window_ms)
{
	struct window_stacks *stacks;
	int64_t pane_count = window_ms / window->pane_ms;

	if (pane_count <= 2 * STACK_CHUNK)
		return NULL;
	stacks = mem_alloc(sizeof(*stacks));
	stacks->window = window;
	stacks->shape = window->shape;
	stacks->shape.memory = &stacks->heap_bytes;
	stacks->is_single =
		!window->shape.is_counted && !window->shape.has_extras && window->shape.width == 1;
	stacks->chunk_max = (uint32_t)(pane_count / STACK_CHUNK) + 1;
	stacks->next = window->stacks;
	window->stacks = stacks;
	return stacks;
}

/* ---- the stack of a key ---- */

static struct pane *entry_at(const struct window_stacks *stacks, struct key_stack *stack,
			     uint32_t index)
{
	return (struct pane *)(void *)(stack->entries + (size_t)index * stacks->shape.pane_bytes);
}

static struct pane *head_of(const struct window_stacks *stacks, struct key_stack *stack,
			    uint32_t index)
{
	return entry_at(stacks, stack, HEAD + index);
}

/* A ring: those that count are fewer than chunk_max. Before mid_end they are sums up to there. */
static struct pane *chunk_of(const struct window_stacks *stacks, struct key_stack *stack,
			     int64_t number)
{
	int64_t place = (number >> STACK_CHUNK_BITS) % stacks->chunk_max;

	if (place < 0)
		place += stacks->chunk_max;
	return entry_at(stacks, stack, HEAD + STACK_CHUNK + (uint32_t)place);
}

static uint32_t entry_count(const struct window_stacks *stacks)
{
	return HEAD + STACK_CHUNK + stacks->chunk_max;
}

static size_t stack_bytes(const struct window_stacks *stacks)
{
	return sizeof(struct key_stack) + (size_t)entry_count(stacks) * stacks->shape.pane_bytes;
}

static inline void add(const struct window_stacks *stacks, struct pane *into,
		       const struct pane *from)
{
	struct aggregate counted;

	if (stacks->is_single)
		aggregate_merge(pane_aggregates(into),
				(const struct aggregate *)(const void *)from->data);
	else
		pane_merge(into, &stacks->shape, pane_cells(from, &stacks->shape, &counted));
}

static void clear_entry(const struct window_stacks *stacks, struct pane *entry)
{
	if (stacks->shape.layout->has_heap)
		cells_release(stacks->shape.layout, pane_aggregates(entry), stacks->shape.memory);
	memset(entry, 0, stacks->shape.pane_bytes);
}

static void copy_entry(const struct window_stacks *stacks, struct pane *into,
		       const struct pane *from)
{
	if (stacks->shape.layout->has_heap) {
		clear_entry(stacks, into);
		add(stacks, into, from);
		into->tag = from->tag;
	} else {
		memcpy(into, from, stacks->shape.pane_bytes);
	}
}

static void drop(struct window_stacks *stacks, struct key_stack **place)
{
	if (*place == NULL)
		return;
	for (uint32_t i = 0; stacks->shape.layout->has_heap && i < entry_count(stacks); i++)
		clear_entry(stacks, entry_at(stacks, *place, i));
	mem_free(*place);
	*place = NULL;
	stacks->stack_count--;
}

/* Chunks of each key begin elsewhere, so that not all keys need another head at one boundary. */
static int64_t floor_chunk(const struct window_key *key, int64_t number)
{
	int64_t phase = key->hash % STACK_CHUNK;

	return ((number - phase) & ~(int64_t)(STACK_CHUNK - 1)) + phase;
}

static int64_t ceil_chunk(const struct window_key *key, int64_t number)
{
	return floor_chunk(key, number + STACK_CHUNK - 1);
}

static const struct pane *pane_at(const struct window_stacks *stacks, const struct window_key *key,
				  uint32_t index)
{
	return pane_list_at(&key->panes, index, key->size, &stacks->shape);
}

static uint32_t find(const struct window_stacks *stacks, const struct window_key *key,
		     int64_t number)
{
	return pane_list_find(&key->panes, number, key->size, &stacks->shape);
}

/* The sums from each pane in [from, head_end) to mid_end. */
static void make_head(const struct window_stacks *stacks, struct key_stack *stack,
		      const struct window_key *key, int64_t from)
{
	uint32_t first = find(stacks, key, from), end = first;
	const struct pane *sum =
		stack->head_end < stack->mid_end ? chunk_of(stacks, stack, stack->head_end) : NULL;

	while (end < key->panes.count && pane_number(pane_at(stacks, key, end)) < stack->head_end)
		end++;
	stack->head_at = 0;
	stack->head_count = end - first;
	for (uint32_t i = end - first; i-- > 0;) {
		const struct pane *pane = pane_at(stacks, key, first + i);
		struct pane *entry = head_of(stacks, stack, i);

		copy_entry(stacks, entry, pane);
		if (sum != NULL)
			add(stacks, entry, sum);
		sum = entry;
	}
}

/* As in window_lines.c: of the chunks that are no sums yet, those whose lines are not among the
 * newest lose them. */
static void drop_lines(const struct window_stacks *stacks, struct key_stack *stack)
{
	const struct cell_layout *layout = stacks->shape.layout;
	int64_t first = stack->mid_end > stack->head_end ? stack->mid_end : stack->head_end;
	uint32_t kept = 0;

	for (int64_t at = stack->newest - STACK_CHUNK; at >= first; at -= STACK_CHUNK) {
		struct aggregate *cells = pane_aggregates(chunk_of(stacks, stack, at));

		if (kept >= layout->lines_max)
			cells_drop_lines(layout, cells, stacks->shape.memory);
		else
			kept += cells_line_count(layout, cells);
	}
}

/* The newest chunk is over. */
static void end_chunk(const struct window_stacks *stacks, struct key_stack *stack)
{
	struct pane *newest = entry_at(stacks, stack, NEWEST);
	struct pane *chunk = chunk_of(stacks, stack, stack->newest);

	add(stacks, entry_at(stacks, stack, BACK), newest);
	if (stack->newest >= stack->head_end) {
		clear_entry(stacks, chunk);
		memcpy(chunk, newest, stacks->shape.pane_bytes);
		memset(newest, 0, stacks->shape.pane_bytes);
	} else {
		clear_entry(stacks, newest);
	}
	stack->newest += STACK_CHUNK;
	if (stacks->shape.layout->lines_max > 0)
		drop_lines(stacks, stack);
}

static void add_newest(const struct window_stacks *stacks, struct key_stack *stack,
		       const struct window_key *key, int64_t to)
{
	uint32_t index = key->panes.count;

	while (index > 0 && pane_number(pane_at(stacks, key, index - 1)) >= stack->to)
		index--;
	for (; index < key->panes.count; index++) {
		const struct pane *pane = pane_at(stacks, key, index);

		if (pane_number(pane) >= to)
			break;
		while (pane_number(pane) >= stack->newest + STACK_CHUNK)
			end_chunk(stacks, stack);
		add(stacks, entry_at(stacks, stack, NEWEST), pane);
	}
	while (to >= stack->newest + STACK_CHUNK)
		end_chunk(stacks, stack);
	stack->to = to;
}

/* Chunks from head_end to `mid_end` become sums that end there; what is behind is the back. */
static void turn(const struct window_stacks *stacks, struct key_stack *stack, int64_t mid_end)
{
	clear_entry(stacks, entry_at(stacks, stack, BACK));
	for (int64_t chunk = mid_end; chunk < stack->newest; chunk += STACK_CHUNK)
		add(stacks, entry_at(stacks, stack, BACK), chunk_of(stacks, stack, chunk));
	for (int64_t chunk = mid_end - 2 * STACK_CHUNK; chunk >= stack->head_end;
	     chunk -= STACK_CHUNK)
		add(stacks, chunk_of(stacks, stack, chunk),
		    chunk_of(stacks, stack, chunk + STACK_CHUNK));
	stack->mid_end = mid_end;
}

/* All of it, of the key's panes. */
static void make(const struct window_stacks *stacks, struct key_stack *stack,
		 const struct window_key *key, int64_t from, int64_t to, int64_t mid_end)
{
	stack->from = from;
	stack->head_end = ceil_chunk(key, from);
	stack->newest = stack->head_end;
	stack->mid_end = stack->head_end;
	stack->to = stack->head_end;
	clear_entry(stacks, entry_at(stacks, stack, NEWEST));
	add_newest(stacks, stack, key, to);
	turn(stacks, stack, mid_end > stack->head_end ? mid_end : stack->head_end);
	make_head(stacks, stack, key, from);
}

/* ---- totals ---- */

static struct key_stack **place_of(struct window_stacks *stacks, const struct window_key *key)
{
	uint32_t index = window_keys_ref(&stacks->window->keys, key) / REF_STEP;
	uint32_t wanted = (uint32_t)(stacks->window->keys.record_capacity / (8 * REF_STEP)) + 1;

	if (index >= stacks->ref_count) {
		stacks->of_ref = mem_grow(stacks->of_ref, wanted, sizeof(struct key_stack *));
		memset(stacks->of_ref + stacks->ref_count, 0,
		       (wanted - stacks->ref_count) * sizeof(struct key_stack *));
		stacks->ref_count = wanted;
	}
	return &stacks->of_ref[index];
}

static void merge_panes(const struct window_stacks *stacks, const struct window_key *key,
			uint32_t first, uint32_t end, struct aggregate *out)
{
	for (uint32_t i = first; i < end; i++)
		pane_add_to(pane_at(stacks, key, i), &stacks->window->shape, out);
}

/* False: the window has few panes of the key; they are merged, and there is no stack. */
static bool renew(struct window_stacks *stacks, struct key_stack **place,
		  const struct window_key *key, int64_t from, int64_t to, struct aggregate *out)
{
	uint32_t first = find(stacks, key, from), end = find(stacks, key, to);
	int64_t mid_end = floor_chunk(key, to);

	if (end - first <= STACK_PANES_MIN) {
		drop(stacks, place);
		merge_panes(stacks, key, first, end, out);
		return false;
	}
	if (*place == NULL) {
		int64_t chunks = (mid_end - ceil_chunk(key, from)) / STACK_CHUNK;

		*place = mem_alloc(stack_bytes(stacks));
		stacks->stack_count++;
		mid_end -= chunks > 0 ? key->hash / STACK_CHUNK % (chunks + 1) * STACK_CHUNK : 0;
	}
	make(stacks, *place, key, from, to, mid_end);
	return true;
}

static void move(const struct window_stacks *stacks, struct key_stack *stack,
		 const struct window_key *key, int64_t from, int64_t to)
{
	bool is_used_up = from > stack->head_end;

	if (is_used_up)
		stack->head_end = ceil_chunk(key, from);
	if (to > stack->to)
		add_newest(stacks, stack, key, to);
	if (stack->head_end > stack->mid_end)
		turn(stacks, stack, stack->newest);
	if (is_used_up)
		make_head(stacks, stack, key, from);
	while (stack->head_at < stack->head_count &&
	       pane_number(head_of(stacks, stack, stack->head_at)) < from)
		stack->head_at++;
	stack->from = from;
}

static void sum_up(const struct window_stacks *stacks, struct key_stack *stack,
		   struct aggregate *out)
{
	const struct pane *oldest = NULL;
	const struct pane *back = entry_at(stacks, stack, BACK);
	const struct pane *newest = entry_at(stacks, stack, NEWEST);

	if (stack->head_at < stack->head_count)
		oldest = head_of(stacks, stack, stack->head_at);
	else if (stack->head_end < stack->mid_end)
		oldest = chunk_of(stacks, stack, stack->head_end);
	if (stacks->is_single && oldest != NULL) {
		*out = *(const struct aggregate *)(const void *)oldest->data;
		aggregate_merge(out, (const struct aggregate *)(const void *)back->data);
		aggregate_merge(out, (const struct aggregate *)(const void *)newest->data);
		return;
	}
	memset(out, 0, stacks->shape.layout->bytes);
	if (oldest != NULL)
		pane_add_to(oldest, &stacks->shape, out);
	pane_add_to(back, &stacks->shape, out);
	pane_add_to(newest, &stacks->shape, out);
}

void window_stacks_total(struct window_stacks *stacks, const struct window_key *key, int64_t from,
			 int64_t to, struct aggregate *out)
{
	struct key_stack **place = place_of(stacks, key);
	struct key_stack *stack = *place;

	if (stack != NULL && from >= stack->from && to >= stack->to && from <= stack->newest) {
		move(stacks, stack, key, from, to);
	} else {
		memset(out, 0, stacks->shape.layout->bytes);
		if (!renew(stacks, place, key, from, to, out))
			return;
	}
	if (to > stacks->window->covered)
		stacks->window->covered = to;
	sum_up(stacks, *place, out);
}

void window_stacks_fetch(const struct window_stacks *stacks, const struct window_key *key)
{
	uint32_t index = window_keys_ref(&stacks->window->keys, key) / REF_STEP;
	const struct key_stack *stack = index < stacks->ref_count ? stacks->of_ref[index] : NULL;

	if (stack == NULL)
		return;
	for (size_t at = 0; at < 3 * FETCH_BYTES; at += FETCH_BYTES)
		__builtin_prefetch((const char *)stack + at);
}

/* What make_head() reads and writes. */
static void fetch_head(const struct window_stacks *stacks, struct key_stack *stack,
		       const struct window_key *key, int64_t from)
{
	uint32_t first = find(stacks, key, from);
	uint32_t step = stacks->shape.pane_bytes <= FETCH_BYTES / 4 ? 4 : 1;

	for (uint32_t i = 0; i < STACK_CHUNK && first + i < key->panes.count; i += step) {
		__builtin_prefetch(pane_at(stacks, key, first + i));
		__builtin_prefetch(head_of(stacks, stack, i), 1);
	}
}

void window_stacks_fetch_sums(struct window_stacks *stacks, const struct window_key *key,
			      int64_t from)
{
	uint32_t index = window_keys_ref(&stacks->window->keys, key) / REF_STEP;
	struct key_stack *stack = index < stacks->ref_count ? stacks->of_ref[index] : NULL;
	const char *entry;

	if (stack == NULL)
		return;
	if (from > stack->head_end) {
		fetch_head(stacks, stack, key, from);
		return;
	}
	entry = (const char *)head_of(stacks, stack, stack->head_at);
	__builtin_prefetch(entry);
	__builtin_prefetch(entry + FETCH_BYTES);
}

/* ---- what the window says ---- */

void window_stacks_touch(struct window *window, uint32_t ref, int64_t number)
{
	for (struct window_stacks *stacks = window->stacks; stacks != NULL; stacks = stacks->next) {
		uint32_t index = ref / REF_STEP;

		if (index < stacks->ref_count && stacks->of_ref[index] != NULL &&
		    number < stacks->of_ref[index]->to)
			drop(stacks, &stacks->of_ref[index]);
	}
}

void window_stacks_drop(struct window *window, uint32_t ref)
{
	window_stacks_touch(window, ref, INT64_MIN);
}

void window_stacks_drop_all(struct window *window)
{
	for (struct window_stacks *stacks = window->stacks; stacks != NULL; stacks = stacks->next)
		for (uint32_t i = 0; i < stacks->ref_count; i++)
			drop(stacks, &stacks->of_ref[i]);
}

void window_stacks_free(struct window_stacks *stacks)
{
	struct window_stacks **at;

	if (stacks == NULL)
		return;
	for (at = &stacks->window->stacks; *at != stacks;)
		at = &(*at)->next;
	*at = stacks->next;
	for (uint32_t i = 0; i < stacks->ref_count; i++)
		drop(stacks, &stacks->of_ref[i]);
	mem_free(stacks->of_ref);
	mem_free(stacks);
}

size_t window_stacks_bytes(const struct window_stacks *stacks)
{
	return sizeof(*stacks) + stacks->ref_count * sizeof(struct key_stack *) +
	       stacks->stack_count * stack_bytes(stacks) + stacks->heap_bytes;
}

uint32_t window_stacks_count(const struct window_stacks *stacks)
{
	return stacks->stack_count;
}
