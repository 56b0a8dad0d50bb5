/* Cells into the number of a measure, and into bytes. */
#include "core/model/cells_internal.h"

#include <math.h>
#include <string.h>

#include "core/base/err.h"
#include "core/sketch/ddsketch.h"
#include "core/sketch/distinct.h"
#include "core/sketch/line_tail.h"

/* (squares - sum * sum / count) / count with twice the digits of a double: nearly all of both parts
 * cancel out when the numbers are large and close to each other. */
static bool variance_of(const struct aggregate *aggregate, const struct squares *squares,
			double *out)
{
	double count = (double)aggregate->samples;
	double high = aggregate->sum_high + aggregate->sum_low;
	double low = aggregate->sum_low - (high - aggregate->sum_high);
	double square = high * high;
	double square_low = fma(high, high, -square) + 2 * high * low;
	double part = square / count;
	double part_low = (fma(-part, count, square) + square_low) / count;
	double variance = ((squares->high - part) + (squares->low - part_low)) / count;

	if (!isfinite(variance))
		return false;
	*out = variance > 0 ? variance : 0;
	return true;
}

/* The value of rank ceil(p * count): no interpolation, so it is near one that there was. */
static bool percentile_of(const struct aggregate *aggregate, const struct ddsketch *sketch,
			  uint16_t tenths, double *out)
{
	unsigned __int128 parts = (unsigned __int128)ddsketch_total(sketch) * tenths;
	double number;

	if (parts == 0)
		return false;
	number = ddsketch_at_rank(sketch, (uint64_t)((parts + 999) / 1000));
	*out = fmin(fmax(number, aggregate->min), aggregate->max);
	return true;
}

bool measure_value(const struct cell_layout *layout, const struct aggregate *cells,
		   const struct measure *measure, int64_t span_ms, double *out)
{
	const struct aggregate *aggregate = &cells[measure->value];
	const struct cell_places *places = &layout->values[measure->value];
	enum statistic statistic = measure_statistic(measure);

	if (statistic_needs_number(statistic) && aggregate->samples == 0)
		return false;
	switch (statistic) {
	case STATISTIC_COUNT:
	case STATISTIC_SUM:
	case STATISTIC_AVG:
	case STATISTIC_MIN:
	case STATISTIC_MAX: return aggregate_value(aggregate, statistic, out);
	case STATISTIC_RATE: *out = (double)aggregate->count * 1000 / (double)span_ms; return true;
	case STATISTIC_DISTINCT: *out = distinct_count(*distinct_of(places, cells)); return true;
	case STATISTIC_FIRST: *out = timed_at(places->first, cells)->number; return true;
	case STATISTIC_LAST: *out = timed_at(places->last, cells)->number; return true;
	case STATISTIC_STDDEV:
		if (!variance_of(aggregate, squares_of(places, cells), out))
			return false;
		*out = sqrt(*out);
		return true;
	case STATISTIC_PERCENTILE:
		return percentile_of(aggregate, *sketch_of(places, cells),
				     measure->percentile_tenths, out);
	}
	return false;
}

_Static_assert((int)CELL_LINES_MAX == (int)LINE_TAIL_MAX &&
		       (int)CELL_LINE_BYTES_MAX == (int)LINE_TAIL_BYTES_MAX &&
		       CELL_LINE_OVERHEAD >= sizeof(struct tail_line) + sizeof(struct tail_line *),
	       "nobody else knows how lines are kept");

static const struct line_tail *find_lines(const struct cell_layout *layout,
					  const struct aggregate *cells)
{
	for (uint32_t i = 0; i < layout->width; i++)
		if (layout->values[i].lines)
			return *lines_of(&layout->values[i], cells);
	return NULL;
}

uint32_t cells_line_count(const struct cell_layout *layout, const struct aggregate *cells)
{
	return line_tail_count(find_lines(layout, cells));
}

struct cell_line cells_line(const struct cell_layout *layout, const struct aggregate *cells,
			    uint32_t index)
{
	const struct tail_line *line = line_tail_at(find_lines(layout, cells), index);

	return (struct cell_line){line->time_ms, {line->text, line->length}, line->is_cut};
}

void cells_drop_lines(const struct cell_layout *layout, struct aggregate *cells, size_t *memory)
{
	for (uint32_t i = 0; i < layout->width; i++)
		if (layout->values[i].lines)
			line_tail_free(lines_of(&layout->values[i], cells), memory);
}

/* ---- stored: squares, first, last and sketch only with samples ---- */

static void append_double(struct bytes *out, double number)
{
	uint64_t bits;

	memcpy(&bits, &number, sizeof(bits));
	bytes_append_be64(out, bits);
}

static double read_double(struct byte_reader *reader)
{
	uint64_t bits = byte_reader_be64(reader);
	double number;

	memcpy(&number, &bits, sizeof(number));
	return number;
}

static void append_timed(struct bytes *out, const struct timed *timed)
{
	bytes_append_be64(out, (uint64_t)timed->time_ms);
	append_double(out, timed->number);
}

static void read_timed(struct byte_reader *reader, struct timed *out)
{
	*out = (struct timed){(int64_t)byte_reader_be64(reader), read_double(reader)};
	if (isnan(out->number))
		reader->has_failed = true;
}

void cells_encode_extras(const struct cell_layout *layout, const struct aggregate *cells,
			 uint32_t index, struct bytes *out)
{
	const struct cell_places *places = &layout->values[index];

	if (places->distinct)
		distinct_encode(*distinct_of(places, cells), out);
	if (places->lines)
		line_tail_encode(*lines_of(places, cells), out);
	if (cells[index].samples == 0)
		return;
	if (places->squares) {
		append_double(out, squares_of(places, cells)->high);
		append_double(out, squares_of(places, cells)->low);
	}
	if (places->first)
		append_timed(out, timed_at(places->first, cells));
	if (places->last)
		append_timed(out, timed_at(places->last, cells));
	if (places->sketch)
		ddsketch_encode(*sketch_of(places, cells), out);
}

int cells_decode_extras(const struct cell_layout *layout, struct byte_reader *reader,
			uint32_t index, struct aggregate *cells, size_t *memory)
{
	const struct cell_places *places = &layout->values[index];

	if (places->distinct && distinct_decode(reader, distinct_of(places, cells), memory) != 0)
		return ERR_CORRUPT;
	if (places->lines &&
	    line_tail_decode(reader, layout->lines_max, lines_of(places, cells), memory) != 0)
		return ERR_CORRUPT;
	if (cells[index].samples == 0)
		return 0;
	if (places->squares) {
		squares_of(places, cells)->high = read_double(reader);
		squares_of(places, cells)->low = read_double(reader);
	}
	if (places->first)
		read_timed(reader, timed_at(places->first, cells));
	if (places->last)
		read_timed(reader, timed_at(places->last, cells));
	if (places->sketch && ddsketch_decode(reader, sketch_of(places, cells), memory) != 0)
		return ERR_CORRUPT;
	return reader->has_failed ? ERR_CORRUPT : 0;
}
