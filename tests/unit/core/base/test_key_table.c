#include <criterion/criterion.h>

#include <stdio.h>

#include "core/base/key_table.h"

static struct slice numbered(char room[16], uint32_t number)
{
	return (struct slice){room, (size_t)snprintf(room, 16, "k%u", number)};
}

static void fill(struct key_table *table, uint32_t count)
{
	char room[16];
	bool is_new;

	for (uint32_t i = 0; i < count; i++) {
		cr_assert_eq(key_table_put(table, numbered(room, i), &is_new), i);
		cr_assert(is_new);
	}
}

Test(key_table, ids_are_dense_and_stable)
{
	struct key_table table;
	char room[16];
	bool is_new;

	key_table_init(&table, 42);
	fill(&table, 20000);
	for (uint32_t i = 0; i < 20000; i++) {
		cr_assert_eq(key_table_put(&table, numbered(room, i), &is_new), i);
		cr_assert_not(is_new);
		cr_assert_eq(key_table_find(&table, numbered(room, i)), i);
		cr_assert(slice_equal(key_table_key(&table, i), numbered(room, i)));
	}
	cr_expect_eq(key_table_find(&table, numbered(room, 20000)), KEY_TABLE_NONE);
	cr_expect_eq(table.count, 20000);
	key_table_deinit(&table);
}

Test(key_table, empty_table_finds_nothing)
{
	struct key_table table;

	key_table_init(&table, 0);
	cr_expect_eq(key_table_find(&table, SLICE_LITERAL("a")), KEY_TABLE_NONE);
	key_table_clear(&table);
	key_table_deinit(&table);
}

Test(key_table, empty_key_and_bytes_with_nul_are_keys)
{
	struct key_table table;
	bool is_new;

	key_table_init(&table, 7);
	cr_expect_eq(key_table_put(&table, (struct slice){NULL, 0}, &is_new), 0);
	cr_expect_eq(key_table_put(&table, SLICE_LITERAL("a\0b"), &is_new), 1);
	cr_expect_eq(key_table_put(&table, SLICE_LITERAL("a\0c"), &is_new), 2);
	cr_expect_eq(key_table_find(&table, SLICE_LITERAL("")), 0);
	cr_expect_eq(key_table_find(&table, SLICE_LITERAL("a\0b")), 1);
	key_table_deinit(&table);
}

/* Clearing has two ways: a sweep of a full table, key by key in one that is nearly empty. */
Test(key_table, clear_leaves_nothing_behind_in_full_and_in_sparse_tables)
{
	static const uint32_t counts[] = {5000, 1, 3, 40, 700, 0, 5000};
	struct key_table table;
	char room[16];

	key_table_init(&table, 1);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		fill(&table, counts[i]);
		key_table_clear(&table);
		cr_expect_eq(table.count, 0);
		for (uint32_t at = 0; at < table.slot_count; at++)
			cr_assert_eq(table.slots[at], 0);
		cr_expect_eq(key_table_find(&table, numbered(room, 0)), KEY_TABLE_NONE);
	}
	key_table_deinit(&table);
}
