/** decode.h - one line to one row of a batch: JSON objects (simdjson, behind decode_json.cc) and CSV.
 *
 *  JSON: RFC 8259, one object a line, UTF-8; duplicate names: the last wins; nested fields by dotted
 *  name; depth limit DECODE_DEPTH_MAX; an integer beyond 64 bits is a float. CSV: RFC 4180 quoting
 *  inside one line (no line breaks inside quotes), exactly the declared number of columns; empty = nil;
 *  without a declared type true/false, integers and numbers are recognised, anything else is a string.
 *  A row needs a valid time field; everything else may be missing.
 *  Owner: decoder_new() result owned, one per thread. Strings in the row live in the line or batch->strings.
 */
#ifndef TOCSIN_CORE_INGEST_DECODE_H
#define TOCSIN_CORE_INGEST_DECODE_H

#include <stdint.h>

#include "core/base/bytes.h"

struct batch;
struct decoder;
struct err_note;
struct intake;

enum { DECODE_DEPTH_MAX = 64 };

struct decoder *decoder_new(void);
void decoder_free(struct decoder *decoder);

/** Appends the line as row batch->row_count (and counts it) or returns ERR_INVALID with the column and the
 *  reason. `mistyped` is increased for each wanted value that is not of its declared type (it becomes nil). */
int decoder_decode(struct decoder *decoder, const struct intake *intake, struct slice line,
		   struct batch *batch, uint64_t *mistyped, struct err_note *why);

#endif
