#include "core/plan/plan_drill.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/config/config_actions.h"
#include "core/plan/action_request.h"
#include "core/plan/plan_json.h"
#include "core/plan/plan_run.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

#include <stdio.h>
#include <string.h>

/* ---- targets ---- */

enum { TARGET_BYTES_MAX = 256 };

static int refuse(const char *action, const char *what, const char *list, struct err_note *why)
{
	return err_set(why, ERR_DENIED,
		       "%s: \"%.200s\" has no target in a drill (drill.%s of the "
		       "site)",
		       action, what, list);
}

static int map_output(const struct config_drill *drill, json_t *args, struct err_note *why)
{
	const char *to = json_string_value(json_object_get(args, "to"));
	const char *text = json_string_value(json_object_get(args, "text"));
	const char *target =
		to ? config_drill_target(drill->outputs, drill->output_count, to) : NULL;
	if (!target)
		return refuse("notify.send", to ? to : "", "outputs", why);
	char *tagged = mem_format("[drill] %s", text ? text : "");
	json_object_set_new(args, "to", json_string(target));
	json_object_set_new(args, "text", json_string(tagged));
	mem_free(tagged);
	return 0;
}

static int map_url(const struct config_drill *drill, json_t *args, struct err_note *why)
{
	const char *url = json_string_value(json_object_get(args, "url"));
	char host[TARGET_BYTES_MAX];
	size_t length = 0;
	const char *authority = url ? action_request_authority(url, &length) : NULL;
	if (!authority || length >= sizeof(host))
		return refuse("http.request", url ? url : "", "http", why);
	snprintf(host, sizeof(host), "%.*s", (int)length, authority);
	const char *target = config_drill_target(drill->http, drill->http_count, host);
	if (!target)
		return refuse("http.request", host, "http", why);
	char *mapped =
		mem_format("%.*s%s%s", (int)(authority - url), url, target, authority + length);
	json_object_set_new(args, "url", json_string(mapped));
	mem_free(mapped);
	return 0;
}

static int map_program(const struct config_drill *drill, json_t *args, struct err_note *why)
{
	json_t *argv = json_object_get(args, "argv");
	const char *path = json_string_value(json_array_get(argv, 0));
	const char *target =
		path ? config_drill_target(drill->exec, drill->exec_count, path) : NULL;
	if (!target)
		return refuse("exec.run", path ? path : "", "exec", why);
	json_array_set_new(argv, 0, json_string(target));
	return 0;
}

static int map(const struct config *config, const char *action, json_t *args, struct err_note *why)
{
	const struct config_drill *drill = &config_actions(config)->drill;
	if (strcmp(action, "notify.send") == 0)
		return map_output(drill, args, why);
	if (strcmp(action, "http.request") == 0)
		return map_url(drill, args, why);
	if (strcmp(action, "exec.run") == 0)
		return map_program(drill, args, why);
	if (strcmp(action, "log.write") == 0 || strcmp(action, "metric.query") == 0 ||
	    strcmp(action, "sql.query") == 0)
		return 0;
	return err_set(why, ERR_DENIED, "%.64s has no targets for drills: it is refused in a drill",
		       action);
}

int plan_drill_args(const struct config *config, const char *action, const char *args_json,
		    char **out, struct err_note *why)
{
	json_t *args = plan_json_parse(args_json ? args_json : "{}");
	int code = 0;
	/* What is wrong with other arguments, the action says. */
	if (json_is_object(args))
		code = map(config, action, args, why);
	if (code == 0)
		*out = args ? plan_json_text(args) : mem_copy_text(args_json);
	json_decref(args);
	return code;
}

int branch_validate(const struct plan_branch *branch, const char *action, const char *args_json,
		    enum effect *effect, struct err_note *why)
{
	const struct plan_engine *engine = branch->run->engine;
	char *mapped = NULL;
	int code = 0;
	if (branch->run->is_drill)
		code = plan_drill_args(engine->config, action, args_json, &mapped, why);
	if (code == 0)
		code = plan_action_validate(engine->options.actions, action,
					    mapped ? mapped : args_json, effect, why);
	mem_free(mapped);
	return code;
}

int branch_send(struct plan_branch *branch, const struct branch_try *what, struct err_note *why)
{
	const struct plan_engine *engine = branch->run->engine;
	char *mapped = NULL;
	int code = 0;
	if (branch->run->is_drill)
		code = plan_drill_args(engine->config, what->action, what->args_json, &mapped, why);
	if (code == 0)
		code = plan_action_start(&branch->action, engine->options.actions, what->action,
					 mapped ? mapped : what->args_json, what->key,
					 what->timeout_ms, branch->run->incident, what->on_done,
					 branch, why);
	mem_free(mapped);
	return code;
}

/* ---- readiness ---- */

struct drill_row {
	char *plan;
	struct plan_readiness at;
};

struct plan_drills {
	struct drill_row *rows;
	uint32_t count;
	bool is_muted;
};

static struct drill_row *find_row(const struct plan_engine *engine, const char *plan)
{
	const struct plan_drills *drills = engine->drills;
	for (uint32_t i = 0; drills && i < drills->count; i++)
		if (strcmp(drills->rows[i].plan, plan) == 0)
			return &drills->rows[i];
	return NULL;
}

static struct drill_row *add_row(struct plan_engine *engine, const char *plan, size_t length)
{
	struct plan_drills *drills = engine->drills;
	drills->rows = mem_grow(drills->rows, drills->count + 1, sizeof(*drills->rows));
	struct drill_row *row = &drills->rows[drills->count++];
	*row = (struct drill_row){.plan = mem_copy_bytes(plan, length)};
	return row;
}

static void save_row(struct plan_engine *engine, const struct drill_row *row)
{
	struct bytes key = BYTES_EMPTY, text = BYTES_EMPTY, value = BYTES_EMPTY;
	json_t *json = json_pack("{s:I, s:I, s:I}", "drilled_ms", row->at.drilled_ms, "drill_ok_ms",
				 row->at.drill_ok_ms, "ok_ms", row->at.ok_ms);
	key_begin(&key, KEYSPACE_DRILL);
	key_add_bytes(&key, slice_of(row->plan));
	plan_json_append(json, &text);
	keyspace_seal(&value, bytes_slice(&text));
	kv_batch_put(commit_batch(engine->options.commit), bytes_slice(&key), bytes_slice(&value));
	json_decref(json);
	bytes_deinit(&key);
	bytes_deinit(&text);
	bytes_deinit(&value);
}

void drill_on_end(const struct plan_run *run)
{
	struct plan_engine *engine = run->engine;
	bool is_done = run->state == RUN_DONE;
	if ((!run->is_drill && !is_done) || engine->is_rehearsal)
		return;
	if (!engine->drills)
		return;
	struct drill_row *row = find_row(engine, run->plan);
	if (!row)
		row = add_row(engine, run->plan, strlen(run->plan));
	if (run->is_drill)
		row->at.drilled_ms = run->ended_ms;
	if (run->is_drill && is_done)
		row->at.drill_ok_ms = run->ended_ms;
	if (!run->is_drill)
		row->at.ok_ms = run->ended_ms;
	save_row(engine, row);
}

struct load_context {
	struct plan_engine *engine;
	struct err_note *why;
	int code;
};

static bool load_one(void *arg, struct slice key, struct slice value)
{
	struct load_context *context = arg;
	struct slice text;
	context->code = keyspace_unseal(value, &text, context->why);
	if (context->code != 0)
		return false;
	struct drill_row *row = add_row(context->engine, key.data + 1, key.length - 1);
	json_t *json = json_loadb(text.data, text.length, 0, NULL);
	row->at.drilled_ms = json_integer_value(json_object_get(json, "drilled_ms"));
	row->at.drill_ok_ms = json_integer_value(json_object_get(json, "drill_ok_ms"));
	row->at.ok_ms = json_integer_value(json_object_get(json, "ok_ms"));
	json_decref(json);
	return true;
}

int drills_load(struct plan_engine *engine, struct err_note *why)
{
	struct load_context context = {.engine = engine, .why = why};
	struct bytes prefix = BYTES_EMPTY;
	engine->drills = mem_alloc(sizeof(*engine->drills));
	key_begin(&prefix, KEYSPACE_DRILL);
	int code =
		kv_scan(engine->options.kv, bytes_slice(&prefix), false, load_one, &context, why);
	bytes_deinit(&prefix);
	return code != 0 ? code : context.code;
}

void drills_free(struct plan_engine *engine)
{
	struct plan_drills *drills = engine->drills;
	for (uint32_t i = 0; drills && i < drills->count; i++)
		mem_free(drills->rows[i].plan);
	if (drills)
		mem_free(drills->rows);
	mem_free(drills);
}

void plan_engine_readiness(const struct plan_engine *engine, const char *plan,
			   struct plan_readiness *out)
{
	const struct drill_row *row = find_row(engine, plan);
	*out = row ? row->at : (struct plan_readiness){0};
}

void plan_engine_mute_triggers(struct plan_engine *engine, bool is_muted)
{
	engine->drills->is_muted = is_muted;
}

bool drill_mutes(const struct plan_engine *engine)
{
	return engine->drills && engine->drills->is_muted;
}
