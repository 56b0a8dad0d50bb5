/** query_output.h - the rows of a query as CSV (RFC 4180) or JSON lines on standard output. */
#ifndef TOCSIN_CORE_CLI_QUERY_OUTPUT_H
#define TOCSIN_CORE_CLI_QUERY_OUTPUT_H

#include "core/base/bytes.h"

struct query_options;
struct query_row;

/** Append one line to `out`. A statistic without a value is an empty cell, or null. */
void query_output_header(const struct query_options *options, struct bytes *out);
void query_output_row(const struct query_options *options, const struct query_row *row,
		      struct bytes *out);

#endif
