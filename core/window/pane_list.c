#include "core/window/pane_list.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/window/pane_pool.h"

enum { STEPS_MAX = 4 };

uint32_t pane_list_find(const struct pane_list *list, int64_t number, uint32_t size,
			const struct pane_shape *shape)
{
	uint32_t low = 0, high = list->count;
	int64_t last;

	if (high == 0)
		return 0;
	last = pane_number(pane_list_at(list, high - 1, size, shape));
	if (last < number)
		return high;
	/* At most one pane has each number, so the first from `number` on has at most last - number
	 * others behind it: for a key that is never silent that is the place itself, for one that
	 * seldom is the place is near. */
	if ((uint64_t)last - (uint64_t)number < high)
		low = high - 1 - (uint32_t)(last - number);
	for (int step = 0; step < STEPS_MAX; step++, low++)
		if (pane_number(pane_list_at(list, low, size, shape)) >= number)
			return low;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (pane_number(pane_list_at(list, middle, size, shape)) < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* 1, 2, 8, 32, 64, 128 ... places: what a list leaves behind while it grows waits in the pool for
 * keys that may never come. With every power of two 1,000 keys of 24 panes had 1,257 bytes each,
 * so 948. */
static uint8_t next_size(uint8_t size)
{
	return (uint8_t)(size == 0 || size >= 5 ? size + 1 : size + 2);
}

static void grow(struct pane_list *list, uint8_t *size, const struct pane_shape *shape,
		 struct pane_pool *pool)
{
	uint32_t places = (uint32_t)1 << *size;
	uint32_t head = places - list->first; /* from the first pane to the end of the block */
	size_t bytes = shape->pane_bytes;
	unsigned char *block;
	uint8_t next;

	if (list->block == NULL) {
		*size = 0;
		list->first = 0;
		list->block = pane_pool_take(pool, 0);
		return;
	}
	next = next_size(*size);
	block = pane_pool_take(pool, next);
	memcpy(block, list->block + list->first * bytes, head * bytes);
	memcpy(block + head * bytes, list->block, list->first * bytes);
	pane_pool_give(pool, list->block, *size);
	list->block = block;
	list->first = 0;
	*size = next;
}

struct pane *pane_list_insert(struct pane_list *list, uint32_t index, int64_t number, uint8_t *size,
			      const struct pane_shape *shape, struct pane_pool *pool)
{
	struct pane *pane;

	if (list->block == NULL || list->count == (uint32_t)1 << *size)
		grow(list, size, shape, pool);
	list->count++;
	for (uint32_t at = list->count - 1; at > index; at--)
		memcpy(pane_list_at(list, at, *size, shape),
		       pane_list_at(list, at - 1, *size, shape), shape->pane_bytes);
	pane = pane_list_at(list, index, *size, shape);
	memset(pane, 0, shape->pane_bytes);
	pane->tag = number * 2;
	return pane;
}

static void release_first(const struct pane_list *list, uint32_t count, uint32_t size,
			  const struct pane_shape *shape)
{
	for (uint32_t i = 0; i < count; i++)
		cells_release(shape->layout, pane_aggregates(pane_list_at(list, i, size, shape)),
			      shape->memory);
}

void pane_list_forget_first(struct pane_list *list, uint32_t count, uint8_t size,
			    const struct pane_shape *shape, struct pane_pool *pool)
{
	if (shape->layout->has_heap)
		release_first(list, count, size, shape);
	list->first = (list->first + count) & (((uint32_t)1 << size) - 1);
	list->count -= count;
	if (list->count == 0)
		pane_list_clear(list, size, shape, pool);
}

void pane_list_clear(struct pane_list *list, uint8_t size, const struct pane_shape *shape,
		     struct pane_pool *pool)
{
	if (shape->layout->has_heap)
		release_first(list, list->count, size, shape);
	if (list->block != NULL)
		pane_pool_give(pool, list->block, size);
	*list = (struct pane_list){0};
}
