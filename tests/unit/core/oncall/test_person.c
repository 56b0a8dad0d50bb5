#include "core/oncall/person.h"

#include "core/base/bytes.h"
#include "core/model/timestamp.h"
#include "core/model/zone.h"

#include <criterion/criterion.h>

enum { HOUR_MS = 3600 * 1000 };

static int64_t at(const char *text)
{
	int64_t ms = 0;

	cr_assert_eq(timestamp_parse(slice_of(text), &ms), 0);
	return ms;
}

static struct oncall_person sleeper(const char *zone, int from_h, int to_h)
{
	struct oncall_person person = {.has_quiet = true, .quiet_days = 0x7F};

	person.quiet_from_ms = (int64_t)from_h * HOUR_MS;
	person.quiet_to_ms = (int64_t)to_h * HOUR_MS;
	cr_assert_eq(zone_open(&person.zone, zone, NULL), 0);
	return person;
}

static void expect_quiet(const struct oncall_person *person, const char *instant, const char *until)
{
	int64_t until_ms = 0;

	cr_expect_eq(person_is_quiet(person, at(instant), &until_ms), until != NULL, "%s", instant);
	if (until != NULL)
		cr_expect_eq(until_ms, at(until), "%s", instant);
}

Test(person, nights_go_over_midnight)
{
	struct oncall_person person = sleeper("Asia/Shanghai", 22, 8);

	expect_quiet(&person, "2026-11-22T13:59:59.999Z", NULL);
	expect_quiet(&person, "2026-11-22T14:00:00Z", "2026-11-23T00:00:00Z");
	expect_quiet(&person, "2026-11-22T23:59:59.999Z", "2026-11-23T00:00:00Z");
	expect_quiet(&person, "2026-11-23T00:00:00Z", NULL);
	zone_free(person.zone);
}

Test(person, a_night_belongs_to_the_day_on_which_it_begins)
{
	struct oncall_person person = sleeper("UTC", 22, 8);

	person.quiet_days = 1u << 4; /* Friday; 2026-11-20 is one */
	expect_quiet(&person, "2026-11-20T07:00:00Z", NULL);
	expect_quiet(&person, "2026-11-20T22:00:00Z", "2026-11-21T08:00:00Z");
	expect_quiet(&person, "2026-11-21T07:59:00Z", "2026-11-21T08:00:00Z");
	expect_quiet(&person, "2026-11-21T22:00:00Z", NULL);
	zone_free(person.zone);
}

Test(person, a_whole_day_has_no_hole_at_midnight)
{
	struct oncall_person person = sleeper("UTC", 0, 24);

	expect_quiet(&person, "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
	expect_quiet(&person, "2026-11-20T23:59:59.999Z", "2026-11-21T00:00:00Z");
	zone_free(person.zone);
}

/* Berlin: 2026-03-29 02:00 +01 becomes 03:00 +02; 2026-10-25 03:00 +02 becomes 02:00 +01. */
Test(person, nights_are_of_the_wall_clock_when_it_is_changed)
{
	struct oncall_person person = sleeper("Europe/Berlin", 22, 8);

	expect_quiet(&person, "2026-03-28T21:00:00Z", "2026-03-29T06:00:00Z"); /* 9 hours */
	expect_quiet(&person, "2026-10-24T20:00:00Z", "2026-10-25T07:00:00Z"); /* 11 hours */
	expect_quiet(&person, "2026-10-25T06:59:00Z", "2026-10-25T07:00:00Z");
	zone_free(person.zone);
}

Test(person, has_the_roles_that_are_named)
{
	static const char *roles[] = {"commander", "comms"};
	const struct oncall_person person = {.roles = roles, .role_count = 2};

	cr_expect(person_has_role(&person, "comms"));
	cr_expect_not(person_has_role(&person, "scribe"));
}
