/** source_http.h - POST /ingest/<source>: a body of lines, answered when its effect is durable.
 *
 *  Body: JSON lines or CSV lines; or a JSON array, whose elements become lines (JSON sources);
 *  Content-Encoding gzip (several members allowed) or none. The last line needs no end.
 *      200 {"readings":N,"malformed":M}   committed; a client that left has the effect all the same
 *      400 broken gzip or array   404 unknown source   405 not POST   413 too large once inflated
 *      415 another encoding, or a form   429 the readers are busy   503 paused or closing
 *  Errors are {"error":"...","retry_after_s":N}; nothing of a refused body has had an effect (but
 *  after 503 from the server's own deadline the effect may still come).
 *  Limits: HTTP_INFLATED_BYTES_MAX, HTTP_RATIO_MAX; inflating and unwrapping happen on a reader
 *  thread.
 *  Owner: source_http_new() result owned; freed after the pool and the bundles' holder have
 *  stopped.
 */
#ifndef TOCSIN_CORE_INGEST_SOURCE_HTTP_H
#define TOCSIN_CORE_INGEST_SOURCE_HTTP_H

#include <stdbool.h>
#include <stdint.h>

struct err_note;
struct http_request;
struct intake;
struct pool;
struct source_http;

enum {
	HTTP_INFLATED_BYTES_MAX = 64 * 1024 * 1024,
	HTTP_RATIO_MAX = 200, /**< inflated to received, beyond the first MiB */
	HTTP_RATIO_FREE_BYTES = 1024 * 1024,
	HTTP_WAITING_MAX = 1024, /**< bodies not yet durable */
};

/** Where a body goes: asked for each request. */
struct source_http_target {
	struct intake *intake; /**< borrowed; NULL: nothing is taken now (503) */
	uint32_t partition;    /**< without positions */
};

struct source_http_options {
	struct pool *pool;
	/** ERR_NOT_FOUND: no such source, or not one that takes HTTP (`why` says which). */
	int (*find)(void *arg, const char *source, struct source_http_target *out,
		    struct err_note *why);
	void *arg;
};

struct source_http *source_http_new(const struct source_http_options *options);
/** Requests that still wait get 503. */
void source_http_free(struct source_http *http);

/** Takes over the request, whatever its method: it is answered now or later. `source` is the rest
 *  of the path. Returns the status when answered now, 0 when later. */
int source_http_ingest(struct source_http *http, struct http_request *request, const char *source);
/** While paused every request gets 503. */
void source_http_pause(struct source_http *http, bool is_paused);

struct source_http_status {
	uint64_t accepted; /**< bodies given to the readers */
	uint64_t refused;
	uint32_t waiting;
};
void source_http_status(const struct source_http *http, struct source_http_status *out);

#endif
