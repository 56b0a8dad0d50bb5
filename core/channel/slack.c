#include "core/channel/channel_internal.h"

#include "core/base/mem.h"
#include "core/channel/message.h"

#include <string.h>

enum { SLACK_TEXT_MAX = 4000, TITLE_MAX = 500 };

static const char api[] = "https://slack.com/api";

/** A member's id; anything else would be shown as it is. */
static bool is_member(const char *recipient)
{
	return recipient[0] != '\0' &&
	       strspn(recipient, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == strlen(recipient);
}

static void append_text(const struct channel *channel, const struct message_fields *fields,
			struct bytes *out)
{
	static const struct line_style lines = {"\n", "\n"};
	const struct channel_settings *settings = channel_settings(channel);
	const char *recipient = message_field(fields, "recipient");
	const char *mark = settings->is_plain ? "" : "*";
	size_t limit = settings->text_max > 0 && settings->text_max < SLACK_TEXT_MAX
			       ? settings->text_max
			       : SLACK_TEXT_MAX;
	struct composed composed;

	compose(channel, fields, false, escape_slack, &composed);
	if (is_member(recipient))
		bytes_append_format(out, "<@%.64s> ", recipient);
	bytes_append_text(out, mark);
	append_cut(out, bytes_slice(&composed.title), TITLE_MAX);
	bytes_append_text(out, mark);
	if (out->length < limit &&
	    !append_lines(out, bytes_slice(&composed.text), lines, limit - out->length)) {
		bytes_append_char(out, '\n');
		append_cut(out, bytes_slice(&composed.text), limit - out->length);
	}
	composed_deinit(&composed);
}

static void build_call(const struct channel_settings *settings, const struct channel_moment *moment,
		       struct channel_request *out, json_t *body)
{
	const char *base = settings->url != NULL ? settings->url : api;

	out->is_edit = moment->edit_ts != NULL;
	out->url = mem_format("%s/%s", base, out->is_edit ? "chat.update" : "chat.postMessage");
	request_header(out, mem_format("Authorization: Bearer %s", settings->token));
	json_object_set_new(body, "channel",
			    json_string(out->is_edit ? moment->edit_room : settings->room));
	if (out->is_edit)
		json_object_set_new(body, "ts", json_string(moment->edit_ts));
}

int build_slack(const struct channel *channel, const struct message_fields *fields,
		const struct channel_moment *moment, struct channel_request *out,
		struct err_note *why)
{
	const struct channel_settings *settings = channel_settings(channel);
	json_t *body = json_object();
	struct bytes text = BYTES_EMPTY;

	(void)why;
	append_text(channel, fields, &text);
	if (settings->token != NULL)
		build_call(settings, moment, out, body);
	else
		out->url = mem_copy_text(settings->url);
	json_object_set_new(body, "text", json_stringn(text.data, text.length));
	request_json(out, body, "application/json; charset=utf-8");
	bytes_deinit(&text);
	return 0;
}
