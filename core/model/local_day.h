/** local_day.h - calendar days and clock times of a zone.
 *
 *  A day is its number: days of the local calendar since 1970-01-01. Most have 24 hours; those on
 *  which the clock is changed have 23 or 25 (or 23.5, 24.5: Lord Howe), and each has a first
 *  instant: midnight, or what follows it where the clock is put forward at midnight.
 */
#ifndef TOCSIN_CORE_MODEL_LOCAL_DAY_H
#define TOCSIN_CORE_MODEL_LOCAL_DAY_H

#include <stdbool.h>
#include <stdint.h>

struct zone;

#define LOCAL_DAY_MS (24 * 3600 * 1000LL)

int64_t local_day_of(const struct zone *zone, int64_t utc_ms);

/** First instant of the day; the day is [start of it, start of the next). */
int64_t local_day_start_ms(const struct zone *zone, int64_t day);

/** What the clock on the wall shows, in ms from 00:00; 0 .. LOCAL_DAY_MS - 1. */
int64_t local_clock_ms(const struct zone *zone, int64_t utc_ms);

/** 0 = Monday .. 6 = Sunday. */
unsigned local_day_weekday(int64_t day);

/** The instant at which the clock showed the same time `days` days earlier. A time that was skipped
 *  there (the clock put forward) gives the first instant after the gap; of one that was shown twice
 *  (the clock put back) the earlier, so that every time of a day has one and the same answer. */
int64_t local_same_clock_ms(const struct zone *zone, int64_t utc_ms, int64_t days);

/** The first instant at which the local time, in ms since 1970-01-01 00:00 of the wall clock, is
 *  reached: of a time that comes twice the earlier, of a skipped one the end of the gap. */
int64_t local_instant_ms(const struct zone *zone, int64_t local_ms);

/** "2026-10-01" to the number of its day. False: it is not a day of the calendar. */
bool local_day_parse(const char *text, int64_t *out_day);

/** "mon-fri", "sat,sun" or "fri-mon": bit 0 = Monday. */
bool local_weekdays_parse(const char *text, unsigned *days);

/** "00:00" to "24:00" in ms. */
bool local_clock_parse(const char *text, int64_t *out_ms);

#endif
