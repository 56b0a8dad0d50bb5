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
 *  byte_masks_has_avx2() chooses at run time.
 */
#ifndef TOCSIN_CORE_INGEST_BYTE_MASKS_H
#define TOCSIN_CORE_INGEST_BYTE_MASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define AVX2_FUNCTION __attribute__((target("avx2,bmi,bmi2,popcnt,lzcnt")))
#endif

#define ALWAYS_INLINE __attribute__((always_inline))

enum { BYTE_MASK_BYTES = 64 };

/** Where three characters of the caller's choice are, and bytes that are not ASCII. */
struct byte_masks {
	uint64_t first;
	uint64_t second;
	uint64_t third;
	uint64_t high;
};

/** The characters, in the order of the masks. */
struct byte_choice {
	char first;
	char second;
	char third;
};

/** Place of the first bit; any number up to 64 when there is none. */
typedef uint32_t byte_mask_first_of(uint64_t mask);

/** `text` has 64 readable bytes. */
typedef struct byte_masks byte_masks_of(const char *text, struct byte_choice choice);

#if defined(__x86_64__)

static inline bool byte_masks_has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
	       __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
}

AVX2_FUNCTION static inline uint64_t byte_mask_avx2(__m256i low, __m256i high)
{
	return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high)
							     << 32;
}

AVX2_FUNCTION static inline uint64_t byte_equal_avx2(__m256i low, __m256i high, char c)
{
	__m256i wanted = _mm256_set1_epi8(c);
	return byte_mask_avx2(_mm256_cmpeq_epi8(low, wanted), _mm256_cmpeq_epi8(high, wanted));
}

AVX2_FUNCTION static inline struct byte_masks byte_masks_avx2(const char *text,
							      struct byte_choice choice)
{
	__m256i low = _mm256_loadu_si256((const __m256i *)(const void *)text);
	__m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(text + 32));
	return (struct byte_masks){
		.first = byte_equal_avx2(low, high, choice.first),
		.second = byte_equal_avx2(low, high, choice.second),
		.third = byte_equal_avx2(low, high, choice.third),
		.high = byte_mask_avx2(low, high),
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
		__m128i first = _mm_cmpeq_epi8(part, _mm_set1_epi8(choice.first));
		__m128i second = _mm_cmpeq_epi8(part, _mm_set1_epi8(choice.second));
		__m128i third = _mm_cmpeq_epi8(part, _mm_set1_epi8(choice.third));
		masks.first |= (uint64_t)(uint32_t)_mm_movemask_epi8(first) << i;
		masks.second |= (uint64_t)(uint32_t)_mm_movemask_epi8(second) << i;
		masks.third |= (uint64_t)(uint32_t)_mm_movemask_epi8(third) << i;
		masks.high |= (uint64_t)(uint32_t)_mm_movemask_epi8(part) << i;
	}
	return masks;
}

#else

static inline struct byte_masks byte_masks_portable(const char *text, struct byte_choice choice)
{
	struct byte_masks masks = {0};
	for (unsigned i = 0; i < BYTE_MASK_BYTES; i++) {
		masks.first |= (uint64_t)(text[i] == choice.first) << i;
		masks.second |= (uint64_t)(text[i] == choice.second) << i;
		masks.third |= (uint64_t)(text[i] == choice.third) << i;
		masks.high |= (uint64_t)((unsigned char)text[i] >> 7) << i;
	}
	return masks;
}

#endif

static inline uint32_t byte_mask_first_portable(uint64_t mask)
{
	return (uint32_t)__builtin_ctzll(mask | 1ull << 63);
}

#endif
