/** http_client_internal.h - calls of libcurl's multi interface, whatever they speak. For siblings.
 */
#ifndef TOCSIN_CORE_LOOP_HTTP_CLIENT_INTERNAL_H
#define TOCSIN_CORE_LOOP_HTTP_CLIENT_INTERNAL_H

#include "core/loop/http_client.h"

#include <curl/curl.h>

struct err_note;
struct socket_watch;
struct timer;

enum { CONNECT_DEFAULT_MS = 3000, TOTAL_DEFAULT_MS = 10000, RETRY_AFTER_MAX_S = 3600 };

struct http_client {
	struct loop *loop;
	CURLM *multi;
	struct timer *timer;
	struct http_call *calls;
	uint32_t call_count, calls_max;
	struct socket_watch *watches; /**< of all open sockets */
	bool is_collecting;
};

struct http_call {
	struct http_client *client;
	CURL *easy;
	struct curl_slist *headers;
	struct curl_slist *recipients; /**< of a mail */
	struct bytes upload;           /**< text of a mail, and how much of it is sent */
	size_t uploaded;
	struct bytes reply;
	size_t reply_bytes_max;
	bool is_cut;
	char error[CURL_ERROR_SIZE];
	void (*on_done)(void *arg, const struct http_result *result);
	void *arg;
	struct http_call *next;
	struct http_call **link;
};

/** 0: the default. */
struct http_call_limits {
	int64_t connect_ms, total_ms;
	size_t reply_bytes_max;
};

/** A call without a request; it is given one and launched. ERR_FULL. */
int http_call_new(struct http_call **out, struct http_client *client,
		  const struct http_call_limits *limits,
		  void (*on_done)(void *arg, const struct http_result *result), void *arg,
		  struct err_note *why);
/** Taken: freed when that fails. */
int http_call_launch(struct http_call *call, struct err_note *why);

#endif
