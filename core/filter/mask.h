/** mask.h - rows of a batch as bits, one for each row. Plain values, 128 bytes. */
#ifndef TOCSIN_CORE_FILTER_MASK_H
#define TOCSIN_CORE_FILTER_MASK_H

#include <stdint.h>

#include "core/model/batch.h"

enum { MASK_WORDS = BATCH_ROWS_MAX / 64 };

struct mask {
	uint64_t words[MASK_WORDS];
};

static inline struct mask mask_of_first(uint32_t count)
{
	struct mask mask;

	for (uint32_t word = 0; word < MASK_WORDS; word++) {
		uint32_t before = word * 64;

		if (count >= before + 64)
			mask.words[word] = UINT64_MAX;
		else
			mask.words[word] = count > before ? (1ULL << (count - before)) - 1 : 0;
	}
	return mask;
}

static inline bool mask_has(const struct mask *mask, uint32_t row)
{
	return mask->words[row / 64] >> (row % 64) & 1;
}

static inline void mask_add(struct mask *mask, uint32_t row)
{
	mask->words[row / 64] |= 1ULL << (row % 64);
}

/** Baseline machines have no instruction for it, and the compiler would call a function. */
static inline uint32_t mask_word_count(uint64_t word)
{
	word -= word >> 1 & 0x5555555555555555u;
	word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
	word = (word + (word >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
	return (uint32_t)(word * 0x0101010101010101u >> 56);
}

static inline uint32_t mask_count(const struct mask *mask)
{
	uint32_t count = 0;

	for (uint32_t word = 0; word < MASK_WORDS; word++)
		count += mask_word_count(mask->words[word]);
	return count;
}

/** Row numbers, ascending, to `rows` [BATCH_ROWS_MAX]; returns how many. */
static inline uint32_t mask_rows(const struct mask *mask, uint16_t *rows)
{
	uint32_t count = 0;

	for (uint32_t word = 0; word < MASK_WORDS; word++) {
		uint64_t left = mask->words[word];

		if (left == UINT64_MAX) {
			for (uint32_t bit = 0; bit < 64; bit++)
				rows[count + bit] = (uint16_t)(word * 64 + bit);
			count += 64;
			continue;
		}
		for (; left != 0; left &= left - 1)
			rows[count++] = (uint16_t)(word * 64 + (uint32_t)__builtin_ctzll(left));
	}
	return count;
}

#endif
