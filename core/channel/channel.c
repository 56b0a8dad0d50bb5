#include "core/channel/channel.h"

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/base/secret.h"
#include "core/channel/channel_internal.h"
#include "core/channel/message.h"

#include <inttypes.h>
#include <string.h>

struct channel {
	struct arena arena;
	struct channel_settings settings; /* texts in the arena, secrets read */
	struct bytes fingerprint;         /* every setting, to tell whether another is the same */
	bool is_read;                     /* no text is the site's own any more */
};

const char *channel_kind_name(enum channel_kind kind)
{
	static const char *const names[] = {
#define KIND_NAME(name, text) text,
		CHANNEL_KIND_LIST(KIND_NAME)
#undef KIND_NAME
	};

	return names[kind];
}

/* ---- settings ---- */

static const char *keep(struct channel *channel, const char *text)
{
	/* A part is ended by its length, so that no two settings look alike. */
	bytes_append_format(&channel->fingerprint, "%zu:", text != NULL ? strlen(text) : 0);
	bytes_append_text(&channel->fingerprint, text != NULL ? text : "-");
	return text != NULL ? arena_copy_text(&channel->arena, text) : NULL;
}

static int keep_secret(struct channel *channel, const char **text, struct err_note *why)
{
	char *secret = NULL;
	int code = *text != NULL ? secret_read(*text, &secret, why) : 0;

	if (code != 0)
		return code;
	*text = keep(channel, secret);
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	mem_free(secret);
	return 0;
}

static int keep_pairs(struct channel *channel, const struct channel_pair **pairs, uint32_t count,
		      bool are_secret, struct err_note *why)
{
	struct channel_pair *copy = arena_zalloc(&channel->arena, (count + 1) * sizeof(*copy));
	int code = 0;

	for (uint32_t i = 0; i < count && code == 0; i++) {
		copy[i].name = keep(channel, (*pairs)[i].name);
		copy[i].value = (*pairs)[i].value;
		if (are_secret)
			code = keep_secret(channel, &copy[i].value, why);
		else
			copy[i].value = keep(channel, copy[i].value);
	}
	*pairs = copy;
	return code;
}

static void keep_to(struct channel *channel)
{
	struct channel_settings *settings = &channel->settings;
	const char **to = arena_zalloc(&channel->arena, (settings->to_count + 1) * sizeof(*to));

	for (uint32_t i = 0; i < settings->to_count; i++)
		to[i] = keep(channel, settings->to[i]);
	settings->to = to;
}

static int keep_all(struct channel *channel, struct err_note *why)
{
	struct channel_settings *settings = &channel->settings;
	const char **const plain[] = {&settings->room, &settings->from, &settings->method,
				      &settings->body, &settings->content_type};
	const char **const secret[] = {&settings->url, &settings->secret, &settings->token,
				       &settings->user, &settings->password};
	int code = 0;

	settings->is_url_hidden =
		settings->url != NULL &&
		(strncmp(settings->url, "env:", 4) == 0 || strncmp(settings->url, "file:", 5) == 0);
	bytes_append(&channel->fingerprint, settings->rates, sizeof(settings->rates));
	bytes_append_format(&channel->fingerprint, "%d %u %u %u %u %u %d %d %d %" PRId64 " ",
			    (int)settings->kind, settings->rate_count, settings->header_count,
			    settings->template_count, settings->to_count, settings->text_max,
			    settings->is_zh, settings->is_plain, settings->has_tls,
			    settings->timeout_ms);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		*plain[i] = keep(channel, *plain[i]);
	keep_to(channel);
	for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]) && code == 0; i++)
		code = keep_secret(channel, secret[i], why);
	if (code == 0)
		code = keep_pairs(channel, &settings->headers, settings->header_count, true, why);
	if (code == 0)
		code = keep_pairs(channel, &settings->templates, settings->template_count, false,
				  why);
	return code;
}

/** What came from a file or the environment was not checked with the site. */
static int check_url(const struct channel_settings *settings, struct err_note *why)
{
	const char *url = settings->url;
	bool is_mail = settings->kind == CHANNEL_MAIL;
	const char *const schemes[] = {is_mail ? "smtp://" : "http://",
				       is_mail ? "smtps://" : "https://"};

	if (url == NULL)
		return 0;
	for (int i = 0; i < 2; i++) {
		size_t length = strlen(schemes[i]);

		if (strncmp(url, schemes[i], length) == 0 && url[length] != '\0' &&
		    url[length] != '/' && strpbrk(url, " \t\r\n\"<>\\") == NULL)
			return 0;
	}
	return err_set(why, ERR_INVALID, "what is read for \"%s\" is no %s or %s URL",
		       channel_kind_name(settings->kind), schemes[0], schemes[1]);
}

int channel_new(struct channel **out, const struct channel_settings *settings, struct err_note *why)
{
	struct channel *channel = mem_alloc(sizeof(*channel));
	int code;

	arena_init(&channel->arena);
	channel->settings = *settings;
	code = keep_all(channel, why);
	channel->is_read = code == 0;
	if (code == 0)
		code = check_url(&channel->settings, why);
	if (code != 0) {
		channel_free(channel);
		return code;
	}
	*out = channel;
	return 0;
}

static void wipe(const char *text)
{
	if (text != NULL)
		explicit_bzero((char *)(uintptr_t)text, strlen(text));
}

void channel_free(struct channel *channel)
{
	if (channel == NULL)
		return;
	if (channel->is_read) {
		wipe(channel->settings.url);
		wipe(channel->settings.secret);
		wipe(channel->settings.token);
		wipe(channel->settings.password);
	}
	if (channel->fingerprint.data != NULL)
		explicit_bzero(channel->fingerprint.data, channel->fingerprint.length);
	bytes_deinit(&channel->fingerprint);
	arena_deinit(&channel->arena);
	mem_free(channel);
}

const struct channel_settings *channel_settings(const struct channel *channel)
{
	return &channel->settings;
}

bool channel_is_same(const struct channel *a, const struct channel *b)
{
	return slice_equal(bytes_slice(&a->fingerprint), bytes_slice(&b->fingerprint));
}

bool channel_is_private(const struct channel_settings *settings, const char *address)
{
	if (address == NULL || address[0] == '\0')
		return false;
	return settings->kind == CHANNEL_MAIL ||
	       (settings->kind == CHANNEL_FEISHU && settings->token != NULL) ||
	       (settings->kind == CHANNEL_GATEWAY && !settings->is_voice);
}

bool channel_can_edit(const struct channel_settings *settings)
{
	return settings->token != NULL &&
	       (settings->kind == CHANNEL_SLACK || settings->kind == CHANNEL_FEISHU);
}

uint32_t channel_rates(const struct channel *channel, struct rate out[RATES_MAX])
{
	static const struct {
		struct rate rates[2];
		uint32_t count;
	} defaults[] = {
		[CHANNEL_DINGTALK] = {{{20, 60000}}, 1},
		[CHANNEL_FEISHU] = {{{100, 60000}, {5, 1000}}, 2},
		[CHANNEL_WECOM] = {{{20, 60000}}, 1},
		[CHANNEL_SLACK] = {{{1, 1000}}, 1},
		[CHANNEL_MAIL] = {{{60, 60000}}, 1},
		[CHANNEL_GATEWAY] = {{{1, 1000}}, 1},
		[CHANNEL_CONSOLE] = {{{0, 0}}, 0},
	};
	const struct channel_settings *settings = &channel->settings;

	if (settings->rate_count > 0) {
		memcpy(out, settings->rates, settings->rate_count * sizeof(*out));
		return settings->rate_count;
	}
	memcpy(out, defaults[settings->kind].rates, sizeof(defaults[0].rates));
	return defaults[settings->kind].count;
}

/* ---- requests ---- */

static int dump_chunk(const char *data, size_t length, void *arg)
{
	bytes_append(arg, data, length);
	return 0;
}

void request_json(struct channel_request *out, json_t *body, const char *content_type)
{
	out->method = "POST";
	request_header(out, mem_format("Content-Type: %s", content_type));
	REQUIRE(json_dump_callback(body, dump_chunk, &out->body, JSON_COMPACT) == 0);
	json_decref(body);
}

void request_header(struct channel_request *out, char *header)
{
	REQUIRE(out->header_count < CHANNEL_HEADERS_MAX);
	out->headers[out->header_count++] = header;
}

int channel_build(const struct channel *channel, const struct message_fields *fields,
		  const struct channel_moment *moment, struct channel_request *out,
		  struct err_note *why)
{
	static channel_builder *const builders[] = {
		[CHANNEL_DINGTALK] = build_dingtalk, [CHANNEL_FEISHU] = build_feishu,
		[CHANNEL_WECOM] = build_wecom,       [CHANNEL_SLACK] = build_slack,
		[CHANNEL_MAIL] = build_mail,         [CHANNEL_GATEWAY] = build_gateway,
		[CHANNEL_CONSOLE] = build_console,
	};
	int code;

	*out = (struct channel_request){0};
	code = builders[channel->settings.kind](channel, fields, moment, out, why);
	if (code != 0)
		channel_request_deinit(out);
	return code;
}

bool channel_build_session(const struct channel *channel, struct channel_request *out)
{
	*out = (struct channel_request){0};
	if (channel->settings.kind != CHANNEL_FEISHU || channel->settings.token == NULL)
		return false;
	build_feishu_session(channel, out);
	return true;
}

void channel_request_deinit(struct channel_request *request)
{
	for (uint32_t i = 0; i < request->header_count; i++)
		mem_free(request->headers[i]);
	for (uint32_t i = 0; i < request->to_count; i++)
		mem_free(request->to[i]);
	mem_free(request->url);
	bytes_deinit(&request->body);
	*request = (struct channel_request){0};
}

/* ---- the console ---- */

int build_console(const struct channel *channel, const struct message_fields *fields,
		  const struct channel_moment *moment, struct channel_request *out,
		  struct err_note *why)
{
	static const struct line_style indented = {"\n  ", "\n  "};
	struct composed composed;

	(void)moment;
	(void)why;
	compose(channel, fields, false, escape_none, &composed);
	out->method = "PRINT";
	append_cut(&out->body, bytes_slice(&composed.title), CHANNEL_TEXT_MAX);
	append_lines(&out->body, bytes_slice(&composed.text), indented, CHANNEL_TEXT_MAX);
	composed_deinit(&composed);
	return 0;
}
