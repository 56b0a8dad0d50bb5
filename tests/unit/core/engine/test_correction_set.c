/* Marks of past windows: their order, and which of too many stay. */
#include "core/engine/correction_set.h"

#include <criterion/criterion.h>

#include "core/base/bytes.h"
#include "core/model/dimension.h"
#include "core/model/value.h"

static void make_key(struct bytes *out, int64_t number)
{
	struct value value = {.type = VALUE_INT, .as.integer = number};

	bytes_clear(out);
	dimension_append(out, &value);
}

/** True: the mark was put. `dropped_ms` is the end of the one that made room; 0: none had to. */
static bool put(struct correction_set *set, int64_t end_ms, int64_t number, int64_t *dropped_ms)
{
	struct correction mark = {.end_ms = end_ms}, dropped = {.end_ms = 0};
	struct bytes key = BYTES_EMPTY;
	bool is_put = false;
	uint32_t at;

	make_key(&key, number);
	mark.key = bytes_slice(&key);
	*dropped_ms = 0;
	if (!correction_set_find(set, end_ms, mark.key, &at) && !correction_set_refuses(set, at)) {
		if (correction_set_put(set, at, &mark, &dropped)) {
			*dropped_ms = dropped.end_ms;
			correction_free_key(&dropped);
		}
		is_put = true;
	}
	bytes_deinit(&key);
	return is_put;
}

Test(correction_set, is_in_the_order_of_ends_then_keys_and_has_none_twice)
{
	static const int64_t wanted[][2] = {{5, 9}, {10, 2}, {10, 10}, {20, -1}};
	static const int64_t given[][2] = {{10, 10}, {20, -1}, {5, 9}, {10, 2}};
	struct correction_set *set = correction_set_new(INT64_MIN);
	struct bytes key = BYTES_EMPTY;
	int64_t dropped_ms;

	for (int i = 0; i < 4; i++)
		cr_expect(put(set, given[i][0], given[i][1], &dropped_ms));
	for (int i = 0; i < 4; i++)
		cr_expect_not(put(set, given[i][0], given[i][1], &dropped_ms));
	cr_assert_eq(set->count, 4);
	for (int i = 0; i < 4; i++) {
		make_key(&key, wanted[i][1]);
		cr_expect_eq(set->marks[i].end_ms, wanted[i][0]);
		cr_expect(slice_equal(set->marks[i].key, bytes_slice(&key)));
	}
	correction_set_clear(set);
	cr_expect_eq(set->count, 0);
	bytes_deinit(&key);
	correction_set_free(set);
}

/** The same whichever way they come: those with the greatest ends. */
static void expect_latest(int64_t step)
{
	struct correction_set *set = correction_set_new(INT64_MIN);
	int64_t at = step > 0 ? 1 : CORRECTIONS_MAX + 2, dropped_ms;

	for (int i = 0; i < CORRECTIONS_MAX; i++, at += step) {
		cr_expect(put(set, at, 1, &dropped_ms));
		cr_expect_eq(dropped_ms, 0);
	}
	for (int i = 0; i < 2; i++, at += step) {
		cr_expect_eq(put(set, at, 1, &dropped_ms), step > 0);
		cr_expect_eq(dropped_ms, step > 0 ? i + 1 : 0);
	}
	cr_assert_eq(set->count, CORRECTIONS_MAX);
	for (uint32_t i = 0; i < set->count; i++)
		cr_expect_eq(set->marks[i].end_ms, i + 3);
	correction_set_free(set);
}

Test(correction_set, beyond_its_limit_keeps_the_greatest)
{
	expect_latest(1);
	expect_latest(-1);
}
