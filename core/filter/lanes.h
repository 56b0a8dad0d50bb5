/** lanes.h - 64 neighbouring values of a column tested at once, without a branch for each: values
 *  change from row to row, and a branch on them is guessed wrongly.
 *
 *  Measured per row (AVX2 / portable / a branch for each): boolean 0.2 / 1.2 / 1.9 ns, number
 *  0.4 / 1.8 / 7.5, string of 5 bytes 1.1 / 2.5 / 8.
 */
#ifndef TOCSIN_CORE_FILTER_LANES_H
#define TOCSIN_CORE_FILTER_LANES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/filter/order.h"
#include "core/model/value.h"

enum lanes_comparison {
#define LANES_ENUM(NAME, text, orders) LANES_##NAME,
	COMPARISON_LIST(LANES_ENUM)
#undef LANES_ENUM
		LANES_COMPARISONS
};

enum { LANES_ENDS_BYTES = 16 };

/** A value passes when (its words & mask) == wanted: a test of its type and of one other member. */
struct lanes_pattern {
	uint64_t mask[2], wanted[2];
};

struct lanes {
	/** Bit i: values[i] has the pattern. Texts are not followed. */
	uint64_t (*equal)(const struct value *values, const struct lanes_pattern *pattern);
	/** Bit i: values[i] is a number, and (as a double) compares so with `number`. */
	uint64_t (*number[LANES_COMPARISONS])(const struct value *values, double number);
	/** Bit i of `candidates` (strings with `length` bytes at least, which is 1 or more) stays
	 *  when the first bytes are those of `text`: all of them up to LANES_ENDS_BYTES, of more
	 *  the first 8 and the last 8. */
	uint64_t (*ends)(const struct value *values, uint64_t candidates, const char *text,
			 uint32_t length);
};

extern const struct lanes lanes_portable;
const struct lanes *lanes_avx2(void); /**< NULL: not on this machine */

static inline const struct lanes *lanes_best(void)
{
	const struct lanes *avx2 = lanes_avx2();

	return avx2 != NULL ? avx2 : &lanes_portable;
}

/** `mask` and `wanted` are zero except in the members that are compared. */
static inline struct lanes_pattern lanes_pattern_of(const struct value *mask,
						    const struct value *wanted)
{
	struct lanes_pattern pattern;

	memcpy(pattern.mask, mask, sizeof(pattern.mask));
	memcpy(pattern.wanted, wanted, sizeof(pattern.wanted));
	return pattern;
}

static inline struct lanes_pattern lanes_pattern_of_type(enum value_type type)
{
	struct value mask, wanted;

	memset(&mask, 0, sizeof(mask));
	memset(&wanted, 0, sizeof(wanted));
	mask.type = UINT8_MAX;
	wanted.type = (uint8_t)type;
	return lanes_pattern_of(&mask, &wanted);
}

static inline struct lanes_pattern lanes_pattern_of_boolean(bool boolean)
{
	struct value mask, wanted;
	uint8_t all = UINT8_MAX;

	memset(&mask, 0, sizeof(mask));
	memset(&wanted, 0, sizeof(wanted));
	mask.type = UINT8_MAX;
	wanted.type = VALUE_BOOL;
	memcpy(&mask.as, &all, 1);
	memcpy(&wanted.as, &boolean, 1);
	return lanes_pattern_of(&mask, &wanted);
}

static inline struct lanes_pattern lanes_pattern_of_string(uint32_t length)
{
	struct value mask, wanted;

	memset(&mask, 0, sizeof(mask));
	memset(&wanted, 0, sizeof(wanted));
	mask.type = UINT8_MAX;
	mask.length = UINT32_MAX;
	wanted.type = VALUE_STRING;
	wanted.length = length;
	return lanes_pattern_of(&mask, &wanted);
}

#endif
