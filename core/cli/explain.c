#include "core/cli/cli.h"

#include "core/cli/explain_print.h"
#include "core/cli/remote.h"

#include <stdio.h>

static const char help[] =
	"Usage: tocsin explain RULE [--key KEY] [--at TIME] [--json] [--state DIR | --socket "
	"PATH]\n"
	"\n"
	"Why the rule that runs fired, or did not: its evaluations near transitions, as the "
	"daemon\n"
	"has recorded them since its start, with values, thresholds and reasons, and what its "
	"window\n"
	"holds now. Evaluations in a row with the same reason are one line. At most 64 keys of a\n"
	"rule with 12 such lines each are kept. For history: tocsin replay --explain KEY.\n"
	"\n"
	"  --key KEY    only this key, as alerts show it: m0002, or m0002,10.1.1.1\n"
	"  --at TIME    what was so then, and what followed (RFC 3339)\n"
	"  --json       one JSON document\n"
	"\n"
	"Examples:\n"
	"  tocsin explain merchant_failures\n"
	"  tocsin explain merchant_failures --key m0002\n"
	"  tocsin explain merchant_failures --at 2026-11-22T06:00:00Z --json\n";

int cli_explain(int argc, char **argv)
{
	struct remote remote;
	json_t *result = NULL, *args;
	int code = remote_parse(&remote, argc, argv, help);

	if (code >= 0)
		return code;
	if (remote.word_count != 1) {
		fputs("tocsin explain: one rule is needed\nhint: tocsin explain --help\n", stderr);
		return EXIT_USAGE;
	}
	args = json_object();
	json_object_set_new(args, "rule", json_string(remote.words[0]));
	if (remote.key != NULL)
		json_object_set_new(args, "key", json_string(remote.key));
	if (remote.at != NULL)
		json_object_set_new(args, "at", json_string(remote.at));
	code = remote_call(&remote, "explain", args, &result);
	if (code != EXIT_DONE)
		return code;
	if (remote.is_json)
		remote_print_json(result);
	else
		explain_print(result);
	json_decref(result);
	return EXIT_DONE;
}
