#include "core/ingest/grouping_keys.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/model/span.h"

/* A row of a list costs little more than one of all. */
enum { SPARSE_RATIO = 2 };

void grouping_keys_init(struct grouping_keys *keys, uint64_t seed)
{
	*keys = (struct grouping_keys){0};
	column_hashes_init(&keys->columns, seed);
}

void grouping_keys_deinit(struct grouping_keys *keys)
{
	for (uint32_t i = 0; i < keys->starts_count; i++)
		mem_free(keys->starts[i].starts);
	for (uint32_t i = 0; i < keys->keys_count; i++)
		mem_free(keys->keys[i].hashes);
	mem_free(keys->starts);
	mem_free(keys->keys);
	column_hashes_deinit(&keys->columns);
}

uint32_t grouping_keys_add_starts(struct grouping_keys *keys, int64_t pane_ms)
{
	for (uint32_t i = 0; i < keys->starts_count; i++)
		if (keys->starts[i].pane_ms == pane_ms)
			return i;
	keys->starts = mem_grow(keys->starts, keys->starts_count + 1u, sizeof(*keys->starts));
	keys->starts[keys->starts_count] = (struct pane_starts){
		.pane_ms = pane_ms,
		.starts = mem_alloc_array(BATCH_ROWS_MAX, sizeof(int64_t)),
	};
	return keys->starts_count++;
}

uint32_t grouping_keys_add(struct grouping_keys *keys, const uint32_t *columns,
			   uint32_t column_count)
{
	size_t bytes = column_count * sizeof(*columns);
	for (uint32_t i = 0; i < keys->keys_count; i++)
		if (keys->keys[i].column_count == column_count &&
		    (bytes == 0 || memcmp(keys->keys[i].columns, columns, bytes) == 0))
			return i;
	keys->keys = mem_grow(keys->keys, keys->keys_count + 1u, sizeof(*keys->keys));
	struct key_hashes *added = &keys->keys[keys->keys_count];
	*added = (struct key_hashes){.column_count = column_count};
	if (bytes > 0)
		memcpy(added->columns, columns, bytes);
	if (column_count != 1)
		added->hashes = mem_alloc_array(BATCH_ROWS_MAX, sizeof(*added->hashes));
	return keys->keys_count++;
}

void grouping_keys_begin(struct grouping_keys *keys, const struct batch *batch)
{
	int64_t min_ms = INT64_MAX, max_ms = INT64_MIN;
	for (uint32_t row = 0; row < batch->row_count; row++) {
		int64_t time_ms = batch->time_ms[row];
		min_ms = time_ms < min_ms ? time_ms : min_ms;
		max_ms = time_ms > max_ms ? time_ms : max_ms;
	}
	keys->min_ms = min_ms;
	keys->max_ms = max_ms;
	for (uint32_t i = 0; i < keys->starts_count; i++)
		keys->starts[i].is_known = false;
	for (uint32_t i = 0; i < keys->keys_count; i++)
		keys->keys[i].is_known = false;
	column_hashes_begin(&keys->columns, batch->column_count);
}

const struct pane_starts *grouping_keys_starts(struct grouping_keys *keys,
					       const struct batch *batch, uint32_t number)
{
	struct pane_starts *starts = &keys->starts[number];
	if (starts->is_known)
		return starts;
	starts->is_known = true;
	int64_t start_ms = span_floor(keys->min_ms, starts->pane_ms);
	starts->is_one = !batch->has_marks && keys->max_ms - start_ms < starts->pane_ms;
	starts->starts[0] = start_ms;
	/* Neighbours are mostly in one pane, so the division is rare. */
	for (uint32_t row = 0; row < batch->row_count && !starts->is_one; row++) {
		int64_t time_ms = batch->time_ms[row];
		if (time_ms < start_ms || time_ms - start_ms >= starts->pane_ms)
			start_ms = span_floor(time_ms, starts->pane_ms);
		starts->starts[row] = start_ms;
	}
	for (uint32_t row = 0; row < batch->row_count && batch->has_marks; row++)
		starts->starts[row] += batch->marks[row];
	return starts;
}

static uint64_t row_hash(const struct grouping_keys *keys, const struct key_hashes *by,
			 const struct batch *batch, uint32_t row)
{
	uint64_t hash = 0;
	for (uint32_t i = 0; i < by->column_count; i++) {
		const struct value *value = &batch->columns[by->columns[i]][row];
		hash = dimension_hash_add(hash, dimension_value_hash(keys->columns.seed, value));
	}
	return hash;
}

void grouping_keys_hash(struct grouping_keys *keys, const struct batch *batch, uint32_t number,
			const uint16_t *rows, uint32_t row_count, const uint64_t **all,
			uint64_t *some)
{
	struct key_hashes *by = &keys->keys[number];
	*all = NULL;
	if (!by->is_known && row_count < batch->row_count / SPARSE_RATIO) {
		for (uint32_t i = 0; i < row_count; i++)
			some[i] = row_hash(keys, by, batch, rows[i]);
		return;
	}
	if (by->column_count == 1) {
		*all = column_hashes_get(&keys->columns, batch, by->columns[0]);
		by->is_known = true;
		return;
	}
	*all = by->hashes;
	if (by->is_known)
		return;
	by->is_known = true;
	memset(by->hashes, 0, batch->row_count * sizeof(*by->hashes));
	for (uint32_t i = 0; i < by->column_count; i++) {
		const uint64_t *column = column_hashes_get(&keys->columns, batch, by->columns[i]);
		for (uint32_t row = 0; row < batch->row_count; row++)
			by->hashes[row] = dimension_hash_add(by->hashes[row], column[row]);
	}
}

uint32_t grouping_keys_write(const struct key_hashes *by, const struct batch *batch, uint32_t row,
			     char out[GROUPING_KEY_BYTES_MAX])
{
	char buffer[NUMBER_TEXT_BYTES_MAX];
	char *at = out;
	for (uint32_t i = 0; i < by->column_count; i++) {
		struct dimension_field field =
			dimension_field_of(&batch->columns[by->columns[i]][row], buffer);
		at += dimension_write(at, &field);
	}
	return (uint32_t)(at - out);
}

/** By bytes: for numbers, whose text is made again, and texts that are cut. */
static bool equal_written(const struct key_hashes *by, const struct batch *batch, uint32_t row,
			  struct slice key)
{
	char text[GROUPING_KEY_BYTES_MAX];
	uint32_t length = grouping_keys_write(by, batch, row, text);
	return length == key.length && (length == 0 || memcmp(text, key.data, length) == 0);
}

bool grouping_keys_equal_fields(const struct key_hashes *by, const struct batch *batch,
				uint32_t row, struct slice key)
{
	const char *at = key.data, *end = key.data + key.length;
	for (uint32_t i = 0; i < by->column_count; i++) {
		const struct value *value = &batch->columns[by->columns[i]][row];
		uint32_t length = value->length;
		if (value->type != VALUE_STRING || length > DIMENSION_VALUE_BYTES_MAX)
			return equal_written(by, batch, row, key);
		if ((size_t)(end - at) < DIMENSION_HEAD_BYTES + length || at[0] != VALUE_STRING ||
		    ((uint32_t)(uint8_t)at[1] << 8 | (uint8_t)at[2]) != length ||
		    !short_text_equal(at + DIMENSION_HEAD_BYTES, value->as.text, length))
			return false;
		at += DIMENSION_HEAD_BYTES + length;
	}
	return at == end;
}
