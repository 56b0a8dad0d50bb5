/* The line itself reaches the log and the timeline as the step's own fact (plan_step.c), which is
 * durable with the step; so there is nothing to do here but to check it. */
#include "core/plan/action_internal.h"

#include "core/base/err.h"
#include "core/plan/plan_json.h"

static int validate(const struct plan_actions *actions, const json_t *args,
		    enum effect *default_effect, struct err_note *why)
{
	static const char *const names[] = {"text", NULL};
	(void)actions;
	int code = plan_json_check_names(args, "log.write", names, why);
	if (code == 0 && !json_is_string(json_object_get(args, "text")))
		code = err_set(why, ERR_INVALID, "log.write needs the text argument \"text\"");
	*default_effect = EFFECT_IDEMPOTENT;
	return code;
}

static int start(struct plan_action_run *run, const json_t *args, struct err_note *why)
{
	(void)args;
	(void)why;
	plan_action_finish_soon(run);
	return 0;
}

static void describe(const json_t *args, struct bytes *out)
{
	const char *text = json_string_value(json_object_get(args, "text"));
	bytes_append_text(out, text ? text : "");
}

const struct plan_action_type action_log = {.name = "log.write",
					    .validate = validate,
					    .start = start,
					    .describe = describe,
					    .simulate = action_simulate_nothing};
