#include "core/oncall/schedule.h"

#include "core/base/mem.h"
#include "core/model/local_day.h"
#include "core/model/span.h"
#include "core/model/zone.h"

#include <stddef.h>
#include <string.h>

static bool has_date(const int64_t *dates, uint32_t count, int64_t day)
{
	for (uint32_t i = 0; i < count; i++)
		if (dates[i] == day)
			return true;
	return false;
}

static bool hours_have_day(const struct oncall_hours *hours, int64_t day)
{
	return (hours->days >> local_day_weekday(day) & 1) != 0 &&
	       !has_date(hours->except, hours->except_count, day) &&
	       (hours->only_count == 0 || has_date(hours->only, hours->only_count, day));
}

bool oncall_hours_hold(const struct oncall_hours *hours, const struct zone *zone, int64_t utc_ms)
{
	int64_t day = local_day_of(zone, utc_ms), clock_ms = local_clock_ms(zone, utc_ms);

	if (hours->from_ms < hours->to_ms)
		return clock_ms >= hours->from_ms && clock_ms < hours->to_ms &&
		       hours_have_day(hours, day);
	return (clock_ms >= hours->from_ms && hours_have_day(hours, day)) ||
	       (clock_ms < hours->to_ms && hours_have_day(hours, day - 1));
}

static int64_t handover_ms(const struct oncall_layer *layer, const struct zone *zone, int64_t turn)
{
	return local_instant_ms(zone, layer->starts_ms + turn * layer->every_ms);
}

/** Counts handovers that have come, rather than dividing the wall clock: where the clock is put
 *  back, a turn that was handed over stays so. Negative: not begun. */
static int64_t turn_at(const struct oncall_layer *layer, const struct zone *zone, int64_t utc_ms)
{
	int64_t local_ms = utc_ms + (int64_t)zone_offset_s(zone, utc_ms) * 1000;
	int64_t turn = span_floor(local_ms - layer->starts_ms, layer->every_ms) / layer->every_ms;

	while (handover_ms(layer, zone, turn + 1) <= utc_ms)
		turn++;
	while (handover_ms(layer, zone, turn) > utc_ms)
		turn--;
	return turn;
}

static const struct oncall_person *layer_who(const struct oncall_layer *layer,
					     const struct zone *zone, int64_t utc_ms)
{
	int64_t turn;

	if (!oncall_hours_hold(&layer->hours, zone, utc_ms))
		return NULL;
	turn = turn_at(layer, zone, utc_ms);
	return turn < 0 ? NULL : layer->people[turn % layer->person_count];
}

const struct oncall_person *oncall_who(const struct oncall_schedule *schedule, int64_t utc_ms)
{
	const struct oncall_person *person = NULL;

	for (uint32_t i = schedule->override_count; i-- > 0;)
		if (utc_ms >= schedule->overrides[i].from_ms &&
		    utc_ms < schedule->overrides[i].to_ms)
			return schedule->overrides[i].person;
	for (uint32_t i = schedule->layer_count; person == NULL && i-- > 0;)
		person = layer_who(&schedule->layers[i], schedule->zone, utc_ms);
	return person;
}

void oncall_merge(const struct oncall_schedule *schedule, const struct oncall_override *more,
		  uint32_t count, struct oncall_schedule *out)
{
	uint32_t own = schedule->override_count;

	*out = *schedule;
	out->overrides = mem_alloc_array(own + count + 1, sizeof(*out->overrides));
	if (own > 0)
		memcpy(out->overrides, schedule->overrides, own * sizeof(*out->overrides));
	if (count > 0)
		memcpy(out->overrides + own, more, count * sizeof(*out->overrides));
	out->override_count = own + count;
}

bool oncall_shifts(const struct oncall_schedule *schedule, int64_t from_ms, int64_t to_ms,
		   oncall_shift_fn on_shift, void *arg)
{
	struct oncall_shift shift = {0};

	from_ms = span_floor(from_ms, ONCALL_STEP_MS);
	to_ms = span_floor(to_ms, ONCALL_STEP_MS);
	if (from_ms >= to_ms || to_ms - from_ms > ONCALL_SPAN_MS_MAX)
		return false;
	shift.person = oncall_who(schedule, from_ms);
	shift.from_ms = from_ms;
	for (int64_t at_ms = from_ms + ONCALL_STEP_MS; at_ms < to_ms; at_ms += ONCALL_STEP_MS) {
		const struct oncall_person *person = oncall_who(schedule, at_ms);

		if (person == shift.person)
			continue;
		shift.to_ms = at_ms;
		on_shift(arg, &shift);
		shift.person = person;
		shift.from_ms = at_ms;
	}
	shift.to_ms = to_ms;
	on_shift(arg, &shift);
	return true;
}
