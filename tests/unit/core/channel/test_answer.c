#include "core/channel/channel.h"

#include "channel_fixture.h"

#include <criterion/criterion.h>

#include <string.h>

static const struct channel_settings dingtalk = {.kind = CHANNEL_DINGTALK, .url = "http://a"};
static const struct channel_settings feishu = {.kind = CHANNEL_FEISHU, .url = "http://a"};
static const struct channel_settings wecom = {.kind = CHANNEL_WECOM, .url = "http://a"};
static const struct channel_settings webhook = {.kind = CHANNEL_SLACK, .url = "http://a"};
static const struct channel_settings slack = {.kind = CHANNEL_SLACK, .token = "t", .room = "C1"};
static const struct channel_settings mail = {
	.kind = CHANNEL_MAIL, .url = "smtp://a", .from = "a@b"};
static const struct channel_settings gateway = {
	.kind = CHANNEL_GATEWAY, .url = "http://a", .method = "POST"};

struct row {
	const struct channel_settings *settings;
	int status;
	const char *body;
	enum channel_end end;
	int64_t wait_ms;
};

static const struct row rows[] = {
	{&dingtalk, 200, "{\"errcode\":0,\"errmsg\":\"ok\"}", CHANNEL_DELIVERED, 0},
	{&dingtalk, 200,
	 "{\"errcode\":130101,\"errmsg\":\"send too fast, exceed 20 times per minute\"}",
	 CHANNEL_RETRY, 600000},
	{&dingtalk, 200, "{\"errcode\":310000,\"errmsg\":\"sign not match\"}", CHANNEL_RETRY, 0},
	{&dingtalk, 200, "{\"errcode\":310000,\"errmsg\":\"keywords not in content\"}",
	 CHANNEL_REFUSED, 0},
	{&dingtalk, 200, "{\"errcode\":310000,\"errmsg\":\"错误描述:关键词不匹配\"}",
	 CHANNEL_REFUSED, 0},
	{&dingtalk, 200, "{\"errcode\":430102,\"errmsg\":\"x\"}", CHANNEL_REFUSED, 0},
	{&dingtalk, 200, "{\"errcode\":987654,\"errmsg\":\"not known\"}", CHANNEL_RETRY, 0},
	{&dingtalk, 200, "<html>a proxy</html>", CHANNEL_RETRY, 0},
	{&dingtalk, 200, "{}", CHANNEL_RETRY, 0},
	{&dingtalk, 200, "", CHANNEL_RETRY, 0},
	{&dingtalk, 502, "", CHANNEL_RETRY, 0},
	{&dingtalk, 404, "", CHANNEL_REFUSED, 0},
	{&feishu, 200,
	 "{\"StatusCode\":0,\"StatusMessage\":\"success\",\"code\":0,\"data\":{},"
	 "\"msg\":\"success\"}",
	 CHANNEL_DELIVERED, 0},
	{&feishu, 200, "{\"code\":11232,\"data\":{},\"msg\":\"frequency limited\"}", CHANNEL_RETRY,
	 60000},
	{&feishu, 400, "{\"code\":9499,\"msg\":\"Bad Request\",\"data\":{}}", CHANNEL_REFUSED, 0},
	{&feishu, 200, "{\"code\":19021,\"msg\":\"sign match fail\"}", CHANNEL_RETRY, 0},
	{&feishu, 200, "{\"code\":19024,\"msg\":\"Key Words Not Found\"}", CHANNEL_REFUSED, 0},
	{&wecom, 200, "{\"errcode\":0,\"errmsg\":\"ok\"}", CHANNEL_DELIVERED, 0},
	{&wecom, 200, "{\"errcode\":45009,\"errmsg\":\"api freq out of limit\"}", CHANNEL_RETRY,
	 60000},
	{&wecom, 200, "{\"errcode\":93000,\"errmsg\":\"invalid webhook url\"}", CHANNEL_RETRY, 0},
	{&wecom, 200, "{\"errcode\":40058,\"errmsg\":\"content exceed max length\"}",
	 CHANNEL_REFUSED, 0},
	{&webhook, 200, "ok", CHANNEL_DELIVERED, 0},
	{&webhook, 400, "invalid_payload", CHANNEL_REFUSED, 0},
	{&webhook, 500, "rollup_error", CHANNEL_RETRY, 0},
	{&slack, 200, "{\"ok\":true,\"channel\":\"C1\",\"ts\":\"1503435956.000247\"}",
	 CHANNEL_DELIVERED, 0},
	{&slack, 200, "{\"ok\":false,\"error\":\"ratelimited\"}", CHANNEL_RETRY, 60000},
	{&slack, 200, "{\"ok\":false,\"error\":\"invalid_auth\"}", CHANNEL_RETRY, 0},
	{&slack, 200, "{\"ok\":false,\"error\":\"no_text\"}", CHANNEL_REFUSED, 0},
	{&mail, 250, "", CHANNEL_DELIVERED, 0},
	{&mail, 451, "", CHANNEL_RETRY, 0},
	{&mail, 535, "", CHANNEL_RETRY, 0},
	{&mail, 550, "", CHANNEL_REFUSED, 0},
	{&gateway, 204, "", CHANNEL_DELIVERED, 0},
	{&gateway, 429, "", CHANNEL_RETRY, 0},
	{&gateway, 400, "", CHANNEL_REFUSED, 0},
};

Test(answer, says_what_becomes_of_the_message)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct channel_verdict verdict =
			fixture_judge(rows[i].settings, rows[i].status, rows[i].body);

		cr_expect_eq(verdict.end, rows[i].end, "row %zu: %d %s", i, rows[i].status,
			     rows[i].body);
		cr_expect_eq(verdict.wait_ms, rows[i].wait_ms, "row %zu", i);
		cr_expect_eq(verdict.error[0] == '\0', rows[i].end == CHANNEL_DELIVERED, "row %zu",
			     i);
	}
}

Test(answer, names_the_code_and_the_words)
{
	struct channel_verdict verdict = fixture_judge(
		&wecom, 200, "{\"errcode\":93000,\"errmsg\":\"invalid webhook url\"}");

	cr_expect_str_eq(verdict.error,
			 "The channel answered with code 93000: invalid webhook url");
}

Test(answer, slack_tells_what_can_be_edited)
{
	struct channel_verdict verdict = fixture_judge(
		&slack, 200, "{\"ok\":true,\"channel\":\"C1\",\"ts\":\"1503435956.000247\"}");

	cr_expect_str_eq(verdict.room, "C1");
	cr_expect_str_eq(verdict.ts, "1503435956.000247");
}

Test(answer, an_edit_of_what_is_gone_is_no_refusal)
{
	const struct channel_reply reply = {
		.status = 200,
		.body = SLICE_LITERAL("{\"ok\":false,\"error\":\"message_not_found\"}"),
		.is_edit = true,
	};
	struct channel *channel = NULL;
	struct channel_verdict verdict;

	cr_assert_eq(channel_new(&channel, &slack, NULL), 0);
	channel_judge(channel, &reply, &verdict);
	cr_expect_eq(verdict.end, CHANNEL_EDIT_GONE);
	channel_free(channel);
}

Test(answer, retry_after_is_kept)
{
	const struct channel_reply reply = {.status = 429, .retry_after_ms = 30000};
	struct channel *channel = NULL;
	struct channel_verdict verdict;

	cr_assert_eq(channel_new(&channel, &webhook, NULL), 0);
	channel_judge(channel, &reply, &verdict);
	cr_expect_eq(verdict.end, CHANNEL_RETRY);
	cr_expect_eq(verdict.wait_ms, 30000);
	channel_free(channel);
}
