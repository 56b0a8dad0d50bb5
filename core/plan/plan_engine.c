#include "core/plan/plan_engine.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/plan/plan.h"
#include "core/plan/plan_drill.h"
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
	return run->state == RUN_DONE || run->state == RUN_FAILED || run->state == RUN_CANCELLED ||
	       run->state == RUN_ROLLED_BACK || run->state == RUN_ROLLBACK_FAILED;
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

void plan_tell(const struct plan_engine *engine, uint64_t incident, const char *plan,
	       const char *id, const char *kind, const char *text)
{
	if (engine->options.on_fact)
		engine->options.on_fact(engine->options.arg, incident, plan, id, kind, text);
}

void engine_send(const struct plan_engine *engine, const char *to, uint64_t incident,
		 const char *id, const char *text)
{
	if (engine->options.on_send)
		engine->options.on_send(engine->options.arg, to, incident, id, text);
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
	plan_tell(run->engine, run->incident, run->plan, run->id, kind, text);
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
	if (code == 0)
		code = drills_load(engine, why);
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
	drills_free(engine);
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

static void resume(struct plan_run *run)
{
	/* A run with a timer began in this process. */
	if (run_is_ended(run) || run->state == RUN_QUEUED || run->timer)
		return;
	if (run->wake_ms != 0 && run_may_stay_parked(run))
		run_park(run);
	else
		run_resume(run);
}

int plan_engine_resume(struct plan_engine *engine, struct err_note *why)
{
	uint32_t count = engine->run_count;
	(void)why;
	engine->hold_count++;
	engine->is_resuming = true;
	/* Who was called first, the latest before: its caller may go on, and end it. */
	for (uint32_t i = count; i-- > 0;) {
		if (engine->runs[i]->parent)
			resume(engine->runs[i]);
	}
	for (uint32_t i = 0; i < count; i++) {
		if (!engine->runs[i]->parent)
			resume(engine->runs[i]);
	}
	for (uint32_t i = 0; i < count; i++) {
		if (engine->runs[i]->state == RUN_QUEUED)
			engine_dequeue(engine, engine->runs[i]);
	}
	engine->is_resuming = false;
	child_look_all(engine);
	locks_look(engine);
	engine->hold_count--;
	run_trim(engine);
	return 0;
}

struct plan_run *engine_find(const struct plan_engine *engine, const char *run_id)
{
	for (uint32_t i = 0; i < engine->run_count; i++) {
		if (strcmp(engine->runs[i]->id, run_id) == 0)
			return engine->runs[i];
	}
	return NULL;
}
