#include "core/loop/http_server.h"

#include <microhttpd.h>

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/loop/address.h"
#include "core/loop/http_server_internal.h"
#include "core/loop/loop.h"

#include <stdio.h>
#include <strings.h>
#include <unistd.h>

/*  libmicrohttpd runs on the loop: its epoll descriptor is watched, its time-out becomes a timer,
 *  and MHD_run() does the work. A request:
 *
 *      receiving ──whole──> on_request ──http_reply() at once──────────────────> sending
 *          │                    └──> suspended ──http_reply() / gone / deadline──┘
 *          └── refused (413, 431, 400): the rest of the body is read up to a bound, then answered
 *
 *  libmicrohttpd's own time-out starts again with every byte, so a slow client could stay for ever;
 *  the deadline of each link shuts the socket down instead. */

enum { CONNS_DEFAULT = 256, IDLE_DEFAULT_MS = 10000, CONN_MEMORY_BYTES = 64 * 1024 };
enum { BODY_DEFAULT_BYTES = 8 * 1024 * 1024 };
enum { SHUTDOWN_RUNS = 4 };

struct MHD_Response *http_refusal(int status)
{
	char text[96];
	const char *reason = MHD_get_reason_phrase_for((unsigned)status);
	int length =
		snprintf(text, sizeof(text), "{\"error\":\"%s\"}\n", reason ? reason : "error");
	struct MHD_Response *response =
		MHD_create_response_from_buffer((size_t)length, text, MHD_RESPMEM_MUST_COPY);

	if (response) {
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	}
	return response;
}

struct header_facts {
	unsigned length_count;
	unsigned encoding_count;
	unsigned host_count;
	bool is_chunked;
	bool is_length_bad;
	uint64_t length;
};

static enum MHD_Result see_header(void *arg, enum MHD_ValueKind kind, const char *name,
				  const char *value)
{
	struct header_facts *facts = arg;

	(void)kind;
	if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
		int64_t number = -1;
		bool is_digits = value && *value >= '0' && *value <= '9';
		facts->length_count++;
		if (!is_digits || number_parse_int(slice_of(value), &number) != 0 || number < 0)
			facts->is_length_bad = true;
		else
			facts->length = (uint64_t)number;
	} else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
		facts->encoding_count++;
		facts->is_chunked = value && strcasecmp(value, "chunked") == 0;
	} else if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0) {
		facts->host_count++;
	}
	return MHD_YES;
}

/** Status to refuse a request with from its headers alone, or 0. Whatever two readers could take
 *  differently (two lengths, a length and chunks) is refused: request smuggling starts there. */
static int vet_headers(const struct http_request *request, const char *version)
{
	struct MHD_Connection *connection = request->connection;
	const union MHD_ConnectionInfo *size =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	struct header_facts facts = {0};

	if (size && size->header_size > HTTP_HEADER_BYTES_MAX)
		return MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
	MHD_get_connection_values(connection, MHD_HEADER_KIND, see_header, &facts);
	if (facts.is_length_bad || facts.length_count > 1 || facts.encoding_count > 1 ||
	    (facts.length_count && facts.encoding_count) || facts.host_count > 1)
		return MHD_HTTP_BAD_REQUEST;
	if (facts.encoding_count && !facts.is_chunked)
		return MHD_HTTP_NOT_IMPLEMENTED;
	if (strcasecmp(version, MHD_HTTP_VERSION_1_1) == 0 && facts.host_count != 1)
		return MHD_HTTP_BAD_REQUEST;
	if (facts.length > request->link->server->options.body_bytes_max)
		return MHD_HTTP_CONTENT_TOO_LARGE;
	return 0;
}

static enum MHD_Result answer(struct http_request *request)
{
	return MHD_queue_response(request->connection, (unsigned)request->status,
				  request->response);
}

static enum MHD_Result refuse(struct http_request *request)
{
	request->is_answered = true;
	request->status = request->refused_status;
	request->response = http_refusal(request->status);
	return answer(request);
}

static enum MHD_Result begin(struct http_link *link, struct MHD_Connection *connection,
			     const char *url, const char *method, const char *version,
			     struct http_request **out)
{
	struct http_request *request = mem_alloc(sizeof(*request));

	request->link = link;
	request->connection = connection;
	request->method = mem_copy_text(method);
	request->path = mem_copy_text(url);
	link->request = request;
	*out = request;
	request->refused_status = vet_headers(request, version);
	/* A body that is only somewhat too long is read and dropped, because closing with unread
	 * bytes would reset the connection and take the answer with it. A client that asks first
	 * (Expect) or whose framing is in doubt gets its answer now. */
	if (request->refused_status != 0 &&
	    (request->refused_status != MHD_HTTP_CONTENT_TOO_LARGE ||
	     http_request_header(request, MHD_HTTP_HEADER_EXPECT)))
		return refuse(request);
	return MHD_YES;
}

static enum MHD_Result receive(struct http_request *request, const char *data, size_t *length)
{
	size_t bytes_max = request->link->server->options.body_bytes_max;

	if (request->refused_status == 0 && *length > bytes_max - request->body.length) {
		request->refused_status = MHD_HTTP_CONTENT_TOO_LARGE;
		bytes_deinit(&request->body);
	}
	if (request->refused_status == 0) {
		bytes_append(&request->body, data, *length);
	} else {
		request->discarded_bytes += *length;
		if (request->discarded_bytes > 2 * bytes_max + CONN_MEMORY_BYTES)
			return MHD_NO;
	}
	*length = 0;
	return MHD_YES;
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *connection, const char *url,
				 const char *method, const char *version, const char *upload_data,
				 size_t *upload_bytes, void **context)
{
	struct http_server *server = arg;
	struct http_request *request = *context;

	if (!request) {
		const union MHD_ConnectionInfo *info =
			MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
		struct http_link *link = info ? info->socket_context : NULL;
		if (!link)
			return MHD_NO;
		return begin(link, connection, url, method, version,
			     (struct http_request **)context);
	}
	if (*upload_bytes)
		return receive(request, upload_data, upload_bytes);
	if (request->refused_status != 0 && !request->is_answered)
		return refuse(request);
	if (!request->is_asked) {
		request->is_asked = true;
		timer_set(request->link->deadline, HTTP_REQUEST_MS);
		server->options.on_request(server->options.arg, request);
		if (!request->is_answered) {
			http_request_suspend(request);
			return MHD_YES;
		}
		timer_set(request->link->deadline, HTTP_REQUEST_MS);
	}
	return answer(request);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode code)
{
	struct http_server *server = arg;
	struct http_request *request = *context;

	(void)connection, (void)code;
	if (!request)
		return;
	if (request->is_asked && !request->is_answered && request->on_gone)
		request->on_gone(request->gone_arg);
	timer_set(request->link->deadline, server->options.idle_ms + HTTP_REQUEST_MS);
	http_request_free(request);
	*context = NULL;
}

static void on_deadline(void *arg)
{
	struct http_link *link = arg;
	struct http_request *request = link->request;

	if (request && request->is_suspended) {
		log_warn(LOOP, "a request for %.100s was not answered in %d ms", request->path,
			 HTTP_REQUEST_MS);
		http_request_abandon(request, MHD_HTTP_SERVICE_UNAVAILABLE);
		return;
	}
	shutdown(link->fd, SHUT_RDWR);
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http_server *server = arg;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info =
			MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		struct http_link *link = mem_alloc(sizeof(*link));
		link->server = server;
		link->fd = info->connect_fd;
		link->deadline = timer_new(server->loop, on_deadline, link);
		timer_set(link->deadline, HTTP_REQUEST_MS);
		*socket_context = link;
	} else if (*socket_context) {
		struct http_link *link = *socket_context;
		timer_free(link->deadline);
		mem_free(link);
		*socket_context = NULL;
	}
}

static void run(struct http_server *server)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	MHD_run(server->daemon);
	if (MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES)
		timer_set(server->run_timer, wait_ms > 60000 ? 60000 : (int64_t)wait_ms);
	else
		timer_cancel(server->run_timer);
}

static void on_ready(void *arg, int what)
{
	(void)what;
	run(arg);
}

static void on_run_timer(void *arg)
{
	run(arg);
}

void http_server_kick(struct http_server *server)
{
	timer_set(server->run_timer, 0);
}

static struct MHD_Daemon *start_daemon(struct http_server *server)
{
	const struct http_server_options *options = &server->options;
	unsigned per_ip = options->conns_max - options->conns_max / 4;

	return MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access, server,
		MHD_OPTION_LISTEN_SOCKET, server->listen_fd, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_CONNECTION_LIMIT, options->conns_max, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		per_ip, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)((options->idle_ms + 999) / 1000),
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONN_MEMORY_BYTES,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, server, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, server, MHD_OPTION_END);
}

int http_server_new(struct http_server **out, struct loop *loop,
		    const struct http_server_options *options, struct err_note *why)
{
	struct address address;
	int fd;
	int code = address_parse(&address, options->address, why);
	if (code == 0 && address.is_unix)
		return err_set(why, ERR_INVALID, "\"%s\": HTTP listens on TCP only",
			       options->address);
	if (code == 0)
		code = address_listen(&address, options->address, &fd, why);
	if (code != 0)
		return code;

	struct http_server *server = mem_alloc(sizeof(*server));
	server->loop = loop;
	server->options = *options;
	server->options.address = NULL;
	if (!server->options.conns_max)
		server->options.conns_max = CONNS_DEFAULT;
	if (!server->options.body_bytes_max)
		server->options.body_bytes_max = BODY_DEFAULT_BYTES;
	if (server->options.idle_ms <= 0)
		server->options.idle_ms = IDLE_DEFAULT_MS;
	server->port = address_port(fd);
	server->listen_fd = fd;
	server->run_timer = timer_new(loop, on_run_timer, server);
	server->daemon = start_daemon(server);
	const union MHD_DaemonInfo *info =
		server->daemon ? MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)
			       : NULL;
	if (!info) {
		close(fd);
		timer_free(server->run_timer);
		mem_free(server);
		return err_set(why, ERR_IO, "the HTTP server cannot start on %s", options->address);
	}
	code = watch_new(&server->watch, loop, info->epoll_fd, WATCH_READ, on_ready, server, why);
	if (code != 0) {
		http_server_free(server);
		return code;
	}
	run(server);
	*out = server;
	return 0;
}

void http_server_free(struct http_server *server)
{
	if (!server)
		return;
	while (server->suspended)
		http_request_abandon(server->suspended, MHD_HTTP_SERVICE_UNAVAILABLE);
	/* Enough turns for the last answers to reach the kernel; a slow client loses its one. */
	for (int i = 0; i < SHUTDOWN_RUNS; i++)
		MHD_run(server->daemon);
	watch_free(server->watch);
	/* New requests may have come in during these runs. */
	while (server->suspended)
		http_request_abandon(server->suspended, MHD_HTTP_SERVICE_UNAVAILABLE);
	MHD_stop_daemon(server->daemon);
	timer_free(server->run_timer);
	mem_free(server);
}

uint16_t http_server_port(const struct http_server *server)
{
	return server->port;
}
