#include "core/outbox/outbox_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/loop/http_server.h"
#include "core/loop/loop.h"
#include "outbox_fixture.h"
#include "storage/keyspace.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A real receiver on a real socket: remembers what came, answers with the statuses it is told
 * (the last for ever; 0 = no answer). */
struct receiver {
	struct http_server *server;
	char url[64];
	const int *statuses;
	uint32_t request_count;
	struct bytes bodies; /* one a line */
	struct bytes ids;
	char signature[128];
	char timestamp[32];
	char body[256];
};

static struct outbox_fixture fixture;
static struct receiver receiver;

static void on_request(void *arg, struct http_request *request)
{
	struct receiver *to = arg;
	const char *signature = http_request_header(request, "Tocsin-Signature");
	const char *timestamp = http_request_header(request, "Tocsin-Timestamp");
	const char *id = http_request_header(request, "Tocsin-Id");
	const char *key = http_request_header(request, "Idempotency-Key");
	int status = *to->statuses;

	cr_expect_str_eq(http_request_method(request), "POST");
	cr_expect_str_eq(http_request_header(request, "Content-Type"), "application/json");
	cr_expect(id && key && strcmp(id, key) == 0);
	to->request_count++;
	bytes_append_slice(&to->bodies, http_request_body(request));
	bytes_append_char(&to->bodies, '\n');
	bytes_append_format(&to->ids, "%s ", id ? id : "?");
	snprintf(to->signature, sizeof(to->signature), "%s", signature ? signature : "none");
	snprintf(to->timestamp, sizeof(to->timestamp), "%s", timestamp ? timestamp : "none");
	snprintf(to->body, sizeof(to->body), "%.*s", (int)http_request_body(request).length,
		 http_request_body(request).data);
	if (to->statuses[1] != -1)
		to->statuses++;
	if (status != 0)
		http_reply(request, status, "text/plain", SLICE_LITERAL("ok"));
}

static void begin(void)
{
	struct http_server_options options = {
		.address = "127.0.0.1:0", .on_request = on_request, .arg = &receiver};
	struct err_note why = {""};

	fixture_begin(&fixture, true);
	receiver = (struct receiver){0};
	cr_assert_eq(http_server_new(&receiver.server, fixture.loop, &options, &why), 0, "%s",
		     why.text);
	snprintf(receiver.url, sizeof(receiver.url), "http://127.0.0.1:%u/hook?token=s3cret",
		 (unsigned)http_server_port(receiver.server));
	fixture_add_output(&fixture, "hook", OUTPUT_WEBHOOK, receiver.url);
	fixture_start(&fixture);
}

static void end(void)
{
	outbox_free(fixture.outbox);
	fixture.outbox = NULL;
	http_server_free(receiver.server);
	bytes_deinit(&receiver.bodies);
	bytes_deinit(&receiver.ids);
	fixture_end(&fixture);
}

TestSuite(target_webhook, .init = begin, .fini = end, .timeout = 30);

static bool is_queue_empty(void *arg)
{
	return fixture_status(&fixture, arg).waiting == 0;
}

static bool has_request(void *arg)
{
	(void)arg;
	return receiver.request_count > 0;
}

static bool has_error(void *arg)
{
	return fixture_status(&fixture, arg).last_error != NULL;
}

Test(target_webhook, signs_as_another_implementation_does)
{
	struct bytes signature = BYTES_EMPTY;

	/* HMAC-SHA256 with the key "Jefe" of "1527000000.{}", by Python's hmac module. */
	target_webhook_sign("Jefe", "1527000000", SLICE_LITERAL("{}"), &signature);
	cr_expect_str_eq(signature.data,
			 "sha256=4701f19bd0166a9b7e85d4d94de1c83684f65f972795cf7312e53d7eee95192d");
	bytes_deinit(&signature);
}

Test(target_webhook, posts_rows_in_order_with_id_and_time)
{
	const int statuses[] = {200, -1};

	receiver.statuses = statuses;
	fixture_configure(&fixture);
	fixture_put(&fixture, "hook", "a1", "{\"n\":1}");
	fixture_put(&fixture, "hook", "a2", "{\"n\":2}");
	fixture_run(&fixture, is_queue_empty, "hook");
	cr_expect_str_eq(receiver.bodies.data, "{\"n\":1}\n{\"n\":2}\n");
	cr_expect_str_eq(receiver.ids.data, "a1 a2 ");
	cr_expect_str_eq(receiver.signature, "none");
	cr_expect_gt(strtoll(receiver.timestamp, NULL, 10), 1500000000);
	cr_expect_lt(strtoll(receiver.timestamp, NULL, 10), 99999999999);
	cr_expect_eq(fixture_count(&fixture, KEYSPACE_OUTBOX), 0);
}

Test(target_webhook, tries_again_with_the_same_id_until_it_is_taken)
{
	const int statuses[] = {503, 429, 204, -1};

	receiver.statuses = statuses;
	fixture_configure(&fixture);
	fixture_put(&fixture, "hook", "a1", "{}");
	fixture_run(&fixture, is_queue_empty, "hook");
	cr_expect_str_eq(receiver.ids.data, "a1 a1 a1 ");
	cr_expect_eq(fixture_status(&fixture, "hook").retries, 2);
	cr_expect_eq(fixture_status(&fixture, "hook").dead, 0);
}

Test(target_webhook, a_client_error_is_final)
{
	const int statuses[] = {404, 200, -1};

	receiver.statuses = statuses;
	fixture_configure(&fixture);
	fixture_put(&fixture, "hook", "a1", "{}");
	fixture_put(&fixture, "hook", "a2", "{}");
	fixture_run(&fixture, is_queue_empty, "hook");
	cr_expect_str_eq(receiver.ids.data, "a1 a2 ");
	cr_expect_eq(fixture_status(&fixture, "hook").dead, 1);
	cr_expect_eq(fixture_count(&fixture, KEYSPACE_OUTBOX_DEAD), 1);
}

Test(target_webhook, signs_with_the_secret_of_a_private_file)
{
	const int statuses[] = {200, -1};
	struct bytes expected = BYTES_EMPTY;
	char *path = mem_format("%s/secret", fixture.state_dir);
	char *reference = mem_format("file:%s", path);

	receiver.statuses = statuses;
	fixture_write(&fixture, "secret", "k3y\n");
	fixture.outputs[0].secret = reference;
	cr_assert_eq(chmod(path, 0640), 0);
	cr_expect_eq(outbox_configure(fixture.outbox, &fixture.config, NULL), ERR_DENIED);
	cr_assert_eq(chmod(path, 0600), 0);
	fixture_configure(&fixture);
	fixture_put(&fixture, "hook", "a1", "{\"n\":1}");
	fixture_run(&fixture, is_queue_empty, "hook");
	target_webhook_sign("k3y", receiver.timestamp, slice_of(receiver.body), &expected);
	cr_expect_str_eq(receiver.signature, expected.data);
	bytes_deinit(&expected);
	mem_free(path);
	mem_free(reference);
}

Test(target_webhook, one_that_hangs_delays_no_other_target)
{
	const int statuses[] = {0, -1};

	receiver.statuses = statuses;
	fixture_add_output(&fixture, "alerts", OUTPUT_FILE, "alerts.jsonl");
	fixture_configure(&fixture);
	fixture_put(&fixture, "hook", "a1", "1");
	fixture_run(&fixture, has_request, NULL);
	fixture_put(&fixture, "alerts", "a1", "1");
	fixture_run(&fixture, is_queue_empty, "alerts");
	cr_expect_eq(fixture_status(&fixture, "hook").waiting, 1);
}

Test(target_webhook, an_unchanged_reload_does_not_cut_off_what_is_on_its_way)
{
	const int statuses[] = {0, -1};

	receiver.statuses = statuses;
	fixture_configure(&fixture);
	fixture_put(&fixture, "hook", "a1", "1");
	fixture_run(&fixture, has_request, NULL);
	fixture_configure(&fixture);
	fixture_add_output(&fixture, "alerts", OUTPUT_FILE, "alerts.jsonl");
	fixture_configure(&fixture);
	fixture_put(&fixture, "alerts", "a1", "1");
	fixture_run(&fixture, is_queue_empty, "alerts");
	cr_expect_eq(receiver.request_count, 1);
}

Test(target_webhook, never_shows_its_url_in_an_error)
{
	http_server_free(receiver.server);
	receiver.server = NULL;
	fixture_configure(&fixture);
	fixture_put(&fixture, "hook", "a1", "1");
	fixture_run(&fixture, has_error, "hook");
	cr_expect_null(strstr(fixture_status(&fixture, "hook").last_error, "s3cret"), "%s",
		       fixture_status(&fixture, "hook").last_error);
	cr_expect_not_null(strstr(fixture_status(&fixture, "hook").last_error, "did not answer"));
}
