#include "core/channel/channel_internal.h"

#include "core/base/mem.h"
#include "core/channel/message.h"
#include "core/channel/sign.h"

#include <stdio.h>
#include <string.h>

/* An app of Feishu: its messages are cards, which can be updated as often as one likes.
 *
 *  POST  auth/v3/tenant_access_token/internal     the key of the next two hours
 *  POST  im/v1/messages?receive_id_type=…         a new one; `uuid`: the same for an hour is one
 *  PATCH im/v1/messages/:message_id               within 14 days; the card must say update_multi
 *
 *  A card's plain_text knows no markup, so texts from outside stay texts. */

enum { TEXT_MAX = 8000, TITLE_MAX = 500, UUID_MAX = 50, SESSION_MARGIN_S = 60 };

static const char api[] = "https://open.feishu.cn";
static const char json_content[] = "application/json; charset=utf-8";

static const char *base_of(const struct channel_settings *settings)
{
	return settings->url != NULL ? settings->url : api;
}

/** What an id is, by its form; anything else is a user_id. */
static const char *type_of(const char *id)
{
	if (strncmp(id, "oc_", 3) == 0)
		return "chat_id";
	if (strncmp(id, "ou_", 3) == 0)
		return "open_id";
	if (strncmp(id, "on_", 3) == 0)
		return "union_id";
	return strchr(id, '@') != NULL ? "email" : "user_id";
}

static json_t *text_of(struct slice text)
{
	json_t *json = json_stringn(text.length > 0 ? text.data : "", text.length);

	return json != NULL ? json : json_string("?");
}

static json_t *plain_text(struct slice text)
{
	return json_pack("{s:s, s:o}", "tag", "plain_text", "content", text_of(text));
}

static json_t *division(json_t *text)
{
	return json_pack("{s:s, s:o}", "tag", "div", "text", text);
}

static const char *color_of(const char *event)
{
	static const struct {
		const char *event, *color;
	} colors[] = {
		{"opened", "red"},       {"reopened", "red"},    {"raised", "red"},
		{"unacked", "red"},      {"escalated", "red"},   {"candidate", "orange"},
		{"acked", "orange"},     {"handling", "orange"}, {"ask", "orange"},
		{"mitigated", "yellow"}, {"resolved", "green"},  {"closed", "grey"},
		{"cancelled", "grey"},   {"merged", "grey"},
	};

	for (size_t i = 0; i < sizeof(colors) / sizeof(colors[0]); i++)
		if (strcmp(colors[i].event, event) == 0)
			return colors[i].color;
	return "blue";
}

/** Where a link begins that ends with its line; NULL: nothing in it may be markup. */
static const char *link_in(struct slice line, const char *line_end)
{
	const char *at = memmem(line.data, line.length, "http", 4);

	if (at == NULL || (strncmp(at, "http://", 7) != 0 && strncmp(at, "https://", 8) != 0))
		return NULL;
	for (const char *c = at; c < line_end; c++)
		if ((unsigned char)*c <= ' ' || strchr("()[]<>*`\\\"", *c) != NULL)
			return NULL;
	for (const char *c = line.data; c < at; c++)
		if (strchr("()[]<>*`\\_~#!", *c) != NULL)
			return NULL;
	return at;
}

static json_t *link_line(struct slice line, const char *link)
{
	struct bytes text = BYTES_EMPTY;
	int length = (int)(line.data + line.length - link);
	json_t *json;

	bytes_append(&text, line.data, (size_t)(link - line.data));
	bytes_append_format(&text, "[%.*s](%.*s)", length, link, length, link);
	json = json_pack("{s:s, s:o}", "tag", "lark_md", "content", text_of(bytes_slice(&text)));
	bytes_deinit(&text);
	return json;
}

static void end_block(json_t *elements, struct bytes *block)
{
	if (block->length > 0)
		json_array_append_new(elements, division(plain_text(bytes_slice(block))));
	bytes_clear(block);
}

/** Lines as one block of plain text, links as lines of their own that can be clicked. */
static json_t *elements_of(struct slice text)
{
	json_t *elements = json_array();
	struct bytes block = BYTES_EMPTY;
	size_t at = 0;

	while (at < text.length) {
		const char *end = memchr(text.data + at, '\n', text.length - at);
		size_t length = end != NULL ? (size_t)(end - text.data) - at : text.length - at;
		struct slice line = {text.data + at, length};
		const char *link = link_in(line, line.data + length);

		if (link != NULL) {
			end_block(elements, &block);
			json_array_append_new(elements, division(link_line(line, link)));
		} else {
			if (block.length > 0)
				bytes_append_char(&block, '\n');
			bytes_append_slice(&block, line);
		}
		at += length + 1;
	}
	end_block(elements, &block);
	bytes_deinit(&block);
	return elements;
}

static char *card_of(const struct channel *channel, const struct message_fields *fields)
{
	static const struct line_style lines = {"", "\n"};
	uint32_t wanted = channel_settings(channel)->text_max;
	size_t limit = wanted > 0 && wanted < TEXT_MAX ? wanted : TEXT_MAX;
	struct bytes title = BYTES_EMPTY, text = BYTES_EMPTY;
	struct composed composed;
	json_t *card;
	char *json;

	compose(channel, fields, false, escape_none, &composed);
	append_cut(&title, bytes_slice(&composed.title), TITLE_MAX);
	if (!append_lines(&text, bytes_slice(&composed.text), lines, limit))
		append_cut(&text, bytes_slice(&composed.text), limit);
	card = json_pack("{s:{s:b, s:b}, s:{s:s, s:o}, s:o}", "config", "wide_screen_mode", 1,
			 "update_multi", 1, "header", "template",
			 color_of(message_field(fields, "event")), "title",
			 plain_text(bytes_slice(&title)), "elements",
			 elements_of(bytes_slice(&text)));
	json = json_dumps(card, JSON_COMPACT);
	json_decref(card);
	bytes_deinit(&title);
	bytes_deinit(&text);
	composed_deinit(&composed);
	return json;
}

/** At most 50 letters, the same for the same row. */
static char *uuid_of(const char *id)
{
	unsigned char mac[SIGN_MAC_BYTES];
	struct bytes text = BYTES_EMPTY;

	if (strlen(id) <= UUID_MAX)
		return mem_copy_text(id);
	sign_mac(id, SLICE_LITERAL("uuid"), mac);
	for (size_t i = 0; i < SIGN_MAC_BYTES / 2; i++)
		bytes_append_format(&text, "%02x", mac[i]);
	return bytes_take_text(&text);
}

void build_feishu_app(const struct channel *channel, const struct message_fields *fields,
		      const struct channel_moment *moment, struct channel_request *out)
{
	const struct channel_settings *settings = channel_settings(channel);
	const char *recipient = message_field(fields, "recipient");
	const char *to = recipient[0] != '\0' ? recipient : settings->room;
	char *card = card_of(channel, fields);
	json_t *body;

	out->is_edit = moment->edit_ts != NULL && recipient[0] == '\0';
	request_header(out, mem_format("Authorization: Bearer %s",
				       moment->session != NULL ? moment->session : ""));
	if (out->is_edit) {
		out->url = mem_format("%s/open-apis/im/v1/messages/%s", base_of(settings),
				      moment->edit_ts);
		body = json_pack("{s:s}", "content", card);
	} else {
		char *uuid = uuid_of(moment->id);

		out->url = mem_format("%s/open-apis/im/v1/messages?receive_id_type=%s",
				      base_of(settings), type_of(to));
		body = json_pack("{s:s, s:s, s:s, s:s}", "receive_id", to, "msg_type",
				 "interactive", "content", card, "uuid", uuid);
		mem_free(uuid);
	}
	request_json(out, body != NULL ? body : json_object(), json_content);
	if (out->is_edit)
		out->method = "PATCH";
	free(card);
}

void build_feishu_session(const struct channel *channel, struct channel_request *out)
{
	const struct channel_settings *settings = channel_settings(channel);

	out->url =
		mem_format("%s/open-apis/auth/v3/tenant_access_token/internal", base_of(settings));
	request_json(
		out,
		json_pack("{s:s, s:s}", "app_id", settings->user, "app_secret", settings->token),
		json_content);
}

bool read_feishu_session(const struct channel_reply *reply, struct channel_session *out)
{
	json_t *object = json_loadb(reply->body.data != NULL ? reply->body.data : "",
				    reply->body.length, 0, NULL);
	const char *key = json_string_value(json_object_get(object, "tenant_access_token"));
	json_int_t seconds = json_integer_value(json_object_get(object, "expire"));
	bool is_good = key != NULL && strlen(key) < sizeof(out->key) &&
		       strpbrk(key, " \r\n") == NULL && key[0] != '\0';

	if (is_good) {
		snprintf(out->key, sizeof(out->key), "%s", key);
		out->for_ms = seconds > SESSION_MARGIN_S ? (seconds - SESSION_MARGIN_S) * 1000 : 0;
	}
	json_decref(object);
	return is_good;
}
