/** valid_time.h - when a rule is judged: days of the week, hours of the clock, days left out.
 *
 *      valid_time = { { days = "mon-fri", from = "08:00", to = "20:00" } }
 *      valid_time = { ranges = { { days = "sat,sun", from = "22:00", to = "02:00" } },
 *                     zone = "Asia/Shanghai", except = { "2026-10-01" } }
 *
 *  A range holds from `from` (default 00:00) to `to` (default 24:00), exclusive, of the wall clock
 *  of the zone (default: the site's). One that ends before it begins goes over midnight, and
 *  belongs to the day on which it began, also for `except`. Without ranges every time but that of
 *  `except` is valid. A window counts by its last instant: [08:00, 20:00) judges the windows that
 *  end in (08:00, 20:00]. Owner: valid_time_new() result owned. Limits: VALID_TIME_RANGES_MAX,
 *  VALID_TIME_EXCEPT_MAX.
 */
#ifndef TOCSIN_CORE_CALENDAR_VALID_TIME_H
#define TOCSIN_CORE_CALENDAR_VALID_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config/options.h"

struct report;
struct tree;
struct valid_time;

enum { VALID_TIME_RANGES_MAX = 32, VALID_TIME_EXCEPT_MAX = 1000 };

/** From the table in a rule file. NULL: faults are in `report`, each with its line. */
struct valid_time *valid_time_new(const struct tree *tree, const char *site_zone, const char *file,
				  struct report *report);
void valid_time_free(struct valid_time *valid); /**< NULL allowed */

bool valid_time_holds(const struct valid_time *valid, int64_t utc_ms);
/** Is the window that ends (exclusive) at `end_ms` judged? */
bool valid_time_judges(const struct valid_time *valid, int64_t end_ms);

/** What the table may hold; ends with name NULL. */
extern const struct option valid_time_rows[];

#endif
