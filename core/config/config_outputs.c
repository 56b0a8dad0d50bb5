#include "core/config/config_internal.h"

#include "core/base/bytes.h"
#include "core/base/report.h"

#include <string.h>

static const char *const key_choices[] = {"en", "zh", NULL};

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
	{.name = "keys",
	 .type = OPTION_CHOICE,
	 .choices = key_choices,
	 .example = "\"zh\"",
	 .help = "language of the documents' keys"},
	{.name = "secret",
	 .type = OPTION_TEXT,
	 .example = "\"file:/etc/tocsin/secret\"",
	 .help = "key of the webhook's signature"},
	{.name = "timeout",
	 .type = OPTION_SPAN,
	 .min = 100,
	 .max = 600000,
	 .example = "\"10s\"",
	 .help = "time for one webhook request"},
	{.name = NULL},
};

static bool is_url(const char *text)
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

static void read_target(struct config_builder *builder, const struct tree *tree,
			struct config_output *output)
{
	const char *file = option_text(tree, "file", NULL);
	const char *webhook = option_text(tree, "webhook", NULL);
	bool is_stdout = option_bool(tree, "stdout", false);
	int target_count = (file != NULL) + (webhook != NULL) + (is_stdout ? 1 : 0);

	if (target_count != 1) {
		report_add(builder->report, builder->file, tree->line,
			   "output %s must have exactly one of file, stdout, webhook, found %d; "
			   "example: %s = { file = \"alerts.jsonl\" }",
			   output->name, target_count, output->name);
		return;
	}
	output->kind = file != NULL ? OUTPUT_FILE : is_stdout ? OUTPUT_STDOUT : OUTPUT_WEBHOOK;
	output->text = config_copy_text(builder->config, file != NULL ? file : webhook);
	if (file != NULL)
		check_file(builder, tree_get(tree, "file"), output);
	if (webhook != NULL && !is_url(webhook))
		report_add(builder->report, builder->file, tree_get(tree, "webhook")->line,
			   "\"webhook\" of output %s must be an http:// or https:// URL, found "
			   "\"%.200s\"; example: webhook = \"https://example.org/hook\"",
			   output->name, webhook);
}

static void read_output(struct config_builder *builder, const struct tree *tree,
			struct config_output *output)
{
	char what[CONFIG_NAME_BYTES_MAX + 16];
	const struct tree *webhook_only[2];
	static const char *const webhook_names[] = {"secret", "timeout"};

	output->name = config_copy_text(builder->config, tree->key);
	snprintf(what, sizeof(what), "output %s", tree->key);
	if (options_check(tree, config_output_rows, builder->file, what, builder->report) > 0)
		return;
	read_target(builder, tree, output);
	output->has_zh_keys = strcmp(option_text(tree, "keys", "en"), "zh") == 0;
	output->secret = config_copy_text(builder->config, option_text(tree, "secret", NULL));
	output->timeout_ms = option_span_ms(tree, "timeout", 10000);
	for (int i = 0; i < 2; i++) {
		webhook_only[i] = tree_get(tree, webhook_names[i]);
		if (webhook_only[i] != NULL && output->kind != OUTPUT_WEBHOOK)
			report_add(builder->report, builder->file, webhook_only[i]->line,
				   "\"%s\" of output %s is only for a webhook", webhook_names[i],
				   output->name);
	}
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
