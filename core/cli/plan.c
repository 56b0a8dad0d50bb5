#include "core/cli/cli.h"

#include "core/cli/remote.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
	"Usage: tocsin plan COMMAND [--json] [--state DIR | --socket PATH]\n"
	"\n"
	"  list                  active plans and what starts them\n"
	"  runs [--active]       runs, newest last\n"
	"  show RUN              one run with its journal\n"
	"  approve RUN [STEP]    answers what the run asks; for a step in doubt: it happened\n"
	"  reject RUN [STEP]     answers no; for a step in doubt: it did not happen\n"
	"  cancel RUN            ends it where it stands; what is out already stays out\n"
	"\n"
	"  STEP           which one, when several branches of the run ask\n"
	"  --value VALUE  the answer's value, JSON or a plain text, for an ask with choices\n"
	"  --reason TEXT  kept in the journal\n"
	"\n"
	"Examples:\n"
	"  tocsin plan runs --active\n"
	"  tocsin plan approve 01JD8 --reason 'provider confirmed'\n";

static const char *const list_columns[] = {"name=PLAN",   "version=V",    "risk=RISK",
					   "owner=OWNER", "on=STARTS ON", "description=DESCRIPTION",
					   NULL};
static const char *const run_columns[] = {"id=RUN",      "plan=PLAN",
					  "version=V",   "incident=INCIDENT",
					  "state=STATE", "started=STARTED",
					  "ended=ENDED", "waiting_for=WAITING FOR",
					  "error=ERROR", NULL};

static void print_show(const json_t *run)
{
	json_t *rows = json_pack("[O]", run);
	size_t index;
	const json_t *record;
	remote_print_table(rows, run_columns);
	json_decref(rows);
	printf("\njournal\n");
	json_array_foreach(json_object_get(run, "journal"), index, record)
	{
		fputs("  ", stdout);
		remote_print_value(record);
		putchar('\n');
	}
}

/** Adds --value, which is JSON or else a plain text; what begins like JSON must be JSON, because an
 *  answer cannot be taken back. */
static bool put_value(json_t *args, const char *text)
{
	if (text == NULL)
		return true;
	json_error_t error;
	json_t *value = json_loads(text, JSON_DECODE_ANY, &error);
	if (value == NULL && text[0] != '\0' && strchr("{[\"", text[0]) != NULL) {
		fprintf(stderr, "tocsin plan: --value is not JSON: column %d: %s\n", error.column,
			error.text);
		return false;
	}
	json_object_set_new(args, "value", value != NULL ? value : json_string(text));
	return true;
}

int cli_plan(int argc, char **argv)
{
	struct remote remote;
	char verb[32];
	json_t *result = NULL;
	int code = remote_parse(&remote, argc, argv, help);
	if (code >= 0)
		return code;
	const char *command = remote.word_count > 0 ? remote.words[0] : "";
	bool is_list = strcmp(command, "list") == 0, is_runs = strcmp(command, "runs") == 0;
	if (!is_list && !is_runs && strcmp(command, "show") != 0 &&
	    strcmp(command, "approve") != 0 && strcmp(command, "reject") != 0 &&
	    strcmp(command, "cancel") != 0) {
		return remote_no_command(&remote, "plan");
	}
	bool is_answer = strcmp(command, "approve") == 0 || strcmp(command, "reject") == 0;
	int words = is_list || is_runs ? 1 : 2;
	if (remote.word_count != words && !(is_answer && remote.word_count == words + 1)) {
		fprintf(stderr, "tocsin plan %s: wants %s\n", command,
			is_list || is_runs ? "no more words"
			: is_answer        ? "one RUN id, and a STEP of it when several ask"
					   : "one RUN id");
		return EXIT_USAGE;
	}
	json_t *args = json_object();
	if (!is_list && !is_runs)
		json_object_set_new(args, "run", json_string(remote.words[1]));
	if (remote.word_count == 3)
		json_object_set_new(args, "step", json_string(remote.words[2]));
	if (remote.has_active)
		json_object_set_new(args, "active", json_true());
	if (remote.reason != NULL)
		json_object_set_new(args, "reason", json_string(remote.reason));
	if (!put_value(args, remote.value)) {
		json_decref(args);
		return EXIT_USAGE;
	}
	snprintf(verb, sizeof(verb), "plan.%s", command);
	code = remote_call(&remote, verb, args, &result);
	if (code != EXIT_DONE)
		return code;
	if (remote.is_json)
		remote_print_json(result);
	else if (is_list || is_runs)
		remote_print_table(result, is_list ? list_columns : run_columns);
	else
		print_show(result);
	json_decref(result);
	return EXIT_DONE;
}
