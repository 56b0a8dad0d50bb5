#include "core/cli/reference.h"

#include "core/base/bytes.h"
#include "core/plan/plan.h"
#include "core/rule/rule_options.h"
#include "lua/api/api.h"
#include "lua/host/state.h"

#include <ctype.h>
#include <string.h>

enum { COLUMNS_MAX = 98 };

static void trim_end(struct bytes *out)
{
	while (out->length > 0 && out->data[out->length - 1] == ' ')
		out->length--;
}

/** "---" before each line; broken at spaces. */
static void append_comment(const char *first, const char *text, struct bytes *out)
{
	size_t column = strlen(first);

	bytes_append_text(out, first);
	while (*text != '\0') {
		size_t length = strcspn(text, " ");

		if (column + length > COLUMNS_MAX && column > strlen("---")) {
			trim_end(out);
			bytes_append_text(out, "\n---");
			column = strlen("---");
		}
		bytes_append(out, text, length);
		column += length;
		text += length;
		if (*text == ' ') {
			bytes_append_char(out, ' ');
			column++;
			text++;
		}
	}
	trim_end(out);
	bytes_append_char(out, '\n');
}

static void append_lines(const char *tag, const char *lines, struct bytes *out)
{
	while (lines != NULL && *lines != '\0') {
		size_t length = strcspn(lines, "\n");

		bytes_append_format(out, "---@%s %.*s\n", tag, (int)length, lines);
		lines = lines[length] == '\n' ? lines + length + 1 : NULL;
	}
}

static void append_names(const char *lines, struct bytes *out)
{
	bool is_first = true;

	while (lines != NULL && *lines != '\0') {
		size_t length = strcspn(lines, "? ");

		bytes_append_format(out, "%s%.*s", is_first ? "" : ", ", (int)length, lines);
		is_first = false;
		lines = strchr(lines, '\n');
		lines = lines != NULL ? lines + 1 : NULL;
	}
}

static void append_call(const struct api_row *row, struct bytes *out)
{
	bytes_append_char(out, '\n');
	append_comment("---", row->help, out);
	append_lines("param", row->parameters, out);
	append_lines("return", row->returns, out);
	bytes_append_format(out, "function %s(", row->name);
	append_names(row->parameters, out);
	bytes_append_text(out, ") end\n");
}

/* ---- options as classes ---- */

static void append_choices(const struct option *row, struct bytes *out)
{
	for (const char *const *choice = row->choices; *choice != NULL; choice++)
		bytes_append_format(out, "%s\"%s\"", choice == row->choices ? "" : "|", *choice);
}

/** "a"|"b"|("a"|"b")[] */
static void append_choice_lists(const struct option *row, struct bytes *out)
{
	append_choices(row, out);
	bytes_append_text(out, "|(");
	append_choices(row, out);
	bytes_append_text(out, ")[]");
}

static const char *plain_type(enum option_type type)
{
	switch (type) {
	case OPTION_TEXT:
	case OPTION_SPAN:
	case OPTION_WINDOW:
	case OPTION_CHOICE:
	case OPTION_CHOICES: return "string";
	case OPTION_BOOL: return "boolean";
	case OPTION_INT: return "integer";
	case OPTION_NUMBER: return "number";
	case OPTION_TEXT_LIST: return "string[]";
	case OPTION_TABLE:
	case OPTION_LIST: return "table";
	case OPTION_FUNCTION: return "function";
	case OPTION_ANY: return "any";
	}
	return "any";
}

static void append_type(const struct option *row, const struct reference_tables *tables,
			struct bytes *out)
{
	const struct reference_table *table =
		row->rows != NULL ? reference_find(tables, row->rows) : NULL;

	if (row->lua_type != NULL)
		bytes_append_text(out, row->lua_type);
	else if (row->choices != NULL && row->type == OPTION_CHOICES)
		append_choice_lists(row, out);
	else if (row->choices != NULL)
		append_choices(row, out);
	else if (table != NULL && row->is_named)
		bytes_append_format(out, "table<string, string|string[]|%s>", table->class_name);
	else if (table != NULL && row->type == OPTION_LIST)
		bytes_append_format(out, "%s[]", table->class_name);
	else if (table != NULL)
		bytes_append_text(out, table->class_name);
	else
		bytes_append_text(out, plain_type(row->type));
}

static void append_field(const struct option *row, const struct reference_tables *tables,
			 struct bytes *out)
{
	struct bytes line = BYTES_EMPTY;

	bytes_append_format(&line, "---@field %s%s ", row->name, row->is_required ? "" : "?");
	append_type(row, tables, &line);
	if (line.length + 1 + strlen(row->help) > COLUMNS_MAX)
		append_comment("---", row->help, out);
	else
		bytes_append_format(&line, " %s", row->help);
	bytes_append_slice(out, bytes_slice(&line));
	bytes_append_char(out, '\n');
	bytes_deinit(&line);
}

static void append_class(const char *name, const char *parent, const struct option *rows,
			 const struct reference_tables *tables, struct bytes *out)
{
	bytes_append_format(out, "\n---@class %s%s%s\n", name, parent != NULL ? ": " : "",
			    parent != NULL ? parent : "");
	for (; rows->name != NULL; rows++)
		if (rows->help != NULL && (parent == NULL || !reference_is_common(rows)))
			append_field(rows, tables, out);
}

static void append_tables(const struct reference_tables *tables, struct bytes *out)
{
	for (uint32_t i = 0; i < tables->count; i++)
		append_class(tables->items[i].class_name, NULL, tables->items[i].rows, tables, out);
}

static void append_rule_options(struct bytes *out)
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
	struct option rows[RULE_OPTIONS_MAX];

	reference_collect(reference_common_options(), "", "Rule", &tables);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		rule_options(types[i].type, rows);
		reference_collect(rows, "", "Rule", &tables);
	}
	append_class("tocsin.RuleCommon", NULL, reference_common_options(), &tables, out);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct bytes name = BYTES_EMPTY;

		rule_options(types[i].type, rows);
		bytes_append_format(&name, "tocsin.Rule%c%s",
				    toupper((unsigned char)types[i].name[0]), types[i].name + 1);
		append_class(name.data, "tocsin.RuleCommon", rows, &tables, out);
		bytes_deinit(&name);
	}
	append_tables(&tables, out);
}

static void append_plan_options(struct bytes *out)
{
	struct reference_tables tables = {.count = 0};

	reference_collect(plan_options(), "", "Plan", &tables);
	append_class("tocsin.PlanSpec", NULL, plan_options(), &tables, out);
	append_tables(&tables, out);
}

/* ---- what scripts meet ---- */

static bool is_context(const struct api_class *class)
{
	size_t length = strlen(class->name);

	return length > 7 && strcmp(class->name + length - 7, "Context") == 0;
}

static void append_values(const char *module, bool wants_context, struct bytes *out)
{
	for (const struct api_class *class = api_classes; class->name != NULL; class ++) {
		if (strcmp(class->module, module) != 0 || is_context(class) != wants_context)
			continue;
		bytes_append_char(out, '\n');
		append_comment("---", class->help, out);
		bytes_append_format(out, "---@class %s\n", class->name);
		append_lines("field", class->fields, out);
		if (wants_context)
			bytes_append_text(out, "local ctx = {}\n");
	}
}

static void append_context_calls(unsigned phase, struct bytes *out)
{
	for (const struct api_row *row = api_rows; row->name != NULL; row++)
		if (strncmp(row->name, "ctx:", 4) == 0 && (row->phases & phase) != 0)
			append_call(row, out);
}

static bool belongs_to(const struct api_row *row, const char *module)
{
	size_t length = strlen(module);

	return row->kind == API_LIBRARY && strncmp(row->name, module, length) == 0 &&
	       (row->name[length] == '\0' || row->name[length] == '.');
}

/** Is the module itself a call, as plan { … } is? */
static bool is_callable(const char *module)
{
	for (const struct api_row *row = api_rows; row->name != NULL; row++)
		if (strcmp(row->name, module) == 0)
			return true;
	return false;
}

static void append_library(const char *module, struct bytes *out)
{
	if (!is_callable(module))
		bytes_append_format(out, "\nlocal %s = {}\n", module);
	for (const struct api_row *row = api_rows; row->name != NULL; row++)
		if (belongs_to(row, module))
			append_call(row, out);
}

static void append_sandbox(struct bytes *out)
{
	bytes_append_text(out,
			  "---@meta\n-- Made by `make reference`; no code.\n"
			  "-- Where the sandbox differs from Lua 5.1; what is neither here nor "
			  "standard does not exist.\n"
			  "-- No os, io, debug, coroutine, load, getmetatable, setmetatable, "
			  "xpcall, print, random.\n");
	for (const struct api_row *row = api_rows; row->name != NULL; row++)
		if (row->kind == API_OWN)
			append_call(row, out);
}

void reference_append_stub(const char *module, struct bytes *out)
{
	bool is_rule = strcmp(module, "rule") == 0, is_plan = strcmp(module, "plan") == 0;

	if (strcmp(module, "sandbox") == 0) {
		append_sandbox(out);
		return;
	}
	bytes_append_format(out,
			    "---@meta tocsin.%s\n-- Types and documentation for editors, made by "
			    "`make reference`; no code.\n",
			    module);
	if (is_rule)
		append_rule_options(out);
	if (is_plan)
		append_plan_options(out);
	append_values(module, false, out);
	append_values(module, true, out);
	if (is_rule)
		append_context_calls(PHASE_RULE, out);
	if (is_plan)
		append_context_calls(PHASE_PLAN, out);
	append_library(module, out);
	bytes_append_format(out, "\nreturn %s\n", module);
}

/* ---- luacheck ---- */

/** A name of the sandbox, in `module` ("" for the globals). */
static bool is_global_of(const struct api_row *row, const char *module)
{
	size_t length = strlen(module);
	const char *dot = strchr(row->name, '.');

	if (row->kind == API_LIBRARY)
		return false;
	if (length == 0)
		return dot == NULL;
	return dot == row->name + length && strncmp(row->name, module, length) == 0;
}

static void append_list(const char *module, const char *indent, struct bytes *out)
{
	size_t column = COLUMNS_MAX;

	for (const struct api_row *row = api_rows; row->name != NULL; row++) {
		const char *name = row->name + (module[0] != '\0' ? strlen(module) + 1 : 0);

		if (!is_global_of(row, module))
			continue;
		if (column + strlen(name) + 4 > COLUMNS_MAX) {
			bytes_append_format(out, "\n%s", indent);
			column = strlen(indent);
		} else {
			bytes_append_char(out, ' ');
		}
		bytes_append_format(out, "\"%s\",", name);
		column += strlen(name) + 4;
	}
}

void reference_append_luacheck(struct bytes *out)
{
	static const char *const modules[] = {"math", "string", "table"};

	bytes_append_text(out, "std = {\n  read_globals = {");
	append_list("", "    ", out);
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		bytes_append_format(out, "\n    %s = { fields = {", modules[i]);
		append_list(modules[i], "      ", out);
		bytes_append_text(out, "\n    } },");
	}
	bytes_append_text(out, "\n  },\n}\n");
}
