/* Four values are two registers of 32 bytes:  | word0 word1 of value 0 | of value 1 |  and of 2, 3.
 * unpacklo / unpackhi gather the first / second words in the order 0 2 1 3; the bits are put in
 * order once, at the end.
 */
#include "core/filter/lanes.h"

#include "core/base/avx2.h"
#include "core/filter/mask.h"

#include <stddef.h>

#if defined(__x86_64__)
struct four {
	__m256i first, second; /* words, in the order 0 2 1 3 */
};

AVX2_FUNCTION static inline struct four four_of(const struct value *values)
{
	__m256i low = _mm256_loadu_si256((const __m256i *)(const void *)values);
	__m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(values + 2));

	return (struct four){_mm256_unpacklo_epi64(low, high), _mm256_unpackhi_epi64(low, high)};
}

AVX2_FUNCTION static inline uint64_t bits_of(__m256i lanes)
{
	return (uint64_t)(unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(lanes));
}

/* Bits 1 and 2 of each four change places. */
static inline uint64_t in_order(uint64_t bits)
{
	uint64_t differ = (bits ^ bits >> 1) & 0x2222222222222222u;

	return bits ^ differ ^ differ << 1;
}

AVX2_FUNCTION static uint64_t equal(const struct value *values, const struct lanes_pattern *pattern)
{
	__m256i mask0 = _mm256_set1_epi64x((long long)pattern->mask[0]);
	__m256i mask1 = _mm256_set1_epi64x((long long)pattern->mask[1]);
	__m256i wanted0 = _mm256_set1_epi64x((long long)pattern->wanted[0]);
	__m256i wanted1 = _mm256_set1_epi64x((long long)pattern->wanted[1]);
	uint64_t bits = 0;

	for (unsigned i = 0; i < 64; i += 4) {
		struct four four = four_of(values + i);
		__m256i first = _mm256_cmpeq_epi64(_mm256_and_si256(four.first, mask0), wanted0);
		__m256i second = _mm256_cmpeq_epi64(_mm256_and_si256(four.second, mask1), wanted1);

		bits |= bits_of(_mm256_and_si256(first, second)) << i;
	}
	return in_order(bits);
}

/* x + 2^51 * 1.5 is a double whose last bits are x, for |x| < 2^51. */
#define MAGIC_BITS   0x4338000000000000
#define MAGIC_NUMBER 0x1.8p52

/* The numbers of four values; *is_large when an integer is too large for this way. */
AVX2_FUNCTION static inline __m256d numbers_of(struct four four, __m256i *is_number,
					       __m256i *is_large)
{
	__m256i type = _mm256_and_si256(four.first, _mm256_set1_epi64x(UINT8_MAX));
	__m256i is_integer = _mm256_cmpeq_epi64(type, _mm256_set1_epi64x(VALUE_INT));
	__m256i is_float = _mm256_cmpeq_epi64(type, _mm256_set1_epi64x(VALUE_FLOAT));
	__m256i above =
		_mm256_srli_epi64(_mm256_add_epi64(four.second, _mm256_set1_epi64x(1LL << 50)), 51);
	__m256i magic = _mm256_add_epi64(four.second, _mm256_set1_epi64x(MAGIC_BITS));
	__m256d converted = _mm256_sub_pd(_mm256_castsi256_pd(magic), _mm256_set1_pd(MAGIC_NUMBER));

	*is_number = _mm256_or_si256(is_integer, is_float);
	*is_large = _mm256_or_si256(
		*is_large,
		_mm256_andnot_si256(_mm256_cmpeq_epi64(above, _mm256_setzero_si256()), is_integer));
	return _mm256_blendv_pd(_mm256_castsi256_pd(four.second), converted,
				_mm256_castsi256_pd(is_integer));
}

enum {
	PREDICATE_EQ = _CMP_EQ_OQ,
	PREDICATE_NE = _CMP_NEQ_UQ,
	PREDICATE_LT = _CMP_LT_OQ,
	PREDICATE_LE = _CMP_LE_OQ,
	PREDICATE_GT = _CMP_GT_OQ,
	PREDICATE_GE = _CMP_GE_OQ,
};

#define NUMBER(NAME, text, orders)                                                                 \
	AVX2_FUNCTION static uint64_t number_##NAME(const struct value *values, double constant)   \
	{                                                                                          \
		__m256d other = _mm256_set1_pd(constant);                                          \
		__m256i is_large = _mm256_setzero_si256();                                         \
		uint64_t bits = 0;                                                                 \
                                                                                                   \
		for (unsigned i = 0; i < 64; i += 4) {                                             \
			__m256i is_number;                                                         \
			__m256d numbers = numbers_of(four_of(values + i), &is_number, &is_large);  \
			__m256d holds = _mm256_cmp_pd(numbers, other, PREDICATE_##NAME);           \
                                                                                                   \
			bits |= bits_of(_mm256_and_si256(_mm256_castpd_si256(holds), is_number))   \
				<< i;                                                              \
		}                                                                                  \
		if (bits_of(is_large) != 0)                                                        \
			return lanes_portable.number[LANES_##NAME](values, constant);              \
		return in_order(bits);                                                             \
	}
COMPARISON_LIST(NUMBER)
#undef NUMBER

/* The bits of four candidates, in the order 0 2 1 3, as lanes. */
AVX2_FUNCTION static inline __m256i lanes_of(uint64_t four)
{
	__m256i bit = _mm256_setr_epi64x(1, 4, 2, 8);
	__m256i all = _mm256_set1_epi64x((long long)four);

	return _mm256_cmpeq_epi64(_mm256_and_si256(all, bit), bit);
}

/* A lane that is no candidate is not read: its pointer may be anything. */
AVX2_FUNCTION static uint64_t ends_of_8(const struct value *values, uint64_t candidates,
					const char *text, uint32_t length)
{
	__m256i to_tail = _mm256_set1_epi64x((long long)length - 8);
	long long head, tail;
	uint64_t bits = 0;

	memcpy(&head, text, 8);
	memcpy(&tail, text + length - 8, 8);
	for (unsigned i = 0; i < 64; i += 4) {
		__m256i is_candidate = lanes_of(candidates >> i);
		__m256i at, heads, tails, zero = _mm256_setzero_si256();

		if ((candidates >> i & 15) == 0)
			continue;
		at = four_of(values + i).second;
		heads = _mm256_mask_i64gather_epi64(zero, NULL, at, is_candidate, 1);
		tails = _mm256_mask_i64gather_epi64(zero, NULL, _mm256_add_epi64(at, to_tail),
						    is_candidate, 1);
		heads = _mm256_cmpeq_epi64(heads, _mm256_set1_epi64x(head));
		tails = _mm256_cmpeq_epi64(tails, _mm256_set1_epi64x(tail));
		bits |= bits_of(_mm256_and_si256(is_candidate, _mm256_and_si256(heads, tails)))
			<< i;
	}
	return in_order(bits);
}

AVX2_FUNCTION static uint64_t ends_of_4(const struct value *values, uint64_t candidates,
					const char *text, uint32_t length)
{
	__m256i to_tail = _mm256_set1_epi64x((long long)length - 4);
	__m256i halves = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
	int head, tail;
	uint64_t bits = 0;

	memcpy(&head, text, 4);
	memcpy(&tail, text + length - 4, 4);
	for (unsigned i = 0; i < 64; i += 4) {
		__m256i is_candidate = lanes_of(candidates >> i), at;
		__m128i mask, heads, tails, zero = _mm_setzero_si128();

		if ((candidates >> i & 15) == 0)
			continue;
		mask = _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(is_candidate, halves));
		at = four_of(values + i).second;
		heads = _mm256_mask_i64gather_epi32(zero, NULL, at, mask, 1);
		tails = _mm256_mask_i64gather_epi32(zero, NULL, _mm256_add_epi64(at, to_tail), mask,
						    1);
		heads = _mm_and_si128(_mm_cmpeq_epi32(heads, _mm_set1_epi32(head)),
				      _mm_cmpeq_epi32(tails, _mm_set1_epi32(tail)));
		bits |= (uint64_t)(unsigned)_mm_movemask_ps(
				_mm_castsi128_ps(_mm_and_si128(heads, mask)))
			<< i;
	}
	return in_order(bits);
}

/* A gather costs the same for one candidate as for four, and much on some machines. */
enum { GATHERED_MIN = 32 };

AVX2_FUNCTION static uint64_t ends(const struct value *values, uint64_t candidates,
				   const char *text, uint32_t length)
{
	if (mask_word_count(candidates) < GATHERED_MIN)
		return lanes_portable.ends(values, candidates, text, length);
	if (length >= 8)
		return ends_of_8(values, candidates, text, length);
	if (length >= 4)
		return ends_of_4(values, candidates, text, length);
	return lanes_portable.ends(values, candidates, text, length);
}

static const struct lanes lanes = {
	.equal = equal,
#define NUMBER_ROW(NAME, text, orders) .number[LANES_##NAME] = number_##NAME,
	COMPARISON_LIST(NUMBER_ROW)
#undef NUMBER_ROW
		.ends = ends,
};

const struct lanes *lanes_avx2(void)
{
	return avx2_is_here() ? &lanes : NULL;
}

#else

const struct lanes *lanes_avx2(void)
{
	return NULL;
}

#endif
