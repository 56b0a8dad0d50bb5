#include "core/window/pane_list.h"

#include <string.h>

#include "core/base/mem.h"

enum { PANES_MIN = 4 };

uint32_t pane_list_find(const struct pane_list *list, int64_t start_ms, uint32_t width)
{
	uint32_t low = 0, high = list->count;

	/* Nearly every delta is for the newest pane, or for one newer still. */
	if (high > 0 && pane_list_at(list, high - 1, width)->start_ms < start_ms)
		return high;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (pane_list_at(list, middle, width)->start_ms < start_ms)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Moving to the front only when half the block is free keeps the cost per pane constant. */
static void make_room(struct pane_list *list, uint32_t width)
{
	if (list->first + list->count < list->capacity)
		return;
	if (list->first > 0 && list->first >= list->capacity / 2) {
		memmove(list->block, pane_list_at(list, 0, width), list->count * pane_bytes(width));
		list->first = 0;
		return;
	}
	list->capacity = list->capacity == 0 ? PANES_MIN : list->capacity * 2;
	list->block = mem_grow(list->block, list->capacity, pane_bytes(width));
}

struct pane *pane_list_insert(struct pane_list *list, uint32_t index, int64_t start_ms,
			      uint32_t width)
{
	struct pane *pane;

	make_room(list, width);
	pane = pane_list_at(list, index, width);
	memmove(pane_list_at(list, index + 1, width), pane,
		(list->count - index) * pane_bytes(width));
	memset(pane, 0, pane_bytes(width));
	pane->start_ms = start_ms;
	list->count++;
	return pane;
}

void pane_list_remove(struct pane_list *list, uint32_t index, uint32_t width)
{
	list->count--;
	memmove(pane_list_at(list, index, width), pane_list_at(list, index + 1, width),
		(list->count - index) * pane_bytes(width));
	if (list->count == 0)
		pane_list_clear(list);
}

void pane_list_forget_first(struct pane_list *list, uint32_t count)
{
	list->first += count;
	list->count -= count;
	if (list->count == 0)
		pane_list_clear(list);
}

void pane_list_clear(struct pane_list *list)
{
	mem_free(list->block);
	*list = (struct pane_list){0};
}
