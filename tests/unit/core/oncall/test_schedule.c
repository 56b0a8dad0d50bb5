#include "core/oncall/schedule.h"

#include <criterion/criterion.h>

#include <string.h>

#include "core/model/local_day.h"
#include "core/model/timestamp.h"
#include "core/model/zone.h"

static const struct oncall_person ann = {.id = "ann"}, bob = {.id = "bob"};

static int64_t at(const char *text)
{
	int64_t ms = 0;

	cr_assert_eq(timestamp_parse(slice_of(text), &ms), 0);
	return ms;
}

struct world {
	const struct oncall_person *people[2];
	struct oncall_layer layer;
	struct oncall_schedule schedule;
};

/** Ann and Bob by turns from the local time on, the whole day. */
static void world_init(struct world *world, const char *zone, const char *starts, int64_t every_ms)
{
	memset(world, 0, sizeof(*world));
	world->people[0] = &ann;
	world->people[1] = &bob;
	world->layer = (struct oncall_layer){
		.people = world->people,
		.person_count = 2,
		.starts_ms = at(starts),
		.every_ms = every_ms,
		.hours = {.days = 0x7F, .to_ms = LOCAL_DAY_MS},
	};
	world->schedule.layers = &world->layer;
	world->schedule.layer_count = 1;
	cr_assert_eq(zone_open(&world->schedule.zone, zone, NULL), 0);
}

static const struct oncall_person *who(const struct world *world, const char *instant)
{
	return oncall_who(&world->schedule, at(instant));
}

Test(schedule, a_turn_is_not_handed_back_when_the_clock_is_put_back)
{
	struct world world;

	/* Berlin, 2025-10-26: 03:00 +02 becomes 02:00 +01; the handover is at 02:30. */
	world_init(&world, "Europe/Berlin", "2025-10-25T02:30:00Z", LOCAL_DAY_MS);
	cr_expect_eq(who(&world, "2025-10-26T00:29:59.999Z"), &ann);
	cr_expect_eq(who(&world, "2025-10-26T00:30:00Z"), &bob);
	cr_expect_eq(who(&world, "2025-10-26T01:00:00Z"), &bob);
	cr_expect_eq(who(&world, "2025-10-27T01:29:59Z"), &bob);
	cr_expect_eq(who(&world, "2025-10-27T01:30:00Z"), &ann);
	zone_free(world.schedule.zone);
}

Test(schedule, a_handover_that_is_skipped_is_when_the_clock_is_put_forward)
{
	struct world world;

	/* Berlin, 2026-03-29: 02:00 +01 becomes 03:00 +02. */
	world_init(&world, "Europe/Berlin", "2026-03-28T02:30:00Z", LOCAL_DAY_MS);
	cr_expect_eq(who(&world, "2026-03-28T01:29:59Z"), NULL);
	cr_expect_eq(who(&world, "2026-03-28T01:30:00Z"), &ann);
	cr_expect_eq(who(&world, "2026-03-29T00:59:59Z"), &ann);
	cr_expect_eq(who(&world, "2026-03-29T01:00:00Z"), &bob);
	cr_expect_eq(who(&world, "2026-03-30T00:30:00Z"), &ann);
	zone_free(world.schedule.zone);
}

static void count_shift(void *arg, const struct oncall_shift *shift)
{
	*(int64_t *)arg += shift->to_ms - shift->from_ms;
}

Test(schedule, the_shifts_of_a_span_fill_it_up_to_its_limit)
{
	struct world world;
	int64_t from_ms = at("2026-03-01T00:00:00Z"), total_ms = 0;

	world_init(&world, "UTC", "2026-03-05T00:00:00Z", LOCAL_DAY_MS);
	cr_expect(oncall_shifts(&world.schedule, from_ms, from_ms + ONCALL_SPAN_MS_MAX, count_shift,
				&total_ms));
	cr_expect_eq(total_ms, ONCALL_SPAN_MS_MAX);
	cr_expect_not(oncall_shifts(&world.schedule, from_ms,
				    from_ms + ONCALL_SPAN_MS_MAX + ONCALL_STEP_MS, count_shift,
				    &total_ms));
	cr_expect_not(oncall_shifts(&world.schedule, from_ms, from_ms, count_shift, &total_ms));
	zone_free(world.schedule.zone);
}
