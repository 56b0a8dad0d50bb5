#include "core/cli/replay_explain.h"

#include "core/cli/cli.h"
#include "core/cli/explain_print.h"
#include "core/cli/remote.h"
#include "core/cli/replay_run.h"
#include "core/control/explain.h"
#include "core/rule/rule.h"

#include <stdio.h>
#include <string.h>

static int at_end(void *arg, const struct engine *engine, struct err_note *why)
{
	const struct replay_explain *explain = arg;
	const char *key = strcmp(explain->key, "*") != 0 ? explain->key : NULL;
	json_t *document = NULL;
	int code = explain_rule(engine, explain->rule, key, explain->at_ms, &document, why);

	if (code != 0)
		return code;
	if (explain->is_json)
		remote_print_json(document);
	else
		explain_print(document);
	json_decref(document);
	return 0;
}

static void drop_alert(void *arg, const struct rule *rule, const struct alert *alert)
{
	(void)arg;
	(void)rule;
	(void)alert;
}

int replay_explain_begin(struct replay_explain *explain, struct replay *replay)
{
	if (replay->rule_count != 1) {
		fputs("tocsin replay: --explain is about one rule: give it with --rule\n", stderr);
		return EXIT_USAGE;
	}
	explain->rule = replay->rules[0]->name;
	replay->at_end = at_end;
	replay->on_alert = drop_alert;
	replay->arg = explain;
	return EXIT_DONE;
}
