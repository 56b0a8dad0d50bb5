#include "core/cli/cli.h"

#include "core/base/bytes.h"
#include "core/base/number.h"
#include "core/cli/remote.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
	"Usage: tocsin incident COMMAND [--json] [--state DIR | --socket PATH]\n"
	"\n"
	"  list [--all]             open incidents (or all)\n"
	"  show NUMBER              one incident with its timeline\n"
	"  ack NUMBER               I have seen it and take it\n"
	"  resolve NUMBER           it is over\n"
	"\n"
	"  --revision N   refuse when the incident changed since revision N was shown\n"
	"  --reason TEXT  kept on the timeline\n"
	"\n"
	"Examples:\n"
	"  tocsin incident list\n"
	"  tocsin incident ack 1 --revision 3 --reason 'on it'\n";

static const char *const list_columns[] = {"number=#",
					   "state=STATE",
					   "severity=SEVERITY",
					   "title=TITLE",
					   "key=KEY",
					   "category=CATEGORY",
					   "firing_count=FIRING",
					   "opened=OPENED",
					   "resolved=RESOLVED",
					   "revision=REVISION",
					   NULL};

static void print_show(const json_t *incident)
{
	const char *member;
	json_t *value;
	size_t index;
	const json_t *record;
	json_object_foreach((json_t *)(uintptr_t)incident, member, value)
	{
		if (strcmp(member, "timeline") == 0)
			continue;
		printf("%-14s ", member);
		remote_print_value(value);
		putchar('\n');
	}
	printf("\ntimeline\n");
	json_array_foreach(json_object_get(incident, "timeline"), index, record)
	{
		fputs("  ", stdout);
		remote_print_value(json_object_get(record, "time"));
		fputs("  ", stdout);
		remote_print_value(json_object_get(record, "kind"));
		fputs("  ", stdout);
		remote_print_value(json_object_get(record, "actor"));
		fputs("  ", stdout);
		remote_print_value(json_object_get(record, "text"));
		putchar('\n');
	}
}

static bool put_number(json_t *args, const char *name, const char *text)
{
	int64_t number = 0;
	if (text == NULL)
		return true;
	if (number_parse_int(slice_of(text), &number) != 0 || number < 0) {
		fprintf(stderr, "tocsin incident: %s must be a whole number, not \"%s\"\n", name,
			text);
		return false;
	}
	json_object_set_new(args, name, json_integer(number));
	return true;
}

int cli_incident(int argc, char **argv)
{
	struct remote remote;
	char verb[32];
	json_t *result = NULL;
	int code = remote_parse(&remote, argc, argv, help);
	if (code >= 0)
		return code;
	const char *command = remote.word_count > 0 ? remote.words[0] : "";
	bool is_list = strcmp(command, "list") == 0;
	if (!is_list && strcmp(command, "show") != 0 && strcmp(command, "ack") != 0 &&
	    strcmp(command, "resolve") != 0) {
		return remote_no_command(&remote, "incident");
	}
	if (remote.word_count != (is_list ? 1 : 2)) {
		fprintf(stderr, "tocsin incident %s: wants %s\n", command,
			is_list ? "no more words" : "one NUMBER");
		return EXIT_USAGE;
	}
	json_t *args = json_object();
	if (remote.has_all)
		json_object_set_new(args, "all", json_true());
	if (!put_number(args, "number", is_list ? NULL : remote.words[1]) ||
	    !put_number(args, "revision", remote.revision)) {
		json_decref(args);
		return EXIT_USAGE;
	}
	if (remote.reason != NULL)
		json_object_set_new(args, "reason", json_string(remote.reason));
	snprintf(verb, sizeof(verb), "incident.%s", command);
	code = remote_call(&remote, verb, args, &result);
	if (code != EXIT_DONE)
		return code;
	if (remote.is_json)
		remote_print_json(result);
	else if (is_list)
		remote_print_table(result, list_columns);
	else
		print_show(result);
	json_decref(result);
	return EXIT_DONE;
}
