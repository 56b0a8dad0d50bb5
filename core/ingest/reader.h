/** reader.h - stage 1 for one block of bytes: frame, decode, filter, group. Keeps no state.
 *
 *      block -> lines -> batch (columns) -> filtered rows -> group key -> pane deltas in a bundle
 *
 *  A reader is used by one thread at a time; the same code runs inline and in threads.
 *  Owner: reader_new() result owned. The bytes are borrowed for the call.
 */
#ifndef TOCSIN_CORE_INGEST_READER_H
#define TOCSIN_CORE_INGEST_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/ingest/decode.h"

struct bundle;
struct intake;
struct reader;

struct reader *reader_new(void);
void reader_free(struct reader *reader);

/** For tests: see enum decoder_way. */
void reader_use(struct reader *reader, enum decoder_way way);

struct reader_block {
	const char *data;
	size_t length;
	size_t readable;      /**< bytes behind them that may be read, whatever they are; 64 help */
	uint64_t offset;      /**< of data[0] in its partition, for dead letters */
	bool is_last;         /**< a line without its end is complete too (HTTP body, query) */
	int64_t receive_ms;   /**< wall time; decides what is "from the future" */
	int64_t watermark_ms; /**< of the partition before this block; WATERMARK_NONE at first */
};

/** Adds the block's effect to `bundle` (made for `intake`). Returns the bytes consumed: all up to
 *  the last line end (or all, when is_last), or fewer, whole lines, when the bundle has grown to
 *  BUNDLE_BYTES_MAX: the caller gives the rest again with an empty one.
 *  An over-long line is consumed and counted as malformed once line_bytes_max + 2 bytes of it were
 *  seen: `skip` (in/out, keep it per partition, starts false) says that the rest of such a line is
 *  being skipped. CR before LF is part of the line end. A byte order mark at offset 0 and blank
 *  lines are passed over.
 *  A caller that gives again what was not consumed, with more bytes and with the watermark that
 *  follows from bundle->max_event_ms, gets the same result however the bytes are cut. */
size_t reader_read(struct reader *reader, const struct intake *intake,
		   const struct reader_block *block, bool *skip, struct bundle *bundle);

#endif
