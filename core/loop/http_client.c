#include "core/loop/http_client_internal.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/loop/loop.h"

#include <string.h>

/*  curl tells which sockets to watch and when to be called; the loop does both. Finished calls are
 *  collected after each such call, never inside curl's own callbacks. */

enum { METHOD_BYTES_MAX = 16 };

struct socket_watch {
	struct http_client *client;
	curl_socket_t fd;
	struct watch *watch;
	struct socket_watch *next;
	struct socket_watch **link;
};

static void free_call(struct http_call *call)
{
	*call->link = call->next;
	if (call->next)
		call->next->link = call->link;
	call->client->call_count--;
	curl_multi_remove_handle(call->client->multi, call->easy);
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	curl_slist_free_all(call->recipients);
	bytes_deinit(&call->upload);
	bytes_deinit(&call->reply);
	mem_free(call);
}

static int code_of(CURLcode result, const struct http_call *call)
{
	if (result == CURLE_OK)
		return 0;
	if (call->is_cut)
		return ERR_FULL;
	if (result == CURLE_OPERATION_TIMEDOUT)
		return ERR_TIMEOUT;
	if (result == CURLE_UNSUPPORTED_PROTOCOL || result == CURLE_URL_MALFORMAT)
		return ERR_INVALID;
	return ERR_IO;
}

static void finish(struct http_call *call, CURLcode result)
{
	char *url = NULL;
	char error[CURL_ERROR_SIZE + 256] = "";
	long status = 0;
	long request_bytes = 0;
	curl_off_t retry_after = 0;
	int code = code_of(result, call);

	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &request_bytes);
	curl_easy_getinfo(call->easy, CURLINFO_EFFECTIVE_URL, &url);
	curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after);
	if (code == ERR_FULL)
		snprintf(error, sizeof(error), "the reply is longer than %zu bytes",
			 call->reply_bytes_max);
	else if (code != 0)
		snprintf(error, sizeof(error), "%.200s: %s", url ? url : "",
			 call->error[0] ? call->error : curl_easy_strerror(result));
	struct http_result answer = {
		.code = code,
		.status = (int)status,
		.was_sent = request_bytes > 0,
		.body = bytes_slice(&call->reply),
		.error = code != 0 ? error : NULL,
		.retry_after_ms = retry_after < RETRY_AFTER_MAX_S
					  ? 1000 * (int64_t)retry_after
					  : 1000 * (int64_t)RETRY_AFTER_MAX_S,
	};
	void (*on_done)(void *arg, const struct http_result *result_) = call->on_done;
	void *arg = call->arg;
	struct bytes reply = call->reply;
	call->reply = BYTES_EMPTY;
	free_call(call);
	on_done(arg, &answer);
	bytes_deinit(&reply);
}

static void collect(struct http_client *client)
{
	CURLMsg *message;
	int left;

	client->is_collecting = true;
	while ((message = curl_multi_info_read(client->multi, &left))) {
		struct http_call *call = NULL;
		if (message->msg != CURLMSG_DONE)
			continue;
		CURLcode result = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		finish(call, result);
	}
	client->is_collecting = false;
}

static void on_socket_ready(void *arg, int what)
{
	struct socket_watch *socket_watch = arg;
	struct http_client *client = socket_watch->client;
	int running;
	int flags = ((what & WATCH_READ) ? CURL_CSELECT_IN : 0) |
		    ((what & WATCH_WRITE) ? CURL_CSELECT_OUT : 0);

	curl_multi_socket_action(client->multi, socket_watch->fd, flags, &running);
	collect(client);
}

static void on_timer(void *arg)
{
	struct http_client *client = arg;
	int running;

	curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(client);
}

static int set_timer(CURLM *multi, long delay_ms, void *arg)
{
	struct http_client *client = arg;

	(void)multi;
	if (delay_ms < 0)
		timer_cancel(client->timer);
	else
		timer_set(client->timer, delay_ms);
	return 0;
}

static void free_socket_watch(struct socket_watch *socket_watch)
{
	*socket_watch->link = socket_watch->next;
	if (socket_watch->next)
		socket_watch->next->link = socket_watch->link;
	watch_free(socket_watch->watch);
	mem_free(socket_watch);
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct http_client *client = arg;
	struct socket_watch *socket_watch = socket_arg;
	struct err_note why = {0};

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (socket_watch)
			free_socket_watch(socket_watch);
		curl_multi_assign(client->multi, fd, NULL);
		return 0;
	}
	if (!socket_watch) {
		socket_watch = mem_alloc(sizeof(*socket_watch));
		socket_watch->client = client;
		socket_watch->fd = fd;
		socket_watch->next = client->watches;
		socket_watch->link = &client->watches;
		if (socket_watch->next)
			socket_watch->next->link = &socket_watch->next;
		client->watches = socket_watch;
		curl_multi_assign(client->multi, fd, socket_watch);
	}
	watch_free(socket_watch->watch);
	socket_watch->watch = NULL;
	int wanted = ((what & CURL_POLL_IN) ? WATCH_READ : 0) |
		     ((what & CURL_POLL_OUT) ? WATCH_WRITE : 0);
	if (wanted && watch_new(&socket_watch->watch, client->loop, fd, wanted, on_socket_ready,
				socket_watch, &why) != 0)
		log_warn(LOOP, "outbound HTTP: %s; the call runs into its time limit", why.text);
	return 0;
}

int http_client_new(struct http_client **out, struct loop *loop, struct err_note *why)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		return err_set(why, ERR_IO, "libcurl cannot start");

	struct http_client *client = mem_alloc(sizeof(*client));
	client->loop = loop;
	client->calls_max = HTTP_CALLS_MAX;
	client->timer = timer_new(loop, on_timer, client);
	client->multi = curl_multi_init();
	REQUIRE(client->multi);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	*out = client;
	return 0;
}

void http_client_set_calls_max(struct http_client *client, uint32_t calls_max)
{
	client->calls_max = calls_max;
}

void http_client_free(struct http_client *client)
{
	if (!client)
		return;
	REQUIRE(!client->is_collecting);
	while (client->calls)
		free_call(client->calls);
	curl_multi_cleanup(client->multi);
	while (client->watches)
		free_socket_watch(client->watches);
	timer_free(client->timer);
	mem_free(client);
	curl_global_cleanup();
}

static size_t on_reply_bytes(char *data, size_t size, size_t count, void *arg)
{
	struct http_call *call = arg;
	size_t length = size * count;
	size_t room = call->reply_bytes_max - call->reply.length;

	if (length > room) {
		bytes_append(&call->reply, data, room);
		call->is_cut = true;
		return 0;
	}
	bytes_append(&call->reply, data, length);
	return length;
}

static int vet(const struct http_call_options *options, struct err_note *why)
{
	size_t method_bytes = strlen(options->method);
	if (method_bytes == 0 || method_bytes > METHOD_BYTES_MAX ||
	    strspn(options->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != method_bytes)
		return err_set(why, ERR_INVALID, "\"%.40s\" is not an HTTP method",
			       options->method);
	for (const char *const *header = options->headers; header && *header; header++) {
		const char *colon = strchr(*header, ':');
		if (strpbrk(*header, "\r\n") || !colon || colon == *header)
			return err_set(why, ERR_INVALID, "a header is not \"Name: value\" text");
	}
	CURLU *url = curl_url();
	char *scheme = NULL;
	bool is_good = url && curl_url_set(url, CURLUPART_URL, options->url, 0) == CURLUE_OK &&
		       curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		       (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
	curl_free(scheme);
	curl_url_cleanup(url);
	if (!is_good)
		return err_set(why, ERR_INVALID, "\"%.200s\" is not an http or https URL",
			       options->url);
	return 0;
}

static void set_common(struct http_call *call, const struct http_call_limits *limits)
{
	CURL *easy = call->easy;
	long connect_ms = limits->connect_ms > 0 ? (long)limits->connect_ms : CONNECT_DEFAULT_MS;
	long total_ms = limits->total_ms > 0 ? (long)limits->total_ms : TOTAL_DEFAULT_MS;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* A proxy from the environment would see, and answer for, every webhook. */
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, total_ms);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_reply_bytes);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
}

static void set_options(struct http_call *call, const struct http_call_options *options)
{
	CURL *easy = call->easy;

	curl_easy_setopt(easy, CURLOPT_URL, options->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, options->is_sent_once ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, options->is_sent_once ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "tocsin/" TOCSIN_VERSION);
	if (options->body.length || strcmp(options->method, "POST") == 0) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)options->body.length);
		curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS,
				 options->body.length ? options->body.data : "");
	}
	if (strcmp(options->method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, options->method);
	/* Waiting for "100 Continue" costs a second with servers that do not send it. */
	call->headers = curl_slist_append(NULL, "Expect:");
	for (const char *const *header = options->headers; header && *header; header++)
		call->headers = curl_slist_append(call->headers, *header);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
}

int http_call_new(struct http_call **out, struct http_client *client,
		  const struct http_call_limits *limits,
		  void (*on_done)(void *arg, const struct http_result *result), void *arg,
		  struct err_note *why)
{
	if (client->call_count >= client->calls_max)
		return err_set(why, ERR_FULL, "%u HTTP calls are running", client->calls_max);

	struct http_call *call = mem_alloc(sizeof(*call));
	call->client = client;
	call->on_done = on_done;
	call->arg = arg;
	call->reply_bytes_max =
		limits->reply_bytes_max ? limits->reply_bytes_max : HTTP_REPLY_BYTES_MAX;
	call->easy = curl_easy_init();
	REQUIRE(call->easy);
	set_common(call, limits);
	*out = call;
	return 0;
}

int http_call_launch(struct http_call *call, struct err_note *why)
{
	struct http_client *client = call->client;

	call->next = client->calls;
	call->link = &client->calls;
	if (call->next)
		call->next->link = &call->next;
	client->calls = call;
	client->call_count++;
	if (curl_multi_add_handle(client->multi, call->easy) != CURLM_OK) {
		free_call(call);
		return err_set(why, ERR_IO, "libcurl refused a call");
	}
	return 0;
}

int http_call_start(struct http_call **out, struct http_client *client,
		    const struct http_call_options *options,
		    void (*on_done)(void *arg, const struct http_result *result), void *arg,
		    struct err_note *why)
{
	const struct http_call_limits limits = {options->connect_ms, options->total_ms,
						options->reply_bytes_max};
	struct http_call *call = NULL;
	int code = vet(options, why);

	if (code == 0)
		code = http_call_new(&call, client, &limits, on_done, arg, why);
	if (code != 0)
		return code;
	set_options(call, options);
	code = http_call_launch(call, why);
	if (code == 0)
		*out = call;
	return code;
}

void http_call_cancel(struct http_call *call)
{
	if (call)
		free_call(call);
}
