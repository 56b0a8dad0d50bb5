// link: core_window
/* A stored row as it may lie on a damaged disk: nothing is read past its end, and a window that
 * could be read writes rows that give the same window again. The first byte says how many values a
 * pane has, and whether it keeps all that can be kept of them. */
#include "core/window/window.h"

#include "core/base/require.h"
#include "core/window/metric.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 4 };

static const char *const values[] = {"a", "b"};

enum {
	ALL = CELL_NUMBER | CELL_SQUARES | CELL_FIRST | CELL_LAST | CELL_DISTINCT | CELL_SKETCH,
};

static const uint8_t needs[] = {ALL, CELL_DISTINCT};

static struct window *open_window(uint32_t value_count, bool has_extras)
{
	struct metric_spec spec = {.source = "s",
				   .filter = "",
				   .values = values,
				   .value_count = value_count,
				   .needs = has_extras ? needs : NULL,
				   .pane_ms = 5000};
	struct metric *metric = metric_new(&spec);
	struct window *window =
		window_new(metric, &(struct window_options){.seed = 1, .is_stored = true});

	metric_unref(metric);
	return window;
}

static void put(void *arg, int64_t start_ms, uint32_t row, struct slice content)
{
	REQUIRE(window_load(arg, start_ms, row, content, NULL) == 0);
}

static void drop(void *arg, int64_t start_ms, uint32_t row)
{
	(void)arg;
	(void)start_ms;
	(void)row;
}

struct pair {
	struct window *again;
	struct cell_layout layout;
};

static void expect_same(void *arg, struct slice key, const struct aggregate *total)
{
	const struct pair *pair = arg;
	struct bytes a = BYTES_EMPTY, b = BYTES_EMPTY;
	struct cell_total other;

	window_total(pair->again, key, 0, 5000, other.aggregates);
	REQUIRE(memcmp(other.aggregates, total, sizeof(*total)) == 0);
	for (uint32_t i = 0; i < pair->layout.width; i++) {
		cells_encode_extras(&pair->layout, total, i, &a);
		cells_encode_extras(&pair->layout, other.aggregates, i, &b);
	}
	REQUIRE(slice_equal(bytes_slice(&a), bytes_slice(&b)));
	cells_release(&pair->layout, other.aggregates, NULL);
	bytes_deinit(&a);
	bytes_deinit(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t value_count = size > 0 ? data[0] % 3 : 0;
	struct slice content = {(const char *)data + (size > 0), size - (size > 0)};
	bool has_extras = size > 0 && data[0] / 3 % 2 == 1;
	struct window *window = open_window(value_count, has_extras);
	struct pair pair = {.again = open_window(value_count, has_extras)};
	struct window *again = pair.again;
	struct window_rows rows = {put, drop, again};
	struct window_usage before, after;
	uint32_t row = 0;

	cell_layout_init(&pair.layout, value_count, has_extras ? needs : NULL);
	while (row < ROWS && window_load(window, 0, row, content, NULL) == 0)
		row++;
	REQUIRE(row == 0 || row == ROWS);
	if (row == ROWS) {
		/* A closed pane of many rows is written whole. */
		window_close(window, 10000);
		window_save(window, &rows);
		window_usage(window, &before);
		window_usage(again, &after);
		REQUIRE(before.pane_count == after.pane_count && before.pane_count > 0);
		window_each(window, 0, 5000, expect_same, &pair);
	}
	window_free(window);
	window_free(again);
	return 0;
}
