/** decode.h - lines to rows of a batch: JSON objects (by simdjson, or by a known shape) and CSV.
 *
 *  JSON: RFC 8259, one object a line, UTF-8; duplicate names: the last wins (of nested objects
 *  too); nested fields by dotted name; depth limit DECODE_DEPTH_MAX; an integer beyond 64 bits is
 *  a float. CSV: RFC 4180 quoting inside one line (no line breaks inside quotes), UTF-8, exactly
 *  the declared number of columns; empty = nil; without a declared type true/false and numbers as
 *  JSON writes them are recognised, anything else ("007" too) is a string.
 *  Declared types: an integer is a float where one is declared, a float without a fraction an
 *  integer; a time becomes integer milliseconds; nothing is taken out of quotes.
 *  A row needs a valid time field; everything else may be missing.
 *  Owner: decoder_new() result owned, one per thread. Strings in the row live in the line or in
 *  batch->strings.
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

/** Ways to the same rows; tests compare them. */
enum decoder_way { DECODER_FASTEST, DECODER_PORTABLE, DECODER_LINE_BY_LINE };
void decoder_use(struct decoder *decoder, enum decoder_way way);

/** Appends the line as row batch->row_count (and counts it) or returns ERR_INVALID with the column
 *  and the reason (`why` NULL: nobody reads it, which is faster). The batch must have room for a
 *  row. `readable`: bytes that may be read after the line, whatever they are (0 is allowed, 64
 *  avoid a copy). `mistyped` is increased for each wanted value that is not of its declared type
 *  (it becomes nil) and for each that a metric computes with and that is no number. */
int decoder_decode(struct decoder *decoder, const struct intake *intake, struct slice line,
		   size_t readable, struct batch *batch, uint64_t *mistyped, struct err_note *why);

/** Many lines at once, as far as they are plain; the same rows as above. The reader does:
 *
 *      decoder_block_start(decoder, intake, block, readable);
 *      for (;;) {
 *              at = decoder_block_decode(decoder, at, batch, &mistyped);
 *              a full batch: take the rows, clear it, go on
 *              one line from `at` by framing_next() and decoder_decode(): it is blank, wrong,
 *              over-long, without an end, of a new shape... or there is none
 *              decoder_block_learn(decoder, line) when it became a row
 *      }
 *
 *  `intake` and `block` are borrowed until the next start; `readable` as above. */
void decoder_block_start(struct decoder *decoder, const struct intake *intake, struct slice block,
			 size_t readable);
/** Appends rows for the lines from block[at] (the beginning of a line) and returns the beginning of
 *  the first one left. Each row is a reading; `mistyped` as above. */
size_t decoder_block_decode(struct decoder *decoder, size_t at, struct batch *batch,
			    uint64_t *mistyped);
void decoder_block_learn(struct decoder *decoder, struct slice line);

#endif
