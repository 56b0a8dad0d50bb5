/** metric.h - what is measured: readings of a source that match a filter, by fields, values of a
 *  field.
 *
 *  Two rules with the same metric share its panes: the id is XXH3-128 of the canonical definition
 *  (source, canonical filter or filter function, by fields, value fields and what is kept of them,
 *  pane length), so it survives restart and reload. The order of `by` and of `values` is part of
 *  it: it is the order inside keys and panes. A metric is never extended: one that keeps more of a
 *  value is another one, so that a rule which comes later does not take the history of others.
 *  Owner: metric_new() copies everything; shared by count (metric_ref/metric_unref, any thread).
 */
#ifndef TOCSIN_CORE_WINDOW_METRIC_H
#define TOCSIN_CORE_WINDOW_METRIC_H

#include <stdbool.h>
#include <stdint.h>

#include "core/model/cells.h"
#include "core/model/dimension.h"

enum { METRIC_ID_BYTES = 16, METRIC_VALUES_MAX = CELL_VALUES_MAX, METRIC_READS_MAX = 32 };

struct metric_id {
	unsigned char bytes[METRIC_ID_BYTES];
};

/** In place of a value field: the line itself, as it was read. No field has this name. */
#define METRIC_LINE ""

struct metric_spec {
	const char *source;
	const char *filter; /**< canonical, "" for every reading */
	/** What names a rule's filter function ("rule slow, hash ..."); NULL: it has none. */
	const char *filter_function;
	const char *const *reads; /**< fields that functions of a reading see */
	uint32_t read_count;
	const char *const *by;
	uint32_t by_count;
	const char *const *values; /**< fields; each has an aggregate of its own */
	uint32_t value_count;      /**< 0: readings are only counted */
	const uint8_t *needs;      /**< enum cell_need of each value; NULL: CELL_NUMBER of each */
	/** Of the value METRIC_LINE, how many are kept; 0: it is not among the values. */
	uint8_t lines_max;
	int64_t pane_ms;
	/** Stage 2 is told which readings match. Not part of the metric: rules that share its panes
	 *  may differ. */
	bool keeps_rows;
};

struct metric {
	struct metric_id id;
	char *source;
	char *filter;
	bool has_filter_function; /**< its readings are decided on in stage 2 */
	char *by[DIMENSION_FIELDS_MAX];
	uint32_t by_count;
	char *values[METRIC_VALUES_MAX];
	uint32_t value_count;
	uint32_t aggregate_count; /**< per pane: value_count, at least 1 */
	struct cell_layout cells; /**< of a pane, a group and a total */
	int64_t pane_ms;
	unsigned reference_count; /**< atomic */
};

struct metric *metric_new(const struct metric_spec *spec);
/** The same readings in longer panes: a level ("hour", "day") that is stored beside the metric. Its
 *  id is made of the metric's and the level's name. */
struct metric *metric_derive(const struct metric *metric, const char *level, int64_t pane_ms);
struct metric *metric_ref(struct metric *metric);
void metric_unref(struct metric *metric); /**< NULL allowed */

#endif
