#include "core/model/cells_internal.h"

#include <math.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/err.h"
#include "core/base/require.h"
#include "core/model/value.h"
#include "core/sketch/ddsketch.h"
#include "core/sketch/distinct.h"
#include "core/sketch/line_tail.h"

static uint16_t take_place(struct cell_layout *layout, uint32_t bytes)
{
	uint32_t place = layout->bytes;

	layout->bytes += bytes;
	layout->has_extras = true;
	return (uint16_t)place;
}

void cell_layout_init(struct cell_layout *layout, uint32_t value_count, const uint8_t *needs)
{
	REQUIRE(value_count <= CELL_VALUES_MAX);
	*layout = (struct cell_layout){.width = value_count > 0 ? value_count : 1};
	layout->bytes = layout->width * (uint32_t)sizeof(struct aggregate);
	for (uint32_t i = 0; i < value_count; i++) {
		struct cell_places *places = &layout->values[i];
		uint8_t its = needs == NULL ? CELL_NUMBER : needs[i];

		places->needs = its;
		if (its & CELL_SQUARES)
			places->squares = take_place(layout, sizeof(struct squares));
		if (its & CELL_FIRST)
			places->first = take_place(layout, sizeof(struct timed));
		if (its & CELL_LAST)
			places->last = take_place(layout, sizeof(struct timed));
		if (its & CELL_DISTINCT)
			places->distinct = take_place(layout, sizeof(struct distinct *));
		if (its & CELL_SKETCH)
			places->sketch = take_place(layout, sizeof(struct ddsketch *));
		if (its & CELL_LINES)
			places->lines = take_place(layout, sizeof(struct line_tail *));
		layout->has_heap |= (its & (CELL_DISTINCT | CELL_SKETCH | CELL_LINES)) != 0;
	}
}

uint8_t measure_needs(const struct measure *measure)
{
	switch (measure_statistic(measure)) {
	case STATISTIC_COUNT:
	case STATISTIC_RATE: return 0;
	case STATISTIC_SUM:
	case STATISTIC_AVG:
	case STATISTIC_MIN:
	case STATISTIC_MAX: return CELL_NUMBER;
	case STATISTIC_STDDEV: return CELL_NUMBER | CELL_SQUARES;
	case STATISTIC_FIRST: return CELL_NUMBER | CELL_FIRST;
	case STATISTIC_LAST: return CELL_NUMBER | CELL_LAST;
	case STATISTIC_DISTINCT: return CELL_DISTINCT;
	case STATISTIC_PERCENTILE: return CELL_NUMBER | CELL_SKETCH;
	}
	return 0;
}

static void squares_add(struct squares *squares, double high, double low)
{
	double sum = squares->high + high;
	double taken = sum - squares->high;

	squares->low += ((squares->high - (sum - taken)) + (high - taken)) + low;
	squares->high = sum;
}

static void squares_add_number(struct squares *squares, double number)
{
	double square = number * number;

	/* What the product lost in rounding, exactly. */
	squares_add(squares, square, fma(number, number, -square));
}

/* ---- one reading ---- */

/* Values are told apart by the hash alone, so it must be a good one. It has no secret: a sketch is
 * stored and read by another process, and a replay gives what the live run gave. Whoever knows it
 * can make values that count too little or too much; the documents say so. 30 and 30.0 are one
 * value, 30 and "30" are two, as in keys. */
enum { HASH_SEED = 0x746F6373 };

static uint64_t hash_of(const struct value *value)
{
	int64_t integer = value->as.integer;
	double number = value->as.number;

	switch ((enum value_type)value->type) {
	case VALUE_NIL: break;
	case VALUE_BOOL: return XXH3_64bits_withSeed(&"\0\1"[value->as.boolean], 1, HASH_SEED + 1);
	case VALUE_STRING:
		return XXH3_64bits_withSeed(value->as.text, value->length, HASH_SEED + 2);
	case VALUE_FLOAT:
		if (!(number >= -0x1p63 && number < 0x1p63 && number == trunc(number)))
			return XXH3_64bits_withSeed(&number, sizeof(number), HASH_SEED + 3);
		integer = (int64_t)number;
		return XXH3_64bits_withSeed(&integer, sizeof(integer), HASH_SEED);
	case VALUE_INT: return XXH3_64bits_withSeed(&integer, sizeof(integer), HASH_SEED);
	}
	return 0;
}

static void add_number(const struct cell_places *places, struct aggregate *cells, uint32_t index,
		       double number, int64_t time_ms, size_t *memory)
{
	bool is_first = cells[index].samples == 0;

	if (places->squares)
		squares_add_number(squares_of(places, cells), number);
	if (places->first) {
		struct timed *first = timed_at(places->first, cells);

		if (is_first || time_ms < first->time_ms)
			*first = (struct timed){time_ms, number};
	}
	if (places->last) {
		struct timed *last = timed_at(places->last, cells);

		if (is_first || time_ms >= last->time_ms)
			*last = (struct timed){time_ms, number};
	}
	if (places->sketch)
		ddsketch_add(sketch_of(places, cells), number, memory);
	aggregate_add_number(&cells[index], number);
}

void cells_add(const struct cell_layout *layout, struct aggregate *cells, uint32_t index,
	       const struct value *value, int64_t time_ms, size_t *memory)
{
	const struct cell_places *places = &layout->values[index];
	double number;

	if (places->distinct && value->type != VALUE_NIL)
		distinct_add(distinct_of(places, cells), hash_of(value), memory);
	if (places->lines && value->type == VALUE_STRING)
		line_tail_add(lines_of(places, cells), layout->lines_max, time_ms,
			      (struct slice){value->as.text, value->length}, memory);
	if ((places->needs & CELL_NUMBER) && value_number(value, &number))
		add_number(places, cells, index, number, time_ms, memory);
	else
		aggregate_add(&cells[index]);
}

/* ---- many ---- */

static void merge_timed(const struct cell_places *places, struct aggregate *into,
			const struct aggregate *from, bool is_first)
{
	if (places->first) {
		struct timed *mine = timed_at(places->first, into);
		const struct timed *other = timed_at(places->first, from);

		if (is_first || other->time_ms < mine->time_ms)
			*mine = *other;
	}
	if (places->last) {
		struct timed *mine = timed_at(places->last, into);
		const struct timed *other = timed_at(places->last, from);

		if (is_first || other->time_ms >= mine->time_ms)
			*mine = *other;
	}
}

void cells_merge_extras(const struct cell_layout *layout, struct aggregate *into,
			const struct aggregate *from, size_t *memory)
{
	for (uint32_t i = 0; i < layout->width; i++) {
		const struct cell_places *places = &layout->values[i];

		if (places->distinct)
			distinct_merge(distinct_of(places, into), *distinct_of(places, from),
				       memory);
		if (places->sketch)
			ddsketch_merge(sketch_of(places, into), *sketch_of(places, from), memory);
		if (places->lines)
			line_tail_merge(lines_of(places, into), *lines_of(places, from),
					layout->lines_max, memory);
		if (places->squares) {
			const struct squares *other = squares_of(places, from);

			squares_add(squares_of(places, into), other->high, other->low);
		}
		if (from[i].samples > 0)
			merge_timed(places, into, from, into[i].samples == 0);
	}
}

void cells_free_heap(const struct cell_layout *layout, struct aggregate *cells, size_t *memory)
{
	for (uint32_t i = 0; i < layout->width; i++) {
		const struct cell_places *places = &layout->values[i];

		if (places->distinct)
			distinct_free(distinct_of(places, cells), memory);
		if (places->sketch)
			ddsketch_free(sketch_of(places, cells), memory);
		if (places->lines)
			line_tail_free(lines_of(places, cells), memory);
	}
}

void cells_clear(const struct cell_layout *layout, struct aggregate *cells, size_t *memory)
{
	cells_release(layout, cells, memory);
	memset(cells, 0, layout->bytes);
}
