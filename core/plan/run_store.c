#include "core/plan/run_store.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/plan/plan.h"
#include "core/plan/plan_json.h"
#include "core/plan/plan_replay.h"
#include "core/plan/plan_run.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"
#include "storage/script_store.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* ---- the row of a run ---- */

struct row_field {
	const char *name;
	enum { ROW_TEXT, ROW_JSON, ROW_U32, ROW_I64, ROW_SIGNED, ROW_FLAG } kind;
	bool is_required;
	size_t offset;
};

#define ROW(name, kind, is_required, member)                                                       \
	{                                                                                          \
		name, kind, is_required, offsetof(struct plan_run, member)                         \
	}
static const struct row_field row_fields[] = {
	ROW("id", ROW_TEXT, true, id),
	ROW("plan", ROW_TEXT, true, plan),
	ROW("version", ROW_U32, true, version),
	ROW("incident", ROW_I64, true, incident),
	ROW("starter", ROW_TEXT, false, starter),
	ROW("cause", ROW_TEXT, false, cause),
	ROW("gate", ROW_JSON, false, gate_json),
	ROW("needs", ROW_TEXT, false, needs),
	ROW("drill", ROW_FLAG, false, is_drill),
	ROW("concurrency", ROW_TEXT, true, concurrency),
	ROW("limit", ROW_U32, true, concurrency_limit),
	ROW("params", ROW_JSON, true, params_json),
	ROW("timeout_ms", ROW_I64, true, timeout_ms),
	ROW("created_ms", ROW_I64, true, created_ms),
	ROW("started_ms", ROW_I64, true, started_ms),
	ROW("ended_ms", ROW_I64, true, ended_ms),
	ROW("waiting_for", ROW_TEXT, false, waiting_for),
	ROW("error", ROW_TEXT, false, error),
	ROW("records", ROW_U32, true, record_count),
	ROW("bytes", ROW_I64, true, record_bytes),
	ROW("parent", ROW_TEXT, false, parent),
	ROW("depth", ROW_U32, false, depth),
	ROW("paused_ms", ROW_SIGNED, false, paused_ms),
	ROW("wake_ms", ROW_I64, false, wake_ms),
	ROW("stepped_ms", ROW_SIGNED, false, stepped_ms),
};

enum { ROW_FIELDS = sizeof(row_fields) / sizeof(row_fields[0]) };

static json_t *row_value(const struct plan_run *run, const struct row_field *field)
{
	const void *place = (const char *)run + field->offset;
	const char *text;
	switch (field->kind) {
	case ROW_TEXT:
		text = *(const char *const *)place;
		return text ? plan_json_clean(slice_of(text), SIZE_MAX) : NULL;
	case ROW_JSON:
		text = *(const char *const *)place;
		return text ? plan_json_parse(text) : NULL;
	case ROW_U32: return json_integer(*(const uint32_t *)place);
	case ROW_I64:
	case ROW_SIGNED: return json_integer(*(const int64_t *)place);
	case ROW_FLAG: return *(const bool *)place ? json_true() : NULL;
	}
	return NULL;
}

void run_save(struct plan_run *run)
{
	struct bytes key = BYTES_EMPTY, text = BYTES_EMPTY, value = BYTES_EMPTY;
	json_t *json = json_object();
	run->saved_count = run->record_count;
	for (int i = 0; i < ROW_FIELDS; i++) {
		json_t *part = row_value(run, &row_fields[i]);
		if (part)
			json_object_set_new(json, row_fields[i].name, part);
	}
	json_object_set_new(json, "state", json_string(run_state_name(run->state)));
	json_object_set_new(json, "hash", json_string(run->script->hash));
	plan_json_append(json, &text);
	json_decref(json);
	key_begin(&key, KEYSPACE_RUN);
	key_add_bytes(&key, slice_of(run->id));
	keyspace_seal(&value, bytes_slice(&text));
	kv_batch_put(commit_batch(run->engine->options.commit), bytes_slice(&key),
		     bytes_slice(&value));
	bytes_deinit(&key);
	bytes_deinit(&text);
	bytes_deinit(&value);
}

static bool read_row_field(struct plan_run *run, const struct row_field *field, const json_t *json)
{
	void *place = (char *)run + field->offset;
	json_int_t number = json_integer_value(json);
	if (!json)
		return !field->is_required;
	switch (field->kind) {
	case ROW_TEXT:
		*(char **)place = mem_copy_text(json_string_value(json));
		return json_is_string(json);
	case ROW_JSON: *(char **)place = plan_json_text(json); return true;
	case ROW_U32:
		*(uint32_t *)place = (uint32_t)number;
		return json_is_integer(json) && number >= 0 && number <= UINT32_MAX;
	case ROW_I64: *(int64_t *)place = number; return json_is_integer(json) && number >= 0;
	case ROW_SIGNED: *(int64_t *)place = number; return json_is_integer(json);
	case ROW_FLAG: *(bool *)place = json_is_true(json); return json_is_boolean(json);
	}
	return false;
}

static int state_parse(const char *text)
{
	for (int state = 0; text && state <= RUN_ROLLBACK_FAILED; state++) {
		if (strcmp(run_state_name((enum run_state)state), text) == 0)
			return state;
	}
	return -1;
}

struct run_script *script_take_hash(struct plan_engine *engine, const char *hash)
{
	for (uint32_t i = 0; i < engine->script_count; i++) {
		if (strcmp(engine->scripts[i]->hash, hash) == 0) {
			engine->scripts[i]->reference_count++;
			return engine->scripts[i];
		}
	}
	if (engine->script_count == engine->script_capacity) {
		engine->script_capacity =
			engine->script_capacity == 0 ? 16 : engine->script_capacity * 2;
		engine->scripts = mem_grow(engine->scripts, engine->script_capacity,
					   sizeof(struct run_script *));
	}
	struct run_script *script = mem_alloc(sizeof(*script));
	snprintf(script->hash, sizeof(script->hash), "%s", hash);
	script->reference_count = 1;
	engine->scripts[engine->script_count++] = script;
	return script;
}

static int load_row(struct plan_engine *engine, struct slice text, struct err_note *why)
{
	json_t *json = json_loadb(text.data, text.length, 0, NULL);
	const char *hash = json_string_value(json_object_get(json, "hash"));
	int state = state_parse(json_string_value(json_object_get(json, "state")));
	struct plan_run *run = mem_alloc(sizeof(*run));
	bool is_good = json && hash && strlen(hash) <= 32 && state >= 0;
	run->engine = engine;
	for (int i = 0; is_good && i < ROW_FIELDS; i++)
		is_good = read_row_field(run, &row_fields[i],
					 json_object_get(json, row_fields[i].name));
	if (is_good) {
		run->state = (enum run_state)state;
		run->script = script_take_hash(engine, hash);
		run_add(engine, run);
		engine->ended_count += run_is_ended(run) ? 1 : 0;
	} else {
		run_free(run);
	}
	json_decref(json);
	return is_good ? 0 : err_set(why, ERR_CORRUPT, "a stored plan run has wrong fields");
}

struct load_context {
	struct plan_engine *engine;
	int code;
	struct err_note *why;
};

static bool load_one(void *arg, struct slice key, struct slice value)
{
	struct load_context *context = arg;
	struct slice json;
	context->code = keyspace_unseal(value, &json, context->why);
	if (context->code == 0)
		context->code = load_row(context->engine, json, context->why);
	if (context->code == 0)
		return true;
	err_prefix(context->why, "plan run %.*s", (int)(key.length - 1), key.data + 1);
	return false;
}

static int compare_created(const void *a, const void *b)
{
	const struct plan_run *first = *(struct plan_run *const *)a;
	const struct plan_run *second = *(struct plan_run *const *)b;
	if (first->created_ms != second->created_ms)
		return first->created_ms < second->created_ms ? -1 : 1;
	if (first->depth != second->depth)
		return first->depth < second->depth ? -1 : 1;
	return strcmp(first->id, second->id);
}

int run_load_all(struct plan_engine *engine, struct err_note *why)
{
	struct bytes prefix = BYTES_EMPTY;
	struct load_context context = {engine, 0, why};
	key_begin(&prefix, KEYSPACE_RUN);
	int code =
		kv_scan(engine->options.kv, bytes_slice(&prefix), false, load_one, &context, why);
	bytes_deinit(&prefix);
	code = code != 0 ? code : context.code;
	if (code == 0 && engine->run_count > 1)
		qsort(engine->runs, engine->run_count, sizeof(struct plan_run *), compare_created);
	return code;
}

/* ---- records ---- */

void run_record(struct plan_run *run, struct journal_record *record)
{
	engine_look_at_clock(run->engine); /* before this one begins or ends a pause */
	record->sequence = ++run->record_count;
	record->time_ms = engine_now(run->engine);
	run->record_bytes +=
		journal_put(commit_batch(run->engine->options.commit), run->id, record);
	run_account(run, record);
	engine_kick(run->engine);
}

void branch_record(struct plan_branch *branch, struct journal_record *record)
{
	record->scope = branch->scope[0] ? branch->scope : NULL;
	run_record(branch->run, record);
	call_apply(&branch->call, record);
}

/* ---- the list ---- */

void run_add(struct plan_engine *engine, struct plan_run *run)
{
	if (engine->run_count == engine->run_capacity) {
		engine->run_capacity = engine->run_capacity == 0 ? 64 : engine->run_capacity * 2;
		engine->runs =
			mem_grow(engine->runs, engine->run_capacity, sizeof(struct plan_run *));
	}
	engine->runs[engine->run_count++] = run;
}

void run_release(struct plan_run *run)
{
	while (run->branch_count > 0)
		branch_free(run->branches[run->branch_count - 1]);
	mem_free(run->branches);
	run->branches = NULL;
	run->branch_capacity = 0;
	timer_free(run->timer);
	run->timer = NULL;
	if (run->runner) {
		run->runner->ops->free(run->runner);
		run->engine->awake_count--;
	}
	run->runner = NULL;
	run->is_parked = false;
	mem_free(run->incident_json);
	run->incident_json = NULL;
	if (run->occurrence_counts)
		key_table_deinit(&run->occurrences);
	mem_free(run->occurrence_counts);
	run->occurrence_counts = NULL;
	replay_close(run);
}

void script_drop(struct plan_engine *engine, struct run_script *script)
{
	if (--script->reference_count > 0)
		return;
	for (uint32_t i = 0; i < engine->script_count; i++) {
		if (engine->scripts[i] == script)
			engine->scripts[i] = engine->scripts[--engine->script_count];
	}
	if (script->factory)
		script->factory->ops->free(script->factory);
	plan_unref(script->plan);
	mem_free(script);
}

void run_free(struct plan_run *run)
{
	if (!run)
		return;
	run_release(run);
	if (run->script)
		script_drop(run->engine, run->script);
	mem_free(run->id);
	mem_free(run->plan);
	mem_free(run->starter);
	mem_free(run->cause);
	mem_free(run->needs);
	mem_free(run->gate_json);
	mem_free(run->parent);
	mem_free(run->result_json);
	mem_free(run->unwind_why);
	json_decref(run->signals);
	json_decref(run->locks);
	mem_free(run->concurrency);
	mem_free(run->params_json);
	mem_free(run->waiting_for);
	mem_free(run->error);
	mem_free(run);
}

static void delete_run(struct plan_engine *engine, const char *id)
{
	struct bytes key = BYTES_EMPTY;
	key_begin(&key, KEYSPACE_RUN);
	key_add_bytes(&key, slice_of(id));
	kv_batch_delete(commit_batch(engine->options.commit), bytes_slice(&key));
	bytes_deinit(&key);
}

void run_trim(struct plan_engine *engine)
{
	uint32_t kept = 0;
	if (engine->hold_count > 0 || engine->ended_count <= engine->ended_max)
		return;
	/* Before any is freed: callers are looked for in the list. */
	for (uint32_t i = 0; i < engine->run_count; i++)
		engine->runs[i]->is_wanted = child_is_wanted(engine->runs[i]);
	for (uint32_t i = 0; i < engine->run_count; i++) {
		struct plan_run *run = engine->runs[i];
		if (engine->ended_count <= engine->ended_max || !run_is_ended(run) ||
		    run->wait_count > 0 || run->is_wanted) {
			engine->runs[kept++] = run;
			continue;
		}
		engine->ended_count--;
		delete_run(engine, run->id);
		journal_delete(commit_batch(engine->options.commit), run->id);
		run_free(run);
	}
	engine->run_count = kept;
}

/* ---- scripts ---- */

struct run_script *script_take(struct plan_engine *engine, struct plan *plan)
{
	struct run_script *script = script_take_hash(engine, plan->hash);
	if (script->reference_count > 1)
		return script;
	script->plan = plan_ref(plan);
	script_store_put(engine->options.scripts, script->hash,
			 plan->factory->ops->source(plan->factory));
	return script;
}

void plan_engine_each_script(const struct plan_engine *engine,
			     void (*each)(void *arg, const char *hash), void *arg)
{
	for (uint32_t i = 0; i < engine->script_count; i++)
		each(arg, engine->scripts[i]->hash);
}

int script_factory(struct plan_engine *engine, struct plan_run *run, struct plan_factory **out,
		   struct err_note *why)
{
	struct run_script *script = run->script;
	char *source = NULL;
	if (script->plan || script->factory) {
		*out = script->plan ? script->plan->factory : script->factory;
		return 0;
	}
	int code = script_store_get(engine->options.scripts, script->hash, &source, why);
	if (code == 0)
		code = engine->options.make_factory(engine->options.arg, run->plan, run->version,
						    source, &script->factory, why);
	mem_free(source);
	if (code != 0) {
		err_prefix(why, "the kept script of plan %s version %u", run->plan, run->version);
		return code;
	}
	*out = script->factory;
	return 0;
}
