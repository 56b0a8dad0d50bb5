/** channel.h - how a message looks in a channel of people: request, limits, what an answer says.
 *
 *  Pure: no clock, no sockets. core/outbox/target_channel.c sends what channel_build() makes and
 *  gives the answer to channel_judge().
 *
 *  kind      request                                        at most          and by default
 *  dingtalk  robot/send: markdown, or text                  20,000 bytes     20 a minute
 *  feishu    bot/v2/hook: post, or text; an app: a card     20 KB; 30 KB     100 a minute, 5/s
 *  wecom     webhook/send: markdown, or text                4,096; 2,048     20 a minute
 *  slack     a webhook, or chat.postMessage and chat.update 4,000 bytes      1 a second
 *  mail      RFC 5322 over SMTP                             64 KiB           60 a minute
 *  gateway   a body of the site's own: voice or SMS         300 letters      1 a second
 *  console   lines on standard output                       64 KiB           -
 *
 *  A text that is too long loses whole lines from its end; where markup would be cut, plain text is
 *  sent. Texts from outside are escaped: they cannot mention anybody, show a link or picture, or
 *  add a header.
 *  Bodies as documented: open.dingtalk.com/document/robots/custom-robot-access;
 *  open.feishu.cn/document/client-docs/bot-v3/add-custom-bot;
 *  developer.work.weixin.qq.com/document/path/91770; api.slack.com/messaging/webhooks,
 *  api.slack.com/methods/chat.postMessage, …/chat.update.
 */
#ifndef TOCSIN_CORE_CHANNEL_CHANNEL_H
#define TOCSIN_CORE_CHANNEL_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/channel/rate.h"

struct channel;
struct err_note;
struct message_fields;

#define CHANNEL_KIND_LIST(X)                                                                       \
	X(DINGTALK, "dingtalk")                                                                    \
	X(FEISHU, "feishu")                                                                        \
	X(WECOM, "wecom")                                                                          \
	X(SLACK, "slack")                                                                          \
	X(MAIL, "mail")                                                                            \
	X(GATEWAY, "gateway")                                                                      \
	X(CONSOLE, "console")

enum channel_kind {
#define CHANNEL_KIND_ENUM(name, text) CHANNEL_##name,
	CHANNEL_KIND_LIST(CHANNEL_KIND_ENUM)
#undef CHANNEL_KIND_ENUM
};

const char *channel_kind_name(enum channel_kind kind);

enum { CHANNEL_HEADERS_MAX = 16, CHANNEL_TO_MAX = 100, CHANNEL_TEXT_MAX = 65536 };

struct channel_pair {
	const char *name, *value;
};

/** An output, as the site has it. Texts marked * may be "env:NAME" or "file:/path". */
struct channel_settings {
	enum channel_kind kind;
	const char *url;       /**< * NULL: console, or Slack's own API */
	const char *secret;    /**< * key of the signature, or NULL */
	const char *token;     /**< * Slack's API, or a Feishu app's secret, or NULL */
	const char *room;      /**< Slack's channel or Feishu's chat, with a token */
	const char *from;      /**< mail */
	const char *user;      /**< * mail, or NULL; a Feishu app's id */
	const char *password;  /**< * mail, or NULL */
	const char *const *to; /**< mail: addresses; gateway: one, for messages without */
	uint32_t to_count;
	const char *method;                 /**< gateway */
	const char *body;                   /**< gateway: a template */
	const char *content_type;           /**< gateway: decides how values are escaped */
	const struct channel_pair *headers; /**< gateway; values * */
	uint32_t header_count;
	const struct channel_pair *templates; /**< event, template */
	uint32_t template_count;
	struct rate rates[RATES_MAX]; /**< none: the kind's */
	uint32_t rate_count;
	uint32_t text_max; /**< 0: the kind's */
	bool is_zh;        /**< when the message does not say */
	bool is_plain;     /**< no markup */
	bool has_tls;      /**< mail: a server without TLS is refused */
	bool is_voice;     /**< gateway: it calls, rather than writes */
	int64_t timeout_ms;
	bool is_url_hidden; /**< set by channel_new(): it came from a file or the environment */
};

/** Copies and reads secrets. ERR_INVALID: what an "env:" or "file:" gave is no URL; those of
 *  secret_read(). */
int channel_new(struct channel **out, const struct channel_settings *settings,
		struct err_note *why);
void channel_free(struct channel *channel);
const struct channel_settings *channel_settings(const struct channel *channel); /**< resolved */
bool channel_is_same(const struct channel *a, const struct channel *b);
/** A message to this address is read by that person alone. */
bool channel_is_private(const struct channel_settings *settings, const char *address);
/** It can change what it sent: one message for each incident. */
bool channel_can_edit(const struct channel_settings *settings);
/** The output's rates, or its kind's. Returns how many. */
uint32_t channel_rates(const struct channel *channel, struct rate out[RATES_MAX]);

/** "name@host", as it may stand in an envelope and a header. */
bool channel_is_address(const char *text);

/** What a request depends on besides the message. */
struct channel_moment {
	const char *id; /**< of the row: the same at each attempt */
	int64_t wall_ms;
	const char *session;             /**< of channel_read_session(); NULL: none is needed */
	const char *edit_room, *edit_ts; /**< message of the same incident to be edited, or NULL */
};

struct channel_request {
	const char *method; /**< of HTTP; "SMTP"; "PRINT" */
	char *url;
	char *headers[CHANNEL_HEADERS_MAX + 1]; /**< NULL-terminated */
	uint32_t header_count;
	struct bytes body;
	char *to[CHANNEL_TO_MAX + 1]; /**< SMTP envelope, NULL-terminated */
	uint32_t to_count;
	bool is_edit;
};

/** ERR_INVALID: this channel cannot carry the message (no recipient, one that is no address). */
int channel_build(const struct channel *channel, const struct message_fields *fields,
		  const struct channel_moment *moment, struct channel_request *out,
		  struct err_note *why);
void channel_request_deinit(struct channel_request *request);
/** The request as text, byte for byte but for what must not be seen: that is "***". */
void channel_request_print(const struct channel *channel, const struct channel_request *request,
			   struct bytes *out);

/** Some channels give a key for a while in exchange for the site's own: without one the message
 *  cannot be sent. False: this one does not. */
bool channel_build_session(const struct channel *channel, struct channel_request *out);

struct channel_reply {
	int status; /**< of HTTP or SMTP; 0: none came */
	struct slice body;
	int64_t retry_after_ms; /**< 0: not said */
	bool is_edit;
};

enum channel_end {
	CHANNEL_DELIVERED,
	CHANNEL_RETRY,
	CHANNEL_REFUSED,
	CHANNEL_EDIT_GONE, /**< what was to be edited is gone: to be sent as a new message */
};

struct channel_verdict {
	enum channel_end end;
	int64_t wait_ms;       /**< CHANNEL_RETRY: at least this long */
	char error[256];       /**< "" when delivered */
	char room[64], ts[64]; /**< what can be edited later, or "" */
	bool is_session_over;  /**< another is needed */
};

struct channel_session {
	char key[512];
	int64_t for_ms; /**< it holds so long */
};
/** False: `verdict` says why there is none. */
bool channel_read_session(const struct channel *channel, const struct channel_reply *reply,
			  struct channel_session *out, struct channel_verdict *verdict);

void channel_judge(const struct channel *channel, const struct channel_reply *reply,
		   struct channel_verdict *out);

#endif
