/** grouping_keys.h - pane starts and hashed keys of a batch, shared by all metrics that ask alike.
 *
 *  Two metrics with one pane length share the starts; two with the same `by` fields share the
 *  hashes of the keys. Both are computed when first asked for in a batch. The bytes of a key are
 *  made only for a new group: a known one is compared with the values themselves.
 *  Owner: grouping_keys_init() caller's memory. Threads: one at a time.
 */
#ifndef TOCSIN_CORE_INGEST_GROUPING_KEYS_H
#define TOCSIN_CORE_INGEST_GROUPING_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/model/batch.h"
#include "core/model/dimension_hash.h"

struct intake;

enum {
	GROUPING_KEY_BYTES_MAX =
		DIMENSION_FIELDS_MAX * (DIMENSION_HEAD_BYTES + DIMENSION_VALUE_BYTES_MAX),
};

/** Of one pane length. */
struct pane_starts {
	int64_t pane_ms;
	bool is_known;   /**< of the batch at hand */
	bool is_one;     /**< all rows are in the pane of starts[0] */
	int64_t *starts; /**< with the rows' marks added (bundle.h) */
};

/** Of one list of `by` columns. */
struct key_hashes {
	uint32_t columns[DIMENSION_FIELDS_MAX];
	uint32_t column_count;
	bool is_known;
	uint64_t *hashes; /**< NULL with one column, whose hashes are those of the keys */
};

struct grouping_keys {
	struct pane_starts *starts;
	uint32_t starts_count;
	struct key_hashes *keys;
	uint32_t keys_count;
	struct column_hashes columns;
	int64_t min_ms, max_ms; /**< event times of the batch at hand */
};

void grouping_keys_init(struct grouping_keys *keys, uint64_t seed);
void grouping_keys_deinit(struct grouping_keys *keys);

/** The number of the (shared) starts or hashes; asked once for a metric. */
uint32_t grouping_keys_add_starts(struct grouping_keys *keys, int64_t pane_ms);
uint32_t grouping_keys_add(struct grouping_keys *keys, const uint32_t *columns,
			   uint32_t column_count);

void grouping_keys_begin(struct grouping_keys *keys, const struct batch *batch);

/** Starts of all rows' panes; borrowed until the next begin. */
const struct pane_starts *grouping_keys_starts(struct grouping_keys *keys,
					       const struct batch *batch, uint32_t number);

/** Key hashes of `rows`: *all is indexed by row when many are asked for, else `some` by place. */
void grouping_keys_hash(struct grouping_keys *keys, const struct batch *batch, uint32_t number,
			const uint16_t *rows, uint32_t row_count, const uint64_t **all,
			uint64_t *some);

/** The key of a row; returns its bytes. */
uint32_t grouping_keys_write(const struct key_hashes *by, const struct batch *batch, uint32_t row,
			     char out[GROUPING_KEY_BYTES_MAX]);

bool grouping_keys_equal_fields(const struct key_hashes *by, const struct batch *batch,
				uint32_t row, struct slice key);

/** Both have `length` bytes. */
static inline bool short_text_equal(const char *a, const char *b, size_t length)
{
	uint32_t x[4], y[4];

	if (length >= 4 && length <= DIMENSION_HASH_SHORT_BYTES) {
		dimension_words(a, (uint32_t)length, x);
		dimension_words(b, (uint32_t)length, y);
		return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3])) == 0;
	}
	return length == 0 || memcmp(a, b, length) == 0;
}

/** Is `key` that of the row? */
static inline bool grouping_keys_equal(const struct key_hashes *by, const struct batch *batch,
				       uint32_t row, struct slice key)
{
	const struct value *value = &batch->columns[by->columns[0]][row];

	/* One string: its type and the key's length leave nothing open but the text. */
	if (by->column_count == 1 && value->type == VALUE_STRING &&
	    value->length <= DIMENSION_VALUE_BYTES_MAX)
		return key.length == DIMENSION_HEAD_BYTES + value->length &&
		       key.data[0] == VALUE_STRING &&
		       short_text_equal(key.data + DIMENSION_HEAD_BYTES, value->as.text,
					value->length);
	return grouping_keys_equal_fields(by, batch, row, key);
}

#endif
