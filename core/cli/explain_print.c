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

static void print_key(const json_t *row)
{
	const json_t *run;
	size_t index;

	if (text_of(row, "key")[0] != '\0')
		put(row, "key");
	else
		fputs("the whole system", stdout);
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
