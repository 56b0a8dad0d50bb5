/** decode_csv.h - delimited text to rows: a line at a time, or all plain lines of a block.
 *
 *  RFC 4180 quoting within the line. A quote has its meaning only at the beginning of a field;
 *  within an unquoted field it is text. Strings are borrowed from the line, or from batch->strings
 *  when a quote inside was doubled.
 *
 *  Both ways give the same rows. The block way is used like this (reader.c):
 *
 *      csv_block_start(csv, intake, data, length);      once per block of bytes
 *      for (;;) {
 *              used = csv_block_decode(csv, used, batch, &time_memory, &mistyped);
 *              observe the new rows; a full batch: flush and go on
 *              one line from `used` by framing_next() and decoder_decode(): it is blank, wrong,
 *              over-long, without an end... or there is none (FRAME_END: done)
 *      }
 */
#ifndef TOCSIN_CORE_INGEST_DECODE_CSV_H
#define TOCSIN_CORE_INGEST_DECODE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct arena;
struct batch;
struct csv_block;
struct decode_row;
struct err_note;
struct intake;
struct time_memory;

int csv_decode(const struct intake *intake, struct slice line, struct decode_row *row,
	       struct err_note *why);

/** Splits one field off at *at (moved behind its delimiter; to line.length + 1 after the last one).
 *  `text` is borrowed from the line or from `strings`. ERR_INVALID: a quote that is not closed. */
int csv_field(struct slice line, char delimiter, size_t *at, struct arena *strings,
	      struct slice *text, struct err_note *why);

/** Owner: csv_block_new() result owned, one per thread. */
struct csv_block *csv_block_new(void);
void csv_block_free(struct csv_block *block);
/** The code for machines without AVX2, for tests: the answers are the same. */
void csv_block_use_portable(struct csv_block *block);

/** Begins a block of bytes; intake and data are borrowed until the next start. No byte behind
 *  data[length - 1] is read. */
void csv_block_start(struct csv_block *block, const struct intake *intake, const char *data,
		     size_t length);

/** Appends the lines from data[at] (the beginning of a line) as rows of `batch` and returns where
 *  it stopped, again the beginning of a line: the batch is full, or the line there needs another
 *  look (it is wrong in any way, blank, longer than line_bytes_max or CSV_LINE_BYTES_MAX), or its
 *  end is not in the block. Lines given as rows are right: count them as readings.
 *  `mistyped` as in decoder_decode(). `at` never goes back within a block. */
enum { CSV_LINE_BYTES_MAX = 4096 };
size_t csv_block_decode(struct csv_block *block, size_t at, struct batch *batch,
			struct time_memory *time, uint64_t *mistyped);

#endif
