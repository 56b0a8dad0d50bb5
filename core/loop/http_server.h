/** http_server.h - an HTTP/1.1 server on the loop (libmicrohttpd inside). Requests are answered
 *  now or later.
 *
 *  Strict: bodies over `body_bytes_max` get 413, headers over 16 KiB 431/400, a request whose
 *  length is told twice 400; unknown routes are the caller's.
 *  Connections: `conns_max` in all, three quarters of them for one address, an idle time-out, and a
 *  total deadline for receiving, answering and sending (HTTP_REQUEST_MS each): a request that its
 *  owner does not answer in time gets 503.
 *  Owner: a request is borrowed until it is answered with http_reply() (exactly once), or on_gone
 *  is called because the client left first, the deadline passed, or the server is freed.
 */
#ifndef TOCSIN_CORE_LOOP_HTTP_SERVER_H
#define TOCSIN_CORE_LOOP_HTTP_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct err_note;
struct http_request;
struct http_server;
struct loop;

enum { HTTP_REQUEST_MS = 30000, HTTP_HEADER_BYTES_MAX = 16 * 1024 };

struct http_server_options {
	const char *address;   /**< "127.0.0.1:8787"; port 0 picks one */
	uint32_t conns_max;    /**< default 256 */
	size_t body_bytes_max; /**< default 8 MiB, as received */
	int64_t idle_ms;       /**< default 10,000 */
	/** The whole request is here (body included). Loop thread. */
	void (*on_request)(void *arg, struct http_request *request);
	void *arg;
};

int http_server_new(struct http_server **out, struct loop *loop,
		    const struct http_server_options *options, struct err_note *why);
void http_server_free(struct http_server *server); /**< open requests get 503 */
uint16_t http_server_port(const struct http_server *server);

const char *http_request_method(const struct http_request *request);
const char *http_request_path(const struct http_request *request); /**< decoded, without query */
const char *http_request_header(const struct http_request *request,
				const char *name); /**< or NULL */
const char *http_request_query(const struct http_request *request,
			       const char *name); /**< or NULL */
struct slice http_request_body(const struct http_request *request);
/** Called when the client leaves before the answer; the request is gone after the call and must
 *  not be answered. A client that shuts down its writing side counts as gone. */
void http_request_on_gone(struct http_request *request, void (*on_gone)(void *arg), void *arg);

/** Answers (body copied). */
void http_reply(struct http_request *request, int status, const char *content_type,
		struct slice body);
/** The same with more headers: names and values in turn, then NULL. */
void http_reply_with(struct http_request *request, int status, const char *content_type,
		     const char *const *headers, struct slice body);

#endif
