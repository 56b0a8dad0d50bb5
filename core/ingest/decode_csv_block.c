/* All plain lines of a block: a window of the block is turned into the places of its delimiters
 * and line ends by vector code (decode_csv_window.c), then each wanted column of the window's lines
 * is converted in a loop of its own.
 *
 *  A line is plain when the next special is `column_count - 1` ends further on and is a line end:
 *  that alone verifies the number of columns and that there is no quote in the line. Lines with
 *  quotes are split into fields by their ends first; only doubled quotes need the careful way. */
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
	bool is_refused; /**< no line of this intake is plain */
	struct csv_column wanted[INTAKE_COLUMNS_MAX];
	uint32_t wanted_count;
	bool has_others; /**< wanted fields that no column of the text has */

	struct csv_window window;
	/** Of lines with quotes: for each field the place before it, and its end. */
	uint16_t fields[2 * (CSV_LINE_BYTES_MAX + 1)];
};

/** The fields of lines in hand: those of one column are `stride` further on from line to line. */
struct field_grid {
	const char *data;
	const uint16_t *ends; /**< of the first line; what is before each is before the field */
	uint32_t place_stride;
	uint32_t line_stride;
	uint32_t cr_place; /**< a CR at the end of this field belongs to the line end */
};

/** One call of csv_block_decode(). */
struct csv_run {
	struct csv_block *block;
	struct field_grid grid;
	struct batch *batch;
	struct time_memory *time;
	uint64_t mistyped;
};

struct csv_block *csv_block_new(void)
{
	struct csv_block *block = mem_alloc(sizeof(*block));
	csv_window_init(&block->window);
	return block;
}

void csv_block_free(struct csv_block *block)
{
	mem_free(block);
}

void csv_block_use_portable(struct csv_block *block)
{
	block->window.is_portable = true;
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
	block->window.delimiter = intake->delimiter;
	block->window.data = data;
	block->window.bytes = 0;
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

/** Whether the line is short enough and what its chunks have beyond ASCII is UTF-8. */
static bool line_is_right(const struct csv_block *block, size_t start, size_t end)
{
	const struct csv_window *window = &block->window;
	uint64_t chunks = ~0ull << (start / BYTE_MASK_BYTES);
	chunks &= (2ull << (end / BYTE_MASK_BYTES)) - 1;
	if (end - start > block->intake->line_bytes_max)
		return false; /* or not, with a CR at its end */
	return !(window->foreign & chunks) ||
	       json_is_utf8((struct slice){window->data + start, end - start});
}

/** How many lines from the one at hand are plain, `room` at most. */
static uint32_t count_plain(const struct csv_block *block, uint32_t room)
{
	const struct csv_window *window = &block->window;
	const uint16_t *specials = window->specials + window->at.special;
	const uint32_t stride = block->intake->column_count;
	uint32_t left = window->special_count - window->at.special;
	uint32_t line = window->at.end, count = 0;
	bool is_careful = window->foreign || block->intake->line_bytes_max < CSV_LINE_BYTES_MAX;
	if (room > left)
		room = left;
	for (; count < room && specials[count] - line == stride - 1; count++, line += stride) {
		size_t start = csv_start_place(window, line);
		size_t end = csv_end_place(window, specials[count]);
		if (window->data[end] != '\n' || (is_careful && !line_is_right(block, start, end)))
			break;
	}
	return count;
}

/** One column of the lines in hand. */
struct field_walk {
	const char *data;
	const uint16_t *end;
	uint32_t stride;
	bool has_cr;
};

static struct field_walk walk_start(const struct csv_run *run, uint32_t place)
{
	const struct field_grid *grid = &run->grid;
	return (struct field_walk){.data = grid->data,
				   .end = grid->ends + (size_t)place * grid->place_stride,
				   .stride = grid->line_stride,
				   .has_cr = place == grid->cr_place};
}

static inline ALWAYS_INLINE struct slice walk_next(struct field_walk *walk)
{
	size_t start = (uint16_t)(walk->end[-1] + 1), end = walk->end[0];
	walk->end += walk->stride;
	if (walk->has_cr)
		end -= end > start && walk->data[end - 1] == '\r';
	return (struct slice){walk->data + start, end - start};
}

/** The event times of `count` lines; how many lines have one, up to the first without. */
static uint32_t convert_times(struct csv_run *run, uint32_t count)
{
	struct field_walk walk = walk_start(run, (uint32_t)run->block->intake->time_of_csv);
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
	struct field_walk walk = walk_start(run, column->place);
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
	struct field_walk walk = walk_start(run, column->place);
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

/** Rows of the lines in the grid; how many there were up to the first wrong one. */
static uint32_t run_convert(struct csv_run *run, uint32_t count)
{
	const struct csv_block *block = run->block;
	count = convert_times(run, count);
	clear_others(run, count);
	for (uint32_t i = 0; i < block->wanted_count && count > 0; i++)
		convert_column(run, &block->wanted[i], count);
	run->batch->row_count += count;
	return count;
}

/** The plain lines from the one at hand; false when a line turns out to be wrong. */
static bool run_plain(struct csv_run *run)
{
	struct csv_block *block = run->block;
	struct csv_window *window = &block->window;
	uint32_t columns = block->intake->column_count;
	uint32_t plain = count_plain(block, run->batch->row_limit - run->batch->row_count);
	run->grid = (struct field_grid){.data = window->data,
					.ends = window->ends + 1 + window->at.end,
					.place_stride = 1,
					.line_stride = columns,
					.cr_place = columns - 1};
	uint32_t count = run_convert(run, plain);
	window->at.end += count * columns;
	window->at.special += count;
	return count == plain;
}

/* ---- lines with quotes ---- */

/** The special that ends the line to which `special` belongs, or special_count. */
static uint32_t line_end_from(const struct csv_window *window, uint32_t special)
{
	while (special < window->special_count &&
	       window->data[csv_end_place(window, window->specials[special])] != '\n')
		special++;
	return special;
}

/** The field that begins with the quote at end *at, up to its closing quote; *at moves to the end
 *  behind it. False: it is wrong, or has doubled quotes. */
static bool split_quoted(const struct csv_window *window, uint32_t *at, uint32_t last,
			 uint16_t *field)
{
	size_t close, next;
	field[0] = (uint16_t)csv_end_place(window, *at);
	do
		++*at;
	while (*at < last && window->data[csv_end_place(window, *at)] != '"');
	if (*at >= last)
		return false;
	close = csv_end_place(window, *at);
	field[1] = (uint16_t)close;
	next = csv_end_place(window, ++*at);
	if (*at == last && next == close + 2 && window->data[close + 1] == '\r')
		return true;
	return next == close + 1 && window->data[next] != '"';
}

/** A field without quotes at its beginning: a quote inside is text. */
static void split_plain(const struct csv_window *window, uint32_t *at, uint32_t last, size_t start,
			uint16_t *field)
{
	while (window->data[csv_end_place(window, *at)] == '"')
		++*at;
	size_t end = csv_end_place(window, *at);
	if (*at == last)
		end -= end > start && window->data[end - 1] == '\r';
	field[0] = (uint16_t)(start - 1);
	field[1] = (uint16_t)end;
}

/** The line with the ends `at` to `last` into fields; false: it needs the careful way. */
static bool split_line(const struct csv_block *block, uint32_t at, uint32_t last, uint16_t *fields)
{
	const struct csv_window *window = &block->window;
	uint32_t column_count = block->intake->column_count;
	for (uint32_t i = 0; i < column_count; i++, at++, fields += 2) {
		if (at > last)
			return false;
		size_t start = csv_start_place(window, at);
		if (window->data[start] != '"')
			split_plain(window, &at, last, start, fields);
		else if (!split_quoted(window, &at, last, fields))
			return false;
	}
	return at == last + 1;
}

/** How many lines from the one at hand can be split; `behind` is the line behind them. */
static uint32_t split_lines(struct csv_block *block, uint32_t room, struct csv_cursor *behind)
{
	const struct csv_window *window = &block->window;
	uint32_t column_count = block->intake->column_count, count = 0;
	for (*behind = window->at; count < room; count++) {
		uint32_t special = line_end_from(window, behind->special);
		if (special == window->special_count)
			break;
		uint32_t last = window->specials[special];
		size_t start = csv_start_place(window, behind->end);
		if (!line_is_right(block, start, csv_end_place(window, last)) ||
		    !split_line(block, behind->end, last, block->fields + 2 * count * column_count))
			break;
		*behind = (struct csv_cursor){.end = last + 1, .special = special + 1};
	}
	return count;
}

/** The last field of a line, or the whole line: a CR before the LF is part of the line end. */
static struct slice without_cr(struct slice text)
{
	text.length -= text.length > 0 && text.data[text.length - 1] == '\r';
	return text;
}

/** A line by the careful way; false when it is wrong or has no end. */
static bool run_careful(struct csv_run *run)
{
	const struct intake *intake = run->block->intake;
	struct csv_window *window = &run->block->window;
	size_t start = csv_start_place(window, window->at.end);
	uint32_t special = line_end_from(window, window->at.special);
	struct decode_row row;
	if (special == window->special_count) {
		window->at.special = special; /* another look, with a window that begins here */
		return start > 0;
	}
	size_t end = csv_end_place(window, window->specials[special]);
	struct slice line = without_cr((struct slice){window->data + start, end - start});
	decode_row_start(&row, run->batch, run->time);
	if (line.length > intake->line_bytes_max || csv_decode(intake, line, &row, NULL) != 0 ||
	    decode_row_finish(&row, intake->schema.time_field, NULL) != 0)
		return false;
	run->batch->row_count++;
	run->mistyped += row.mistyped;
	csv_window_skip(window, 1);
	return true;
}

/** Lines with quotes from the one at hand; false when a line is wrong or has no end. */
static bool run_quoted(struct csv_run *run)
{
	struct csv_block *block = run->block;
	uint32_t columns = block->intake->column_count;
	struct csv_cursor behind;
	uint32_t split = split_lines(block, run->batch->row_limit - run->batch->row_count, &behind);
	if (split == 0)
		return run_careful(run);
	run->grid = (struct field_grid){.data = block->window.data,
					.ends = block->fields + 1,
					.place_stride = 2,
					.line_stride = 2 * columns,
					.cr_place = UINT32_MAX};
	uint32_t count = run_convert(run, split);
	if (count == split)
		block->window.at = behind;
	else
		csv_window_skip(&block->window, count);
	return count == split;
}

/** Whether the line at hand has a quote before its end, as far as the window shows. */
static bool has_quote(const struct csv_window *window)
{
	return window->at.special < window->special_count &&
	       window->data[csv_end_place(window, window->specials[window->at.special])] == '"';
}

size_t csv_block_decode(struct csv_block *block, size_t at, struct batch *batch,
			struct time_memory *time, uint64_t *mistyped)
{
	struct csv_run run = {.block = block, .batch = batch, .time = time};
	struct csv_window *window = &block->window;
	REQUIRE(batch->column_count == block->intake->fields.count);
	if (block->is_refused || (at == 0 && block->length > 0 && block->data[0] == '\xEF'))
		return at;
	while (at < block->length && batch->row_count < batch->row_limit) {
		if (!csv_window_seek(window, block->data + at))
			csv_window_start(window, block->data + at, block->length - at);
		bool is_right = run_plain(&run);
		while (is_right && batch->row_count < batch->row_limit && has_quote(window))
			is_right = run_quoted(&run) && run_plain(&run);
		size_t next = csv_start_place(window, window->at.end);
		at = (size_t)(window->data - block->data) + next;
		if (!is_right || window->at.special < window->special_count || next == 0)
			break;
	}
	*mistyped += run.mistyped;
	return at;
}
