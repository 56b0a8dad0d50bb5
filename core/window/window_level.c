#include "core/window/window_level.h"
#include "core/window/window_internal.h"

#include "core/base/mem.h"
#include "core/model/local_day.h"
#include "core/window/metric.h"

struct window_levels *window_levels_new(struct window *fine, const struct metric *metric,
					const struct window_options *options,
					const struct zone *zone)
{
	struct window_levels *levels = mem_alloc(sizeof(*levels));

	levels->hour_metric = metric_derive(metric, "hour", LEVEL_HOUR_MS);
	levels->day_metric = metric_derive(metric, "day", LEVEL_DAY_MS);
	levels->fine = fine;
	levels->hours = window_new(levels->hour_metric, options);
	levels->days = window_new(levels->day_metric, options);
	levels->zone = zone;
	levels->rolled_ms = LEVEL_NONE;
	levels->rolled_day = LEVEL_NONE;
	return levels;
}

void window_levels_free(struct window_levels *levels)
{
	if (levels == NULL)
		return;
	window_free(levels->hours);
	window_free(levels->days);
	metric_unref(levels->hour_metric);
	metric_unref(levels->day_metric);
	mem_free(levels);
}

/* ---- days and hours ---- */

/* Where the clock is put back over midnight, a date comes twice; its instants belong to the day
 * that was not over. */
int64_t window_level_day(const struct zone *zone, int64_t ms)
{
	int64_t day = local_day_of(zone, ms);

	while (local_day_start_ms(zone, day + 1) <= ms)
		day++;
	while (local_day_start_ms(zone, day) > ms)
		day--;
	return day;
}

int64_t window_level_from_ms(const struct zone *zone, int64_t to_ms, uint32_t days)
{
	return local_day_start_ms(zone, window_level_day(zone, to_ms - 1) - (int64_t)days + 1);
}

static int64_t hour_number(int64_t day, int64_t day_start_ms, int64_t ms)
{
	return day * LEVEL_DAY_HOURS + (ms - day_start_ms) / LEVEL_HOUR_MS;
}

/* The end of the last hour that is over at `ms`. */
static int64_t floor_hour(const struct zone *zone, int64_t ms)
{
	int64_t start_ms = local_day_start_ms(zone, window_level_day(zone, ms));

	return ms - (ms - start_ms) % LEVEL_HOUR_MS;
}

/* ---- moving ---- */

static void merge_pane(struct window *into, int64_t number, const struct window_key *key,
		       const struct pane *pane, const struct pane_shape *shape)
{
	struct aggregate counted;
	const struct aggregate *delta = pane_cells(pane, shape, &counted);
	uint32_t ref = window_put_key(into, key->hash, window_keys_bytes(key));

	if (ref == WINDOW_KEY_NONE)
		into->overflow_count += delta->count;
	else
		pane_merge(window_put_pane(into, ref, number), &into->shape, delta);
}

/* All panes of one start into the pane `number` of another window. */
static void pour(const struct window *from, const struct start *start, struct window *into,
		 int64_t number)
{
	for (uint32_t i = 0; i < start->refs.count; i++) {
		const struct window_key *key = window_keys_at(&from->keys, start->refs.data[i]);
		const struct pane *pane = window_pane_of(from, key, start->number);

		if (pane != NULL)
			merge_pane(into, number, key, pane, &from->shape);
	}
}

static bool roll_hours(struct window_levels *levels, int64_t to_ms)
{
	const struct window *fine = levels->fine;
	int64_t day = 0, day_start_ms = 0, day_end_ms = LEVEL_NONE;
	uint32_t index = 0, end = window_find_start(fine, window_number_from(fine, to_ms));
	bool is_any = false;

	if (levels->rolled_ms != LEVEL_NONE)
		index = window_find_start(fine, window_number_from(fine, levels->rolled_ms));
	for (; index < end; index++) {
		int64_t start_ms = fine->starts[index].number * fine->pane_ms;

		if (start_ms >= day_end_ms) {
			day = window_level_day(levels->zone, start_ms);
			day_start_ms = local_day_start_ms(levels->zone, day);
			day_end_ms = local_day_start_ms(levels->zone, day + 1);
		}
		pour(fine, &fine->starts[index], levels->hours,
		     hour_number(day, day_start_ms, start_ms));
		is_any = true;
	}
	return is_any;
}

static bool roll_days(struct window_levels *levels, int64_t to_day)
{
	struct window *hours = levels->hours;
	uint32_t end = window_find_start(hours, to_day * LEVEL_DAY_HOURS);

	for (uint32_t i = 0; i < end; i++) {
		int64_t number = hours->starts[i].number;
		int64_t day = number / LEVEL_DAY_HOURS - (number % LEVEL_DAY_HOURS < 0);

		pour(hours, &hours->starts[i], levels->days, day);
	}
	return window_expire(hours, window_level_hour_ms(to_day)) > 0;
}

bool window_levels_roll(struct window_levels *levels, int64_t hours_to_ms, int64_t days_to)
{
	int64_t rolled_ms = floor_hour(levels->zone, hours_to_ms);
	bool has_moved = false;

	if (rolled_ms > levels->rolled_ms) {
		has_moved = roll_hours(levels, rolled_ms);
		levels->rolled_ms = rolled_ms;
	}
	/* A day is not over before its hours are. */
	if (days_to > levels->rolled_day &&
	    local_day_start_ms(levels->zone, days_to) <= levels->rolled_ms) {
		has_moved |= roll_days(levels, days_to);
		levels->rolled_day = days_to;
	}
	return has_moved;
}

int window_levels_merge(struct window_levels *levels, int64_t start_ms, struct slice key,
			const struct aggregate *delta)
{
	int64_t day = window_level_day(levels->zone, start_ms);

	if (levels->rolled_day != LEVEL_NONE && day < levels->rolled_day)
		return window_merge(levels->days, window_level_day_ms(day), key, delta);
	return window_merge(levels->hours,
			    hour_number(day, local_day_start_ms(levels->zone, day), start_ms) *
				    LEVEL_HOUR_MS,
			    key, delta);
}
