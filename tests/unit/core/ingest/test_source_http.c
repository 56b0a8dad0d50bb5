#include "source_case.h"

#include "core/ingest/source_http.h"
#include "core/ingest/source_http_body.h"
#include "core/loop/http_client.h"
#include "core/loop/http_server.h"

#include <stdlib.h>
#include <zlib.h>

static struct bytes gzip(const void *data, size_t length)
{
	struct bytes out = BYTES_EMPTY;
	z_stream stream = {0};

	cr_assert_eq(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY),
		     Z_OK);
	bytes_reserve(&out, deflateBound(&stream, length) + 64);
	stream.next_in = (unsigned char *)(uintptr_t)data;
	stream.avail_in = (uInt)length;
	stream.next_out = (unsigned char *)out.data;
	stream.avail_out = (uInt)(deflateBound(&stream, length) + 64);
	cr_assert_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
	out.length = stream.total_out;
	deflateEnd(&stream);
	return out;
}

static void check_unwrap(const char *body, int code, const char *expected)
{
	struct bytes data = BYTES_EMPTY;
	struct err_note why = {0};

	bytes_append_text(&data, body);
	cr_expect_eq(http_body_unwrap(&data, &why), code, "%s", body);
	if (code == 0)
		cr_expect_str_eq(data.data ? data.data : "", expected);
	bytes_deinit(&data);
}

Test(source_http, an_array_becomes_lines)
{
	check_unwrap("[{\"a\":1},{\"a\":2}]", 0, "{\"a\":1}\n{\"a\":2}\n");
	check_unwrap(" \n[ {\"a\":[1,2,{\"b\":3}]} ,\n{\"a\":\n2}\n] \n", 0,
		     " {\"a\":[1,2,{\"b\":3}]} \n {\"a\": 2} \n");
	check_unwrap("[{\"a\":\"],[\\\"}\"}]", 0, "{\"a\":\"],[\\\"}\"}\n");
	check_unwrap("[{\"a\":\"x\ny\"}]", 0, "{\"a\":\"x\x01y\"}\n");
	check_unwrap("[]", 0, "");
	check_unwrap(" [ ] ", 0, "");
	check_unwrap("{\"a\":1}\n", 0, "{\"a\":1}\n");
	check_unwrap("", 0, "");
	check_unwrap("[1,2]", 0, "1\n2\n");
}

Test(source_http, a_broken_array_is_refused_whole)
{
	check_unwrap("[", ERR_INVALID, NULL);
	check_unwrap("[{\"a\":1}", ERR_INVALID, NULL);
	check_unwrap("[{\"a\":1},]", ERR_INVALID, NULL);
	check_unwrap("[,{\"a\":1}]", ERR_INVALID, NULL);
	check_unwrap("[{\"a\":1}]x", ERR_INVALID, NULL);
	check_unwrap("[{\"a\":\"]", ERR_INVALID, NULL);
}

Test(source_http, gzip_members_are_inflated_one_after_the_other)
{
	struct bytes first = gzip("one\n", 4);
	struct bytes second = gzip("two\n", 4);

	bytes_append_slice(&first, bytes_slice(&second));
	cr_expect_eq(http_body_inflate(&first, NULL), 0);
	cr_expect_str_eq(first.data, "one\ntwo\n");
	bytes_deinit(&first);
	bytes_deinit(&second);
}

Test(source_http, broken_gzip_is_refused)
{
	struct bytes cut = gzip("one\ntwo\nthree\n", 14);
	struct err_note why = {0};

	cut.length -= 5;
	cr_expect_eq(http_body_inflate(&cut, &why), ERR_INVALID);
	bytes_deinit(&cut);
	struct bytes tail = gzip("one\n", 4);
	bytes_append_text(&tail, "garbage");
	cr_expect_eq(http_body_inflate(&tail, &why), ERR_INVALID);
	bytes_deinit(&tail);
	struct bytes plain = BYTES_EMPTY;
	cr_expect_eq(http_body_inflate(&plain, &why), ERR_INVALID);
	bytes_append_text(&plain, "{\"time\":1}");
	cr_expect_eq(http_body_inflate(&plain, &why), ERR_INVALID);
	bytes_deinit(&plain);
}

Test(source_http, a_gzip_bomb_is_refused_by_its_ratio)
{
	char *zeros = calloc(1, 8 * 1024 * 1024);
	struct bytes bomb = gzip(zeros, 8 * 1024 * 1024);
	struct err_note why = {0};

	cr_assert_lt(bomb.length * HTTP_RATIO_MAX + HTTP_RATIO_FREE_BYTES, 8u * 1024 * 1024);
	cr_expect_eq(http_body_inflate(&bomb, &why), ERR_FULL);
	bytes_deinit(&bomb);
	/* Within the first MiB any ratio is fine. */
	bomb = gzip(zeros, HTTP_RATIO_FREE_BYTES);
	cr_expect_eq(http_body_inflate(&bomb, &why), 0);
	cr_expect_eq(bomb.length, HTTP_RATIO_FREE_BYTES);
	bytes_deinit(&bomb);
	free(zeros);
}

struct site {
	struct source_case *source;
	struct source_http *http;
	struct http_server *server;
	struct http_client *client;
	int status;
	char body[512];
	bool is_done;
	bool is_filling; /**< the pool is filled just before a body is given to it */
};

static int find(void *arg, const char *name, struct source_http_target *out, struct err_note *why)
{
	struct site *site = arg;

	if (strcmp(name, "pay") != 0)
		return err_set(why, ERR_NOT_FOUND, "there is no source \"%s\"", name);
	struct pool_bytes_job job = {.intake = site->source->intake, .partition = 3};
	while (site->is_filling && pool_try_bytes(site->source->pool, &job) == 0)
		;
	*out = (struct source_http_target){site->source->intake, 3};
	return 0;
}

static void on_request(void *arg, struct http_request *request)
{
	struct site *site = arg;
	source_http_ingest(site->http, request, http_request_path(request) + strlen("/ingest/"));
}

static struct site *site_new(uint32_t readers)
{
	struct site *site = calloc(1, sizeof(*site));
	struct http_server_options server = {
		.address = "127.0.0.1:0", .on_request = on_request, .arg = site};

	site->source = case_new(readers, 65536);
	site->http = source_http_new(&(struct source_http_options){
		.pool = site->source->pool, .find = find, .arg = site});
	cr_assert_eq(http_server_new(&site->server, site->source->loop, &server, NULL), 0);
	cr_assert_eq(http_client_new(&site->client, site->source->loop, NULL), 0);
	return site;
}

static void site_free(struct site *site)
{
	struct loop *loop = site->source->loop;

	pool_free(site->source->pool);
	site->source->pool = NULL;
	case_release(site->source);
	source_http_free(site->http);
	http_client_free(site->client);
	http_server_free(site->server);
	intake_unref(site->source->intake);
	loop_free(loop);
	free(site->source);
	free(site);
}

static void on_done(void *arg, const struct http_result *result)
{
	struct site *site = arg;

	site->status = result->status;
	snprintf(site->body, sizeof(site->body), "%.*s", (int)result->body.length,
		 result->body.data ? result->body.data : "");
	site->is_done = true;
}

static struct http_call *start(struct site *site, const char *method, const char *path,
			       const char *header, struct slice body)
{
	struct http_call *call = NULL;
	char url[128];
	struct http_call_options options = {
		.method = method,
		.url = url,
		.headers = (const char *const[]){header, NULL},
		.body = body,
	};

	site->is_done = false;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", http_server_port(site->server), path);
	cr_assert_eq(http_call_start(&call, site->client, &options, on_done, site, NULL), 0);
	return call;
}

static int post(struct site *site, const char *path, const char *header, struct slice body)
{
	start(site, "POST", path, header, body);
	cr_assert(run_loop_until(site->source->loop, run_loop_flag, &site->is_done));
	return site->status;
}

#define LINES                                                                                      \
	SLICE_LITERAL("{\"time\":1763791200,\"n\":1}\nnot json\n\n{\"time\":1763791201,\"n\":2}")

Test(source_http, lines_are_answered_with_their_counts)
{
	struct site *site = site_new(1);

	cr_expect_eq(post(site, "/ingest/pay", NULL, LINES), 200);
	cr_expect_str_eq(site->body, "{\"readings\":2,\"malformed\":1}\n");
	cr_expect_eq(site->source->readings, 2);
	cr_expect_eq(post(site, "/ingest/pay", "Content-Type: application/json",
			  SLICE_LITERAL("[{\"time\":1763791200},{\"time\":1763791200},7]")),
		     200);
	cr_expect_str_eq(site->body, "{\"readings\":2,\"malformed\":1}\n");
	cr_expect_eq(post(site, "/ingest/pay", NULL, (struct slice){0}), 200);
	cr_expect_str_eq(site->body, "{\"readings\":0,\"malformed\":0}\n");
	site_free(site);
}

Test(source_http, gzip_bodies_are_counted_like_plain_ones)
{
	struct site *site = site_new(0);
	struct bytes body = gzip(LINES.data, LINES.length);

	cr_expect_eq(post(site, "/ingest/pay", "Content-Encoding: gzip", bytes_slice(&body)), 200);
	cr_expect_str_eq(site->body, "{\"readings\":2,\"malformed\":1}\n");
	bytes_deinit(&body);
	site_free(site);
}

Test(source_http, what_cannot_be_taken_is_refused_with_its_status)
{
	struct site *site = site_new(1);
	char *zeros = calloc(1, 8 * 1024 * 1024);
	struct bytes bomb = gzip(zeros, 8 * 1024 * 1024);

	cr_expect_eq(post(site, "/ingest/other", NULL, LINES), 404);
	cr_expect_str_eq(site->body, "{\"error\":\"there is no source \\\"other\\\"\"}\n");
	/* The answer is JSON also when the path is not UTF-8. */
	cr_expect_eq(post(site, "/ingest/o%FF%0A", NULL, LINES), 404);
	cr_expect_str_eq(site->body,
			 "{\"error\":\"there is no source \\\"o\xEF\xBF\xBD\\n\\\"\"}\n");
	cr_expect_eq(post(site, "/ingest/pay", "Content-Encoding: br", LINES), 415);
	cr_expect_eq(post(site, "/ingest/pay", "Content-Type: multipart/form-data", LINES), 415);
	cr_expect_eq(post(site, "/ingest/pay", "Content-Encoding: gzip", LINES), 400);
	cr_expect_eq(post(site, "/ingest/pay", NULL, SLICE_LITERAL("[1,")), 400);
	cr_expect_eq(post(site, "/ingest/pay", "Content-Encoding: gzip", bytes_slice(&bomb)), 413);
	start(site, "GET", "/ingest/pay", NULL, (struct slice){0});
	cr_assert(run_loop_until(site->source->loop, run_loop_flag, &site->is_done));
	cr_expect_eq(site->status, 405);
	source_http_pause(site->http, true);
	cr_expect_eq(post(site, "/ingest/pay", NULL, LINES), 503);
	source_http_pause(site->http, false);
	cr_expect_eq(post(site, "/ingest/pay", NULL, LINES), 200);
	cr_expect_eq(site->source->readings, 2);
	bytes_deinit(&bomb);
	free(zeros);
	site_free(site);
}

static bool has_bundle(void *arg)
{
	return ((struct source_case *)arg)->bundles > 0;
}

Test(source_http, the_answer_waits_for_the_commit)
{
	struct site *site = site_new(1);

	site->source->is_holding = true;
	start(site, "POST", "/ingest/pay", NULL, LINES);
	cr_assert(run_loop_until(site->source->loop, has_bundle, site->source));
	run_loop_for(site->source->loop, 20, run_loop_flag, &(bool){false});
	cr_expect_not(site->is_done);
	case_release(site->source);
	cr_assert(run_loop_until(site->source->loop, run_loop_flag, &site->is_done));
	cr_expect_eq(site->status, 200);
	site_free(site);
}

Test(source_http, the_effect_of_a_client_that_left_stays)
{
	struct site *site = site_new(1);
	struct source_http_status status;

	site->source->is_holding = true;
	struct http_call *call = start(site, "POST", "/ingest/pay", NULL, LINES);
	cr_assert(run_loop_until(site->source->loop, has_bundle, site->source));
	http_call_cancel(call);
	run_loop_for(site->source->loop, 20, run_loop_flag, &(bool){false});
	case_release(site->source);
	cr_expect_eq(site->source->readings, 2);
	source_http_status(site->http, &status);
	cr_expect_eq(status.waiting, 0);
	cr_expect_eq(status.accepted, 1);
	site_free(site);
}

static bool has_room(void *arg)
{
	return ((struct source_case *)arg)->rooms > 0;
}

Test(source_http, a_full_pool_gives_429)
{
	struct site *site = site_new(1);

	site->is_filling = true;
	cr_expect_eq(post(site, "/ingest/pay", NULL, LINES), 429);
	cr_expect_str_eq(site->body, "{\"error\":\"the readers are busy\",\"retry_after_s\":1}\n");
	site->is_filling = false;
	cr_expect(run_loop_until(site->source->loop, has_room, site->source));
	cr_expect_eq(post(site, "/ingest/pay", NULL, LINES), 200);
	cr_expect_eq(site->source->readings, 2);
	site_free(site);
}

Test(source_http, freeing_answers_what_waits)
{
	struct site *site = site_new(1);

	site->source->is_holding = true;
	start(site, "POST", "/ingest/pay", NULL, LINES);
	cr_assert(run_loop_until(site->source->loop, has_bundle, site->source));
	source_http_free(site->http);
	site->http = NULL;
	cr_assert(run_loop_until(site->source->loop, run_loop_flag, &site->is_done));
	cr_expect_eq(site->status, 503);
	/* Its bundle never becomes durable here. */
	while (site->source->held) {
		struct bundle *bundle = site->source->held;
		site->source->held = bundle->next;
		bundle_free(bundle);
	}
	site_free(site);
}
