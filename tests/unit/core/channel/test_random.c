#include "core/channel/channel.h"

#include "channel_fixture.h"
#include "core/base/utf8.h"
#include "core/channel/message.h"

#include <criterion/criterion.h>
#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Random hostile texts through every kind: whatever they are, each request is well-formed, within
 * its limit and free of what would be markup. A failure prints the seed; TOCSIN_SEED sets it. */

enum { ROUNDS = 1500, PIECES_MAX = 60 };

static uint64_t state;

static uint32_t draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 33) % below);
}

static const char *const pieces[] = {"a",
				     " ",
				     "\\n",
				     "\\r\\n",
				     "\\u0000",
				     "\\t",
				     "\\u001b[31m",
				     "\\\"",
				     "\\\\",
				     "{",
				     "}",
				     "{title}",
				     "{incident.x}",
				     "<",
				     ">",
				     "<@all>",
				     "<!here>",
				     "<at user_id=all>",
				     "](http://e/)",
				     "![x]",
				     "@all",
				     "中文",
				     "😀",
				     "=?UTF-8?B?",
				     "?=",
				     "Bcc: x@y.z",
				     "\\r\\n.\\r\\n",
				     "%0d%0a",
				     "&x=1",
				     "long long long long long long long long ",
				     "https://example.org/",
				     "\\u2028",
				     "\\u007f"};

static void append_random(struct bytes *out, bool is_long)
{
	uint32_t count = draw(PIECES_MAX) * (is_long && draw(4) == 0 ? 200 : 1);

	bytes_append_char(out, '"');
	for (uint32_t i = 0; i < count; i++)
		bytes_append_text(out, pieces[draw(sizeof(pieces) / sizeof(pieces[0]))]);
	bytes_append_char(out, '"');
}

static void append_row(struct bytes *out)
{
	static const char *const events[] = {"opened", "alert", "notice", "what", ""};
	static const char *const recipients[] = {"+8613800001111", "ou_1", "a@b.c", "U123"};

	bytes_append_format(out, "{\"event\":\"%s\",\"title\":", events[draw(5)]);
	append_random(out, false);
	bytes_append_text(out, ",\"text\":");
	append_random(out, true);
	if (draw(2) == 0)
		bytes_append_format(out, ",\"recipient\":\"%s\"", recipients[draw(4)]);
	bytes_append_text(out, ",\"incident\":{\"number\":3,\"severity\":");
	append_random(out, false);
	bytes_append_text(out, ",\"owner\":");
	append_random(out, false);
	bytes_append_text(out, "}}");
}

static const char *const to[] = {"duty@example.com"};
static const struct channel_settings all[] = {
	{.kind = CHANNEL_DINGTALK, .url = "https://a/b", .secret = "s"},
	{.kind = CHANNEL_DINGTALK, .url = "https://a/b", .is_plain = true, .is_zh = true},
	{.kind = CHANNEL_FEISHU, .url = "https://a/b"},
	{.kind = CHANNEL_FEISHU, .url = "https://a/b", .secret = "s", .is_plain = true},
	{.kind = CHANNEL_WECOM, .url = "https://a/b"},
	{.kind = CHANNEL_SLACK, .url = "https://a/b"},
	{.kind = CHANNEL_MAIL, .url = "smtp://a", .from = "a@b.c", .to = to, .to_count = 1},
	{.kind = CHANNEL_GATEWAY,
	 .url = "https://a/{text}",
	 .method = "POST",
	 .content_type = "application/json",
	 .body = "{\"a\":\"{text}\",\"b\":\"{title}\"}",
	 .to = to,
	 .to_count = 1},
	{.kind = CHANNEL_CONSOLE},
};

static void expect_mail(const struct channel_request *request)
{
	const char *line = request->body.data;
	uint32_t count = 0;

	for (; strncmp(line, "\r\n", 2) != 0; line = strstr(line, "\r\n") + 2) {
		cr_assert(strstr(line, "\r\n"));
		count += line[0] != ' ';
		cr_assert_neq(strncmp(line, "Bcc", 3), 0);
	}
	cr_assert_leq(count, 11);
	cr_assert_eq(strspn(line,
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
			    "\r\n"),
		     strlen(line));
}

static void expect_json(const struct channel_request *request, enum channel_kind kind)
{
	json_t *body = json_loadb(request->body.data, request->body.length, 0, NULL);
	const char *content =
		json_string_value(json_object_get(json_object_get(body, "markdown"), "content"));

	cr_assert(body, "no JSON");
	cr_assert_leq(request->body.length, 20480, "%zu", request->body.length);
	if (kind == CHANNEL_WECOM && content != NULL)
		cr_assert_leq(strlen(content), 4096);
	if (kind == CHANNEL_GATEWAY)
		cr_assert_eq(json_object_size(body), 2);
	json_decref(body);
}

static void check(const struct channel_settings *settings, const struct channel *channel,
		  const struct message_fields *fields)
{
	const struct channel_moment moment = {.id = "row-1", .wall_ms = FIXTURE_WALL_MS};
	struct channel_request request;

	/* What has no address of its own kind is refused, and that is all. */
	if (channel_build(channel, fields, &moment, &request, NULL) != 0)
		return;
	cr_assert(utf8_is_valid(bytes_slice(&request.body)));
	cr_assert_null(strpbrk(request.url != NULL ? request.url : "", "\r\n \"<>"));
	if (settings->kind == CHANNEL_MAIL)
		expect_mail(&request);
	else if (settings->kind != CHANNEL_CONSOLE)
		expect_json(&request, settings->kind);
	if (settings->kind == CHANNEL_SLACK)
		cr_assert_null(strstr(request.body.data, "<!"));
	if (settings->kind == CHANNEL_DINGTALK && !settings->is_plain)
		cr_assert_null(strstr(request.body.data, "](http"));
	if (settings->kind == CHANNEL_FEISHU && settings->is_plain)
		cr_assert_null(strstr(request.body.data, "<at"));
	channel_request_deinit(&request);
}

Test(random, hostile_texts_make_well_formed_requests, .timeout = 60)
{
	enum { KINDS = sizeof(all) / sizeof(all[0]) };
	const char *seed = getenv("TOCSIN_SEED");
	struct channel *channels[KINDS];

	state = seed != NULL ? strtoull(seed, NULL, 10) : 20261122;
	state = state != 0 ? state : 1;
	cr_log_info("TOCSIN_SEED=%llu", (unsigned long long)state);
	for (size_t i = 0; i < KINDS; i++)
		cr_assert_eq(channel_new(&channels[i], &all[i], NULL), 0);
	for (int round = 0; round < ROUNDS; round++) {
		struct bytes row = BYTES_EMPTY;
		struct message_fields *fields;

		append_row(&row);
		fields = message_fields_new(bytes_slice(&row), "row-1");
		for (size_t i = 0; i < KINDS; i++)
			check(&all[i], channels[i], fields);
		message_fields_free(fields);
		bytes_deinit(&row);
	}
	for (size_t i = 0; i < KINDS; i++)
		channel_free(channels[i]);
}
