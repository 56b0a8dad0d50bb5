/* The walk for machines without AVX2: characters eight at a time as bytes of a number. */
#include "core/ingest/shape_internal.h"

#include <endian.h>
#include <string.h>

#include "core/ingest/decode_json.h"
#include "core/ingest/byte_masks.h"
#include "core/ingest/decode_time.h"
#include "core/ingest/short_time.h"
#include "core/model/batch.h"

#define WALK_CODE
#define WALK_NAME shape_walk_portable

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/** Nothing: integers are as fast as constants. */
struct patterns {
	char none;
};

static inline struct patterns patterns_make(void)
{
	return (struct patterns){0};
}

/** The first byte is the lowest. */
static inline uint64_t load_8(const void *at)
{
	uint64_t text;
	memcpy(&text, at, sizeof(text));
	return le64toh(text);
}

/* In each of the masks below the lowest set bit is right; those above it may be carried over. */

static inline uint64_t equal_8(uint64_t text, unsigned char byte)
{
	uint64_t rest = text ^ EACH_BYTE(byte);
	return (rest - EACH_BYTE(0x01)) & ~rest & EACH_BYTE(0x80);
}

static inline uint64_t control_8(uint64_t text)
{
	return (text - EACH_BYTE(0x20)) & ~text & EACH_BYTE(0x80);
}

static inline bool literal_begins(const struct shape_node *node, const char *text)
{
	size_t length = node->literal_bytes;
	if (length > SHAPE_LITERAL_BYTES)
		length = SHAPE_LITERAL_BYTES;
	return memcmp(node->literal, text, length) == 0;
}

static inline const char *text_find(const char *at, bool *has_high)
{
	for (;; at += 8) {
		uint64_t text = load_8(at);
		uint64_t found = equal_8(text, '"') | equal_8(text, '\\') | control_8(text);
		uint64_t high = text & EACH_BYTE(0x80);
		if (found) {
			*has_high |= (high & ((found & -found) - 1)) != 0;
			return at + (unsigned)__builtin_ctzll(found) / 8;
		}
		*has_high |= high != 0;
	}
}

static inline const char *text_begins(const struct patterns *patterns, const char *text)
{
	(void)patterns;
	bool has_high = false;
	const char *end = text_find(text, &has_high);
	return *end == '"' && !has_high ? end : NULL;
}

/** A number of up to 15 characters without sign and exponent. */
struct digits {
	int64_t sum;
	long fraction_count; /**< digits behind the point; negative: there is none */
};

static inline const char *digits_find(const struct patterns *patterns, const char *text,
				      struct digits *digits)
{
	(void)patterns;
	const char *at = text, *point = NULL;
	int64_t sum = 0;
	for (; at - text < 16; at++) {
		unsigned digit = (unsigned char)*at - (unsigned)'0';
		if (digit <= 9)
			sum = sum * 10 + digit;
		else if (*at == '.' && !point)
			point = at;
		else
			break;
	}
	digits->sum = sum;
	digits->fraction_count = point ? at - point - 1 : -1;
	/* 1 to 15 characters, digits at both ends, no zero in front, one point, no exponent */
	bool is_plain = at > text && at - text < 16 && *text != '.' && at[-1] != '.' &&
			!(*text == '0' && at > text + 1 && text[1] != '.') && *at != '.' &&
			(*at | 0x20) != 'e';
	return is_plain ? at : NULL;
}

static inline struct value digits_value(const struct patterns *patterns, const char *text,
					const struct digits *digits, bool is_negative)
{
	struct value value = {.type = VALUE_INT};
	(void)patterns, (void)text;
	if (digits->fraction_count < 0) {
		value.as.integer = is_negative ? -digits->sum : digits->sum;
	} else {
		double number = (double)digits->sum / shape_powers[digits->fraction_count];
		value.type = VALUE_FLOAT;
		value.as.number = is_negative ? -number : number;
	}
	return value;
}

static inline bool mold_fits(const struct patterns *patterns, const struct shape_mold *mold,
			     const char *text)
{
	(void)patterns;
	uint64_t wrong = 0;
	for (uint32_t i = 0; i < mold->block_count * 32; i += 8) {
		const struct mold_block *block = &mold->blocks[i / 32];
		uint64_t bytes = load_8(text + i);
		uint64_t bad = equal_8(bytes, '"') | equal_8(bytes, '\\') | control_8(bytes) |
			       (bytes & EACH_BYTE(0x80));
		wrong |= (bytes ^ load_8(block->expected + i % 32)) & load_8(block->equal + i % 32);
		wrong |= bad & load_8(block->content + i % 32);
	}
	return wrong == 0;
}

#include "core/ingest/shape_walk.inc"
