/** framing.h - a block of bytes to lines: LF ends a line, a CR before it belongs to the end.
 *
 *  Finds the same lines however a stream is cut into blocks, as long as the caller gives the bytes
 *  behind `used` again. A line is over-long when it has more than line_bytes_max bytes without its
 *  end; that is told as soon as it is certain (line_bytes_max + 2 bytes at most).
 *  Owner: caller's memory; lines are borrowed from the block.
 */
#ifndef TOCSIN_CORE_INGEST_FRAMING_H
#define TOCSIN_CORE_INGEST_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct framing {
	const char *data;
	size_t length;
	size_t used;  /**< bytes behind the last line told */
	bool is_last; /**< bytes without a line end are a line too */
	bool skip;    /**< inside an over-long line that was told already */
	uint32_t line_bytes_max;
};

enum frame { FRAME_END, FRAME_LINE, FRAME_TOO_LONG };

/** The next line, without its end; with FRAME_TOO_LONG (the beginning of) an over-long one. */
enum frame framing_next(struct framing *framing, struct slice *line);

#endif
