/* A window is killed at any moment and made again from its rows: every pane must be the same, bit
 * by bit, as in a window that lives on. The rows are kept in a plain list. */
#include "core/window/window.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/window/metric.h"

enum { ROWS_MAX = 4096, PANE = 5000 };

struct stored_row {
	int64_t start_ms;
	uint32_t row;
	struct bytes content;
};

struct shelf {
	struct stored_row rows[ROWS_MAX];
	uint32_t count;
	uint64_t written_bytes;
};

static void drop_row(struct shelf *shelf, uint32_t index)
{
	bytes_deinit(&shelf->rows[index].content);
	shelf->rows[index] = shelf->rows[--shelf->count];
}

static uint32_t find_row(const struct shelf *shelf, int64_t start_ms, uint32_t row)
{
	uint32_t i = 0;

	while (i < shelf->count &&
	       (shelf->rows[i].start_ms != start_ms || shelf->rows[i].row != row))
		i++;
	return i;
}

static void on_put(void *arg, int64_t start_ms, uint32_t row, struct slice content)
{
	struct shelf *shelf = arg;
	uint32_t at = find_row(shelf, start_ms, row);

	cr_assert(content.length > 0);
	if (at == shelf->count) {
		cr_assert(shelf->count < ROWS_MAX);
		shelf->rows[shelf->count++] = (struct stored_row){start_ms, row, BYTES_EMPTY};
	}
	bytes_clear(&shelf->rows[at].content);
	bytes_append_slice(&shelf->rows[at].content, content);
	shelf->written_bytes += content.length;
}

static void on_drop(void *arg, int64_t start_ms, uint32_t row)
{
	struct shelf *shelf = arg;
	uint32_t at = find_row(shelf, start_ms, row);

	cr_assert(at < shelf->count, "only what is there is dropped");
	drop_row(shelf, at);
}

static void save(struct window *window, struct shelf *shelf)
{
	struct window_rows rows = {on_put, on_drop, shelf};

	window_save(window, &rows);
	cr_assert(!window_has_changes(window));
}

static void expire(struct window *window, struct shelf *shelf, int64_t before_ms)
{
	window_expire(window, before_ms);
	for (uint32_t i = shelf->count; i-- > 0;)
		if (shelf->rows[i].start_ms < before_ms)
			drop_row(shelf, i);
}

static void clear_shelf(struct shelf *shelf)
{
	while (shelf->count > 0)
		drop_row(shelf, shelf->count - 1);
	mem_free(shelf);
}

static int compare_rows(const void *a, const void *b)
{
	const struct stored_row *x = a, *y = b;

	if (x->start_ms != y->start_ms)
		return x->start_ms < y->start_ms ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

static struct window *open_window(uint32_t value_count, uint32_t keys_max)
{
	static const char *const values[] = {"amount", "cost_time"};
	struct metric_spec spec = {.source = "pay",
				   .filter = "",
				   .values = values,
				   .value_count = value_count,
				   .pane_ms = PANE};
	struct metric *metric = metric_new(&spec);
	struct window *window = window_new(
		metric,
		&(struct window_options){.keys_max = keys_max, .seed = 3, .is_stored = true});

	metric_unref(metric);
	return window;
}

static struct window *reopen(struct window *window, struct shelf *shelf, uint32_t value_count)
{
	struct err_note why = {0};

	window_free(window);
	window = open_window(value_count, 0);
	qsort(shelf->rows, shelf->count, sizeof(shelf->rows[0]), compare_rows);
	for (uint32_t i = 0; i < shelf->count; i++)
		cr_assert(window_load(window, shelf->rows[i].start_ms, shelf->rows[i].row,
				      bytes_slice(&shelf->rows[i].content), &why) == 0,
			  "%s", why.text);
	cr_assert(!window_has_changes(window), "what was read needs no writing");
	return window;
}

struct pair {
	struct window *lives, *dies;
	int64_t start_ms;
	uint32_t count;
};

static void expect_pane(void *arg, struct slice key, const struct aggregate *total)
{
	struct pair *pair = arg;
	struct aggregate other[METRIC_VALUES_MAX];

	pair->count++;
	window_total(pair->dies, key, pair->start_ms, pair->start_ms + PANE, other);
	cr_assert(memcmp(total, other, sizeof(*total)) == 0, "a pane differs");
}

static void expect_same(struct window *lives, struct window *dies)
{
	struct window_usage a, b;
	struct pair pair = {lives, dies, INT64_MIN, 0};

	window_usage(lives, &a);
	window_usage(dies, &b);
	cr_assert(a.pane_count == b.pane_count && a.key_count == b.key_count);
	for (int64_t at = INT64_MIN; window_next_pane(lives, at, &pair.start_ms);
	     at = pair.start_ms + 1)
		window_each(lives, pair.start_ms, pair.start_ms + PANE, expect_pane, &pair);
	cr_assert(pair.count == a.pane_count);
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

/** One random delta into both: numbers with digits that no order of additions gives back. */
static void add_both(struct window *lives, struct window *dies, uint64_t *state, int step,
		     uint32_t value_count)
{
	uint32_t late = next_random(state) % 20 == 0 ? next_random(state) % 30 : 0;
	int64_t start_ms = ((int64_t)step / 40 - late) * PANE;
	struct aggregate delta[2] = {AGGREGATE_EMPTY, AGGREGATE_EMPTY};
	char key[16];

	snprintf(key, sizeof(key), "key %u", next_random(state) % (step % 700 < 350 ? 8 : 300));
	for (uint32_t i = 0; i < 2; i++) {
		if (value_count == 0 || next_random(state) % 5 == 0)
			aggregate_add(&delta[i]);
		else
			for (uint32_t k = next_random(state) % 3 + 1; k > 0; k--)
				aggregate_add_number(&delta[i], next_random(state) / 977.0 - 1e6);
	}
	cr_assert(window_merge(lives, start_ms, slice_of(key), delta) == 0);
	cr_assert(window_merge(dies, start_ms, slice_of(key), delta) == 0);
}

static void live_and_die(uint32_t value_count, uint64_t seed)
{
	struct shelf *shelf = mem_alloc(sizeof(*shelf));
	struct window *lives = open_window(value_count, 0), *dies = open_window(value_count, 0);
	uint64_t state = seed;

	for (int step = 0; step < 4000; step++) {
		uint32_t choice = next_random(&state) % 100;
		int64_t now_ms = (int64_t)step / 40 * PANE;

		add_both(lives, dies, &state, step, value_count);
		if (choice >= 8)
			continue;
		if (choice == 0) {
			window_expire(lives, now_ms - 25 * PANE);
			expire(dies, shelf, now_ms - 25 * PANE);
		}
		if (choice == 1)
			window_close(dies, now_ms - 2 * PANE);
		save(dies, shelf);
		if (choice < 4) {
			dies = reopen(dies, shelf, value_count);
			expect_same(lives, dies);
		}
	}
	window_free(lives);
	window_free(dies);
	clear_shelf(shelf);
}

Test(window_rows, a_window_killed_at_any_save_goes_on_bit_by_bit)
{
	for (uint64_t seed = 1; seed <= 4; seed++)
		for (uint32_t value_count = 0; value_count <= 2; value_count++)
			live_and_die(value_count, seed);
}

static void add(struct window *window, int64_t start_ms, int key, uint64_t count)
{
	struct aggregate delta = {.count = count};
	char text[16];

	snprintf(text, sizeof(text), "%d", key);
	cr_assert(window_merge(window, start_ms, slice_of(text), &delta) == 0);
}

Test(window_rows, few_keys_stay_one_row_and_one_row_replaces_many)
{
	struct shelf *shelf = mem_alloc(sizeof(*shelf));
	struct window *window = open_window(0, 0);

	for (int i = 0; i < 100; i++) {
		add(window, 0, 1, 1);
		add(window, 0, 2, 1);
		save(window, shelf);
		cr_assert(shelf->count == 1, "all of it changed each time");
	}
	for (int i = 0; i < 50; i++)
		add(window, PANE, i, 1);
	save(window, shelf);
	for (int i = 0; i < 1000; i++) {
		add(window, PANE, i % 50, 1);
		save(window, shelf);
		cr_assert(shelf->count <= 2 + 64, "%u rows", shelf->count);
	}
	window_close(window, 2 * PANE);
	cr_assert(window_has_changes(window));
	save(window, shelf);
	cr_expect(shelf->count == 2, "closed: %u rows", shelf->count);
	window_close(window, 2 * PANE);
	cr_expect(!window_has_changes(window), "once");
	window = reopen(window, shelf, 0);
	window_free(window);
	clear_shelf(shelf);
}

Test(window_rows, many_panes_are_cut_into_rows_and_shrink_again)
{
	struct shelf *shelf = mem_alloc(sizeof(*shelf));
	struct window *lives = open_window(2, 0), *dies = open_window(2, 0);
	uint64_t state = 9;

	for (int i = 0; i < 3000; i++)
		add_both(lives, dies, &state, 360, 2);
	for (int i = 0; i < 20000; i++)
		add_both(lives, dies, &state, 39, 2);
	save(dies, shelf);
	for (uint32_t i = 0; i < shelf->count; i++)
		cr_expect(shelf->rows[i].content.length < 64 * 1024 + 4500);
	dies = reopen(dies, shelf, 2);
	expect_same(lives, dies);
	window_free(lives);
	window_free(dies);
	clear_shelf(shelf);
}

Test(window_rows, nothing_is_remembered_when_nothing_is_stored)
{
	struct metric_spec spec = {.source = "pay", .filter = "", .pane_ms = PANE};
	struct metric *metric = metric_new(&spec);
	struct window *window = window_new(metric, &(struct window_options){.seed = 1});

	metric_unref(metric);
	add(window, 0, 1, 1);
	cr_expect(!window_has_changes(window));
	window_free(window);
}

static int load(struct window *window, const char *data, size_t length)
{
	struct err_note why = {0};
	int code = window_load(window, 0, 0, (struct slice){data, length}, &why);

	cr_expect(code == 0 || strstr(why.text, "damaged") != NULL);
	return code;
}

Test(window_rows, a_row_is_read_exactly)
{
	struct window *counts = open_window(0, 2), *numbers = open_window(1, 0);
	struct window_usage usage;
	struct aggregate total;
	char row[3 + 32] = "\1k\2";

	cr_expect(load(counts, "\1a\2\1b\x80\1", 7) == 0);
	window_total(counts, slice_of("b"), 0, PANE, &total);
	cr_expect(total.count == 128);
	cr_expect(load(counts, "\1c\5", 3) == 0);
	window_usage(counts, &usage);
	cr_expect(usage.key_count == 2 && usage.overflow_count == 5, "no room for c");
	cr_expect(load(counts, "", 0) == ERR_CORRUPT, "no pane");
	cr_expect(load(counts, "\1a", 2) == ERR_CORRUPT, "no count");
	cr_expect(load(counts, "\1a\0", 3) == ERR_CORRUPT, "an empty pane");
	cr_expect(load(counts, "\1a\x81\0", 4) == ERR_CORRUPT, "a number longer than need be");
	cr_expect(load(counts, "\1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\2", 12) == ERR_CORRUPT,
		  "2^64");
	cr_expect(load(counts, "\x99\x20", 2) == ERR_CORRUPT, "a key of 4,121 bytes");
	cr_expect(load(numbers, "\1k\2\0", 4) == 0, "two readings without a number");
	cr_expect(load(numbers, "\1k\2\3", 4) == ERR_CORRUPT, "three of two");
	row[3] = 1;
	cr_expect(load(numbers, row, 4 + 31) == ERR_CORRUPT, "cut");
	window_free(counts);
	window_free(numbers);
}
