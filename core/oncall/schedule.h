/** schedule.h - who is on call at an instant, and the shifts of a span. Pure: no clock, no I/O.
 *
 *  An override wins over every layer, a later one over an earlier; of the layers the last that has
 *  somebody wins. A turn is handed over at the same time of the wall clock of the schedule's zone,
 *  also when the clock is changed: the first instant at which that time is reached.
 *  Owner: everything is borrowed from whoever made the schedule (config: its arena).
 */
#ifndef TOCSIN_CORE_ONCALL_SCHEDULE_H
#define TOCSIN_CORE_ONCALL_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/oncall/person.h"

struct zone;

enum { ONCALL_LAYERS_MAX = 16, ONCALL_OVERRIDES_MAX = 1000, ONCALL_DATES_MAX = 1000 };

/** Everything changes at whole minutes. */
#define ONCALL_STEP_MS (60 * 1000LL)
/** Longest span that oncall_shifts() goes through. */
#define ONCALL_SPAN_MS_MAX (92 * 24 * 3600 * 1000LL)

/** Hours of the wall clock. */
struct oncall_hours {
	unsigned days;   /**< bit 0 = Monday */
	int64_t from_ms; /**< of the day; to_ms <= from_ms goes over midnight and belongs to */
	int64_t to_ms;   /**< the day on which it began, also for the dates */
	int64_t *except; /**< local days on which they do not hold */
	uint32_t except_count;
	int64_t *only; /**< when there are any: they hold on these alone */
	uint32_t only_count;
};

struct oncall_layer {
	const struct oncall_person **people; /**< in the order of their turns; 1 or more */
	uint32_t person_count;
	int64_t starts_ms; /**< of the wall clock, since 1970-01-01 00:00; nobody before */
	int64_t every_ms;  /**< length of a turn on the wall clock */
	struct oncall_hours hours;
};

struct oncall_override {
	const struct oncall_person *person;
	int64_t from_ms, to_ms; /**< [from, to), UTC */
};

struct oncall_schedule {
	const char *name;
	const char *zone_name;
	struct zone *zone;
	struct oncall_layer *layers;
	uint32_t layer_count;
	struct oncall_override *overrides;
	uint32_t override_count;
};

struct oncall_shift {
	const struct oncall_person *person; /**< NULL: nobody */
	int64_t from_ms, to_ms;
};

bool oncall_hours_hold(const struct oncall_hours *hours, const struct zone *zone, int64_t utc_ms);

/** NULL: nobody. */
const struct oncall_person *oncall_who(const struct oncall_schedule *schedule, int64_t utc_ms);

/** The schedule with these behind its own overrides: they win. `out->overrides` is owned
 *  (mem_free()); all else is borrowed from `schedule` and `more`. */
void oncall_merge(const struct oncall_schedule *schedule, const struct oncall_override *more,
		  uint32_t count, struct oncall_schedule *out);

typedef void (*oncall_shift_fn)(void *arg, const struct oncall_shift *shift);

/** Shifts of [from, to), cut at its ends, with the gaps; both are cut to whole minutes. False: the
 *  span is empty or longer than ONCALL_SPAN_MS_MAX. */
bool oncall_shifts(const struct oncall_schedule *schedule, int64_t from_ms, int64_t to_ms,
		   oncall_shift_fn on_shift, void *arg);

#endif
