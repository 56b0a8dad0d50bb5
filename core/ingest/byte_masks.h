/** byte_masks.h - 64 bytes compared at a time: bit i of a mask tells about byte i.
 *
 *  Three ways with the same answers: AVX2 (only inside functions compiled for it), SSE2 (every
 *  x86-64), and plain integers (every other machine). Code that uses them is written once, as an
 *  inline function that gets the way as a constant argument, and compiled twice:
 *
 *      static inline ALWAYS_INLINE void scan(..., byte_masks_of *masks_of) { ... }
 *      AVX2_FUNCTION static void scan_avx2(...) { scan(..., byte_masks_avx2); }
 *      static void scan_portable(...) { scan(..., byte_masks_portable); }
 *
 *  avx2_is_here() chooses at run time.
 */
#ifndef TOCSIN_CORE_INGEST_BYTE_MASKS_H
#define TOCSIN_CORE_INGEST_BYTE_MASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/base/avx2.h"

#define ALWAYS_INLINE __attribute__((always_inline))

enum { BYTE_MASK_BYTES = 64 };

/** Three characters; the last two are the special ones. */
struct byte_choice {
	char plain;
	char special[2];
};

struct byte_masks {
	uint64_t any;      /**< one of the three */
	uint64_t special;  /**< one of the special two */
	uint64_t has_high; /**< not 0: some byte is not ASCII */
};

/** Place of the first bit; any number up to 64 when there is none. */
typedef uint32_t byte_mask_first_of(uint64_t mask);

/** `text` has 64 readable bytes. */
typedef struct byte_masks byte_masks_of(const char *text, struct byte_choice choice);

#if defined(__x86_64__)

AVX2_FUNCTION static inline uint64_t byte_mask_avx2(__m256i low, __m256i high)
{
	return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
							     << 32;
}

AVX2_FUNCTION static inline __m256i byte_equal_avx2(__m256i bytes, char c)
{
	return _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(c));
}

AVX2_FUNCTION static inline struct byte_masks byte_masks_avx2(const char *text,
							      struct byte_choice choice)
{
	__m256i low = _mm256_loadu_si256((const __m256i *)(const void *)text);
	__m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(text + 32));
	__m256i low_special = _mm256_or_si256(byte_equal_avx2(low, choice.special[0]),
					      byte_equal_avx2(low, choice.special[1]));
	__m256i high_special = _mm256_or_si256(byte_equal_avx2(high, choice.special[0]),
					       byte_equal_avx2(high, choice.special[1]));
	__m256i low_any = _mm256_or_si256(low_special, byte_equal_avx2(low, choice.plain));
	__m256i high_any = _mm256_or_si256(high_special, byte_equal_avx2(high, choice.plain));
	return (struct byte_masks){
		.any = byte_mask_avx2(low_any, high_any),
		.special = byte_mask_avx2(low_special, high_special),
		.has_high = (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(low, high)),
	};
}

AVX2_FUNCTION static inline uint32_t byte_mask_first_avx2(uint64_t mask)
{
	return (uint32_t)_tzcnt_u64(mask);
}

static inline struct byte_masks byte_masks_portable(const char *text, struct byte_choice choice)
{
	struct byte_masks masks = {0};
	for (unsigned i = 0; i < BYTE_MASK_BYTES; i += 16) {
		__m128i part = _mm_loadu_si128((const __m128i *)(const void *)(text + i));
		__m128i special =
			_mm_or_si128(_mm_cmpeq_epi8(part, _mm_set1_epi8(choice.special[0])),
				     _mm_cmpeq_epi8(part, _mm_set1_epi8(choice.special[1])));
		__m128i any =
			_mm_or_si128(special, _mm_cmpeq_epi8(part, _mm_set1_epi8(choice.plain)));
		masks.any |= (uint64_t)(uint32_t)_mm_movemask_epi8(any) << i;
		masks.special |= (uint64_t)(uint32_t)_mm_movemask_epi8(special) << i;
		masks.has_high |= (uint32_t)_mm_movemask_epi8(part);
	}
	return masks;
}

#else

static inline struct byte_masks byte_masks_portable(const char *text, struct byte_choice choice)
{
	struct byte_masks masks = {0};
	for (unsigned i = 0; i < BYTE_MASK_BYTES; i++) {
		bool is_special = text[i] == choice.special[0] || text[i] == choice.special[1];
		masks.any |= (uint64_t)(is_special || text[i] == choice.plain) << i;
		masks.special |= (uint64_t)is_special << i;
		masks.has_high |= (unsigned char)text[i] & 0x80;
	}
	return masks;
}

#endif

static inline uint32_t byte_mask_first_portable(uint64_t mask)
{
	return (uint32_t)__builtin_ctzll(mask | 1ull << 63);
}

#endif
