/* The walk over 32 bytes at a time, for machines that have AVX2 and BMI. */
#include "core/ingest/shape_internal.h"

#if defined(__x86_64__)

#include <string.h>

#include "core/ingest/byte_masks.h"
#include "core/ingest/decode_json.h"
#include "core/ingest/decode_time.h"
#include "core/ingest/short_time.h"
#include "core/model/batch.h"

#define WALK_CODE AVX2_FUNCTION
#define WALK_NAME shape_walk_avx2

static inline AVX2_FUNCTION __m256i load_32(const void *at)
{
	return _mm256_loadu_si256((const __m256i *)at);
}

/** Constants that the compiler would make anew at each use, two instructions each. */
struct patterns {
	__m256i quote;
	__m256i escape;
	__m256i blank;
	__m128i zero_digit;
	__m128i nine;
	__m128i point;
};

static inline ALWAYS_INLINE AVX2_FUNCTION struct patterns patterns_make(void)
{
	struct patterns made = {
		.quote = _mm256_set1_epi8('"'),
		.escape = _mm256_set1_epi8('\\'),
		.blank = _mm256_set1_epi8(' '),
		.zero_digit = _mm_set1_epi8('0'),
		.nine = _mm_set1_epi8(9),
		.point = _mm_set1_epi8('.'),
	};
	__asm__("" : "+x"(made.quote), "+x"(made.escape), "+x"(made.blank));
	__asm__("" : "+x"(made.zero_digit), "+x"(made.nine), "+x"(made.point));
	return made;
}

static inline AVX2_FUNCTION uint32_t mask_32(__m256i bytes)
{
	return (uint32_t)_mm256_movemask_epi8(bytes);
}

static inline AVX2_FUNCTION bool literal_begins(const struct shape_node *node, const char *text)
{
	uint32_t equal = mask_32(_mm256_cmpeq_epi8(load_32(text), load_32(node->literal)));
	return (~equal & node->literal_mask) == 0;
}

static inline ALWAYS_INLINE AVX2_FUNCTION const char *text_begins(const struct patterns *patterns,
								  const char *text)
{
	__m256i bytes = load_32(text);
	uint32_t quotes = mask_32(_mm256_cmpeq_epi8(bytes, patterns->quote));
	/* As signed numbers control characters and bytes that are not ASCII are below a blank. */
	__m256i bad = _mm256_or_si256(_mm256_cmpeq_epi8(bytes, patterns->escape),
				      _mm256_cmpgt_epi8(patterns->blank, bytes));
	if (quotes == 0 || (mask_32(bad) & _blsmsk_u32(quotes)))
		return NULL;
	return text + _tzcnt_u32(quotes);
}

static inline AVX2_FUNCTION const char *text_find(const char *at, bool *has_high)
{
	const __m256i quote = _mm256_set1_epi8('"'), escape = _mm256_set1_epi8('\\');
	const __m256i control_max = _mm256_set1_epi8(0x1F);
	for (;; at += 32) {
		__m256i bytes = load_32(at);
		__m256i is_control = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, control_max), bytes);
		uint32_t found = mask_32(_mm256_or_si256(
			is_control, _mm256_or_si256(_mm256_cmpeq_epi8(bytes, quote),
						    _mm256_cmpeq_epi8(bytes, escape))));
		uint32_t high = mask_32(bytes);
		if (found) {
			*has_high |= (high & (_blsmsk_u32(found) >> 1)) != 0;
			return at + _tzcnt_u32(found);
		}
		*has_high |= high != 0;
	}
}

/** A number of up to 15 characters without sign and exponent. */
struct digits {
	uint32_t count;  /**< characters, the point too */
	uint32_t points; /**< a bit where it is, or 0 */
};

static inline AVX2_FUNCTION __m128i load_16(const void *at)
{
	return _mm_loadu_si128((const __m128i *)at);
}

static inline ALWAYS_INLINE AVX2_FUNCTION const char *
digits_find(const struct patterns *patterns, const char *text, struct digits *digits)
{
	__m128i bytes = load_16(text);
	__m128i values = _mm_sub_epi8(bytes, patterns->zero_digit);
	__m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(values, patterns->nine), values);
	uint32_t digit_mask = (uint32_t)_mm_movemask_epi8(is_digit);
	uint32_t points = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, patterns->point));
	uint32_t count = _tzcnt_u32(~(digit_mask | points));
	points = _bzhi_u32(points, count);
	digits->count = count;
	digits->points = points;
	/* not too many, no exponent, no zero in front; one point, and not at the end */
	if (UNLIKELY(count > 15 || (text[count] | 0x20) == 'e'))
		return NULL;
	if (UNLIKELY(*text == '0' && (digit_mask & 2)))
		return NULL;
	if (points && UNLIKELY(_blsr_u32(points) || !(digit_mask >> (count - 1) & 1)))
		return NULL;
	return text + count;
}

/** The digits right-aligned, the point closed up; then neighbours are added up. */
static inline ALWAYS_INLINE AVX2_FUNCTION struct value digits_value(const struct patterns *patterns,
								    const char *text,
								    const struct digits *digits,
								    bool is_negative)
{
	/* From place[count] on, byte i comes from place i; a negative place gives zero. */
	static const int8_t places[32] = {-16, -15, -14, -13, -12, -11, -10, -9, -8, -7, -6,
					  -5,  -4,  -3,  -2,  -1,  0,   1,   2,  3,  4,  5,
					  6,   7,   8,   9,   10,  11,  12,  13, 14, 15};
	struct value value = {.type = VALUE_INT};
	__m128i place = load_16(places + digits->count);
	uint32_t point = _tzcnt_u32(digits->points);
	if (digits->points) {
		__m128i is_before = _mm_cmpgt_epi8(_mm_set1_epi8((char)(point + 1)), place);
		place = _mm_add_epi8(place, is_before);
	}
	__m128i values = _mm_shuffle_epi8(_mm_sub_epi8(load_16(text), patterns->zero_digit), place);
	__m128i twos = _mm_maddubs_epi16(values, _mm_set1_epi16(0x010A));
	__m128i fours = _mm_madd_epi16(twos, _mm_set1_epi32(0x00010064));
	__m128i packed = _mm_packus_epi32(fours, fours);
	__m128i eights = _mm_madd_epi16(packed, _mm_set1_epi32(0x00012710));
	uint64_t both = (uint64_t)_mm_cvtsi128_si64(eights);
	int64_t sum = (int64_t)((both & UINT32_MAX) * 100000000 + (both >> 32));
	if (!digits->points) {
		value.as.integer = is_negative ? -sum : sum;
	} else {
		double number = (double)sum / shape_powers[digits->count - 1 - point];
		value.type = VALUE_FLOAT;
		value.as.number = is_negative ? -number : number;
	}
	return value;
}

static inline ALWAYS_INLINE AVX2_FUNCTION bool
mold_fits(const struct patterns *patterns, const struct shape_mold *mold, const char *text)
{
	__m256i wrong = _mm256_setzero_si256();
	for (uint32_t i = 0; i < mold->block_count; i++) {
		const struct mold_block *block = &mold->blocks[i];
		__m256i bytes = load_32(text + (size_t)i * 32);
		__m256i is_equal = _mm256_cmpeq_epi8(bytes, load_32(block->expected));
		__m256i is_bad = _mm256_or_si256(
			_mm256_cmpgt_epi8(patterns->blank, bytes),
			_mm256_or_si256(_mm256_cmpeq_epi8(bytes, patterns->quote),
					_mm256_cmpeq_epi8(bytes, patterns->escape)));
		wrong = _mm256_or_si256(wrong,
					_mm256_andnot_si256(is_equal, load_32(block->equal)));
		wrong = _mm256_or_si256(wrong, _mm256_and_si256(is_bad, load_32(block->content)));
	}
	return _mm256_testz_si256(wrong, wrong);
}

#include "core/ingest/shape_walk.inc"

#endif
