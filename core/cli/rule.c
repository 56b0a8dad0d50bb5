#include "core/cli/cli.h"

#include "core/cli/remote.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
	"Usage: tocsin rule COMMAND [--json] [--state DIR | --socket PATH]\n"
	"\n"
	"  list                     every rule with its active version and what it sees\n"
	"  show NAME[@VERSION]      versions, current value of each key, source text\n"
	"  history NAME             every kept version with its state, actor and reason\n"
	"  enable NAME[@VERSION]    pending, then enabled at --at TIME (default: now)\n"
	"  disable NAME[@VERSION]   stops it; firing alerts resolve with a reason\n"
	"  activate NAME@VERSION    makes a kept version the active one at --at TIME\n"
	"\n"
	"  --at TIME      RFC 3339, for example 2026-11-22T18:00:00+08:00\n"
	"  --reason TEXT  kept in the history\n"
	"\n"
	"Examples:\n"
	"  tocsin rule list\n"
	"  tocsin rule activate merchant_failures@2 --reason 'threshold was too low'\n";

static const char *const list_columns[] = {
	"name=RULE",     "version=V", "type=TYPE",   "state=STATE",   "active=ACTIVE",
	"firing=FIRING", "keys=KEYS", "fired=FIRED", "errors=ERRORS", NULL};
static const char *const history_columns[] = {"version=V",
					      "state=STATE",
					      "active=ACTIVE",
					      "effective=EFFECTIVE",
					      "first_seen=FIRST SEEN",
					      "actor=ACTOR",
					      "reason=REASON",
					      NULL};
static const char *const value_columns[] = {"key=KEY", "count=COUNT", "sum=SUM",       "min=MIN",
					    "max=MAX", "avg=AVG",     "firing=FIRING", NULL};

static void print_show(const json_t *result)
{
	printf("rule ");
	remote_print_value(json_object_get(result, "name"));
	printf(", active version ");
	remote_print_value(json_object_get(result, "active"));
	printf("\n\n");
	remote_print_table(json_object_get(result, "versions"), history_columns);
	putchar('\n');
	remote_print_table(json_object_get(result, "values"), value_columns);
	const char *source = json_string_value(json_object_get(result, "source"));
	printf("\n-- version ");
	remote_print_value(json_object_get(result, "shown"));
	putchar('\n');
	remote_print_source(source != NULL ? source : "(its file is not there)\n");
}

int cli_rule(int argc, char **argv)
{
	struct remote remote;
	char name[256], verb[32];
	json_int_t version = 0;
	json_t *result = NULL;
	int code = remote_parse(&remote, argc, argv, help);
	if (code >= 0)
		return code;
	const char *command = remote.word_count > 0 ? remote.words[0] : "";
	bool is_list = strcmp(command, "list") == 0;
	bool is_show = strcmp(command, "show") == 0;
	if (!is_list && !is_show && strcmp(command, "history") != 0 &&
	    strcmp(command, "enable") != 0 && strcmp(command, "disable") != 0 &&
	    strcmp(command, "activate") != 0) {
		return remote_no_command(&remote, "rule");
	}
	if (remote.word_count != (is_list ? 1 : 2) ||
	    (!is_list && !remote_split_version(remote.words[1], name, sizeof(name), &version))) {
		fprintf(stderr, "tocsin rule %s: wants %s\n", command,
			is_list ? "no more words" : "one NAME or NAME@VERSION");
		return EXIT_USAGE;
	}
	json_t *args = json_object();
	if (!is_list)
		json_object_set_new(args, "name", json_string(name));
	if (version > 0)
		json_object_set_new(args, "version", json_integer(version));
	if (remote.at != NULL)
		json_object_set_new(args, "at", json_string(remote.at));
	if (remote.reason != NULL)
		json_object_set_new(args, "reason", json_string(remote.reason));
	snprintf(verb, sizeof(verb), "rule.%s", command);
	code = remote_call(&remote, verb, args, &result);
	if (code != EXIT_DONE)
		return code;
	if (remote.is_json)
		remote_print_json(result);
	else if (is_show)
		print_show(result);
	else
		remote_print_table(result, is_list ? list_columns : history_columns);
	json_decref(result);
	return EXIT_DONE;
}
