#include "core/engine/engine_judge.h"
#include "core/engine/engine_store.h"

#include "core/base/mem.h"
#include "core/rule/rule.h"

#include <string.h>

const struct stored_evaluated *engine_find_stored(const struct engine *engine, const char *rule)
{
	for (uint32_t i = 0; i < engine->stored_evaluated_count; i++)
		if (strcmp(engine->stored_evaluated[i].rule, rule) == 0)
			return &engine->stored_evaluated[i];
	return NULL;
}

static struct rule_state *find_rule(const struct engine *engine, const char *name)
{
	for (uint32_t i = 0; i < engine->rule_count; i++)
		if (strcmp(engine->rules[i]->rule->name, name) == 0)
			return engine->rules[i];
	return NULL;
}

const char *engine_why_gone(const struct engine *engine, const struct rule *rule)
{
	const struct engine_options *options = &engine->options;

	return options->why_gone != NULL
		       ? options->why_gone(options->arg, rule->name, rule->version)
		       : "rule_removed";
}

/** The rule is not the one that runs: its stand-in resolves what was told. */
static void resolve_orphan(struct engine *engine, struct stored_key *stored, const char *reason)
{
	struct rule_state *state = engine_rule_state_new(stored->rule, engine->options.seed);
	const struct stored_evaluated *evaluated = engine_find_stored(engine, stored->rule->name);

	engine_adopt_key(state, bytes_slice(&stored->name), &stored->key);
	if (evaluated != NULL)
		state->evaluated_ms = evaluated->evaluated_ms;
	engine_resolve_all(engine, state, reason);
	engine_rule_state_free(state);
}

static void adopt(struct engine *engine, struct stored_key *stored)
{
	struct rule_state *state = find_rule(engine, stored->rule->name);

	if (state == NULL)
		resolve_orphan(engine, stored, engine_why_gone(engine, stored->rule));
	else if (state->rule->version != stored->rule->version ||
		 strcmp(state->rule->hash, stored->rule->hash) != 0)
		resolve_orphan(engine, stored, "rule_changed");
	else
		engine_adopt_key(state, bytes_slice(&stored->name), &stored->key);
}

void engine_adopt_stored(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->stored_key_count; i++)
		adopt(engine, &engine->stored_keys[i]);
	for (uint32_t i = 0; i < engine->stored_evaluated_count; i++)
		if (find_rule(engine, engine->stored_evaluated[i].rule) == NULL)
			engine_delete_evaluated(engine, engine->stored_evaluated[i].rule);
	engine_free_stored(engine);
}

void engine_free_stored(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->stored_key_count; i++) {
		rule_unref(engine->stored_keys[i].rule);
		bytes_deinit(&engine->stored_keys[i].name);
		key_state_deinit(&engine->stored_keys[i].key.state);
	}
	for (uint32_t i = 0; i < engine->stored_evaluated_count; i++)
		mem_free(engine->stored_evaluated[i].rule);
	mem_free(engine->stored_keys);
	mem_free(engine->stored_evaluated);
	engine->stored_keys = NULL;
	engine->stored_evaluated = NULL;
	engine->stored_key_count = 0;
	engine->stored_evaluated_count = 0;
}
