#include "core/cli/cli.h"

#include "core/base/bytes.h"
#include "core/base/number.h"
#include "core/cli/remote.h"

#include <stdio.h>

static const char help[] =
	"Usage: tocsin audit [--rule NAME] [--limit N] [--json] [--state DIR | --socket PATH]\n"
	"\n"
	"Who changed what, when and why: every move of a version of a rule or plan, newest first.\n"
	"Rows are never changed; the oldest go after 400 days, or when there are 10,000.\n"
	"\n"
	"  --rule NAME  only this rule\n"
	"  --limit N    at most N rows (default 100)\n"
	"  --json       one JSON document, with how many rows there were and how many are gone\n"
	"\n"
	"Examples:\n"
	"  tocsin audit --rule merchant_failures\n"
	"  tocsin audit --json | jq '.rows[0]'\n";

static const char *const columns[] = {"time=TIME",   "kind=KIND",     "name=NAME",
				      "version=V",   "action=ACTION", "effective=EFFECTIVE",
				      "actor=ACTOR", "reason=REASON", NULL};

static void print_rows(const json_t *result)
{
	const json_t *rows = json_object_get(result, "rows");
	json_int_t dropped = json_integer_value(json_object_get(result, "dropped"));
	remote_print_table(rows, columns);
	if (dropped > 0)
		fprintf(stderr, "audit: %lld older rows are gone\n", (long long)dropped);
}

int cli_audit(int argc, char **argv)
{
	struct remote remote;
	json_t *result = NULL;
	int64_t limit = 0;
	int code = remote_parse(&remote, argc, argv, help);
	if (code >= 0)
		return code;
	if (remote.word_count > 0) {
		fprintf(stderr,
			"tocsin audit: \"%s\" is not an option\nhint: tocsin audit --help\n",
			remote.words[0]);
		return EXIT_USAGE;
	}
	if (remote.limit != NULL &&
	    (number_parse_int(slice_of(remote.limit), &limit) != 0 || limit < 1)) {
		fprintf(stderr, "tocsin audit: --limit must be a whole number from 1, not \"%s\"\n",
			remote.limit);
		return EXIT_USAGE;
	}
	json_t *args = json_object();
	if (remote.rule != NULL) {
		json_object_set_new(args, "kind", json_string("rule"));
		json_object_set_new(args, "name", json_string(remote.rule));
	}
	if (limit > 0)
		json_object_set_new(args, "limit", json_integer(limit));
	code = remote_call(&remote, "audit.list", args, &result);
	if (code != EXIT_DONE)
		return code;
	if (remote.is_json)
		remote_print_json(result);
	else
		print_rows(result);
	json_decref(result);
	return EXIT_DONE;
}
