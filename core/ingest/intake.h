/** intake.h - what stage 1 must do for one source: format, wanted columns, filters, groupings.
 *
 *  Built from the rules of a generation on the owner thread, then read-only and shared with readers
 *  by reference count; every bundle carries the intake it was made with, so a reload needs no
 *  barrier.
 *  Owner: intake_new() gives one reference; intake_ref/unref from any thread.
 *  Limits: INTAKE_METRICS_MAX metrics; lines longer than line_bytes_max are malformed (counted).
 */
#ifndef TOCSIN_CORE_INGEST_INTAKE_H
#define TOCSIN_CORE_INGEST_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/model/batch.h"
#include "core/model/dimension.h"
#include "core/model/schema.h"
#include "core/window/metric.h"

struct err_note;
struct filter;
struct name_tree;

enum intake_format { FORMAT_JSON, FORMAT_CSV };
enum { INTAKE_METRICS_MAX = 4096, INTAKE_LINE_BYTES_MAX = 65536, INTAKE_COLUMNS_MAX = 256 };

struct intake_options {
	const char *source;
	enum intake_format format;
	char delimiter;             /**< CSV: one character, default ',' */
	const char *const *columns; /**< CSV: names in order */
	uint32_t column_count;
	int64_t lateness_ms;     /**< 0 is 0; the site's default is 5000 */
	int64_t max_ahead_ms;    /**< a reading further ahead counts at its receive time */
	uint32_t line_bytes_max; /**< 0: INTAKE_LINE_BYTES_MAX */
	bool marks_late;         /**< stage 2 judges windows meanwhile: see struct bundle_marks */
};

/** One metric as stage 1 computes it. */
struct intake_metric {
	struct metric *metric; /**< shared */
	struct filter *filter; /**< owned; NULL = every reading */
	uint32_t by_columns[DIMENSION_FIELDS_MAX];
	uint32_t value_columns[METRIC_VALUES_MAX];
	uint32_t read_columns[METRIC_READS_MAX]; /**< of functions of a reading */
	uint32_t read_count;
	int keeper; /**< which of the bundle's row sets is the metric's, or -1 */
};

struct intake {
	char *source;
	enum intake_format format;
	char delimiter;
	char **columns;
	uint32_t column_count;
	int *column_of_csv; /**< [column_count] batch column of each CSV column, or -1 */
	int time_of_csv;    /**< CSV column of the time field, or -1: no line is a reading */
	int64_t lateness_ms;
	int64_t max_ahead_ms;
	uint32_t line_bytes_max;
	bool marks_late;
	uint64_t generation;
	struct schema schema; /**< owned copy */
	struct field_set fields;
	bool *is_number;       /**< [fields.count] a metric computes with the column */
	bool *is_kept;         /**< [fields.count] stage 2 needs the column, for filter functions */
	int line_column;       /**< where readers put the line itself, or -1: nobody wants it */
	bool keeps_batches;    /**< stage 2 looks at readings */
	uint32_t keeper_count; /**< metrics whose matching rows stage 2 is told */
	/** What one reading can add to the groups of all metrics, when keys are of ordinary
	 *  length. */
	size_t row_bytes;
	/** Of it, what stage 2 adds by filter functions, and what a kept reading itself takes. */
	size_t kept_row_bytes;
	struct name_tree *names; /**< the wanted names as JSON decoding looks them up */
	struct intake_metric *metrics;
	uint32_t metric_count;
	uint32_t metric_capacity;
	unsigned reference_count; /**< atomic */
};

struct intake *intake_new(const struct intake_options *options, const struct schema *schema,
			  uint64_t generation);
struct intake *intake_ref(struct intake *intake);
void intake_unref(struct intake *intake);

/** Adds a metric, or finds the equal one; *out_index is its place in metrics[]. The filter text is
 *  compiled; ERR_INVALID (filter, field), ERR_RANGE (a string field whose numbers are needed),
 *  ERR_FULL. Owner thread, before the intake is shared. The intake's own source is used;
 *  spec->filter may be uncanonical, NULL or "" = all. */
int intake_add_metric(struct intake *intake, const struct metric_spec *spec, uint32_t *out_index,
		      struct err_note *why);

#endif
