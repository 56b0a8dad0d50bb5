/* A loop writes one byte (0 or 1) for each of 64 values; then eight of them become eight bits by
 * one multiplication.
 */
#include "core/filter/lanes.h"

#define INLINE static inline __attribute__((always_inline))

INLINE uint64_t bits_of(const uint8_t flags[64])
{
	uint64_t bits = 0;

	for (unsigned i = 0; i < 8; i++) {
		uint64_t eight;

		memcpy(&eight, flags + 8 * i, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		eight = __builtin_bswap64(eight);
#endif
		bits |= (eight * 0x0102040810204080u >> 56) << (8 * i);
	}
	return bits;
}

static uint64_t equal(const struct value *values, const struct lanes_pattern *pattern)
{
	uint64_t mask0 = pattern->mask[0], wanted0 = pattern->wanted[0];
	uint64_t mask1 = pattern->mask[1], wanted1 = pattern->wanted[1];
	uint8_t flags[64];

	for (unsigned i = 0; i < 64; i++) {
		uint64_t words[2];

		memcpy(words, &values[i], sizeof(words));
		flags[i] = ((words[0] & mask0) == wanted0) & ((words[1] & mask1) == wanted1);
	}
	return bits_of(flags);
}

INLINE uint64_t number(const struct value *values, enum lanes_comparison comparison,
		       double constant)
{
	uint8_t flags[64];

	for (unsigned i = 0; i < 64; i++) {
		uint64_t is_integer = values[i].type == VALUE_INT, raw, converted, bits;
		double from_integer, value;
		int64_t integer;
		bool holds;

		memcpy(&integer, &values[i].as, 8);
		from_integer = (double)integer;
		memcpy(&raw, &values[i].as, 8);
		memcpy(&converted, &from_integer, 8);
		bits = raw ^ ((raw ^ converted) & (0 - is_integer));
		memcpy(&value, &bits, 8);
		if (comparison == LANES_EQ)
			holds = value == constant;
		else if (comparison == LANES_NE)
			holds = value != constant;
		else if (comparison == LANES_LT)
			holds = value < constant;
		else if (comparison == LANES_LE)
			holds = value <= constant;
		else if (comparison == LANES_GT)
			holds = value > constant;
		else
			holds = value >= constant;
		flags[i] = (uint8_t)(holds & (is_integer | (values[i].type == VALUE_FLOAT)));
	}
	return bits_of(flags);
}

#define NUMBER(NAME, text, orders)                                                                 \
	static uint64_t number_##NAME(const struct value *values, double constant)                 \
	{                                                                                          \
		return number(values, LANES_##NAME, constant);                                     \
	}
COMPARISON_LIST(NUMBER)
#undef NUMBER

INLINE uint64_t bytes_of(const char *text, size_t width)
{
	uint64_t bytes = 0;

	memcpy(&bytes, text, width);
	return bytes;
}

/* The first and the last `width` bytes, which overlap or meet; a loop for each width. */
INLINE uint64_t ends_of(const struct value *values, uint64_t candidates, const char *text,
			uint32_t length, size_t width)
{
	uint64_t head = bytes_of(text, width), tail = bytes_of(text + length - width, width);
	uint64_t hits = 0;

	for (uint64_t left = candidates; left != 0; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);
		const char *found = values[i].as.text;
		uint64_t differ = (bytes_of(found, width) ^ head) |
				  (bytes_of(found + length - width, width) ^ tail);

		hits |= (uint64_t)(differ == 0) << i;
	}
	return hits;
}

static uint64_t ends(const struct value *values, uint64_t candidates, const char *text,
		     uint32_t length)
{
	if (length >= 8)
		return ends_of(values, candidates, text, length, 8);
	if (length >= 4)
		return ends_of(values, candidates, text, length, 4);
	if (length >= 2)
		return ends_of(values, candidates, text, length, 2);
	return ends_of(values, candidates, text, length, 1);
}

const struct lanes lanes_portable = {
	.equal = equal,
#define NUMBER_ROW(NAME, text, orders) .number[LANES_##NAME] = number_##NAME,
	COMPARISON_LIST(NUMBER_ROW)
#undef NUMBER_ROW
		.ends = ends,
};
