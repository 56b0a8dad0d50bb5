/** grouping.h - the readings of a batch into the deltas of a bundle, for every metric of an intake.
 *
 *      batch -> rows that match each metric's filter -> pane start and key -> group's aggregates
 *
 *  Owner: grouping_new() result owned, one per reader (thread). Keeps nothing but memory for reuse.
 */
#ifndef TOCSIN_CORE_INGEST_GROUPING_H
#define TOCSIN_CORE_INGEST_GROUPING_H

#include <stdint.h>

struct batch;
struct bundle;
struct grouping;
struct intake;

struct grouping *grouping_new(void);
void grouping_free(struct grouping *grouping);

/** The bundle was made for `intake`, and the batch has its columns. */
void grouping_add(struct grouping *grouping, const struct intake *intake, const struct batch *batch,
		  struct bundle *bundle);

#endif
