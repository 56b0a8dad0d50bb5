#include "core/model/dimension_hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/mem.h"
#include "core/model/batch.h"

uint64_t dimension_hash_long(uint64_t seed, const char *text, uint32_t length)
{
	return XXH3_64bits_withSeed(text, length, seed);
}

uint64_t dimension_hash(uint64_t seed, struct slice key)
{
	const unsigned char *at = (const unsigned char *)key.data;
	uint64_t hash = 0;
	size_t left = key.length;

	while (left > 0) {
		struct dimension_field field = {(const char *)at, (uint32_t)left, UINT8_MAX};
		size_t length = left;

		if (left >= DIMENSION_HEAD_BYTES)
			length = DIMENSION_HEAD_BYTES + ((size_t)at[1] << 8 | at[2]);
		if (length >= DIMENSION_HEAD_BYTES && length <= left && at[0] <= VALUE_STRING) {
			field.text += DIMENSION_HEAD_BYTES;
			field.length = (uint32_t)(length - DIMENSION_HEAD_BYTES);
			field.type = at[0];
		} else {
			length = left;
		}
		hash = dimension_hash_add(hash, dimension_field_hash(seed, &field));
		at += length;
		left -= length;
	}
	return hash;
}

void column_hashes_init(struct column_hashes *hashes, uint64_t seed)
{
	*hashes = (struct column_hashes){.seed = seed};
}

void column_hashes_deinit(struct column_hashes *hashes)
{
	for (uint32_t i = 0; i < hashes->capacity; i++)
		mem_free(hashes->hashes[i]);
	mem_free(hashes->hashes);
	mem_free(hashes->is_known);
	column_hashes_init(hashes, hashes->seed);
}

void column_hashes_begin(struct column_hashes *hashes, uint32_t column_count)
{
	if (hashes->capacity < column_count) {
		hashes->hashes = mem_grow(hashes->hashes, column_count, sizeof(*hashes->hashes));
		hashes->is_known =
			mem_grow(hashes->is_known, column_count, sizeof(*hashes->is_known));
		memset(hashes->hashes + hashes->capacity, 0,
		       (column_count - hashes->capacity) * sizeof(*hashes->hashes));
		hashes->capacity = column_count;
	}
	if (hashes->capacity > 0)
		memset(hashes->is_known, 0, hashes->capacity * sizeof(*hashes->is_known));
}

const uint64_t *column_hashes_get(struct column_hashes *hashes, const struct batch *batch,
				  uint32_t column)
{
	const struct value *values = batch->columns[column];
	uint64_t *out = hashes->hashes[column];
	uint64_t seed = hashes->seed; /* a member would be read again after each store */

	if (hashes->is_known[column])
		return out;
	if (out == NULL)
		out = hashes->hashes[column] = mem_alloc_array(BATCH_ROWS_MAX, sizeof(*out));
	for (uint32_t row = 0; row < batch->row_count; row++)
		out[row] = dimension_value_hash(seed, &values[row]);
	hashes->is_known[column] = true;
	return out;
}
