/** incident_stats.h - how well incidents are handled, in figures.
 *
 *  Of incidents in memory (open ones and the latest INCIDENTS_CLOSED_MAX others) that were opened
 *  at or after `since_ms`. Drills, candidates, cancelled and merged ones are left out: what was
 *  merged is in the incident that took it in.
 *    MTTA      acked - opened            (the first acknowledgement)
 *    handling  mitigated - detected      (the business goal)
 *    MTTR      resolved - detected
 *    MTBF      time without impact / incidents; impact is from impact_start to mitigated, or until
 *              now; what overlaps counts once. Its median and p90 are of the times between.
 *  An incident that has not come so far is not in that figure. median and p90: nearest rank, the
 *  smallest value that at least so many are not above.
 */
#ifndef TOCSIN_CORE_INCIDENT_INCIDENT_STATS_H
#define TOCSIN_CORE_INCIDENT_INCIDENT_STATS_H

#include <stdint.h>

#include "core/incident/incident.h"

struct incident_figure {
	uint64_t count;
	int64_t mean_ms, median_ms, p90_ms; /**< 0 when count is 0 */
};

struct incident_figures {
	const char *category; /**< NULL: of all; borrowed until `each` returns */
	uint64_t incident_count, open_count, reopened_count;
	uint64_t priority_counts[5]; /**< P1 .. P5 */
	struct incident_figure acknowledge, handle, resolve, between;
};

/** One row for all, then, by category, one for each category that has some; an incident counts for
 *  its category and for all above. */
void incident_stats(const struct incident_store *store, int64_t since_ms, int64_t now_ms,
		    bool by_category,
		    void (*each)(void *arg, const struct incident_figures *figures), void *arg);

#endif
