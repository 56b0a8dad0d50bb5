/** check_doubt.h - what a rule says that can hardly be meant: conditions that always or never hold,
 *  a `clear` that overlaps, a severity that never shows, times that do not fit together.
 *
 *  Not faults: a version that was loaded before must load again, and each of them has a defined
 *  meaning. Only what is certain is told; a statistic is looked at by itself (that `min` is not
 *  greater than `max` is not known here).
 */
#ifndef TOCSIN_CORE_CLI_CHECK_DOUBT_H
#define TOCSIN_CORE_CLI_CHECK_DOUBT_H

struct generation;
struct report;

/** Of the newest version of each rule. */
void check_doubts(const struct generation *generation, struct report *out);

#endif
