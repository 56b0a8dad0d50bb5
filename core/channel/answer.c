#include "core/channel/channel_internal.h"

#include "core/base/mem.h"
#include "core/base/printable.h"

#include <stdio.h>
#include <string.h>

/* What an answer says of the message. HTTP 200 is no answer yet: robots put their refusal into the
 * body. A row is refused (a dead letter) when the message itself is at fault; what a person can
 * mend - a key, a list of addresses, a robot that was switched off - is tried again, and the row
 * waits. An unknown code is tried again, too.
 *
 *  Codes: open.dingtalk.com/document/robots/custom-robot-access (error codes);
 *  open.feishu.cn/document/client-docs/bot-v3/add-custom-bot (errors);
 *  developer.work.weixin.qq.com/document/path/90313; api.slack.com/methods/chat.postMessage. */

enum { MINUTE_MS = 60000 };

struct code_row {
	int64_t code;
	enum channel_end end;
	int64_t wait_ms;
};

static void set_error(struct channel_verdict *out, enum channel_end end, const char *format,
		      int64_t number, const char *text)
{
	out->end = end;
	snprintf(out->error, sizeof(out->error), format, (long long)number, text);
}

/** Server errors and limits of the transport, the same everywhere. True: nothing more to read. */
static bool judge_status(const struct channel_reply *reply, struct channel_verdict *out)
{
	int status = reply->status;
	bool is_later = status >= 500 || status == 408 || status == 425 || status == 429;

	if (status >= 200 && status < 300)
		return false;
	out->wait_ms = reply->retry_after_ms;
	set_error(out, is_later || status < 400 ? CHANNEL_RETRY : CHANNEL_REFUSED,
		  "The channel answered with HTTP status %lld.%s", status, "");
	return true;
}

static json_t *read_object(const struct channel_reply *reply, struct channel_verdict *out)
{
	json_t *object = json_loadb(reply->body.data != NULL ? reply->body.data : "",
				    reply->body.length, JSON_DISABLE_EOF_CHECK, NULL);

	if (json_is_object(object))
		return object;
	json_decref(object);
	set_error(out, CHANNEL_RETRY,
		  "The channel's answer with HTTP status %lld cannot be read.%s", reply->status,
		  "");
	return NULL;
}

static void judge_code(const struct channel_reply *reply, const char *code_name,
		       const char *text_name, const struct code_row *rows, size_t row_count,
		       struct channel_verdict *out)
{
	json_t *object = judge_status(reply, out) ? NULL : read_object(reply, out);
	const json_t *code = json_object_get(object, code_name);
	const char *text = json_string_value(json_object_get(object, text_name));

	if (object == NULL)
		return;
	if (!json_is_integer(code)) {
		set_error(out, CHANNEL_RETRY, "The channel's answer has no code (HTTP %lld).%s",
			  reply->status, "");
	} else if (json_integer_value(code) != 0) {
		enum channel_end end = CHANNEL_RETRY;

		for (size_t i = 0; i < row_count; i++) {
			if (rows[i].code != json_integer_value(code))
				continue;
			end = rows[i].end;
			out->wait_ms = rows[i].wait_ms;
		}
		set_error(out, end, "The channel answered with code %lld: %.160s",
			  json_integer_value(code), text != NULL ? text : "");
	}
	json_decref(object);
}

#define ROWS(rows) rows, sizeof(rows) / sizeof((rows)[0])

void judge_dingtalk(const struct channel_reply *reply, struct channel_verdict *out)
{
	static const struct code_row rows[] = {
		{130101, CHANNEL_RETRY, 10 * MINUTE_MS}, /* more than 20 a minute */
		{90030, CHANNEL_RETRY, 10 * MINUTE_MS},  /* webhook over limit */
		{410100, CHANNEL_RETRY, MINUTE_MS},      /* too fast */
		{40035, CHANNEL_REFUSED, 0},             /* parameter missing */
		{400013, CHANNEL_REFUSED, 0},            /* the group is gone */
		{400105, CHANNEL_REFUSED, 0},            /* message type */
		{430101, CHANNEL_REFUSED, 0},            /* unsafe link */
		{430102, CHANNEL_REFUSED, 0},            /* text not allowed */
		{430103, CHANNEL_REFUSED, 0},            /* picture not allowed */
		{430104, CHANNEL_REFUSED, 0},            /* content not allowed */
	};

	judge_code(reply, "errcode", "errmsg", ROWS(rows), out);
	/* 310000 is three faults: a word that must be in each text is missing, which no later
	 * attempt brings; the signature, or the address of the sender. */
	if (out->end == CHANNEL_RETRY && strstr(out->error, "code 310000") != NULL &&
	    (strstr(out->error, "keywords") != NULL || strstr(out->error, "关键词") != NULL))
		out->end = CHANNEL_REFUSED;
}

void judge_feishu(const struct channel_reply *reply, struct channel_verdict *out)
{
	static const struct code_row rows[] = {
		{11232, CHANNEL_RETRY, MINUTE_MS}, /* frequency limited: of the whole tenant */
		{9499, CHANNEL_REFUSED, 0},        /* the body is not as it should be */
		{19002, CHANNEL_REFUSED, 0},       /* the content is not */
		{19024, CHANNEL_REFUSED, 0},       /* a word that must be in it is missing */
		{11246, CHANNEL_REFUSED, 0},       /* a card's content */
	};
	struct channel_reply inner = *reply;

	/* Faults of the request come with HTTP 400 and a code as well. */
	if (reply->status == 400 && reply->body.length > 0)
		inner.status = 200;
	judge_code(&inner, "code", "msg", ROWS(rows), out);
}

static bool is_code(const struct channel_verdict *verdict, const char *code)
{
	char text[32];

	snprintf(text, sizeof(text), "code %s:", code);
	return strstr(verdict->error, text) != NULL;
}

/** Codes: open.feishu.cn/document/server-docs/im-v1/message/create, …/message-card/patch. */
void judge_feishu_app(const struct channel_reply *reply, struct channel_verdict *out)
{
	static const char *const gone[] = {"230011", "230031", "230001", "230071"};
	static const char *const sessions[] = {"99991661", "99991663", "99991664", "99991668"};
	static const struct code_row rows[] = {
		{230020, CHANNEL_RETRY, MINUTE_MS},   /* frequency limited */
		{99991400, CHANNEL_RETRY, MINUTE_MS}, /* of the whole app */
		{230025, CHANNEL_REFUSED, 0},         /* too long */
		{230028, CHANNEL_REFUSED, 0},         /* the audit does not let it pass */
		{230099, CHANNEL_REFUSED, 0},         /* the card is not as it should be */
	};
	struct channel_reply inner = *reply;
	json_t *object;
	const json_t *data;
	const char *id, *chat;

	/* Faults come with HTTP 400 and 401 as well. */
	if ((reply->status == 400 || reply->status == 401) && reply->body.length > 0)
		inner.status = 200;
	judge_code(&inner, "code", "msg", ROWS(rows), out);
	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		if (reply->is_edit && is_code(out, gone[i]))
			out->end = CHANNEL_EDIT_GONE;
	for (size_t i = 0; i < sizeof(sessions) / sizeof(sessions[0]); i++)
		out->is_session_over |= is_code(out, sessions[i]);
	if (out->end != CHANNEL_DELIVERED)
		return;
	object = json_loadb(reply->body.data, reply->body.length, JSON_DISABLE_EOF_CHECK, NULL);
	data = json_object_get(object, "data");
	id = json_string_value(json_object_get(data, "message_id"));
	chat = json_string_value(json_object_get(data, "chat_id"));
	snprintf(out->ts, sizeof(out->ts), "%s", id != NULL ? id : "");
	snprintf(out->room, sizeof(out->room), "%s", chat != NULL ? chat : "");
	json_decref(object);
}

bool channel_read_session(const struct channel *channel, const struct channel_reply *reply,
			  struct channel_session *out, struct channel_verdict *verdict)
{
	(void)channel;
	*verdict = (struct channel_verdict){.end = CHANNEL_DELIVERED};
	judge_feishu_app(reply, verdict);
	if (verdict->end == CHANNEL_DELIVERED && read_feishu_session(reply, out))
		return true;
	if (verdict->error[0] == '\0')
		set_error(verdict, CHANNEL_RETRY, "The channel gave no key (HTTP status %lld).%s",
			  reply->status, "");
	/* The message is not at fault: whatever is, a person can mend. */
	verdict->end = CHANNEL_RETRY;
	return false;
}

void judge_wecom(const struct channel_reply *reply, struct channel_verdict *out)
{
	static const struct code_row rows[] = {
		{45009, CHANNEL_RETRY, MINUTE_MS}, /* more than 20 a minute */
		{40008, CHANNEL_REFUSED, 0},       /* message type */
		{40058, CHANNEL_REFUSED, 0},       /* parameter or length */
		{44004, CHANNEL_REFUSED, 0},       /* empty content */
		{45002, CHANNEL_REFUSED, 0},       /* content too long */
	};

	judge_code(reply, "errcode", "errmsg", ROWS(rows), out);
}

/** "ok", or a word with HTTP 4xx. Of these only the message's own fault is final. */
void judge_slack_webhook(const struct channel_reply *reply, struct channel_verdict *out)
{
	size_t length = reply->body.length < 60 ? reply->body.length : 60;
	struct bytes text = BYTES_EMPTY;
	char *word;

	if (!judge_status(reply, out))
		return;
	word = mem_copy_bytes(reply->body.data, length);
	printable_append(&text, word, false);
	set_error(out, out->end, "The channel answered with HTTP status %lld: %.160s",
		  reply->status, text.length > 0 ? text.data : "");
	mem_free(word);
	bytes_deinit(&text);
}

static bool is_one_of(const char *text, const char *const *list)
{
	while (*list != NULL && strcmp(*list, text) != 0)
		list++;
	return *list != NULL;
}

void judge_slack_api(const struct channel_reply *reply, struct channel_verdict *out)
{
	static const char *const refused[] = {
		"no_text",        "msg_too_long",         "invalid_arguments",
		"invalid_blocks", "too_many_attachments", NULL};
	static const char *const gone[] = {"message_not_found", "cant_update_message",
					   "edit_window_closed", "is_inactive", NULL};
	static const char *const limited[] = {"ratelimited", "rate_limited",
					      "message_limit_exceeded", NULL};
	json_t *object = judge_status(reply, out) ? NULL : read_object(reply, out);
	const char *error = json_string_value(json_object_get(object, "error"));
	const char *room = json_string_value(json_object_get(object, "channel"));
	const char *ts = json_string_value(json_object_get(object, "ts"));

	if (object == NULL)
		return;
	if (json_is_true(json_object_get(object, "ok"))) {
		snprintf(out->room, sizeof(out->room), "%s", room != NULL ? room : "");
		snprintf(out->ts, sizeof(out->ts), "%s", ts != NULL ? ts : "");
	} else {
		error = error != NULL ? error : "no error told";
		set_error(out,
			  reply->is_edit && is_one_of(error, gone) ? CHANNEL_EDIT_GONE
			  : is_one_of(error, refused)              ? CHANNEL_REFUSED
								   : CHANNEL_RETRY,
			  "The channel answered with HTTP status %lld: %.160s", reply->status,
			  error);
		out->wait_ms = is_one_of(error, limited) ? MINUTE_MS : 0;
	}
	json_decref(object);
}

/** 5xx is for good, but for those that say who may send: a password can be mended. */
void judge_mail(const struct channel_reply *reply, struct channel_verdict *out)
{
	int status = reply->status;
	bool is_access = status == 530 || status == 534 || status == 535 || status == 538;

	if (status >= 200 && status < 300)
		return;
	set_error(out, status >= 500 && !is_access ? CHANNEL_REFUSED : CHANNEL_RETRY,
		  "The mail server answered with status %lld.%s", status, "");
}

void judge_gateway(const struct channel_reply *reply, struct channel_verdict *out)
{
	judge_status(reply, out);
}

void channel_judge(const struct channel *channel, const struct channel_reply *reply,
		   struct channel_verdict *out)
{
	const struct channel_settings *settings = channel_settings(channel);

	*out = (struct channel_verdict){.end = CHANNEL_DELIVERED};
	switch (settings->kind) {
	case CHANNEL_DINGTALK: judge_dingtalk(reply, out); break;
	case CHANNEL_FEISHU:
		if (settings->token != NULL)
			judge_feishu_app(reply, out);
		else
			judge_feishu(reply, out);
		break;
	case CHANNEL_WECOM: judge_wecom(reply, out); break;
	case CHANNEL_SLACK:
		if (settings->token != NULL)
			judge_slack_api(reply, out);
		else
			judge_slack_webhook(reply, out);
		break;
	case CHANNEL_MAIL: judge_mail(reply, out); break;
	case CHANNEL_GATEWAY: judge_gateway(reply, out); break;
	case CHANNEL_CONSOLE: break;
	}
}
