/** pane_list.h - the panes of one key in one block of memory, sorted by start.
 *
 *      block:  | forgotten |  pane  |  pane  |  pane  |   room   |
 *               0           first             first + count        capacity
 *
 *  A pane is its start and then its aggregates. New panes come at the end and old ones leave at the
 *  front, so both cost O(1); one that comes late moves those behind it.
 *  Owner: zero-initialise; pane_list_clear() frees. `width` is the aggregates per pane, always the
 *  same for one list; a pane is borrowed until the list changes.
 */
#ifndef TOCSIN_CORE_WINDOW_PANE_LIST_H
#define TOCSIN_CORE_WINDOW_PANE_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "core/model/aggregate.h"

struct pane {
	int64_t start_ms;
	struct aggregate aggregates[];
};

struct pane_list {
	unsigned char *block;
	uint32_t first, count, capacity;
};

static inline size_t pane_bytes(uint32_t width)
{
	return sizeof(struct pane) + width * sizeof(struct aggregate);
}

/** Pane `index` of the list, from 0 for the oldest. */
static inline struct pane *pane_list_at(const struct pane_list *list, uint32_t index,
					uint32_t width)
{
	return (struct pane *)(list->block + (list->first + (size_t)index) * pane_bytes(width));
}

/** Index of the first pane that starts at or after `start_ms`; count when there is none. */
uint32_t pane_list_find(const struct pane_list *list, int64_t start_ms, uint32_t width);

/** A new pane, its aggregates empty, at `index`: where pane_list_find() says it belongs. */
struct pane *pane_list_insert(struct pane_list *list, uint32_t index, int64_t start_ms,
			      uint32_t width);
void pane_list_remove(struct pane_list *list, uint32_t index, uint32_t width);
void pane_list_forget_first(struct pane_list *list, uint32_t count);
void pane_list_clear(struct pane_list *list);

#endif
