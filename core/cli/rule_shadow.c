#include "core/cli/rule_shadow.h"

#include "core/cli/cli.h"
#include "core/cli/compare_print.h"
#include "core/cli/remote.h"

#include <stdio.h>

static const char *const columns[] = {"name=RULE",
				      "version=SHADOW",
				      "active=ACTIVE",
				      "since=SINCE",
				      "alerts_active=ALERTS OF ACTIVE",
				      "alerts_shadow=OF SHADOW",
				      "actor=ACTOR",
				      NULL};

static int wrong_use(void)
{
	fputs("tocsin rule shadow: wants NAME@VERSION, NAME --stop, NAME --compare, or no more "
	      "words\n",
	      stderr);
	return EXIT_USAGE;
}

static void print(const struct remote *remote, const json_t *result)
{
	if (remote->is_json) {
		remote_print_json(result);
	} else if (remote->compares) {
		fputs("since ", stdout);
		remote_print_value(json_object_get(result, "since"));
		putchar('\n');
		compare_print(result);
	} else {
		remote_print_table(result, columns);
	}
}

int cli_rule_shadow(const struct remote *remote, const char *name, json_int_t version)
{
	const char *verb = "shadow.list";
	json_t *args = NULL, *result = NULL;
	int code;

	if (remote->stops && remote->compares)
		return wrong_use();
	if (remote->stops || version > 0)
		verb = "shadow.set";
	else if (remote->compares)
		verb = "shadow.compare";
	if (name[0] == '\0' ? remote->stops || remote->compares
			    : !remote->stops && !remote->compares && version == 0)
		return wrong_use();
	args = json_object();
	if (name[0] != '\0')
		json_object_set_new(args, "name", json_string(name));
	if (version > 0 && !remote->stops && !remote->compares)
		json_object_set_new(args, "version", json_integer(version));
	if (remote->compares)
		verb = "shadow.compare";
	code = remote_call(remote, verb, args, &result);
	if (code != EXIT_DONE)
		return code;
	print(remote, result);
	json_decref(result);
	return EXIT_DONE;
}
