/** channel_internal.h - what the kinds of channels share. For siblings and their tests. */
#ifndef TOCSIN_CORE_CHANNEL_CHANNEL_INTERNAL_H
#define TOCSIN_CORE_CHANNEL_CHANNEL_INTERNAL_H

#include <jansson.h>

#include "core/channel/channel.h"
#include "core/channel/template.h"

/** A message in words: values are escaped, the templates' own text is not. */
struct composed {
	struct bytes title;
	struct bytes text; /**< lines, without the last line end */
};

void compose(const struct channel *channel, const struct message_fields *fields, bool is_short,
	     template_escape *escape, struct composed *out);
void composed_deinit(struct composed *composed);

/** How the lines of a text are joined: "\n" or "\n\n", "> " before each. */
struct line_style {
	const char *first, *next;
};
/** Appends as many whole lines as fit in `bytes_max` with "…" for the rest. False: not even the
 *  first one did (nothing is appended). */
bool append_lines(struct bytes *out, struct slice text, struct line_style style, size_t bytes_max);
/** Appends at most `bytes_max` bytes of a text, cut between letters, "…" at its end then. */
void append_cut(struct bytes *out, struct slice text, size_t bytes_max);
/** At most so many letters. */
void append_cut_letters(struct bytes *out, struct slice text, size_t letters_max);
/** Title, line end, text: plain, cut. */
void append_plain(struct bytes *out, const struct composed *composed, size_t bytes_max);

void escape_none(struct bytes *out, struct slice value);
void escape_markdown(struct bytes *out, struct slice value);
void escape_slack(struct bytes *out, struct slice value);
void escape_json(struct bytes *out, struct slice value);
void escape_percent(struct bytes *out, struct slice value);
/** Neither tags nor lines. */
void escape_line(struct bytes *out, struct slice value);

typedef int channel_builder(const struct channel *channel, const struct message_fields *fields,
			    const struct channel_moment *moment, struct channel_request *out,
			    struct err_note *why);
channel_builder build_dingtalk, build_feishu, build_wecom, build_slack, build_mail, build_gateway,
	build_console;

/** With settings that have a token: cards of an app instead of a robot's posts. */
void build_feishu_app(const struct channel *channel, const struct message_fields *fields,
		      const struct channel_moment *moment, struct channel_request *out);
void build_feishu_session(const struct channel *channel, struct channel_request *out);
bool read_feishu_session(const struct channel_reply *reply, struct channel_session *out);

/** A POST of JSON; takes `body`. */
void request_json(struct channel_request *out, json_t *body, const char *content_type);
void request_header(struct channel_request *out, char *header); /**< taken */

typedef void channel_judger(const struct channel_reply *reply, struct channel_verdict *out);
channel_judger judge_dingtalk, judge_feishu, judge_feishu_app, judge_wecom, judge_slack_webhook,
	judge_slack_api, judge_mail, judge_gateway;

#endif
