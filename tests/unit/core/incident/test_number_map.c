#include "core/incident/number_map.h"

#include <criterion/criterion.h>

#include <stdio.h>

Test(number_map, forgets_and_stays_small)
{
	struct number_map map;
	char text[32];
	number_map_init(&map, 7);
	number_map_put(&map, "stays", 7);
	for (uint64_t i = 1; i <= 5000; i++) {
		snprintf(text, sizeof(text), "key %d", (int)i);
		number_map_put(&map, text, i);
		cr_assert_eq(number_map_find(&map, text), i);
		number_map_remove(&map, text, i + 1); /* means another incident: stays */
		cr_assert_eq(number_map_find(&map, text), i);
		number_map_remove(&map, text, i);
		cr_assert_eq(number_map_find(&map, text), 0);
	}
	cr_expect_eq(map.live_count, 1);
	cr_expect_leq(map.table.count, NUMBER_MAP_SPARE + 4);
	cr_expect_eq(number_map_find(&map, "stays"), 7);
	number_map_put(&map, "stays", 8);
	cr_expect_eq(number_map_find(&map, "stays"), 8);
	cr_expect_eq(map.live_count, 1);
	number_map_deinit(&map);
}
