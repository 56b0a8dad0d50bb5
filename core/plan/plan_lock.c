#include "core/plan/plan_lock.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/plan/plan_branch.h"
#include "core/plan/plan_json.h"
#include "core/plan/plan_run.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

#include <string.h>

enum { LOCK_DAYS_MAX = 366, LOCK_TTL_MIN_MS = 1000, LOCK_LOOK_MS = 60 * 1000 };

static void look(struct plan_engine *engine, const char *key, const struct plan_branch *opening);

/* ---- rows ---- */

/* The row without a key has the latest fence. */
static void put_row(struct plan_engine *engine, const char *key, json_t *json)
{
	struct bytes name = BYTES_EMPTY, text = BYTES_EMPTY, value = BYTES_EMPTY;
	plan_json_append(json, &text);
	json_decref(json);
	key_begin(&name, KEYSPACE_LOCK);
	key_add_bytes(&name, slice_of(key));
	keyspace_seal(&value, bytes_slice(&text));
	kv_batch_put(commit_batch(engine->options.commit), bytes_slice(&name), bytes_slice(&value));
	bytes_deinit(&name);
	bytes_deinit(&text);
	bytes_deinit(&value);
}

static int64_t next_fence(struct plan_engine *engine)
{
	put_row(engine, "", json_pack("{sI}", "fence", (json_int_t)++engine->locks.fence));
	return engine->locks.fence;
}

static void put_lock(struct plan_engine *engine, const struct plan_lock *lock)
{
	put_row(engine, lock->key,
		json_pack("{sssssIsIsI}", "run", lock->run_id, "scope", lock->scope, "fence",
			  (json_int_t)lock->fence, "taken_ms", (json_int_t)lock->taken_ms,
			  "until_ms", (json_int_t)lock->until_ms));
}

static struct plan_lock *add(struct plan_engine *engine, const char *key, size_t key_bytes)
{
	struct plan_locks *locks = &engine->locks;
	if (locks->count == locks->capacity) {
		locks->capacity = locks->capacity == 0 ? 8 : locks->capacity * 2;
		locks->held = mem_grow(locks->held, locks->capacity, sizeof(struct plan_lock *));
	}
	struct plan_lock *lock = mem_alloc(sizeof(*lock));
	lock->key = mem_copy_bytes(key, key_bytes);
	locks->held[locks->count++] = lock;
	return lock;
}

static void free_lock(struct plan_lock *lock)
{
	mem_free(lock->key);
	mem_free(lock->run_id);
	mem_free(lock->scope);
	mem_free(lock);
}

static void drop(struct plan_engine *engine, const struct plan_lock *lock)
{
	struct plan_locks *locks = &engine->locks;
	struct bytes name = BYTES_EMPTY;
	uint32_t i = 0;
	key_begin(&name, KEYSPACE_LOCK);
	key_add_bytes(&name, slice_of(lock->key));
	kv_batch_delete(commit_batch(engine->options.commit), bytes_slice(&name));
	bytes_deinit(&name);
	while (locks->held[i] != lock)
		i++;
	free_lock(locks->held[i]);
	locks->held[i] = locks->held[--locks->count];
	engine_kick(engine);
}

static bool read_lock(struct plan_lock *lock, const json_t *json)
{
	const char *run_id = NULL, *scope = NULL;
	json_int_t fence, taken_ms, until_ms;
	if (json_unpack((json_t *)(uintptr_t)json, "{sssssIsIsI}", "run", &run_id, "scope", &scope,
			"fence", &fence, "taken_ms", &taken_ms, "until_ms", &until_ms) != 0)
		return false;
	lock->run_id = mem_copy_text(run_id);
	lock->scope = mem_copy_text(scope);
	lock->fence = fence;
	lock->taken_ms = taken_ms;
	lock->until_ms = until_ms;
	return true;
}

struct load_context {
	struct plan_engine *engine;
	int code;
	struct err_note *why;
};

static bool load_one(void *arg, struct slice key, struct slice value)
{
	struct load_context *context = arg;
	struct slice text;
	context->code = keyspace_unseal(value, &text, context->why);
	if (context->code != 0)
		return false;
	json_t *json = json_loadb(text.data, text.length, 0, NULL);
	bool is_good;
	if (key.length == 1) {
		const json_t *fence = json_object_get(json, "fence");
		is_good = json_is_integer(fence);
		context->engine->locks.fence = json_integer_value(fence);
	} else {
		is_good = read_lock(add(context->engine, key.data + 1, key.length - 1), json);
	}
	json_decref(json);
	if (!is_good)
		context->code = err_set(context->why, ERR_CORRUPT,
					"the row of lock \"%.*s\" has missing or wrong fields",
					(int)(key.length - 1), key.data + 1);
	return is_good;
}

static struct plan_lock *find(const struct plan_engine *engine, const char *key)
{
	for (uint32_t i = 0; i < engine->locks.count; i++) {
		if (strcmp(engine->locks.held[i]->key, key) == 0)
			return engine->locks.held[i];
	}
	return NULL;
}

/* ---- the end of a lease ---- */

static void arm(struct plan_engine *engine)
{
	int64_t due = INT64_MAX, now = engine_now(engine);
	for (uint32_t i = 0; i < engine->locks.count; i++) {
		if (engine->locks.held[i]->until_ms < due)
			due = engine->locks.held[i]->until_ms;
	}
	int64_t left = due > now ? due - now : 0;
	if (due == INT64_MAX)
		timer_cancel(engine->locks.timer);
	else
		timer_set(engine->locks.timer, left < LOCK_LOOK_MS ? left : LOCK_LOOK_MS);
}

static void drop_over(struct plan_engine *engine, const struct plan_lock *lock)
{
	struct plan_run *run = engine_find(engine, lock->run_id);
	if (run && !run_is_ended(run))
		engine_fact(run, "lock_lost", "lock %s: its lease of %lld s is over", lock->key,
			    (long long)(lock->until_ms - lock->taken_ms) / 1000);
	drop(engine, lock);
}

static void on_time(void *arg)
{
	struct plan_engine *engine = arg;
	int64_t now = engine_now(engine);
	uint32_t i = 0;
	while (i < engine->locks.count) {
		if (now < engine->locks.held[i]->until_ms) {
			i++;
			continue;
		}
		char *key = mem_copy_text(engine->locks.held[i]->key);
		drop_over(engine, engine->locks.held[i]);
		look(engine, key, NULL);
		mem_free(key);
		i = 0;
	}
	arm(engine);
}

int locks_load(struct plan_engine *engine, struct err_note *why)
{
	struct bytes prefix = BYTES_EMPTY;
	struct load_context context = {engine, 0, why};
	engine->locks.timer = timer_new(engine->options.loop, on_time, engine);
	key_begin(&prefix, KEYSPACE_LOCK);
	int code =
		kv_scan(engine->options.kv, bytes_slice(&prefix), false, load_one, &context, why);
	bytes_deinit(&prefix);
	return code != 0 ? code : context.code;
}

void locks_free(struct plan_engine *engine)
{
	for (uint32_t i = 0; i < engine->locks.count; i++)
		free_lock(engine->locks.held[i]);
	mem_free(engine->locks.held);
	timer_free(engine->locks.timer);
}

/* ---- who holds it ---- */

static bool is_within(const char *scope, const char *outer)
{
	size_t length = strlen(outer);
	return length == 0 || (strncmp(scope, outer, length) == 0 &&
			       (scope[length] == '\0' || scope[length] == '/'));
}

void lock_account(struct plan_run *run, const struct journal_record *record)
{
	const char *scope = record->scope ? record->scope : "";
	bool is_taken = record->type == RECORD_LOCK_TAKEN && !record->error;
	if (is_taken) {
		if (!run->locks)
			run->locks = json_array();
		json_array_append_new(run->locks,
				      json_pack("{sssssIsI}", "key", record->action, "scope", scope,
						"fence", (json_int_t)record->fence, "until_ms",
						(json_int_t)record->due_ms));
	}
	for (size_t i = 0; record->type == RECORD_LOCK_FREED && i < json_array_size(run->locks);
	     i++) {
		const json_t *lock = json_array_get(run->locks, i);
		if (json_integer_value(json_object_get(lock, "fence")) == record->fence) {
			json_array_remove(run->locks, i);
			return;
		}
	}
}

static const char *text_of(const json_t *lock, const char *name)
{
	return json_string_value(json_object_get(lock, name));
}

static bool is_held(const struct plan_engine *engine, const json_t *lock)
{
	const struct plan_lock *held = find(engine, text_of(lock, "key"));
	return held && held->fence == json_integer_value(json_object_get(lock, "fence")) &&
	       engine_now(engine) < held->until_ms;
}

char *lock_lost(const struct plan_branch *branch)
{
	const struct plan_run *run = branch->run;
	for (size_t i = 0; i < json_array_size(run->locks); i++) {
		const json_t *lock = json_array_get(run->locks, i);
		if (is_within(branch->scope, text_of(lock, "scope")) && !is_held(run->engine, lock))
			return mem_format("the lease of lock %s is over: nothing is done under it "
					  "any more",
					  text_of(lock, "key"));
	}
	return NULL;
}

/* Gives back what a branch or a run holds; somebody else's lease is left alone. */
static void free_if(struct plan_engine *engine, const char *run_id, const char *scope)
{
	uint32_t i = 0;
	while (i < engine->locks.count) {
		const struct plan_lock *lock = engine->locks.held[i];
		if (strcmp(lock->run_id, run_id) != 0 ||
		    (scope && strcmp(lock->scope, scope) != 0)) {
			i++;
			continue;
		}
		char *key = mem_copy_text(lock->key);
		drop(engine, lock);
		look(engine, key, NULL);
		mem_free(key);
		i = 0;
	}
}

void lock_free_branch(struct plan_branch *branch)
{
	struct plan_run *run = branch->run;
	size_t i = json_array_size(run->locks);
	if (i == 0)
		return;
	free_if(run->engine, run->id, branch->scope);
	while (i-- > 0) {
		if (strcmp(text_of(json_array_get(run->locks, i), "scope"), branch->scope) == 0)
			json_array_remove(run->locks, i);
	}
}

void lock_free_run(struct plan_run *run)
{
	if (run->engine->locks.count > 0)
		free_if(run->engine, run->id, NULL);
}

/* ---- who waits ---- */

static bool waits_for(const struct plan_branch *branch, const char *key)
{
	const struct open_call *call = &branch->call;
	return call->is_open && !call->is_answered && call->kind == PLAN_CALL_LOCK &&
	       !branch->is_stopping && (!key || strcmp(call->action, key) == 0);
}

static struct plan_branch *find_first(const struct plan_engine *engine, const char *key)
{
	struct plan_branch *first = NULL;
	int64_t now = engine_now(engine);
	for (uint32_t i = 0; i < engine->run_count; i++) {
		const struct plan_run *run = engine->runs[i];
		for (uint32_t b = 0; !run->is_paused && b < run->branch_count; b++) {
			struct plan_branch *branch = run->branches[b];
			if (waits_for(branch, key) && now <= branch->call.due_ms &&
			    (!first || branch->call.fence < first->call.fence))
				first = branch;
		}
	}
	return first;
}

static void answer(struct plan_branch *branch, const char *error)
{
	struct journal_record record = {.type = RECORD_LOCK_TAKEN,
					.step = branch->call.step,
					.action = branch->call.action,
					.error = error};
	branch_record(branch, &record);
}

static void give(struct plan_branch *branch)
{
	struct plan_engine *engine = branch->run->engine;
	json_t *args = plan_json_parse(branch->call.args_json);
	struct plan_lock *lock = add(engine, branch->call.action, strlen(branch->call.action));
	lock->run_id = mem_copy_text(branch->run->id);
	lock->scope = mem_copy_text(branch->scope);
	lock->fence = next_fence(engine);
	lock->taken_ms = engine_now(engine);
	lock->until_ms = lock->taken_ms + json_integer_value(json_object_get(args, "ttl_ms"));
	json_decref(args);
	put_lock(engine, lock);
	char *result = mem_format("{\"fence\":%lld}", (long long)lock->fence);
	struct journal_record record = {.type = RECORD_LOCK_TAKEN,
					.step = branch->call.step,
					.action = lock->key,
					.fence = lock->fence,
					.due_ms = lock->until_ms,
					.result_json = result};
	branch_record(branch, &record);
	mem_free(result);
}

/* Gives the lock to the first in line when it is free. */
static void look(struct plan_engine *engine, const char *key, const struct plan_branch *opening)
{
	const struct plan_lock *lock = find(engine, key);
	if (engine->is_resuming || (lock && engine_now(engine) < lock->until_ms))
		return;
	if (lock)
		drop_over(engine, lock);
	struct plan_branch *branch = find_first(engine, key);
	if (!branch)
		return;
	give(branch);
	arm(engine);
	if (branch == opening)
		return;
	branch_set_state(branch, RUN_RUNNING, NULL);
	branch_after(branch, branch_go_on);
}

void locks_look_run(struct plan_run *run)
{
	for (uint32_t i = 0; i < run->branch_count; i++) {
		if (waits_for(run->branches[i], NULL))
			look(run->engine, run->branches[i]->call.action, NULL);
	}
}

void locks_look(struct plan_engine *engine)
{
	for (uint32_t i = 0; i < engine->run_count; i++)
		locks_look_run(engine->runs[i]);
	arm(engine);
}

/* ---- calls ---- */

static bool read_ms(const json_t *args, const char *name, int64_t min, int64_t *out)
{
	const json_t *value = json_object_get(args, name);
	*out = json_integer_value(value);
	return json_is_integer(value) && *out >= min && *out <= LOCK_DAYS_MAX * INT64_C(86400000);
}

static bool is_held_above(const struct plan_branch *branch, const char *key)
{
	for (size_t i = 0; i < json_array_size(branch->run->locks); i++) {
		const json_t *lock = json_array_get(branch->run->locks, i);
		if (strcmp(text_of(lock, "key"), key) == 0 &&
		    is_within(branch->scope, text_of(lock, "scope")))
			return true;
	}
	return false;
}

static void refuse_late(struct plan_branch *branch)
{
	const struct plan_lock *held = find(branch->run->engine, branch->call.action);
	char *error = mem_format("it was not free in time%s%s%s", held ? ": run " : "",
				 held ? held->run_id : "", held ? " holds it" : "");
	answer(branch, error);
	mem_free(error);
}

void lock_open(struct plan_branch *branch, struct journal_record *record)
{
	struct plan_engine *engine = branch->run->engine;
	const char *key = record->action;
	json_t *args = plan_json_parse(record->args_json);
	int64_t ttl_ms, wait_ms;
	bool is_good = read_ms(args, "ttl_ms", LOCK_TTL_MIN_MS, &ttl_ms);
	is_good = read_ms(args, "wait_ms", 0, &wait_ms) && is_good;
	json_decref(args);
	record->type = RECORD_LOCK_AWAITED;
	record->fence = next_fence(engine);
	record->due_ms = engine_now(engine) + (is_good ? wait_ms : 0);
	branch_record(branch, record);
	if (!is_good) {
		answer(branch, "ttl must be a span from 1 s, and wait one from 0, to 366 days");
		return;
	}
	if (is_held_above(branch, key)) {
		answer(branch, "it is held by this very branch, or by one above it");
		return;
	}
	if (engine->locks.count >= LOCKS_MAX) {
		answer(branch, "10000 locks are held");
		return;
	}
	look(engine, key, branch);
	const struct plan_lock *held = find(engine, key);
	if (branch->call.is_answered)
		return;
	if (wait_ms == 0 && held)
		refuse_late(branch);
	else if (wait_ms == 0)
		give(branch); /* others are in line only while runs are brought back */
	else if (held)
		engine_fact(branch->run, "lock_waits", "%s: held by run %s", branch->call.step,
			    held->run_id);
}

void lock_continue(struct plan_branch *branch)
{
	char *text = mem_format("%s: a lock", branch->call.step);
	branch_set_state(branch, RUN_WAITING, text);
	mem_free(text);
	run_arm(branch->run);
}

void lock_on_due(struct plan_branch *branch)
{
	refuse_late(branch);
	branch_set_state(branch, RUN_RUNNING, NULL);
	branch_after(branch, branch_go_on);
}

void unlock_open(struct plan_branch *branch, struct journal_record *record)
{
	struct plan_run *run = branch->run;
	bool was_held = false;
	record->type = RECORD_LOCK_FREED;
	for (size_t i = 0; i < json_array_size(run->locks); i++) {
		const json_t *lock = json_array_get(run->locks, i);
		if (strcmp(text_of(lock, "key"), record->action) != 0 ||
		    strcmp(text_of(lock, "scope"), branch->scope) != 0)
			continue;
		was_held = is_held(run->engine, lock);
		record->fence = json_integer_value(json_object_get(lock, "fence"));
	}
	record->result_json = was_held ? "{\"held\":true}" : "{\"held\":false}";
	branch_record(branch, record);
	for (uint32_t i = 0; was_held && i < run->engine->locks.count; i++) {
		if (run->engine->locks.held[i]->fence != record->fence)
			continue;
		drop(run->engine, run->engine->locks.held[i]);
		look(run->engine, branch->call.action, NULL);
		return;
	}
}
