#include "core/cli/explain_print.h"

#include "core/cli/remote.h"

#include <stdio.h>
#include <string.h>

static void put(const json_t *object, const char *name)
{
	remote_print_value(json_object_get(object, name));
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

/** "name value, ", when it is there. */
static void put_part(const json_t *object, const char *name, const char *label)
{
	if (json_object_get(object, name) == NULL)
		return;
	printf("%s", label);
	put(object, name);
}

static void print_values(const json_t *run)
{
	const char *separator = ": ", *name;
	json_t *value;

	json_object_foreach(json_object_get(run, "values"), name, value)
	{
		printf("%s%s is ", separator, name);
		if (json_is_null(value))
			fputs("without a value", stdout);
		else
			remote_print_value(value);
		separator = ", ";
	}
}

static void print_run(const json_t *run)
{
	json_int_t count = json_integer_value(json_object_get(run, "count"));

	fputs("  ", stdout);
	put(run, "from");
	if (count > 1) {
		fputs(" to ", stdout);
		put(run, "to");
		printf(" (%lld times)", (long long)count);
	}
	printf("  %s", text_of(run, "reason"));
	if (strcmp(text_of(run, "reason"), "fired") == 0)
		printf(" (%s)", text_of(run, "severity"));
	put_part(run, "waited", " ");
	put_part(run, "needed", " of ");
	print_values(run);
	put_part(run, "readings", ", readings ");
	put_part(run, "note", ", ");
	printf("\n    %s\n", text_of(run, "text"));
}

/** Is there a field that would not be seen in the values joined by commas? */
static bool has_gap(json_t *dimension)
{
	const char *name;
	json_t *value;

	json_object_foreach(dimension, name, value)
	{
		if (json_is_null(value) || json_string_length(value) == 0)
			return true;
	}
	return false;
}

static void print_key_name(const json_t *row)
{
	json_t *dimension = json_object_get(row, "dimension");
	const char *separator = "", *name;
	json_t *value;

	if (json_object_size(dimension) == 0) {
		fputs("the whole system", stdout);
		return;
	}
	if (!has_gap(dimension)) {
		put(row, "key");
		return;
	}
	json_object_foreach(dimension, name, value)
	{
		printf("%s%s ", separator, name);
		if (json_is_null(value))
			fputs("missing", stdout);
		else if (json_string_length(value) == 0)
			fputs("\"\"", stdout);
		else
			remote_print_value(value);
		separator = ", ";
	}
}

static void print_key(const json_t *row)
{
	const json_t *run;
	size_t index;

	print_key_name(row);
	put_part(row, "stage", ": ");
	put_part(row, "severity", " ");
	put_part(row, "value", ", value ");
	put_part(row, "readings", ", readings ");
	putchar('\n');
	json_array_foreach(json_object_get(row, "runs"), index, run) print_run(run);
}

static void print_head(const json_t *document)
{
	const json_t *level;
	size_t index;

	printf("%s@", text_of(document, "rule"));
	put(document, "version");
	printf(" of source %s, window %s", text_of(document, "source"),
	       text_of(document, "window"));
	json_array_foreach(json_object_get(document, "levels"), index, level)
	{
		put_part(level, "severity", ", ");
		put_part(level, "condition", " when ");
		put_part(level, "hold", " for ");
	}
	fputs("\njudged last at ", stdout);
	put(document, "evaluated");
	put_part(document, "evaluations", ", evaluations ");
	put_part(document, "fired", ", fired ");
	put_part(document, "keys", ", keys ");
	putchar('\n');
}

void explain_print(const json_t *document)
{
	const json_t *row;
	size_t index;

	print_head(document);
	json_array_foreach(json_object_get(document, "hints"), index, row)
	{
		fputs("hint: ", stdout);
		remote_print_value(row);
		putchar('\n');
	}
	json_array_foreach(json_object_get(document, "list"), index, row) print_key(row);
}
