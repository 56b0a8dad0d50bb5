/** http_server_internal.h - one request between libmicrohttpd (http_server.c) and its owner
 *  (http_request.c).
 */
#ifndef TOCSIN_CORE_LOOP_HTTP_SERVER_INTERNAL_H
#define TOCSIN_CORE_LOOP_HTTP_SERVER_INTERNAL_H

#include <stdbool.h>

#include "core/loop/http_server.h"

struct MHD_Connection;
struct MHD_Daemon;
struct MHD_Response;

/** A TCP connection: carries requests one after the other, each under one deadline. */
struct http_link {
	struct http_server *server;
	int fd;
	struct timer *deadline;
	struct http_request *request; /**< the one being received or answered, or NULL */
};

struct http_request {
	struct http_link *link;
	struct MHD_Connection *connection;
	char *method;
	char *path;
	struct bytes body;
	size_t discarded_bytes; /**< of a body that is too long */
	int refused_status;     /**< answer it with this, it never reaches the owner */
	bool is_asked;          /**< on_request was called */
	bool is_suspended;
	bool is_answered;
	struct MHD_Response *response;
	int status;
	struct watch *gone_watch; /**< sees the client leave while the request is suspended */
	void (*on_gone)(void *arg);
	void *gone_arg;
	struct http_request *next; /**< of the suspended ones */
	struct http_request **next_link;
};

struct http_server {
	struct loop *loop;
	struct http_server_options options;
	struct MHD_Daemon *daemon;
	int listen_fd;
	uint16_t port;
	struct watch *watch;
	struct timer *run_timer;
	struct http_request *suspended;
};

/** Takes the request from libmicrohttpd until it is answered, and watches for the client leaving.
 *  */
void http_request_suspend(struct http_request *request);
/** The owner's part is over without its answer: tells it, and lets libmicrohttpd go on with
 *  `status`. */
void http_request_abandon(struct http_request *request, int status);
/** A short JSON answer of the server itself; asks to close the connection. */
struct MHD_Response *http_refusal(int status);
/** libmicrohttpd has something to do: run it in the next turn. */
void http_server_kick(struct http_server *server);
void http_request_free(struct http_request *request);

#endif
