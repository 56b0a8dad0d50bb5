/** http_client.h - outbound HTTP on the loop (libcurl multi inside): one request, one answer,
 *  bounded.
 *
 *  No redirects are followed; only http and https; the reply is cut at reply_bytes_max (ERR_FULL);
 *  connect and total time limits. One slow host delays no other request.
 *  Owner: http_call_start() result is owned until on_done is called or http_call_cancel().
 */
#ifndef TOCSIN_CORE_LOOP_HTTP_CLIENT_H
#define TOCSIN_CORE_LOOP_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct err_note;
struct http_call;
struct http_client;
struct loop;

enum { HTTP_REPLY_BYTES_MAX = 64 * 1024, HTTP_CALLS_MAX = 256 };

int http_client_new(struct http_client **out, struct loop *loop, struct err_note *why);
/** Instead of HTTP_CALLS_MAX. */
void http_client_set_calls_max(struct http_client *client, uint32_t calls_max);
void http_client_free(struct http_client *client); /**< cancels what runs */

struct http_call_options {
	const char *method; /**< "GET", "POST" … */
	const char *url;
	const char *const *headers; /**< "Name: value", NULL-terminated; may be NULL */
	struct slice body;          /**< copied */
	int64_t connect_ms;         /**< default 3,000 */
	int64_t total_ms;           /**< default 10,000 */
	size_t reply_bytes_max;     /**< default HTTP_REPLY_BYTES_MAX */
	/** On a connection of its own: the request leaves at most once. A server that closes a
	 *  reused connection without an answer makes libcurl send again by itself. */
	bool is_sent_once;
};

struct http_result {
	int code;   /**< 0: an answer came (any status); else ERR_TIMEOUT, ERR_IO, ERR_FULL … */
	int status; /**< HTTP status, 0 without answer */
	bool was_sent; /**< false: certainly nothing reached the server (name, connect failed) */
	struct slice body;      /**< borrowed for the call */
	const char *error;      /**< sentence when code != 0 */
	int64_t retry_after_ms; /**< of the header Retry-After; 0: not said */
};

/** ERR_INVALID (URL or method), ERR_FULL. on_done is called once, later, on the loop thread. */
int http_call_start(struct http_call **out, struct http_client *client,
		    const struct http_call_options *options,
		    void (*on_done)(void *arg, const struct http_result *result), void *arg,
		    struct err_note *why);
void http_call_cancel(struct http_call *call); /**< no on_done */

#endif
