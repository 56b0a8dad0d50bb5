// link: core_window
/* A stored row as it may lie on a damaged disk: nothing is read past its end, and a window that
 * could be read writes rows that give the same window again. The first byte says how many values a
 * pane has. */
#include "core/window/window.h"

#include "core/base/require.h"
#include "core/window/metric.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 4 };

static const char *const values[] = {"a", "b"};

static struct window *open_window(uint32_t value_count)
{
	struct metric_spec spec = {.source = "s",
				   .filter = "",
				   .values = values,
				   .value_count = value_count,
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

static void expect_same(void *arg, struct slice key, const struct aggregate *total)
{
	struct aggregate other[METRIC_VALUES_MAX];

	window_total(arg, key, 0, 5000, other);
	REQUIRE(memcmp(other, total, sizeof(*total)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t value_count = size > 0 ? data[0] % 3 : 0;
	struct slice content = {(const char *)data + (size > 0), size - (size > 0)};
	struct window *window = open_window(value_count), *again = open_window(value_count);
	struct window_rows rows = {put, drop, again};
	struct window_usage before, after;
	uint32_t row = 0;

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
		window_each(window, 0, 5000, expect_same, again);
	}
	window_free(window);
	window_free(again);
	return 0;
}
