/** decode_csv.h - one line of delimited text to one row; RFC 4180 quoting within the line.
 *
 *  A quote has its meaning only at the beginning of a field; within an unquoted field it is text.
 *  Strings are borrowed from the line, or from batch->strings when a quote inside was doubled.
 */
#ifndef TOCSIN_CORE_INGEST_DECODE_CSV_H
#define TOCSIN_CORE_INGEST_DECODE_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/bytes.h"

struct arena;
struct decode_row;
struct err_note;
struct intake;

int csv_decode(const struct intake *intake, struct slice line, struct decode_row *row,
	       struct err_note *why);

/** Splits one field off at *at (moved behind its delimiter; to line.length + 1 after the last one).
 *  `text` is borrowed from the line or from `strings`. ERR_INVALID: a quote that is not closed. */
int csv_field(struct slice line, char delimiter, size_t *at, struct arena *strings,
	      struct slice *text, struct err_note *why);

#endif
