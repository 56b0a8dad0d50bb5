/** query_output.h - the rows of a query as CSV (RFC 4180) or JSON lines.
 *  Owner: query_output_init() caller's memory, query_output_deinit(); `options` is borrowed.
 */
#ifndef TOCSIN_CORE_CLI_QUERY_OUTPUT_H
#define TOCSIN_CORE_CLI_QUERY_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/model/timestamp.h"

struct query_options;
struct query_row;

struct query_output {
	const struct query_options *options;
	struct bytes names;  /**< what stands before each cell: "," or ",\"name\":" */
	uint32_t *name_ends; /**< [1 + by_count + stat_count] in names */
	size_t row_bytes;    /**< of a row without its group, at most */
	int64_t start_ms;    /**< of the window whose start is written in `start` */
	size_t start_bytes;
	char start[TIMESTAMP_TEXT_BYTES_MAX];
};

void query_output_init(struct query_output *output, const struct query_options *options);
void query_output_deinit(struct query_output *output);

/** Append one line to `out`. A statistic without a value is an empty cell, or null. */
void query_output_header(const struct query_output *output, struct bytes *out);
void query_output_row(struct query_output *output, const struct query_row *row, struct bytes *out);

#endif
