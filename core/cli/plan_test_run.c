#include "core/cli/plan_test_run.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/cli/plan_effects.h"
#include "core/plan/plan_command.h"
#include "core/plan/plan_engine.h"
#include "core/plan/plan_json.h"

#include <string.h>

static const char tester[] = "tester";

static const char *text_of(const json_t *json, const char *name, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(json, name));
	return text ? text : otherwise;
}

/** Owned JSON text of a member, or NULL. */
static char *member_json(const json_t *json, const char *name)
{
	const json_t *value = json_object_get(json, name);
	return value && !json_is_null(value) ? plan_json_text(value) : NULL;
}

/* ---- which run, which step ---- */

struct wanted {
	const char *id, *plan;
	json_t *found; /**< of the latest */
	bool is_live;
};

static json_t *run_json(const struct run_summary *run)
{
	json_t *json = json_object();
	json_object_set_new(json, "id", json_string(run->id));
	json_object_set_new(json, "plan", json_string(run->plan));
	json_object_set_new(json, "version", json_integer(run->version));
	json_object_set_new(json, "incident", json_integer((json_int_t)run->incident));
	json_object_set_new(json, "state", json_string(run_state_name(run->state)));
	json_object_set_new(json, "started_ms", json_integer(run->started_ms));
	json_object_set_new(json, "ended_ms", json_integer(run->ended_ms));
	json_object_set_new(json, "records", json_integer(run->record_count));
	json_object_set_new(json, "is_drill", json_boolean(run->is_drill));
	if (run->waiting_for)
		json_object_set_new(json, "waiting_for",
				    plan_json_clean(slice_of(run->waiting_for), SIZE_MAX));
	if (run->error)
		json_object_set_new(json, "error", plan_json_clean(slice_of(run->error), SIZE_MAX));
	return json;
}

static void consider(void *arg, const struct run_summary *run)
{
	struct wanted *wanted = arg;
	bool is_live = run->ended_ms == 0;
	if ((wanted->id && strcmp(wanted->id, run->id) != 0) ||
	    (wanted->plan && strcmp(wanted->plan, run->plan) != 0) || (wanted->is_live && !is_live))
		return;
	json_decref(wanted->found);
	wanted->found = run_json(run);
}

/** Owned, or NULL. */
static json_t *find_run(const struct plan_engine *engine, const char *id, const char *plan,
			bool is_live)
{
	struct wanted wanted = {.id = id, .plan = plan, .is_live = is_live};
	plan_engine_each_run(engine, false, consider, &wanted);
	return wanted.found;
}

/** Owned id. */
static int find_id(const struct plan_engine *engine, const json_t *options, char **out,
		   struct err_note *why)
{
	const char *id = text_of(options, "run", NULL);
	json_t *run = find_run(engine, id, NULL, true);
	if (!run)
		run = find_run(engine, id, NULL, false);
	if (!run)
		return err_set(why, ERR_NOT_FOUND, id ? "there is no run %s" : "there is no run%s",
			       id ? id : "");
	*out = mem_copy_text(text_of(run, "id", ""));
	json_decref(run);
	return 0;
}

struct find_step {
	const char *wanted;
	char *found;
};

static void look(void *arg, struct slice text)
{
	struct find_step *find = arg;
	json_t *record = json_loadb(text.data, text.length, 0, NULL);
	const char *step = text_of(record, "step", NULL);
	if (step && plan_effects_is_step(step, find->wanted)) {
		mem_free(find->found);
		find->found = mem_copy_text(step);
	}
	json_decref(record);
}

/** Owned; as it is when the journal has none such: the engine says what is wrong with it. */
static char *find_step(const struct plan_engine *engine, const char *run, const char *wanted)
{
	struct find_step find = {wanted, NULL};
	plan_engine_each_record(engine, run, look, &find, NULL);
	return find.found ? find.found : mem_copy_text(wanted);
}

/* ---- what is done to it ---- */

int plan_test_run_start(struct plan_engine *engine, const char *plan, uint64_t incident,
			const json_t *options, json_t **out, struct err_note *why)
{
	const json_t *number = json_object_get(options, "incident");
	char *params = member_json(options, "params");
	char *id = NULL;
	struct plan_start start = {.plan = text_of(options, "plan", plan),
				   .params_json = params,
				   .incident =
					   number ? (uint64_t)json_integer_value(number) : incident,
				   .starter = text_of(options, "as", tester),
				   .cause = "a test",
				   .is_drill = json_is_true(json_object_get(options, "drill"))};
	int code = plan_engine_start(engine, &start, &id, why);
	if (code == 0)
		*out = json_string(id);
	mem_free(id);
	mem_free(params);
	return code;
}

int plan_test_run_answer(struct plan_engine *engine, const char *step, const json_t *options,
			 struct err_note *why)
{
	char *run;
	int code = find_id(engine, options, &run, why);
	if (code != 0)
		return code;
	char *value = member_json(options, "value");
	char *name = find_step(engine, run, step);
	struct plan_answer_of answer = {.is_approved =
						json_is_true(json_object_get(options, "approved")),
					.value_json = value,
					.actor = text_of(options, "as", tester),
					.reason = text_of(options, "reason", NULL)};
	code = plan_engine_answer_as(engine, run, name, &answer, why);
	mem_free(name);
	mem_free(value);
	mem_free(run);
	return code;
}

int plan_test_run_signal(struct plan_engine *engine, const char *name, const json_t *options,
			 struct err_note *why)
{
	char *run;
	int code = find_id(engine, options, &run, why);
	if (code != 0)
		return code;
	char *value = member_json(options, "value");
	struct plan_operator by = {.actor = text_of(options, "as", tester),
				   .reason = text_of(options, "reason", NULL)};
	code = plan_engine_signal(engine, run, name, value ? value : "null", &by, why);
	mem_free(value);
	mem_free(run);
	return code;
}

static int command_step(struct plan_engine *engine, const char *command, const char *run,
			const json_t *options, const struct plan_operator *by, struct err_note *why)
{
	const char *wanted = text_of(options, "step", NULL);
	char *step = wanted ? find_step(engine, run, wanted) : NULL;
	char *value = member_json(options, "value");
	int code;
	if (strcmp(command, "retry") == 0)
		code = plan_engine_retry(engine, run, step, value, by, why);
	else if (strcmp(command, "set") == 0)
		code = plan_engine_set(engine, run, step, value, by, why);
	else
		code = plan_engine_skip(engine, run, step, by, why);
	mem_free(step);
	mem_free(value);
	return code;
}

int plan_test_run_command(struct plan_engine *engine, const char *command, const json_t *options,
			  struct err_note *why)
{
	char *run;
	int code = find_id(engine, options, &run, why);
	if (code != 0)
		return code;
	struct plan_operator by = {.actor = text_of(options, "as", tester),
				   .reason = text_of(options, "reason", NULL)};
	if (strcmp(command, "pause") == 0)
		code = plan_engine_pause(engine, run, &by, why);
	else if (strcmp(command, "resume") == 0)
		code = plan_engine_go_on(engine, run, &by, why);
	else if (strcmp(command, "cancel") == 0)
		code = plan_engine_cancel(engine, run, by.actor, by.reason, why);
	else
		code = command_step(engine, command, run, options, &by, why);
	mem_free(run);
	return code;
}

/* ---- what it looks like ---- */

static void take_result(void *arg, struct slice text)
{
	json_t *record = json_loadb(text.data, text.length, 0, NULL);
	if (strcmp(text_of(record, "type", ""), "RunEnded") == 0)
		json_object_set(arg, "result", json_object_get(record, "result"));
	json_decref(record);
}

json_t *plan_test_run_show(const struct plan_engine *engine, const json_t *wanted)
{
	json_t *run =
		find_run(engine, text_of(wanted, "id", NULL), text_of(wanted, "plan", NULL), false);
	if (run)
		plan_engine_each_record(engine, text_of(run, "id", ""), take_result, run, NULL);
	return run;
}

static void add_record(void *arg, struct slice text)
{
	json_array_append_new(arg, json_loadb(text.data, text.length, 0, NULL));
}

int plan_test_run_journal(const struct plan_engine *engine, const char *run, json_t **out,
			  struct err_note *why)
{
	json_t *latest = find_run(engine, run[0] ? run : NULL, NULL, false);
	if (!latest)
		return err_set(why, ERR_NOT_FOUND, "there is no run%s%s", run[0] ? " " : "", run);
	*out = json_array();
	int code =
		plan_engine_each_record(engine, text_of(latest, "id", ""), add_record, *out, why);
	json_decref(latest);
	return code;
}
