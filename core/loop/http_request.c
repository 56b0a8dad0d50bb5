#include "core/loop/http_server_internal.h"

#include <microhttpd.h>

#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/loop/loop.h"

#include <errno.h>
#include <sys/socket.h>

static void unlink_suspended(struct http_request *request)
{
	watch_free(request->gone_watch);
	request->gone_watch = NULL;
	if (!request->is_suspended)
		return;
	request->is_suspended = false;
	*request->next_link = request->next;
	if (request->next)
		request->next->next_link = request->next_link;
}

/** Has the answer; libmicrohttpd calls the handler of the connection again and finds it. */
static void resume(struct http_request *request)
{
	if (!request->is_suspended)
		return;
	unlink_suspended(request);
	timer_set(request->link->deadline, HTTP_REQUEST_MS);
	MHD_resume_connection(request->connection);
	http_server_kick(request->link->server);
}

/** libmicrohttpd does not look at suspended connections, so a leaving client is seen here. */
static void on_client_data(void *arg, int what)
{
	struct http_request *request = arg;
	char byte;
	ssize_t length = recv(request->link->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	(void)what;
	if (length > 0) {
		/* A pipelined request: it stays readable, so watching on would spin. */
		watch_free(request->gone_watch);
		request->gone_watch = NULL;
		return;
	}
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	http_request_abandon(request, MHD_HTTP_SERVICE_UNAVAILABLE);
}

void http_request_suspend(struct http_request *request)
{
	struct http_server *server = request->link->server;

	MHD_suspend_connection(request->connection);
	request->is_suspended = true;
	request->next = server->suspended;
	request->next_link = &server->suspended;
	if (request->next)
		request->next->next_link = &request->next;
	server->suspended = request;
	/* Without the watch only the deadline ends it: no reason to refuse the request. */
	watch_new(&request->gone_watch, server->loop, request->link->fd, WATCH_READ, on_client_data,
		  request, NULL);
}

void http_request_abandon(struct http_request *request, int status)
{
	if (request->is_answered)
		return;
	request->is_answered = true;
	request->status = status;
	request->response = http_refusal(status);
	if (request->on_gone)
		request->on_gone(request->gone_arg);
	resume(request);
}

void http_reply(struct http_request *request, int status, const char *content_type,
		struct slice body)
{
	static const char *const none[] = {NULL};

	http_reply_with(request, status, content_type, none, body);
}

void http_reply_with(struct http_request *request, int status, const char *content_type,
		     const char *const *headers, struct slice body)
{
	REQUIRE(!request->is_answered);
	struct MHD_Response *response = MHD_create_response_from_buffer(
		body.length, (void *)(uintptr_t)body.data, MHD_RESPMEM_MUST_COPY);
	REQUIRE(response);
	if (content_type)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	for (; headers[0]; headers += 2)
		MHD_add_response_header(response, headers[0], headers[1]);
	request->is_answered = true;
	request->status = status;
	request->response = response;
	resume(request);
}

void http_request_free(struct http_request *request)
{
	if (!request)
		return;
	unlink_suspended(request);
	if (request->response)
		MHD_destroy_response(request->response);
	if (request->link->request == request)
		request->link->request = NULL;
	bytes_deinit(&request->body);
	mem_free(request->method);
	mem_free(request->path);
	mem_free(request);
}

const char *http_request_method(const struct http_request *request)
{
	return request->method;
}

const char *http_request_path(const struct http_request *request)
{
	return request->path;
}

const char *http_request_header(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *http_request_query(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

struct slice http_request_body(const struct http_request *request)
{
	return bytes_slice(&request->body);
}

void http_request_on_gone(struct http_request *request, void (*on_gone)(void *arg), void *arg)
{
	request->on_gone = on_gone;
	request->gone_arg = arg;
}
