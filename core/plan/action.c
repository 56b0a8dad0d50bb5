#include "core/plan/action.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/loop/workers.h"
#include "core/plan/action_internal.h"
#include "core/plan/action_secret.h"
#include "core/plan/plan_json.h"

#include <string.h>

static const struct plan_action_type *const known_types[] = {
	&action_notify, &action_http,   &action_exec,  &action_log,   &action_load, &action_sql,
	&action_metric, &action_ticket, &action_group, &action_phone, NULL};

static const struct plan_action_type *find_type(const struct plan_actions *actions,
						const char *name)
{
	for (const struct plan_action_type *type = actions ? actions->types : NULL;
	     type && type->name; type++) {
		if (strcmp(type->name, name) == 0)
			return type;
	}
	for (int i = 0; known_types[i]; i++) {
		if (strcmp(known_types[i]->name, name) == 0)
			return known_types[i];
	}
	return NULL;
}

bool plan_action_kinds(const char *kind, struct bytes *known)
{
	bool is_known = false;
	for (int i = 0; known_types[i]; i++) {
		const char *name = known_types[i]->name;
		size_t length = strcspn(name, ".");
		is_known = is_known || (strlen(kind) == length && memcmp(kind, name, length) == 0);
		bytes_append_format(known, "%s%.*s", i > 0 ? ", " : "", (int)length, name);
	}
	return is_known;
}

struct plan_actions *plan_actions_new(const struct plan_actions_options *options)
{
	struct plan_actions *actions = mem_alloc(sizeof(*actions));
	actions->options = *options;
	return actions;
}

void plan_actions_free(struct plan_actions *actions)
{
	if (!actions)
		return;
	workers_free(actions->workers);
	if (actions->config)
		config_unref(actions->config);
	mem_free(actions);
}

void plan_actions_configure(struct plan_actions *actions, struct config *config)
{
	struct config *former = actions->config;
	actions->config = config_ref(config);
	if (former)
		config_unref(former);
}

void plan_actions_simulate(struct plan_actions *actions, const struct plan_simulation *simulation)
{
	actions->simulation = *simulation;
	actions->is_simulated = true;
}

void plan_actions_set_types(struct plan_actions *actions, const struct plan_action_type *types)
{
	actions->types = types;
}

int action_text(const json_t *args, const char *action, const char *name, const char **out,
		struct err_note *why)
{
	const char *text = json_string_value(json_object_get(args, name));
	if (!text || text[0] == '\0')
		return err_set(why, ERR_INVALID, "%s needs the text argument \"%s\"", action, name);
	*out = text;
	return 0;
}

static int parse_args(const char *action, const char *args_json, json_t **out, struct err_note *why)
{
	const char *text = args_json ? args_json : "{}";
	if (strlen(text) > ACTION_ARGS_BYTES_MAX)
		return err_set(why, ERR_INVALID, "the arguments of %s are longer than %d bytes",
			       action, ACTION_ARGS_BYTES_MAX);
	json_t *args = plan_json_parse(text);
	if (!json_is_object(args)) {
		json_decref(args);
		return err_set(why, ERR_INVALID, "the arguments of %s must be a table", action);
	}
	*out = args;
	return 0;
}

/* As they are sent, or (`values` NULL) with names in the place of secrets. Takes *args. */
static int put_secrets(const struct plan_actions *actions, const struct plan_action_type *type,
		       json_t *values, json_t **args, struct err_note *why)
{
	json_t *made = NULL;
	if (!action_secret_is_in(*args))
		return 0;
	if (!type->may_send_secrets)
		return err_set(why, ERR_DENIED,
			       "%s must not have a secret: it would be stored or shown; only "
			       "http.request and load.run may send one",
			       type->name);
	int code = action_secret_resolve(*args, actions->config, values, &made, why);
	if (code != 0)
		return code;
	json_decref(*args);
	*args = made;
	return 0;
}

static int refuse_unknown(const char *action, struct err_note *why)
{
	struct bytes known = BYTES_EMPTY;
	for (int i = 0; known_types[i]; i++)
		bytes_append_format(&known, "%s%s", i > 0 ? ", " : "", known_types[i]->name);
	int code = err_set(why, ERR_NOT_FOUND, "there is no action \"%.64s\"; known: %s", action,
			   known.data);
	bytes_deinit(&known);
	return code;
}

int plan_action_validate(struct plan_actions *actions, const char *action, const char *args_json,
			 enum effect *default_effect, struct err_note *why)
{
	json_t *args = NULL;
	const struct plan_action_type *type = find_type(actions, action);
	if (!type)
		return refuse_unknown(action, why);
	if (actions->is_simulated && !type->simulate)
		return err_set(why, ERR_UNSUPPORTED,
			       "%s has no simulator: a plan with it cannot run dry", type->name);
	int code = parse_args(type->name, args_json, &args, why);
	if (code == 0)
		code = put_secrets(actions, type, NULL, &args, why);
	if (code == 0)
		code = type->validate(actions, args, default_effect, why);
	json_decref(args);
	return code;
}

void plan_action_describe(const char *action, const char *args_json, struct bytes *out)
{
	const struct plan_action_type *type = find_type(NULL, action);
	json_t *args = args_json ? plan_json_parse(args_json) : NULL;
	if (type && json_is_object(args))
		type->describe(args, out);
	else
		bytes_append_text(out, action);
	json_decref(args);
}

static void free_run(struct plan_action_run *run)
{
	plan_action_free_reply(run);
	timer_free(run->soon);
	json_decref(run->secrets);
	mem_free(run->idempotency_key);
	mem_free(run);
}

int plan_action_start(struct plan_action_run **out, struct plan_actions *actions,
		      const char *action, const char *args_json, const char *idempotency_key,
		      int64_t timeout_ms, uint64_t incident,
		      void (*on_done)(void *arg, const struct plan_action_result *result),
		      void *arg, struct err_note *why)
{
	json_t *args = NULL;
	enum effect effect;
	/* Once more: the allow-lists may have been reloaded since the step was scheduled. */
	int code = plan_action_validate(actions, action, args_json, &effect, why);
	if (code != 0)
		return code;
	code = parse_args(action, args_json, &args, why);
	if (code != 0)
		return code;
	struct plan_action_run *run = mem_alloc(sizeof(*run));
	run->actions = actions;
	run->type = find_type(actions, action);
	run->idempotency_key = mem_copy_text(idempotency_key);
	run->timeout_ms = timeout_ms;
	run->incident = incident;
	run->on_done = on_done;
	run->arg = arg;
	run->secrets = actions->is_simulated ? NULL : json_array();
	code = put_secrets(actions, run->type, run->secrets, &args, why);
	if (code == 0 && json_array_size(run->secrets) > 0)
		code = run->type->validate(actions, args, &effect, why);
	if (code == 0)
		code = actions->is_simulated ? plan_action_simulate(run, args, why)
					     : run->type->start(run, args, why);
	json_decref(args);
	if (code != 0) {
		free_run(run);
		return code;
	}
	*out = run;
	return 0;
}

void plan_action_cancel(struct plan_action_run *run)
{
	if (!run)
		return;
	if (!run->soon && run->type->cancel)
		run->type->cancel(run);
	free_run(run);
}

void plan_action_finish(struct plan_action_run *run, const struct plan_action_result *result)
{
	void (*on_done)(void *arg, const struct plan_action_result *result) = run->on_done;
	void *arg = run->arg;
	struct plan_action_result shown = *result;
	char *json = NULL, *error = NULL, *note = NULL;
	if (json_array_size(run->secrets) > 0) {
		shown.result_json = json =
			action_secret_hide_json(result->result_json, run->secrets);
		shown.error = error = action_secret_hide(result->error, run->secrets);
		shown.note = note = action_secret_hide(result->note, run->secrets);
	}
	free_run(run);
	on_done(arg, &shown);
	mem_free(json);
	mem_free(error);
	mem_free(note);
}

static void on_soon(void *arg)
{
	plan_action_finish(arg, &(struct plan_action_result){.is_ok = true});
}

void plan_action_finish_soon(struct plan_action_run *run)
{
	run->soon = timer_new(run->actions->options.loop, on_soon, run);
	timer_set(run->soon, 0);
}
