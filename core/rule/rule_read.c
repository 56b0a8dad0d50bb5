#include "core/rule/rule.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/base/utf8.h"
#include "core/config/config.h"
#include "core/config/options.h"
#include "core/config/tree.h"
#include "core/model/span.h"
#include "core/rule/rule_internal.h"
#include "core/rule/rule_runner.h"

#include <stdarg.h>
#include <string.h>

enum { SPAN_TEXT_BYTES_MAX = 24 };

void rule_fault(const struct rule_builder *builder, const char *name, const char *format, ...)
{
	const struct tree *entry = tree_get(builder->tree, name);
	struct err_note text = {0};
	va_list args;

	va_start(args, format);
	err_vset(&text, ERR_INVALID, format, args);
	va_end(args);
	report_add(builder->report, builder->rule->file,
		   entry != NULL ? entry->line : builder->tree->line, "%s", text.text);
}

void rule_fault_at(const struct rule_builder *builder, int line, const char *format, ...)
{
	struct err_note text = {0};
	va_list args;

	va_start(args, format);
	err_vset(&text, ERR_INVALID, format, args);
	va_end(args);
	report_add(builder->report, builder->rule->file, line, "%s", text.text);
}

static void read_type(struct rule_builder *builder, int *type)
{
	const char *text = option_text(builder->tree, "type", "");

	*type = rule_type_parse(text);
	if (*type >= 0) {
		builder->rule->type = (enum rule_type) * type;
		return;
	}
	if (tree_is_list(builder->tree) && builder->tree->child_count > 0) {
		rule_fault(
			builder, "type",
			"a rule has values with names, found a list; write key = value; example: "
			"return rule.count { source = \"pay\", … }");
		return;
	}
	rule_fault(builder, "type",
		   "unknown rule type \"%.64s\"; allowed: rule.count, rule.field, rule.continuous, "
		   "rule.group, rule.baseline, rule.script; example: return rule.count { … }",
		   text);
}

/** "unknown source "pya"; did you mean "pay"?; sources of the site: pay, other" */
static void fault_unknown(struct rule_builder *builder, const char *what, const char *name,
			  const char *const *names, uint32_t count)
{
	struct bytes known = BYTES_EMPTY;
	const char *nearest = report_nearest(name, names);

	for (uint32_t i = 0; i < count; i++)
		bytes_append_format(&known, "%s%s", i > 0 ? ", " : "", names[i]);
	rule_fault(builder, what, "unknown %s \"%.64s\"%s%s%s; %ss of the site: %s", what, name,
		   nearest != NULL ? "; did you mean \"" : "", nearest != NULL ? nearest : "",
		   nearest != NULL ? "\"?" : "", what, known.data != NULL ? known.data : "none");
	bytes_deinit(&known);
}

static void read_source(struct rule_builder *builder)
{
	const struct config *config = builder->config;
	const char *name = option_text(builder->tree, "source", NULL);
	const char *names[CONFIG_SOURCES_MAX + 1];

	if (name == NULL)
		return;
	builder->rule->source = arena_copy_text(&builder->rule->arena, name);
	if (config == NULL)
		return;
	builder->source = config_find_source(config, name);
	if (builder->source != NULL)
		return;
	for (uint32_t i = 0; i < config->source_count; i++)
		names[i] = config->sources[i].name;
	names[config->source_count] = NULL;
	fault_unknown(builder, "source", name, names, config->source_count);
}

static void read_output(struct rule_builder *builder)
{
	const struct config *config = builder->config;
	const char *name = option_text(builder->tree, "output", NULL);
	const char *names[CONFIG_OUTPUTS_MAX + 1];

	if (name == NULL)
		return;
	builder->rule->output = arena_copy_text(&builder->rule->arena, name);
	if (config == NULL || config_find_output(config, name) != NULL)
		return;
	for (uint32_t i = 0; i < config->output_count; i++)
		names[i] = config->outputs[i].name;
	names[config->output_count] = NULL;
	fault_unknown(builder, "output", name, names, config->output_count);
}

static void read_window(struct rule_builder *builder)
{
	struct rule *rule = builder->rule;
	const char *text = option_text(builder->tree, "window", NULL);
	char pane[SPAN_TEXT_BYTES_MAX], window[SPAN_TEXT_BYTES_MAX];

	if (text == NULL || span_parse_window(text, &rule->window_ms, NULL) != 0)
		return;
	if (text[strlen(text) - 1] == 'd')
		rule->window_days = (uint32_t)(rule->window_ms / (24 * 3600 * 1000));
	rule->pane_ms = span_pane_ms(rule->window_ms);
	rule->every_ms = option_span_ms(builder->tree, "every", rule->pane_ms);
	span_format(rule->pane_ms, pane, sizeof(pane));
	span_format(rule->window_ms, window, sizeof(window));
	if (rule->every_ms < rule->pane_ms || rule->every_ms % rule->pane_ms != 0)
		rule_fault(
			builder, "every",
			"\"every\" must be a multiple of %s for a window of %s, found \"%.40s\"; "
			"example: every = \"%s\"",
			pane, window, option_text(builder->tree, "every", ""), pane);
	else if (rule->every_ms > rule->window_ms)
		rule_fault(builder, "every",
			   "\"every\" must not be longer than the window %s, found \"%.40s\": "
			   "readings between two windows would never be seen; example: every = "
			   "\"%s\"",
			   window, option_text(builder->tree, "every", ""), pane);
}

/** Of an option of the rule: every alert carries it, so it must fit into a row of the store. */
static void check_length(struct rule_builder *builder, const char *name, uint32_t bytes_max)
{
	const struct tree *item = tree_get(builder->tree, name);

	if (item != NULL && item->type == TREE_STRING && item->text_length == 0)
		rule_fault(builder, name, "\"%s\" is empty; leave it out", name);
	if (item != NULL && item->type == TREE_STRING && item->text_length > bytes_max)
		rule_fault(builder, name, "\"%s\" has %u bytes; at most %u are allowed", name,
			   item->text_length, bytes_max);
}

static void check_label(struct rule_builder *builder, const struct tree *item)
{
	size_t name_length = strlen(item->key);

	if (name_length == 0 || item->text_length == 0)
		rule_fault_at(builder, item->line,
			      "\"labels\" has an empty name or text; example: "
			      "labels = { team = \"payments\" }");
	else if (name_length > RULE_LABEL_NAME_BYTES_MAX)
		rule_fault_at(builder, item->line,
			      "a name in \"labels\" has %zu bytes; at most %d are allowed",
			      name_length, RULE_LABEL_NAME_BYTES_MAX);
	else if (item->text_length > RULE_LABEL_BYTES_MAX)
		rule_fault_at(builder, item->line, "label %s has %u bytes; at most %d are allowed",
			      item->key, item->text_length, RULE_LABEL_BYTES_MAX);
}

static void read_labels(struct rule_builder *builder)
{
	const struct tree *labels = tree_get(builder->tree, "labels");
	struct bytes json = BYTES_EMPTY;

	if (labels != NULL && tree_is_map(labels) && labels->child_count == 0)
		rule_fault(builder, "labels",
			   "\"labels\" is empty; leave it out, or write labels = "
			   "{ team = \"payments\" }");
	if (labels != NULL && labels->child_count > RULE_LABELS_MAX)
		rule_fault(builder, "labels", "\"labels\" has %u entries; at most %d are allowed",
			   labels->child_count, RULE_LABELS_MAX);
	bytes_append_char(&json, '{');
	for (const struct tree *item = labels != NULL && tree_is_map(labels) ? labels->first : NULL;
	     item != NULL; item = item->next) {
		char found[TREE_DESCRIPTION_BYTES_MAX];

		if (item->key == NULL || item->type != TREE_STRING) {
			report_add(builder->report, builder->rule->file, item->line,
				   "label %.64s must be name = string, found %s; example: "
				   "labels = { team = \"payments\" }",
				   item->key != NULL ? item->key : "", tree_describe(item, found));
			continue;
		}
		check_label(builder, item);
		if (json.length > 1)
			bytes_append_char(&json, ',');
		utf8_append_json(&json, slice_of(item->key));
		bytes_append_char(&json, ':');
		utf8_append_json(&json, (struct slice){item->text, item->text_length});
	}
	bytes_append_char(&json, '}');
	builder->rule->labels_json = arena_copy_text(&builder->rule->arena, json.data);
	bytes_deinit(&json);
}

const struct option rule_incident_rows[] = {
	{.name = "key",
	 .type = OPTION_TEXT_LIST,
	 .example = "{ \"merchantId\" }",
	 .help = "fields whose values make one incident"},
	{.name = "approve",
	 .type = OPTION_BOOL,
	 .example = "true",
	 .help = "a person approves what it opens first"},
	{.name = NULL},
};

static void read_incident_key(struct rule_builder *builder, const struct tree *item)
{
	struct rule *rule = builder->rule;
	struct bytes known = BYTES_EMPTY;

	for (uint32_t i = 0; i < rule->by_count; i++) {
		if (strcmp(rule->by[i], item->text) == 0) {
			rule->incident_keys[rule->incident_key_count++] = rule->by[i];
			return;
		}
		bytes_append_format(&known, "%s%s", i > 0 ? ", " : "", rule->by[i]);
	}
	report_add(builder->report, rule->file, item->line,
		   "\"key\" of incident must have fields of the rule's dimension, found "
		   "\"%.128s\"; allowed: %s",
		   item->text, known.data != NULL ? known.data : "none, the rule has no dimension");
	bytes_deinit(&known);
}

static void read_incident(struct rule_builder *builder)
{
	const struct tree *incident = tree_get(builder->tree, "incident");
	struct rule *rule = builder->rule;
	const struct tree *key;
	char found[TREE_DESCRIPTION_BYTES_MAX];

	rule->opens_incident = true;
	if (incident == NULL)
		return;
	if (incident->type == TREE_BOOL) {
		rule->opens_incident = incident->boolean;
		return;
	}
	if (!tree_is_map(incident)) {
		rule_fault(builder, "incident",
			   "\"incident\" must be false or { key = { fields } }, found %s; example: "
			   "incident = { key = { \"merchantId\" } }",
			   tree_describe(incident, found));
		return;
	}
	if (!rule_check_table(builder, incident, rule_incident_rows, "incident"))
		return;
	key = tree_get(incident, "key");
	rule->needs_approval = option_bool(incident, "approve", false);
	if (key == NULL && tree_get(incident, "approve") == NULL)
		rule_fault(builder, "incident",
			   "\"incident\" must have \"key\" or \"approve\"; example: "
			   "incident = { key = { \"merchantId\" } }");
	if (key == NULL)
		return;
	if (key->child_count < 1 || key->child_count > DIMENSION_FIELDS_MAX) {
		rule_fault(builder, "incident",
			   "\"key\" of incident must have 1 to %d fields, found %u; example: "
			   "incident = { key = { \"merchantId\" } }",
			   DIMENSION_FIELDS_MAX, key->child_count);
		return;
	}
	rule->has_incident_key = true;
	for (const struct tree *item = key->first; item != NULL; item = item->next)
		read_incident_key(builder, item);
}

static void read_all(struct rule_builder *builder)
{
	struct rule *rule = builder->rule;
	const struct tree *tree = builder->tree;
	struct option rows[RULE_OPTIONS_MAX];
	char what[32];
	int type;

	read_type(builder, &type);
	if (type < 0)
		return;
	snprintf(what, sizeof(what), "rule.%s", rule_type_name(rule->type));
	rule_options(rule->type, rows);
	options_check(tree, rows, rule->file, what, builder->report);
	check_length(builder, "title", RULE_TITLE_BYTES_MAX);
	check_length(builder, "description", RULE_DESCRIPTION_BYTES_MAX);
	rule->description = arena_copy_text(&rule->arena, option_text(tree, "description", ""));
	rule->title = arena_copy_text(&rule->arena, option_text(tree, "title", rule->name));
	rule->severity = arena_copy_text(&rule->arena, option_text(tree, "severity", "warning"));
	read_source(builder);
	read_output(builder);
	read_window(builder);
	rule_read_fields(builder);
	read_labels(builder);
	read_incident(builder);
	rule_read_parts(builder);
	rule->is_plain = rule_is_plain(rule);
}

struct rule *rule_new(const struct tree *tree, const char *name, uint32_t version, const char *file,
		      const char *hash, struct rule_runner *runner, const struct config *config,
		      struct report *report)
{
	struct rule *rule = mem_alloc(sizeof(*rule));
	struct rule_builder builder = {
		.rule = rule, .tree = tree, .config = config, .report = report};
	size_t faults_before = report->count + report->dropped_count;

	arena_init(&rule->arena);
	rule->reference_count = 1;
	rule->runner = runner;
	rule->name = arena_copy_text(&rule->arena, name);
	rule->version = version;
	rule->file = arena_copy_text(&rule->arena, file);
	snprintf(rule->hash, sizeof(rule->hash), "%s", hash != NULL ? hash : "");
	read_all(&builder);
	if (report->count + report->dropped_count > faults_before) {
		rule_unref(rule);
		return NULL;
	}
	return rule;
}
