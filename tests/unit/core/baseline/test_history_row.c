#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "core/baseline/history_row.h"
#include "core/baseline/reference_table.h"

static void append(struct bytes *row, const char *key, uint64_t samples, double value)
{
	struct history_entry entry = {slice_of(key), samples, value};

	history_row_add(row, &entry);
}

Test(history_row, what_was_added_comes_back)
{
	struct bytes row = BYTES_EMPTY;
	struct history_entry entry;
	struct byte_reader reader;

	append(&row, "", 1, -0.1);
	append(&row, "m0001", 1u << 20, 1e300);
	cr_expect_eq(row.length, (1 + 0 + 1 + 8) + (1 + 5 + 3 + 8));
	reader = byte_reader_of(bytes_slice(&row));
	cr_assert(history_row_next(&reader, &entry));
	cr_expect_eq(entry.key.length, 0);
	cr_expect_eq(entry.value, -0.1);
	cr_assert(history_row_next(&reader, &entry));
	cr_expect(slice_equal(entry.key, SLICE_LITERAL("m0001")));
	cr_expect_eq(entry.samples, 1u << 20);
	cr_expect_eq(entry.value, 1e300);
	cr_expect_not(history_row_next(&reader, &entry));
	cr_expect_not(reader.has_failed);
	bytes_deinit(&row);
}

Test(history_row, a_row_that_is_cut_short_fails)
{
	struct bytes row = BYTES_EMPTY;
	struct history_entry entry;

	append(&row, "m0001", 300, 5);
	for (size_t length = 1; length < row.length; length++) {
		struct byte_reader reader = byte_reader_of((struct slice){row.data, length});

		cr_expect_not(history_row_next(&reader, &entry));
		cr_expect(reader.has_failed, "%zu", length);
	}
	bytes_deinit(&row);
}

Test(history_row, only_finite_values_are_values)
{
	struct bytes row = BYTES_EMPTY;
	struct history_entry entry;
	struct byte_reader reader;

	append(&row, "k", 1, INFINITY);
	reader = byte_reader_of(bytes_slice(&row));
	cr_expect_not(history_row_next(&reader, &entry));
	cr_expect(reader.has_failed);
	bytes_deinit(&row);
}

Test(reference_table, days_of_a_key_are_added_up)
{
	struct reference_table table;
	struct reference_value value;
	char key[16];

	reference_table_init(&table, 5);
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		reference_table_add(&table, slice_of(key), i, 1);
		reference_table_add(&table, slice_of(key), 1, 2);
	}
	value = reference_table_get(&table, SLICE_LITERAL("k99"));
	cr_expect_eq(value.days, 2);
	cr_expect_eq(value.value_sum, 100);
	cr_expect_eq(value.sample_sum, 3);
	cr_expect_eq(reference_table_get(&table, SLICE_LITERAL("x")).days, 0);
	reference_table_clear(&table);
	cr_expect_eq(reference_table_get(&table, SLICE_LITERAL("k99")).days, 0);
	reference_table_add(&table, SLICE_LITERAL("k99"), 7, 1);
	cr_expect_eq(reference_table_get(&table, SLICE_LITERAL("k99")).value_sum, 7);
	reference_table_deinit(&table);
}
