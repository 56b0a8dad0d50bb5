/* The total of a stack is that of all panes of the window: after any steps, with late readings,
 * gaps, keys that come and go, and every statistic. */
#include "core/window/window_slide.h"
#include "core/window/window_stack.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "core/model/value.h"
#include "core/window/group_table.h"
#include "core/window/metric.h"

enum { PANE = 5000, KEYS = 12, SEED = 9 };

static const uint8_t all_needs[] = {CELL_NUMBER | CELL_SQUARES | CELL_FIRST | CELL_LAST |
				    CELL_DISTINCT | CELL_SKETCH};
static const char *const measures[] = {"count",  "sum",  "avg",   "min",      "max",
				       "stddev", "last", "first", "distinct", "p90"};
enum { MEASURES = sizeof(measures) / sizeof(measures[0]) };

struct world {
	struct metric *metric;
	struct window *window;
	struct window_slide *slide;
	int64_t window_ms, to_ms;
	uint64_t random;
	uint32_t told, counted_keys;
};

static uint32_t next_random(struct world *world)
{
	world->random = world->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(world->random >> 33);
}

static void open_world(struct world *world, int panes, uint32_t value_count, uint64_t seed)
{
	static const char *const values[] = {"amount"};
	struct metric_spec spec = {.source = "pay",
				   .filter = "",
				   .values = values,
				   .value_count = value_count,
				   .needs = all_needs,
				   .pane_ms = PANE};
	struct window_slide_options options = {.window_ms = (int64_t)panes * PANE,
					       .totals = {.seed = SEED}};

	*world = (struct world){.window_ms = options.window_ms, .random = seed};
	world->metric = metric_new(&spec);
	world->window = window_new(world->metric, &options.totals);
	world->slide = window_slide_new(world->window, NULL, &options);
}

static void close_world(struct world *world)
{
	window_slide_free(world->slide);
	window_free(world->window);
	metric_unref(world->metric);
}

static void add_reading(struct world *world, int64_t time_ms, int key)
{
	const struct cell_layout *layout = &world->metric->cells;
	struct cell_total delta = {0};
	struct value value = {.type = VALUE_FLOAT, .as.number = next_random(world) % 1000 / 7.0};
	char text[16];

	snprintf(text, sizeof(text), "key-%d", key);
	if (world->metric->value_count > 0)
		cells_add(layout, delta.aggregates, 0, &value, time_ms, NULL);
	else
		aggregate_add(delta.aggregates);
	cr_assert_eq(window_merge(world->window, time_ms - time_ms % PANE, slice_of(text),
				  delta.aggregates),
		     0);
	cells_release(layout, delta.aggregates, NULL);
}

static void expect_equal(const struct world *world, struct slice key, const struct aggregate *total,
			 const struct aggregate *all)
{
	for (int i = 0; i < MEASURES; i++) {
		struct measure measure = {0};
		double value = 0, expected = 0;
		bool has_value, is_expected;

		if (world->metric->value_count == 0 && i > 0)
			break;
		cr_assert_eq(measure_parse(measures[i], &measure), 0);
		has_value = measure_value(&world->metric->cells, total, &measure, world->window_ms,
					  &value);
		is_expected = measure_value(&world->metric->cells, all, &measure, world->window_ms,
					    &expected);
		cr_assert(has_value == is_expected);
		if (strcmp(measures[i], "stddev") == 0)
			cr_assert_float_eq(value, expected, 1e-9 * (1 + expected));
		else
			cr_assert(!has_value || value == expected,
				  "%.*s at %lld: %s %.17g, not %.17g", (int)key.length, key.data,
				  (long long)world->to_ms, measures[i], value, expected);
	}
}

static void on_total(void *arg, uint32_t ref, const struct aggregate *total, bool is_marked)
{
	struct world *world = arg;
	struct slice key = window_slide_key(world->slide, ref);
	struct cell_total all;

	(void)is_marked;
	window_total(world->window, key, world->to_ms - world->window_ms, world->to_ms,
		     all.aggregates);
	expect_equal(world, key, total, all.aggregates);
	cells_release(&world->metric->cells, all.aggregates, NULL);
	world->told++;
}

static void run(int panes, uint32_t value_count, uint64_t seed)
{
	struct world world;
	int64_t old_ms = LEVEL_NONE;

	open_world(&world, panes, value_count, seed);
	for (int64_t step = 1; step < 5 * panes; step++) {
		int64_t now_ms = step * PANE;
		bool has_late = next_random(&world) % 8 == 0;

		for (int key = 0; key < KEYS; key++) {
			bool is_there = key < 3 || next_random(&world) % (uint32_t)(2 * key) == 0;
			bool is_away = key == 4 && step % (3 * panes) > panes / 2;

			if (is_there && !is_away)
				add_reading(&world, now_ms - 1 - next_random(&world) % PANE, key);
		}
		if (has_late)
			add_reading(&world,
				    now_ms - 1 - next_random(&world) % (PANE * 40) > 0
					    ? now_ms - 1 - next_random(&world) % (PANE * 20)
					    : 0,
				    (int)(next_random(&world) % KEYS));
		if (next_random(&world) % 8 == 0)
			continue; /* several boundaries are skipped */
		if (next_random(&world) % 200 == 0)
			step += panes / 3;
		world.to_ms = step * PANE;
		window_slide_begin(world.slide, world.to_ms, has_late ? LEVEL_NONE : old_ms);
		window_slide_walk(world.slide, on_total, &world);
		old_ms = world.to_ms;
		window_expire(world.window, world.to_ms - world.window_ms - 2 * PANE);
	}
	cr_expect_gt(world.told, 5 * (uint32_t)panes);
	close_world(&world);
}

Test(window_stack, totals_are_those_of_all_panes)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		run(65, 1, seed);
		run(200, 1, seed);
		run(720, 0, seed);
		run(130, 0, seed);
	}
}

static void count_key(void *arg, struct slice key, const struct aggregate *total)
{
	struct world *world = arg;
	struct cell_total all;

	window_total(world->window, key, world->to_ms - world->window_ms, world->to_ms,
		     all.aggregates);
	expect_equal(world, key, total, all.aggregates);
	cells_release(&world->metric->cells, all.aggregates, NULL);
	world->counted_keys++;
}

Test(window_stack, each_and_total_agree_and_a_key_that_goes_takes_its_stack)
{
	struct world world;
	struct cell_total total;

	open_world(&world, 100, 1, 5);
	for (int i = 0; i < 100; i++)
		for (int key = 0; key < 3; key++)
			add_reading(&world, i * PANE + 7, key);
	world.to_ms = 100 * PANE;
	window_slide_begin(world.slide, world.to_ms, LEVEL_NONE);
	window_slide_walk(world.slide, on_total, &world);
	cr_expect_eq(world.told, 3);
	window_slide_each(world.slide, world.to_ms, count_key, &world);
	cr_expect_eq(world.counted_keys, 3);
	window_slide_total(world.slide, world.to_ms, slice_of("key-1"), total.aggregates);
	cr_expect_eq(total.aggregates[0].count, 100);
	cells_release(&world.metric->cells, total.aggregates, NULL);
	cr_expect_gt(window_slide_memory_bytes(world.slide), 3u * 30 * sizeof(struct aggregate));

	window_expire(world.window, 200 * PANE);
	cr_expect_lt(window_slide_memory_bytes(world.slide), 3u * 30 * sizeof(struct aggregate));
	/* Another key has the place of one that went. */
	add_reading(&world, 200 * PANE, 7);
	world.to_ms = 201 * PANE;
	world.told = 0;
	window_slide_begin(world.slide, world.to_ms, LEVEL_NONE);
	window_slide_walk(world.slide, on_total, &world);
	cr_expect_eq(world.told, 1);
	close_world(&world);
}

Test(window_stack, a_short_window_has_none)
{
	struct world world;

	open_world(&world, 64, 1, 5);
	cr_expect_null(window_stacks_new(world.window, 64 * PANE));
	close_world(&world);
}
