/* metric.query: what a rule sees of a key now. It comes from the engine of this process, so it
 * cannot be late; the journal keeps it, so that a replay decides as the first run did. */
#include "core/plan/action_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan_json.h"

#include <stdio.h>

static int validate(const struct plan_actions *actions, const json_t *args,
		    enum effect *default_effect, struct err_note *why)
{
	static const char *const names[] = {"rule", "key", NULL};
	const json_t *key = json_object_get(args, "key");
	const char *rule;
	(void)actions;
	int code = plan_json_check_names(args, "metric.query", names, why);
	if (code == 0)
		code = action_text(args, "metric.query", "rule", &rule, why);
	/* An empty table of Lua is a list. */
	bool is_empty = json_is_array(key) && json_array_size(key) == 0;
	if (code == 0 && key && !json_is_object(key) && !is_empty)
		code = err_set(why, ERR_INVALID,
			       "metric.query: key must be a table of the rule's `by` fields, like "
			       "{ merchantId = \"m1\" }");
	*default_effect = EFFECT_READ;
	return code;
}

static int start(struct plan_action_run *run, const json_t *args, struct err_note *why)
{
	const struct plan_actions_options *options = &run->actions->options;
	const char *rule = json_string_value(json_object_get(args, "rule"));
	struct plan_reply reply = {.result = {.is_ok = true}};
	struct err_note fault = {{0}};
	json_t *found = NULL;
	if (!options->metric)
		return err_set(why, ERR_UNSUPPORTED, "metric.query: there are no rules here");
	if (options->metric(options->arg, rule, json_object_get(args, "key"), &found, &fault) ==
	    0) {
		reply.result_json = plan_json_text(found);
		json_decref(found);
	} else {
		reply.result.is_ok = false;
		reply.error = mem_format("metric.query: %s", fault.text);
	}
	plan_action_reply_soon(run, &reply);
	return 0;
}

static void describe(const json_t *args, struct bytes *out)
{
	const char *rule = json_string_value(json_object_get(args, "rule"));
	const json_t *key = json_object_get(args, "key");
	bytes_append_format(out, "value of %s", rule ? rule : "?");
	if (json_object_size(key) > 0) {
		char *text = plan_json_text(key);
		bytes_append_format(out, " %.200s", text);
		mem_free(text);
	}
}

/* Nothing was seen. */
static int simulate(const struct plan_actions *actions, const json_t *args, json_t **result,
		    struct err_note *why)
{
	(void)actions, (void)args, (void)why;
	*result = json_pack("{s:i, s:b, s:s}", "count", 0, "firing", 0, "stage", "ok");
	return 0;
}

const struct plan_action_type action_metric = {.name = "metric.query",
					       .validate = validate,
					       .start = start,
					       .describe = describe,
					       .simulate = simulate};
