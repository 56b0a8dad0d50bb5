/** source_lines.h - cuts a stream into jobs of whole lines. For source_tcp.c and source_stdin.c.
 *
 *  What is behind the last line end stays with the stream until more comes. Of an over-long line
 *  the beginning is given out once (a reader counts it as malformed), its rest is dropped.
 */
#ifndef TOCSIN_CORE_INGEST_SOURCE_LINES_H
#define TOCSIN_CORE_INGEST_SOURCE_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct line_cut {
	struct slice lines; /**< may be empty; within the data */
	size_t used;        /**< bytes of the data that are done once `lines` are */
	bool skip;          /**< then: inside an over-long line */
};

struct line_cut line_cut(struct slice data, uint32_t line_bytes_max, bool skip);

#endif
