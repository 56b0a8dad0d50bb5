/* Times are small numbers: event times around 100,000, processing times from 1,000; lateness 5,000
 * and idle 10,000 as the defaults are. */
#include "core/window/watermark.h"

#include <criterion/criterion.h>

#include "core/base/err.h"

enum { LATENESS = 5000, IDLE = 10000 };

static const int64_t wall_far = 1000000000;

static struct watermark *watermark;

static void set_up(void)
{
	watermark = watermark_new(LATENESS, IDLE);
}

static void tear_down(void)
{
	watermark_free(watermark);
}

TestSuite(watermark, .init = set_up, .fini = tear_down);

Test(watermark, is_none_before_the_first_reading)
{
	cr_expect(watermark_get(watermark, 1000, wall_far) == WATERMARK_NONE);
	watermark_add(watermark, 1, 1000);
	cr_expect(watermark_get(watermark, 1000, wall_far) == WATERMARK_NONE);
	cr_expect(watermark_get(watermark, 50000, wall_far) == WATERMARK_NONE);
	cr_expect(watermark_next_change(watermark, 50000) == -1);
}

Test(watermark, is_the_greatest_event_time_less_the_lateness)
{
	watermark_add(watermark, 1, 1000);
	watermark_observe(watermark, 1, 100000, 1000);
	watermark_observe(watermark, 1, 90000, 1100);
	cr_expect(watermark_get(watermark, 1200, wall_far) == 95000);
}

Test(watermark, is_the_least_over_active_partitions)
{
	watermark_add(watermark, 7, 1000);
	watermark_add(watermark, 3, 1000);
	watermark_observe(watermark, 7, 100000, 1000);
	cr_expect(watermark_get(watermark, 1100, wall_far) == WATERMARK_NONE,
		  "a partition that has said nothing yet holds it back");
	watermark_observe(watermark, 3, 80000, 1200);
	cr_expect(watermark_get(watermark, 1300, wall_far) == 75000);
	watermark_observe(watermark, 3, 200000, 1400);
	cr_expect(watermark_get(watermark, 1500, wall_far) == 95000);
}

Test(watermark, is_not_held_back_by_an_idle_partition)
{
	watermark_add(watermark, 1, 0);
	watermark_add(watermark, 2, 0);
	watermark_observe(watermark, 1, 50000, 1000);
	watermark_observe(watermark, 2, 100000, 5000);
	cr_expect(watermark_get(watermark, 10999, wall_far) == 45000);
	cr_expect(watermark_next_change(watermark, 10999) == 11000);
	cr_expect(watermark_get(watermark, 11000, wall_far) == 95000);
	cr_expect(watermark_next_change(watermark, 11000) == 15000);
}

Test(watermark, is_held_back_by_a_newcomer_until_it_is_idle)
{
	watermark_add(watermark, 1, 0);
	watermark_observe(watermark, 1, 100000, 1000);
	watermark_add(watermark, 2, 2000);
	watermark_observe(watermark, 1, 110000, 3000);
	cr_expect(watermark_get(watermark, 3000, wall_far) == 95000);
	watermark_observe(watermark, 1, 120000, 11000);
	cr_expect(watermark_get(watermark, 11999, wall_far) == 95000);
	cr_expect(watermark_get(watermark, 12000, wall_far) == 115000);
}

Test(watermark, moves_with_processing_time_when_all_are_idle)
{
	watermark_add(watermark, 1, 0);
	watermark_observe(watermark, 1, 100000, 1000);
	cr_expect(watermark_get(watermark, 10999, wall_far) == 95000);
	cr_expect(watermark_get(watermark, 11000, wall_far) == 95000);
	cr_expect(watermark_get(watermark, 11001, wall_far) == 95001);
	cr_expect(watermark_get(watermark, 12000, wall_far) == 96000);
	cr_expect(watermark_get(watermark, 31000, wall_far) == 115000);
	cr_expect(watermark_next_change(watermark, 31000) == 31000 + WATERMARK_STEP_MS);
}

Test(watermark, gives_the_same_however_often_it_is_asked)
{
	watermark_add(watermark, 1, 0);
	watermark_add(watermark, 2, 0);
	watermark_observe(watermark, 2, 50000, 1000);
	watermark_observe(watermark, 1, 100000, 5000);
	cr_expect(watermark_get(watermark, 20000, wall_far) == 100000,
		  "partition 1 was the last: its 95000 at 15000, and 5000 since");
}

Test(watermark, keeps_what_was_complete_before_a_change_though_nobody_asked)
{
	watermark_add(watermark, 1, 0);
	watermark_add(watermark, 2, 0);
	watermark_observe(watermark, 2, 50000, 1000);
	watermark_observe(watermark, 1, 100000, 12000);
	watermark_remove(watermark, 1);
	cr_expect(watermark_get(watermark, 12000, wall_far) == 95000, "2 was idle when 1 left");
	watermark_observe(watermark, 2, 110000, 13000);
	watermark_add(watermark, 3, 24000);
	cr_expect(watermark_get(watermark, 24000, wall_far) == 105000,
		  "2 was the last active one when 3 joined");
}

Test(watermark, does_not_move_beyond_wall_time_less_lateness_by_itself)
{
	watermark_add(watermark, 1, 0);
	watermark_observe(watermark, 1, 100000, 1000);
	cr_expect(watermark_get(watermark, 21000, 103000) == 98000);
	cr_expect(watermark_get(watermark, 22000, 101000) == 98000, "the wall clock stepped back");
	cr_expect(watermark_get(watermark, 23000, 200000) == 99000);
}

Test(watermark, never_goes_back)
{
	watermark_add(watermark, 1, 0);
	watermark_observe(watermark, 1, 100000, 1000);
	cr_expect(watermark_get(watermark, 31000, wall_far) == 115000);
	watermark_observe(watermark, 1, 101000, 32000);
	cr_expect(watermark_get(watermark, 32000, wall_far) == 115000);
	watermark_configure(watermark, 60000, IDLE);
	cr_expect(watermark_get(watermark, 32100, wall_far) == 115000);
	watermark_observe(watermark, 1, 176000, 33000);
	cr_expect(watermark_get(watermark, 33000, wall_far) == 116000);
}

Test(watermark, holds_again_after_all_were_idle)
{
	watermark_add(watermark, 1, 0);
	watermark_observe(watermark, 1, 100000, 1000);
	cr_expect(watermark_get(watermark, 12000, wall_far) == 96000);
	watermark_observe(watermark, 1, 101500, 13000);
	cr_expect(watermark_get(watermark, 20000, wall_far) == 96500);
	cr_expect(watermark_get(watermark, 23000, wall_far) == 96500);
	cr_expect(watermark_get(watermark, 24000, wall_far) == 97500);
}

Test(watermark, is_freed_by_a_partition_that_leaves)
{
	watermark_add(watermark, 1, 0);
	watermark_add(watermark, 2, 0);
	watermark_observe(watermark, 1, 50000, 1000);
	watermark_observe(watermark, 2, 100000, 1000);
	watermark_remove(watermark, 1);
	watermark_remove(watermark, 99);
	cr_expect(watermark_get(watermark, 1100, wall_far) == 95000);
}

Test(watermark, goes_on_after_the_last_partition_has_left)
{
	watermark_add(watermark, 1, 0);
	watermark_observe(watermark, 1, 100000, 1000);
	watermark_remove(watermark, 1);
	cr_expect(watermark_get(watermark, 2000, wall_far) == 95000);
	cr_expect(watermark_next_change(watermark, 2000) == 11000);
	cr_expect(watermark_get(watermark, 11000, wall_far) == 95000);
	cr_expect(watermark_get(watermark, 14000, wall_far) == 98000);
}

Test(watermark, counts_no_time_twice_for_silent_visitors)
{
	watermark_add(watermark, 1, 0);
	watermark_observe(watermark, 1, 100000, 1000);
	cr_expect(watermark_get(watermark, 12000, wall_far) == 96000);
	watermark_add(watermark, 2, 12000);
	cr_expect(watermark_get(watermark, 13000, wall_far) == 96000);
	watermark_remove(watermark, 2);
	cr_expect(watermark_get(watermark, 14000, wall_far) == 98000);
}

Test(watermark, takes_no_sign_of_life_for_a_reading)
{
	watermark_add(watermark, 1, 0);
	watermark_observe(watermark, 1, 100000, 1000);
	watermark_observe(watermark, 1, WATERMARK_NONE, 10000);
	cr_expect(watermark_get(watermark, 12000, wall_far) == 96000);
}

Test(watermark, hears_of_a_reading_of_one_that_has_left)
{
	watermark_add(watermark, 1, 0);
	watermark_observe(watermark, 1, 100000, 1000);
	watermark_remove(watermark, 1);
	watermark_observe(watermark, 1, 200000, 5000);
	cr_expect(watermark_get(watermark, 14999, wall_far) == 95000);
	cr_expect(watermark_get(watermark, 16000, wall_far) == 96000);
}

Test(watermark, goes_on_from_the_restored_value)
{
	watermark_restore(watermark, 200000);
	watermark_restore(watermark, WATERMARK_NONE);
	watermark_add(watermark, 1, 1000);
	watermark_observe(watermark, 1, 100000, 1500);
	cr_expect(watermark_get(watermark, 2000, wall_far) == 200000);
	watermark_observe(watermark, 1, 206000, 2500);
	cr_expect(watermark_get(watermark, 2600, wall_far) == 201000);
}

Test(watermark, closes_restored_windows_though_nothing_comes)
{
	watermark_restore(watermark, 200000);
	cr_expect(watermark_get(watermark, 1000, wall_far) == 200000);
	cr_expect(watermark_get(watermark, 4000, wall_far) == 203000);
}

Test(watermark, keeps_a_partition_that_joins_again_as_it_is)
{
	watermark_add(watermark, 1, 0);
	watermark_observe(watermark, 1, 100000, 1000);
	cr_expect(watermark_add(watermark, 1, 2000) == 0);
	cr_expect(watermark_get(watermark, 2000, wall_far) == 95000);
}

Test(watermark, takes_so_many_partitions_and_no_more)
{
	for (uint32_t i = 0; i < WATERMARK_PARTITIONS_MAX; i++)
		cr_assert(watermark_add(watermark, i, 0) == 0);
	cr_expect(watermark_add(watermark, WATERMARK_PARTITIONS_MAX, 0) == ERR_FULL);
	cr_expect(watermark_add(watermark, 5, 0) == 0);
	watermark_remove(watermark, 5);
	cr_expect(watermark_add(watermark, WATERMARK_PARTITIONS_MAX, 0) == 0);
}

Test(watermark, stands_idle_time_of_zero)
{
	watermark_configure(watermark, LATENESS, 0);
	watermark_add(watermark, 1, 0);
	watermark_observe(watermark, 1, 100000, 1000);
	watermark_remove(watermark, 1);
	cr_expect(watermark_get(watermark, 1001, wall_far) == 95000);
}

Test(watermark, of_readings_processing_time_says_nothing)
{
	struct watermark *w = watermark_new(5000, 10000);
	cr_expect_eq(watermark_of_readings(w, 0), WATERMARK_NONE);
	watermark_add(w, 1, 0);
	watermark_add(w, 2, 0);
	watermark_observe(w, 1, 100000, 0);
	cr_expect_eq(watermark_of_readings(w, 1), WATERMARK_NONE, "the other may be behind");
	watermark_observe(w, 2, 90000, 1);
	cr_expect_eq(watermark_of_readings(w, 2), 85000);
	cr_expect_eq(watermark_of_readings(w, 1000000), 85000);
	cr_expect_eq(watermark_get(w, 1000000, INT64_MAX / 2), 85000 + 1000000 - 10001);
	cr_expect_eq(watermark_of_readings(w, 1000000), 85000 + 1000000 - 10001, "it was said");
	watermark_free(w);
}
