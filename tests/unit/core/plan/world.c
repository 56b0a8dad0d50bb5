#include "world.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/config/config.h"
#include "core/config/tree.h"
#include "core/incident/incident.h"
#include "core/loop/loop.h"
#include "core/plan/action_internal.h"
#include "core/plan/plan_rehearse.h"
#include "core/plan/plan_run.h"
#include "storage/commit.h"
#include "storage/kv.h"
#include "storage/kv_backend.h"
#include "storage/script_store.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

enum { WORLD_CUT_RECORDS_MAX = 200 };

#define START_MS INT64_C(1795327200000)

/* ---- the store with a fault ---- */

struct faulty {
	struct kv kv;
	struct world *world;
};

static struct world *world_of(struct kv *kv)
{
	return ((struct faulty *)kv)->world;
}

static int faulty_get(struct kv *kv, struct slice key, struct bytes *out, struct err_note *why)
{
	return kv_get(world_of(kv)->store, key, out, why);
}

static int faulty_write(struct kv *kv, const struct kv_batch *batch, struct err_note *why)
{
	struct world *world = world_of(kv);
	bool is_crash = ++world->write_count == world->crash_at;
	if (!is_crash || world->crash_takes)
		cr_assert_eq(kv_write(world->store, batch, why), 0);
	return is_crash ? err_set(why, ERR_IO, "the test ends the process here") : 0;
}

static int faulty_scan(struct kv *kv, const struct kv_scan *scan, struct err_note *why)
{
	return kv_scan(world_of(kv)->store, scan->prefix, scan->is_backward, scan->each, scan->arg,
		       why);
}

static int faulty_flush(struct kv *kv, struct err_note *why)
{
	return kv_flush(world_of(kv)->store, why);
}

static int faulty_idle(struct kv *kv, struct err_note *why)
{
	(void)kv;
	(void)why;
	return 0;
}

static bool faulty_has_room(struct kv *kv)
{
	return kv_has_room(world_of(kv)->store);
}

static void faulty_free(struct kv *kv)
{
	mem_free(kv);
}

static const struct kv_ops faulty_ops = {
	.get = faulty_get,
	.write = faulty_write,
	.scan = faulty_scan,
	.flush = faulty_flush,
	.idle = faulty_idle,
	.has_room = faulty_has_room,
	.free = faulty_free,
};

static void on_failure(void *arg, const struct err_note *why)
{
	struct world *world = arg;
	(void)why;
	world->has_crashed = true;
}

/* ---- the outside ---- */

static struct world *current; /* effects are functions without an argument of ours */

static int effect_validate(enum effect mine, enum effect *effect)
{
	*effect = mine;
	return 0;
}

static int validate_idem(const struct plan_actions *actions, const json_t *args,
			 enum effect *effect, struct err_note *why)
{
	(void)actions, (void)args, (void)why;
	return effect_validate(EFFECT_IDEMPOTENT, effect);
}

static int validate_once(const struct plan_actions *actions, const json_t *args,
			 enum effect *effect, struct err_note *why)
{
	(void)actions, (void)args, (void)why;
	return effect_validate(EFFECT_ONCE, effect);
}

/* The key of a probe is that of its step with a question mark: "run/?step#1". */
static enum world_reply look(const char *key)
{
	if (current->looks)
		return current->looks[current->look_count++];
	current->look_count++;
	return world_effects(current, strchr(key, '?') + 1) > 0 ? REPLY_OK : REPLY_ABSENT;
}

static void reply_soon(void *arg)
{
	struct plan_action_run *run = arg;
	enum world_reply reply = REPLY_OK;
	if (strcmp(run->type->name, "test.look") == 0)
		reply = look(run->idempotency_key);
	else if (strcmp(run->type->name, "test.fail") == 0)
		reply = REPLY_FAIL;
	else if (current->replies)
		reply = current->replies[current->try_count++];
	struct plan_action_result result = {.is_ok = reply == REPLY_OK,
					    .is_unknown = reply == REPLY_UNKNOWN,
					    .can_retry = reply == REPLY_RETRY,
					    .can_repeat = reply == REPLY_REPEAT,
					    .is_absent = reply == REPLY_ABSENT,
					    .result_json = "{\"b\":2,\"a\":0.1}",
					    .error = reply == REPLY_OK ? NULL : "it went wrong"};
	if (reply != REPLY_SILENT)
		plan_action_finish(run, &result);
}

static int start_look(struct plan_action_run *run, const json_t *args, struct err_note *why)
{
	(void)args, (void)why;
	run->soon = timer_new(run->actions->options.loop, reply_soon, run);
	timer_set(run->soon, 0);
	return 0;
}

static int start_effect(struct plan_action_run *run, const json_t *args, struct err_note *why)
{
	int i = 0;
	(void)args, (void)why;
	while (i < current->effect_count &&
	       strcmp(current->effects[i].key, run->idempotency_key) != 0)
		i++;
	cr_assert_lt(i, WORLD_EFFECTS_MAX);
	if (i == current->effect_count)
		snprintf(current->effects[current->effect_count++].key, 128, "%s",
			 run->idempotency_key);
	current->effects[i].count++;
	run->soon = timer_new(run->actions->options.loop, reply_soon, run);
	timer_set(run->soon, 0);
	return 0;
}

static void describe(const json_t *args, struct bytes *out)
{
	(void)args;
	bytes_append_text(out, "test");
}

static const struct plan_action_type test_types[] = {
	{.name = "test.idem",
	 .validate = validate_idem,
	 .start = start_effect,
	 .describe = describe},
	{.name = "test.once",
	 .validate = validate_once,
	 .start = start_effect,
	 .describe = describe},
	{.name = "test.fail",
	 .validate = validate_idem,
	 .start = start_effect,
	 .describe = describe},
	{.name = "test.look", .validate = validate_idem, .start = start_look, .describe = describe},
	{.name = NULL},
};

/* ---- the world ---- */

static void on_fact(void *arg, uint64_t incident, const char *plan, const char *run_id,
		    const char *kind, const char *text)
{
	struct world *world = arg;
	(void)incident, (void)plan, (void)run_id;
	cr_assert_lt(world->fact_count, WORLD_FACTS_MAX);
	snprintf(world->facts[world->fact_count], 32, "%s", kind);
	snprintf(world->fact_texts[world->fact_count++], 512, "%s", text);
	if (world->retriggers && strcmp(kind, "run_ended") == 0)
		plan_engine_on_incident(world->engine, &(struct incident){.number = 7}, "resolved");
}

static void on_send(void *arg, const char *to, uint64_t incident, const char *id, const char *text)
{
	struct world *world = arg;
	(void)incident, (void)id;
	world->sent_count++;
	snprintf(world->sent_to, sizeof(world->sent_to), "%s", to);
	snprintf(world->sent_text, sizeof(world->sent_text), "%s", text);
}

static void count_question(void *arg, const struct plan_question *question)
{
	struct world *world = arg;
	(void)question;
	world->back_count++;
}

static void on_ask(void *arg, const struct plan_question *question)
{
	struct world *world = arg;
	const char *first = world->engine->runs[0]->id;
	if (world->asks_back && strcmp(first, question->run_id) != 0)
		plan_engine_question(world->engine, first, NULL, count_question, world, NULL);
}

static char *incident_json(void *arg, uint64_t incident)
{
	(void)arg;
	(void)incident;
	return mem_copy_text("{\"number\":7}");
}

static void start_engine(struct world *world)
{
	struct faulty *faulty = mem_alloc(sizeof(*faulty));
	struct err_note why = {{0}};
	kv_init(&faulty->kv, &faulty_ops);
	faulty->world = world;
	world->kv = &faulty->kv;
	struct commit_options commit_options = {.on_failure = on_failure, .arg = world};
	cr_assert_eq(commit_new(&world->commit, world->kv, &commit_options, &why), 0);
	struct plan_actions_options action_options = {.loop = world->loop};
	world->actions = plan_actions_new(&action_options);
	plan_actions_set_types(world->actions, test_types);
	cr_assert_eq(script_store_new(&world->scripts, world->kv, world->commit, &why), 0);
	struct plan_engine_options options = {.kv = world->kv,
					      .commit = world->commit,
					      .loop = world->loop,
					      .actions = world->actions,
					      .scripts = world->scripts,
					      .make_factory = world_make_factory,
					      .on_fact = on_fact,
					      .on_send = on_send,
					      .on_ask = on_ask,
					      .incident_json = incident_json,
					      .arg = world};
	cr_assert_eq(plan_engine_new(&world->engine, &options, &why), 0, "%s", why.text);
	if (world->parks)
		world->engine->awake_max = 0;
}

static void stop_engine(struct world *world)
{
	commit_free(world->commit);
	plan_engine_free(world->engine);
	plan_actions_free(world->actions);
	script_store_free(world->scripts);
	kv_free(world->kv);
}

void world_open(struct world *world, const struct plan_call *script)
{
	memset(world, 0, sizeof(*world));
	current = world;
	world->script = script;
	world->store = kv_memory_new();
	world->loop = loop_virtual_new(START_MS);
	start_engine(world);
}

/* Each journal that a test has made can be replayed, whole and cut anywhere: the script comes to
 * all that is recorded, and to the same end. Of the thousands of worlds that were ended on the way,
 * each whole, and some of them cut. */
static void verify_runs(struct world *world)
{
	static int restarted_count;
	bool is_cut = !world->has_restarted || restarted_count++ % 256 == 255;
	for (uint32_t i = 0; i < world->engine->run_count; i++) {
		struct plan_run *run = world->engine->runs[i];
		struct plan_factory *factory;
		struct err_note why = {{0}};
		if (run->state == RUN_BLOCKED || run->started_ms == 0)
			continue;
		cr_assert_eq(script_factory(world->engine, run, &factory, &why), 0, "%s", why.text);
		bool is_short = run->record_count <= WORLD_CUT_RECORDS_MAX;
		for (uint32_t count = is_cut && is_short ? 1 : run->record_count;
		     count <= run->record_count; count++)
			cr_expect_eq(run_rehearse(run, factory, count, &why), 0,
				     "run %s, %u of %u records: %s", run->id, count,
				     run->record_count, why.text);
	}
}

void world_close(struct world *world)
{
	if (!world->has_crashed && !world->has_other_script &&
	    commit_flush(world->commit, NULL) == 0)
		verify_runs(world);
	stop_engine(world);
	plan_unref(world->plan);
	loop_free(world->loop);
	kv_free(world->store);
}

void world_restart(struct world *world)
{
	struct err_note why = {{0}};
	stop_engine(world);
	world->has_restarted = true;
	world->has_crashed = false;
	world->write_count = 0;
	world->crash_at = 0;
	/* The plan's file is gone: runs must live from the kept source. */
	plan_unref(world->plan);
	world->plan = NULL;
	start_engine(world);
	if (world->child)
		world_plan(world, NULL); /* what is called is the active version */
	cr_assert_eq(plan_engine_resume(world->engine, &why), 0, "%s", why.text);
	world_turn(world);
}

static struct plan *make_plan(struct world *world, const char *name, const char *hash, bool is_next)
{
	struct arena arena;
	struct report report;
	arena_init(&arena);
	report_init(&report);
	struct tree *tree = tree_new(&arena, TREE_MAP, 1);
	struct tree *run = tree_new(&arena, TREE_FUNCTION, 2);
	struct tree *params = tree_new(&arena, TREE_MAP, 3);
	struct tree *limit = tree_new(&arena, TREE_NUMBER, 3);
	run->key = "run";
	params->key = "params";
	limit->key = "limit";
	limit->number = 5;
	tree_add(params, limit);
	tree_add(tree, run);
	tree_add(tree, params);
	struct plan *plan = plan_new(tree, name, 3, "plans/help/3.lua", hash,
				     world_factory(world, is_next), NULL, &report);
	cr_assert_not_null(plan);
	report_deinit(&report);
	arena_deinit(&arena);
	return plan;
}

static void install(struct world *world, void (*change)(struct plan *plan), bool is_next)
{
	struct plan *plans[2] = {
		make_plan(world, "help", "0123456789abcdef0123456789abcdef", is_next)};
	uint32_t count = 1;
	plans[0]->on_event = "opened";
	if (world->child)
		plans[count++] = make_plan(world, "sub", "1123456789abcdef0123456789abcdef", false);
	for (uint32_t i = 0; change && i < count; i++)
		change(plans[i]);
	plan_engine_install(world->engine, NULL, plans, count);
	plan_unref(world->plan);
	world->plan = plans[0];
	if (count > 1)
		plan_unref(plans[1]);
}

void world_plan(struct world *world, void (*change)(struct plan *plan))
{
	install(world, change, false);
}

static void set_next(struct plan *plan)
{
	plan->version = 4;
	snprintf(plan->hash, sizeof(plan->hash), "fedcba9876543210fedcba9876543210");
}

void world_next_plan(struct world *world)
{
	install(world, set_next, true);
}

void world_trigger(struct world *world, uint64_t number)
{
	struct incident incident = {.number = number,
				    .key = "rule:slow",
				    .title = "Slow",
				    .rule = "slow",
				    .severity = "critical",
				    .priority = world->priority,
				    .category = "offline/food"};
	plan_engine_on_incident(world->engine, &incident, "opened");
	world_turn(world);
}

void world_turn(struct world *world)
{
	loop_virtual_turn(world->loop);
}

void world_advance(struct world *world, int64_t by_ms)
{
	loop_virtual_advance(world->loop, by_ms);
}

struct find_context {
	struct world_run run;
	int wanted;
	int index;
};

static void find_run(void *arg, const struct run_summary *run)
{
	struct find_context *context = arg;
	if (context->index++ != context->wanted)
		return;
	snprintf(context->run.id, sizeof(context->run.id), "%s", run->id);
	snprintf(context->run.error, sizeof(context->run.error), "%s",
		 run->error ? run->error : "");
	snprintf(context->run.waiting_for, sizeof(context->run.waiting_for), "%s",
		 run->waiting_for ? run->waiting_for : "");
	context->run.state = run->state;
	context->run.record_count = run->record_count;
}

struct world_run world_run(const struct world *world, int index)
{
	struct find_context context = {.wanted = index};
	plan_engine_each_run(world->engine, false, find_run, &context);
	cr_assert_gt(context.index, index, "there is no run %d", index);
	return context.run;
}

int world_run_count(const struct world *world)
{
	struct find_context context = {.wanted = -1};
	plan_engine_each_run(world->engine, false, find_run, &context);
	return context.index;
}

int world_effects(const struct world *world, const char *part)
{
	int count = 0;
	for (int i = 0; i < world->effect_count; i++) {
		if (strstr(world->effects[i].key, part))
			count += world->effects[i].count;
	}
	return count;
}

bool world_has_fact(const struct world *world, const char *kind)
{
	for (int i = 0; i < world->fact_count; i++) {
		if (strcmp(world->facts[i], kind) == 0)
			return true;
	}
	return false;
}

static void add_type(void *arg, struct slice json)
{
	struct bytes *out = arg;
	char *text = mem_copy_bytes(json.data, json.length);
	char *type = strstr(text, "\"type\":\"");
	cr_assert_not_null(type);
	type += 8;
	*strchr(type, '"') = '\0';
	bytes_append_format(out, "%s%s", out->length > 0 ? " " : "", type);
	mem_free(text);
}

char *world_journal(struct world *world, const char *run_id)
{
	struct bytes out = BYTES_EMPTY;
	struct err_note why = {{0}};
	cr_assert_eq(plan_engine_each_record(world->engine, run_id, add_type, &out, &why), 0, "%s",
		     why.text);
	return bytes_take_text(&out);
}
