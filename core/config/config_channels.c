#include "core/config/config_internal.h"

#include "core/base/err.h"
#include "core/base/report.h"
#include "core/channel/message.h"
#include "core/channel/template.h"
#include "core/model/span.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One output that is a channel of people: the options of config_outputs.c become
 * channel_settings. Secrets stay references ("env:NAME", "file:/path"); they are read at use. */

enum { HEADERS_MAX = 12, TEMPLATES_MAX = 32 };

struct channel_reader {
	struct config_builder *builder;
	const struct tree *tree;
	const char *name;
	struct channel_settings *settings;
};

__attribute__((format(printf, 3, 4))) static void
fault(const struct channel_reader *reader, const struct tree *node, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	report_add(reader->builder->report, reader->builder->file, node->line, "%s", text);
}

/* ---- secrets ---- */

static bool is_visible(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

const char *config_secret_of(struct config_builder *builder, const struct tree *node,
			     const char *option, const char *owner)
{
	const struct tree *part = tree_is_map(node) ? node->first : NULL;
	struct config *config = builder->config;
	char found[TREE_DESCRIPTION_BYTES_MAX];

	if (node->type == TREE_STRING && node->text_length > 0 && is_visible(node->text) &&
	    strlen(node->text) == node->text_length)
		return config_copy_text(config, node->text);
	if (part != NULL && part->next == NULL && part->type == TREE_STRING &&
	    part->text_length > 0 &&
	    (strcmp(part->key, "env") == 0 || strcmp(part->key, "file") == 0))
		return arena_format(&config->arena, "%s:%s", part->key, part->text);
	report_add(builder->report, builder->file, node->line,
		   "\"%s\" of %s must be a text, { env = \"NAME\" } or { file = \"/path\" }, "
		   "found %s; example: %s = { env = \"CHANNEL_KEY\" }",
		   option, owner,
		   node->type == TREE_STRING ? "one that is empty or has control characters"
					     : tree_describe(node, found),
		   option);
	return NULL;
}

const char *config_secret(struct config_builder *builder, const struct tree *node,
			  const char *option, const char *output)
{
	return config_secret_of(builder, node, option,
				arena_format(&builder->config->arena, "output %s", output));
}

static const char *secret_option(const struct channel_reader *reader, const char *option)
{
	const struct tree *node = tree_get(reader->tree, option);

	return node != NULL ? config_secret(reader->builder, node, option, reader->name) : NULL;
}

static bool is_reference(const char *text)
{
	return strncmp(text, "env:", 4) == 0 || strncmp(text, "file:", 5) == 0;
}

/* ---- where to ---- */

static bool is_url_of(const char *text, const char *plain, const char *secure)
{
	const char *rest = strncmp(text, plain, strlen(plain)) == 0     ? text + strlen(plain)
			   : strncmp(text, secure, strlen(secure)) == 0 ? text + strlen(secure)
									: "";

	return rest[0] != '\0' && rest[0] != '/' && strpbrk(rest, " \t\r\n\"<>\\") == NULL;
}

static void read_url(struct channel_reader *reader, const struct tree *node, const char *option)
{
	bool is_mail = reader->settings->kind == CHANNEL_MAIL;
	const char *url = config_secret(reader->builder, node, option, reader->name);

	reader->settings->url = url;
	if (url == NULL || is_reference(url))
		return;
	if (!is_url_of(url, is_mail ? "smtp://" : "http://", is_mail ? "smtps://" : "https://"))
		fault(reader, node, "\"%s\" of output %s must be %s URL; example: %s = \"%s\"",
		      option, reader->name,
		      is_mail ? "an smtp:// or smtps://" : "an http:// or https://", option,
		      is_mail ? "smtps://smtp.example.com:465" : "https://example.org/hook");
}

static const struct option slack_rows[] = {
	{.name = "token",
	 .type = OPTION_ANY,
	 .is_required = true,
	 .example = "{ env = \"SLACK_TOKEN\" }",
	 .help = "bot token"},
	{.name = "channel",
	 .type = OPTION_TEXT,
	 .is_required = true,
	 .example = "\"C0123456789\"",
	 .help = "id of the channel"},
	{.name = "api",
	 .type = OPTION_TEXT,
	 .example = "\"https://slack.com/api\"",
	 .help = "where the API is"},
	{.name = NULL},
};

static const struct option feishu_rows[] = {
	{.name = "app",
	 .type = OPTION_TEXT,
	 .is_required = true,
	 .example = "\"cli_a1b2c3\"",
	 .help = "id of the app"},
	{.name = "secret",
	 .type = OPTION_ANY,
	 .is_required = true,
	 .example = "{ env = \"FEISHU_SECRET\" }",
	 .help = "secret of the app"},
	{.name = "chat",
	 .type = OPTION_TEXT,
	 .is_required = true,
	 .example = "\"oc_a1b2c3\"",
	 .help = "id of the chat, or of a person"},
	{.name = "api",
	 .type = OPTION_TEXT,
	 .example = "\"https://open.feishu.cn\"",
	 .help = "where the API is"},
	{.name = NULL},
};

/** A webhook of a robot, or an app. */
static void read_feishu(struct channel_reader *reader, const struct tree *node)
{
	struct channel_settings *settings = reader->settings;
	struct config *config = reader->builder->config;
	const struct tree *api = tree_get(node, "api");
	char what[CONFIG_NAME_BYTES_MAX + 32];

	if (!tree_is_map(node) || tree_get(node, "env") != NULL || tree_get(node, "file") != NULL) {
		read_url(reader, node, "feishu");
		return;
	}
	snprintf(what, sizeof(what), "feishu of output %s", reader->name);
	if (options_check(node, feishu_rows, reader->builder->file, what, reader->builder->report) >
	    0)
		return;
	settings->user = config_copy_text(config, option_text(node, "app", ""));
	settings->token =
		config_secret(reader->builder, tree_get(node, "secret"), "secret", reader->name);
	settings->room = config_copy_text(config, option_text(node, "chat", ""));
	if (api != NULL)
		read_url(reader, api, "api");
}

static void read_slack(struct channel_reader *reader, const struct tree *node)
{
	struct channel_settings *settings = reader->settings;
	const struct tree *api = tree_get(node, "api");
	char what[CONFIG_NAME_BYTES_MAX + 32];

	if (!tree_is_map(node) || tree_get(node, "env") != NULL || tree_get(node, "file") != NULL) {
		read_url(reader, node, "slack");
		return;
	}
	snprintf(what, sizeof(what), "slack of output %s", reader->name);
	if (options_check(node, slack_rows, reader->builder->file, what, reader->builder->report) >
	    0)
		return;
	settings->token =
		config_secret(reader->builder, tree_get(node, "token"), "token", reader->name);
	settings->room =
		config_copy_text(reader->builder->config, option_text(node, "channel", ""));
	if (api != NULL)
		read_url(reader, api, "api");
}

/* ---- mail ---- */

static void read_to(struct channel_reader *reader)
{
	struct channel_settings *settings = reader->settings;
	const struct tree *to = tree_get(reader->tree, "to");

	if (to == NULL)
		return;
	settings->to = config_copy_texts(reader->builder->config, to, &settings->to_count);
	if (settings->kind == CHANNEL_GATEWAY) {
		if (settings->to_count != 1)
			fault(reader, to, "\"to\" of output %s must have one recipient, found %u",
			      reader->name, settings->to_count);
		return;
	}
	if (settings->to_count > CHANNEL_TO_MAX)
		fault(reader, to, "\"to\" of output %s has %u addresses; at most %d are allowed",
		      reader->name, settings->to_count, CHANNEL_TO_MAX);
	for (uint32_t i = 0; i < settings->to_count; i++)
		if (!channel_is_address(settings->to[i]))
			fault(reader, to,
			      "\"to\" of output %s must be mail addresses, found "
			      "\"%.100s\"; example: to = { \"duty@example.com\" }",
			      reader->name, settings->to[i]);
}

static bool is_loopback(const char *url)
{
	const char *host = strstr(url, "://");

	host = host != NULL ? host + 3 : "";
	return strncmp(host, "127.", 4) == 0 || strncmp(host, "localhost", 9) == 0 ||
	       strncmp(host, "[::1]", 5) == 0;
}

static void read_mail(struct channel_reader *reader)
{
	struct channel_settings *settings = reader->settings;
	const struct tree *tree = reader->tree;

	settings->from = config_copy_text(reader->builder->config, option_text(tree, "from", NULL));
	settings->has_tls = option_bool(tree, "tls", true);
	settings->user = secret_option(reader, "user");
	settings->password = secret_option(reader, "password");
	if (settings->from == NULL || !channel_is_address(settings->from))
		fault(reader, settings->from != NULL ? tree_get(tree, "from") : tree,
		      "output %s needs \"from\", a mail address; example: from = "
		      "\"tocsin@example.com\"",
		      reader->name);
	if (settings->to_count == 0)
		fault(reader, tree,
		      "output %s needs \"to\", a list of mail addresses; example: "
		      "to = { \"duty@example.com\" }",
		      reader->name);
	if (settings->password != NULL && !settings->has_tls &&
	    (settings->url == NULL || !is_loopback(settings->url)))
		fault(reader, tree_get(tree, "tls"),
		      "\"tls\" of output %s must not be false with a password, but for a server "
		      "on this machine",
		      reader->name);
}

/* ---- gateway ---- */

static void check_template(const struct channel_reader *reader, const struct tree *node,
			   const char *what, const char *text)
{
	struct err_note why = {{0}};

	if (template_check(text, &why) != 0)
		fault(reader, node,
		      "%s of output %s: %s; {title}, {text}, {incident}, {severity}, "
		      "{recipient}, {id}, {labels.NAME} … are known",
		      what, reader->name, why.text);
}

bool config_is_header_name(const char *name)
{
	static const char *const own[] = {"Content-Type", "Content-Length", "Host",
					  "Transfer-Encoding", "Idempotency-Key"};

	for (const char *c = name; *c != '\0'; c++)
		if ((*c < 'a' || *c > 'z') && (*c < 'A' || *c > 'Z') && (*c < '0' || *c > '9') &&
		    *c != '-' && *c != '_')
			return false;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcasecmp(own[i], name) == 0)
			return false;
	return name[0] != '\0';
}

static void read_headers(struct channel_reader *reader)
{
	struct channel_settings *settings = reader->settings;
	const struct tree *headers = tree_get(reader->tree, "headers");
	struct channel_pair *pairs;

	if (headers == NULL)
		return;
	if (headers->child_count > HEADERS_MAX) {
		fault(reader, headers, "\"headers\" of output %s has %u; at most %d are allowed",
		      reader->name, headers->child_count, HEADERS_MAX);
		return;
	}
	pairs = arena_zalloc(&reader->builder->config->arena,
			     (headers->child_count + 1) * sizeof(*pairs));
	for (const struct tree *child = headers->first; child != NULL; child = child->next) {
		struct channel_pair *pair = &pairs[settings->header_count++];

		if (!config_is_header_name(child->key))
			fault(reader, child, "\"headers\" of output %s may not have \"%.64s\"",
			      reader->name, child->key);
		pair->name = config_copy_text(reader->builder->config, child->key);
		pair->value = config_secret(reader->builder, child, child->key, reader->name);
	}
	settings->headers = pairs;
}

static void read_gateway(struct channel_reader *reader)
{
	struct channel_settings *settings = reader->settings;
	struct config *config = reader->builder->config;
	const struct tree *tree = reader->tree;
	const char *body = option_text(tree, "body", NULL);

	settings->method = config_copy_text(config, option_text(tree, "method", "POST"));
	settings->content_type =
		config_copy_text(config, option_text(tree, "content_type", "application/json"));
	settings->body = config_copy_text(config, body != NULL ? body : "");
	settings->is_voice = strcmp(option_text(tree, "kind", "sms"), "voice") == 0;
	read_headers(reader);
	if (!is_visible(settings->content_type))
		fault(reader, tree_get(tree, "content_type"),
		      "\"content_type\" of output %s must be one line of visible characters; "
		      "example: "
		      "content_type = \"application/json\"",
		      reader->name);
	if (body == NULL && strcmp(settings->method, "GET") != 0)
		fault(reader, tree,
		      "output %s needs \"body\", a template; example: body = "
		      "'{\"to\":\"{recipient}\",\"text\":\"{text}\"}'",
		      reader->name);
	if (body != NULL)
		check_template(reader, tree_get(tree, "body"), "\"body\"", body);
	if (settings->url != NULL && !is_reference(settings->url))
		check_template(reader, tree_get(tree, "gateway"), "\"gateway\"", settings->url);
}

/* ---- what every channel has ---- */

static void read_templates(struct channel_reader *reader)
{
	struct channel_settings *settings = reader->settings;
	const struct tree *templates = tree_get(reader->tree, "templates");
	struct channel_pair *pairs;

	if (templates == NULL)
		return;
	pairs = arena_zalloc(&reader->builder->config->arena,
			     (templates->child_count + 1) * sizeof(*pairs));
	for (const struct tree *child = templates->first; child != NULL; child = child->next) {
		char found[TREE_DESCRIPTION_BYTES_MAX];
		struct channel_pair *pair = &pairs[settings->template_count];

		if (!message_is_event(child->key))
			fault(reader, child,
			      "\"templates\" of output %s: there is no event "
			      "\"%.64s\"; example: templates = { opened = \"{title}\" }",
			      reader->name, child->key);
		else if (child->type != TREE_STRING || strlen(child->text) != child->text_length)
			fault(reader, child,
			      "template %s of output %s must be a text, found %s; example: "
			      "templates = { opened = \"{title}\" }",
			      child->key, reader->name, tree_describe(child, found));
		else {
			check_template(reader, child, "a template", child->text);
			pair->name = config_copy_text(reader->builder->config, child->key);
			pair->value = config_copy_text(reader->builder->config, child->text);
			settings->template_count++;
		}
	}
	settings->templates = pairs;
}

bool config_rates(const struct tree *node, struct rate *out, uint32_t *count)
{
	bool is_right = node->child_count > 0 && tree_is_list(node);

	*count = 0;
	if (config_read_rate(node, &out[0])) {
		*count = 1;
		return true;
	}
	for (const struct tree *child = node->first; child != NULL && is_right; child = child->next)
		is_right = *count < RATES_MAX && config_read_rate(child, &out[(*count)++]);
	return is_right;
}

static void read_rates(struct channel_reader *reader)
{
	struct channel_settings *settings = reader->settings;
	const struct tree *rates = tree_get(reader->tree, "rate");

	if (rates != NULL && !config_rates(rates, settings->rates, &settings->rate_count))
		fault(reader, rates,
		      "\"rate\" of output %s must be { COUNT, SPAN } or a list of at "
		      "most %d of them, counts from 1 to %d, spans from 1s to 1d; example: "
		      "rate = { 20, \"1m\" }",
		      reader->name, RATES_MAX, RATE_COUNT_MAX);
}

void config_read_channel(struct config_builder *builder, const struct tree *tree,
			 struct config_output *output, enum channel_kind kind)
{
	struct channel_settings *settings =
		arena_zalloc(&builder->config->arena, sizeof(*settings));
	struct channel_reader reader = {builder, tree, output->name, settings};
	const struct tree *target = tree_get(tree, channel_kind_name(kind));

	settings->kind = kind;
	settings->is_zh = strcmp(option_text(tree, "language", "en"), "zh") == 0;
	settings->is_plain = strcmp(option_text(tree, "format", "markup"), "text") == 0;
	settings->text_max = (uint32_t)option_int(tree, "length", 0);
	settings->timeout_ms = option_span_ms(tree, "timeout", 10000);
	settings->secret = secret_option(&reader, "secret");
	if (kind == CHANNEL_SLACK)
		read_slack(&reader, target);
	else if (kind == CHANNEL_FEISHU)
		read_feishu(&reader, target);
	else if (kind != CHANNEL_CONSOLE)
		read_url(&reader, target, channel_kind_name(kind));
	read_to(&reader);
	if (kind == CHANNEL_MAIL)
		read_mail(&reader);
	if (kind == CHANNEL_GATEWAY)
		read_gateway(&reader);
	read_templates(&reader);
	read_rates(&reader);
	output->kind = OUTPUT_CHANNEL;
	output->channel = settings;
	/* Documents of alerts come in the language of those who read them. */
	output->has_zh_keys = settings->is_zh;
}
