#include "core/window/window_stack.h"
#include "core/window/window_internal.h"

#include <string.h>

#include "core/base/mem.h"

/** Entries are panes: a number, and the sum that begins there. */
struct key_stack {
	int64_t from, head_end, mid_begin, mid_end, to;
	uint32_t head_at, head_count; /**< entries [head_at, head_count) lie in the window */
	unsigned char entries[];      /**< back | head [STACK_CHUNK] | mid [mid_max] */
};

struct window_stacks {
	struct window *window;
	struct window_stacks *next; /**< of the same window */
	struct pane_shape shape;
	size_t heap_bytes; /**< of the sums' sketches */
	uint32_t mid_max;
	struct key_stack **of_ref; /**< [ref / REF_STEP]: records are longer than that */
	uint32_t ref_count, stack_count;
};

enum { REF_STEP = 4, FETCH_BYTES = 64 };

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
	stacks->mid_max = (uint32_t)(pane_count / STACK_CHUNK) + 1;
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

static struct pane *back_of(const struct window_stacks *stacks, struct key_stack *stack)
{
	return entry_at(stacks, stack, 0);
}

static struct pane *head_of(const struct window_stacks *stacks, struct key_stack *stack,
			    uint32_t index)
{
	return entry_at(stacks, stack, 1 + index);
}

static struct pane *mid_of(const struct window_stacks *stacks, struct key_stack *stack,
			   int64_t number)
{
	return entry_at(stacks, stack,
			1 + STACK_CHUNK + (uint32_t)((number - stack->mid_begin) / STACK_CHUNK));
}

static size_t stack_bytes(const struct window_stacks *stacks)
{
	return sizeof(struct key_stack) +
	       (size_t)(1 + STACK_CHUNK + stacks->mid_max) * stacks->shape.pane_bytes;
}

static void add(const struct window_stacks *stacks, struct pane *into, const struct pane *from)
{
	struct aggregate counted;

	pane_merge(into, &stacks->shape, pane_cells(from, &stacks->shape, &counted));
}

static void clear_entries(const struct window_stacks *stacks, struct key_stack *stack,
			  uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++) {
		struct pane *entry = entry_at(stacks, stack, i);

		if (!stacks->shape.is_counted)
			cells_release(stacks->shape.layout, pane_aggregates(entry),
				      stacks->shape.memory);
		memset(entry, 0, stacks->shape.pane_bytes);
	}
}

static void drop(struct window_stacks *stacks, struct key_stack **place)
{
	if (*place == NULL)
		return;
	if (stacks->shape.layout->has_heap)
		clear_entries(stacks, *place, 0, 1 + STACK_CHUNK + stacks->mid_max);
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
	uint32_t first = find(stacks, key, from), end = first, count;

	while (end < key->panes.count && pane_number(pane_at(stacks, key, end)) < stack->head_end)
		end++;
	count = end - first;
	clear_entries(stacks, stack, 1, STACK_CHUNK);
	for (uint32_t i = count; i-- > 0;) {
		const struct pane *pane = pane_at(stacks, key, first + i);
		struct pane *entry = head_of(stacks, stack, i);

		entry->tag = pane->tag;
		if (i + 1 < count)
			add(stacks, entry, head_of(stacks, stack, i + 1));
		else if (stack->head_end < stack->mid_end)
			add(stacks, entry, mid_of(stacks, stack, stack->head_end));
		add(stacks, entry, pane);
	}
	stack->head_at = 0;
	stack->head_count = count;
}

/* The sums from each chunk of [head_end, mid_end) to mid_end. */
static void make_mid(const struct window_stacks *stacks, struct key_stack *stack,
		     const struct window_key *key)
{
	uint32_t index = find(stacks, key, stack->mid_end);

	stack->mid_begin = stack->head_end;
	clear_entries(stacks, stack, 1 + STACK_CHUNK, stacks->mid_max);
	for (int64_t chunk = stack->mid_end - STACK_CHUNK; chunk >= stack->mid_begin;
	     chunk -= STACK_CHUNK) {
		struct pane *entry = mid_of(stacks, stack, chunk);

		if (chunk + STACK_CHUNK < stack->mid_end)
			add(stacks, entry, mid_of(stacks, stack, chunk + STACK_CHUNK));
		for (; index > 0; index--) {
			const struct pane *pane = pane_at(stacks, key, index - 1);

			if (pane_number(pane) < chunk)
				break;
			add(stacks, entry, pane);
		}
	}
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
		add(stacks, back_of(stacks, stack), pane);
	}
	stack->to = to;
}

static void make(const struct window_stacks *stacks, struct key_stack *stack,
		 const struct window_key *key, int64_t from, int64_t to, int64_t mid_end)
{
	stack->from = from;
	stack->head_end = ceil_chunk(key, from);
	stack->mid_end = mid_end > stack->head_end ? mid_end : stack->head_end;
	make_mid(stacks, stack, key);
	make_head(stacks, stack, key, from);
	clear_entries(stacks, stack, 0, 1);
	stack->to = stack->mid_end;
	add_newest(stacks, stack, key, to);
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
	if (to > stack->to)
		add_newest(stacks, stack, key, to);
	if (from > stack->head_end) {
		stack->head_end = ceil_chunk(key, from);
		make_head(stacks, stack, key, from);
	}
	while (stack->head_at < stack->head_count &&
	       pane_number(head_of(stacks, stack, stack->head_at)) < from)
		stack->head_at++;
	stack->from = from;
}

void window_stacks_total(struct window_stacks *stacks, const struct window_key *key, int64_t from,
			 int64_t to, struct aggregate *out)
{
	const struct pane_shape *shape = &stacks->window->shape;
	struct key_stack **place = place_of(stacks, key);
	struct key_stack *stack = *place;

	memset(out, 0, shape->layout->bytes);
	if (stack == NULL && key->panes.count <= STACK_PANES_MIN) {
		uint32_t first = find(stacks, key, from);

		merge_panes(stacks, key, first, find(stacks, key, to), out);
		return;
	}
	if (stack != NULL && from >= stack->from && to >= stack->to && from <= stack->mid_end)
		move(stacks, stack, key, from, to);
	else if (!renew(stacks, place, key, from, to, out))
		return;
	stack = *place;
	if (to > stacks->window->covered)
		stacks->window->covered = to;
	if (stack->head_at < stack->head_count)
		pane_add_to(head_of(stacks, stack, stack->head_at), shape, out);
	else if (stack->head_end < stack->mid_end)
		pane_add_to(mid_of(stacks, stack, stack->head_end), shape, out);
	pane_add_to(back_of(stacks, stack), shape, out);
}

void window_stacks_fetch(const struct window_stacks *stacks, const struct window_key *key)
{
	uint32_t index = window_keys_ref(&stacks->window->keys, key) / REF_STEP;
	const struct key_stack *stack = index < stacks->ref_count ? stacks->of_ref[index] : NULL;

	if (stack == NULL)
		return;
	__builtin_prefetch(stack);
	__builtin_prefetch((const char *)stack + FETCH_BYTES);
}

void window_stacks_fetch_sums(struct window_stacks *stacks, const struct window_key *key)
{
	uint32_t index = window_keys_ref(&stacks->window->keys, key) / REF_STEP;
	struct key_stack *stack = index < stacks->ref_count ? stacks->of_ref[index] : NULL;
	const char *entry;

	if (stack == NULL)
		return;
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
