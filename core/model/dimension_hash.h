/** dimension_hash.h - a seeded hash of a dimension key, field by field, from values or from bytes.
 *
 *  A column's values are hashed once for all metrics that group by it and for the equality index of
 *  filters; the hash of a key is made of its fields' hashes, and is the same when it is taken from
 *  the key's bytes. Values that are one key (30 and 30.0) have one hash.
 *  Short texts go through one folded multiplication with two secret words (as wyhash does), longer
 *  ones through XXH3: whoever does not know the seed cannot choose keys that collide.
 */
#ifndef TOCSIN_CORE_MODEL_DIMENSION_HASH_H
#define TOCSIN_CORE_MODEL_DIMENSION_HASH_H

#include <stdint.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/model/dimension.h"

struct batch;

enum { DIMENSION_HASH_SHORT_BYTES = 16 };

static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/** All bytes of a text of 4 to 16 bytes, some of them twice. Without a branch on the length: names
 *  differ in it from row to row, and it would be guessed wrongly. */
static inline void dimension_words(const char *text, uint32_t length, uint32_t words[4])
{
	uint32_t step = length >> 3 << 2;

	memcpy(&words[0], text, 4);
	memcpy(&words[1], text + step, 4);
	memcpy(&words[2], text + length - 4, 4);
	memcpy(&words[3], text + length - 4 - step, 4);
}

uint64_t dimension_hash_long(uint64_t seed, const char *text, uint32_t length);

static inline uint64_t dimension_field_hash(uint64_t seed, const struct dimension_field *field)
{
	uint64_t first = 0, last = 0;
	uint32_t length = field->length, words[4];
	uint64_t secret = seed ^ 0xA0761D6478BD642Fu,
		 other = hash_fold(secret, 0xE7037ED1A0B428DBu);
	const char *text = field->text;

	if (length >= 4 && length <= DIMENSION_HASH_SHORT_BYTES) {
		dimension_words(text, length, words);
		first = (uint64_t)words[0] << 32 | words[1];
		last = (uint64_t)words[2] << 32 | words[3];
	} else if (length > 0 && length < 4) {
		first = (uint64_t)(uint8_t)text[0] | (uint64_t)(uint8_t)text[length / 2] << 8 |
			(uint64_t)(uint8_t)text[length - 1] << 16;
	} else if (length > DIMENSION_HASH_SHORT_BYTES) {
		first = dimension_hash_long(seed, text, length);
	}
	last ^= ((uint64_t)length << 8 | field->type) * 0x9E3779B97F4A7C15u;
	return hash_fold(first ^ secret, last ^ other);
}

/** The key's hash grows by one field; that of no field is 0. */
static inline uint64_t dimension_hash_add(uint64_t hash, uint64_t field_hash)
{
	return hash * 0xD6E8FEB86659FD93u + field_hash;
}

static inline uint64_t dimension_value_hash(uint64_t seed, const struct value *value)
{
	char buffer[NUMBER_TEXT_BYTES_MAX];
	struct dimension_field field = {value->as.text, value->length, VALUE_STRING};

	if (value->type != VALUE_STRING || value->length > DIMENSION_VALUE_BYTES_MAX)
		field = dimension_field_of(value, buffer);
	return dimension_field_hash(seed, &field);
}

/** Of a key's bytes; of bytes that are no key, some hash. */
uint64_t dimension_hash(uint64_t seed, struct slice key);

/** The columns of one batch at a time, each hashed when it is first asked for. */
struct column_hashes {
	uint64_t seed;
	uint64_t **hashes; /**< [capacity][BATCH_ROWS_MAX]; NULL until first used */
	bool *is_known;    /**< of the batch at hand */
	uint32_t capacity;
};

void column_hashes_init(struct column_hashes *hashes, uint64_t seed);
void column_hashes_deinit(struct column_hashes *hashes);
/** Another batch begins; it has so many columns. */
void column_hashes_begin(struct column_hashes *hashes, uint32_t column_count);
/** Of all rows; borrowed until the next begin. */
const uint64_t *column_hashes_get(struct column_hashes *hashes, const struct batch *batch,
				  uint32_t column);

#endif
