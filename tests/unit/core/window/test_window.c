#include "core/window/window.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/window/group_table.h"
#include "core/window/metric.h"

/* Of so many numbers. */
static const struct cell_layout *cells_of(uint32_t value_count)
{
	static struct cell_layout layouts[CELL_VALUES_MAX + 1];

	cell_layout_init(&layouts[value_count], value_count, NULL);
	return &layouts[value_count];
}

static struct window *open_window(uint32_t value_count, uint32_t keys_max)
{
	static const char *const values[] = {"amount", "cost_time"};
	struct metric_spec spec = {.source = "pay",
				   .filter = "",
				   .values = values,
				   .value_count = value_count,
				   .pane_ms = 5000};
	struct metric *metric = metric_new(&spec);
	struct window *window =
		window_new(metric, &(struct window_options){.keys_max = keys_max, .seed = 42});

	metric_unref(metric);
	return window;
}

static struct aggregate counted(uint64_t count)
{
	return (struct aggregate){.count = count};
}

static int add(struct window *window, int64_t start_ms, const char *key, uint64_t count)
{
	struct aggregate delta = counted(count);

	return window_merge(window, start_ms, slice_of(key), &delta);
}

static uint64_t total(const struct window *window, const char *key, int64_t from_ms, int64_t to_ms)
{
	struct aggregate out;

	window_total(window, slice_of(key), from_ms, to_ms, &out);
	return out.count;
}

static struct window_usage usage(const struct window *window)
{
	struct window_usage out;

	window_usage(window, &out);
	return out;
}

Test(window, merges_deltas_into_their_pane)
{
	struct window *window = open_window(2, 0);
	struct aggregate delta[2] = {AGGREGATE_EMPTY, AGGREGATE_EMPTY}, pane[2];

	aggregate_add(&delta[0]);
	aggregate_add_number(&delta[0], 2.5);
	aggregate_add(&delta[1]);
	cr_assert(window_merge(window, 5000, slice_of("m1"), delta) == 0);
	cr_assert(window_merge(window, 5000, slice_of("m1"), delta) == 0);
	window_total(window, slice_of("m1"), 5000, 10000, pane);
	cr_expect(pane[0].count == 2 * delta[0].count && aggregate_sum(&pane[0]) == 5.0);
	cr_expect(pane[0].samples == 2 && pane[1].samples == 0);
	cr_expect(pane[1].count == 2);
	cr_expect(usage(window).pane_count == 1);
	window_free(window);
}

static struct group_table table_of(uint64_t seed)
{
	struct group_table table;
	static const char *const keys[] = {"a", "b", "c"};

	group_table_init(&table, cells_of(1), seed);
	for (int i = 0; i < 30; i++) {
		struct slice key = slice_of(keys[i % 3]);

		aggregate_add(group_table_put(&table, group_key_hash(seed, key), i / 6 * 5000, key)
				      ->aggregates);
	}
	return table;
}

Test(window, merges_a_table_from_a_start_on_whatever_its_seed)
{
	for (uint64_t seed = 41; seed <= 42; seed++) {
		struct window *window = open_window(0, 2);
		struct group_table table = table_of(seed);
		struct window_merged merged;

		window_merge_table(window, &table, 10000, &merged);
		cr_expect(merged.first_ms == 10000 && merged.late_count == 12);
		cr_expect(total(window, "a", 0, 30000) == 6 && total(window, "b", 0, 30000) == 6);
		cr_expect(total(window, "a", 15000, 20000) == 2);
		cr_expect(usage(window).overflow_count == 6, "those of c");
		group_table_clear(&table);
		window_merge_table(window, &table, 0, &merged);
		cr_expect(merged.first_ms == INT64_MAX && merged.late_count == 0);
		group_table_deinit(&table);
		window_free(window);
	}
}

Test(window, passes_over_marked_groups_of_a_table)
{
	struct window *window = open_window(0, 2);
	struct group_table table = table_of(41);
	struct window_merged merged;
	struct slice key = slice_of("a");

	for (int64_t start_ms = -5000; start_ms <= 5000; start_ms += 5000) {
		aggregate_add(group_table_put(&table, group_key_hash(41, key), start_ms + 1, key)
				      ->aggregates);
		aggregate_add(group_table_put(&table, group_key_hash(41, key), start_ms + 4999, key)
				      ->aggregates);
	}
	window_merge_table(window, &table, 10000, &merged);
	cr_expect(merged.first_ms == 10000 && merged.late_count == 12, "neither merged nor late");
	cr_expect(total(window, "a", -10000, 30000) == 6);
	group_table_deinit(&table);
	window_free(window);
}

Test(window, sums_from_inclusive_to_exclusive)
{
	struct window *window = open_window(0, 0);

	add(window, 10000, "m1", 4);
	add(window, 0, "m1", 1);
	add(window, 5000, "m1", 2);
	add(window, 5000, "m2", 100);
	cr_expect(total(window, "m1", 0, 15000) == 7);
	cr_expect(total(window, "m1", 0, 10000) == 3);
	cr_expect(total(window, "m1", 5000, 10000) == 2);
	cr_expect(total(window, "m1", 1, 10001) == 6);
	cr_expect(total(window, "m1", 10001, 99999) == 0);
	cr_expect(total(window, "m1", 5000, 5000) == 0);
	cr_expect(total(window, "m3", 0, 15000) == 0);
	window_free(window);
}

Test(window, takes_times_before_the_epoch_and_the_key_of_the_whole_system)
{
	struct window *window = open_window(0, 0);

	add(window, -5000, "", 3);
	cr_expect(total(window, "", -5000, 0) == 3);
	window_free(window);
}

Test(window, keeps_no_empty_pane)
{
	struct window *window = open_window(0, 1);
	struct aggregate empty = AGGREGATE_EMPTY;

	cr_expect(window_merge(window, 0, slice_of("m1"), &empty) == 0);
	cr_expect(usage(window).key_count == 0 && usage(window).pane_count == 0);
	add(window, 0, "m2", 1);
	cr_expect(window_merge(window, 0, slice_of("m1"), &empty) == 0, "even when full");
	cr_expect(usage(window).key_count == 1 && usage(window).overflow_count == 0);
	window_free(window);
}

Test(window, refuses_a_key_too_many_and_counts_its_readings)
{
	struct window *window = open_window(0, 3);

	cr_expect(add(window, 0, "a", 1) == 0);
	cr_expect(add(window, 0, "b", 1) == 0);
	cr_expect(add(window, 0, "c", 1) == 0);
	cr_expect(add(window, 0, "d", 1) == ERR_FULL);
	cr_expect(add(window, 0, "d", 4) == ERR_FULL);
	cr_expect(add(window, 5000, "a", 1) == 0, "a known key goes on");
	cr_expect(usage(window).overflow_count == 5);
	cr_expect(window_refused_ms(window) == 5000, "end of the pane");
	cr_expect(window_expire(window, 5000) == 3);
	cr_expect(usage(window).key_count == 1);
	cr_expect(add(window, 5000, "d", 1) == 0, "room again");
	cr_expect(add(window, 5000, "b", 1) == 0, "also for one that was there");
	cr_expect(add(window, 5000, "c", 1) == ERR_FULL);
	window_free(window);
}

Test(window, finds_the_next_pane_of_any_key)
{
	struct window *window = open_window(0, 0);
	int64_t at = -1;

	cr_expect(!window_next_pane(window, INT64_MIN, &at));
	add(window, 20000, "m1", 1);
	add(window, 10000, "m2", 1);
	cr_expect(window_next_pane(window, INT64_MIN, &at) && at == 10000);
	cr_expect(window_next_pane(window, 10000, &at) && at == 10000);
	cr_expect(window_next_pane(window, 10001, &at) && at == 20000);
	cr_expect(!window_next_pane(window, 20001, &at));
	window_expire(window, 10001);
	cr_expect(window_next_pane(window, 0, &at) && at == 20000);
	window_free(window);
}

static void append_key(void *arg, struct slice key, const struct aggregate *total_of_key)
{
	bytes_append_format(arg, "%.*s=%llu ", (int)key.length, key.data,
			    (unsigned long long)total_of_key->count);
}

Test(window, lists_keys_with_panes)
{
	struct window *window = open_window(0, 0);
	struct bytes text = BYTES_EMPTY;

	add(window, 0, "z", 1);
	add(window, 5000, "a", 2);
	add(window, 0, "m", 3);
	add(window, 5000, "z", 4);
	window_each(window, 0, 10000, append_key, &text);
	cr_expect_str_eq(text.data, "z=5 a=2 m=3 ");
	bytes_clear(&text);
	window_each(window, 5000, 10000, append_key, &text);
	cr_expect_str_eq(text.data, "z=4 a=2 ");
	bytes_deinit(&text);
	window_free(window);
}

Test(window, expires_dead_keys_and_takes_new_ones)
{
	struct window *window = open_window(0, 0);
	struct bytes text = BYTES_EMPTY;
	uint64_t memory_bytes = 0;
	char key[32];

	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 500; i++) {
			snprintf(key, sizeof(key), "visitor-%d-%d", round, i);
			add(window, round * 5000, key, 1);
		}
		add(window, round * 5000, "stays", 1);
		window_expire(window, (round - 1) * 5000);
		cr_assert(usage(window).key_count == (round == 0 ? 501 : 1001));
		if (round == 5)
			memory_bytes = usage(window).memory_bytes;
	}
	cr_expect(usage(window).memory_bytes <= 2 * memory_bytes, "it grew from %llu to %llu",
		  (unsigned long long)memory_bytes, (unsigned long long)usage(window).memory_bytes);
	cr_expect(total(window, "stays", 0, INT64_MAX) == 2);
	cr_expect(total(window, "visitor-49-7", 0, INT64_MAX) == 1);
	cr_expect(total(window, "visitor-40-7", 0, INT64_MAX) == 0);
	cr_expect(window_expire(window, INT64_MAX) == 1002);
	cr_expect(window_expire(window, INT64_MAX) == 0);
	cr_expect(usage(window).key_count == 0 && usage(window).pane_count == 0);
	cr_expect(usage(window).memory_bytes < memory_bytes / 10);
	add(window, 0, "again", 1);
	window_each(window, 0, 1, append_key, &text);
	cr_expect_str_eq(text.data, "again=1 ");
	bytes_deinit(&text);
	window_free(window);
}

Test(window, memory_grows_with_keys_in_proportion)
{
	uint64_t bytes_per_key[2];

	for (int round = 0; round < 2; round++) {
		struct window *window = open_window(0, 1000000);
		int count = round == 0 ? 10000 : 80000;
		char key[32];

		for (int i = 0; i < count; i++) {
			struct aggregate one = counted(1);

			/* As dimension.h makes it of a customerId. */
			snprintf(key, sizeof(key), "%c%c%cc%07d", 4, 0, 8, i);
			cr_assert(window_merge(window, 0, (struct slice){key, 11}, &one) == 0);
		}
		bytes_per_key[round] = usage(window).memory_bytes / (uint64_t)count;
		window_free(window);
	}
	printf("a key of 11 bytes with one counted pane: %llu and %llu bytes\n",
	       (unsigned long long)bytes_per_key[0], (unsigned long long)bytes_per_key[1]);
	cr_expect(bytes_per_key[0] < 140 && bytes_per_key[1] < 140);
}
