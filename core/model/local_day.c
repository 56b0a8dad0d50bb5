#include "core/model/local_day.h"

#include "core/model/timestamp.h"
#include "core/model/zone.h"

#include "core/base/mem.h"

#include <string.h>

/** Farther than any zone is from UTC (RFC 8536 has at most 26 h). */
#define OFFSET_MS_MAX (26 * 3600 * 1000LL)

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t local_ms_of(const struct zone *zone, int64_t utc_ms)
{
	return utc_ms + (int64_t)zone_offset_s(zone, utc_ms) * 1000;
}

int64_t local_day_of(const struct zone *zone, int64_t utc_ms)
{
	return floor_div(local_ms_of(zone, utc_ms), LOCAL_DAY_MS);
}

int64_t local_clock_ms(const struct zone *zone, int64_t utc_ms)
{
	int64_t local_ms = local_ms_of(zone, utc_ms);

	return local_ms - floor_div(local_ms, LOCAL_DAY_MS) * LOCAL_DAY_MS;
}

unsigned local_day_weekday(int64_t day)
{
	/* 1970-01-01 was a Thursday. */
	int64_t weekday = (day + 3) % 7;

	return (unsigned)(weekday < 0 ? weekday + 7 : weekday);
}

/** The change of the offset in (from, to]: its first instant. There is one at most. */
static int64_t find_change(const struct zone *zone, int64_t from_ms, int64_t to_ms)
{
	int32_t before_s = zone_offset_s(zone, from_ms);

	while (to_ms - from_ms > 1) {
		int64_t middle_ms = from_ms + (to_ms - from_ms) / 2;

		if (zone_offset_s(zone, middle_ms) == before_s)
			from_ms = middle_ms;
		else
			to_ms = middle_ms;
	}
	return to_ms;
}

/** The first instant at which the local time is `local_ms` or later.
 *
 *  Offsets of a zone around a change: `before` holds up to it, `after` from it on. With `before`
 *  the instant is local - before; it is right when it comes before the change. Else it is in the
 *  gap, or after the change. */
int64_t local_instant_ms(const struct zone *zone, int64_t local_ms)
{
	int64_t low_ms = local_ms - OFFSET_MS_MAX;
	int64_t high_ms = local_ms + OFFSET_MS_MAX;
	int64_t before_ms = local_ms - (int64_t)zone_offset_s(zone, low_ms) * 1000;
	int64_t after_ms = local_ms - (int64_t)zone_offset_s(zone, high_ms) * 1000;
	int64_t change_ms;

	if (before_ms == after_ms)
		return before_ms;
	change_ms = find_change(zone, low_ms, high_ms);
	if (before_ms < change_ms)
		return before_ms;
	return after_ms > change_ms ? after_ms : change_ms;
}

int64_t local_day_start_ms(const struct zone *zone, int64_t day)
{
	return local_instant_ms(zone, day * LOCAL_DAY_MS);
}

int64_t local_same_clock_ms(const struct zone *zone, int64_t utc_ms, int64_t days)
{
	return local_instant_ms(zone, local_ms_of(zone, utc_ms) - days * LOCAL_DAY_MS);
}

bool local_day_parse(const char *text, int64_t *out_day)
{
	char instant[] = "0000-00-00T00:00:00Z";
	int64_t ms;

	if (strlen(text) != strlen("0000-00-00"))
		return false;
	memcpy(instant, text, strlen(text));
	if (timestamp_parse(slice_of(instant), &ms) != 0)
		return false;
	*out_day = ms / LOCAL_DAY_MS;
	return true;
}

static int parse_weekday(const char *text, size_t length)
{
	static const char names[7][4] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

	for (int day = 0; day < 7 && length == 3; day++)
		if (memcmp(names[day], text, 3) == 0)
			return day;
	return -1;
}

/** "mon-fri" or "sat"; also "fri-mon". */
static bool parse_days_item(const char *text, size_t length, unsigned *days)
{
	const char *dash = memchr(text, '-', length);
	size_t first_length = dash != NULL ? (size_t)(dash - text) : length;
	int first = parse_weekday(text, first_length);
	int last = dash != NULL ? parse_weekday(dash + 1, length - first_length - 1) : first;

	if (first < 0 || last < 0)
		return false;
	for (int day = first;; day = (day + 1) % 7) {
		*days |= 1u << day;
		if (day == last)
			return true;
	}
}

bool local_weekdays_parse(const char *text, unsigned *days)
{
	*days = 0;
	for (;;) {
		size_t length = strcspn(text, ",");

		if (!parse_days_item(text, length, days))
			return false;
		if (text[length] == '\0')
			return true;
		text += length + 1;
	}
}

bool local_clock_parse(const char *text, int64_t *out_ms)
{
	static const char digits[] = "0123456789";
	int hour, minute;

	if (strlen(text) != 5 || strspn(text, digits) != 2 || text[2] != ':' ||
	    strspn(text + 3, digits) != 2)
		return false;
	hour = (text[0] - '0') * 10 + text[1] - '0';
	minute = (text[3] - '0') * 10 + text[4] - '0';
	if (minute > 59 || hour > 24 || (hour == 24 && minute > 0))
		return false;
	*out_ms = (hour * 60LL + minute) * (60 * 1000);
	return true;
}
