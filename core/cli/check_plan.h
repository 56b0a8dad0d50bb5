/** check_plan.h - what a plan says that can hardly be meant: a trigger whose rule is not there, a
 *  high risk without a way back or a person, a need that nothing uses. Not faults: check_doubt.h.
 */
#ifndef TOCSIN_CORE_CLI_CHECK_PLAN_H
#define TOCSIN_CORE_CLI_CHECK_PLAN_H

#include <stdbool.h>

struct generation;
struct report;

/** Of the newest version of each plan of `generation`; `site` is the whole one. */
void check_plan_doubts(const struct generation *site, const struct generation *generation,
		       struct report *out);

/** Whether `path` is a file of a plan of the site at `site_dir`: of `name`, or NULL: of any. */
bool check_plan_has(const char *site_dir, const char *path, const char *name);

#endif
