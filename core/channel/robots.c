#include "core/channel/channel_internal.h"

#include "core/base/mem.h"
#include "core/channel/message.h"
#include "core/channel/sign.h"

#include <inttypes.h>
#include <string.h>

/* The robots of DingTalk, Feishu and WeCom. Limits are of the content; where the vendor counts the
 * whole body, they leave room for every letter to be escaped. */

enum {
	DINGTALK_TEXT_MAX = 9000, /* of a body of 20,000 */
	FEISHU_TEXT_MAX = 8000,   /* of a body of 20 KB, with FEISHU_LINES_MAX tags */
	FEISHU_LINES_MAX = 60,
	WECOM_MARKDOWN_MAX = 4096,
	WECOM_TEXT_MAX = 2048,
	TITLE_MAX = 500,
	MENTION_MAX = 128,
};

static const char json_content[] = "application/json";

static json_t *text_json(const struct bytes *text)
{
	json_t *json = json_stringn(text->length > 0 ? text->data : "", text->length);

	return json != NULL ? json : json_string("?");
}

static json_t *one_of(const char *key, json_t *value)
{
	json_t *object = json_object();

	json_object_set_new(object, key, value);
	return object;
}

static size_t limit_of(const struct channel *channel, size_t own)
{
	uint32_t wanted = channel_settings(channel)->text_max;

	return wanted > 0 && wanted < own ? wanted : own;
}

/** "+86 138…" is "138…" for the robots; NULL: not a number of a telephone. */
static const char *mobile_of(const char *recipient)
{
	if (strncmp(recipient, "+86", 3) == 0)
		return recipient + 3 + strspn(recipient + 3, " -");
	if (recipient[0] == '+' || (recipient[0] >= '0' && recipient[0] <= '9'))
		return recipient;
	return NULL;
}

/* ---- DingTalk ---- */

static char *dingtalk_url(const struct channel_settings *settings, int64_t wall_ms)
{
	char signature[SIGN_TEXT_BYTES_MAX];
	struct bytes url = BYTES_EMPTY;

	bytes_append_text(&url, settings->url);
	if (settings->secret != NULL) {
		sign_dingtalk(settings->secret, wall_ms, signature);
		bytes_append_format(&url, "%ctimestamp=%" PRId64 "&sign=",
				    strchr(settings->url, '?') != NULL ? '&' : '?', wall_ms);
		sign_append_percent(&url, slice_of(signature));
	}
	return bytes_take_text(&url);
}

/** The mention stands in the text as well: without it DingTalk shows none. */
static json_t *dingtalk_at(const char *recipient, struct bytes *text)
{
	const char *mobile = mobile_of(recipient);
	json_t *at = json_object(), *list = json_array();

	bytes_append_format(text, "@%.*s", MENTION_MAX, mobile != NULL ? mobile : recipient);
	json_array_append_new(list, json_string(mobile != NULL ? mobile : recipient));
	json_object_set_new(at, mobile != NULL ? "atMobiles" : "atUserIds", list);
	json_object_set_new(at, "isAtAll", json_false());
	return at;
}

static bool dingtalk_markdown(const struct composed *composed, size_t limit, struct bytes *text)
{
	static const struct line_style paragraphs = {"\n\n", "\n\n"};

	bytes_append_text(text, "#### ");
	append_cut(text, bytes_slice(&composed->title), TITLE_MAX);
	return append_lines(text, bytes_slice(&composed->text), paragraphs, limit - text->length);
}

int build_dingtalk(const struct channel *channel, const struct message_fields *fields,
		   const struct channel_moment *moment, struct channel_request *out,
		   struct err_note *why)
{
	const struct channel_settings *settings = channel_settings(channel);
	const char *recipient = message_field(fields, "recipient");
	size_t limit = limit_of(channel, DINGTALK_TEXT_MAX) + TITLE_MAX;
	bool is_plain = settings->is_plain;
	json_t *body = json_object(), *content = json_object(), *at = NULL;
	struct composed composed;
	struct bytes text = BYTES_EMPTY;

	(void)why;
	compose(channel, fields, false, is_plain ? escape_none : escape_markdown, &composed);
	if (!is_plain && !dingtalk_markdown(&composed, limit, &text)) {
		is_plain = true;
		bytes_clear(&text);
	}
	if (is_plain)
		append_plain(&text, &composed, limit - TITLE_MAX);
	if (recipient[0] != '\0') {
		if (!is_plain)
			bytes_append_text(&text, "\n\n");
		at = dingtalk_at(recipient, &text);
	}
	if (!is_plain) {
		struct bytes title = BYTES_EMPTY;

		append_cut(&title, bytes_slice(&composed.title), TITLE_MAX);
		json_object_set_new(content, "title", text_json(&title));
		bytes_deinit(&title);
	}
	json_object_set_new(content, is_plain ? "content" : "text", text_json(&text));
	json_object_set_new(body, "msgtype", json_string(is_plain ? "text" : "markdown"));
	json_object_set_new(body, is_plain ? "text" : "markdown", content);
	if (at != NULL)
		json_object_set_new(body, "at", at);
	out->url = dingtalk_url(settings, moment->wall_ms);
	request_json(out, body, json_content);
	bytes_deinit(&text);
	composed_deinit(&composed);
	return 0;
}

/* ---- Feishu ---- */

static json_t *feishu_tag(struct slice line)
{
	char *text = mem_copy_bytes(line.data, line.length);
	bool is_url = strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;
	json_t *tag = json_object();

	json_object_set_new(tag, "tag", json_string(is_url ? "a" : "text"));
	json_object_set_new(tag, "text", json_string(text));
	if (is_url)
		json_object_set_new(tag, "href", json_string(text));
	mem_free(text);
	return tag;
}

static json_t *paragraph(json_t *tag)
{
	json_t *list = json_array();

	json_array_append_new(list, tag);
	return list;
}

static json_t *feishu_paragraphs(struct slice text, const char *recipient)
{
	json_t *paragraphs = json_array();
	size_t at = 0, count = 0;

	while (at < text.length && count < FEISHU_LINES_MAX) {
		const char *end = memchr(text.data + at, '\n', text.length - at);
		size_t length = end != NULL ? (size_t)(end - text.data) - at : text.length - at;

		json_array_append_new(
			paragraphs, paragraph(feishu_tag((struct slice){text.data + at, length})));
		at += length + 1;
		count++;
	}
	if (at < text.length)
		json_array_append_new(paragraphs, paragraph(feishu_tag(SLICE_LITERAL("…"))));
	if (recipient[0] != '\0') {
		json_t *tag = json_object();

		json_object_set_new(tag, "tag", json_string("at"));
		json_object_set_new(tag, "user_id", json_string(recipient));
		json_array_append_new(paragraphs, paragraph(tag));
	}
	return paragraphs;
}

/** NULL: too long for a post. */
static json_t *feishu_post(const struct composed *composed, const char *recipient, size_t limit)
{
	static const struct line_style lines = {"", "\n"};
	struct bytes title = BYTES_EMPTY, text = BYTES_EMPTY;
	json_t *post = NULL;

	append_cut(&title, bytes_slice(&composed->title), TITLE_MAX);
	if (append_lines(&text, bytes_slice(&composed->text), lines, limit)) {
		post = one_of("title", text_json(&title));
		json_object_set_new(post, "content",
				    feishu_paragraphs(bytes_slice(&text), recipient));
		post = one_of("post", one_of("zh_cn", post));
	}
	bytes_deinit(&title);
	bytes_deinit(&text);
	return post;
}

int build_feishu(const struct channel *channel, const struct message_fields *fields,
		 const struct channel_moment *moment, struct channel_request *out,
		 struct err_note *why)
{
	const struct channel_settings *settings = channel_settings(channel);
	const char *recipient = message_field(fields, "recipient");
	size_t limit = limit_of(channel, FEISHU_TEXT_MAX);
	json_t *body, *content = NULL;
	struct composed composed;

	(void)why;
	if (settings->token != NULL) {
		build_feishu_app(channel, fields, moment, out);
		return 0;
	}
	body = json_object();
	/* A text message reads <at …> tags; the texts of a post do not. */
	compose(channel, fields, false, settings->is_plain ? escape_markdown : escape_none,
		&composed);
	if (settings->secret != NULL) {
		char signature[SIGN_TEXT_BYTES_MAX];
		char *seconds = mem_format("%" PRId64, moment->wall_ms / 1000);

		sign_feishu(settings->secret, moment->wall_ms / 1000, signature);
		json_object_set_new(body, "timestamp", json_string(seconds));
		json_object_set_new(body, "sign", json_string(signature));
		mem_free(seconds);
	}
	if (!settings->is_plain)
		content = feishu_post(&composed, recipient, limit);
	json_object_set_new(body, "msg_type", json_string(content != NULL ? "post" : "text"));
	if (content == NULL) {
		struct bytes text = BYTES_EMPTY;

		composed_deinit(&composed);
		compose(channel, fields, false, escape_markdown, &composed);
		append_plain(&text, &composed, limit);
		content = one_of("text", text_json(&text));
		bytes_deinit(&text);
	}
	json_object_set_new(body, "content", content);
	out->url = mem_copy_text(settings->url);
	request_json(out, body, json_content);
	composed_deinit(&composed);
	return 0;
}

/* ---- WeCom ---- */

static bool wecom_markdown(const struct composed *composed, const char *recipient, size_t limit,
			   struct bytes *text)
{
	static const struct line_style quoted = {"\n>", "\n>"};
	char *mention = recipient[0] != '\0' ? mem_format("\n<@%.*s>", MENTION_MAX, recipient)
					     : mem_copy_text("");
	bool has_room;

	bytes_append_text(text, "**");
	append_cut(text, bytes_slice(&composed->title), TITLE_MAX);
	bytes_append_text(text, "**");
	has_room = text->length + strlen(mention) < limit &&
		   append_lines(text, bytes_slice(&composed->text), quoted,
				limit - text->length - strlen(mention));
	bytes_append_text(text, mention);
	mem_free(mention);
	return has_room;
}

int build_wecom(const struct channel *channel, const struct message_fields *fields,
		const struct channel_moment *moment, struct channel_request *out,
		struct err_note *why)
{
	const struct channel_settings *settings = channel_settings(channel);
	const char *recipient = message_field(fields, "recipient");
	const char *mobile = mobile_of(recipient);
	/* Markdown cannot mention a number. */
	bool is_plain = settings->is_plain || mobile != NULL;
	json_t *body = json_object(), *content;
	struct composed composed;
	struct bytes text = BYTES_EMPTY;

	(void)moment;
	(void)why;
	compose(channel, fields, false, is_plain ? escape_none : escape_markdown, &composed);
	if (!is_plain &&
	    !wecom_markdown(&composed, recipient, limit_of(channel, WECOM_MARKDOWN_MAX), &text)) {
		is_plain = true;
		bytes_clear(&text);
	}
	if (is_plain)
		append_plain(&text, &composed, limit_of(channel, WECOM_TEXT_MAX));
	content = one_of("content", text_json(&text));
	if (is_plain && recipient[0] != '\0')
		json_object_set_new(content,
				    mobile != NULL ? "mentioned_mobile_list" : "mentioned_list",
				    paragraph(json_string(mobile != NULL ? mobile : recipient)));
	json_object_set_new(body, "msgtype", json_string(is_plain ? "text" : "markdown"));
	json_object_set_new(body, is_plain ? "text" : "markdown", content);
	out->url = mem_copy_text(settings->url);
	request_json(out, body, json_content);
	bytes_deinit(&text);
	composed_deinit(&composed);
	return 0;
}
