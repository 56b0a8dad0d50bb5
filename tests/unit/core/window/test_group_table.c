#include "core/window/group_table.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* Of so many numbers. */
static const struct cell_layout *cells_of(uint32_t value_count)
{
	static struct cell_layout layouts[CELL_VALUES_MAX + 1];

	cell_layout_init(&layouts[value_count], value_count, NULL);
	return &layouts[value_count];
}

static struct slice key_of(char *text, unsigned number)
{
	int length = snprintf(text, 32, "k%u", number);
	return (struct slice){text, (size_t)length};
}

static struct group *put(struct group_table *table, int64_t start_ms, struct slice key)
{
	return group_table_put(table, group_key_hash(table->seed, key), start_ms, key);
}

Test(group_table, a_pane_and_a_key_are_one_group)
{
	struct group_table table;
	struct slice empty = {"", 0};

	group_table_init(&table, cells_of(2), 7);
	cr_expect_null(group_table_find(&table, 5000, empty));
	put(&table, 5000, SLICE_LITERAL("a"))->aggregates[1].count = 3;
	put(&table, -5000, SLICE_LITERAL("a"))->aggregates[0].count = 4;
	put(&table, 5000, empty)->aggregates[0].count = 5;
	cr_expect_eq(put(&table, 5000, SLICE_LITERAL("a"))->aggregates[1].count, 3);
	cr_expect_eq(group_table_find(&table, -5000, SLICE_LITERAL("a"))->aggregates[0].count, 4);
	cr_expect_eq(group_table_find(&table, 5000, empty)->aggregates[0].count, 5);
	cr_expect_null(group_table_find(&table, -5000, empty));
	cr_expect_eq(table.count, 3);
	group_table_deinit(&table);
}

Test(group_table, walks_in_order_of_arrival)
{
	struct group_table table;
	const char *names[] = {"b", "", "a", "a key of more than eight bytes"};
	const struct group *group;
	size_t at = 0, seen = 0;

	group_table_init(&table, cells_of(1), 7);
	for (size_t i = 0; i < 4; i++)
		put(&table, 0, slice_of(names[i]));
	while ((group = group_table_next(&table, &at)) != NULL)
		cr_expect(slice_equal(group_key(&table, group), slice_of(names[seen++])));
	cr_expect_eq(seen, 4);
	group_table_deinit(&table);
}

/* The table against an array indexed by pane and key, through growth, clears and forgetting. */
enum { PANES = 16, KEYS = 600, ROUNDS = 12 };

static void expect_equal(const struct group_table *table, uint64_t (*expected)[KEYS])
{
	uint32_t count = 0;

	for (unsigned pane = 0; pane < PANES; pane++)
		for (unsigned number = 0; number < KEYS; number++) {
			char text[32];
			const struct group *group =
				group_table_find(table, (int64_t)pane * 5000, key_of(text, number));

			count += expected[pane][number] > 0;
			cr_assert_eq(group ? group->aggregates[0].count : 0,
				     expected[pane][number]);
		}
	cr_assert_eq(table->count, count);
}

Test(group_table, equals_an_array)
{
	static uint64_t expected[PANES][KEYS];
	struct group_table table;
	unsigned dice = 5;

	group_table_init(&table, cells_of(1), 99);
	for (int round = 0; round < ROUNDS; round++) {
		unsigned puts = round % 3 == 0 ? 20 : 9000;

		for (unsigned i = 0; i < puts; i++) {
			char text[32];
			unsigned pane = (dice = dice * 1103515245 + 12345) >> 16 & (PANES - 1);
			unsigned number = ((dice = dice * 1103515245 + 12345) >> 8) % KEYS;

			put(&table, (int64_t)pane * 5000, key_of(text, number))
				->aggregates[0]
				.count++;
			expected[pane][number]++;
		}
		expect_equal(&table, expected);
		if (round % 2 == 0) {
			group_table_forget_before(&table, 7 * 5000);
			memset(expected, 0, 7 * sizeof(expected[0]));
		} else {
			group_table_clear(&table);
			memset(expected, 0, sizeof(expected));
		}
		expect_equal(&table, expected);
	}
	group_table_deinit(&table);
}

Test(group_table, a_group_is_small)
{
	struct group_table table;
	char text[32];

	group_table_init(&table, cells_of(1), 1);
	for (unsigned i = 0; i < 100000; i++)
		put(&table, 0, key_of(text, i));
	size_t per_group = group_table_memory_bytes(&table) / table.count;
	printf("memory of a group with one aggregate and a short key: %zu bytes\n", per_group);
	cr_expect_leq(per_group, 160);
	group_table_deinit(&table);
}

enum { CHOSEN = 200, LOW_BITS = 0x3FF };

static unsigned distinct_low_bits(const struct group_table *table, const uint32_t *chosen,
				  bool is_time)
{
	bool is_used[LOW_BITS + 1] = {false};
	unsigned count = 0;

	for (unsigned i = 0; i < CHOSEN; i++) {
		char text[32];
		uint64_t key_hash =
			is_time ? 0 : group_key_hash(table->seed, key_of(text, chosen[i]));
		uint64_t hash =
			group_hash(table, key_hash, is_time ? (int64_t)chosen[i] * 5000 : 0);

		count += !is_used[hash & LOW_BITS];
		is_used[hash & LOW_BITS] = true;
	}
	return count;
}

/* Keys, or times, that all begin their search at one slot under one seed spread under another: 200
 * at random in 1,024 places would fill about 182; times keep some of their regularity. */
static void expect_spread(bool is_time)
{
	struct group_table known, other;
	uint32_t chosen[CHOSEN];
	unsigned count = 0;

	group_table_init(&known, cells_of(1), 1);
	group_table_init(&other, cells_of(1), 2);
	for (uint32_t i = 0; count < CHOSEN; i++) {
		char text[32];
		uint64_t key_hash = is_time ? 0 : group_key_hash(known.seed, key_of(text, i));

		if ((group_hash(&known, key_hash, is_time ? (int64_t)i * 5000 : 0) & LOW_BITS) == 7)
			chosen[count++] = i;
	}
	cr_expect_eq(distinct_low_bits(&known, chosen, is_time), 1);
	cr_expect_geq(distinct_low_bits(&other, chosen, is_time), 100);
}

Test(group_table, keys_that_collide_under_one_seed_do_not_under_another)
{
	expect_spread(false);
}

Test(group_table, times_that_collide_under_one_seed_do_not_under_another)
{
	expect_spread(true);
}
