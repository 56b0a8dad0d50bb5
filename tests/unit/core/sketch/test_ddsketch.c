/* Answers are compared with the sorted numbers themselves. */
#include "core/sketch/ddsketch.h"

#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/varint.h"

enum { NUMBERS_MAX = 20000 };

static uint64_t next(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 11;
}

static double uniform(uint64_t *state)
{
	return ((double)next(state) + 0.5) * 0x1p-53;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct ddsketch *sketch_of(const double *numbers, size_t count, size_t *memory)
{
	struct ddsketch *sketch = NULL;

	for (size_t i = 0; i < count; i++)
		ddsketch_add(&sketch, numbers[i], memory);
	return sketch;
}

static void expect_same(const struct ddsketch *a, const struct ddsketch *b, const char *what)
{
	struct bytes x = BYTES_EMPTY, y = BYTES_EMPTY;

	ddsketch_encode(a, &x);
	ddsketch_encode(b, &y);
	cr_expect(slice_equal(bytes_slice(&x), bytes_slice(&y)), "%s", what);
	bytes_deinit(&x);
	bytes_deinit(&y);
}

/* Every rank of a number of at least this magnitude is within the bound. */
static void expect_within(const double *numbers, size_t count, double least, const char *what)
{
	static double sorted[NUMBERS_MAX];
	struct ddsketch *sketch = sketch_of(numbers, count, NULL);
	double worst = 0;

	memcpy(sorted, numbers, count * sizeof(*numbers));
	qsort(sorted, count, sizeof(*sorted), compare);
	cr_assert_eq(ddsketch_total(sketch), count);
	for (size_t rank = 1; rank <= count; rank++) {
		double exact = sorted[rank - 1], found = ddsketch_at_rank(sketch, rank);

		if (exact != 0 && fabs(exact) >= least)
			worst = fmax(worst, fabs(found / exact - 1));
		else if (least == 0)
			cr_expect_eq(found, 0);
	}
	cr_expect_leq(worst, DDSKETCH_ERROR, "%s: %g", what, worst);
	ddsketch_free(&sketch, NULL);
}

Test(ddsketch, nothing_has_no_total)
{
	struct ddsketch *sketch = NULL;

	cr_expect_eq(ddsketch_total(NULL), 0);
	ddsketch_merge(&sketch, NULL, NULL);
	cr_expect_null(sketch);
	ddsketch_free(&sketch, NULL);
}

Test(ddsketch, ranks_of_random_numbers_are_within_the_bound)
{
	static double numbers[NUMBERS_MAX];
	uint64_t state = 1;

	for (size_t i = 0; i < NUMBERS_MAX; i++)
		numbers[i] = uniform(&state);
	expect_within(numbers, NUMBERS_MAX, 0, "uniform");
	for (size_t i = 0; i < NUMBERS_MAX; i++)
		numbers[i] = exp(3 * sqrt(-2 * log(uniform(&state))) *
				 cos(6.283185307179586 * uniform(&state)));
	expect_within(numbers, NUMBERS_MAX, 0, "log-normal");
	for (size_t i = 0; i < NUMBERS_MAX; i++)
		numbers[i] = pow(uniform(&state), -1 / 1.1);
	expect_within(numbers, NUMBERS_MAX, 0, "Pareto");
	for (size_t i = 0; i < NUMBERS_MAX; i++)
		numbers[i] = (double)(next(&state) % 2001) - 1000;
	expect_within(numbers, NUMBERS_MAX, 0, "integers of both signs and 0");
}

Test(ddsketch, ranks_at_the_bounds_of_bins_are_within_the_bound)
{
	static double numbers[NUMBERS_MAX];
	size_t count = 0;

	/* 12 powers of two, each bin's bounds and their neighbours, both signs. */
	for (int power = -6; power < 6; power++) {
		for (int step = 0; step < 64; step++) {
			double bound = ldexp(1 + step / 64.0, power);

			numbers[count++] = bound;
			numbers[count++] = nextafter(bound, 0);
			numbers[count++] = -nextafter(bound, INFINITY);
			numbers[count++] = -bound;
		}
	}
	expect_within(numbers, count, 0, "bounds");
}

Test(ddsketch, the_greatest_and_least_doubles_have_bins)
{
	static const double ends[] = {DBL_MAX, DBL_MIN, -DBL_MIN, -DBL_MAX, 0, -0.0};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct ddsketch *sketch = sketch_of(&ends[i], 1, NULL);

		cr_expect_leq(fabs(ddsketch_at_rank(sketch, 1) - ends[i]),
			      DDSKETCH_ERROR * fabs(ends[i]));
		ddsketch_free(&sketch, NULL);
	}
	struct ddsketch *tiny = sketch_of((double[]){DBL_TRUE_MIN, -DBL_MIN / 2}, 2, NULL);

	cr_expect_eq(ddsketch_at_rank(tiny, 1), 0);
	cr_expect_eq(ddsketch_at_rank(tiny, 2), 0);
	ddsketch_free(&tiny, NULL);
}

/* More powers of two than a sketch has bins for: the small ones are only known to be small. */
Test(ddsketch, a_wide_range_keeps_the_great_and_is_bounded)
{
	static double numbers[NUMBERS_MAX];
	uint64_t state = 5;
	size_t memory = 0;

	for (size_t i = 0; i < NUMBERS_MAX; i++) {
		numbers[i] = ldexp(1 + uniform(&state), (int)(next(&state) % 1000) - 499);
		if (next(&state) % 2 == 0)
			numbers[i] = -numbers[i];
	}
	expect_within(numbers, NUMBERS_MAX, ldexp(1, 501 - DDSKETCH_BINS_MAX / 64), "wide");
	struct ddsketch *sketch = sketch_of(numbers, NUMBERS_MAX, &memory);

	cr_expect_leq(memory, (size_t)DDSKETCH_BYTES_MAX);
	ddsketch_free(&sketch, &memory);
	cr_expect_eq(memory, 0);
}

Test(ddsketch, a_few_outliers_take_nothing_from_the_others)
{
	static double numbers[NUMBERS_MAX];
	uint64_t state = 8;

	for (size_t i = 0; i < NUMBERS_MAX; i++)
		numbers[i] = exp(20 * uniform(&state));
	numbers[7] = 1e300;
	numbers[8] = -1e300;
	numbers[9] = 1e-300;
	expect_within(numbers, NUMBERS_MAX, 0, "outliers");
}

static void expect_parts_alike(const double *numbers, size_t count, const char *what)
{
	size_t third = count / 3, memory = 0;
	struct ddsketch *whole = sketch_of(numbers, count, NULL), *back = NULL;
	struct ddsketch *a = sketch_of(numbers, third, NULL);
	struct ddsketch *b = sketch_of(numbers + third, third, NULL);
	struct ddsketch *c = sketch_of(numbers + 2 * third, count - 2 * third, NULL);
	struct ddsketch *left = NULL, *right = NULL;

	for (size_t i = count; i-- > 0;)
		ddsketch_add(&back, numbers[i], NULL);
	ddsketch_merge(&left, a, &memory); /* (a + b) + c */
	ddsketch_merge(&left, b, &memory);
	ddsketch_merge(&left, c, &memory);
	cr_expect_leq(memory, (size_t)DDSKETCH_BYTES_MAX);
	ddsketch_merge(&c, b, NULL); /* a + (c + b), from the other side */
	ddsketch_merge(&right, c, NULL);
	ddsketch_merge(&right, a, NULL);
	expect_same(whole, back, what);
	expect_same(whole, left, what);
	expect_same(whole, right, what);
	ddsketch_free(&whole, NULL);
	ddsketch_free(&back, NULL);
	ddsketch_free(&a, NULL);
	ddsketch_free(&b, NULL);
	ddsketch_free(&c, NULL);
	ddsketch_free(&left, &memory);
	ddsketch_free(&right, NULL);
	cr_expect_eq(memory, 0);
}

Test(ddsketch, what_it_holds_does_not_depend_on_order_and_parts)
{
	static double numbers[NUMBERS_MAX];
	uint64_t state = 9;

	for (size_t i = 0; i < NUMBERS_MAX; i++)
		numbers[i] = uniform(&state) * 1000 - 300;
	expect_parts_alike(numbers, NUMBERS_MAX, "uniform");
	for (size_t i = 0; i < NUMBERS_MAX; i++)
		numbers[i] = ldexp(uniform(&state) - 0.5, (int)(next(&state) % 200));
	expect_parts_alike(numbers, NUMBERS_MAX, "wide");
	/* Ascending, so that the reach moves with each part; and all of it full. */
	for (size_t i = 0; i < 9000; i++)
		numbers[i] = ldexp(1 + (double)(i % 64) / 64, (int)(i / 64)) * (i % 3 ? 1 : -1);
	expect_parts_alike(numbers, 9000, "ascending");
}

Test(ddsketch, memory_grows_with_the_bins)
{
	struct ddsketch *sketch = NULL;
	size_t memory = 0;

	for (int i = 0; i < 100000; i++)
		ddsketch_add(&sketch, 12.5, &memory);
	cr_expect_eq(memory, 8 + 4 * 8, "found %zu", memory);
	cr_expect_eq(ddsketch_total(sketch), 100000);
	for (int i = 0; i < 64; i++)
		ddsketch_add(&sketch, 1 + i / 64.0, &memory);
	cr_expect_leq(memory, (size_t)(8 + 65 * 8 * 3 / 2), "found %zu", memory);
	ddsketch_free(&sketch, &memory);
}

Test(ddsketch, comes_back_as_it_was_stored)
{
	static double numbers[NUMBERS_MAX];
	static const size_t sizes[] = {0, 1, 4, 5, 1000, NUMBERS_MAX};
	uint64_t state = 3;

	for (size_t i = 0; i < NUMBERS_MAX; i++)
		numbers[i] = ldexp(uniform(&state) - 0.5, (int)(next(&state) % 200));
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		struct ddsketch *sketch = sketch_of(numbers, sizes[s], NULL), *again = NULL;
		struct bytes bytes = BYTES_EMPTY;
		struct byte_reader reader;
		size_t memory = 0;

		ddsketch_encode(sketch, &bytes);
		reader = byte_reader_of(bytes_slice(&bytes));
		cr_assert_eq(ddsketch_decode(&reader, &again, &memory), 0);
		cr_expect_eq(reader.left, 0);
		expect_same(sketch, again, "again");
		ddsketch_add(&sketch, -7, NULL);
		ddsketch_add(&again, -7, &memory);
		expect_same(sketch, again, "goes on");
		ddsketch_free(&sketch, NULL);
		ddsketch_free(&again, &memory);
		cr_expect_eq(memory, 0);
		bytes_deinit(&bytes);
	}
}

/* So many neighbouring bins from the least positive key on. */
static void expect_bins(uint64_t count, int rc)
{
	struct bytes bytes = BYTES_EMPTY;
	struct ddsketch *sketch = NULL;
	struct byte_reader reader;

	bytes_reserve(&bytes, VARINT_BYTES_MAX);
	bytes.length = (size_t)(varint_put(bytes.data, count) - bytes.data);
	for (uint64_t i = 0; i < count; i++)
		bytes_append(&bytes, i == 0 ? "\xc0\x80\x08\1" : "\1\1", i == 0 ? 4 : 2);
	reader = byte_reader_of(bytes_slice(&bytes));
	cr_expect_eq(ddsketch_decode(&reader, &sketch, NULL), rc);
	ddsketch_free(&sketch, NULL);
	bytes_deinit(&bytes);
}

/* Keys: 131072 is 0 (LEB128 80 80 08), 131136 the least positive one (C0 80 08). */
Test(ddsketch, damaged_bytes_are_refused)
{
	static const struct {
		const char *what;
		struct slice bytes;
	} cases[] = {
		{"nothing", {"", 0}},
		{"a bin that is not there", {"\1", 1}},
		{"a bin without its count", {"\1\x80\x80\x08", 4}},
		{"a bin of nothing", {"\1\x80\x80\x08\0", 5}},
		{"two bins of one key", {"\2\x80\x80\x08\1\0\1", 7}},
		{"a key between 0 and the least", {"\1\x81\x80\x08\1", 5}},
		{"a key of infinity", {"\1\xc0\xff\x0f\1", 5}},
		{"a count above its limit", {"\1\x80\x80\x08\x80\x80\x80\x80\x80\x80\x10", 11}},
		{"more bins than there may be", {"\x82\x20\x80\x80\x08\1", 6}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct byte_reader reader = byte_reader_of(cases[i].bytes);
		struct ddsketch *sketch = NULL;
		size_t memory = 0;

		cr_expect_eq(ddsketch_decode(&reader, &sketch, &memory), ERR_CORRUPT, "%s",
			     cases[i].what);
		cr_expect_null(sketch);
		cr_expect_eq(memory, 0);
	}
	expect_bins(DDSKETCH_BINS_MAX, 0);
	expect_bins(DDSKETCH_BINS_MAX + 1, ERR_CORRUPT);
	struct byte_reader good = byte_reader_of((struct slice){"\1\x80\x80\x08\5", 5});
	struct ddsketch *sketch = NULL;

	cr_assert_eq(ddsketch_decode(&good, &sketch, NULL), 0);
	cr_expect_eq(ddsketch_total(sketch), 5);
	cr_expect_eq(ddsketch_at_rank(sketch, 5), 0);
	ddsketch_free(&sketch, NULL);
}
