#include "core/config/match.h"

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/config/config.h"
#include "core/config/options.h"
#include "core/config/tree.h"
#include "core/filter/regex.h"

#include <string.h>

static const struct option match_rows[] = {
	{.name = "rule",
	 .type = OPTION_ANY,
	 .example = "\"pay_failures\"",
	 .help = "name of the rule"},
	{.name = "severity",
	 .type = OPTION_ANY,
	 .example = "{ \"warning\", \"critical\" }",
	 .help = "severity of the alert"},
	{.name = "state",
	 .type = OPTION_ANY,
	 .example = "\"firing\"",
	 .help = "state of the alert"},
	{.name = "category",
	 .type = OPTION_ANY,
	 .example = "\"offline\"",
	 .help = "category of the alert, or one above it"},
	{.name = "labels",
	 .type = OPTION_TABLE,
	 .example = "{ team = \"payments\" }",
	 .help = "labels of the rule"},
	{.name = "dimension",
	 .type = OPTION_TABLE,
	 .example = "{ merchantId = { regex = \"^m0\" } }",
	 .help = "values of the alert's dimension"},
	{.name = NULL},
};

/** One table that is being read. */
struct reading {
	struct match *match;
	struct arena *arena;
	const char *file;
	const char *what;
	struct report *report;
	bool is_good;
};

static void fault(struct reading *reading, const struct tree *tree, const char *name)
{
	char found[TREE_DESCRIPTION_BYTES_MAX];

	reading->is_good = false;
	report_add(
		reading->report, reading->file, tree->line,
		"\"%.64s\" of %s must be a text, a list of texts or { regex = \"…\" }, found %s; "
		"example: severity = { \"warning\", \"critical\" }",
		name, reading->what, tree_describe(tree, found));
}

static bool is_text(const struct tree *tree)
{
	return tree->type == TREE_STRING && strlen(tree->text) == tree->text_length;
}

static void read_regex(struct reading *reading, const struct tree *tree, const char *name,
		       struct matcher *matcher)
{
	const struct tree *pattern = tree_get(tree, "regex");
	struct err_note why = {{0}};

	if (pattern == NULL || tree->child_count != 1 || !is_text(pattern)) {
		fault(reading, tree, name);
		return;
	}
	if (pattern->text_length > MATCH_REGEX_BYTES_MAX) {
		reading->is_good = false;
		report_add(reading->report, reading->file, pattern->line,
			   "\"%.64s\" of %s has a regex of %u bytes; at most %d are allowed", name,
			   reading->what, pattern->text_length, MATCH_REGEX_BYTES_MAX);
		return;
	}
	if (regex_compile(&matcher->regex, slice_of(pattern->text), &why) == 0)
		return;
	reading->is_good = false;
	report_add(reading->report, reading->file, pattern->line, "\"%.64s\" of %s: %s", name,
		   reading->what, why.text);
}

static void read_values(struct reading *reading, const struct tree *tree, const char *name,
			struct matcher *matcher)
{
	bool is_single = tree->type == TREE_STRING;
	uint32_t count = is_single ? 1 : tree->child_count;

	if (count > MATCH_VALUES_MAX) {
		reading->is_good = false;
		report_add(reading->report, reading->file, tree->line,
			   "\"%.64s\" of %s has %u values; at most %d are allowed", name,
			   reading->what, count, MATCH_VALUES_MAX);
		return;
	}
	matcher->values = arena_zalloc(reading->arena, count * sizeof(*matcher->values));
	for (const struct tree *item = is_single ? tree : tree->first; item != NULL;
	     item = is_single ? NULL : item->next) {
		if (!is_text(item)) {
			fault(reading, item, name);
			return;
		}
		matcher->values[matcher->value_count++] =
			arena_copy_text(reading->arena, item->text);
	}
}

static void read_matcher(struct reading *reading, const struct tree *tree, enum match_what what,
			 const char *group)
{
	struct matcher *matcher = &reading->match->matchers[reading->match->count];
	struct matcher fresh = {.field = {.what = what}, .line = tree->line};
	const char *name = tree->key;

	if (name == NULL) {
		fault(reading, tree, group != NULL ? group : "match");
		return;
	}
	if (reading->match->count == MATCHERS_MAX) {
		reading->is_good = false;
		report_add(reading->report, reading->file, tree->line,
			   "%s has more than %d matchers", reading->what, MATCHERS_MAX);
		return;
	}
	if (group != NULL) {
		fresh.field.name = arena_copy_text(reading->arena, name);
		name = arena_format(reading->arena, "%s.%s", group, name);
	}
	fresh.field.text = arena_copy_text(reading->arena, name);
	*matcher = fresh;
	reading->match->count++;
	if (tree->type == TREE_MAP && tree_get(tree, "regex") != NULL)
		read_regex(reading, tree, name, matcher);
	else if (is_text(tree) || (tree_is_list(tree) && tree->child_count > 0))
		read_values(reading, tree, name, matcher);
	else
		fault(reading, tree, name);
}

static void read_group(struct reading *reading, const struct tree *tree, enum match_what what)
{
	for (const struct tree *child = tree->first; child != NULL; child = child->next)
		read_matcher(reading, child, what, tree->key);
}

static void read_entry(struct reading *reading, const struct tree *tree)
{
	static const struct {
		const char *name;
		enum match_what what;
	} rows[] = {
		{"rule", MATCH_RULE},
		{"severity", MATCH_SEVERITY},
		{"state", MATCH_STATE},
		{"category", MATCH_CATEGORY},
	};

	if (strcmp(tree->key, "labels") == 0)
		read_group(reading, tree, MATCH_LABEL);
	else if (strcmp(tree->key, "dimension") == 0)
		read_group(reading, tree, MATCH_DIMENSION);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(tree->key, rows[i].name) == 0)
			read_matcher(reading, tree, rows[i].what, NULL);
}

bool match_read(struct match *out, struct arena *arena, const struct tree *tree, const char *file,
		const char *what, struct report *report)
{
	struct reading reading = {out, arena, file, what, report, true};

	*out = (struct match){0};
	if (tree == NULL)
		return true;
	if (options_check(tree, match_rows, file, what, report) > 0)
		return false;
	out->matchers = arena_zalloc(arena, MATCHERS_MAX * sizeof(*out->matchers));
	for (const struct tree *child = tree->first; child != NULL; child = child->next)
		read_entry(&reading, child);
	if (!reading.is_good)
		match_deinit(out);
	return reading.is_good;
}

static bool is_one_of(const char *const *allowed, const char *value)
{
	for (; *allowed != NULL; allowed++)
		if (strcmp(*allowed, value) == 0)
			return true;
	return false;
}

static bool check_values(const struct matcher *matcher, const char *const *allowed,
			 const char *file, const char *what, struct report *report)
{
	bool is_good = true;

	for (uint32_t i = 0; i < matcher->value_count; i++) {
		struct bytes list = BYTES_EMPTY;
		const char *nearest;

		if (is_one_of(allowed, matcher->values[i]))
			continue;
		is_good = false;
		nearest = report_nearest(matcher->values[i], allowed);
		for (size_t k = 0; allowed[k] != NULL; k++)
			bytes_append_format(&list, "%s\"%s\"", k > 0 ? ", " : "", allowed[k]);
		report_add(report, file, matcher->line,
			   "\"%s\" of %s must be one of %.400s, found \"%.64s\"%s%s%s",
			   matcher->field.text, what,
			   list.length > 0 ? list.data : "the site's categories (it has none)",
			   matcher->values[i], nearest != NULL ? "; did you mean \"" : "",
			   nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
		bytes_deinit(&list);
	}
	return is_good;
}

bool match_check_values(const struct match *match, const struct config *config, const char *file,
			const char *what, struct report *report)
{
	static const char *const severities[] = {"info", "warning", "critical", NULL};
	static const char *const states[] = {"firing", "resolved", "nodata", NULL};
	const char **categories = mem_alloc_array(config->category_count + 1, sizeof(char *));
	bool is_good = true;

	for (uint32_t i = 0; i < config->category_count; i++)
		categories[i] = config->categories[i].name;
	categories[config->category_count] = NULL;
	for (uint32_t i = 0; i < match->count; i++) {
		const struct matcher *matcher = &match->matchers[i];
		const char *const *allowed = NULL;

		if (matcher->field.what == MATCH_SEVERITY)
			allowed = severities;
		else if (matcher->field.what == MATCH_STATE)
			allowed = states;
		else if (matcher->field.what == MATCH_CATEGORY)
			allowed = categories;
		if (allowed != NULL && !check_values(matcher, allowed, file, what, report))
			is_good = false;
	}
	mem_free(categories);
	return is_good;
}

void match_deinit(struct match *match)
{
	for (uint32_t i = 0; i < match->count; i++)
		regex_free(match->matchers[i].regex);
	*match = (struct match){0};
}

struct match_field match_field_of(struct arena *arena, const char *text)
{
	static const struct {
		const char *name;
		enum match_what what;
	} rows[] = {
		{"rule", MATCH_RULE},
		{"severity", MATCH_SEVERITY},
		{"state", MATCH_STATE},
		{"category", MATCH_CATEGORY},
	};
	struct match_field field = {MATCH_DIMENSION, NULL, arena_copy_text(arena, text)};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(text, rows[i].name) == 0) {
			field.what = rows[i].what;
			return field;
		}
	field.name = field.text;
	if (strncmp(text, "labels.", 7) == 0) {
		field.what = MATCH_LABEL;
		field.name += 7;
	} else if (strncmp(text, "dimension.", 10) == 0) {
		field.name += 10;
	}
	return field;
}
