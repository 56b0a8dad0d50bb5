/* How the panes of one start are stored. The rows of a start are read in the order of their
 * numbers, and what a later one says of a key replaces what an earlier one said:
 *
 *     row 0 .. full_rows - 1    every key, as it was at one moment
 *     then                      keys that changed since, as they were when each row was written
 *
 * A row holds whole panes, not differences: sums come back bit by bit without being added again,
 * and a commit of many bundles writes a pane once. All of it is written again, in place of what
 * there was, when that is no dearer than a row of changes, when reading would cost much more than
 * the panes are worth, and once after the pane was closed; so at most FULL_RATIO times as much is
 * read as there is, and at most half again as much is written.
 *
 * Content, for each pane; numbers are LEB128, doubles 8 bytes big-endian:
 *
 *     key length, key, then
 *       counted metric    count
 *       others, for each aggregate: count, samples; with samples: sum high, sum low, min, max;
 *         then the extras of that value (cells_encode_extras())
 *
 * A count costs 11 bytes with a key of 8 (one row of its own in the store: 90).
 */
#include "core/window/window_internal.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/base/varint.h"
#include "core/window/group_table.h"
#include "core/window/metric.h"

enum {
	ROW_BYTES_MAX = 64 * 1024, /* then the next row begins: a batch needs no huge values */
	FULL_RATIO = 3,
	FULL_GROUPS_MIN = 16,
	CHANGE_ROWS_MAX = 64,
	CLOSE_ROWS_MIN = 4, /* while catching up a pane has two or three; that is not worth it */
	PREFETCH_AHEAD = 8,
};

/* ---- one pane ---- */

static char *put_double(char *at, double number)
{
	uint64_t bits;

	memcpy(&bits, &number, sizeof(bits));
	bits = __builtin_bswap64(bits);
	memcpy(at, &bits, sizeof(bits));
	return at + sizeof(bits);
}

static char *put_aggregate(char *at, const struct aggregate *aggregate)
{
	at = varint_put(at, aggregate->count);
	at = varint_put(at, aggregate->samples);
	if (aggregate->samples == 0)
		return at;
	at = put_double(at, aggregate->sum_high);
	at = put_double(at, aggregate->sum_low);
	at = put_double(at, aggregate->min);
	return put_double(at, aggregate->max);
}

static void end_at(struct bytes *row, const char *at)
{
	row->length = (size_t)(at - row->data);
	row->data[row->length] = '\0';
}

static char *append_extras(struct window *window, struct pane *pane, uint32_t index, char *at,
			   size_t bytes_max)
{
	end_at(&window->row, at);
	cells_encode_extras(window->shape.layout, pane_aggregates(pane), index, &window->row);
	bytes_reserve(&window->row, bytes_max);
	return window->row.data + window->row.length;
}

static void append_pane(struct window *window, const struct window_key *key, struct pane *pane)
{
	const struct pane_shape *shape = &window->shape;
	size_t bytes_max = VARINT_BYTES_MAX + key->key_bytes +
			   shape->width * (2 * VARINT_BYTES_MAX + 4 * sizeof(double));
	char *at;

	bytes_reserve(&window->row, bytes_max);
	at = varint_put(window->row.data + window->row.length, key->key_bytes);
	memcpy(at, key->key, key->key_bytes);
	at += key->key_bytes;
	if (shape->is_counted)
		at = varint_put(at, pane->data[0]);
	for (uint32_t i = 0; !shape->is_counted && i < shape->width; i++) {
		at = put_aggregate(at, &pane_aggregates(pane)[i]);
		if (shape->has_extras)
			at = append_extras(window, pane, i, at, bytes_max);
	}
	end_at(&window->row, at);
}

static double read_double(struct byte_reader *reader)
{
	uint64_t bits = byte_reader_be64(reader);
	double number;

	memcpy(&number, &bits, sizeof(number));
	return number;
}

static bool read_aggregate(struct byte_reader *reader, struct aggregate *out)
{
	*out = (struct aggregate){.count = varint_read(reader), .samples = varint_read(reader)};
	if (out->samples > 0) {
		out->sum_high = read_double(reader);
		out->sum_low = read_double(reader);
		out->min = read_double(reader);
		out->max = read_double(reader);
	}
	/* NaN is not <= either. */
	return !reader->has_failed && out->samples <= out->count &&
	       (out->samples == 0 || out->min <= out->max);
}

/* What `out` owns is the caller's to release, also of a damaged pane. */
static bool read_pane(struct window *window, struct byte_reader *reader, struct slice *key,
		      struct aggregate *out)
{
	const struct pane_shape *shape = &window->shape;
	uint64_t key_bytes = varint_read(reader);
	bool is_empty = true;

	if (shape->has_extras)
		memset(out, 0, shape->layout->bytes);
	if (key_bytes > WINDOW_KEY_BYTES_MAX)
		return false;
	*key = byte_reader_bytes(reader, key_bytes);
	if (shape->is_counted) {
		*out = (struct aggregate){.count = varint_read(reader)};
		return !reader->has_failed && out->count > 0;
	}
	for (uint32_t i = 0; i < shape->width; i++) {
		if (!read_aggregate(reader, &out[i]))
			return false;
		if (shape->has_extras &&
		    cells_decode_extras(shape->layout, reader, i, out, shape->memory) != 0)
			return false;
		is_empty &= out[i].count == 0;
	}
	return !is_empty;
}

/* ---- out ---- */

struct save {
	struct window *window;
	const struct window_rows *rows;
	int64_t start_ms;
	uint32_t row;
};

static void end_row(struct save *save)
{
	if (save->window->row.length == 0)
		return;
	save->rows->put(save->rows->arg, save->start_ms, save->row++,
			bytes_slice(&save->window->row));
	bytes_clear(&save->window->row);
}

/* For refs that lie anywhere: the record of a later key, and the panes of one that is nearer. */
static void fetch_ahead(const struct window *window, const struct ref_list *refs, uint32_t at)
{
	const struct window_key *key;

	if (at + 2 * PREFETCH_AHEAD >= refs->count)
		return;
	__builtin_prefetch(window_keys_at(&window->keys, refs->data[at + 2 * PREFETCH_AHEAD]));
	key = window_keys_at(&window->keys, refs->data[at + PREFETCH_AHEAD]);
	if (key->panes.count > 0)
		__builtin_prefetch(
			pane_list_at(&key->panes, key->panes.count - 1, key->size, &window->shape));
}

static void save_panes(struct save *save, const struct ref_list *refs, int64_t number)
{
	struct window *window = save->window;

	for (uint32_t i = 0; i < refs->count; i++) {
		const struct window_key *key = window_keys_at(&window->keys, refs->data[i]);
		struct pane *pane = window_pane_of(window, key, number);

		fetch_ahead(window, refs, i);
		REQUIRE(pane != NULL);
		pane_set_changed(pane, false);
		append_pane(window, key, pane);
		if (window->row.length >= ROW_BYTES_MAX)
			end_row(save);
	}
	end_row(save);
}

static bool wants_all(const struct start *start)
{
	uint64_t pane_count = start->refs.count;

	return start->is_full_due || start->changed.count == pane_count ||
	       (uint64_t)start->row_groups + start->changed.count >
		       FULL_RATIO * pane_count + FULL_GROUPS_MIN ||
	       start->row_count - start->full_rows >= CHANGE_ROWS_MAX;
}

static void save_start(struct window *window, struct start *start, const struct window_rows *rows)
{
	struct save save = {window, rows, start->number * window->pane_ms, start->row_count};

	if (wants_all(start)) {
		save.row = 0;
		save_panes(&save, &start->refs, start->number);
		for (uint32_t row = save.row; row < start->row_count; row++)
			rows->drop(rows->arg, save.start_ms, row);
		start->full_rows = save.row;
		start->row_groups = start->refs.count;
		start->stale = 0;
	} else {
		save_panes(&save, &start->changed, start->number);
		start->row_groups += start->changed.count;
	}
	start->row_count = save.row;
	start->is_full_due = false;
	start->changed.count = 0;
	if (start->changed.capacity > window->spare.capacity) {
		struct ref_list smaller = window->spare;

		window->spare = start->changed;
		start->changed = smaller;
	}
	mem_free(start->changed.data);
	start->changed = (struct ref_list){0};
	window->due_count--;
}

bool window_has_changes(const struct window *window)
{
	return window->due_count > 0;
}

void window_save(struct window *window, const struct window_rows *rows)
{
	/* What changed is nearly always among the newest. */
	for (uint32_t i = window->start_count; window->due_count > 0 && i-- > 0;)
		if (start_is_due(&window->starts[i]))
			save_start(window, &window->starts[i], rows);
}

void window_close(struct window *window, int64_t before_ms)
{
	int64_t before = window_number_from(window, before_ms);
	uint32_t end = window_find_start(window, before);

	for (uint32_t i = window_find_start(window, window->closed_number); i < end; i++) {
		struct start *start = &window->starts[i];

		if (start->row_count < CLOSE_ROWS_MIN || start->is_full_due)
			continue;
		window->due_count += !start_is_due(start);
		start->is_full_due = true;
	}
	if (before > window->closed_number)
		window->closed_number = before;
}

/* ---- in ---- */

/* Moves the cells into the pane. */
static void load_pane(struct window *window, int64_t number, struct slice key,
		      struct aggregate *from)
{
	const struct pane_shape *shape = &window->shape;
	uint32_t hash = (uint32_t)group_key_hash(window->options.seed, key);
	uint32_t ref = window_put_key(window, hash, key);
	struct pane *pane;

	if (ref == WINDOW_KEY_NONE) {
		window_refuse(window, number, from->count);
		cells_release(shape->layout, from, shape->memory);
		return;
	}
	pane = window_put_pane(window, ref, number);
	if (shape->is_counted) {
		pane->data[0] = from->count;
		return;
	}
	cells_release(shape->layout, pane_aggregates(pane), shape->memory);
	memcpy(pane->data, from, shape->layout->bytes);
}

/* What was just read needs no writing. */
static void forget_changes(struct window *window, struct start *start)
{
	window->due_count -= start->changed.count > 0 && !start->is_full_due;
	for (uint32_t i = 0; i < start->changed.count; i++) {
		const struct window_key *key =
			window_keys_at(&window->keys, start->changed.data[i]);

		pane_set_changed(window_pane_of(window, key, start->number), false);
	}
	start->changed.count = 0;
}

int window_load(struct window *window, int64_t start_ms, uint32_t row, struct slice content,
		struct err_note *why)
{
	struct byte_reader reader = byte_reader_of(content);
	struct cell_total from = {0};
	int64_t number = window_number(window, start_ms);
	uint32_t count = 0, index;

	while (count == 0 || reader.left > 0) {
		struct slice key;

		if (!read_pane(window, &reader, &key, from.aggregates)) {
			cells_release(window->shape.layout, from.aggregates, window->shape.memory);
			return err_set(why, ERR_CORRUPT, "pane %u of row %u is damaged", count,
				       row);
		}
		load_pane(window, number, key, from.aggregates);
		count++;
	}
	index = window_find_start(window, number);
	/* Not there: no key of it had room. */
	if (index < window->start_count && window->starts[index].number == number) {
		struct start *start = &window->starts[index];

		forget_changes(window, start);
		start->row_count = row + 1;
		start->row_groups += count;
	}
	return 0;
}
