/* Panes whose cells own sketches: killed at any save, forgotten, moved, refused, they are the same
 * as in a window that lives on, and as the readings say that were put in. */
#include "core/window/window.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/model/value.h"
#include "core/window/group_table.h"
#include "core/window/metric.h"

enum { PANE = 5000, ROWS_MAX = 512, KEYS = 6, STEPS = 1500, READINGS_MAX = STEPS * 200 };

static const uint8_t needs[] = {CELL_NUMBER | CELL_SQUARES | CELL_FIRST | CELL_LAST |
					CELL_DISTINCT | CELL_SKETCH,
				CELL_DISTINCT};

static const char *const measures[] = {"count",    "sum",   "avg",  "min", "max",   "stddev",
				       "distinct", "first", "last", "p50", "p99.9", "rate"};

static struct metric *new_metric(void)
{
	static const char *const values[] = {"amount", "client"};
	struct metric_spec spec = {.source = "pay",
				   .filter = "",
				   .values = values,
				   .value_count = 2,
				   .needs = needs,
				   .pane_ms = PANE};

	return metric_new(&spec);
}

static struct window *open_window(uint32_t keys_max)
{
	struct metric *metric = new_metric();
	struct window *window = window_new(
		metric,
		&(struct window_options){.keys_max = keys_max, .seed = 3, .is_stored = true});

	metric_unref(metric);
	return window;
}

/* ---- rows: a plain list in order ---- */

struct shelf {
	struct {
		int64_t start_ms;
		uint32_t row;
		struct bytes content;
	} rows[ROWS_MAX];
	uint32_t count;
};

static uint32_t place_of(const struct shelf *shelf, int64_t start_ms, uint32_t row)
{
	uint32_t i = 0;

	while (i < shelf->count &&
	       (shelf->rows[i].start_ms < start_ms ||
		(shelf->rows[i].start_ms == start_ms && shelf->rows[i].row < row)))
		i++;
	return i;
}

static void on_put(void *arg, int64_t start_ms, uint32_t row, struct slice content)
{
	struct shelf *shelf = arg;
	uint32_t at = place_of(shelf, start_ms, row);

	if (at == shelf->count || shelf->rows[at].start_ms != start_ms ||
	    shelf->rows[at].row != row) {
		cr_assert(shelf->count < ROWS_MAX);
		memmove(&shelf->rows[at + 1], &shelf->rows[at],
			(shelf->count - at) * sizeof(shelf->rows[0]));
		shelf->count++;
		shelf->rows[at].start_ms = start_ms;
		shelf->rows[at].row = row;
		shelf->rows[at].content = BYTES_EMPTY;
	}
	bytes_clear(&shelf->rows[at].content);
	bytes_append_slice(&shelf->rows[at].content, content);
}

static void on_drop(void *arg, int64_t start_ms, uint32_t row)
{
	struct shelf *shelf = arg;
	uint32_t at = place_of(shelf, start_ms, row);

	bytes_deinit(&shelf->rows[at].content);
	shelf->count--;
	memmove(&shelf->rows[at], &shelf->rows[at + 1],
		(shelf->count - at) * sizeof(shelf->rows[0]));
}

static struct window *reopen(struct window *window, struct shelf *shelf)
{
	struct window_rows rows = {on_put, on_drop, shelf};
	struct err_note why = {0};

	window_save(window, &rows);
	window_free(window);
	window = open_window(0);
	for (uint32_t i = 0; i < shelf->count; i++)
		cr_assert(window_load(window, shelf->rows[i].start_ms, shelf->rows[i].row,
				      bytes_slice(&shelf->rows[i].content), &why) == 0,
			  "%s", why.text);
	return window;
}

static void expire(struct window *lives, struct window *dies, struct shelf *shelf, int64_t ms)
{
	cr_assert_eq(window_expire(lives, ms), window_expire(dies, ms));
	while (shelf->count > 0 && shelf->rows[0].start_ms < ms)
		on_drop(shelf, shelf->rows[0].start_ms, shelf->rows[0].row);
}

/* ---- readings ---- */

struct reading {
	int64_t time_ms;
	int key;
	double number;
	int client;
};

struct world {
	struct window *lives, *dies;
	struct shelf shelf;
	struct reading *readings;
	size_t count;
	uint64_t state;
	int64_t forgotten_ms;
};

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

static struct slice key_of(int key, char text[16])
{
	snprintf(text, 16, "key %d", key);
	return slice_of(text);
}

static void add_reading(const struct cell_layout *layout, struct aggregate *cells,
			const struct reading *reading, size_t *memory)
{
	struct value number = {.type = VALUE_FLOAT, .as.number = reading->number};
	struct value client = {.type = VALUE_INT, .as.integer = reading->client};

	cells_add(layout, cells, 0, &number, reading->time_ms, memory);
	cells_add(layout, cells, 1, &client, reading->time_ms, memory);
}

/** Some readings into a bundle's table, and that into both windows. */
static void add_bundle(struct world *world, int step, struct group_table *table)
{
	uint32_t count = next_random(&world->state) % 20 == 0 ? 200 : 5;
	struct window_merged merged;

	for (uint32_t i = 0; i < count; i++) {
		struct reading reading = {
			.time_ms = (int64_t)step * 700 - next_random(&world->state) % 9000,
			.key = (int)(next_random(&world->state) % KEYS),
			.number = (double)(next_random(&world->state) % 100000) / 7 - 1000,
			.client = (int)(next_random(&world->state) % 3000),
		};
		int64_t start_ms = reading.time_ms - ((reading.time_ms % PANE) + PANE) % PANE;
		char text[16];
		struct slice key = key_of(reading.key, text);
		struct group *group =
			group_table_put(table, group_key_hash(table->seed, key), start_ms, key);

		add_reading(table->layout, group->aggregates, &reading, &table->heap_bytes);
		world->readings[world->count++] = reading;
	}
	window_merge_table(world->lives, table, INT64_MIN, &merged);
	window_merge_table(world->dies, table, INT64_MIN, &merged);
	group_table_clear(table);
	cr_assert_eq(table->heap_bytes, 0);
}

static double measure_of(const struct cell_layout *layout, const struct aggregate *cells,
			 const char *name, uint8_t value)
{
	struct measure measure = {.value = value};
	double out = -77;

	cr_assert_eq(measure_parse(name, &measure), 0);
	measure_value(layout, cells, &measure, 60000, &out);
	return out;
}

static void expect_same(const struct cell_layout *layout, const struct aggregate *a,
			const struct aggregate *b)
{
	for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++) {
		double x = measure_of(layout, a, measures[i], 0);
		double y = measure_of(layout, b, measures[i], 0);

		cr_assert(fabs(x - y) <= 1e-12 * fabs(x), "%s: %.17g %.17g", measures[i], x, y);
	}
	cr_assert_eq(measure_of(layout, a, "distinct", 1), measure_of(layout, b, "distinct", 1));
}

/** The last minute of each key, in both windows and of the readings themselves. */
static void expect_totals(const struct world *world, int64_t now_ms)
{
	int64_t to_ms = now_ms / PANE * PANE, from_ms = to_ms - 60000;
	struct cell_layout layout;

	if (from_ms < world->forgotten_ms)
		from_ms = world->forgotten_ms;
	cell_layout_init(&layout, 2, needs);
	for (int key = 0; key < KEYS; key++) {
		struct cell_total plain = {0}, lives, dies;
		char text[16];

		for (size_t i = 0; i < world->count; i++) {
			const struct reading *reading = &world->readings[i];

			if (reading->key == key && reading->time_ms >= from_ms &&
			    reading->time_ms < to_ms)
				add_reading(&layout, plain.aggregates, reading, NULL);
		}
		window_total(world->lives, key_of(key, text), from_ms, to_ms, lives.aggregates);
		window_total(world->dies, key_of(key, text), from_ms, to_ms, dies.aggregates);
		expect_same(&layout, plain.aggregates, lives.aggregates);
		expect_same(&layout, plain.aggregates, dies.aggregates);
		cells_release(&layout, plain.aggregates, NULL);
		cells_release(&layout, lives.aggregates, NULL);
		cells_release(&layout, dies.aggregates, NULL);
	}
}

Test(window_cells, a_window_killed_at_any_save_has_what_its_readings_say)
{
	struct world *world = mem_alloc(sizeof(*world));
	struct metric *metric = new_metric();
	struct group_table table;

	*world = (struct world){.lives = open_window(0), .dies = open_window(0), .state = 11};
	world->forgotten_ms = INT64_MIN;
	world->readings = mem_alloc_array(READINGS_MAX, sizeof(*world->readings));
	group_table_init(&table, &metric->cells, 9);
	for (int step = 0; step < STEPS; step++) {
		uint32_t choice = next_random(&world->state) % 40;
		int64_t now_ms = (int64_t)step * 700;

		add_bundle(world, step, &table);
		if (choice == 0) {
			world->forgotten_ms = now_ms / PANE * PANE - 30 * PANE;
			expire(world->lives, world->dies, &world->shelf, world->forgotten_ms);
		}
		if (choice == 1)
			window_close(world->dies, now_ms - 3 * PANE);
		if (choice < 4) {
			world->dies = reopen(world->dies, &world->shelf);
			expect_totals(world, now_ms);
		}
	}
	window_free(world->lives);
	window_free(world->dies);
	while (world->shelf.count > 0)
		on_drop(&world->shelf, world->shelf.rows[0].start_ms, world->shelf.rows[0].row);
	group_table_deinit(&table);
	metric_unref(metric);
	mem_free(world->readings);
	mem_free(world);
}

static struct slice keep(struct bytes *bytes, const struct shelf *shelf)
{
	bytes_append_slice(bytes, bytes_slice(&shelf->rows[0].content));
	return bytes_slice(bytes);
}

/** Thousands of keys come and go, so the window is built anew; memory follows what there is. */
Test(window_cells, memory_is_counted_and_given_back)
{
	struct window *window = open_window(0);
	struct metric *metric = new_metric();
	struct window_usage full, empty;

	for (int key = 0; key < 4000; key++) {
		struct reading reading = {.time_ms = key < 3990 ? 0 : PANE, .number = key};
		struct cell_total delta = {0};
		char text[16];

		add_reading(&metric->cells, delta.aggregates, &reading, NULL);
		window_merge(window, reading.time_ms, key_of(key, text), delta.aggregates);
		cells_release(&metric->cells, delta.aggregates, NULL);
	}
	window_usage(window, &full);
	cr_expect_eq(window_expire(window, PANE), 3990);
	window_usage(window, &empty);
	/* A bin and two hashes: 40 + 72 + 72 bytes a pane. */
	cr_expect_geq(full.memory_bytes - empty.memory_bytes, 3990ul * 184);
	cr_expect_eq(empty.key_count, 10);
	window_free(window);
	metric_unref(metric);
}

Test(window_cells, rows_that_are_damaged_or_have_no_room_leak_nothing)
{
	struct window *window = open_window(0), *small = open_window(2);
	struct metric *metric = new_metric();
	struct shelf *shelf = mem_alloc(sizeof(*shelf));
	struct window_rows rows = {on_put, on_drop, shelf};
	struct bytes bytes = BYTES_EMPTY;
	struct err_note why = {0};
	struct window_usage usage;
	struct slice row;

	for (int key = 0; key < 3; key++) {
		struct reading reading = {.number = key};
		struct cell_total delta = {0};
		char text[16];

		add_reading(&metric->cells, delta.aggregates, &reading, NULL);
		window_merge(window, 0, key_of(key, text), delta.aggregates);
		cells_release(&metric->cells, delta.aggregates, NULL);
	}
	window_save(window, &rows);
	cr_assert_eq(shelf->count, 1);
	row = keep(&bytes, shelf);
	for (size_t length = 0; length < row.length; length++) {
		struct window *other = open_window(0);

		/* Where a pane ends the row may end too. */
		if (length == 0 || length % (row.length / 3) != 0)
			cr_expect_eq(
				window_load(other, 0, 0, (struct slice){row.data, length}, &why),
				ERR_CORRUPT, "%zu", length);
		window_free(other);
	}
	cr_expect_eq(window_load(small, 0, 0, row, &why), 0);
	window_usage(small, &usage);
	cr_expect(usage.key_count == 2 && usage.overflow_count == 1);
	cr_expect_eq(window_load(small, 0, 0, row, &why), 0, "a second time in place");
	on_drop(shelf, 0, 0);
	bytes_deinit(&bytes);
	mem_free(shelf);
	window_free(window);
	window_free(small);
	metric_unref(metric);
}

Test(window_cells, metrics_that_keep_more_are_others)
{
	static const char *const values[] = {"amount", "client"};
	struct metric_spec spec = {
		.source = "pay", .filter = "", .values = values, .value_count = 2, .pane_ms = PANE};
	static const uint8_t kinds[][2] = {{CELL_NUMBER, CELL_NUMBER},
					   {CELL_NUMBER | CELL_SQUARES, CELL_NUMBER},
					   {CELL_NUMBER, CELL_NUMBER | CELL_SQUARES},
					   {CELL_NUMBER, CELL_DISTINCT}};
	struct metric *plain = metric_new(&spec), *others[4];

	for (int i = 0; i < 4; i++) {
		spec.needs = kinds[i];
		others[i] = metric_new(&spec);
		cr_expect_eq(memcmp(&plain->id, &others[i]->id, sizeof(plain->id)) == 0, i == 0);
		for (int k = 0; k < i; k++)
			cr_expect_neq(memcmp(&others[k]->id, &others[i]->id, sizeof(plain->id)), 0);
	}
	for (int i = 0; i < 4; i++)
		metric_unref(others[i]);
	metric_unref(plain);
}
