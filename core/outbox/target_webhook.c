#include "core/outbox/outbox_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/loop/http_client.h"
#include "core/loop/loop.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* One request at a time, so that the receiver sees the rows in their order. The row's id is on
 * every attempt, so a receiver that keeps the ids it has seen gets each row once. */

enum { REPLY_BYTES_MAX = 16 * 1024, TIMESTAMP_BYTES_MAX = 24 };

struct target_webhook {
	struct target target;
	struct loop *loop;
	struct http_client *client;
	struct http_call *call; /* NULL: none on its way */
	char *url;
	char *secret;
	int64_t timeout_ms;
};

static struct target_webhook *webhook_of(struct target *target)
{
	return (struct target_webhook *)target;
}

void target_webhook_sign(const char *secret, const char *timestamp, struct slice body,
			 struct bytes *out)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned digest_length = 0;
	size_t secret_length = strlen(secret);
	struct bytes text;

	REQUIRE(secret_length <= INT_MAX);
	bytes_init(&text);
	bytes_append_text(&text, timestamp);
	bytes_append_char(&text, '.');
	bytes_append_slice(&text, body);
	REQUIRE(HMAC(EVP_sha256(), secret, (int)secret_length, (const unsigned char *)text.data,
		     text.length, digest, &digest_length));
	bytes_deinit(&text);
	bytes_append_text(out, "sha256=");
	for (unsigned index = 0; index < digest_length; index++)
		bytes_append_format(out, "%02x", digest[index]);
}

static enum send_end end_of_status(int status)
{
	if (status >= 200 && status < 300)
		return SEND_DELIVERED;
	if (status >= 400 && status < 500 && status != 408 && status != 425 && status != 429)
		return SEND_REFUSED;
	return SEND_RETRY;
}

static void on_answer(void *arg, const struct http_result *result)
{
	struct target_webhook *webhook = arg;
	enum send_end end = SEND_RETRY;
	char error[256];

	webhook->call = NULL;
	if (result->status != 0) {
		/* The verdict is in, even when the rest of the reply was too long or too late. */
		end = end_of_status(result->status);
		snprintf(error, sizeof(error), "The webhook answered with HTTP status %d.",
			 result->status);
	} else {
		snprintf(error, sizeof(error), "The webhook did not answer: %s.",
			 result->error ? target_error_without_url(result->error)
				       : err_sentence(result->code));
	}
	target_finish(&webhook->target, end == SEND_DELIVERED ? 1 : 0, end,
		      end == SEND_DELIVERED ? NULL : error);
}

static void webhook_send(struct target *target, const struct outbox_row *rows, uint32_t row_count)
{
	struct target_webhook *webhook = webhook_of(target);
	char timestamp[TIMESTAMP_BYTES_MAX];
	struct bytes signature;
	struct err_note why = {""};
	char *id_header = mem_format("Tocsin-Id: %s", rows[0].id);
	char *key_header = mem_format("Idempotency-Key: %s", rows[0].id);
	char *time_header;
	int code;

	REQUIRE(row_count == 1 && !webhook->call);
	snprintf(timestamp, sizeof(timestamp), "%" PRId64, loop_wall_ms(webhook->loop) / 1000);
	time_header = mem_format("Tocsin-Timestamp: %s", timestamp);
	bytes_init(&signature);
	if (webhook->secret) {
		bytes_append_text(&signature, "Tocsin-Signature: ");
		target_webhook_sign(webhook->secret, timestamp, rows[0].body, &signature);
	}
	const char *headers[] = {
		"Content-Type: application/json",
		id_header,
		key_header,
		time_header,
		signature.data, /* NULL, the end, when it is not signed */
		NULL,
	};
	const struct http_call_options options = {
		.method = "POST",
		.url = webhook->url,
		.headers = headers,
		.body = rows[0].body,
		.total_ms = webhook->timeout_ms,
		.reply_bytes_max = REPLY_BYTES_MAX,
	};
	code = http_call_start(&webhook->call, webhook->client, &options, on_answer, webhook, &why);
	mem_free(id_header);
	mem_free(key_header);
	mem_free(time_header);
	bytes_deinit(&signature);
	if (code == 0)
		return;
	webhook->call = NULL;
	snprintf(why.text, sizeof(why.text), "The request could not be started: %s.",
		 err_sentence(code));
	target_finish(target, 0, SEND_RETRY, why.text);
}

static void webhook_free(struct target *target)
{
	struct target_webhook *webhook = webhook_of(target);

	if (webhook->call)
		http_call_cancel(webhook->call);
	if (webhook->secret)
		OPENSSL_cleanse(webhook->secret, strlen(webhook->secret));
	mem_free(webhook->secret);
	mem_free(webhook->url);
	mem_free(webhook);
}

static const struct target_ops webhook_ops = {
	.rows_max = 1,
	.bytes_max = OUTBOX_BODY_BYTES_MAX,
	.send = webhook_send,
	.free = webhook_free,
};

struct target *target_webhook_new(struct loop *loop, struct http_client *client, const char *url,
				  const char *secret, int64_t timeout_ms)
{
	struct target_webhook *webhook = mem_alloc(sizeof(*webhook));

	webhook->target.ops = &webhook_ops;
	webhook->loop = loop;
	webhook->client = client;
	webhook->url = mem_copy_text(url);
	webhook->secret = mem_copy_text(secret);
	webhook->timeout_ms = timeout_ms;
	return &webhook->target;
}
