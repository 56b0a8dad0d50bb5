#include "core/cli/query_slide.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/model/cells.h"

enum { STEP_MS = 5000, PANES = 4, KEYS = 40, STEPS = 400 };

/** What is added up plainly: each pane of each key. */
static struct aggregate panes[STEPS][KEYS];
static bool is_there[STEPS][KEYS];

static struct slice name_of(int key, char out[16])
{
	return (struct slice){out, (size_t)snprintf(out, 16, "key %d", key)};
}

/** Hashes that collide on purpose. */
static uint64_t hash_of(int key)
{
	return (uint64_t)(key / 5) * 64;
}

static void expect_total(int step, int key, const struct aggregate *total)
{
	struct aggregate plain = AGGREGATE_EMPTY;
	for (int i = step - PANES + 1 > 0 ? step - PANES + 1 : 0; i <= step; i++)
		if (is_there[i][key])
			aggregate_merge(&plain, &panes[i][key]);
	cr_assert_eq(total->count, plain.count, "step %d, key %d", step, key);
	cr_assert_eq(total->samples, plain.samples);
	cr_assert_eq(total->min, plain.min);
	cr_assert_eq(total->max, plain.max);
	cr_assert_eq(aggregate_sum(total), aggregate_sum(&plain));
}

static bool is_in_window(int step, int key)
{
	for (int i = step - PANES + 1 > 0 ? step - PANES + 1 : 0; i <= step; i++)
		if (is_there[i][key])
			return true;
	return false;
}

static void expect_window(const struct slide *slide, int step)
{
	struct aggregate total[2];
	struct slice name;
	uint32_t at = 0, expected = 0, found = 0;
	for (int key = 0; key < KEYS; key++)
		expected += is_in_window(step, key);
	cr_assert_eq(slide_key_count(slide), expected);
	while (slide_next(slide, &at, &name, total)) {
		char text[16] = {0};
		int key;
		memcpy(text, name.data, name.length);
		cr_assert_eq(sscanf(text, "key %d", &key), 1);
		expect_total(step, key, &total[0]);
		cr_assert_eq(total[1].count, 2 * total[0].count);
		found++;
	}
	cr_assert_eq(found, expected);
}

Test(query_slide, every_window_is_the_sum_of_its_panes)
{
	struct cell_layout layout;
	cell_layout_init(&layout, 2, NULL);
	struct slide *slide = slide_new(&layout, STEP_MS, PANES);
	uint32_t seed = 7;
	int64_t start_ms = -20 * STEP_MS; /* before 1970, and after it */
	for (int step = 0; step < STEPS; step++, start_ms += STEP_MS) {
		slide_move(slide, start_ms);
		for (int key = 0; key < KEYS; key++) {
			char name[16];
			seed = seed * 1664525 + 1013904223;
			is_there[step][key] = (int)(seed >> 24) % KEYS > key && step % 50 < 40;
			if (!is_there[step][key])
				continue;
			aggregate_add_number(&panes[step][key], (double)(seed >> 8) / 1000.0);
			aggregate_add(&panes[step][key]);
			const struct aggregate both[2] = {
				panes[step][key],
				{.count = 2 * panes[step][key].count},
			};
			slide_add(slide, hash_of(key), name_of(key, name), both);
		}
		expect_window(slide, step);
	}
	slide_free(slide);
}

Test(query_slide, an_empty_window_may_jump_anywhere)
{
	struct cell_layout layout;
	cell_layout_init(&layout, 0, NULL);
	struct slide *slide = slide_new(&layout, STEP_MS, PANES);
	struct aggregate one = {.count = 1}, total;
	struct slice key;
	for (int64_t start_ms = 0; start_ms < 1000000000; start_ms = start_ms * 3 + STEP_MS) {
		uint32_t at = 0;
		slide_move(slide, start_ms);
		slide_add(slide, 1, SLICE_LITERAL("a"), &one);
		for (int i = 1; i < PANES; i++) {
			slide_move(slide, start_ms + i * STEP_MS);
			at = 0;
			cr_assert(slide_next(slide, &at, &key, &total));
			cr_assert_eq(total.count, 1);
		}
		slide_move(slide, start_ms + PANES * STEP_MS);
		at = 0;
		cr_assert_not(slide_next(slide, &at, &key, &total));
		cr_assert_eq(slide_key_count(slide), 0);
	}
	slide_free(slide);
}
