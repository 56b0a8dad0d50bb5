#include "channel_fixture.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/channel/message.h"

#include <criterion/criterion.h>
#include <jansson.h>

#include <string.h>

static const struct channel_settings app = {.kind = CHANNEL_FEISHU,
					    .user = "cli_a1",
					    .token = "s3cret",
					    .room = "oc_84983ff6516d731e5b5f68d4ea2e1da5"};
static const char opened[] = "{\"event\":\"opened\",\"title\":\"pay down\",\"text\":\"a\\nb\","
			     "\"incident\":{\"number\":7,\"priority\":\"P1\"}}";

static void build(const char *row, const struct channel_moment *moment, struct channel_request *out)
{
	struct message_fields *fields = message_fields_new(slice_of(row), moment->id);
	struct channel *channel = NULL;
	struct err_note why = {""};

	cr_assert_eq(channel_new(&channel, &app, &why), 0, "%s", why.text);
	cr_assert_eq(channel_build(channel, fields, moment, out, &why), 0, "%s", why.text);
	message_fields_free(fields);
	channel_free(channel);
}

/* open.feishu.cn/document/server-docs/im-v1/message/create: receive_id, msg_type, content, uuid;
 * …/message-card/patch: content alone, a card with update_multi. */
Test(feishu_app, a_new_message_is_a_card_for_the_chat)
{
	const struct channel_moment moment = {.id = "news-7-1", .session = "t-123"};
	struct channel_request request;

	build(opened, &moment, &request);
	cr_expect_str_eq(request.method, "POST");
	cr_expect_str_eq(request.url, "https://open.feishu.cn/open-apis/im/v1/messages"
				      "?receive_id_type=chat_id");
	cr_expect_str_eq(request.headers[0], "Authorization: Bearer t-123");
	cr_expect_str_eq(request.headers[1], "Content-Type: application/json; charset=utf-8");
	cr_expect_str_eq(request.body.data,
			 "{\"receive_id\":\"oc_84983ff6516d731e5b5f68d4ea2e1da5\","
			 "\"msg_type\":\"interactive\",\"content\":\"{\\\"config\\\":{"
			 "\\\"wide_screen_mode\\\":true,\\\"update_multi\\\":true},"
			 "\\\"header\\\":{\\\"template\\\":\\\"red\\\",\\\"title\\\":{"
			 "\\\"tag\\\":\\\"plain_text\\\","
			 "\\\"content\\\":\\\"[P1] Incident #7 opened: pay down\\\"}},"
			 "\\\"elements\\\":[{\\\"tag\\\":\\\"div\\\",\\\"text\\\":{"
			 "\\\"tag\\\":\\\"plain_text\\\",\\\"content\\\":\\\"a\\\\nb\\\"}}]}\","
			 "\"uuid\":\"news-7-1\"}");
	channel_request_deinit(&request);
}

Test(feishu_app, an_edit_patches_the_message)
{
	const struct channel_moment moment = {
		.id = "news-7-2", .session = "t-123", .edit_room = "oc_1", .edit_ts = "om_dc13"};
	static const char card[] = "{\"content\":\"{\\\"config\\\":";
	struct channel_request request;

	build(opened, &moment, &request);
	cr_expect_str_eq(request.method, "PATCH");
	cr_expect(request.is_edit);
	cr_expect_str_eq(request.url, "https://open.feishu.cn/open-apis/im/v1/messages/om_dc13");
	cr_expect_eq(strncmp(request.body.data, card, strlen(card)), 0);
	cr_expect_null(strstr(request.body.data, "receive_id"));
	channel_request_deinit(&request);
}

Test(feishu_app, a_person_is_written_to_directly)
{
	static const struct {
		const char *to, *type;
	} cases[] = {{"ou_1", "open_id"},
		     {"on_1", "union_id"},
		     {"a@b.c", "email"},
		     {"4d7a3c6g", "user_id"},
		     {"oc_9", "chat_id"}};
	const struct channel_moment moment = {.id = "i", .session = "t", .edit_ts = "om_1"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *row = mem_format(
			"{\"event\":\"notice\",\"title\":\"x\",\"recipient\":\"%s\"}", cases[i].to);
		struct channel_request request;

		build(row, &moment, &request);
		cr_expect_not(request.is_edit);
		cr_expect_str_eq(strchr(request.url, '=') + 1, cases[i].type);
		channel_request_deinit(&request);
		mem_free(row);
	}
	cr_expect(channel_is_private(&app, "ou_1"));
	cr_expect_not(channel_is_private(&app, NULL));
}

/** The texts of the card's elements, one after the other; owned. */
static char *texts_of(const char *text, const char *tag)
{
	const struct channel_moment moment = {.id = "i", .session = "t"};
	json_t *row = json_pack("{s:s, s:s, s:s}", "event", "notice", "title", "x", "text", text);
	char *row_text = json_dumps(row, JSON_COMPACT);
	struct channel_request request;
	struct bytes out = BYTES_EMPTY;
	size_t i;
	json_t *one;

	build(row_text, &moment, &request);
	json_t *body = json_loads(request.body.data, 0, NULL);
	json_t *card = json_loads(json_string_value(json_object_get(body, "content")), 0, NULL);
	json_array_foreach(json_object_get(card, "elements"), i, one)
	{
		const json_t *part = json_object_get(one, "text");

		if (strcmp(json_string_value(json_object_get(part, "tag")), tag) == 0)
			bytes_append_format(&out, "%s|",
					    json_string_value(json_object_get(part, "content")));
	}
	json_decref(body);
	json_decref(card);
	json_decref(row);
	free(row_text);
	channel_request_deinit(&request);
	return bytes_take_text(&out);
}

Test(feishu_app, a_link_at_the_end_of_a_line_can_be_clicked_and_nothing_else_is_markup)
{
	static const struct {
		const char *text, *plain, *markup;
	} cases[] = {
		{"a\nb", "a\nb|", ""},
		{"Yes: https://x.y/l?a=1\nb", "b|", "Yes: [https://x.y/l?a=1](https://x.y/l?a=1)|"},
		{"<at id=all></at> https://x.y", "<at id=all></at> https://x.y|", ""},
		{"**x** https://x.y", "**x** https://x.y|", ""},
		{"https://x.y/a) [b](c", "https://x.y/a) [b](c|", ""},
		{"https://x.y/ and more", "https://x.y/ and more|", ""},
		{"[a](b)", "[a](b)|", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *plain = texts_of(cases[i].text, "plain_text");
		char *markup = texts_of(cases[i].text, "lark_md");

		cr_expect_str_eq(plain, cases[i].plain, "%s", plain);
		cr_expect_str_eq(markup, cases[i].markup, "%s", markup);
		mem_free(plain);
		mem_free(markup);
	}
}

Test(feishu_app, a_card_is_at_most_30_kb_and_a_uuid_50_letters)
{
	static const char *const letters[] = {"a", "\\\"", "中", "\\n"};
	char id[200];
	const struct channel_moment moment = {.id = id, .session = "t"};

	memset(id, 'i', sizeof(id));
	id[sizeof(id) - 1] = '\0';
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
		char *row = fixture_long_row(letters[i], 100, 300);
		struct channel_request request;

		build(row, &moment, &request);
		json_t *body = json_loads(request.body.data, 0, NULL);
		const json_t *uuid = json_object_get(body, "uuid");

		cr_expect_leq(json_string_length(json_object_get(body, "content")), 30 * 1024);
		cr_expect_eq(json_string_length(uuid), 32);
		json_decref(body);
		channel_request_deinit(&request);
		mem_free(row);
	}
}

static struct channel_verdict judge(bool is_edit, int status, const char *text)
{
	const struct channel_reply reply = {
		.status = status, .body = slice_of(text), .is_edit = is_edit};
	struct channel_verdict verdict;
	struct channel *channel = NULL;

	cr_assert_eq(channel_new(&channel, &app, NULL), 0);
	channel_judge(channel, &reply, &verdict);
	channel_free(channel);
	return verdict;
}

Test(feishu_app, answers_say_what_becomes_of_the_message)
{
	struct channel_verdict verdict =
		judge(false, 200,
		      "{\"code\":0,\"msg\":\"success\",\"data\":{\"message_id\":\"om_dc13\","
		      "\"chat_id\":\"oc_5ad1\"}}");

	cr_expect_eq(verdict.end, CHANNEL_DELIVERED);
	cr_expect_str_eq(verdict.ts, "om_dc13");
	cr_expect_str_eq(verdict.room, "oc_5ad1");
	verdict = judge(true, 400, "{\"code\":230031,\"msg\":\"14 days\"}");
	cr_expect_eq(verdict.end, CHANNEL_EDIT_GONE);
	verdict = judge(true, 400, "{\"code\":230011,\"msg\":\"The message is recalled.\"}");
	cr_expect_eq(verdict.end, CHANNEL_EDIT_GONE);
	verdict = judge(false, 400, "{\"code\":230001,\"msg\":\"invalid receive_id\"}");
	cr_expect_eq(verdict.end, CHANNEL_RETRY, "a person can mend the site");
	verdict = judge(false, 400, "{\"code\":230020,\"msg\":\"limit\"}");
	cr_expect_eq(verdict.wait_ms, 60000);
	verdict = judge(false, 400, "{\"code\":230099,\"msg\":\"card\"}");
	cr_expect_eq(verdict.end, CHANNEL_REFUSED);
	verdict = judge(false, 400, "{\"code\":99991663,\"msg\":\"token invalid\"}");
	cr_expect_eq(verdict.end, CHANNEL_RETRY);
	cr_expect(verdict.is_session_over);
	verdict = judge(false, 502, "");
	cr_expect_eq(verdict.end, CHANNEL_RETRY);
	cr_expect_not(verdict.is_session_over);
}

Test(feishu_app, the_key_is_asked_for_with_the_secret)
{
	struct channel_request request;
	struct channel_session session = {.for_ms = 0};
	struct channel_verdict verdict;
	struct channel *channel = NULL;
	struct channel_reply reply = {.status = 200};

	cr_assert_eq(channel_new(&channel, &app, NULL), 0);
	cr_assert(channel_build_session(channel, &request));
	cr_expect_str_eq(request.url, "https://open.feishu.cn/open-apis/auth/v3/"
				      "tenant_access_token/internal");
	cr_expect_str_eq(request.body.data, "{\"app_id\":\"cli_a1\",\"app_secret\":\"s3cret\"}");
	channel_request_deinit(&request);
	reply.body = SLICE_LITERAL("{\"code\":0,\"msg\":\"ok\",\"tenant_access_token\":\"t-caec\","
				   "\"expire\":7200}");
	cr_expect(channel_read_session(channel, &reply, &session, &verdict));
	cr_expect_str_eq(session.key, "t-caec");
	cr_expect_eq(session.for_ms, 7140000);
	reply.body = SLICE_LITERAL("{\"code\":10014,\"msg\":\"app secret invalid\"}");
	cr_expect_not(channel_read_session(channel, &reply, &session, &verdict));
	cr_expect_eq(verdict.end, CHANNEL_RETRY);
	cr_expect_not_null(strstr(verdict.error, "10014"));
	reply.body = SLICE_LITERAL("{\"code\":0}");
	cr_expect_not(channel_read_session(channel, &reply, &session, &verdict));
	cr_expect_not_null(strstr(verdict.error, "gave no key"));
	channel_free(channel);
}
