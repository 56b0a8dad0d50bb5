#include "core/cli/reference.h"

#include "core/base/bytes.h"
#include "core/base/number.h"
#include "core/config/config.h"
#include "core/model/span.h"
#include "core/plan/plan.h"
#include "core/rule/rule_options.h"
#include "lua/api/api.h"
#include "lua/host/state.h"

#include <string.h>

static const char head[] =
	"# Reference\n"
	"\n"
	"Every option of the files of a site, and every name that a script may use. Made by `make "
	"reference` from the\n"
	"tables with which the program checks the files: change those, not this page. Guides with "
	"examples:\n"
	"[rules](rule-guide.md), [plans](plan-guide.md), [site](site.md).\n";

/** A pipe would end the cell. */
static void append_cell(const char *text, struct bytes *out)
{
	for (; *text != '\0'; text++) {
		if (*text == '|')
			bytes_append_char(out, '\\');
		bytes_append_char(out, *text == '\n' ? ' ' : *text);
	}
}

static void append_limit(enum option_type type, double limit, struct bytes *out)
{
	char text[NUMBER_TEXT_BYTES_MAX];

	if (type == OPTION_SPAN)
		span_format((int64_t)limit, text, sizeof(text));
	else
		number_format(limit, text);
	bytes_append_text(out, text);
}

static void append_choices(const struct option *row, struct bytes *out)
{
	for (const char *const *choice = row->choices; *choice != NULL; choice++)
		bytes_append_format(out, "%s`\"%s\"`", choice == row->choices ? "" : ", ", *choice);
}

static const char *type_words(const struct option *row)
{
	switch (row->type) {
	case OPTION_TEXT: return "text";
	case OPTION_BOOL: return "true or false";
	case OPTION_INT: return "whole number";
	case OPTION_NUMBER: return "number";
	case OPTION_SPAN: return "span";
	case OPTION_WINDOW: return "window";
	case OPTION_CHOICE: return "";
	case OPTION_CHOICES: return "one or a list of";
	case OPTION_TEXT_LIST: return "list of texts";
	case OPTION_TABLE: return row->is_named ? "table of names" : "table";
	case OPTION_LIST: return "list";
	case OPTION_FUNCTION: return "function";
	case OPTION_ANY: return "several forms";
	}
	return "";
}

static void append_option(const struct option *row, struct bytes *out)
{
	bytes_append_format(out, "| `%s` | %s", row->name, type_words(row));
	if (row->type == OPTION_CHOICES)
		bytes_append_char(out, ' ');
	if (row->choices != NULL)
		append_choices(row, out);
	if (row->min != 0 || row->max != 0) {
		bytes_append_text(out, ", ");
		append_limit(row->type, row->min, out);
		bytes_append_text(out, " to ");
		append_limit(row->type, row->max, out);
	}
	bytes_append_format(out, " | %s", row->is_required ? "**needed**: " : "");
	append_cell(row->help, out);
	bytes_append_text(out, " | ");
	if (row->example != NULL) {
		bytes_append_char(out, '`');
		append_cell(row->example, out);
		bytes_append_char(out, '`');
	}
	bytes_append_text(out, " |\n");
}

static void append_options(const struct option *rows, bool wants_common, struct bytes *out)
{
	bytes_append_text(out, "\n| option | value | meaning | example |\n|---|---|---|---|\n");
	for (; rows->name != NULL; rows++)
		if (rows->help != NULL && (wants_common || !reference_is_common(rows)))
			append_option(rows, out);
}

static void append_inner(const struct reference_tables *tables, struct bytes *out)
{
	for (uint32_t i = 0; i < tables->count; i++) {
		bytes_append_format(out, "\n#### `%s`\n", tables->items[i].title);
		append_options(tables->items[i].rows, true, out);
	}
}

static void append_rules(struct bytes *out)
{
	static const struct {
		enum rule_type type;
		const char *name;
	} types[] = {
#define TYPE_ROW(type, text) {RULE_##type, text},
		RULE_TYPE_LIST(TYPE_ROW)
#undef TYPE_ROW
	};
	struct reference_tables tables = {.count = 0};

	bytes_append_text(out, "\n## Rules: `rules/<name>/<version>.lua`\n"
			       "\n### Every type\n");
	append_options(reference_common_options(), true, out);
	reference_collect(reference_common_options(), "", "Rule", &tables);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct option rows[RULE_OPTIONS_MAX];

		rule_options(types[i].type, rows);
		bytes_append_format(out, "\n### `rule.%s`\n", types[i].name);
		append_options(rows, false, out);
		reference_collect(rows, "", "Rule", &tables);
	}
	bytes_append_text(out, "\n### Tables inside of a rule\n");
	append_inner(&tables, out);
}

static void append_file(const char *title, const struct option *rows, const char *prefix,
			struct bytes *out)
{
	struct reference_tables tables = {.count = 0};

	bytes_append_format(out, "\n## %s\n", title);
	append_options(rows, true, out);
	reference_collect(rows, "", prefix, &tables);
	append_inner(&tables, out);
}

/** "(id, action, args?)": the first word of each line. */
static void append_names(const char *parameters, struct bytes *out)
{
	bytes_append_char(out, '(');
	for (const char *at = parameters; at != NULL && *at != '\0';) {
		bytes_append_format(out, "%s%.*s", at == parameters ? "" : ", ",
				    (int)strcspn(at, " "), at);
		at = strchr(at, '\n');
		at = at != NULL ? at + 1 : NULL;
	}
	bytes_append_char(out, ')');
}

static void append_call(const struct api_row *row, struct bytes *out)
{
	bytes_append_format(out, "| `%s", row->name);
	if (row->help != NULL)
		append_names(row->parameters, out);
	bytes_append_text(out, "` | ");
	if (row->phases & PHASE_LOAD)
		bytes_append_text(out, "load ");
	if (row->phases & PHASE_RULE)
		bytes_append_text(out, "rule ");
	if (row->phases & PHASE_PLAN)
		bytes_append_text(out, "plan ");
	if (row->phases & PHASE_TEST)
		bytes_append_text(out, "test ");
	bytes_append_format(out, "| %s | ", row->cost);
	append_cell(row->help != NULL ? row->help : "as in Lua 5.1", out);
	bytes_append_text(out, " |\n");
}

static void append_calls(const char *title, bool is_ours, struct bytes *out)
{
	bytes_append_format(out, "\n### %s\n\n| call | where | cost | |\n|---|---|---|---|\n",
			    title);
	for (const struct api_row *row = api_rows; row->name != NULL; row++)
		if ((row->kind == API_LIBRARY) == is_ours)
			append_call(row, out);
}

static void append_class(const struct api_class *class, struct bytes *out)
{
	bytes_append_format(out, "\n#### `%s`\n\n%s\n\n| field | |\n|---|---|\n", class->name,
			    class->help);
	for (const char *at = class->fields; at != NULL && *at != '\0';) {
		size_t length = strcspn(at, "\n"), name = strcspn(at, " ");
		struct bytes rest = BYTES_EMPTY;

		bytes_append(&rest, at + name + 1, length - name - 1);
		bytes_append_char(&rest, '\0');
		bytes_append_format(out, "| `%.*s` | ", (int)name, at);
		append_cell(rest.data, out);
		bytes_append_text(out, " |\n");
		bytes_deinit(&rest);
		at = at[length] == '\n' ? at + length + 1 : NULL;
	}
}

void reference_append_page(struct bytes *out)
{
	bytes_append_text(out, head);
	append_rules(out);
	append_file("Plans: `plans/<name>/<version>.lua`", plan_options(), "Plan", out);
	append_file("The site: `tocsin.lua`", config_options(), "Site", out);
	bytes_append_text(out, "\n## Scripts\n\n`load`: while the file is read; `rule`, `plan`, "
			       "`test`: in their functions.\n");
	append_calls("Of Tocsin", true, out);
	append_calls("Of Lua", false, out);
	bytes_append_text(out, "\n### Values\n");
	for (const struct api_class *class = api_classes; class->name != NULL; class ++)
		append_class(class, out);
}
