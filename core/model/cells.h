/** cells.h - what a pane, a group of a bundle or the total of a window keeps for its statistics.
 *
 *      | aggregates [width], 48 bytes each | extras of value 0 | extras of value 1 | ...
 *                                            squares 16, first 16, last 16, distinct 8, sketch 8,
 *                                            lines 8
 *
 *  Cells are passed as a pointer to their first aggregate. A value has only the extras that its
 *  needs name; a metric that needs numbers alone has none, and its cells are its aggregates.
 *  All zero is empty. `distinct`, `sketch` and `lines` are pointers to objects that the cells own
 *  (NULL: empty), so cells with them are moved by copying their bytes, and let go by cells_clear().
 *  `memory` is grown and lessened by the heap bytes of these objects; NULL: nobody counts.
 *
 *  Merging is associative, and commutative but for readings with the same event time: of these the
 *  first is the one that was read (merged) first, and the last the one that was last.
 */
#ifndef TOCSIN_CORE_MODEL_CELLS_H
#define TOCSIN_CORE_MODEL_CELLS_H

#include <stddef.h>

#include "core/model/aggregate.h"
#include "core/model/statistic.h"

struct value;

/** What is kept of a value field, beside how many readings there were. */
enum cell_need {
	CELL_NUMBER = 1, /**< sum, min, max: what every metric kept of its values before */
	CELL_SQUARES = 2,
	CELL_FIRST = 4,
	CELL_LAST = 8,
	CELL_DISTINCT = 16, /**< of any type */
	CELL_SKETCH = 32,
	CELL_LINES = 64, /**< the newest texts themselves; alone, of one value of the metric */
};

enum {
	CELL_VALUES_MAX = 8,
	CELL_EXTRA_BYTES_MAX = 64,
	CELL_LINES_MAX = 10,
	CELL_LINE_BYTES_MAX = 512, /**< the rest of a line is not kept */
	CELL_LINE_OVERHEAD = 24,   /**< bytes on the heap beside those of the line */
};

/** Where the extras of one value are, in bytes from the first aggregate; 0: it has none. */
struct cell_places {
	uint8_t needs;
	uint16_t squares, first, last, distinct, sketch, lines;
};

struct cell_layout {
	uint32_t width; /**< aggregates */
	uint32_t bytes; /**< of the cells */
	bool has_extras;
	bool has_heap; /**< some extras are pointers */
	/** Of CELL_LINES; cell_layout_init() leaves it 0, and then none are kept. */
	uint8_t lines_max;
	struct cell_places values[CELL_VALUES_MAX];
};

/** Room for the cells of any layout. */
struct cell_total {
	struct aggregate aggregates[CELL_VALUES_MAX];
	uint64_t extras[CELL_VALUES_MAX * CELL_EXTRA_BYTES_MAX / 8];
};

/** `needs` of each value; NULL: CELL_NUMBER of each. Without a value there is one aggregate. */
void cell_layout_init(struct cell_layout *layout, uint32_t value_count, const uint8_t *needs);
uint8_t measure_needs(const struct measure *measure); /**< enum cell_need; 0: a count is enough */

/** One reading more, with this value in the value field `index`. */
void cells_add(const struct cell_layout *layout, struct aggregate *cells, uint32_t index,
	       const struct value *value, int64_t time_ms, size_t *memory);

void cells_merge_extras(const struct cell_layout *layout, struct aggregate *into,
			const struct aggregate *from, size_t *memory);

static inline void cells_merge(const struct cell_layout *layout, struct aggregate *into,
			       const struct aggregate *from, size_t *memory)
{
	/* Extras first: whether there is a sample decides which is the first and last. */
	if (layout->has_extras)
		cells_merge_extras(layout, into, from, memory);
	for (uint32_t i = 0; i < layout->width; i++)
		aggregate_merge(&into[i], &from[i]);
}

void cells_free_heap(const struct cell_layout *layout, struct aggregate *cells, size_t *memory);

/** Lets go of what the cells own. They are not empty afterwards, unless they had nothing else. */
static inline void cells_release(const struct cell_layout *layout, struct aggregate *cells,
				 size_t *memory)
{
	if (layout->has_heap)
		cells_free_heap(layout, cells, memory);
}

void cells_clear(const struct cell_layout *layout, struct aggregate *cells, size_t *memory);

/** The number of a measure; false: it has none, for there was no value (count, rate and distinct
 *  always have one). `span_ms` is the length of the window, for rates. */
bool measure_value(const struct cell_layout *layout, const struct aggregate *cells,
		   const struct measure *measure, int64_t span_ms, double *out);

struct cell_line {
	int64_t time_ms;
	struct slice text; /**< in the cells; any bytes */
	bool is_cut;       /**< there was more */
};

/** How many texts there are of the value that has CELL_LINES. */
uint32_t cells_line_count(const struct cell_layout *layout, const struct aggregate *cells);
/** The oldest is number 0. */
struct cell_line cells_line(const struct cell_layout *layout, const struct aggregate *cells,
			    uint32_t index);

/** Lets go of the texts alone: how many readings there were stays. */
void cells_drop_lines(const struct cell_layout *layout, struct aggregate *cells, size_t *memory);

/** How the extras of a value are stored; those of a value without samples are short. */
void cells_encode_extras(const struct cell_layout *layout, const struct aggregate *cells,
			 uint32_t index, struct bytes *out);
/** Into cells that are empty but for the aggregate of the value. ERR_CORRUPT; what was read until
 *  then is the caller's to release. */
int cells_decode_extras(const struct cell_layout *layout, struct byte_reader *reader,
			uint32_t index, struct aggregate *cells, size_t *memory);

#endif
