#include "core/channel/channel.h"

#include "channel_fixture.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/channel/message.h"

#include <criterion/criterion.h>
#include <jansson.h>

#include <string.h>

#define BARE .templates = &bare_template, .template_count = 1, .is_plain = true

/** The examples of the vendors are a text and nothing else. */
static const struct channel_pair bare_template = {"notice", "{text}"};

static const struct channel_settings dingtalk = {
	.kind = CHANNEL_DINGTALK,
	.url = "https://oapi.dingtalk.com/robot/send?access_token=XXXXXX"};
static const struct channel_settings feishu = {
	.kind = CHANNEL_FEISHU, .url = "https://open.feishu.cn/open-apis/bot/v2/hook/xxxx"};
static const struct channel_settings wecom = {
	.kind = CHANNEL_WECOM,
	.url = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=693a91f6"};
static const struct channel_settings slack = {
	.kind = CHANNEL_SLACK, .url = "https://hooks.slack.com/services/T00000000/B00000000/XXXX"};

/* ---- as documented (pages: channel.h); spaces between tokens left out ---- */

Test(channel, dingtalk_text_is_as_documented)
{
	const struct channel_settings settings = {
		.kind = CHANNEL_DINGTALK, .url = dingtalk.url, BARE};

	fixture_expect_body(
		&settings, "{\"event\":\"notice\",\"text\":\"我就是我, 是不一样的烟火\"}",
		"{\"msgtype\":\"text\",\"text\":{\"content\":\"我就是我, 是不一样的烟火\"}}");
	fixture_expect_body(&settings,
			    "{\"event\":\"notice\",\"text\":\"我就是我, 是不一样的烟火\","
			    "\"recipient\":\"156xxxx8827\"}",
			    "{\"msgtype\":\"text\",\"text\":{\"content\":"
			    "\"我就是我, 是不一样的烟火@156xxxx8827\"},"
			    "\"at\":{\"atMobiles\":[\"156xxxx8827\"],\"isAtAll\":false}}");
}

Test(channel, dingtalk_signature_stands_in_the_query)
{
	struct channel_settings settings = dingtalk;
	struct channel_request request;

	settings.secret = "this is secret";
	fixture_build(&settings, "{\"event\":\"notice\",\"text\":\"a\"}", &request);
	/* The signature: Python's hmac, base64 and quote (test_sign.c). */
	cr_expect_str_eq(request.url, "https://oapi.dingtalk.com/robot/send?access_token=XXXXXX"
				      "&timestamp=1577262236757"
				      "&sign=hmPWwU%2B7lVdm3ZZz0r9tSfx0L4Q26jWOZr9%2BGs6EZQM%3D");
	cr_expect_str_eq(request.headers[0], "Content-Type: application/json");
	channel_request_deinit(&request);
}

Test(channel, feishu_text_and_signature_are_as_documented)
{
	struct channel_settings settings = {.kind = CHANNEL_FEISHU, .url = feishu.url, BARE};

	fixture_expect_body(&settings, "{\"event\":\"notice\",\"text\":\"request example\"}",
			    "{\"msg_type\":\"text\",\"content\":{\"text\":\"request example\"}}");
	settings.secret = "demo";
	/* hmac.new(b"1577262236\ndemo", b"", sha256) by Python. */
	fixture_expect_body(&settings, "{\"event\":\"notice\",\"text\":\"request example\"}",
			    "{\"timestamp\":\"1577262236\","
			    "\"sign\":\"NhEUcImkhzrPPAz/8BTpTROjbUbL6U5AmjY55fe0tgI=\","
			    "\"msg_type\":\"text\",\"content\":{\"text\":\"request example\"}}");
}

Test(channel, feishu_post_is_as_documented)
{
	fixture_expect_body(
		&feishu,
		"{\"event\":\"notice\",\"title\":\"项目更新通知\",\"text\":\"项目有更新: \","
		"\"url\":\"http://www.example.com/\",\"recipient\":\"ou_18eac8\"}",
		"{\"msg_type\":\"post\",\"content\":{\"post\":{\"zh_cn\":{"
		"\"title\":\"项目更新通知\",\"content\":["
		"[{\"tag\":\"text\",\"text\":\"项目有更新: \"}],"
		"[{\"tag\":\"a\",\"text\":\"http://www.example.com/\","
		"\"href\":\"http://www.example.com/\"}],"
		"[{\"tag\":\"at\",\"user_id\":\"ou_18eac8\"}]]}}}}");
}

Test(channel, wecom_text_is_as_documented)
{
	const struct channel_settings settings = {.kind = CHANNEL_WECOM, .url = wecom.url, BARE};

	fixture_expect_body(&settings, "{\"event\":\"notice\",\"text\":\"hello world\"}",
			    "{\"msgtype\":\"text\",\"text\":{\"content\":\"hello world\"}}");
	fixture_expect_body(&settings,
			    "{\"event\":\"notice\",\"text\":\"广州今日天气：29度\","
			    "\"recipient\":\"+86 13800001111\"}",
			    "{\"msgtype\":\"text\",\"text\":{\"content\":\"广州今日天气：29度\","
			    "\"mentioned_mobile_list\":[\"13800001111\"]}}");
	fixture_expect_body(&settings,
			    "{\"event\":\"notice\",\"text\":\"a\",\"recipient\":\"wangqing\"}",
			    "{\"msgtype\":\"text\",\"text\":{\"content\":\"a\","
			    "\"mentioned_list\":[\"wangqing\"]}}");
}

Test(channel, slack_bodies_are_as_documented)
{
	struct channel_settings settings = {.kind = CHANNEL_SLACK, .url = slack.url, BARE};
	struct channel_moment moment = {.id = "row-1", .wall_ms = FIXTURE_WALL_MS};
	struct message_fields *fields;
	struct channel *channel = NULL;
	struct channel_request request;

	fixture_expect_body(&settings, "{\"event\":\"notice\",\"text\":\"Hello, world.\"}",
			    "{\"text\":\"Hello, world.\"}");
	settings.url = NULL;
	settings.token = "xoxb-1";
	settings.room = "C123ABC456";
	fixture_expect_body(&settings, "{\"event\":\"notice\",\"text\":\"Hello world\"}",
			    "{\"channel\":\"C123ABC456\",\"text\":\"Hello world\"}");
	moment.edit_room = "C123ABC456";
	moment.edit_ts = "1401383885.000061";
	fields = message_fields_new(
		SLICE_LITERAL("{\"event\":\"notice\",\"text\":\"Updated text\"}"), "row-1");
	cr_assert_eq(channel_new(&channel, &settings, NULL), 0);
	cr_assert_eq(channel_build(channel, fields, &moment, &request, NULL), 0);
	cr_expect_str_eq(request.url, "https://slack.com/api/chat.update");
	cr_expect_str_eq(request.headers[0], "Authorization: Bearer xoxb-1");
	cr_expect_str_eq(request.body.data,
			 "{\"channel\":\"C123ABC456\",\"ts\":\"1401383885.000061\","
			 "\"text\":\"Updated text\"}");
	cr_expect(request.is_edit);
	channel_request_deinit(&request);
	message_fields_free(fields);
	channel_free(channel);
}

/* ---- lengths ---- */

static const char *content_of(const struct channel_request *request, char *type, size_t type_bytes,
			      json_t **body)
{
	*body = json_loadb(request->body.data, request->body.length, 0, NULL);
	cr_assert(*body, "not JSON");
	snprintf(type, type_bytes, "%s", json_string_value(json_object_get(*body, "msgtype")));
	const json_t *content = json_object_get(*body, type);
	const char *text = json_string_value(json_object_get(content, "content"));

	return text ? text : json_string_value(json_object_get(content, "text"));
}

static void expect_within(const struct channel_settings *settings, const char *row,
			  const char *type, size_t content_max, size_t body_max)
{
	struct channel_request request;
	char found[32];
	json_t *body;

	fixture_build(settings, row, &request);
	const char *content = content_of(&request, found, sizeof(found), &body);

	cr_expect_str_eq(found, type);
	cr_expect_leq(strlen(content), content_max, "%zu", strlen(content));
	cr_expect_geq(strlen(content), content_max * 3 / 4, "%zu of %zu", strlen(content),
		      content_max);
	cr_expect_leq(request.body.length, body_max);
	cr_expect_str_eq(content + strlen(content) - strlen("…"), "…");
	cr_expect(utf8_is_valid(bytes_slice(&request.body)));
	json_decref(body);
	channel_request_deinit(&request);
}

Test(channel, long_texts_lose_whole_lines_and_stay_within_the_limits)
{
	char *lines = fixture_long_row("中", 20, 2000);
	char *quotes = fixture_long_row("\\\"", 50, 2000);

	expect_within(&wecom, lines, "markdown", 4096, 20000);
	expect_within(&dingtalk, lines, "markdown", 9500, 20000);
	expect_within(&dingtalk, quotes, "markdown", 9500, 20000);
	mem_free(lines);
	mem_free(quotes);
}

Test(channel, a_line_that_is_too_long_is_sent_as_plain_text)
{
	char *line = fixture_long_row("中", 20000, 1);

	expect_within(&wecom, line, "text", 2048, 20000);
	expect_within(&dingtalk, line, "text", 9000, 20000);
	mem_free(line);
}

Test(channel, feishu_body_is_at_most_20_kb)
{
	static const struct {
		const char *letter;
		uint32_t length, count;
	} texts[] = {{"\\\"", 3, 5000}, {"中", 20000, 1}, {"\\\"", 20000, 1}, {"a", 0, 5000}};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *row = fixture_long_row(texts[i].letter, texts[i].length, texts[i].count);
		struct channel_request request;

		fixture_build(&feishu, row, &request);
		cr_expect_leq(request.body.length, 20480, "text %zu: %zu", i, request.body.length);
		cr_expect(utf8_is_valid(bytes_slice(&request.body)));
		channel_request_deinit(&request);
		mem_free(row);
	}
}

/* ---- texts from outside ---- */

static void expect_without(const struct channel_settings *settings, const char *row,
			   const char *forbidden)
{
	struct channel_request request;

	fixture_build(settings, row, &request);
	cr_expect_null(strstr(request.body.data, forbidden), "%s", request.body.data);
	channel_request_deinit(&request);
}

Test(channel, a_text_from_outside_mentions_nobody_and_shows_no_link)
{
	struct channel_settings plain = feishu;

	expect_without(&slack, "{\"event\":\"notice\",\"title\":\"a <!channel> b\"}", "<!channel>");
	expect_without(&wecom, "{\"event\":\"notice\",\"title\":\"a <@all> b\"}", "<@all>");
	expect_without(&dingtalk, "{\"event\":\"notice\",\"title\":\"![x](http://evil/)\"}", "](");
	expect_without(&dingtalk, "{\"event\":\"notice\",\"title\":\"<img src=x>\"}", "<img");
	plain.is_plain = true;
	expect_without(&plain, "{\"event\":\"notice\",\"text\":\"<at user_id=\\\"all\\\">x</at>\"}",
		       "<at");
}

/* ---- gateway ---- */

static const struct channel_pair gateway_header = {"X-Key", "k"};

static struct channel_settings gateway(const char *content_type, const char *body)
{
	return (struct channel_settings){
		.kind = CHANNEL_GATEWAY,
		.url = "https://gw.example.com/send?to={recipient}",
		.method = "POST",
		.content_type = content_type,
		.body = body,
		.headers = &gateway_header,
		.header_count = 1,
	};
}

static const char hostile_row[] =
	"{\"event\":\"notice\",\"title\":\"a\\\",\\\"to\\\":\\\"evil\",\"text\":\"l1\\nl2&x=1\","
	"\"recipient\":\"+8613800001111\"}";

Test(channel, gateway_escapes_values_for_the_type_of_its_body)
{
	struct channel_settings settings =
		gateway("application/json", "{\"to\":\"{recipient}\",\"text\":\"{text}\"}");
	struct channel_request request;

	fixture_build(&settings, hostile_row, &request);
	cr_expect_str_eq(request.body.data, "{\"to\":\"+8613800001111\","
					    "\"text\":\"a\\\",\\\"to\\\":\\\"evil l1 l2&x=1\"}");
	cr_expect_str_eq(request.url, "https://gw.example.com/send?to=%2B8613800001111");
	cr_expect_str_eq(request.headers[1], "Idempotency-Key: row-1");
	cr_expect_str_eq(request.headers[2], "X-Key: k");
	channel_request_deinit(&request);

	settings = gateway("application/x-www-form-urlencoded", "to={recipient}&text={text}");
	fixture_expect_body(&settings, hostile_row,
			    "to=%2B8613800001111&text=a%22%2C%22to%22%3A%22evil%20l1%20l2%26x%3D1");
}

Test(channel, gateway_cuts_at_letters)
{
	struct channel_settings settings = gateway("text/plain", "{text}");
	char *row = fixture_long_row("中", 1000, 1);
	const char *const to[] = {"1"};
	struct channel_request request;
	size_t letters = 0;

	settings.to = to;
	settings.to_count = 1;
	fixture_build(&settings, row, &request);
	for (size_t at = 0; at < request.body.length; letters++)
		at += utf8_length(request.body.data + at, request.body.length - at);
	cr_expect_eq(letters, 300, "%zu", letters);
	channel_request_deinit(&request);
	mem_free(row);
}

Test(channel, gateway_without_a_recipient_is_refused)
{
	struct channel_settings settings = gateway("text/plain", "{text}");
	const struct channel_moment moment = {.id = "row-1"};
	struct message_fields *fields =
		message_fields_new(SLICE_LITERAL("{\"event\":\"notice\",\"text\":\"a\"}"), NULL);
	struct channel *channel = NULL;
	struct channel_request request;
	struct err_note why = {""};

	cr_assert_eq(channel_new(&channel, &settings, NULL), 0);
	cr_expect_eq(channel_build(channel, fields, &moment, &request, &why), ERR_INVALID);
	cr_expect_str_eq(why.text, "The message names no recipient, and the output has no \"to\".");
	message_fields_free(fields);
	channel_free(channel);
}

/* ---- settings ---- */

Test(channel, is_the_same_only_when_every_setting_is)
{
	struct channel_settings other = dingtalk;
	struct channel *a = NULL, *b = NULL;

	cr_assert_eq(channel_new(&a, &dingtalk, NULL), 0);
	cr_assert_eq(channel_new(&b, &other, NULL), 0);
	cr_expect(channel_is_same(a, b));
	channel_free(b);
	other.secret = "k";
	cr_assert_eq(channel_new(&b, &other, NULL), 0);
	cr_expect_not(channel_is_same(a, b));
	channel_free(b);
	channel_free(a);
}

Test(channel, a_url_from_the_environment_must_be_one)
{
	struct channel_settings settings = dingtalk;
	struct channel *channel = NULL;
	struct err_note why = {""};

	settings.url = "env:TOCSIN_TEST_URL";
	unsetenv("TOCSIN_TEST_URL");
	cr_expect_eq(channel_new(&channel, &settings, &why), ERR_NOT_FOUND);
	setenv("TOCSIN_TEST_URL", "ftp://x", 1);
	cr_expect_eq(channel_new(&channel, &settings, &why), ERR_INVALID);
	setenv("TOCSIN_TEST_URL", "https://oapi.dingtalk.com/x", 1);
	cr_assert_eq(channel_new(&channel, &settings, &why), 0, "%s", why.text);
	cr_expect_str_eq(channel_settings(channel)->url, "https://oapi.dingtalk.com/x");
	channel_free(channel);
}

Test(channel, what_is_printed_shows_no_key)
{
	static const char *const keys[] = {"XXXX", "693a91f6", "xxxx", "sEcReT"};
	const struct channel_settings all[] = {dingtalk, wecom, feishu, slack};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct channel_settings settings = all[i];
		struct channel_request request;
		struct channel *channel = NULL;
		struct bytes text = BYTES_EMPTY;

		settings.secret = "sEcReT";
		cr_assert_eq(channel_new(&channel, &settings, NULL), 0);
		fixture_build(&settings, "{\"event\":\"notice\",\"text\":\"a\"}", &request);
		channel_request_print(channel, &request, &text);
		cr_expect_not_null(strstr(text.data, "***"), "%s", text.data);
		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			cr_expect_null(strstr(text.data, keys[k]), "%s", text.data);
		bytes_deinit(&text);
		channel_request_deinit(&request);
		channel_free(channel);
	}
}
