/* Expected estimates were computed in Python with 60 digits from the definition of the series. */
#include "core/sketch/distinct.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/err.h"

/* splitmix64: the i-th number of a well-mixed sequence. */
static uint64_t hash_of(uint64_t i)
{
	uint64_t z = i * 0x9E3779B97F4A7C15u;

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}

static struct distinct *sketch_of(uint64_t first, uint64_t end, size_t *memory)
{
	struct distinct *sketch = NULL;

	for (uint64_t i = first; i < end; i++)
		distinct_add(&sketch, hash_of(i), memory);
	return sketch;
}

static void expect_same(const struct distinct *a, const struct distinct *b, const char *what)
{
	struct bytes x = BYTES_EMPTY, y = BYTES_EMPTY;

	distinct_encode(a, &x);
	distinct_encode(b, &y);
	cr_expect(slice_equal(bytes_slice(&x), bytes_slice(&y)), "%s", what);
	bytes_deinit(&x);
	bytes_deinit(&y);
}

Test(distinct, nothing_is_zero)
{
	struct distinct *sketch = NULL;

	cr_expect_eq(distinct_count(NULL), 0);
	distinct_merge(&sketch, NULL, NULL);
	cr_expect_null(sketch);
	distinct_free(&sketch, NULL);
}

Test(distinct, counts_exactly_up_to_the_limit)
{
	struct distinct *sketch = NULL;

	for (uint64_t i = 1; i <= DISTINCT_EXACT_MAX; i++) {
		distinct_add(&sketch, hash_of(i), NULL);
		distinct_add(&sketch, hash_of((i + 1) / 2), NULL);
		cr_assert_eq(distinct_count(sketch), (double)i);
	}
	distinct_add(&sketch, hash_of(DISTINCT_EXACT_MAX + 1), NULL);
	cr_expect_geq(distinct_count(sketch), DISTINCT_EXACT_MAX + 1.0);
	distinct_free(&sketch, NULL);
}

Test(distinct, hashes_that_differ_in_one_end_alone_are_counted)
{
	struct distinct *low = NULL, *high = NULL;

	for (uint64_t i = 0; i < DISTINCT_EXACT_MAX; i++) {
		distinct_add(&low, i + 2, NULL);
		distinct_add(&high, i << 50, NULL); /* the first is the hash 0 */
	}
	cr_expect_eq(distinct_count(low), DISTINCT_EXACT_MAX);
	cr_expect_eq(distinct_count(high), DISTINCT_EXACT_MAX);
	distinct_free(&low, NULL);
	distinct_free(&high, NULL);
}

Test(distinct, estimates_as_the_series_say)
{
	static const struct {
		uint64_t count;
		double estimate;
	} cases[] = {{385, 385}, {1000, 995}, {5000, 5032}, {50000, 49004}, {200000, 197618}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct distinct *sketch = sketch_of(1, cases[i].count + 1, NULL);

		cr_expect_eq(distinct_count(sketch), cases[i].estimate, "%g of %lu: %g",
			     cases[i].estimate, (unsigned long)cases[i].count,
			     distinct_count(sketch));
		distinct_free(&sketch, NULL);
	}
}

/* 200 sketches of each size: their mean square error is the stated one, their mean has no bias. */
Test(distinct, error_is_the_stated_one)
{
	static const uint64_t sizes[] = {600, 4000, 12000};
	const double stated = 1.04 / sqrt(DISTINCT_REGISTERS);
	enum { RUNS = 200 };

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		double squares = 0, sum = 0, worst = 0;

		for (uint64_t run = 0; run < RUNS; run++) {
			uint64_t first = (run + 1) << 32;
			struct distinct *sketch = sketch_of(first, first + sizes[s], NULL);
			double error = distinct_count(sketch) / (double)sizes[s] - 1;

			squares += error * error;
			sum += error;
			worst = fmax(worst, fabs(error));
			distinct_free(&sketch, NULL);
		}
		cr_expect_lt(sqrt(squares / RUNS), stated * 1.15, "of %lu: %g",
			     (unsigned long)sizes[s], sqrt(squares / RUNS));
		cr_expect_lt(fabs(sum / RUNS), stated * 0.25, "bias of %lu: %g",
			     (unsigned long)sizes[s], sum / RUNS);
		cr_expect_lt(worst, stated * 4.5);
	}
}

Test(distinct, what_it_holds_does_not_depend_on_order_and_parts)
{
	static const uint64_t sizes[] = {5, 300, 384, 385, 3000};

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		uint64_t n = sizes[s], third = n / 3;
		struct distinct *whole = sketch_of(0, n, NULL), *back = NULL;
		struct distinct *a = sketch_of(0, third + 1, NULL);
		struct distinct *b = sketch_of(third, 2 * third + 1, NULL);
		struct distinct *c = sketch_of(third * 2, n, NULL);
		struct distinct *left = NULL, *right = NULL;

		for (uint64_t i = n; i-- > 0;)
			distinct_add(&back, hash_of(i), NULL);
		distinct_merge(&left, a, NULL); /* (a + b) + c */
		distinct_merge(&left, b, NULL);
		distinct_merge(&left, c, NULL);
		distinct_merge(&right, c, NULL); /* (c + b) + a */
		distinct_merge(&right, b, NULL);
		distinct_merge(&right, a, NULL);
		distinct_merge(&right, right, NULL);
		expect_same(whole, back, "back");
		expect_same(whole, left, "left");
		expect_same(whole, right, "right");
		distinct_free(&whole, NULL);
		distinct_free(&back, NULL);
		distinct_free(&a, NULL);
		distinct_free(&b, NULL);
		distinct_free(&c, NULL);
		distinct_free(&left, NULL);
		distinct_free(&right, NULL);
	}
}

Test(distinct, registers_and_hashes_merge_both_ways)
{
	struct distinct *many = sketch_of(0, 2000, NULL), *few = sketch_of(1990, 2010, NULL);
	struct distinct *whole = sketch_of(0, 2010, NULL), *both = NULL;

	distinct_merge(&both, few, NULL);
	distinct_merge(&both, many, NULL);
	distinct_merge(&many, few, NULL);
	expect_same(whole, both, "registers into hashes");
	expect_same(whole, many, "hashes into registers");
	distinct_free(&many, NULL);
	distinct_free(&few, NULL);
	distinct_free(&whole, NULL);
	distinct_free(&both, NULL);
}

Test(distinct, memory_is_counted_and_bounded)
{
	size_t memory = 0;
	struct distinct *sketch = sketch_of(0, 1, &memory), *other;

	cr_expect_eq(memory, 8 + 8 * 8, "found %zu", memory);
	for (uint64_t i = 0; i < 2000; i++) {
		distinct_add(&sketch, hash_of(i), &memory);
		cr_assert_leq(memory, (size_t)DISTINCT_BYTES_MAX);
	}
	other = sketch_of(5000, 5010, &memory);
	distinct_merge(&other, sketch, &memory);
	cr_expect_eq(memory, 2 * (size_t)DISTINCT_BYTES_MAX);
	distinct_free(&sketch, &memory);
	distinct_free(&other, &memory);
	cr_expect_eq(memory, 0);
}

Test(distinct, comes_back_as_it_was_stored)
{
	static const uint64_t sizes[] = {0, 1, 6, 7, 384, 385, 10000};

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		struct distinct *sketch = sketch_of(0, sizes[s], NULL), *again = NULL;
		struct bytes bytes = BYTES_EMPTY;
		struct byte_reader reader;
		size_t memory = 0;

		distinct_encode(sketch, &bytes);
		cr_expect_leq(bytes.length, (size_t)DISTINCT_ENCODED_BYTES_MAX);
		reader = byte_reader_of(bytes_slice(&bytes));
		cr_assert_eq(distinct_decode(&reader, &again, &memory), 0);
		cr_expect_eq(reader.left, 0);
		expect_same(sketch, again, "again");
		cr_expect_eq(distinct_count(sketch), distinct_count(again));
		/* It goes on as the other does. */
		distinct_add(&sketch, hash_of(77777), NULL);
		distinct_add(&again, hash_of(77777), &memory);
		expect_same(sketch, again, "goes on");
		distinct_free(&sketch, NULL);
		distinct_free(&again, &memory);
		cr_expect_eq(memory, 0);
		bytes_deinit(&bytes);
	}
}

Test(distinct, damaged_bytes_are_refused)
{
	static const struct {
		const char *what;
		struct slice bytes;
	} cases[] = {
		{"nothing", {"", 0}},
		{"half a count", {"\0", 1}},
		{"a hash that is not there", {"\0\1\0\0\0\0", 6}},
		{"the hash 0", {"\0\1\0\0\0\0\0\0\0\0", 10}},
		{"hashes not ascending", {"\0\2\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\5", 18}},
		{"more hashes than there may be", {"\1\x81\0\0\0\0\0\0\0\5", 10}},
		{"registers that are not there", {"\xff\xff\0\0\0\0", 6}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct byte_reader reader = byte_reader_of(cases[i].bytes);
		struct distinct *sketch = NULL;
		size_t memory = 0;

		cr_expect_eq(distinct_decode(&reader, &sketch, &memory), ERR_CORRUPT, "%s",
			     cases[i].what);
		cr_expect_null(sketch);
		cr_expect_eq(memory, 0);
	}
}

Test(distinct, a_rank_that_no_hash_has_is_refused)
{
	char bytes[2 + DISTINCT_REGISTERS * 6 / 8] = {0};
	struct distinct *sketch = NULL;
	struct byte_reader reader;

	memset(bytes, 0xFF, 2);
	bytes[2] = (char)(53 << 2);
	reader = byte_reader_of((struct slice){bytes, sizeof(bytes)});
	cr_expect_eq(distinct_decode(&reader, &sketch, NULL), 0);
	distinct_free(&sketch, NULL);
	bytes[2] = (char)(54 << 2);
	reader = byte_reader_of((struct slice){bytes, sizeof(bytes)});
	cr_expect_eq(distinct_decode(&reader, &sketch, NULL), ERR_CORRUPT);
	cr_expect_null(sketch);
}
