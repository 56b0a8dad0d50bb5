#include "core/cli/cli.h"

#include "core/base/bytes.h"
#include "core/base/number.h"
#include "core/cli/remote.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
	"Usage: tocsin alert COMMAND [--json] [--state DIR | --socket PATH]\n"
	"\n"
	"  list        the latest alerts, and what came of each\n"
	"  list --all  every alert that is open now, what it waits for and who was told\n"
	"  show ID     one alert: its document and everything that happened to it\n"
	"\n"
	"  --limit N    at most so many (default 50)\n"
	"  --rule NAME  only of this rule\n"
	"\n"
	"Examples:\n"
	"  tocsin alert list --limit 10\n"
	"  tocsin alert list --all --json\n";

static const char *const list_columns[] = {"time=TIME", "state=STATE", "severity=SEVERITY",
					   "rule=RULE", "key=KEY",     "outcome=OUTCOME",
					   "id=ID",     NULL};
static const char *const open_columns[] = {"opened=OPENED", "state=STATE", "severity=SEVERITY",
					   "rule=RULE",     "key=KEY",     "wait=WAITS",
					   "told=TOLD",     "id=ID",       NULL};

static void print_events(const json_t *events)
{
	size_t index;
	const json_t *event;
	printf("\nevents\n");
	json_array_foreach(events, index, event)
	{
		const json_t *output = json_object_get(event, "output");
		fputs("  ", stdout);
		remote_print_value(json_object_get(event, "at"));
		fputs("  ", stdout);
		remote_print_value(json_object_get(event, "kind"));
		fputs(output != NULL ? " to " : "", stdout);
		if (output != NULL)
			remote_print_value(output);
		fputs("  ", stdout);
		remote_print_value(json_object_get(event, "text"));
		putchar('\n');
	}
}

static void print_show(const json_t *alert)
{
	const char *member;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)alert, member, value)
	{
		if (strcmp(member, "events") == 0 || strcmp(member, "document") == 0)
			continue;
		printf("%-10s ", member);
		remote_print_value(value);
		putchar('\n');
	}
	printf("\ndocument\n  ");
	remote_print_value(json_object_get(alert, "document"));
	putchar('\n');
	print_events(json_object_get(alert, "events"));
}

/** The names are enough in a table. */
static void shorten_told(json_t *alerts)
{
	size_t index, inner;
	json_t *alert;
	const json_t *told;
	json_array_foreach(alerts, index, alert)
	{
		struct bytes names = BYTES_EMPTY;
		json_array_foreach(json_object_get(alert, "told"), inner, told)
		{
			bytes_append_format(&names, "%s%s", inner > 0 ? ", " : "",
					    json_string_value(json_object_get(told, "output")));
		}
		json_object_set_new(alert, "told",
				    json_string(names.length > 0 ? names.data : "nobody"));
		bytes_deinit(&names);
	}
}

/** False: a wrong word, and the error was printed. */
static bool put_arguments(const struct remote *remote, bool is_list, json_t *args)
{
	int64_t limit = 0;
	if (remote->word_count != (is_list ? 1 : 2)) {
		fprintf(stderr, "tocsin alert %s: wants %s\n", remote->words[0],
			is_list ? "no more words" : "one ID");
		return false;
	}
	if (!is_list)
		json_object_set_new(args, "id", json_string(remote->words[1]));
	if (remote->limit != NULL &&
	    (number_parse_int(slice_of(remote->limit), &limit) != 0 || limit < 1)) {
		fprintf(stderr, "tocsin alert: --limit must be a whole number, not \"%s\"\n",
			remote->limit);
		return false;
	}
	if (limit > 0)
		json_object_set_new(args, "limit", json_integer(limit));
	if (remote->rule != NULL)
		json_object_set_new(args, "rule", json_string(remote->rule));
	if (remote->has_all)
		json_object_set_new(args, "open", json_true());
	return true;
}

static void print_result(const struct remote *remote, bool is_list, json_t *result)
{
	if (remote->is_json) {
		remote_print_json(result);
	} else if (is_list && remote->has_all) {
		shorten_told(result);
		remote_print_table(result, open_columns);
	} else if (is_list) {
		remote_print_table(result, list_columns);
	} else {
		print_show(result);
	}
}

int cli_alert(int argc, char **argv)
{
	struct remote remote;
	json_t *result = NULL;
	int code = remote_parse(&remote, argc, argv, help);
	if (code >= 0)
		return code;
	const char *command = remote.word_count > 0 ? remote.words[0] : "";
	bool is_list = strcmp(command, "list") == 0;
	if (!is_list && strcmp(command, "show") != 0)
		return remote_no_command(&remote, "alert");
	json_t *args = json_object();
	if (!put_arguments(&remote, is_list, args)) {
		json_decref(args);
		return EXIT_USAGE;
	}
	code = remote_call(&remote, is_list ? "alert.list" : "alert.show", args, &result);
	if (code != EXIT_DONE)
		return code;
	print_result(&remote, is_list, result);
	json_decref(result);
	return EXIT_DONE;
}
