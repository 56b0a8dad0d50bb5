#include "core/config/options.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/number.h"
#include "core/base/report.h"
#include "core/base/require.h"
#include "core/config/tree.h"
#include "core/model/span.h"

#include <math.h>
#include <string.h>

enum { OPTION_ROWS_MAX = 64 };

/** One check in progress: where faults go and how many there were. */
struct check {
	const char *file;
	const char *what;
	struct report *report;
	int fault_count;
};

static const struct option *row_find(const struct option *rows, const char *name)
{
	for (; rows->name != NULL; rows++)
		if (strcmp(rows->name, name) == 0)
			return rows;
	return NULL;
}

static uint32_t row_names(const struct option *rows, const char *names[OPTION_ROWS_MAX])
{
	uint32_t count = 0;

	for (; rows->name != NULL && count < OPTION_ROWS_MAX - 1; rows++)
		if (rows->help != NULL)
			names[count++] = rows->name;
	names[count] = NULL;
	return count;
}

static void fault_unknown(struct check *check, const struct option *rows, const struct tree *child)
{
	const char *names[OPTION_ROWS_MAX];
	uint32_t count = row_names(rows, names);
	struct bytes text = BYTES_EMPTY;
	const char *nearest;

	check->fault_count++;
	if (child->key == NULL) {
		char found[TREE_DESCRIPTION_BYTES_MAX];

		report_add(check->report, check->file, child->line,
			   "%s has %s without a key; write key = value", check->what,
			   tree_describe(child, found));
		return;
	}
	nearest = report_nearest(child->key, names);
	bytes_append_format(&text, "unknown key \"%.64s\" in %s", child->key, check->what);
	if (nearest != NULL)
		bytes_append_format(&text, "; did you mean \"%s\"?", nearest);
	bytes_append_format(&text, "%s allowed keys:", nearest != NULL ? "" : ";");
	for (uint32_t i = 0; i < count; i++)
		bytes_append_format(&text, "%s %s", i > 0 ? "," : "", names[i]);
	report_add(check->report, check->file, child->line, "%s", text.data);
	bytes_deinit(&text);
}

static const char *type_words(enum option_type type)
{
	switch (type) {
	case OPTION_TEXT: return "a string";
	case OPTION_BOOL: return "true or false";
	case OPTION_INT: return "a whole number";
	case OPTION_NUMBER: return "a number";
	case OPTION_SPAN: return "a span of time (a whole number and ms, s, m, h or d)";
	case OPTION_WINDOW:
		return "a window (5s to 60s in steps of 5, 1m to 60m, 1h to 24h, "
		       "1d to 30d)";
	case OPTION_CHOICE:
	case OPTION_CHOICES: return "one of its choices";
	case OPTION_TEXT_LIST: return "a list of strings";
	case OPTION_TABLE: return "a table of key = value";
	case OPTION_LIST: return "a list";
	case OPTION_FUNCTION: return "a function";
	case OPTION_ANY: return "a value";
	}
	return "a value";
}

static void append_example(struct bytes *text, const struct option *row)
{
	if (row->example != NULL)
		bytes_append_format(text, "; example: %s = %s", row->name, row->example);
}

static void append_choices(struct bytes *text, const struct option *row)
{
	for (uint32_t i = 0; row->choices[i] != NULL; i++)
		bytes_append_format(text, "%s\"%s\"", i > 0 ? ", " : "", row->choices[i]);
}

static void fault_value(struct check *check, const struct option *row, const struct tree *value,
			const char *detail)
{
	struct bytes text = BYTES_EMPTY;
	char found[TREE_DESCRIPTION_BYTES_MAX];

	check->fault_count++;
	bytes_append_format(&text, "\"%s\" of %s must be ", row->name, check->what);
	if (row->type == OPTION_CHOICE || row->type == OPTION_CHOICES) {
		bytes_append_text(&text,
				  row->type == OPTION_CHOICE ? "one of " : "one or a list of ");
		append_choices(&text, row);
	} else {
		bytes_append_text(&text, type_words(row->type));
	}
	bytes_append_format(&text, ", found %s", tree_describe(value, found));
	if (row->choices != NULL && value->type == TREE_STRING) {
		const char *nearest = report_nearest(value->text, row->choices);

		if (nearest != NULL)
			bytes_append_format(&text, "; did you mean \"%s\"?", nearest);
	}
	if (detail != NULL)
		bytes_append_format(&text, ": %s", detail);
	append_example(&text, row);
	report_add(check->report, check->file, value->line, "%s", text.data);
	bytes_deinit(&text);
}

static void append_bound(struct bytes *text, const struct option *row, double bound)
{
	char number[NUMBER_TEXT_BYTES_MAX];

	if (row->type == OPTION_SPAN)
		span_format((int64_t)bound, number, sizeof(number));
	else
		number_format(bound, number);
	bytes_append_text(text, number);
}

static void check_range(struct check *check, const struct option *row, const struct tree *value,
			double number)
{
	struct bytes text = BYTES_EMPTY;
	char found[TREE_DESCRIPTION_BYTES_MAX];

	if ((row->min == 0 && row->max == 0) || (number >= row->min && number <= row->max))
		return;
	check->fault_count++;
	bytes_append_format(&text, "\"%s\" of %s must be from ", row->name, check->what);
	append_bound(&text, row, row->min);
	bytes_append_text(&text, " to ");
	append_bound(&text, row, row->max);
	bytes_append_format(&text, ", found %s", tree_describe(value, found));
	append_example(&text, row);
	report_add(check->report, check->file, value->line, "%s", text.data);
	bytes_deinit(&text);
}

static void check_number(struct check *check, const struct option *row, const struct tree *value)
{
	bool is_number = value->type == TREE_NUMBER && isfinite(value->number);
	bool is_whole = is_number && floor(value->number) == value->number &&
			fabs(value->number) < 9007199254740992.0;

	if (!is_number || (row->type == OPTION_INT && !is_whole))
		fault_value(check, row, value, NULL);
	else
		check_range(check, row, value, value->number);
}

static void check_span(struct check *check, const struct option *row, const struct tree *value)
{
	struct err_note why = {0};
	int64_t ms = 0;
	int code;

	if (value->type != TREE_STRING) {
		fault_value(check, row, value, NULL);
		return;
	}
	code = row->type == OPTION_SPAN ? span_parse(value->text, &ms, &why)
					: span_parse_window(value->text, &ms, &why);
	if (code != 0)
		fault_value(check, row, value, why.text);
	else
		check_range(check, row, value, (double)ms);
}

static void check_choice(struct check *check, const struct option *row, const struct tree *value)
{
	if (value->type == TREE_STRING)
		for (uint32_t i = 0; row->choices[i] != NULL; i++)
			if (strcmp(row->choices[i], value->text) == 0)
				return;
	fault_value(check, row, value, NULL);
}

static void check_choices(struct check *check, const struct option *row, const struct tree *value)
{
	if (value->type != TREE_LIST) {
		check_choice(check, row, value);
		return;
	}
	if (value->child_count == 0)
		fault_value(check, row, value, NULL);
	for (const struct tree *item = value->first; item != NULL; item = item->next)
		check_choice(check, row, item);
}

static bool is_text(const struct tree *value)
{
	return value->type == TREE_STRING && strlen(value->text) == value->text_length;
}

static void check_text_list(struct check *check, const struct option *row, const struct tree *value)
{
	if (!tree_is_list(value)) {
		fault_value(check, row, value, NULL);
		return;
	}
	for (const struct tree *item = value->first; item != NULL; item = item->next)
		if (!is_text(item))
			fault_value(check, row, item, "in the list");
}

static void check_value(struct check *check, const struct option *row, const struct tree *value)
{
	bool is_right = true;

	switch (row->type) {
	case OPTION_TEXT: is_right = is_text(value); break;
	case OPTION_BOOL: is_right = value->type == TREE_BOOL; break;
	case OPTION_INT:
	case OPTION_NUMBER: check_number(check, row, value); break;
	case OPTION_SPAN:
	case OPTION_WINDOW: check_span(check, row, value); break;
	case OPTION_CHOICE: check_choice(check, row, value); break;
	case OPTION_CHOICES: check_choices(check, row, value); break;
	case OPTION_TEXT_LIST: check_text_list(check, row, value); break;
	case OPTION_TABLE: is_right = tree_is_map(value); break;
	case OPTION_LIST: is_right = tree_is_list(value); break;
	case OPTION_FUNCTION: is_right = value->type == TREE_FUNCTION; break;
	case OPTION_ANY: break;
	}
	if (!is_right)
		fault_value(check, row, value, NULL);
}

static void check_required(struct check *check, const struct option *rows, const struct tree *map)
{
	for (; rows->name != NULL; rows++) {
		struct bytes text = BYTES_EMPTY;

		if (!rows->is_required || tree_get(map, rows->name) != NULL)
			continue;
		check->fault_count++;
		bytes_append_format(&text, "%s needs \"%s\" (%s)", check->what, rows->name,
				    rows->help != NULL ? rows->help : type_words(rows->type));
		append_example(&text, rows);
		report_add(check->report, check->file, map->line, "%s", text.data);
		bytes_deinit(&text);
	}
}

int options_check(const struct tree *map, const struct option *rows, const char *file,
		  const char *what, struct report *report)
{
	struct check check = {.file = file, .what = what, .report = report};

	if (!tree_is_map(map)) {
		char found[TREE_DESCRIPTION_BYTES_MAX];

		report_add(report, file, map->line, "%s must be a table of key = value, found %s",
			   what, tree_describe(map, found));
		return 1;
	}
	for (const struct tree *child = map->first; child != NULL; child = child->next) {
		const struct option *row = child->key != NULL ? row_find(rows, child->key) : NULL;

		if (row == NULL)
			fault_unknown(&check, rows, child);
		else
			check_value(&check, row, child);
	}
	check_required(&check, rows, map);
	return check.fault_count;
}

const char *option_text(const struct tree *map, const char *name, const char *otherwise)
{
	const struct tree *value = tree_get(map, name);

	return value != NULL && value->type == TREE_STRING ? value->text : otherwise;
}

bool option_bool(const struct tree *map, const char *name, bool otherwise)
{
	const struct tree *value = tree_get(map, name);

	return value != NULL && value->type == TREE_BOOL ? value->boolean : otherwise;
}

int64_t option_int(const struct tree *map, const char *name, int64_t otherwise)
{
	const struct tree *value = tree_get(map, name);

	return value != NULL && value->type == TREE_NUMBER ? (int64_t)value->number : otherwise;
}

int64_t option_span_ms(const struct tree *map, const char *name, int64_t otherwise)
{
	const struct tree *value = tree_get(map, name);
	int64_t ms;

	if (value == NULL || value->type != TREE_STRING || span_parse(value->text, &ms, NULL) != 0)
		return otherwise;
	return ms;
}
