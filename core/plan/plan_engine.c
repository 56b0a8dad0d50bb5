#include "core/plan/plan_engine.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/incident/incident.h"
#include "core/loop/loop.h"
#include "core/plan/plan.h"
#include "core/plan/plan_run.h"
#include "storage/commit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *run_state_name(enum run_state state)
{
	switch (state) {
#define RUN_CASE(name, text)                                                                       \
	case RUN_##name: return text;
		RUN_STATE_LIST(RUN_CASE)
#undef RUN_CASE
	}
	return "?";
}

bool run_is_ended(const struct plan_run *run)
{
	return run->state == RUN_DONE || run->state == RUN_FAILED || run->state == RUN_CANCELLED;
}

int64_t engine_now(const struct plan_engine *engine)
{
	return loop_wall_ms(engine->options.loop);
}

static void on_kick(void *arg)
{
	struct plan_engine *engine = arg;
	commit_kick(engine->options.commit);
}

void engine_kick(struct plan_engine *engine)
{
	if (!timer_is_set(engine->kick))
		timer_set(engine->kick, 0);
}

static void tell(struct plan_engine *engine, uint64_t incident, const char *plan, const char *id,
		 const char *kind, const char *text)
{
	if (engine->options.on_fact)
		engine->options.on_fact(engine->options.arg, incident, plan, id, kind, text);
}

void engine_fact(struct plan_run *run, const char *kind, const char *format, ...)
{
	char text[ERR_NOTE_BYTES_MAX];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (char *c = text; *c; c++) {
		if ((unsigned char)*c < ' ')
			*c = ' ';
	}
	tell(run->engine, run->incident, run->plan, run->id, kind, text);
}

/* ---- life ---- */

int plan_engine_new(struct plan_engine **out, const struct plan_engine_options *options,
		    struct err_note *why)
{
	struct plan_engine *engine = mem_alloc(sizeof(*engine));
	engine->options = *options;
	engine->records_max = RUN_RECORDS_MAX;
	engine->ended_max = RUNS_ENDED_MAX;
	engine->awake_max = RUNS_AWAKE_MAX;
	engine->clock_ms = loop_wall_ms(options->loop) - loop_mono_ms(options->loop);
	engine->kick = timer_new(options->loop, on_kick, engine);
	int code = run_load_all(engine, why);
	if (code == 0)
		code = locks_load(engine, why);
	if (code != 0) {
		plan_engine_free(engine);
		return code;
	}
	*out = engine;
	return 0;
}

static void drop_plans(struct plan_engine *engine)
{
	for (uint32_t i = 0; i < engine->plan_count; i++)
		plan_unref(engine->plans[i]);
	mem_free(engine->plans);
	engine->plans = NULL;
	engine->plan_count = 0;
}

void plan_engine_free(struct plan_engine *engine)
{
	if (!engine)
		return;
	for (uint32_t i = 0; i < engine->run_count; i++)
		run_free(engine->runs[i]);
	mem_free(engine->runs);
	mem_free(engine->scripts);
	mem_free(engine->waits);
	locks_free(engine);
	drop_plans(engine);
	if (engine->config)
		config_unref(engine->config);
	timer_free(engine->kick);
	mem_free(engine);
}

void plan_engine_install(struct plan_engine *engine, struct config *config,
			 struct plan *const *plans, uint32_t plan_count)
{
	struct plan **fresh = mem_alloc_array(plan_count > 0 ? plan_count : 1, sizeof(*fresh));
	struct config *former = engine->config;
	for (uint32_t i = 0; i < plan_count; i++)
		fresh[i] = plan_ref(plans[i]);
	drop_plans(engine);
	engine->plans = fresh;
	engine->plan_count = plan_count;
	engine->config = config ? config_ref(config) : NULL;
	if (former)
		config_unref(former);
}

int plan_engine_resume(struct plan_engine *engine, struct err_note *why)
{
	uint32_t count = engine->run_count;
	(void)why;
	engine->hold_count++;
	engine->is_resuming = true;
	for (uint32_t i = 0; i < count; i++) {
		struct plan_run *run = engine->runs[i];
		/* A run with a timer began in this process. */
		if (run_is_ended(run) || run->state == RUN_QUEUED || run->timer)
			continue;
		if (run->wake_ms != 0 && run_may_stay_parked(run))
			run_park(run);
		else
			run_resume(run);
	}
	for (uint32_t i = 0; i < count; i++) {
		if (engine->runs[i]->state == RUN_QUEUED)
			engine_dequeue(engine, engine->runs[i]);
	}
	engine->is_resuming = false;
	locks_look(engine);
	engine->hold_count--;
	run_trim(engine);
	return 0;
}

/* ---- triggers ---- */

static const struct config_category *find_category(const struct config *config, const char *name)
{
	for (uint32_t i = 0; name && i < config->category_count; i++) {
		if (strcmp(config->categories[i].name, name) == 0)
			return &config->categories[i];
	}
	return NULL;
}

static bool is_in_category(const struct config *config, const char *category, const char *wanted)
{
	/* No chain is longer than the number of categories. */
	uint32_t left = config ? config->category_count : 0;
	while (category && strcmp(category, wanted) != 0) {
		const struct config_category *node =
			left-- > 0 ? find_category(config, category) : NULL;
		category = node ? node->parent : NULL;
	}
	return category != NULL;
}

static bool is_triggered(const struct plan_engine *engine, const struct plan *plan,
			 const struct incident *incident, const char *event)
{
	if (!plan->on_event || strcmp(plan->on_event, event) != 0)
		return false;
	if (plan->on_rule && strcmp(plan->on_rule, incident->rule) != 0)
		return false;
	if (plan->on_severity && strcmp(plan->on_severity, incident->severity) != 0)
		return false;
	return !plan->on_category ||
	       is_in_category(engine->config, incident->category, plan->on_category);
}

static char *make_concurrency(const struct plan *plan, const struct incident *incident)
{
	if (strcmp(plan->concurrency_key, "rule") == 0)
		return mem_format("rule:%s", incident->rule);
	if (strcmp(plan->concurrency_key, "global") == 0)
		return mem_copy_text("global");
	return mem_format("incident:%llu", (unsigned long long)incident->number);
}

static uint32_t count_active(const struct plan_engine *engine, const char *plan, const char *key,
			     const struct plan_run **first)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < engine->run_count; i++) {
		const struct plan_run *run = engine->runs[i];
		if (run_is_ended(run) || run->state == RUN_QUEUED || strcmp(run->plan, plan) != 0 ||
		    strcmp(run->concurrency, key) != 0)
			continue;
		if (count++ == 0 && first)
			*first = run;
	}
	return count;
}

/* Index of the rate that is used up, or -1. */
static int find_full_rate(const struct plan_engine *engine, const struct plan *plan)
{
	int64_t now = engine_now(engine);
	for (uint32_t rate = 0; rate < plan->rate_count; rate++) {
		uint32_t count = 0;
		for (uint32_t i = 0; i < engine->run_count; i++) {
			const struct plan_run *run = engine->runs[i];
			if (strcmp(run->plan, plan->name) == 0 &&
			    now - run->created_ms < plan->rates[rate].span_ms)
				count++;
		}
		if (count >= plan->rates[rate].count)
			return (int)rate;
	}
	return -1;
}

struct plan_run *engine_find(const struct plan_engine *engine, const char *run_id)
{
	for (uint32_t i = 0; i < engine->run_count; i++) {
		if (strcmp(engine->runs[i]->id, run_id) == 0)
			return engine->runs[i];
	}
	return NULL;
}

static char *make_run_id(const struct plan_engine *engine, const struct plan *plan,
			 const struct incident *incident)
{
	for (;;) {
		uint32_t random;
		env_random(loop_env(engine->options.loop), &random, sizeof(random));
		char *id = mem_format("%s-%llu-%08x", plan->name,
				      (unsigned long long)incident->number, random);
		if (!engine_find(engine, id))
			return id;
		mem_free(id);
	}
}

static struct plan_run *make_run(struct plan_engine *engine, struct plan *plan,
				 const struct incident *incident, const char *key)
{
	struct plan_run *run = mem_alloc(sizeof(*run));
	run->engine = engine;
	run->id = make_run_id(engine, plan, incident);
	run->plan = mem_copy_text(plan->name);
	run->version = plan->version;
	run->incident = incident->number;
	run->concurrency = mem_copy_text(key);
	run->concurrency_limit = plan->concurrency_limit;
	run->params_json = mem_copy_text(plan->params_json);
	run->timeout_ms = plan->timeout_ms;
	run->created_ms = engine_now(engine);
	run->state = RUN_QUEUED;
	run->script = script_take(engine, plan);
	run_add(engine, run);
	return run;
}

/* Why no run may be made, or false with an empty text. */
static bool is_refused(const struct plan_engine *engine, const struct plan *plan, bool is_full,
		       char *text, size_t text_bytes)
{
	int rate = find_full_rate(engine, plan);
	if (is_full && plan->on_conflict == PLAN_REJECT)
		snprintf(text, text_bytes, "plan %s was not started: %u of its runs are active",
			 plan->name, plan->concurrency_limit);
	else if (rate >= 0)
		snprintf(text, text_bytes,
			 "plan %s was not started: its rate of %u in %lld s is used up", plan->name,
			 plan->rates[rate].count, (long long)plan->rates[rate].span_ms / 1000);
	else if (engine->run_count - engine->ended_count >= RUNS_ACTIVE_MAX)
		snprintf(text, text_bytes, "plan %s was not started: %d runs are active",
			 plan->name, RUNS_ACTIVE_MAX);
	else
		return false;
	return true;
}

static void consider(struct plan_engine *engine, struct plan *plan, const struct incident *incident)
{
	char text[300];
	const struct plan_run *first = NULL;
	char *key = make_concurrency(plan, incident);
	bool is_full = count_active(engine, plan->name, key, &first) >= plan->concurrency_limit;
	if (is_full && plan->on_conflict == PLAN_ATTACH) {
		snprintf(text, sizeof(text), "plan %s runs already: %s serves this too", plan->name,
			 first ? first->id : "");
		tell(engine, incident->number, plan->name, first ? first->id : "", "run_attached",
		     text);
	} else if (is_refused(engine, plan, is_full, text, sizeof(text))) {
		tell(engine, incident->number, plan->name, "", "run_refused", text);
	} else {
		struct plan_run *run = make_run(engine, plan, incident, key);
		if (is_full) {
			run_save(run);
			engine_kick(engine);
			engine_fact(run, "run_queued", "plan %s waits: %u of its runs are active",
				    plan->name, plan->concurrency_limit);
		} else {
			run_start(run);
		}
	}
	mem_free(key);
}

void plan_engine_on_incident(struct plan_engine *engine, const struct incident *incident,
			     const char *event)
{
	run_trim(engine);
	for (uint32_t i = 0; i < engine->plan_count; i++) {
		if (is_triggered(engine, engine->plans[i], incident, event))
			consider(engine, engine->plans[i], incident);
	}
}

void engine_dequeue(struct plan_engine *engine, const struct plan_run *ended)
{
	uint32_t active = count_active(engine, ended->plan, ended->concurrency, NULL);
	for (uint32_t i = 0; i < engine->run_count; i++) {
		struct plan_run *run = engine->runs[i];
		if (run->state != RUN_QUEUED || strcmp(run->plan, ended->plan) != 0 ||
		    strcmp(run->concurrency, ended->concurrency) != 0)
			continue;
		if (active >= run->concurrency_limit)
			return;
		run_start(run);
		active = count_active(engine, ended->plan, ended->concurrency, NULL);
	}
}
