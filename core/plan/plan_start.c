/* How a run comes to be: an event of an incident, a person, a chain.
 *
 *      request -its plan is at its limit-> attached | queued | refused
 *              -rate, RUNS_ACTIVE_MAX-> refused      -> made -> started (now or from the queue)
 */
#include "core/plan/plan_command.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/incident/incident.h"
#include "core/loop/loop.h"
#include "core/plan/plan.h"
#include "core/plan/plan_drill.h"
#include "core/plan/plan_json.h"
#include "core/plan/plan_params.h"
#include "core/plan/plan_run.h"

#include <stdio.h>
#include <string.h>

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
	char priority[8];
	if (!plan_has_word(plan->on_event, event, strlen(event)))
		return false;
	snprintf(priority, sizeof(priority), "P%u", incident->priority % 10);
	if (plan->on_priority && !plan_has_word(plan->on_priority, priority, strlen(priority)))
		return false;
	if (plan->on_major && !incident->is_major)
		return false;
	if (plan->on_rule && strcmp(plan->on_rule, incident->rule) != 0)
		return false;
	if (plan->on_severity && strcmp(plan->on_severity, incident->severity) != 0)
		return false;
	return !plan->on_category ||
	       is_in_category(engine->config, incident->category, plan->on_category);
}

/* What is asked for. Texts borrowed. */
struct request {
	struct plan *plan;
	uint64_t incident; /**< 0: none */
	const char *rule;  /**< of the incident; NULL: none */
	uint32_t priority; /**< of the incident; 0: none */
	const char *params_json;
	const char *starter, *cause; /**< or NULL */
	bool has_params, is_drill, is_forced, is_detached;
	const struct plan_run *caller; /**< or NULL */
};

static char *make_concurrency(const struct request *request)
{
	const char *key = request->plan->concurrency_key;
	/* A drill stands in nobody's way. */
	const char *drill = request->is_drill ? "drill " : "";
	if (strcmp(key, "rule") == 0)
		return mem_format("%srule:%s", drill, request->rule ? request->rule : "");
	if (strcmp(key, "global") == 0)
		return mem_format("%sglobal", drill);
	return mem_format("%sincident:%llu", drill, (unsigned long long)request->incident);
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
static int find_full_rate(const struct plan_engine *engine, const struct plan *plan, bool is_drill)
{
	int64_t now = engine_now(engine);
	for (uint32_t rate = 0; rate < plan->rate_count; rate++) {
		uint32_t count = 0;
		for (uint32_t i = 0; i < engine->run_count; i++) {
			const struct plan_run *run = engine->runs[i];
			if (strcmp(run->plan, plan->name) == 0 && run->is_drill == is_drill &&
			    now - run->created_ms < plan->rates[rate].span_ms)
				count++;
		}
		if (count >= plan->rates[rate].count)
			return (int)rate;
	}
	return -1;
}

static char *make_run_id(const struct plan_engine *engine, const struct request *request)
{
	for (;;) {
		uint32_t random;
		env_random(loop_env(engine->options.loop), &random, sizeof(random));
		char *id = mem_format("%s-%llu-%08x", request->plan->name,
				      (unsigned long long)request->incident, random);
		if (!engine_find(engine, id))
			return id;
		mem_free(id);
	}
}

static struct plan_run *make_run(struct plan_engine *engine, const struct request *request,
				 const char *key)
{
	struct plan *plan = request->plan;
	struct plan_run *run = mem_alloc(sizeof(*run));
	run->engine = engine;
	run->id = make_run_id(engine, request);
	run->plan = mem_copy_text(plan->name);
	run->version = plan->version;
	run->incident = request->incident;
	run->starter = mem_copy_text(request->starter);
	run->cause = mem_copy_text(request->cause);
	run->is_drill = request->is_drill;
	run->needs = mem_copy_text(plan->needs);
	run->depth = request->caller ? request->caller->depth + 1 : 0;
	if (request->caller && !request->is_detached)
		run->parent = mem_copy_text(request->caller->id);
	run->concurrency = mem_copy_text(key);
	run->concurrency_limit = plan->concurrency_limit;
	run->params_json = mem_copy_text(request->params_json);
	run->timeout_ms = plan->timeout_ms;
	run->created_ms = engine_now(engine);
	run->state = RUN_QUEUED;
	run->script = script_take(engine, plan);
	gate_choose(run, plan, request->priority);
	run_add(engine, run);
	return run;
}

static int check_limits(const struct plan_engine *engine, const struct request *request,
			bool is_full, struct err_note *why)
{
	const struct plan *plan = request->plan;
	int rate = find_full_rate(engine, plan, request->is_drill);
	if (is_full && plan->on_conflict == PLAN_REJECT)
		return err_set(why, ERR_FULL, "plan %s was not started: %u of its runs are active",
			       plan->name, plan->concurrency_limit);
	if (rate >= 0)
		return err_set(why, ERR_FULL,
			       "plan %s was not started: its rate of %u in %lld s is used up",
			       plan->name, plan->rates[rate].count,
			       (long long)plan->rates[rate].span_ms / 1000);
	if (!request->is_forced && breaker_check(engine, plan, why) != 0)
		return ERR_FULL;
	if (engine->run_count - engine->ended_count >= RUNS_ACTIVE_MAX)
		return err_set(why, ERR_FULL, "plan %s was not started: %d runs are active",
			       plan->name, RUNS_ACTIVE_MAX);
	return 0;
}

static int attach(struct plan_engine *engine, const struct request *request,
		  const struct plan_run *first, char **run_id, struct err_note *why)
{
	char text[300];
	if (request->has_params || request->is_drill)
		return err_set(why, ERR_CONFLICT,
			       "plan %s was not started: %s runs already, and it keeps the params "
			       "it was started with",
			       request->plan->name, first->id);
	snprintf(text, sizeof(text), "plan %s runs already: %s serves this too",
		 request->plan->name, first->id);
	engine->usage.attached_count++;
	plan_tell(engine, request->incident, request->plan->name, first->id, "run_attached", text);
	*run_id = mem_copy_text(first->id);
	return 0;
}

/* One that was asked for the same, and does not wait for the caller itself. */
static bool serves_caller(const struct request *request, const struct plan_run *first)
{
	return first && first->is_drill == request->is_drill &&
	       strcmp(first->params_json, request->params_json) == 0 &&
	       !child_is_below(request->caller, first);
}

/* The places that are taken are those of its callers: it would wait for itself. */
static int check_callers(const struct plan_engine *engine, const struct request *request,
			 const char *key, struct err_note *why)
{
	const struct plan *plan = request->plan;
	uint32_t count = 0;
	for (uint32_t i = 0; request->caller && i < engine->run_count; i++) {
		const struct plan_run *run = engine->runs[i];
		if (!run_is_ended(run) && strcmp(run->plan, plan->name) == 0 &&
		    strcmp(run->concurrency, key) == 0 && child_is_below(request->caller, run))
			count++;
	}
	if (count < plan->concurrency_limit || request->is_detached)
		return 0;
	return err_set(why, ERR_CONFLICT,
		       "plan %s was not started: it would wait for a run that waits for it "
		       "(concurrency)",
		       plan->name);
}

/* `run_id`: of the new run, or of the one that serves this too. Owned. */
static int begin(struct plan_engine *engine, const struct request *request, char **run_id,
		 struct err_note *why)
{
	struct plan *plan = request->plan;
	const struct plan_run *first = NULL;
	char *key = make_concurrency(request);
	bool is_full = count_active(engine, plan->name, key, &first) >= plan->concurrency_limit;
	bool attaches = plan->on_conflict == PLAN_ATTACH &&
			(!request->caller || serves_caller(request, first));
	int code = is_full ? check_callers(engine, request, key, why) : 0;
	if (code != 0) {
		/* told by the caller */
	} else if (is_full && attaches) {
		code = attach(engine, request, first, run_id, why);
	} else if ((code = check_limits(engine, request, is_full, why)) == 0) {
		struct plan_run *run = make_run(engine, request, key);
		*run_id = mem_copy_text(run->id);
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
	engine->usage.refused_count += code != 0 ? 1 : 0;
	return code;
}

void plan_engine_on_incident(struct plan_engine *engine, const struct incident *incident,
			     const char *event)
{
	run_trim(engine);
	for (uint32_t i = 0; i < engine->plan_count && !drill_mutes(engine); i++) {
		struct plan *plan = engine->plans[i];
		struct request request = {.plan = plan,
					  .incident = incident->number,
					  .rule = incident->rule,
					  .priority = incident->priority,
					  .params_json = plan->params_json,
					  .is_drill = incident->is_drill};
		struct err_note why = {{0}};
		char *run_id = NULL;
		if (!is_triggered(engine, plan, incident, event))
			continue;
		if (begin(engine, &request, &run_id, &why) != 0)
			plan_tell(engine, incident->number, plan->name, "", "run_refused",
				  why.text);
		mem_free(run_id);
	}
}

/* ---- by hand, or by a chain ---- */

static int find_plan(const struct plan_engine *engine, const char *name, struct plan **out,
		     struct err_note *why)
{
	struct bytes names = BYTES_EMPTY;
	for (uint32_t i = 0; i < engine->plan_count; i++) {
		if (strcmp(engine->plans[i]->name, name) == 0) {
			*out = engine->plans[i];
			bytes_deinit(&names);
			return 0;
		}
		bytes_append_format(&names, "%s%s", i > 0 ? ", " : "", engine->plans[i]->name);
	}
	int code = err_set(why, ERR_NOT_FOUND, "there is no active plan \"%.100s\"; known: %.400s",
			   name, names.length > 0 ? names.data : "none");
	bytes_deinit(&names);
	return code;
}

/* The incident as it is now; NULL when there is none to ask for. */
static int find_incident(const struct plan_engine *engine, uint64_t number, json_t **out,
			 struct err_note *why)
{
	char *text = NULL;
	if (number == 0 || !engine->options.incident_json)
		return 0;
	text = engine->options.incident_json(engine->options.arg, number);
	if (!text)
		return err_set(why, ERR_NOT_FOUND, "there is no incident %llu",
			       (unsigned long long)number);
	*out = plan_json_parse(text);
	mem_free(text);
	return 0;
}

static uint32_t priority_of(const json_t *incident)
{
	const char *text = json_string_value(json_object_get(incident, "priority"));
	return text && text[0] == 'P' && text[1] >= '1' && text[1] <= '5'
		       ? (uint32_t)(text[1] - '0')
		       : 0;
}

int plan_engine_start(struct plan_engine *engine, const struct plan_start *start, char **run_id,
		      struct err_note *why)
{
	json_t *incident = NULL;
	struct plan *plan = NULL;
	char *params = NULL;
	run_trim(engine);
	int code = find_plan(engine, start->plan, &plan, why);
	if (code == 0)
		code = plan_params_merge(plan, start->params_json, &params, why);
	if (code == 0)
		code = find_incident(engine, start->incident, &incident, why);
	if (code == 0) {
		struct request request = {
			.plan = plan,
			.incident = start->incident,
			.rule = json_string_value(json_object_get(incident, "rule")),
			.priority = priority_of(incident),
			.params_json = params,
			.starter = start->starter,
			.cause = start->cause,
			.has_params = start->params_json && !start->caller,
			.is_drill = start->is_drill,
			.is_forced = start->is_forced,
			.is_detached = start->is_detached,
			.caller = start->caller ? engine_find(engine, start->caller) : NULL};
		code = begin(engine, &request, run_id, why);
	}
	mem_free(params);
	json_decref(incident);
	return code;
}

int plan_engine_restart(struct plan_engine *engine, const char *run_id,
			const struct plan_operator *by, char **new_id, struct err_note *why)
{
	const struct plan_run *run = engine_find(engine, run_id);
	if (!run)
		return err_set(why, ERR_NOT_FOUND, "there is no plan run \"%.100s\"", run_id);
	if (!run_is_ended(run))
		return err_set(why, ERR_CONFLICT,
			       "run %s is %s: only a run that has ended can be started again",
			       run_id, run_state_name(run->state));
	/* The start may drop old runs, this one among them. */
	bool has_reason = by->reason && by->reason[0];
	char *plan = mem_copy_text(run->plan), *params = mem_copy_text(run->params_json);
	char *cause = mem_format("%s again%s%s", run->id, has_reason ? ": " : "",
				 has_reason ? by->reason : "");
	struct plan_start start = {.plan = plan,
				   .params_json = params,
				   .incident = run->incident,
				   .starter = by->actor,
				   .cause = cause,
				   .is_drill = run->is_drill};
	int code = plan_engine_start(engine, &start, new_id, why);
	mem_free(plan);
	mem_free(params);
	mem_free(cause);
	return code;
}

/* ---- the queue ---- */

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
