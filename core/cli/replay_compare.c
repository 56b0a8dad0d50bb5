#include "core/cli/replay_compare.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/cli/compare_print.h"
#include "core/cli/remote.h"
#include "core/cli/replay_run.h"
#include "core/control/compare.h"
#include "core/model/alert.h"
#include "core/rule/rule.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static void keep_alert(void *arg, const struct rule *rule, const struct alert *alert)
{
	json_t *alerts = arg;
	struct bytes text = BYTES_EMPTY;

	(void)rule;
	if (json_array_size(alerts) > REPLAY_COMPARE_ALERTS_MAX)
		return;
	alert_append_document(alert, false, NULL, &text);
	json_array_append_new(alerts, json_loadb(text.data, text.length, 0, NULL));
	bytes_deinit(&text);
}

static int run_one(const struct replay *replay, struct rule *rule, json_t *alerts,
		   struct replay_totals *totals, struct err_note *why)
{
	struct replay one = *replay;
	int code;

	one.rules = &rule;
	one.rule_count = 1;
	one.on_alert = keep_alert;
	one.arg = alerts;
	code = replay_run(&one, totals, why);
	if (code == 0 && json_array_size(alerts) > REPLAY_COMPARE_ALERTS_MAX)
		code = err_set(why, ERR_FULL, "%s@%u has more than %d alerts here", rule->name,
			       rule->version, REPLAY_COMPARE_ALERTS_MAX);
	return code;
}

static void put_name(json_t *document, const char *side, const struct rule *rule)
{
	json_object_set_new(document, side, json_sprintf("%s@%u", rule->name, rule->version));
}

static int compare(const struct replay *replay, struct rule *other, json_t *a, json_t *b,
		   bool is_json, struct replay_totals *totals, struct err_note *why)
{
	struct replay_totals second = {0};
	int code = run_one(replay, replay->rules[0], a, totals, why);
	json_t *document;

	if (code == 0)
		code = run_one(replay, other, b, &second, why);
	if (code != 0)
		return code;
	totals->alerts += second.alerts;
	totals->quarantined_count += second.quarantined_count;
	totals->spent_ms += second.spent_ms;
	document = compare_alerts(a, b);
	put_name(document, "a", replay->rules[0]);
	put_name(document, "b", other);
	if (is_json)
		remote_print_json(document);
	else
		compare_print(document);
	json_decref(document);
	return 0;
}

int replay_compare(const struct replay *replay, struct rule *other, bool is_json,
		   struct replay_totals *totals, struct err_note *why)
{
	json_t *a = json_array(), *b = json_array();
	int code = 0;

	for (uint32_t i = 0; i < replay->input_count; i++)
		if (strcmp(replay->inputs[i], "-") == 0)
			code = err_set(why, ERR_UNSUPPORTED,
				       "--against reads the input twice, which standard input "
				       "cannot");
	if (code == 0)
		code = compare(replay, other, a, b, is_json, totals, why);
	json_decref(a);
	json_decref(b);
	return code;
}
