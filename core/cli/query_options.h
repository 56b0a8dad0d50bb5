/** query_options.h - the command line of `tocsin query`, read and checked.
 *  Owner: query_options_init() caller's memory, query_options_deinit(). Texts are borrowed from
 *  argv or from the arena.
 */
#ifndef TOCSIN_CORE_CLI_QUERY_OPTIONS_H
#define TOCSIN_CORE_CLI_QUERY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/cli/query_having.h"
#include "core/ingest/intake.h"
#include "core/model/cells.h"
#include "core/model/dimension.h"
#include "core/window/metric.h"

enum { QUERY_STATS_MAX = 32, QUERY_LATENESS_MS = 5000 };

struct query_stat {
	const char *text;       /**< as written: "sum(amount)" */
	struct measure measure; /**< its value: place of the field in values; 0 without */
};

struct query_options {
	const char *site, *source; /**< --site, --source; NULL without */
	const char *format;        /**< "json", "csv" or NULL */
	const char *delimiter;
	const char *time;
	const char *where;
	bool has_header;
	bool is_json_output;
	bool is_verbose;
	bool has_help;
	int64_t every_ms;    /**< 0: one row for all time */
	int64_t window_ms;   /**< 0: as long as every_ms; else a multiple of it */
	int64_t lateness_ms; /**< -1: not given */
	const char *fields[INTAKE_COLUMNS_MAX];
	uint32_t field_count;
	const char *by[DIMENSION_FIELDS_MAX];
	uint32_t by_count;
	const char *values[METRIC_VALUES_MAX];
	uint8_t needs[METRIC_VALUES_MAX]; /**< enum cell_need of each value */
	uint32_t value_count;
	struct cell_layout layout; /**< of these values */
	int64_t span_ms;           /**< of a row's window; 0: all time */
	struct query_stat stats[QUERY_STATS_MAX];
	uint32_t stat_count;
	struct query_having having;
	const char **inputs;
	uint32_t input_count;
	struct arena arena;
};

void query_options_init(struct query_options *options);
void query_options_deinit(struct query_options *options);

/** Reads one statistic ("sum(amount)", kept) and adds its field to the values. `option` is named in
 *  errors. ERR_INVALID, ERR_FULL. */
int query_stat_parse(struct query_options *options, const char *option, const char *text,
		     struct query_stat *stat, struct err_note *why);

/** ERR_INVALID, ERR_RANGE and ERR_FULL are usage errors. */
int query_options_parse(struct query_options *options, int argc, char **argv, struct err_note *why);

#endif
