#include "core/ingest/source_http.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/ingest/intake.h"
#include "core/ingest/source.h"
#include "core/ingest/source_http_body.h"
#include "core/loop/http_server.h"

#include <string.h>
#include <strings.h>

enum { RETRY_AFTER_S = 1 };

/** A body between its acceptance and its commit. The request may go before. */
struct waiting {
	struct source_http *http;
	struct http_request *request; /**< NULL: the client has left */
	struct waiting *next;
	struct waiting **link;
};

struct source_http {
	struct source_http_options options;
	bool is_paused;
	struct waiting *waiting;
	struct source_http_status status;
};

static void reply_error(struct http_request *request, int status, const char *error)
{
	struct bytes body = BYTES_EMPTY;

	bytes_append_text(&body, "{\"error\":");
	utf8_append_json(&body, slice_of(error));
	if (status == 429 || status == 503)
		bytes_append_format(&body, ",\"retry_after_s\":%d", RETRY_AFTER_S);
	bytes_append_text(&body, "}\n");
	http_reply(request, status, "application/json", bytes_slice(&body));
	bytes_deinit(&body);
}

static void free_waiting(struct waiting *waiting)
{
	*waiting->link = waiting->next;
	if (waiting->next)
		waiting->next->link = waiting->link;
	waiting->http->status.waiting--;
	mem_free(waiting);
}

static void on_gone(void *arg)
{
	((struct waiting *)arg)->request = NULL;
}

static void on_durable(void *arg, const struct bundle *bundle)
{
	struct waiting *waiting = arg;
	struct bytes body = BYTES_EMPTY;

	if (waiting->request) {
		bytes_append_format(
			&body, "{\"readings\":%llu,\"malformed\":%llu}\n",
			(unsigned long long)bundle->earlier_readings + bundle->counters.readings,
			(unsigned long long)bundle->earlier_malformed + bundle->counters.malformed);
		http_reply(waiting->request, 200, "application/json", bytes_slice(&body));
		bytes_deinit(&body);
	}
	free_waiting(waiting);
}

static void on_refused(void *arg, int code, const char *error)
{
	struct waiting *waiting = arg;

	waiting->http->status.refused++;
	if (waiting->request)
		reply_error(waiting->request, code == ERR_FULL ? 413 : 400, error);
	free_waiting(waiting);
}

static int prepare_gzip_array(struct bytes *data, struct err_note *why)
{
	int code = http_body_inflate(data, why);
	return code == 0 ? http_body_unwrap(data, why) : code;
}

enum body_encoding { ENCODING_NONE, ENCODING_GZIP, ENCODING_UNKNOWN };

static enum body_encoding encoding_of(const struct http_request *request)
{
	const char *text = http_request_header(request, "Content-Encoding");

	if (!text || !*text || strcasecmp(text, "identity") == 0)
		return ENCODING_NONE;
	if (strcasecmp(text, "gzip") == 0 || strcasecmp(text, "x-gzip") == 0)
		return ENCODING_GZIP;
	return ENCODING_UNKNOWN;
}

/** What to refuse before anything is read; 0 when nothing. */
static int vet(const struct source_http *http, const struct http_request *request,
	       struct err_note *why)
{
	const char *type = http_request_header(request, "Content-Type");

	if (strcmp(http_request_method(request), "POST") != 0) {
		err_set(why, ERR_UNSUPPORTED, "only POST is possible here");
		return 405;
	}
	if (http->is_paused) {
		err_set(why, ERR_AGAIN, "ingestion is paused");
		return 503;
	}
	if (encoding_of(request) == ENCODING_UNKNOWN) {
		err_set(why, ERR_UNSUPPORTED, "Content-Encoding must be gzip or absent");
		return 415;
	}
	/* Only forms are refused: every client library has another name for JSON lines. */
	if (type && strncasecmp(type, "multipart/", 10) == 0) {
		err_set(why, ERR_UNSUPPORTED,
			"a form is not possible here: send the lines as the body");
		return 415;
	}
	return 0;
}

static struct waiting *wait_for(struct source_http *http, struct http_request *request)
{
	struct waiting *waiting = mem_alloc(sizeof(*waiting));

	waiting->http = http;
	waiting->request = request;
	waiting->next = http->waiting;
	waiting->link = &http->waiting;
	if (waiting->next)
		waiting->next->link = &waiting->next;
	http->waiting = waiting;
	http->status.waiting++;
	return waiting;
}

static int submit(struct source_http *http, struct http_request *request,
		  const struct source_http_target *target)
{
	bool is_gzip = encoding_of(request) == ENCODING_GZIP;
	bool is_json = target->intake->format == FORMAT_JSON;
	struct pool_bytes_job job = {
		.intake = target->intake,
		.partition = target->partition,
		.on_refused = on_refused,
		.on_durable = on_durable,
	};

	if (http->status.waiting >= HTTP_WAITING_MAX)
		return ERR_FULL;
	if (is_gzip)
		job.prepare = is_json ? prepare_gzip_array : http_body_inflate;
	else if (is_json)
		job.prepare = http_body_unwrap;
	struct waiting *waiting = wait_for(http, request);
	job.arg = waiting;
	bytes_append_slice(&job.data, http_request_body(request));
	int code = pool_try_bytes(http->options.pool, &job);
	if (code != 0) {
		bytes_deinit(&job.data);
		free_waiting(waiting);
		return code;
	}
	http_request_on_gone(request, on_gone, waiting);
	http->status.accepted++;
	return 0;
}

int source_http_ingest(struct source_http *http, struct http_request *request, const char *source)
{
	struct err_note why = {0};
	struct source_http_target target = {0};
	int status = vet(http, request, &why);

	if (status == 0 && http->options.find(http->options.arg, source, &target, &why) != 0)
		status = 404;
	if (status == 0 && !target.intake) {
		err_set(&why, ERR_AGAIN, "source \"%.60s\" takes nothing now", source);
		status = 503;
	}
	if (status == 0 && submit(http, request, &target) != 0) {
		err_set(&why, ERR_FULL, "the readers are busy");
		status = 429;
	}
	if (status != 0) {
		http->status.refused++;
		reply_error(request, status, why.text);
	}
	return status;
}

struct source_http *source_http_new(const struct source_http_options *options)
{
	struct source_http *http = mem_alloc(sizeof(*http));

	http->options = *options;
	return http;
}

void source_http_free(struct source_http *http)
{
	if (!http)
		return;
	while (http->waiting) {
		if (http->waiting->request)
			reply_error(http->waiting->request, 503, "the server is closing");
		free_waiting(http->waiting);
	}
	mem_free(http);
}

void source_http_pause(struct source_http *http, bool is_paused)
{
	http->is_paused = is_paused;
}

void source_http_status(const struct source_http *http, struct source_http_status *out)
{
	*out = http->status;
}
