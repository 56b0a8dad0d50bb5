/* An outbox row is put into the gathering batch; the step's outcome goes into that batch or a later
 * one, so a durable outcome means a durable row, and the outbox delivers it at least once. */
#include "core/plan/action_internal.h"

#include "core/base/err.h"
#include "core/config/config.h"
#include "core/outbox/outbox.h"
#include "core/plan/journal.h"
#include "core/plan/plan_json.h"

static int validate(const struct plan_actions *actions, const json_t *args,
		    enum effect *default_effect, struct err_note *why)
{
	const char *to, *text;
	int code = action_text(args, "notify.send", "to", &to, why);
	if (code == 0)
		code = action_text(args, "notify.send", "text", &text, why);
	if (code != 0)
		return code;
	if (!actions->config || !config_find_output(actions->config, to))
		return err_set(why, ERR_NOT_FOUND, "notify.send: the site has no output \"%.64s\"",
			       to);
	*default_effect = EFFECT_IDEMPOTENT;
	return 0;
}

const char *action_row_id(const char *key, char hash[ACTION_ROW_ID_BYTES])
{
	for (const char *c = key; *c; c++) {
		if (*c > ' ' && *c <= '~')
			continue;
		journal_hash(slice_of(key), hash);
		return hash;
	}
	return key;
}

static int start(struct plan_action_run *run, const json_t *args, struct err_note *why)
{
	struct bytes body = BYTES_EMPTY;
	char hash[ACTION_ROW_ID_BYTES];
	const char *id = action_row_id(run->idempotency_key, hash);
	json_t *row = json_deep_copy(args);
	json_object_set_new(row, "id", json_string(id));
	json_object_set_new(row, "incident", json_integer((json_int_t)run->incident));
	plan_json_append(row, &body);
	int code = outbox_put(run->actions->options.outbox,
			      json_string_value(json_object_get(args, "to")), id,
			      bytes_slice(&body), NULL, NULL, why);
	bytes_deinit(&body);
	json_decref(row);
	if (code == 0)
		plan_action_finish_soon(run);
	return code;
}

static void describe(const json_t *args, struct bytes *out)
{
	const char *to = json_string_value(json_object_get(args, "to"));
	const char *text = json_string_value(json_object_get(args, "text"));
	bytes_append_format(out, "notify %s: %.200s", to ? to : "?", text ? text : "");
}

const struct plan_action_type action_notify = {.name = "notify.send",
					       .validate = validate,
					       .start = start,
					       .describe = describe,
					       .simulate = action_simulate_nothing};
