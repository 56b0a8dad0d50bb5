/** cells_internal.h - the extras of one value, for the files of cells.h. */
#ifndef TOCSIN_CORE_MODEL_CELLS_INTERNAL_H
#define TOCSIN_CORE_MODEL_CELLS_INTERNAL_H

#include "core/model/cells.h"

struct ddsketch;
struct distinct;
struct line_tail;

/** Sum of x * x in two doubles: with x's own sum it gives a variance that keeps its digits although
 *  most of both cancel out. */
struct squares {
	double high, low;
};

struct timed {
	int64_t time_ms;
	double number; /**< valid when the aggregate has samples */
};

static_assert(sizeof(struct squares) == 16 && sizeof(struct timed) == 16, "part of every pane");

/* Only of values that have such an extra. The cells are const for those who only read. */

static inline struct squares *squares_of(const struct cell_places *places, const void *cells)
{
	return (struct squares *)(void *)((char *)(uintptr_t)cells + places->squares);
}

static inline struct timed *timed_at(uint16_t place, const void *cells)
{
	return (struct timed *)(void *)((char *)(uintptr_t)cells + place);
}

static inline struct distinct **distinct_of(const struct cell_places *places, const void *cells)
{
	return (struct distinct **)(void *)((char *)(uintptr_t)cells + places->distinct);
}

static inline struct ddsketch **sketch_of(const struct cell_places *places, const void *cells)
{
	return (struct ddsketch **)(void *)((char *)(uintptr_t)cells + places->sketch);
}

static inline struct line_tail **lines_of(const struct cell_places *places, const void *cells)
{
	return (struct line_tail **)(void *)((char *)(uintptr_t)cells + places->lines);
}

#endif
