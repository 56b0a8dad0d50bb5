/** source_http_body.h - what a received body must become before a reader sees it. Pure functions,
 *  run on reader threads (pool_bytes_job.prepare).
 */
#ifndef TOCSIN_CORE_INGEST_SOURCE_HTTP_BODY_H
#define TOCSIN_CORE_INGEST_SOURCE_HTTP_BODY_H

#include "core/base/bytes.h"

struct err_note;

/** Inflates gzip in `data`. ERR_INVALID (not gzip, cut off, bytes behind its end), ERR_FULL
 *  (limits). */
int http_body_inflate(struct bytes *data, struct err_note *why);

/** A body whose first byte that is no blank is '[' becomes one line for each element, in place; any
 *  other body stays. Looks at strings and nesting only: what an element is worth, the decoder says.
 *  ERR_INVALID: no end, bytes behind the end, a missing element. */
int http_body_unwrap(struct bytes *data, struct err_note *why);

#endif
