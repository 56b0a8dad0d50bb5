/** pane_list.h - the panes of one key in one block of memory, sorted by number: a ring.
 *
 *      block:  |  pane  |  pane  |        |        |  pane  |  pane  |     2^size places
 *                        last                       first
 *
 *  A pane is its number (start / pane length), a mark, and its cells (core/model/cells.h); one of a
 *  metric without value fields keeps a count alone (16 bytes instead of 56). New panes come at the
 *  end, old ones leave at the front, so both cost O(1) and nothing moves; one that comes late moves
 *  those behind it.
 *  Owner: zero-initialise; pane_list_clear() gives the block back to its pool. The shape and the
 *  pool are always the same for one list; a pane is borrowed until the list changes.
 */
#ifndef TOCSIN_CORE_WINDOW_PANE_LIST_H
#define TOCSIN_CORE_WINDOW_PANE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model/cells.h"

struct pane_pool;

struct pane {
	int64_t tag;     /**< number * 2, + 1: it changed since its row was written */
	uint64_t data[]; /**< a count, or cells */
};

static_assert(sizeof(struct pane) == 8, "panes are kept by the million");

struct pane_shape {
	uint32_t width;                   /**< aggregates of a pane */
	uint32_t pane_bytes;              /**< with its number */
	bool is_counted;                  /**< a count alone: width is 1, samples are always 0 */
	bool has_extras;                  /**< cells are more than their aggregates */
	const struct cell_layout *layout; /**< borrowed */
	size_t *memory;                   /**< counts what panes have on the heap */
};

struct pane_list {
	unsigned char *block;
	uint32_t first, count;
};

static inline struct pane_shape pane_shape_of(const struct cell_layout *layout, bool is_counted,
					      size_t *memory)
{
	size_t data_bytes = is_counted ? sizeof(uint64_t) : layout->bytes;

	return (struct pane_shape){
		.width = layout->width,
		.pane_bytes = (uint32_t)(sizeof(struct pane) + data_bytes),
		.is_counted = is_counted,
		.has_extras = layout->has_extras,
		.layout = layout,
		.memory = memory,
	};
}

/** Pane `index` of the list, from 0 for the oldest; `size`: the block has 2^size places. */
static inline struct pane *pane_list_at(const struct pane_list *list, uint32_t index, uint32_t size,
					const struct pane_shape *shape)
{
	size_t place = (list->first + index) & (((uint32_t)1 << size) - 1);

	return (struct pane *)(void *)(list->block + place * shape->pane_bytes);
}

static inline int64_t pane_number(const struct pane *pane)
{
	return pane->tag >> 1;
}

static inline bool pane_is_changed(const struct pane *pane)
{
	return (pane->tag & 1) != 0;
}

static inline void pane_set_changed(struct pane *pane, bool is_changed)
{
	pane->tag = (pane->tag & ~INT64_C(1)) | is_changed;
}

/** Its cells, when it is not counted. */
static inline struct aggregate *pane_aggregates(struct pane *pane)
{
	return (struct aggregate *)(void *)pane->data;
}

static inline void pane_merge(struct pane *pane, const struct pane_shape *shape,
			      const struct aggregate *delta)
{
	if (shape->is_counted) {
		pane->data[0] += delta->count;
		return;
	}
	if (shape->has_extras)
		cells_merge_extras(shape->layout, pane_aggregates(pane), delta, shape->memory);
	for (uint32_t i = 0; i < shape->width; i++)
		aggregate_merge(&pane_aggregates(pane)[i], &delta[i]);
}

/** Adds the pane to the cells `total`; the count alone of one that is counted. */
static inline void pane_add_to(const struct pane *pane, const struct pane_shape *shape,
			       struct aggregate *total)
{
	const struct aggregate *aggregates = (const struct aggregate *)(const void *)pane->data;

	if (shape->is_counted) {
		total->count += pane->data[0];
		return;
	}
	if (shape->has_extras)
		cells_merge_extras(shape->layout, total, aggregates, NULL);
	for (uint32_t i = 0; i < shape->width; i++)
		aggregate_merge(&total[i], &aggregates[i]);
}

/** Index of the first pane from `number` on; count when there is none. */
uint32_t pane_list_find(const struct pane_list *list, int64_t number, uint32_t size,
			const struct pane_shape *shape);

/** A new pane, its cells empty, at `index`: where pane_list_find() says it belongs. `size` is
 *  in and out. */
struct pane *pane_list_insert(struct pane_list *list, uint32_t index, int64_t number, uint8_t *size,
			      const struct pane_shape *shape, struct pane_pool *pool);
/** The list is cleared when nothing stays. */
void pane_list_forget_first(struct pane_list *list, uint32_t count, uint8_t size,
			    const struct pane_shape *shape, struct pane_pool *pool);
void pane_list_clear(struct pane_list *list, uint8_t size, const struct pane_shape *shape,
		     struct pane_pool *pool);

#endif
