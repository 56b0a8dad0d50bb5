#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "core/base/err.h"
#include "core/model/aggregate.h"

Test(aggregate, statistics_of_readings_with_and_without_number)
{
	struct aggregate aggregate = AGGREGATE_EMPTY;
	double value = 0;

	aggregate_add(&aggregate);
	aggregate_add_number(&aggregate, -5);
	aggregate_add_number(&aggregate, 11);
	cr_expect(aggregate_value(&aggregate, STATISTIC_COUNT, &value));
	cr_expect_eq(value, 3);
	cr_expect(aggregate_value(&aggregate, STATISTIC_SUM, &value));
	cr_expect_eq(value, 6);
	cr_expect(aggregate_value(&aggregate, STATISTIC_AVG, &value));
	cr_expect_eq(value, 3);
	cr_expect(aggregate_value(&aggregate, STATISTIC_MIN, &value));
	cr_expect_eq(value, -5);
	cr_expect(aggregate_value(&aggregate, STATISTIC_MAX, &value));
	cr_expect_eq(value, 11);
}

Test(aggregate, without_a_number_only_count_has_a_value)
{
	struct aggregate aggregate = AGGREGATE_EMPTY;
	double value = 77;

	cr_expect_not(aggregate_value(&aggregate, STATISTIC_SUM, &value));
	cr_expect_not(aggregate_value(&aggregate, STATISTIC_AVG, &value));
	cr_expect_not(aggregate_value(&aggregate, STATISTIC_MIN, &value));
	cr_expect_not(aggregate_value(&aggregate, STATISTIC_MAX, &value));
	cr_expect_eq(value, 77);
	cr_expect(aggregate_value(&aggregate, STATISTIC_COUNT, &value));
	cr_expect_eq(value, 0);
}

/* A plain double loses all of the ones; exactly, the sum is 2000. */
Test(aggregate, small_numbers_survive_large_ones)
{
	struct aggregate aggregate = AGGREGATE_EMPTY;

	for (int i = 0; i < 1000; i++) {
		aggregate_add_number(&aggregate, 1);
		aggregate_add_number(&aggregate, 1e17);
		aggregate_add_number(&aggregate, 1);
		aggregate_add_number(&aggregate, -1e17);
	}
	cr_expect_eq(aggregate_sum(&aggregate), 2000);
}

/* Amounts in cents: the exact sum is an integer number of cents, divided once. */
Test(aggregate, sum_does_not_depend_on_order_or_on_panes)
{
	enum { COUNT = 100000, PANES = 13 };
	struct aggregate forward = AGGREGATE_EMPTY, backward = AGGREGATE_EMPTY;
	struct aggregate merged = AGGREGATE_EMPTY, panes[PANES];
	uint64_t state = 1, cents = 0;
	static double amounts[COUNT];

	memset(panes, 0, sizeof(panes));
	for (int i = 0; i < COUNT; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		uint64_t amount = state >> 44;
		cents += amount;
		amounts[i] = (double)amount / 100;
		aggregate_add_number(&forward, amounts[i]);
		aggregate_add_number(&panes[state % PANES], amounts[i]);
	}
	for (int i = COUNT; i-- > 0;)
		aggregate_add_number(&backward, amounts[i]);
	for (int i = PANES; i-- > 0;)
		aggregate_merge(&merged, &panes[i]);
	cr_expect_eq(aggregate_sum(&forward), (double)cents / 100);
	cr_expect_eq(aggregate_sum(&backward), aggregate_sum(&forward));
	cr_expect_eq(aggregate_sum(&merged), aggregate_sum(&forward));
	cr_expect_eq(merged.count, COUNT);
	cr_expect_eq(merged.samples, COUNT);
	cr_expect_eq(merged.min, forward.min);
	cr_expect_eq(merged.max, forward.max);
}

Test(aggregate, merging_an_empty_one_changes_nothing)
{
	struct aggregate into = AGGREGATE_EMPTY, empty = AGGREGATE_EMPTY, only = AGGREGATE_EMPTY;

	aggregate_add_number(&only, 5);
	aggregate_merge(&into, &only);
	aggregate_merge(&into, &empty);
	cr_expect_eq(into.min, 5);
	cr_expect_eq(into.max, 5);
	cr_expect_eq(into.count, 1);
}

Test(aggregate, overflow_is_infinity_and_not_nan)
{
	struct aggregate aggregate = AGGREGATE_EMPTY;

	aggregate_add_number(&aggregate, 1.7e308);
	aggregate_add_number(&aggregate, 1.7e308);
	cr_expect_eq(aggregate_sum(&aggregate), INFINITY);
}

Test(aggregate, encoding_goes_both_ways)
{
	struct aggregate aggregate = AGGREGATE_EMPTY, read = AGGREGATE_EMPTY;
	struct bytes bytes = BYTES_EMPTY;

	aggregate_add(&aggregate);
	aggregate_add_number(&aggregate, 0.1);
	aggregate_add_number(&aggregate, -1e30);
	aggregate_encode(&aggregate, &bytes);
	cr_assert_eq(bytes.length, AGGREGATE_ENCODED_BYTES);
	struct byte_reader reader = byte_reader_of(bytes_slice(&bytes));
	cr_expect_eq(aggregate_decode(&reader, &read), 0);
	cr_expect_eq(memcmp(&read, &aggregate, sizeof(read)), 0);
	bytes_deinit(&bytes);
}

Test(aggregate, damaged_bytes_are_refused)
{
	struct aggregate aggregate = AGGREGATE_EMPTY, read = {.count = 77};
	struct bytes bytes = BYTES_EMPTY;
	struct byte_reader reader;

	aggregate_add_number(&aggregate, 2);
	aggregate_encode(&aggregate, &bytes);
	reader = byte_reader_of((struct slice){bytes.data, bytes.length - 1});
	cr_expect_eq(aggregate_decode(&reader, &read), ERR_CORRUPT);
	bytes.data[15] = 2; /* more samples than readings */
	reader = byte_reader_of(bytes_slice(&bytes));
	cr_expect_eq(aggregate_decode(&reader, &read), ERR_CORRUPT);
	bytes.data[15] = 1;
	memset(bytes.data + 32, 0xFF, 8); /* min is NaN */
	reader = byte_reader_of(bytes_slice(&bytes));
	cr_expect_eq(aggregate_decode(&reader, &read), ERR_CORRUPT);
	cr_expect_eq(read.count, 77);
	bytes_deinit(&bytes);
}
