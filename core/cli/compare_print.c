#include "core/cli/compare_print.h"

#include "core/cli/remote.h"

#include <stdio.h>

static void put(const json_t *object, const char *name)
{
	remote_print_value(json_object_get(object, name));
}

static void print_key(const json_t *row)
{
	if (json_string_length(json_object_get(row, "key")) > 0)
		put(row, "key");
	else
		fputs("the whole system", stdout);
}

static void print_finding(const json_t *finding)
{
	put(finding, "state");
	fputs(" ", stdout);
	put(finding, "severity");
	fputs(", ", stdout);
	put(finding, "from");
	fputs(" to ", stdout);
	put(finding, "to");
	fputs(", value ", stdout);
	put(finding, "value");
	putchar('\n');
}

static void print_only(const json_t *document, const char *list, const char *name)
{
	const json_t *rows = json_object_get(document, list), *row;
	size_t index;

	if (json_array_size(rows) == 0)
		return;
	fputs("only ", stdout);
	put(document, name);
	putchar('\n');
	json_array_foreach(rows, index, row)
	{
		fputs("  ", stdout);
		print_key(row);
		fputs(": ", stdout);
		print_finding(row);
	}
}

static void print_side(const json_t *document, const json_t *row, const char *side)
{
	fputs("    ", stdout);
	put(document, side);
	fputs(": ", stdout);
	print_finding(json_object_get(row, side));
}

static void print_different(const json_t *document)
{
	const json_t *rows = json_object_get(document, "different"), *row, *name;
	size_t index, inner;

	if (json_array_size(rows) == 0)
		return;
	fputs("both, but different\n", stdout);
	json_array_foreach(rows, index, row)
	{
		fputs("  ", stdout);
		print_key(row);
		fputs(" in", stdout);
		json_array_foreach(json_object_get(row, "differs"), inner, name)
		{
			fputs(inner > 0 ? ", " : " ", stdout);
			remote_print_value(name);
		}
		putchar('\n');
		print_side(document, row, "a");
		print_side(document, row, "b");
	}
}

static void print_count(const json_t *document, const char *name, const char *side)
{
	put(document, side);
	printf(": %lld alerts, ", (long long)json_integer_value(json_object_get(document, name)));
}

void compare_print(const json_t *document)
{
	print_only(document, "only_a", "a");
	print_only(document, "only_b", "b");
	print_different(document);
	print_count(document, "alerts_a", "a");
	print_count(document, "alerts_b", "b");
	printf("findings of both alike %lld, different %zu, only the first %zu, only the second "
	       "%zu\n",
	       (long long)json_integer_value(json_object_get(document, "same")),
	       json_array_size(json_object_get(document, "different")),
	       json_array_size(json_object_get(document, "only_a")),
	       json_array_size(json_object_get(document, "only_b")));
}
