/* All plain lines of a block: a window of the block is turned into the places of its delimiters
 * and line ends (vector code), then each wanted column of the window's lines is converted in a
 * loop of its own.
 *
 *      2026-11-22T06:00:00.000Z,m1,5.5 \n 2026-11-22T06:00:00.100Z,m2,7 \n ...
 *                              0  1    2                          3  4  5       ends[]
 *                                      |                                |       specials[]: 2, 5
 *
 *  A line is plain when the next special is `column_count - 1` ends further on and is a line end:
 *  that alone verifies the number of columns and that there is no quote in the line. */
#include "core/ingest/decode_csv.h"

#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/ingest/byte_masks.h"
#include "core/ingest/decode_csv_internal.h"
#include "core/ingest/decode_json.h"
#include "core/ingest/decode_row.h"
#include "core/ingest/intake.h"
#include "core/ingest/short_number.h"
#include "core/ingest/short_time.h"
#include "core/model/batch.h"

enum { CHUNK_ENDS = 8 }; /**< ends written at once, so that most chunks need no loop */

_Static_assert((int)CSV_LINE_BYTES_MAX == 64 * (int)BYTE_MASK_BYTES, "a bit of `foreign` a chunk");

/** A column of the text that is wanted. */
struct csv_column {
	uint32_t place; /**< in the line */
	uint32_t column;
	enum field_type type;
	bool is_number;
};

struct csv_block {
	const struct intake *intake;
	const char *data;
	size_t length;
	bool is_portable;
	bool is_refused; /**< no line of this intake is plain */
	struct csv_column wanted[INTAKE_COLUMNS_MAX];
	uint32_t wanted_count;
	bool has_others; /**< wanted fields that no column of the text has */

	size_t window; /**< where ends[] begins in data */
	size_t window_bytes;
	uint64_t foreign; /**< chunks of the window with bytes that are not ASCII */
	uint32_t line;    /**< the first end of the line at hand */
	uint32_t special; /**< the first special of the line at hand */
	uint32_t special_count;
	/** Places in the window, from [1]; [0] is "just before it". */
	uint16_t ends[1 + CSV_LINE_BYTES_MAX + CHUNK_ENDS];
	uint16_t specials[CSV_LINE_BYTES_MAX]; /**< which ends are line ends or quotes */
};

/** One call of csv_block_decode(). */
struct csv_run {
	struct csv_block *block;
	struct batch *batch;
	struct time_memory *time;
	uint64_t mistyped;
};

struct csv_block *csv_block_new(void)
{
	struct csv_block *block = mem_alloc(sizeof(*block));
#if defined(__x86_64__)
	block->is_portable = !byte_masks_has_avx2();
#else
	block->is_portable = true;
#endif
	return block;
}

void csv_block_free(struct csv_block *block)
{
	mem_free(block);
}

void csv_block_use_portable(struct csv_block *block)
{
	block->is_portable = true;
}

static bool block_wants(const struct csv_block *block, uint32_t column)
{
	for (uint32_t i = 0; i < block->wanted_count; i++)
		if (block->wanted[i].column == column)
			return true;
	return false;
}

void csv_block_start(struct csv_block *block, const struct intake *intake, const char *data,
		     size_t length)
{
	unsigned char delimiter = (unsigned char)intake->delimiter;
	block->intake = intake;
	block->data = data;
	block->length = length;
	block->window = block->window_bytes = 0;
	block->is_refused = delimiter >= 0x80 || delimiter == '"' || delimiter == '\n' ||
			    delimiter == '\r' || intake->time_of_csv < 0;
	block->wanted_count = 0;
	uint32_t found_count = 0;
	for (uint32_t i = 0; i < intake->column_count; i++) {
		int column = intake->column_of_csv[i];
		if (column < 0)
			continue;
		found_count += !block_wants(block, (uint32_t)column);
		block->wanted[block->wanted_count++] = (struct csv_column){
			.place = i,
			.column = (uint32_t)column,
			.type = intake->fields.fields[column].type,
			.is_number = intake->is_number[column],
		};
	}
	block->has_others = found_count < intake->fields.count;
}

static inline ALWAYS_INLINE uint64_t window_add_end(uint16_t *end, uint64_t mask, size_t base,
						    byte_mask_first_of *first_of)
{
	*end = (uint16_t)(base + first_of(mask));
	return mask & (mask - 1);
}

/** Eight at a time without looking whether there are so many: few chunks have more. */
static inline ALWAYS_INLINE uint32_t window_add_ends(uint16_t *ends, uint64_t mask, size_t base,
						     byte_mask_first_of *first_of)
{
	uint32_t count = (uint32_t)__builtin_popcountll(mask);
	for (uint32_t i = 0; i < count; i += CHUNK_ENDS, ends += CHUNK_ENDS) {
		mask = window_add_end(ends + 0, mask, base, first_of);
		mask = window_add_end(ends + 1, mask, base, first_of);
		mask = window_add_end(ends + 2, mask, base, first_of);
		mask = window_add_end(ends + 3, mask, base, first_of);
		mask = window_add_end(ends + 4, mask, base, first_of);
		mask = window_add_end(ends + 5, mask, base, first_of);
		mask = window_add_end(ends + 6, mask, base, first_of);
		mask = window_add_end(ends + 7, mask, base, first_of);
	}
	return count;
}

static inline ALWAYS_INLINE void window_scan_by(struct csv_block *block, byte_masks_of *masks_of,
						byte_mask_first_of *first_of)
{
	const struct byte_choice choice = {block->intake->delimiter, {'\n', '"'}};
	const char *data = block->data + block->window;
	const size_t bytes = block->window_bytes;
	char tail[BYTE_MASK_BYTES] = {0};
	uint16_t *ends = block->ends + 1;
	uint16_t *specials = block->specials;
	uint32_t count = 0;
	uint64_t foreign = 0, chunk = 1;
	for (size_t base = 0; base < bytes; base += BYTE_MASK_BYTES, chunk <<= 1) {
		const char *text = data + base;
		if (bytes - base < BYTE_MASK_BYTES) {
			memcpy(tail, text, bytes - base);
			text = tail;
		}
		struct byte_masks masks = masks_of(text, choice);
		for (uint64_t rest = masks.special; rest; rest &= rest - 1) {
			uint64_t before = (rest & -rest) - 1;
			uint32_t ends_before = (uint32_t)__builtin_popcountll(masks.any & before);
			*specials++ = (uint16_t)(count + ends_before);
		}
		count += window_add_ends(ends + count, masks.any, base, first_of);
		foreign |= masks.has_high ? chunk : 0;
	}
	block->special_count = (uint32_t)(specials - block->specials);
	block->foreign = foreign;
}

#if defined(__x86_64__)
AVX2_FUNCTION static void window_scan_avx2(struct csv_block *block)
{
	window_scan_by(block, byte_masks_avx2, byte_mask_first_avx2);
}
#endif

static void window_scan_portable(struct csv_block *block)
{
	window_scan_by(block, byte_masks_portable, byte_mask_first_portable);
}

/** A new window that begins with the line at data[at]. */
static void window_start(struct csv_block *block, size_t at)
{
	size_t left = block->length - at;
	block->window = at;
	block->window_bytes = left < CSV_LINE_BYTES_MAX ? left : CSV_LINE_BYTES_MAX;
	block->line = block->special = 0;
	block->ends[0] = UINT16_MAX;
#if defined(__x86_64__)
	if (!block->is_portable) {
		window_scan_avx2(block);
		return;
	}
#endif
	window_scan_portable(block);
}

/** Place of an end; that of end -1 is just before the window. */
static inline size_t end_place(const struct csv_block *block, size_t end)
{
	return block->ends[1 + end];
}

/** Beginning of the line whose first end is `line`, in the window. */
static inline size_t line_place(const struct csv_block *block, size_t line)
{
	return (uint16_t)(block->ends[line] + 1);
}

/** To the line at data[at], which may be behind lines that were decoded by another way. */
static void window_seek(struct csv_block *block, size_t at)
{
	bool is_used_up = block->special == block->special_count && at > block->window;
	if (is_used_up || at - block->window >= block->window_bytes) {
		window_start(block, at);
		return;
	}
	size_t place = at - block->window;
	while (block->special < block->special_count &&
	       end_place(block, block->specials[block->special]) < place) {
		block->line = block->specials[block->special] + 1u;
		block->special++;
	}
}

/** Whether the line is short enough and what its chunks have beyond ASCII is UTF-8. */
static bool line_is_right(const struct csv_block *block, size_t start, size_t end)
{
	uint64_t chunks = ~0ull << (start / BYTE_MASK_BYTES);
	chunks &= (2ull << (end / BYTE_MASK_BYTES)) - 1;
	if (end - start > block->intake->line_bytes_max)
		return false; /* or not, with a CR at its end */
	return !(block->foreign & chunks) ||
	       json_is_utf8((struct slice){block->data + block->window + start, end - start});
}

/** How many lines from the one at hand are plain, `room` at most. */
static uint32_t window_count_plain(const struct csv_block *block, uint32_t room)
{
	const uint16_t *specials = block->specials + block->special;
	const uint32_t stride = block->intake->column_count;
	const char *data = block->data + block->window;
	uint32_t left = block->special_count - block->special;
	uint32_t line = block->line, count = 0;
	bool is_careful = block->foreign || block->intake->line_bytes_max < CSV_LINE_BYTES_MAX;
	if (room > left)
		room = left;
	for (; count < room && specials[count] - line == stride - 1; count++, line += stride) {
		size_t start = line_place(block, line), end = end_place(block, specials[count]);
		if (data[end] != '\n' || (is_careful && !line_is_right(block, start, end)))
			break;
	}
	return count;
}

/** One column of the plain lines in hand. */
struct field_walk {
	const char *data;
	const uint16_t *end;
	uint32_t stride;
	bool is_last; /**< in the line: a CR before the LF is part of the line end */
};

static struct field_walk walk_start(const struct csv_block *block, uint32_t place)
{
	uint32_t stride = block->intake->column_count;
	return (struct field_walk){.data = block->data + block->window,
				   .end = block->ends + 1 + block->line + place,
				   .stride = stride,
				   .is_last = place + 1 == stride};
}

static inline ALWAYS_INLINE struct slice walk_next(struct field_walk *walk)
{
	size_t start = (uint16_t)(walk->end[-1] + 1), end = walk->end[0];
	walk->end += walk->stride;
	if (walk->is_last)
		end -= end > start && walk->data[end - 1] == '\r';
	return (struct slice){walk->data + start, end - start};
}

/** The event times of `count` lines; how many lines have one, up to the first without. */
static uint32_t convert_times(struct csv_run *run, uint32_t count)
{
	struct field_walk walk = walk_start(run->block, (uint32_t)run->block->intake->time_of_csv);
	int64_t *out = run->batch->time_ms + run->batch->row_count;
	for (uint32_t i = 0; i < count; i++) {
		struct slice text = walk_next(&walk);
		if (text.length == SHORT_TIME_BYTES && short_time(run->time, text.data, &out[i]))
			continue;
		if (text.length == 0 || time_memory_parse(run->time, text, &out[i]) != 0)
			return i;
	}
	return count;
}

/** Whether the text could be a number, true or false. */
static inline bool may_be_typed(char first)
{
	return (first >= '-' && first <= '9') || first == 't' || first == 'f';
}

/** Columns whose type the text decides, or that are strings. */
static inline ALWAYS_INLINE void convert_texts(struct csv_run *run, const struct csv_column *column,
					       uint32_t count, bool is_any)
{
	struct field_walk walk = walk_start(run->block, column->place);
	struct value *out = run->batch->columns[column->column] + run->batch->row_count;
	const char *short_end = run->block->data + run->block->length - SHORT_NUMBER_READS;
	uint32_t text_count = 0;
	for (uint32_t i = 0; i < count; i++, out++) {
		struct slice text = walk_next(&walk);
		if (text.length == 0) {
			*out = (struct value){.type = VALUE_NIL};
			continue;
		}
		if (is_any && may_be_typed(*text.data)) {
			if (text.data <= short_end && short_number(text.data, text.length, out))
				continue;
			*out = csv_value(text, FIELD_ANY);
		} else {
			*out = (struct value){.type = VALUE_STRING,
					      .length = (uint32_t)text.length,
					      .as.text = text.data};
		}
		text_count += out->type == VALUE_STRING || out->type == VALUE_BOOL;
	}
	run->mistyped += column->is_number ? text_count : 0;
}

/** Columns of the other types, by the way of single lines. */
static void convert_declared(struct csv_run *run, const struct csv_column *column, uint32_t count)
{
	struct field_walk walk = walk_start(run->block, column->place);
	const char *short_end = run->block->data + run->block->length - SHORT_NUMBER_READS;
	bool is_number = column->type == FIELD_INT || column->type == FIELD_FLOAT;
	struct decode_row row = {
		.batch = run->batch, .index = run->batch->row_count, .memory = run->time};
	for (uint32_t i = 0; i < count; i++, row.index++) {
		struct slice text = walk_next(&walk);
		struct value value;
		if (!is_number || text.length == 0 || text.data > short_end ||
		    !short_number(text.data, text.length, &value))
			value = csv_value(text, column->type);
		decode_row_store(&row, column->column, column->type, column->is_number, value);
	}
	run->mistyped += row.mistyped;
}

static void convert_column(struct csv_run *run, const struct csv_column *column, uint32_t count)
{
	switch (column->type) {
	case FIELD_ANY: convert_texts(run, column, count, true); break;
	case FIELD_STRING: convert_texts(run, column, count, false); break;
	case FIELD_BOOL:
	case FIELD_INT:
	case FIELD_FLOAT:
	case FIELD_TIME: convert_declared(run, column, count); break;
	}
}

/** Wanted fields that no column of the text has. */
static void clear_others(struct csv_run *run, uint32_t count)
{
	const struct csv_block *block = run->block;
	if (!block->has_others)
		return;
	for (uint32_t i = 0; i < run->batch->column_count; i++)
		for (uint32_t j = 0; j < count; j++)
			run->batch->columns[i][run->batch->row_count + j] =
				(struct value){.type = VALUE_NIL};
}

/** The plain lines from the one at hand; false when a line turns out to be wrong. */
static bool run_plain(struct csv_run *run)
{
	struct csv_block *block = run->block;
	uint32_t plain = window_count_plain(block, BATCH_ROWS_MAX - run->batch->row_count);
	uint32_t count = convert_times(run, plain);
	clear_others(run, count);
	for (uint32_t i = 0; i < block->wanted_count && count > 0; i++)
		convert_column(run, &block->wanted[i], count);
	run->batch->row_count += count;
	block->line += count * block->intake->column_count;
	block->special += count;
	return count == plain;
}

/** The last field of a line, or the whole line: a CR before the LF is part of the line end. */
static struct slice without_cr(struct slice text)
{
	text.length -= text.length > 0 && text.data[text.length - 1] == '\r';
	return text;
}

/** A line with a quote in it; false when it is wrong or has no end. */
static bool run_quoted(struct csv_run *run)
{
	struct csv_block *block = run->block;
	const struct intake *intake = block->intake;
	const char *data = block->data + block->window;
	size_t start = line_place(block, block->line), end;
	uint32_t special = block->special;
	struct decode_row row;
	while (special < block->special_count &&
	       data[end_place(block, block->specials[special])] != '\n')
		special++;
	if (special == block->special_count) {
		block->special = special; /* another look, with a window that begins here */
		return start > 0;
	}
	end = end_place(block, block->specials[special]);
	struct slice line = without_cr((struct slice){data + start, end - start});
	decode_row_start(&row, run->batch, run->time);
	if (line.length > intake->line_bytes_max || csv_decode(intake, line, &row, NULL) != 0 ||
	    decode_row_finish(&row, intake->schema.time_field, NULL) != 0)
		return false;
	run->batch->row_count++;
	run->mistyped += row.mistyped;
	block->line = block->specials[special] + 1u;
	block->special = special + 1;
	return true;
}

/** Whether the line at hand has a quote before its end, as far as the window shows. */
static bool window_has_quote(const struct csv_block *block)
{
	const char *data = block->data + block->window;
	return block->special < block->special_count &&
	       data[end_place(block, block->specials[block->special])] == '"';
}

size_t csv_block_decode(struct csv_block *block, size_t at, struct batch *batch,
			struct time_memory *time, uint64_t *mistyped)
{
	struct csv_run run = {.block = block, .batch = batch, .time = time};
	REQUIRE(batch->column_count == block->intake->fields.count);
	if (block->is_refused || (at == 0 && block->length > 0 && block->data[0] == '\xEF'))
		return at;
	while (at < block->length && batch->row_count < BATCH_ROWS_MAX) {
		window_seek(block, at);
		bool is_right = run_plain(&run);
		while (is_right && batch->row_count < BATCH_ROWS_MAX && window_has_quote(block))
			is_right = run_quoted(&run) && run_plain(&run);
		size_t next = block->window + line_place(block, block->line);
		if (!is_right || block->special < block->special_count || next == block->window) {
			at = next;
			break;
		}
		at = next;
	}
	*mistyped += run.mistyped;
	return at;
}
