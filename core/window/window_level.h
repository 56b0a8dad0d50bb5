/** window_level.h - older panes of one metric in longer ones: hours of today, then whole days.
 *
 *      day    day    day  | hour  hour  hour | minute minute minute        event time ->
 *      --- days ----------+-- hours ---------+-- the metric's own window (fine)
 *                         rolled_day         rolled_ms
 *
 *  Days are calendar days of a zone; hours are counted from the beginning of their day, so that
 *  none is in two days, whatever the clock does: hour k of day d is pane d * LEVEL_DAY_HOURS + k.
 *  Each level is a window of a derived metric, stored like any other; every reading is in exactly
 *  one of the three. Fine panes before `rolled_ms` may still be there for windows that slide; days
 *  do not count them.
 *  Owner: window_levels_new() result owned; fine window and zone are borrowed. Threads: owner's.
 */
#ifndef TOCSIN_CORE_WINDOW_WINDOW_LEVEL_H
#define TOCSIN_CORE_WINDOW_WINDOW_LEVEL_H

#include "core/window/window.h"

struct zone;

enum { LEVEL_DAY_HOURS = 32 /**< more than any day has */, LEVEL_HOUR_MS = 3600000 };

#define LEVEL_DAY_MS (24LL * LEVEL_HOUR_MS)
#define LEVEL_NONE   INT64_MIN

struct window_levels {
	struct metric *hour_metric, *day_metric;
	struct window *fine; /**< borrowed */
	struct window *hours, *days;
	const struct zone *zone; /**< borrowed */
	int64_t rolled_ms;       /**< what begins before is in hours or days; LEVEL_NONE: nothing */
	int64_t rolled_day;      /**< days before it are in `days`; LEVEL_NONE */
};

struct window_levels *window_levels_new(struct window *fine, const struct metric *metric,
					const struct window_options *options,
					const struct zone *zone);
void window_levels_free(struct window_levels *levels); /**< NULL allowed */

/** The day to which an instant belongs: [local_day_start_ms(it), local_day_start_ms(it + 1)). */
int64_t window_level_day(const struct zone *zone, int64_t ms);
/** Where the window of `days` days that ends at `to_ms` begins: the day of its last instant and
 *  those before it. */
int64_t window_level_from_ms(const struct zone *zone, int64_t to_ms, uint32_t days);

/** A late delta that begins before rolled_ms, into the hour or the day that has its time. */
int window_levels_merge(struct window_levels *levels, int64_t start_ms, struct slice key,
			const struct aggregate *delta);

/** Hours that ended at `hours_to_ms` or before go from minutes to hours, days before `days_to` from
 *  hours to days. The fine panes stay until they are expired; hours that became days are forgotten.
 *  True: something moved. */
bool window_levels_roll(struct window_levels *levels, int64_t hours_to_ms, int64_t days_to);

/** Times of the derived windows, as their rows have them. */
static inline int64_t window_level_hour_ms(int64_t day)
{
	return day * LEVEL_DAY_HOURS * LEVEL_HOUR_MS;
}

static inline int64_t window_level_day_ms(int64_t day)
{
	return day * LEVEL_DAY_MS;
}

#endif
