/* Old panes lose their lines, and no window that is still asked for is another for it: random
 * lines, late ones too, three windows at once, restarts from the rows; the expectation is a plain
 * list. */
#include "core/window/window.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/value.h"
#include "core/window/metric.h"
#include "core/window/window_slide.h"

enum {
	PANE = 5000,
	LINES = 3, /* of a key */
	KEYS = 6,
	STEPS = 600,
	SLIDES = 3,
	LISTED_MAX = STEPS * KEYS * 8,
	ROWS_MAX = 4096,
	PAD = 300,
};

static const int64_t window_panes[SLIDES] = {10, 70, 140};

struct listed {
	int64_t time_ms;
	int key, number;
};

struct row {
	int64_t start_ms;
	uint32_t row;
	struct bytes content;
};

struct world {
	struct metric *metric;
	struct window *window;
	struct window_slide *slides[SLIDES];
	struct listed listed[LISTED_MAX];
	int count;
	struct row rows[ROWS_MAX]; /* in order */
	uint32_t row_count;
	uint64_t random;
	int64_t to_ms;
};

static uint32_t next_random(struct world *world)
{
	world->random = world->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(world->random >> 33);
}

static struct metric *new_metric(void)
{
	struct metric_spec spec = {.source = "pay",
				   .filter = "",
				   .values = (const char *const[]){"v", METRIC_LINE},
				   .value_count = 2,
				   .needs = (const uint8_t[]){CELL_NUMBER, CELL_LINES},
				   .lines_max = LINES,
				   .pane_ms = PANE};

	return metric_new(&spec);
}

static void open_window(struct world *world)
{
	struct window_options options = {.seed = 5, .is_stored = true};

	world->window = window_new(world->metric, &options);
	for (int i = 0; i < SLIDES; i++)
		world->slides[i] = window_slide_new(
			world->window, NULL,
			&(struct window_slide_options){.window_ms = window_panes[i] * PANE,
						       .totals = options});
}

static void close_window(struct world *world)
{
	for (int i = 0; i < SLIDES; i++)
		window_slide_free(world->slides[i]);
	window_free(world->window);
}

static struct world *open_world(uint64_t seed)
{
	struct world *world = calloc(1, sizeof(*world));

	cr_assert_not_null(world);
	world->random = seed;
	world->metric = new_metric();
	open_window(world);
	return world;
}

static void close_world(struct world *world)
{
	close_window(world);
	metric_unref(world->metric);
	for (uint32_t i = 0; i < world->row_count; i++)
		bytes_deinit(&world->rows[i].content);
	free(world);
}

/* ---- lines ---- */

static void add_line(struct world *world, int64_t time_ms, int key)
{
	const struct cell_layout *layout = &world->metric->cells;
	struct cell_total delta = {0};
	struct value number = {.type = VALUE_INT, .as.integer = 1}, line = {.type = VALUE_STRING};
	char text[PAD + 1], name[16];

	cr_assert_lt(world->count, LISTED_MAX);
	snprintf(text, sizeof(text), "%-*d", PAD, world->count);
	snprintf(name, sizeof(name), "key %d", key);
	line.as.text = text;
	line.length = PAD;
	cells_add(layout, delta.aggregates, 0, &number, time_ms, NULL);
	cells_add(layout, delta.aggregates, 1, &line, time_ms, NULL);
	cr_assert_eq(window_merge(world->window, time_ms / PANE * PANE, slice_of(name),
				  delta.aggregates),
		     0);
	cells_release(layout, delta.aggregates, NULL);
	world->listed[world->count] = (struct listed){time_ms, key, world->count};
	world->count++;
}

static int compare_listed(const void *a, const void *b)
{
	const struct listed *left = a, *right = b;

	if (left->time_ms != right->time_ms)
		return left->time_ms < right->time_ms ? -1 : 1;
	return left->number - right->number;
}

/* ---- what is asked for ---- */

static void expect_newest(struct world *world, int slide, int key)
{
	static struct listed found[LISTED_MAX];
	int64_t from_ms = world->to_ms - window_panes[slide] * PANE;
	const struct cell_layout *layout = &world->metric->cells;
	struct cell_total total;
	uint32_t count = 0, kept;
	char name[16];

	snprintf(name, sizeof(name), "key %d", key);
	for (int i = 0; i < world->count; i++)
		if (world->listed[i].key == key && world->listed[i].time_ms >= from_ms &&
		    world->listed[i].time_ms < world->to_ms)
			found[count++] = world->listed[i];
	qsort(found, count, sizeof(found[0]), compare_listed);
	kept = count < LINES ? count : LINES;
	window_slide_total(world->slides[slide], world->to_ms, slice_of(name), total.aggregates);
	cr_assert_eq(total.aggregates[0].count, count);
	cr_assert_eq(cells_line_count(layout, total.aggregates), kept,
		     "%s at %lld, window %d: %u lines, not %u", name, (long long)world->to_ms,
		     slide, cells_line_count(layout, total.aggregates), kept);
	for (uint32_t i = 0; i < kept; i++) {
		const struct listed *expected = &found[count - kept + i];
		struct cell_line line = cells_line(layout, total.aggregates, i);

		cr_assert_eq(line.time_ms, expected->time_ms);
		cr_assert_eq(atoi(line.text.data), expected->number);
	}
	cells_release(layout, total.aggregates, NULL);
}

static void on_total(void *arg, uint32_t ref, const struct aggregate *total, bool is_marked)
{
	(void)arg, (void)ref, (void)total, (void)is_marked;
}

static void judge(struct world *world)
{
	for (int i = 0; i < SLIDES; i++) {
		window_slide_begin(world->slides[i], world->to_ms, LEVEL_NONE);
		window_slide_walk(world->slides[i], on_total, world);
		for (int key = 0; key < KEYS; key++)
			expect_newest(world, i, key);
	}
}

/* Lines of the panes of a key that end until `to_ms`. */
static uint32_t count_closed(const struct world *world, int key)
{
	const struct cell_layout *layout = &world->metric->cells;
	uint32_t count = 0;
	char name[16];

	snprintf(name, sizeof(name), "key %d", key);
	for (int64_t start_ms = 0; start_ms < world->to_ms; start_ms += PANE) {
		struct cell_total pane;

		window_total(world->window, slice_of(name), start_ms, start_ms + PANE,
			     pane.aggregates);
		count += cells_line_count(layout, pane.aggregates);
		cells_release(layout, pane.aggregates, NULL);
	}
	return count;
}

/* ---- rows ---- */

static uint32_t place_of(const struct world *world, int64_t start_ms, uint32_t row)
{
	uint32_t i = 0;

	while (i < world->row_count &&
	       (world->rows[i].start_ms < start_ms ||
		(world->rows[i].start_ms == start_ms && world->rows[i].row < row)))
		i++;
	return i;
}

static void on_put(void *arg, int64_t start_ms, uint32_t row, struct slice content)
{
	struct world *world = arg;
	uint32_t at = place_of(world, start_ms, row);
	struct row *place = &world->rows[at];

	if (at == world->row_count || place->start_ms != start_ms || place->row != row) {
		cr_assert_lt(world->row_count, (uint32_t)ROWS_MAX);
		memmove(place + 1, place, (world->row_count++ - at) * sizeof(*place));
		*place = (struct row){start_ms, row, BYTES_EMPTY};
	}
	bytes_clear(&place->content);
	bytes_append_slice(&place->content, content);
}

static void on_drop(void *arg, int64_t start_ms, uint32_t row)
{
	struct world *world = arg;
	uint32_t at = place_of(world, start_ms, row);

	bytes_deinit(&world->rows[at].content);
	world->row_count--;
	memmove(&world->rows[at], &world->rows[at + 1],
		(world->row_count - at) * sizeof(world->rows[0]));
}

static void save(struct world *world)
{
	struct window_rows rows = {on_put, on_drop, world};

	window_save(world->window, &rows);
}

static void restart(struct world *world)
{
	close_window(world);
	open_window(world);
	for (uint32_t i = 0; i < world->row_count; i++)
		cr_assert_eq(window_load(world->window, world->rows[i].start_ms, world->rows[i].row,
					 bytes_slice(&world->rows[i].content), NULL),
			     0);
}

static uint64_t stored_lines(const struct world *world)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < world->row_count; i++)
		bytes += world->rows[i].content.length;
	return bytes / PAD;
}

/* ---- */

static void add_random(struct world *world, int64_t step)
{
	for (int key = 0; key < KEYS; key++) {
		/* The first always has lines, the last seldom. */
		uint32_t count = next_random(world) % (uint32_t)(1 + 3 * key) == 0
					 ? 1 + next_random(world) % 5
					 : 0;

		/* Whole fifths of a pane: many have one time. */
		while (count-- > 0)
			add_line(world, step * PANE + next_random(world) % 5 * 1000, key);
	}
	if (step > 1 && next_random(world) % 4 == 0)
		add_line(world,
			 step * PANE - next_random(world) %
					       (uint32_t)(step < 90 ? step * PANE : 90 * PANE),
			 (int)(next_random(world) % KEYS));
}

static void run(uint64_t seed, bool has_restarts)
{
	struct world *world = open_world(seed);

	for (int64_t step = 0; step < STEPS; step++) {
		add_random(world, step);
		if (next_random(world) % 8 == 0)
			continue; /* several boundaries at once */
		world->to_ms = step * PANE;
		judge(world);
		window_drop_lines(world->window, world->to_ms);
		if (next_random(world) % 4 > 0)
			save(world);
		if (has_restarts && next_random(world) % 50 == 0) {
			save(world);
			restart(world);
			judge(world);
			window_drop_lines(world->window, world->to_ms);
		}
		for (int key = 0; key < KEYS; key++)
			cr_assert_lt(count_closed(world, key), 2 * LINES);
	}
	close_world(world);
}

Test(window_lines, what_windows_show_is_what_a_plain_list_has)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		run(seed, false);
		run(seed, true);
	}
}

/* All keys, in each pane as many lines as there may be: 6,480 without dropping, 2.1 MB. */
Test(window_lines, memory_and_store_do_not_grow_with_the_panes)
{
	struct world *world = open_world(1);
	struct window_usage usage;

	for (int64_t step = 0; step < 360; step++) {
		for (int i = 0; i < LINES * KEYS; i++)
			add_line(world, step * PANE, i % KEYS);
		save(world);
		world->to_ms = (step + 1) * PANE;
		window_drop_lines(world->window, world->to_ms);
	}
	save(world);
	for (int key = 0; key < KEYS; key++)
		cr_expect_eq(count_closed(world, key), LINES);
	window_usage(world->window, &usage);
	cr_expect_lt(usage.memory_bytes, 1000 * 1000, "%llu",
		     (unsigned long long)usage.memory_bytes);
	/* A pane without lines is 50 bytes. */
	cr_expect_lt(stored_lines(world), 360 * KEYS * 50 / PAD + 2 * KEYS * LINES);
	close_world(world);
}

/* Half of the keys of a start are silent afterwards: what the store has of the others goes. */
Test(window_lines, of_a_start_at_most_half_is_stored_without_need)
{
	struct world *world = open_world(1);

	for (int i = 0; i < LINES * KEYS; i++)
		add_line(world, 0, i % KEYS);
	save(world);
	cr_expect_geq(stored_lines(world), LINES * KEYS);
	for (int64_t step = 1; step < 3; step++) {
		for (int i = 0; i < LINES; i++)
			add_line(world, step * PANE, step == 1 ? 0 : i % 3);
		save(world);
	}
	for (int i = 0; i < LINES * 2; i++)
		add_line(world, 3 * PANE, i % 3);
	save(world);
	world->to_ms = 4 * PANE;
	window_drop_lines(world->window, world->to_ms);
	save(world);
	/* Three keys as they were; of the others what is among their newest. */
	cr_expect_eq(count_closed(world, 4), LINES);
	cr_expect_leq(stored_lines(world), 3 * LINES + 3 * 2 * LINES + 1);
	close_world(world);
}

Test(window_lines, where_every_pane_is_closed_a_late_line_goes_at_once)
{
	struct world *world = open_world(1);

	for (int i = 0; i < LINES; i++)
		add_line(world, 3 * PANE, 0);
	add_line(world, PANE, 0);
	window_drop_lines(world->window, INT64_MAX);
	world->to_ms = 5 * PANE;
	cr_expect_eq(count_closed(world, 0), LINES);
	add_line(world, 2 * PANE, 0);
	cr_expect_eq(count_closed(world, 0), LINES);
	add_line(world, 4 * PANE, 0);
	cr_expect_eq(count_closed(world, 0), LINES + 1);
	expect_newest(world, 0, 0);
	close_world(world);
}

Test(window_lines, a_metric_without_lines_has_nothing_to_lose)
{
	struct metric_spec spec = {.source = "pay", .filter = "", .pane_ms = PANE};
	struct metric *metric = metric_new(&spec);
	struct window *window =
		window_new(metric, &(struct window_options){.seed = 1, .is_stored = true});
	struct window_rows rows = {on_put, on_drop, open_world(1)};
	struct aggregate delta = {.count = 1};

	cr_expect_eq(window_merge(window, 0, slice_of("a"), &delta), 0);
	cr_expect_eq(window_merge(window, PANE, slice_of("a"), &delta), 0);
	window_save(window, &rows);
	window_drop_lines(window, 10 * PANE);
	cr_expect_not(window_has_changes(window));
	window_free(window);
	metric_unref(metric);
	close_world(rows.arg);
}
