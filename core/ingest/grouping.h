/** grouping.h - the readings of a batch into the deltas of a bundle, for every metric of an intake.
 *
 *      batch -> rows that match each metric's filter -> pane start and key -> group's aggregates
 *
 *  The readings of a metric with a filter function are decided on in stage 2: the bundle keeps the
 *  batch for it.
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

/** The same for one metric of bundle->intake and the rows that its filter function wants: stage 2
 *  calls it for the batches that the bundle keeps. `rows` are ascending. */
void grouping_add_rows(struct grouping *grouping, const struct batch *batch, uint32_t metric,
		       const uint16_t *rows, uint32_t row_count, struct bundle *bundle);

#endif
