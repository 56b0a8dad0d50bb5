/** query_run.h - reads the inputs one after another and prints the rows as the watermark passes.
 *
 *  Each input is a partition. One that is not read yet holds the watermark back, so rows leave only
 *  while the last input is read, and files that overlap in time give exact rows.
 *  Owner: caller's memory; `options`, `source` and `env` are borrowed.
 */
#ifndef TOCSIN_CORE_CLI_QUERY_RUN_H
#define TOCSIN_CORE_CLI_QUERY_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ingest/intake.h"

struct env;
struct err_note;
struct query_options;

enum { QUERY_SAMPLES_MAX = 3 };

/** How the inputs are written. */
struct query_source {
	struct intake_options intake;
	struct schema schema; /**< owned */
	bool has_header;      /**< the first line of each input names its columns */
};

struct query_totals {
	uint64_t bytes, lines, readings, malformed, mistyped;
	uint64_t lost; /**< came later than the lateness, after their row was printed */
	int64_t spent_ms;
	char *samples[QUERY_SAMPLES_MAX]; /**< owned: "file:line: reason" of malformed lines */
	uint32_t sample_count;
};

/** ERR_INVALID, ERR_RANGE, ERR_FULL: the question does not fit the fields. ERR_NOT_FOUND, ERR_IO:
 *  an input cannot be read, or the output not written. Totals are right in any case. */
int query_run(const struct query_options *options, const struct query_source *source,
	      const struct env *env, struct query_totals *totals, struct err_note *why);

#endif
