/* A walk over a moving window says every value that changed: the answers that are kept from walk to
 * walk must be those of asking each key. */
#include "core/window/window.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "core/model/value.h"
#include "core/window/group_table.h"
#include "core/window/metric.h"

enum { PANE = 5000, KEYS = 400, SPAN = 6 * PANE, SEED = 5 };

/* Everything of the one value. */
static const uint8_t needs[] = {CELL_NUMBER | CELL_SQUARES | CELL_FIRST | CELL_LAST |
				CELL_DISTINCT | CELL_SKETCH};

struct answer {
	double value;
	bool has_value, is_there;
};

struct walker {
	struct window *window;
	struct cell_layout layout;
	struct measure measure;
	struct answer answers[KEYS];
	uint64_t visits;
	int marked;
};

static struct window *open_window(uint32_t value_count)
{
	static const char *const values[] = {"amount"};
	struct metric_spec spec = {.source = "pay",
				   .filter = "",
				   .values = values,
				   .value_count = value_count,
				   .needs = needs,
				   .pane_ms = PANE};
	struct metric *metric = metric_new(&spec);
	struct window *window = window_new(metric, &(struct window_options){.seed = SEED});

	metric_unref(metric);
	return window;
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

static struct slice make_key(int number, char out[16])
{
	snprintf(out, 16, "%d", number);
	return slice_of(out);
}

static void on_total(void *arg, uint32_t ref, const struct aggregate *total, bool is_marked)
{
	struct walker *walker = arg;
	struct slice bytes = window_key_of(walker->window, ref);
	double value = 0;
	bool has_value = measure_value(&walker->layout, total, &walker->measure, SPAN, &value);
	int key = 0;

	for (size_t i = 0; i < bytes.length; i++)
		key = key * 10 + (bytes.data[i] - '0');
	walker->answers[key] = (struct answer){value, has_value, true};
	walker->visits++;
	walker->marked += is_marked;
}

/** Keys that left without a new pane are not told: the caller knows those that matter to it. */
static void forget_gone(struct walker *walker, const struct window_walk *walk)
{
	char text[16];

	for (int i = 0; i < KEYS; i++) {
		struct slice key = make_key(i, text);

		if (!window_walk_mark(walker->window, walk, group_key_hash(SEED, key), key))
			walker->answers[i].is_there = false;
	}
}

static void expect_answers(const struct walker *walker, const struct window_walk *walk,
			   uint32_t value_count)
{
	struct cell_layout layout;

	cell_layout_init(&layout, value_count, needs);
	char text[16];

	for (int i = 0; i < KEYS; i++) {
		struct cell_total total;
		double value = 0;
		bool has_value;

		window_total(walker->window, make_key(i, text), walk->from_ms, walk->to_ms,
			     total.aggregates);
		has_value =
			measure_value(&layout, total.aggregates, &walker->measure, SPAN, &value);
		cells_release(&layout, total.aggregates, NULL);
		cr_assert(walker->answers[i].is_there == (total.aggregates[0].count > 0), "key %d",
			  i);
		if (total.aggregates[0].count > 0)
			cr_assert(walker->answers[i].has_value == has_value &&
					  (!has_value || walker->answers[i].value == value),
				  "key %d", i);
	}
}

static void add_pane(struct window *window, uint64_t *state, int64_t start_ms, bool has_numbers)
{
	uint32_t keys = next_random(state) % 4 == 0 ? KEYS : 20;
	struct cell_layout layout;
	char text[16];

	cell_layout_init(&layout, 1, needs);
	for (int i = 0; i < 30; i++) {
		struct value value = {.type = VALUE_NIL};
		struct cell_total delta = {0};

		if (has_numbers && next_random(state) % 4 > 0)
			value = (struct value){.type = VALUE_FLOAT,
					       .as.number = next_random(state) / 7.0};
		if (has_numbers)
			cells_add(&layout, delta.aggregates, 0, &value,
				  start_ms + next_random(state) % PANE, NULL);
		else
			aggregate_add(delta.aggregates);
		window_merge(window, start_ms, make_key((int)(next_random(state) % keys), text),
			     delta.aggregates);
		cells_release(&layout, delta.aggregates, NULL);
	}
}

static uint64_t walk_along(const char *measure, uint32_t value_count)
{
	struct walker walker = {.window = open_window(value_count)};

	uint64_t state = 77;
	int64_t old_ms = INT64_MIN;

	cell_layout_init(&walker.layout, value_count, needs);
	cr_assert_eq(measure_parse(measure, &walker.measure), 0);
	for (int64_t now_ms = 0; now_ms < 300 * PANE; now_ms += PANE) {
		struct window_walk walk = {.from_ms = now_ms - SPAN,
					   .to_ms = now_ms,
					   .each = on_total,
					   .arg = &walker};

		if (next_random(&state) % 3 > 0)
			add_pane(walker.window, &state, now_ms - PANE, value_count > 0);
		if (next_random(&state) % 4 == 0)
			continue; /* several panes come and go between two walks */
		if (old_ms != INT64_MIN) {
			walk.old_from_ms = old_ms - SPAN;
			walk.old_to_ms = old_ms;
		}
		window_walk_begin(walker.window);
		forget_gone(&walker, &walk);
		window_walk(walker.window, &walk);
		expect_answers(&walker, &walk, value_count);
		old_ms = now_ms;
		window_expire(walker.window, now_ms - 2 * SPAN);
	}
	cr_expect(walker.marked > 0);
	window_free(walker.window);
	return walker.visits;
}

Test(window_walk, tells_every_value_that_can_have_changed)
{
	static const char *const measures[] = {"count",  "rate", "sum",   "avg",      "min", "max",
					       "stddev", "last", "first", "distinct", "p90"};

	for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++)
		walk_along(measures[i], 1);
	walk_along("count", 0);
	walk_along("rate", 0);
}

Test(window_walk, keys_that_are_quiet_are_not_looked_at)
{
	struct walker walker = {.window = open_window(0)};
	struct window_walk walk = {0, 2 * PANE, 0, 0, NULL, on_total, &walker};
	struct aggregate one = {.count = 1};
	char text[16];

	for (int i = 0; i < KEYS; i++)
		window_merge(walker.window, 0, make_key(i, text), &one);
	window_merge(walker.window, PANE, slice_of("7"), &one);
	window_walk_begin(walker.window);
	window_walk(walker.window, &walk);
	cr_expect(walker.visits == KEYS, "nothing is known: all");
	walker.visits = 0;
	walk = (struct window_walk){0, 3 * PANE, 0, PANE, NULL, on_total, &walker};
	window_walk_begin(walker.window);
	cr_expect(window_walk_mark(walker.window, &walk, group_key_hash(SEED, slice_of("7")),
				   slice_of("7")));
	cr_expect(!window_walk_mark(walker.window, &walk, group_key_hash(SEED, slice_of("x")),
				    slice_of("x")));
	window_walk(walker.window, &walk);
	cr_expect(walker.visits == 1 && walker.marked == 1 && walker.answers[7].value == 2);
	window_free(walker.window);
}
