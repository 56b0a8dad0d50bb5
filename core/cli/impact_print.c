#include "core/cli/impact_print.h"

#include "core/cli/remote.h"

#include <stdio.h>

/** "kept: both count …" of one part. */
static void print_part(const json_t *impact, const char *name)
{
	const json_t *part = json_object_get(impact, name);
	printf("  %-7s", name);
	remote_print_value(json_object_get(part, "fate"));
	fputs(": ", stdout);
	remote_print_value(json_object_get(part, "text"));
	putchar('\n');
}

void impact_print(const json_t *impact)
{
	print_part(impact, "panes");
	print_part(impact, "states");
	if (json_object_get(impact, "history") != NULL)
		print_part(impact, "history");
	print_part(impact, "alerts");
}
