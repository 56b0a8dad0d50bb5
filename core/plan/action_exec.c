#include "core/plan/action_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/loop/process.h"
#include "core/plan/plan_json.h"

#include <string.h>

static bool is_allowed(const struct config *config, const char *path)
{
	for (uint32_t i = 0; config && i < config->exec_allow_count; i++) {
		if (strcmp(config->exec_allow[i], path) == 0)
			return true;
	}
	return false;
}

static int validate(const struct plan_actions *actions, const json_t *args,
		    enum effect *default_effect, struct err_note *why)
{
	static const char *const names[] = {"argv", NULL};
	const json_t *argv = json_object_get(args, "argv");
	int code = plan_json_check_names(args, "exec.run", names, why);
	if (code != 0)
		return code;
	if (!json_is_array(argv) || json_array_size(argv) == 0 ||
	    json_array_size(argv) > ACTION_EXEC_ARGS_MAX)
		return err_set(why, ERR_INVALID,
			       "exec.run needs argv, a list of 1 to %d texts that begins with the "
			       "path of a program",
			       ACTION_EXEC_ARGS_MAX);
	for (size_t i = 0; i < json_array_size(argv); i++) {
		if (!json_is_string(json_array_get(argv, i)))
			return err_set(why, ERR_INVALID,
				       "exec.run: argument %zu of argv is not a text", i + 1);
	}
	const char *path = json_string_value(json_array_get(argv, 0));
	if (!is_allowed(actions->config, path))
		return err_set(why, ERR_DENIED,
			       "exec.run: \"%.200s\" is not on the site's exec.allow list", path);
	*default_effect = EFFECT_ONCE;
	return 0;
}

static char *make_result(const struct process_result *result)
{
	json_t *json = json_object();
	json_object_set_new(json, "exit_code", json_integer(result->exit_code));
	json_object_set_new(json, "output",
			    plan_json_clean(result->output, ACTION_REPLY_BYTES_MAX));
	char *text = plan_json_text(json);
	json_decref(json);
	return text;
}

static void on_exit_of(void *arg, const struct process_result *process)
{
	struct plan_action_run *run = arg;
	struct plan_action_result result = {0};
	struct bytes error = BYTES_EMPTY;
	char *json = NULL;
	run->work = NULL;
	if (process->has_timed_out || !process->has_exited) {
		result.is_unknown = true;
		if (process->has_timed_out)
			bytes_append_format(&error, "the program was stopped after %lld ms",
					    (long long)run->timeout_ms);
		else
			bytes_append_format(&error, "the program was ended by signal %d",
					    process->signal_number);
	} else if (process->exit_code == 0) {
		result.is_ok = true;
		result.result_json = json = make_result(process);
	} else {
		result.can_repeat = true;
		result.is_absent = process->exit_code == 1;
		json_t *output = plan_json_clean(process->output, 300);
		bytes_append_format(&error, "exit code %d: %s", process->exit_code,
				    json_string_value(output));
		json_decref(output);
	}
	result.error = result.is_ok ? NULL : error.data;
	plan_action_finish(run, &result);
	bytes_deinit(&error);
	mem_free(json);
}

static int start(struct plan_action_run *run, const json_t *args, struct err_note *why)
{
	const json_t *list = json_object_get(args, "argv");
	const char *argv[ACTION_EXEC_ARGS_MAX + 1] = {NULL};
	struct process *process;
	for (size_t i = 0; i < json_array_size(list); i++)
		argv[i] = json_string_value(json_array_get(list, i));
	int code = process_start(&process, run->actions->options.loop, argv, run->timeout_ms,
				 on_exit_of, run, why);
	if (code == 0)
		run->work = process;
	return code;
}

static void cancel(struct plan_action_run *run)
{
	if (run->work)
		process_cancel(run->work);
}

static void describe(const json_t *args, struct bytes *out)
{
	const json_t *argv = json_object_get(args, "argv");
	bytes_append_text(out, "run");
	for (size_t i = 0; i < json_array_size(argv) && out->length < 300; i++)
		bytes_append_format(out, " %.200s", json_string_value(json_array_get(argv, i)));
}

static int simulate(const struct plan_actions *actions, const json_t *args, json_t **result,
		    struct err_note *why)
{
	(void)actions;
	(void)args;
	(void)why;
	*result = json_pack("{s:i, s:s}", "exit_code", 0, "output", "");
	return 0;
}

const struct plan_action_type action_exec = {.name = "exec.run",
					     .validate = validate,
					     .start = start,
					     .cancel = cancel,
					     .describe = describe,
					     .simulate = simulate};
