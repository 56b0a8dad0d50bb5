#include "core/app/run.h"

#include "core/cli/cli.h"

#include <jansson.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *text;
} verbs[] = {
	{"run", app_run_verb, "the daemon, in the foreground"},
	{"check", cli_check, "loads a site and lists every fault as file:line: text"},
	{"query", cli_query, "counts and sums log files by time and group"},
	{"replay", cli_replay, "runs history through the rules and prints the alerts"},
	{"repl", cli_repl, "tries filter expressions on the readings of a file"},
	{"test", cli_test, "runs the tests that lie beside the rules and plans"},
	{"explain", cli_explain, "why a rule fired, or did not"},
	{"status", cli_status, "what the daemon has read and what it waits for"},
	{"reload", cli_reload, "reads the site again and swaps it in"},
	{"rule", cli_rule,
	 "new, edit, diff, list, show, history, enable, disable, activate, rollback"},
	{"reference", cli_reference, "every option and every name that a script may use"},
	{"audit", cli_audit, "who changed which version of a rule or plan, when and why"},
	{"incident", cli_incident, "list, show, ack, handle, resolve, set, …"},
	{"alert", cli_alert, "list, show: what happened to an alert, and why"},
	{"silence", cli_silence, "add, list, show, expire, preview"},
	{"notify", cli_notify, "tries an output of people, or prints what it would send"},
	{"oncall", cli_oncall, "who, shifts, override, chains, rehearse, people, page"},
	{"plan", cli_plan, "list, run, dry-run, test, drill, watch, approve, cancel, …"},
};

static void print_help(FILE *to)
{
	fputs("Usage: tocsin VERB [OPTION…]\n\n"
	      "Tocsin watches logs with rules, opens incidents and runs emergency plans.\n\n",
	      to);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		fprintf(to, "  %-10s %s\n", verbs[i].name, verbs[i].text);
	fputs("\nEach verb has --help with examples. Exit codes: 0 ok, 1 failed, 2 usage,\n"
	      "4 daemon not reachable, 5 refused.\n\n"
	      "Examples:\n"
	      "  tocsin query pay.jsonl --by merchantId --every 1m --stat 'count, sum(amount)'\n"
	      "  tocsin check --site scripts\n"
	      "  tocsin run --site scripts --state state\n",
	      to);
}

/** What was printed but could not be written is a failure too. */
static int finish(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	if (code == EXIT_DONE) {
		fprintf(stderr, "tocsin: cannot write the output: %s\n", strerror(errno));
		return EXIT_FAILED;
	}
	return code;
}

int main(int argc, char **argv)
{
	json_object_seed(0); /* before any thread: jansson's seeding is not thread-safe */
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	bool is_help = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
		       strcmp(argv[1], "help") == 0;
	if (is_help && argc == 2) {
		print_help(stdout);
		return finish(EXIT_DONE);
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("tocsin " TOCSIN_VERSION);
		return finish(EXIT_DONE);
	}
	const char *name = is_help ? argv[2] : argv[1];
	char *ask_help[] = {argv[2], "--help", NULL}; /* "help VERB" */
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(name, verbs[i].name) == 0)
			return finish(is_help ? verbs[i].run(2, ask_help)
					      : verbs[i].run(argc - 1, argv + 1));
	}
	fprintf(stderr, "tocsin: there is no verb \"%s\"; tocsin --help lists them\n", name);
	return EXIT_USAGE;
}
