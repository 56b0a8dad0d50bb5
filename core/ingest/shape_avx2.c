/* The walk over 32 bytes at a time, for machines that have AVX2 and BMI. */
#include "core/ingest/shape_internal.h"

#if defined(__x86_64__)

#include <string.h>

#include "core/ingest/byte_masks.h"
#include "core/ingest/decode_json.h"
#include "core/ingest/decode_time.h"
#include "core/model/batch.h"

#define WALK_CODE AVX2_FUNCTION
#define WALK_NAME shape_walk_avx2

static inline AVX2_FUNCTION __m256i load_32(const void *at)
{
	return _mm256_loadu_si256((const __m256i *)at);
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

static inline AVX2_FUNCTION const char *text_begins(const char *text)
{
	__m256i bytes = load_32(text);
	uint32_t quotes = mask_32(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('"')));
	/* As signed numbers control characters and bytes that are not ASCII are below a blank. */
	__m256i bad = _mm256_or_si256(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\')),
				      _mm256_cmpgt_epi8(_mm256_set1_epi8(' '), bytes));
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

/** A number of up to 15 characters without exponent. */
struct digits {
	int count; /**< characters, the point too */
	int point; /**< where it is, or negative */
};

static inline AVX2_FUNCTION __m128i load_16(const char *at)
{
	return _mm_loadu_si128((const __m128i *)(const void *)at);
}

static inline AVX2_FUNCTION const char *digits_find(const char *text, struct digits *digits)
{
	__m128i bytes = load_16(text);
	__m128i values = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
	__m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8(9)), values);
	uint32_t digit_mask = (uint32_t)_mm_movemask_epi8(is_digit);
	uint32_t points = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('.')));
	uint32_t count = _tzcnt_u32(~(digit_mask | points));
	uint32_t inside = _bzhi_u32(points, count);
	/* A digit at both ends, one point at most, no zero in front, no exponent behind. */
	bool is_plain = count < 16 && (digit_mask & 1) && (digit_mask << 1 >> count & 1) &&
			(inside & (inside - 1)) == 0 && !(*text == '0' && (digit_mask & 2)) &&
			(text[count] | 0x20) != 'e';
	digits->count = (int)count;
	digits->point = inside ? (int)_tzcnt_u32(inside) : -1;
	return is_plain ? text + count : NULL;
}

static inline AVX2_FUNCTION uint64_t digits_sum(const char *text, const struct digits *digits)
{
	/* Right-aligned, the point closed up: byte i comes from place[i]; negative gives zero. */
	__m128i place =
		_mm_add_epi8(_mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
			     _mm_set1_epi8((char)(digits->count - 16)));
	if (digits->point >= 0)
		place = _mm_add_epi8(
			place, _mm_cmpgt_epi8(_mm_set1_epi8((char)(digits->point + 1)), place));
	__m128i values = _mm_shuffle_epi8(_mm_sub_epi8(load_16(text), _mm_set1_epi8('0')), place);
	__m128i twos = _mm_maddubs_epi16(
		values, _mm_setr_epi8(10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1));
	__m128i fours = _mm_madd_epi16(twos, _mm_setr_epi16(100, 1, 100, 1, 100, 1, 100, 1));
	__m128i packed = _mm_packus_epi32(fours, fours);
	__m128i eights =
		_mm_madd_epi16(packed, _mm_setr_epi16(10000, 1, 10000, 1, 10000, 1, 10000, 1));
	uint64_t both = (uint64_t)_mm_cvtsi128_si64(eights);
	return (both & UINT32_MAX) * 100000000 + (both >> 32);
}

#include "core/ingest/shape_walk.inc"

#endif
