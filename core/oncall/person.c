#include "core/oncall/person.h"

#include "core/model/local_day.h"

#include <stddef.h>
#include <string.h>

static bool night_begins_on(const struct oncall_person *person, int64_t day)
{
	return (person->quiet_days >> local_day_weekday(day) & 1) != 0;
}

/** The quiet hours that began on `day`, as instants. */
static bool holds_from(const struct oncall_person *person, int64_t day, int64_t utc_ms,
		       int64_t *until_ms)
{
	bool is_over_midnight = person->quiet_to_ms <= person->quiet_from_ms;
	int64_t to_day = day + (is_over_midnight ? 1 : 0);
	int64_t from_ms, to_ms;

	if (!night_begins_on(person, day))
		return false;
	from_ms = local_instant_ms(person->zone, day * LOCAL_DAY_MS + person->quiet_from_ms);
	to_ms = local_instant_ms(person->zone, to_day * LOCAL_DAY_MS + person->quiet_to_ms);
	if (utc_ms < from_ms || utc_ms >= to_ms)
		return false;
	*until_ms = to_ms;
	return true;
}

bool person_is_quiet(const struct oncall_person *person, int64_t utc_ms, int64_t *until_ms)
{
	int64_t day;

	if (!person->has_quiet)
		return false;
	day = local_day_of(person->zone, utc_ms);
	return holds_from(person, day, utc_ms, until_ms) ||
	       holds_from(person, day - 1, utc_ms, until_ms);
}

bool person_has_role(const struct oncall_person *person, const char *role)
{
	for (uint32_t i = 0; i < person->role_count; i++)
		if (strcmp(person->roles[i], role) == 0)
			return true;
	return false;
}
