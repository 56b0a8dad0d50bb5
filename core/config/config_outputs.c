#include "core/config/config_internal.h"

#include "core/base/bytes.h"
#include "core/base/report.h"

#include <string.h>

static const char *const language_choices[] = {"en", "zh", NULL};
static const char *const format_choices[] = {"markup", "text", NULL};
static const char *const method_choices[] = {"POST", "PUT", "GET", NULL};
static const char *const gateway_choices[] = {"sms", "voice", NULL};

const struct option config_output_rows[] = {
	{.name = "file",
	 .type = OPTION_TEXT,
	 .example = "\"alerts.jsonl\"",
	 .help = "file of JSON lines; a relative path starts at the state directory"},
	{.name = "stdout", .type = OPTION_BOOL, .example = "true", .help = "standard output"},
	{.name = "webhook",
	 .type = OPTION_TEXT,
	 .example = "\"https://example.org/hook\"",
	 .help = "URL that receives each document by POST"},
	{.name = "dingtalk",
	 .type = OPTION_ANY,
	 .lua_type = "string|table",
	 .example = "\"https://oapi.dingtalk.com/robot/send?access_token=…\"",
	 .help = "webhook of a DingTalk robot"},
	{.name = "feishu",
	 .type = OPTION_ANY,
	 .lua_type = "string|table",
	 .example = "\"https://open.feishu.cn/open-apis/bot/v2/hook/…\"",
	 .help = "webhook of a Feishu robot, or { app =, secret =, chat = }"},
	{.name = "wecom",
	 .type = OPTION_ANY,
	 .lua_type = "string|table",
	 .example = "\"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…\"",
	 .help = "webhook of a WeCom robot"},
	{.name = "slack",
	 .type = OPTION_ANY,
	 .lua_type = "string|table",
	 .example = "{ token = { env = \"SLACK_TOKEN\" }, channel = \"C0123456789\" }",
	 .help = "webhook, or a bot's token and channel: then there is one message an incident"},
	{.name = "mail",
	 .type = OPTION_ANY,
	 .lua_type = "string|table",
	 .example = "\"smtps://smtp.example.com:465\"",
	 .help = "mail server"},
	{.name = "gateway",
	 .type = OPTION_ANY,
	 .lua_type = "string|table",
	 .example = "\"https://sms.example.com/send\"",
	 .help = "URL of a gateway for voice or SMS; a template"},
	{.name = "console",
	 .type = OPTION_BOOL,
	 .example = "true",
	 .help = "standard output, in words"},
	{.name = "keys",
	 .type = OPTION_CHOICE,
	 .choices = language_choices,
	 .example = "\"zh\"",
	 .help = "language of the documents' keys"},
	{.name = "secret",
	 .type = OPTION_ANY,
	 .lua_type = "string|table",
	 .example = "{ file = \"/etc/tocsin/secret\" }",
	 .help = "key of the signature"},
	{.name = "timeout",
	 .type = OPTION_SPAN,
	 .min = 100,
	 .max = 600000,
	 .example = "\"10s\"",
	 .help = "time for one request"},
	{.name = "language",
	 .type = OPTION_CHOICE,
	 .choices = language_choices,
	 .example = "\"zh\"",
	 .help = "language of the messages"},
	{.name = "format",
	 .type = OPTION_CHOICE,
	 .choices = format_choices,
	 .example = "\"text\"",
	 .help = "with markup, or plain text"},
	{.name = "templates",
	 .type = OPTION_TABLE,
	 .example = "{ opened = \"{badge}{title}\" }",
	 .help = "other words for an event; the first line is the title"},
	{.name = "rate",
	 .type = OPTION_LIST,
	 .example = "{ 20, \"1m\" }",
	 .help = "at most so many messages in so long a time"},
	{.name = "length",
	 .type = OPTION_INT,
	 .min = 20,
	 .max = CHANNEL_TEXT_MAX,
	 .example = "300",
	 .help = "longest text: letters of a gateway, bytes elsewhere"},
	{.name = "from",
	 .type = OPTION_TEXT,
	 .example = "\"tocsin@example.com\"",
	 .help = "sender of mail"},
	{.name = "to",
	 .type = OPTION_TEXT_LIST,
	 .example = "{ \"duty@example.com\" }",
	 .help = "recipients of messages that name none"},
	{.name = "user",
	 .type = OPTION_ANY,
	 .lua_type = "string|table",
	 .example = "\"tocsin\"",
	 .help = "user of the mail server"},
	{.name = "password",
	 .type = OPTION_ANY,
	 .lua_type = "string|table",
	 .example = "{ env = \"MAIL_PASSWORD\" }",
	 .help = "password of the mail server"},
	{.name = "tls",
	 .type = OPTION_BOOL,
	 .example = "false",
	 .help = "false: the mail server need not encrypt"},
	{.name = "method",
	 .type = OPTION_CHOICE,
	 .choices = method_choices,
	 .example = "\"PUT\"",
	 .help = "of the gateway's request"},
	{.name = "body",
	 .type = OPTION_TEXT,
	 .example = "'{\"to\":\"{recipient}\",\"text\":\"{text}\"}'",
	 .help = "of the gateway's request; a template"},
	{.name = "content_type",
	 .type = OPTION_TEXT,
	 .example = "\"application/x-www-form-urlencoded\"",
	 .help = "of the body; values are escaped for it"},
	{.name = "headers",
	 .type = OPTION_TABLE,
	 .example = "{ Authorization = { env = \"SMS_KEY\" } }",
	 .help = "of the gateway's request"},
	{.name = "kind",
	 .type = OPTION_CHOICE,
	 .choices = gateway_choices,
	 .example = "\"voice\"",
	 .help = "what the gateway does"},
	{.name = NULL},
};

/* ---- which option is for what ---- */

enum {
	FOR_FILE = 1 << 0,
	FOR_STDOUT = 1 << 1,
	FOR_WEBHOOK = 1 << 2,
	FOR_DINGTALK = 1 << 3,
	FOR_FEISHU = 1 << 4,
	FOR_WECOM = 1 << 5,
	FOR_SLACK = 1 << 6,
	FOR_MAIL = 1 << 7,
	FOR_GATEWAY = 1 << 8,
	FOR_CONSOLE = 1 << 9,
	FOR_DOCUMENTS = FOR_FILE | FOR_STDOUT | FOR_WEBHOOK,
	FOR_CHATS = FOR_DINGTALK | FOR_FEISHU | FOR_WECOM | FOR_SLACK,
	FOR_PEOPLE = FOR_CHATS | FOR_MAIL | FOR_GATEWAY | FOR_CONSOLE,
};

/** In the order of the FOR_ bits; from the fourth on, in that of enum channel_kind. */
static const char *const target_names[] = {"file",  "stdout", "webhook", "dingtalk", "feishu",
					   "wecom", "slack",  "mail",    "gateway",  "console"};
enum { TARGETS = sizeof(target_names) / sizeof(target_names[0]), FIRST_CHANNEL = 3 };

static const struct {
	const char *name;
	int targets;
} option_uses[] = {
	{"keys", FOR_DOCUMENTS},
	{"secret", FOR_WEBHOOK | FOR_DINGTALK | FOR_FEISHU},
	{"timeout", FOR_WEBHOOK | FOR_CHATS | FOR_MAIL | FOR_GATEWAY},
	{"language", FOR_PEOPLE},
	{"format", FOR_CHATS},
	{"templates", FOR_PEOPLE},
	{"rate", FOR_PEOPLE},
	{"length", FOR_PEOPLE},
	{"from", FOR_MAIL},
	{"to", FOR_MAIL | FOR_GATEWAY},
	{"user", FOR_MAIL},
	{"password", FOR_MAIL},
	{"tls", FOR_MAIL},
	{"method", FOR_GATEWAY},
	{"body", FOR_GATEWAY},
	{"content_type", FOR_GATEWAY},
	{"headers", FOR_GATEWAY},
	{"kind", FOR_GATEWAY},
};

bool config_is_url(const char *text)
{
	const char *rest = NULL;

	if (strncmp(text, "http://", 7) == 0)
		rest = text + 7;
	else if (strncmp(text, "https://", 8) == 0)
		rest = text + 8;
	return rest != NULL && rest[0] != '\0' && rest[0] != '/' &&
	       strpbrk(text, " \t\r\n") == NULL;
}

/** What the program keeps in the state directory: written to by somebody else, it is broken. */
static const char *const own_names[] = {"db", "db.mark", "db.ballast", "control.sock",
					"running-script"};

/** Next part of a path that says something: not empty, not ".". Length 0 at the end. */
static struct slice next_part(const char **path)
{
	struct slice part;

	do {
		*path += strspn(*path, "/");
		part = (struct slice){*path, strcspn(*path, "/")};
		*path += part.length;
	} while (slice_equal(part, slice_of(".")));
	return part;
}

static bool is_same_file(const char *a, const char *b)
{
	struct slice part;

	if ((a[0] == '/') != (b[0] == '/'))
		return false;
	do {
		part = next_part(&a);
		if (!slice_equal(part, next_part(&b)))
			return false;
	} while (part.length > 0);
	return true;
}

bool config_is_own_file(const char *path)
{
	struct slice first = next_part(&path);

	for (size_t i = 0; i < sizeof(own_names) / sizeof(own_names[0]); i++)
		if (slice_equal(first, slice_of(own_names[i])))
			return true;
	return false;
}

static bool has_parent_part(const char *path)
{
	for (struct slice part = next_part(&path); part.length > 0; part = next_part(&path))
		if (slice_equal(part, slice_of("..")))
			return true;
	return false;
}

/** Why the path cannot be an output, or NULL. */
static const char *fault_of_path(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;

	if (path[0] == '\0')
		return "must not be empty";
	if (has_parent_part(path))
		return "must not have \"..\"";
	if (name[0] == '\0' || strcmp(name, ".") == 0)
		return "must be a file, not a directory";
	if (path[0] != '/' && config_is_own_file(path))
		return "must not be a file that Tocsin keeps in the state directory";
	return NULL;
}

static void check_file(struct config_builder *builder, const struct tree *node,
		       const struct config_output *output)
{
	const struct config *config = builder->config;
	const char *fault = fault_of_path(node->text);

	if (fault != NULL) {
		report_add(builder->report, builder->file, node->line,
			   "\"file\" of output %s %s, found \"%.200s\"; example: "
			   "file = \"alerts.jsonl\"",
			   output->name, fault, node->text);
		return;
	}
	for (const struct config_output *other = config->outputs; other != output; other++) {
		if (other->text == NULL || other->kind != OUTPUT_FILE ||
		    !is_same_file(other->text, output->text))
			continue;
		report_add(builder->report, builder->file, node->line,
			   "\"file\" of output %s is the file of output %s, too: \"%.200s\"; "
			   "each output needs a file of its own",
			   output->name, other->name, node->text);
		return;
	}
}

static bool has_target(const struct tree *tree, int at)
{
	const struct tree *node = tree_get(tree, target_names[at]);

	return node != NULL && (node->type != TREE_BOOL || node->boolean);
}

/** Which target the output has, or -1 after a fault. */
static int find_target(struct config_builder *builder, const struct tree *tree, const char *name)
{
	struct bytes list = BYTES_EMPTY;
	int count = 0, found = -1;

	for (int at = 0; at < TARGETS; at++) {
		bytes_append_format(&list, "%s%s", at > 0 ? ", " : "", target_names[at]);
		if (!has_target(tree, at))
			continue;
		found = at;
		count++;
	}
	if (count != 1)
		report_add(builder->report, builder->file, tree->line,
			   "output %s must have exactly one of %s, found %d; example: "
			   "%s = { file = \"alerts.jsonl\" }",
			   name, list.data, count, name);
	bytes_deinit(&list);
	return count == 1 ? found : -1;
}

static void check_uses(struct config_builder *builder, const struct tree *tree, const char *name,
		       int target)
{
	for (size_t i = 0; i < sizeof(option_uses) / sizeof(option_uses[0]); i++) {
		const struct tree *node = tree_get(tree, option_uses[i].name);
		struct bytes list = BYTES_EMPTY;

		if (node == NULL || (option_uses[i].targets & 1 << target) != 0)
			continue;
		for (int at = 0; at < TARGETS; at++)
			if ((option_uses[i].targets & 1 << at) != 0)
				bytes_append_format(&list, "%s%s", list.length > 0 ? ", " : "",
						    target_names[at]);
		report_add(builder->report, builder->file, node->line,
			   "\"%s\" of output %s is only for %s, and this is a %s",
			   option_uses[i].name, name, list.data, target_names[target]);
		bytes_deinit(&list);
	}
}

static void read_documents(struct config_builder *builder, const struct tree *tree,
			   struct config_output *output, int target)
{
	const char *text = option_text(tree, target_names[target], NULL);
	const struct tree *secret = tree_get(tree, "secret");

	output->kind = (enum output_kind)target;
	output->text = config_copy_text(builder->config, text);
	output->has_zh_keys = strcmp(option_text(tree, "keys", "en"), "zh") == 0;
	output->timeout_ms = option_span_ms(tree, "timeout", 10000);
	if (secret != NULL)
		output->secret = config_secret(builder, secret, "secret", output->name);
	if (output->kind == OUTPUT_FILE)
		check_file(builder, tree_get(tree, "file"), output);
	if (output->kind == OUTPUT_WEBHOOK && !config_is_url(text))
		report_add(builder->report, builder->file, tree_get(tree, "webhook")->line,
			   "\"webhook\" of output %s must be an http:// or https:// URL, found "
			   "\"%.200s\"; example: webhook = \"https://example.org/hook\"",
			   output->name, text);
}

static void read_output(struct config_builder *builder, const struct tree *tree,
			struct config_output *output)
{
	char what[CONFIG_NAME_BYTES_MAX + 16];
	int target;

	output->name = config_copy_text(builder->config, tree->key);
	snprintf(what, sizeof(what), "output %s", tree->key);
	if (options_check(tree, config_output_rows, builder->file, what, builder->report) > 0)
		return;
	target = find_target(builder, tree, output->name);
	if (target < 0)
		return;
	check_uses(builder, tree, output->name, target);
	if (target < FIRST_CHANNEL)
		read_documents(builder, tree, output, target);
	else
		config_read_channel(builder, tree, output,
				    (enum channel_kind)(target - FIRST_CHANNEL));
}

void config_read_outputs(struct config_builder *builder, const struct tree *outputs)
{
	struct config *config = builder->config;

	if (outputs == NULL || outputs->child_count == 0)
		return;
	if (outputs->child_count > CONFIG_OUTPUTS_MAX) {
		report_add(builder->report, builder->file, outputs->line,
			   "outputs has %u entries; at most %d are allowed", outputs->child_count,
			   CONFIG_OUTPUTS_MAX);
		return;
	}
	config->outputs =
		arena_zalloc(&config->arena, outputs->child_count * sizeof(*config->outputs));
	for (const struct tree *child = outputs->first; child != NULL; child = child->next) {
		if (child->key == NULL || !config_is_name(child->key)) {
			report_add(builder->report, builder->file, child->line,
				   "an output needs a name of letters, digits, _ - . (at most %d), "
				   "found \"%.80s\"; example: alerts = { file = \"alerts.jsonl\" }",
				   CONFIG_NAME_BYTES_MAX, child->key != NULL ? child->key : "");
			continue;
		}
		read_output(builder, child, &config->outputs[config->output_count++]);
	}
}

bool config_check_output(struct config_builder *builder, const struct tree *name, const char *what)
{
	const struct config *config = builder->config;
	struct bytes known = BYTES_EMPTY;

	if (config_find_output(config, name->text) != NULL)
		return true;
	for (uint32_t i = 0; i < config->output_count; i++)
		bytes_append_format(&known, "%s%s", i > 0 ? ", " : "", config->outputs[i].name);
	report_add(builder->report, builder->file, name->line,
		   "%s: unknown output \"%.64s\"; outputs of the site: %.400s", what, name->text,
		   known.length > 0 ? known.data : "none");
	bytes_deinit(&known);
	return false;
}
