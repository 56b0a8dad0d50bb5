/** memory_target.h - a control target on the memory store and a virtual loop: real parts, no rules.
 *  Header only, so that the unit tests and the fuzz target of the control protocol share it.
 */
#ifndef TOCSIN_TESTS_SUPPORT_MEMORY_TARGET_H
#define TOCSIN_TESTS_SUPPORT_MEMORY_TARGET_H

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/base/require.h"
#include "core/config/config.h"
#include "core/control/control.h"
#include "core/engine/engine.h"
#include "core/handling/handling.h"
#include "core/incident/incident.h"
#include "core/ingest/source.h"
#include "core/ingest/source_http.h"
#include "core/loop/loop.h"
#include "core/outbox/outbox.h"
#include "core/plan/action.h"
#include "core/plan/plan_engine.h"
#include "core/rule/versions.h"
#include "storage/audit_log.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"
#include "storage/script_store.h"
#include "tests/support/memory_escalation.h"

#include <jansson.h>

struct memory_target {
	struct control_target target;
	struct config *config; /**< the defaults */
	uint32_t sent_count;   /**< documents of alerts */
	struct memory_escalation escalation;
	struct plan_actions *actions;
	struct script_store *scripts;
	struct control *control;
	uint64_t generation;
	const struct control_tail *tails; /**< [tail_count] what sources read from; none at first */
	uint32_t tail_count;
	struct source_http_status http;
};

static inline void memory_target_reload(void *arg,
					void (*done)(void *done_arg, const char *files_json,
						     bool any_refused),
					void *done_arg)
{
	(void)arg;
	done(done_arg, "[]", false);
}

static inline int memory_target_send(void *arg, const char *output, const char *id,
				     struct slice body, struct err_note *why)
{
	struct memory_target *memory = arg;
	(void)output, (void)id, (void)body, (void)why;
	memory->sent_count++;
	return 0;
}

static inline void memory_target_apply(void *arg)
{
	(void)arg;
}

static inline char *memory_target_source(void *arg, const char *name, uint32_t version)
{
	(void)arg;
	return mem_format("-- %s@%u", name, version);
}

/** Says nothing but which version was asked for. */
static inline int memory_target_impact(void *arg, const char *name, uint32_t version,
				       struct json_t **out, struct err_note *why)
{
	struct memory_target *memory = arg;
	if (versions_find(memory->target.rule_versions, name, version) == NULL && version != 0)
		return err_set(why, ERR_NOT_FOUND, "%s@%u is not loaded", name, version);
	*out = json_pack("{s:i}", "to", (int)version);
	return 0;
}

static inline void
memory_target_each_tail(void *arg, void (*each)(void *each_arg, const struct control_tail *tail),
			void *each_arg)
{
	const struct memory_target *memory = arg;
	for (uint32_t i = 0; i < memory->tail_count; i++)
		each(each_arg, &memory->tails[i]);
}

static inline void memory_target_http_status(void *arg, struct source_http_status *out)
{
	const struct memory_target *memory = arg;
	*out = memory->http;
}

static inline void memory_target_no_bundle(void *arg, struct bundle *bundle)
{
	(void)arg;
	bundle_free(bundle);
}

static inline void memory_target_no_room(void *arg)
{
	(void)arg;
}

static inline void memory_target_open(struct memory_target *memory, int64_t wall_ms)
{
	struct control_target *t = &memory->target;
	*memory = (struct memory_target){0};
	t->loop = loop_virtual_new(wall_ms);
	t->kv = kv_memory_new();
	struct commit_options commit = {0};
	REQUIRE(commit_new(&t->commit, t->kv, &commit, NULL) == 0);
	struct engine_options engine = {.kv = t->kv, .commit = t->commit, .seed = 1};
	REQUIRE(engine_new(&t->engine, &engine, NULL) == 0);
	REQUIRE(versions_new(&t->rule_versions, t->kv, t->commit, KEYSPACE_RULE, 10, NULL) == 0);
	REQUIRE(versions_new(&t->plan_versions, t->kv, t->commit, KEYSPACE_PLAN, 10, NULL) == 0);
	REQUIRE(audit_log_new(&t->audit, t->kv, t->commit, NULL) == 0);
	versions_audit_to(t->rule_versions, t->audit);
	versions_audit_to(t->plan_versions, t->audit);
	struct incident_options incidents = {.kv = t->kv, .commit = t->commit};
	REQUIRE(incident_store_new(&t->incidents, &incidents, NULL) == 0);
	struct report report;
	report_init(&report);
	memory->config = config_new(NULL, "tocsin.lua", &report);
	report_deinit(&report);
	struct handling_options handling = {
		.kv = t->kv, .commit = t->commit, .on_send = memory_target_send, .arg = memory};
	REQUIRE(handling_new(&t->handling, &handling, NULL) == 0);
	handling_configure(t->handling, memory->config, NULL);
	memory_escalation_open(&memory->escalation, t);
	struct outbox_options outbox = {
		.kv = t->kv, .commit = t->commit, .loop = t->loop, .state_dir = "."};
	REQUIRE(outbox_new(&t->outbox, &outbox, NULL) == 0);
	struct plan_actions_options actions = {.loop = t->loop, .outbox = t->outbox};
	memory->actions = plan_actions_new(&actions);
	REQUIRE(script_store_new(&memory->scripts, t->kv, t->commit, NULL) == 0);
	struct plan_engine_options plans = {.kv = t->kv,
					    .commit = t->commit,
					    .loop = t->loop,
					    .actions = memory->actions,
					    .scripts = memory->scripts};
	REQUIRE(plan_engine_new(&t->plans, &plans, NULL) == 0);
	struct pool_options pool = {.on_bundle = memory_target_no_bundle,
				    .on_room = memory_target_no_room};
	REQUIRE(pool_new(&t->pool, t->loop, loop_env(t->loop), &pool, NULL) == 0);
	t->started_wall_ms = wall_ms;
	t->site_dir = "site";
	t->state_dir = "state";
	t->generation = &memory->generation;
	t->reload = memory_target_reload;
	t->apply_versions = memory_target_apply;
	t->rule_source = memory_target_source;
	t->rule_impact = memory_target_impact;
	t->each_tail = memory_target_each_tail;
	t->http_status = memory_target_http_status;
	t->arg = memory;
	REQUIRE(control_new(&memory->control, t, NULL, NULL) == 0);
}

static inline void memory_target_close(struct memory_target *memory)
{
	struct control_target *t = &memory->target;
	control_free(memory->control);
	pool_free(t->pool);
	plan_engine_free(t->plans);
	plan_actions_free(memory->actions);
	script_store_free(memory->scripts);
	outbox_free(t->outbox);
	memory_escalation_close(&memory->escalation);
	handling_free(t->handling);
	config_unref(memory->config);
	incident_store_free(t->incidents);
	audit_log_free(t->audit);
	versions_free(t->plan_versions);
	versions_free(t->rule_versions);
	engine_free(t->engine);
	commit_free(t->commit);
	kv_free(t->kv);
	loop_free(t->loop);
}

#endif
