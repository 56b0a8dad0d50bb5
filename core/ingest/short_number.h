/** short_number.h - numbers of up to eight characters, all characters at once.
 *
 *      "106.59"  ->  00106.59  ->  point taken out, 00010659  ->  10659 / 10^2
 *
 *  The value and the power of ten are exact doubles, so one division rounds correctly (Clinger
 *  1990, "How to read floating point numbers accurately"). The eight digits are added up in three
 *  multiplications (Lemire, "Quickly parsing eight digits").
 */
#ifndef TOCSIN_CORE_INGEST_SHORT_NUMBER_H
#define TOCSIN_CORE_INGEST_SHORT_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/model/value.h"

enum { SHORT_NUMBER_READS = 9 }; /**< bytes that must be readable from `text` */

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

/** Sum of eight digits; the byte order is that of the text. */
static inline uint32_t short_number_sum(uint64_t digits)
{
	digits = digits * 10 + (digits >> 8);
	digits = ((digits & 0x000000FF000000FF) * 0x000F424000000064 +
		  ((digits >> 16) & 0x000000FF000000FF) * 0x0000271000000001) >>
		 32;
	return (uint32_t)digits;
}

/** A number in JSON's grammar without exponent; false: longer, something else, or -0.0:
 *  look closer. `length` is not 0. */
static inline bool short_number(const char *text, size_t length, struct value *out)
{
	static const double power[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7};
	const uint64_t ones = 0x0101010101010101ull, tops = 0x8080808080808080ull;
	int64_t sign = 1;
	uint64_t word;
	if (__builtin_expect(*text == '-', 0)) {
		sign = -1;
		text++;
		length--;
	}
	if (length - 1 > 7)
		return false;
	memcpy(&word, text, sizeof(word));
	/* A zero in front of something else than a point. */
	if ((char)word == '0' && length > 1 && (char)(word >> 8) != '.')
		return false;
	/* To the right, with zeros in front; two shifts, because one by 64 is none. */
	uint32_t bits = 8 * (uint32_t)length;
	word = word << (64 - bits) | (ones * '0' >> (bits - 1)) >> 1;
	uint64_t marks = ~word & ones * 16; /* a point has not this bit, digits have it */
	if (marks == 0) {
		word ^= ones * '0';
		if ((word | (word + ones * 0x76)) & tops)
			return false;
		*out = (struct value){.type = VALUE_INT,
				      .as.integer = sign * short_number_sum(word)};
		return true;
	}
	uint32_t at = (uint32_t)__builtin_ctzll(marks) & 56; /* bits in front of the point */
	uint64_t front = (1ull << at) - 1;
	if ((word >> at & 255) != '.' || at == 56 || at == 64 - bits)
		return false;
	uint64_t digits = ((word & front) << 8 | '0' | (word & ~front << 8)) ^ ones * '0';
	if ((digits | (digits + ones * 0x76)) & tops)
		return false;
	int64_t sum = sign * short_number_sum(digits);
	*out = (struct value){.type = VALUE_FLOAT, .as.number = (double)sum / power[7 - at / 8]};
	return sum != 0 || sign > 0;
}

#else

static inline bool short_number(const char *text, size_t length, struct value *out)
{
	(void)text, (void)length, (void)out;
	return false;
}

#endif

#endif
