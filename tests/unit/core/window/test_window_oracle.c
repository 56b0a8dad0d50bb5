/* 20,000 random operations against a plain list of panes. All numbers are small whole ones, so
 * every sum is exact and the answers must be equal, not nearly so. */
#include "core/window/window.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "core/base/err.h"
#include "core/window/metric.h"

enum { OPERATIONS = 20000, KEYS = 200, KEYS_MAX = 150, LIST_MAX = 20000, WIDTH = 2, SPAN = 120 };

struct listed {
	int64_t start_ms;
	int key;
	struct aggregate aggregates[WIDTH];
};

struct oracle {
	struct listed panes[LIST_MAX];
	int count;
};

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

static struct listed *oracle_find(struct oracle *oracle, int64_t start_ms, int key)
{
	for (int i = 0; i < oracle->count; i++)
		if (oracle->panes[i].start_ms == start_ms && oracle->panes[i].key == key)
			return &oracle->panes[i];
	return NULL;
}

static bool oracle_has_key(const struct oracle *oracle, int key)
{
	for (int i = 0; i < oracle->count; i++)
		if (oracle->panes[i].key == key)
			return true;
	return false;
}

static uint32_t oracle_keys(const struct oracle *oracle)
{
	uint32_t count = 0;

	for (int key = 0; key < KEYS; key++)
		count += oracle_has_key(oracle, key);
	return count;
}

/* Plain sums: no aggregate_merge() here. */
static void oracle_add(struct aggregate *into, const struct aggregate *from)
{
	if (from->samples > 0) {
		into->min = into->samples == 0 || from->min < into->min ? from->min : into->min;
		into->max = into->samples == 0 || from->max > into->max ? from->max : into->max;
	}
	into->count += from->count;
	into->samples += from->samples;
	into->sum_high += from->sum_high;
}

static void random_delta(uint64_t *state, struct aggregate *delta)
{
	memset(delta, 0, WIDTH * sizeof(*delta));
	for (int i = 0; i < WIDTH; i++) {
		delta[i].count = 1 + next_random(state) % 5;
		delta[i].samples = next_random(state) % 2 ? delta[i].count : 0;
		if (delta[i].samples == 0)
			continue;
		delta[i].min = next_random(state) % 100;
		delta[i].max = delta[i].min + next_random(state) % 100;
		delta[i].sum_high = delta[i].min + delta[i].max;
	}
}

static void expect_equal(const struct aggregate *found, const struct aggregate *expected,
			 const char *what)
{
	for (int i = 0; i < WIDTH; i++) {
		cr_assert(found[i].count == expected[i].count, "%s: count", what);
		cr_assert(found[i].samples == expected[i].samples, "%s: samples", what);
		cr_assert(aggregate_sum(&found[i]) == expected[i].sum_high, "%s: sum", what);
		cr_assert(expected[i].samples == 0 || (found[i].min == expected[i].min &&
						       found[i].max == expected[i].max),
			  "%s: min, max", what);
	}
}

static void make_key(int number, char out[16])
{
	snprintf(out, 16, "key %d", number);
}

static void merge_both(struct window *window, struct oracle *oracle, int64_t start_ms, int key,
		       const struct aggregate *delta)
{
	struct listed *listed = oracle_find(oracle, start_ms, key);
	bool has_room = oracle_has_key(oracle, key) || oracle_keys(oracle) < KEYS_MAX;
	struct aggregate pane[WIDTH];
	char text[16];
	int err;

	make_key(key, text);
	err = window_merge(window, start_ms, slice_of(text), delta);
	cr_assert(err == (has_room ? 0 : ERR_FULL), "room");
	if (err != 0)
		return;
	if (listed == NULL) {
		cr_assert(oracle->count < LIST_MAX);
		listed = &oracle->panes[oracle->count++];
		*listed = (struct listed){.start_ms = start_ms, .key = key};
	}
	for (int i = 0; i < WIDTH; i++)
		oracle_add(&listed->aggregates[i], &delta[i]);
	window_total(window, slice_of(text), start_ms, start_ms + 5000, pane);
	expect_equal(pane, listed->aggregates, "merged pane");
}

static void total_both(const struct window *window, const struct oracle *oracle, int key,
		       int64_t from_ms, int64_t to_ms)
{
	struct aggregate expected[WIDTH] = {AGGREGATE_EMPTY, AGGREGATE_EMPTY}, found[WIDTH];
	char text[16];

	make_key(key, text);
	for (int i = 0; i < oracle->count; i++) {
		const struct listed *listed = &oracle->panes[i];

		if (listed->key != key || listed->start_ms < from_ms || listed->start_ms >= to_ms)
			continue;
		for (int v = 0; v < WIDTH; v++)
			oracle_add(&expected[v], &listed->aggregates[v]);
	}
	window_total(window, slice_of(text), from_ms, to_ms, found);
	expect_equal(found, expected, "total");
}

static void expire_both(struct window *window, struct oracle *oracle, int64_t before_ms)
{
	int kept = 0, before = oracle->count;

	for (int i = 0; i < before; i++)
		if (oracle->panes[i].start_ms >= before_ms)
			oracle->panes[kept++] = oracle->panes[i];
	oracle->count = kept;
	cr_assert(window_expire(window, before_ms) == (uint64_t)(before - kept), "expire");
}

static void next_both(const struct window *window, const struct oracle *oracle, int64_t from_ms)
{
	int64_t expected = INT64_MAX, found = INT64_MAX;

	for (int i = 0; i < oracle->count; i++)
		if (oracle->panes[i].start_ms >= from_ms && oracle->panes[i].start_ms < expected)
			expected = oracle->panes[i].start_ms;
	cr_assert(window_next_pane(window, from_ms, &found) == (expected != INT64_MAX));
	cr_assert(found == expected, "next pane");
}

struct walk {
	const struct window *window;
	const struct oracle *oracle;
	int64_t from_ms, to_ms;
	uint32_t count;
};

static void visit(void *arg, struct slice key, const struct aggregate *total)
{
	struct walk *walk = arg;
	struct aggregate found[WIDTH];

	walk->count++;
	window_total(walk->window, key, walk->from_ms, walk->to_ms, found);
	cr_assert(memcmp(found, total, sizeof(found)) == 0, "each agrees with total");
}

static void each_both(const struct window *window, const struct oracle *oracle, int64_t from_ms,
		      int64_t to_ms)
{
	struct walk walk = {window, oracle, from_ms, to_ms, 0};
	bool is_in[KEYS] = {false};
	uint32_t expected = 0;

	for (int i = 0; i < oracle->count; i++)
		if (oracle->panes[i].start_ms >= from_ms && oracle->panes[i].start_ms < to_ms)
			is_in[oracle->panes[i].key] = true;
	for (int key = 0; key < KEYS; key++)
		expected += is_in[key];
	window_each(window, from_ms, to_ms, visit, &walk);
	cr_assert(walk.count == expected, "keys visited");
}

static void usage_both(const struct window *window, const struct oracle *oracle)
{
	struct window_usage usage;

	window_usage(window, &usage);
	cr_assert(usage.pane_count == (uint64_t)oracle->count, "pane count");
	cr_assert(usage.key_count == oracle_keys(oracle), "key count");
}

static struct window *open_window(void)
{
	static const char *const values[WIDTH] = {"amount", "cost_time"};
	struct metric_spec spec = {.source = "pay",
				   .filter = "",
				   .values = values,
				   .value_count = WIDTH,
				   .pane_ms = 5000};
	struct metric *metric = metric_new(&spec);
	struct window *window =
		window_new(metric, &(struct window_options){.keys_max = KEYS_MAX, .seed = 7});

	metric_unref(metric);
	return window;
}

Test(window_oracle, agrees_with_a_plain_list)
{
	static struct oracle oracle;
	struct window *window = open_window();
	uint64_t state = 20260101;

	for (int step = 0; step < OPERATIONS; step++) {
		/* Time goes forward, most readings are recent; now and then all keys change. */
		int64_t now = step / 20, back = next_random(&state) % 4 == 0 ? SPAN : 4;
		int64_t start_ms = (now - next_random(&state) % back) * 5000;
		int64_t to_ms = start_ms + next_random(&state) % 40 * 2500;
		int key = (int)(next_random(&state) % (KEYS / 4)) + step / 2500 % 4 * (KEYS / 4);
		struct aggregate delta[WIDTH];
		uint32_t choice = next_random(&state) % 100;

		if (step % 5000 > 4800)
			key = (int)(next_random(&state) % KEYS);
		random_delta(&state, delta);
		if (choice < 75)
			merge_both(window, &oracle, start_ms, key, delta);
		else if (choice < 90)
			total_both(window, &oracle, key, start_ms, to_ms);
		else if (choice < 95)
			next_both(window, &oracle, start_ms + next_random(&state) % 3 - 1);
		else if (choice < 97)
			each_both(window, &oracle, start_ms, to_ms);
		else if (choice < 98)
			usage_both(window, &oracle);
		else
			expire_both(window, &oracle, (now - SPAN / 2) * 5000);
	}
	window_free(window);
}
