#include <criterion/criterion.h>

#include "core/loop/http_client.h"
#include "core/loop/http_server.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "tests/support/run_loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BODY_BYTES_MAX = 4096 };

struct site {
	struct loop *loop;
	struct http_server *server;
	struct http_client *client;
	struct http_request *waiting[64];
	int waiting_count;
	int request_count;
	int gone_count;
	/* answers of the client */
	int done_count;
	int ok_count;
	int wanted;
	struct http_result last;
	char body[8192];
	char error[256];
	/* a raw client */
	int fd;
	char got[8192];
	size_t got_length;
	bool is_eof;
};

static void on_gone(void *arg)
{
	struct site *site = arg;
	site->gone_count++;
	site->waiting_count = 0;
}

static void on_request(void *arg, struct http_request *request)
{
	struct site *site = arg;
	const char *path = http_request_path(request);
	char text[256];

	site->request_count++;
	if (strcmp(path, "/echo") == 0) {
		http_reply(request, 200, http_request_header(request, "content-type"),
			   http_request_body(request));
	} else if (strcmp(path, "/later") == 0) {
		http_request_on_gone(request, on_gone, site);
		site->waiting[site->waiting_count++] = request;
	} else {
		const char *query = http_request_query(request, "q");
		int length = snprintf(text, sizeof(text), "%s %s %s", http_request_method(request),
				      path, query ? query : "-");
		http_reply(request, 404, "text/plain", (struct slice){text, (size_t)length});
	}
}

static struct site *site_new(void)
{
	struct site *site = calloc(1, sizeof(*site));
	struct err_note why = {0};
	struct http_server_options options = {
		.address = "127.0.0.1:0",
		.conns_max = 64,
		.body_bytes_max = BODY_BYTES_MAX,
		.idle_ms = 1000,
		.on_request = on_request,
		.arg = site,
	};

	site->loop = run_loop_new();
	site->fd = -1;
	cr_assert_eq(http_server_new(&site->server, site->loop, &options, &why), 0, "%s", why.text);
	cr_assert_eq(http_client_new(&site->client, site->loop, &why), 0);
	return site;
}

static void site_free(struct site *site)
{
	if (site->fd >= 0)
		close(site->fd);
	http_client_free(site->client);
	http_server_free(site->server);
	loop_free(site->loop);
	free(site);
}

static void on_done(void *arg, const struct http_result *result)
{
	struct site *site = arg;

	site->done_count++;
	site->ok_count += result->code == 0 && result->status == 200;
	site->last = *result;
	snprintf(site->body, sizeof(site->body), "%.*s", (int)result->body.length,
		 result->body.data ? result->body.data : "");
	snprintf(site->error, sizeof(site->error), "%s", result->error ? result->error : "");
}

static struct http_call *call(struct site *site, const char *method, const char *path,
			      struct slice body, int64_t total_ms)
{
	struct http_call *http_call = NULL;
	struct err_note why = {0};
	char url[128];
	struct http_call_options options = {
		.method = method,
		.url = url,
		.headers = (const char *const[]){"Content-Type: text/x-test", NULL},
		.body = body,
		.total_ms = total_ms,
	};

	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", http_server_port(site->server), path);
	cr_assert_eq(http_call_start(&http_call, site->client, &options, on_done, site, &why), 0,
		     "%s", why.text);
	return http_call;
}

static bool has_answers(void *arg)
{
	struct site *site = arg;
	return site->done_count >= site->wanted;
}

static bool wait_answers(struct site *site, int wanted)
{
	site->wanted = wanted;
	return run_loop_until(site->loop, has_answers, site);
}

static bool has_waiting(void *arg)
{
	return ((struct site *)arg)->waiting_count > 0;
}

static bool has_gone(void *arg)
{
	return ((struct site *)arg)->gone_count > 0;
}

Test(http, echoes_a_post)
{
	struct site *site = site_new();

	call(site, "POST", "/echo", SLICE_LITERAL("hello"), 0);
	cr_expect_eq(site->done_count, 0, "never from within start");
	cr_assert(wait_answers(site, 1));
	cr_expect_eq(site->last.code, 0, "%s", site->error);
	cr_expect_eq(site->last.status, 200);
	cr_expect(site->last.was_sent);
	cr_expect_str_eq(site->body, "hello");
	site_free(site);
}

Test(http, gives_method_decoded_path_and_query)
{
	struct site *site = site_new();

	call(site, "DELETE", "/a%20b?q=x%26y", (struct slice){0}, 0);
	cr_assert(wait_answers(site, 1));
	cr_expect_eq(site->last.status, 404);
	cr_expect_str_eq(site->body, "DELETE /a b x&y");
	site_free(site);
}

Test(http, an_answer_may_come_later)
{
	struct site *site = site_new();

	call(site, "POST", "/later", SLICE_LITERAL("x"), 0);
	cr_assert(run_loop_until(site->loop, has_waiting, site));
	run_loop_for(site->loop, 20, run_loop_flag, &(bool){false});
	cr_expect_eq(site->done_count, 0);
	cr_expect_str_eq(http_request_path(site->waiting[0]), "/later");
	http_reply(site->waiting[0], 200, "text/plain", SLICE_LITERAL("now"));
	cr_assert(wait_answers(site, 1));
	cr_expect_str_eq(site->body, "now");
	cr_expect_eq(site->gone_count, 0);
	site_free(site);
}

Test(http, a_client_that_leaves_is_told_to_the_owner)
{
	struct site *site = site_new();
	struct http_call *left = call(site, "POST", "/later", SLICE_LITERAL("x"), 0);

	cr_assert(run_loop_until(site->loop, has_waiting, site));
	http_call_cancel(left);
	cr_expect(run_loop_until(site->loop, has_gone, site));
	cr_expect_eq(site->done_count, 0);
	/* The server lives on. */
	call(site, "POST", "/echo", SLICE_LITERAL("y"), 0);
	cr_expect(wait_answers(site, 1));
	site_free(site);
}

Test(http, many_requests_at_once_are_all_answered)
{
	struct site *site = site_new();

	for (int i = 0; i < 32; i++)
		call(site, "POST", i % 2 ? "/echo" : "/later", SLICE_LITERAL("body"), 0);
	cr_assert(wait_answers(site, 16));
	for (int i = 0; i < site->waiting_count; i++)
		http_reply(site->waiting[i], 200, NULL, SLICE_LITERAL(""));
	site->waiting_count = 0;
	while (site->request_count < 32)
		run_loop_for(site->loop, 1, run_loop_flag, &(bool){false});
	for (int i = 0; i < site->waiting_count; i++)
		http_reply(site->waiting[i], 200, NULL, SLICE_LITERAL(""));
	cr_assert(wait_answers(site, 32));
	cr_expect_eq(site->ok_count, 32);
	site_free(site);
}

Test(http, the_body_limit_is_exact)
{
	struct site *site = site_new();
	char *body = mem_alloc(BODY_BYTES_MAX + 1);

	memset(body, 'b', BODY_BYTES_MAX + 1);
	call(site, "POST", "/echo", (struct slice){body, BODY_BYTES_MAX}, 0);
	cr_assert(wait_answers(site, 1));
	cr_expect_eq(site->last.status, 200);
	cr_expect_eq(strlen(site->body), BODY_BYTES_MAX);
	call(site, "POST", "/echo", (struct slice){body, BODY_BYTES_MAX + 1}, 0);
	cr_assert(wait_answers(site, 2));
	cr_expect_eq(site->last.status, 413);
	cr_expect_eq(site->request_count, 1);
	mem_free(body);
	site_free(site);
}

static void connect_raw(struct site *site, const char *text)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(http_server_port(site->server)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	if (site->fd >= 0)
		close(site->fd);
	site->got_length = 0;
	site->is_eof = false;
	memset(site->got, 0, sizeof(site->got));
	site->fd = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(connect(site->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	fcntl(site->fd, F_SETFL, O_NONBLOCK);
	cr_assert_eq(write(site->fd, text, strlen(text)), (ssize_t)strlen(text));
}

static bool has_raw_end(void *arg)
{
	struct site *site = arg;
	ssize_t length = read(site->fd, site->got + site->got_length,
			      sizeof(site->got) - 1 - site->got_length);

	if (length > 0)
		site->got_length += (size_t)length;
	else if (length == 0 || errno != EAGAIN)
		site->is_eof = true;
	return site->is_eof;
}

Test(http, doubtful_framing_is_refused_and_the_connection_closed)
{
	static const char *const requests[] = {
		"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: "
		"4\r\n\r\nabcd",
		"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: "
		"chunked\r\n\r\n0\r\n\r\n",
		"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nabcde",
		"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
		"GET /echo HTTP/1.1\r\n\r\n",
		"GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		NULL,
	};
	struct site *site = site_new();

	for (const char *const *request = requests; *request; request++) {
		connect_raw(site, *request);
		cr_expect(run_loop_until(site->loop, has_raw_end, site), "%s", *request);
		int status = site->got_length > 12 ? atoi(site->got + 9) : 0;
		cr_expect(status == 400 || status == 501 || status == 0, "%s gave %s", *request,
			  site->got);
	}
	cr_expect_eq(site->request_count, 0);
	site_free(site);
}

Test(http, too_many_header_bytes_are_refused)
{
	struct site *site = site_new();
	struct bytes text = BYTES_EMPTY;

	bytes_append_text(&text, "GET /echo HTTP/1.1\r\nHost: a\r\nX: ");
	for (int i = 0; i < HTTP_HEADER_BYTES_MAX; i++)
		bytes_append_char(&text, 'h');
	bytes_append_text(&text, "\r\n\r\n");
	connect_raw(site, text.data);
	cr_expect(run_loop_until(site->loop, has_raw_end, site));
	cr_expect_eq(strncmp(site->got, "HTTP/1.1 431", 12), 0, "%s", site->got);
	cr_expect_eq(site->request_count, 0);
	bytes_deinit(&text);
	site_free(site);
}

Test(http, a_silent_client_is_closed_after_the_idle_time)
{
	struct site *site = site_new();

	connect_raw(site, "GET /echo HT");
	cr_expect(run_loop_until(site->loop, has_raw_end, site));
	cr_expect_eq(site->request_count, 0);
	site_free(site);
}

Test(http, freeing_the_server_answers_what_is_open)
{
	struct site *site = site_new();

	connect_raw(site, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
	cr_assert(run_loop_until(site->loop, has_waiting, site));
	http_server_free(site->server);
	site->server = NULL;
	cr_expect_eq(site->gone_count, 1);
	cr_expect(run_loop_until(site->loop, has_raw_end, site));
	cr_expect_eq(strncmp(site->got, "HTTP/1.1 503", 12), 0, "%s", site->got);
	site_free(site);
}

Test(http, the_reply_is_cut_at_its_limit)
{
	struct site *site = site_new();
	struct http_call *http_call = NULL;
	char url[64];
	struct http_call_options options = {
		.method = "POST",
		.url = url,
		.body = SLICE_LITERAL("12345678"),
		.reply_bytes_max = 8,
	};

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/echo", http_server_port(site->server));
	http_call_start(&http_call, site->client, &options, on_done, site, NULL);
	cr_assert(wait_answers(site, 1));
	cr_expect_eq(site->last.code, 0);
	options.reply_bytes_max = 7;
	http_call_start(&http_call, site->client, &options, on_done, site, NULL);
	cr_assert(wait_answers(site, 2));
	cr_expect_eq(site->last.code, ERR_FULL);
	cr_expect_str_eq(site->body, "1234567");
	site_free(site);
}

Test(http, a_late_server_is_a_time_out_that_was_sent)
{
	struct site *site = site_new();

	call(site, "POST", "/later", SLICE_LITERAL("x"), 100);
	cr_assert(wait_answers(site, 1));
	cr_expect_eq(site->last.code, ERR_TIMEOUT);
	cr_expect(site->last.was_sent);
	cr_expect_str_not_empty(site->error);
	site_free(site);
}

Test(http, a_refused_connection_was_certainly_not_sent)
{
	struct site *site = site_new();
	struct http_call *http_call = NULL;
	struct http_call_options options = {.method = "GET", .url = "http://127.0.0.1:1/"};

	cr_assert_eq(http_call_start(&http_call, site->client, &options, on_done, site, NULL), 0);
	cr_assert(wait_answers(site, 1));
	cr_expect_eq(site->last.code, ERR_IO);
	cr_expect_eq(site->last.status, 0);
	cr_expect_not(site->last.was_sent);
	site_free(site);
}

/* Answers the first request of a connection and drops the connection at the second. */
struct dropper {
	int fd;
	int request_count;
};

static void *drop_second_requests(void *arg)
{
	static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
	struct dropper *dropper = arg;
	struct pollfd fds[8] = {{.fd = dropper->fd, .events = POLLIN}};
	int counts[8] = {0};
	nfds_t count = 1;
	char request[1024];

	while (poll(fds, count, -1) > 0) {
		for (nfds_t i = 1; i < count; i++) {
			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			bool is_request = recv(fds[i].fd, request, sizeof(request), 0) > 0;
			dropper->request_count += is_request;
			if (is_request && counts[i]++ == 0) {
				send(fds[i].fd, reply, sizeof(reply) - 1, MSG_NOSIGNAL);
				continue;
			}
			close(fds[i].fd);
			fds[i].fd = -1;
		}
		if (!fds[0].revents)
			continue;
		int fd = count < 8 ? accept(dropper->fd, NULL, NULL) : -1;
		if (fd < 0)
			break;
		fds[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	for (nfds_t i = 1; i < count; i++) {
		if (fds[i].fd >= 0)
			close(fds[i].fd);
	}
	return NULL;
}

Test(http, a_call_that_is_sent_once_is_not_repeated_by_the_library)
{
	struct site *site = site_new();
	struct dropper dropper = {.fd = socket(AF_INET, SOCK_STREAM, 0)};
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	struct http_call *http_call = NULL;
	pthread_t thread;
	char url[64];

	cr_assert_eq(bind(dropper.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	cr_assert_eq(listen(dropper.fd, 8), 0);
	cr_assert_eq(getsockname(dropper.fd, (struct sockaddr *)&address, &length), 0);
	cr_assert_eq(pthread_create(&thread, NULL, drop_second_requests, &dropper), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", ntohs(address.sin_port));
	for (int i = 0; i < 3; i++) {
		struct http_call_options options = {
			.method = "POST", .url = url, .is_sent_once = i > 0};
		cr_assert_eq(
			http_call_start(&http_call, site->client, &options, on_done, site, NULL),
			0);
		cr_assert(wait_answers(site, i + 1));
	}
	cr_expect_eq(site->ok_count, 3, "the connection of the first call must not be used");
	site_free(site);
	shutdown(dropper.fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(dropper.fd);
	cr_expect_eq(dropper.request_count, 3);
}

Test(http, bad_calls_are_refused)
{
	struct site *site = site_new();
	struct http_call *http_call = NULL;
	struct http_call_options options = {.method = "GET", .url = "file:///etc/passwd"};
	struct err_note why = {0};

	cr_expect_eq(http_call_start(&http_call, site->client, &options, on_done, site, &why),
		     ERR_INVALID);
	options.url = "not a url";
	cr_expect_eq(http_call_start(&http_call, site->client, &options, on_done, site, &why),
		     ERR_INVALID);
	options.url = "http://127.0.0.1:1/";
	options.method = "GET /x\r\n";
	cr_expect_eq(http_call_start(&http_call, site->client, &options, on_done, site, &why),
		     ERR_INVALID);
	options.method = "GET";
	options.headers = (const char *const[]){"X: a\r\nEvil: b", NULL};
	cr_expect_eq(http_call_start(&http_call, site->client, &options, on_done, site, &why),
		     ERR_INVALID);
	site_free(site);
}
