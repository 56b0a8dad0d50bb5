/** plan_world.h - the daemon's plan engine and incidents where nothing else is real: a clock that
 *  is moved, a store in memory, actions that are simulated (core/plan/action.h). For dry runs and
 *  tests of plans.
 *
 *  A crash throws away what the process had, and keeps what was durable.
 *  Owner: plan_world_new() result owned. Threads: one, with a big stack (scripts).
 */
#ifndef TOCSIN_CORE_CLI_PLAN_WORLD_H
#define TOCSIN_CORE_CLI_PLAN_WORLD_H

#include "core/base/bytes.h"

#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>

struct commit;
struct err_note;
struct generation;
struct incident_store;
struct kv;
struct loop;
struct plan_actions;
struct plan_effect;
struct plan_engine;
struct plan_reply;
struct script_store;

struct plan_world_options {
	int64_t begin_ms; /**< wall clock at the beginning */
	/** As of struct plan_simulation. */
	void (*on_effect)(void *arg, const struct plan_effect *effect, struct plan_reply *reply);
	/** As of struct plan_engine_options; may be NULL. */
	void (*on_fact)(void *arg, const char *run_id, const char *kind, const char *text);
	void *arg;
};

/** The parts are for whoever has the world; they change with a crash. */
struct plan_world {
	struct plan_world_options options;
	struct loop *loop;
	struct kv *kv;
	struct generation *generation; /**< owned; NULL until there is one */
	struct commit *commit;
	struct script_store *scripts;
	struct plan_actions *actions;
	struct incident_store *incidents;
	struct plan_engine *engine;
	json_t *incident; /**< what scripts see in the place of any incident; NULL: the store's */
};

int plan_world_new(struct plan_world **out, const struct plan_world_options *options,
		   struct err_note *why);
void plan_world_free(struct plan_world *world); /**< NULL allowed */

/** These are the active plans from now on. The generation is taken; it has a config. */
void plan_world_install(struct plan_world *world, struct generation *generation);

int64_t plan_world_now_ms(const struct plan_world *world); /**< wall */
/** Runs what is due, moving the clock by `by_ms`, and makes it durable. */
void plan_world_advance(struct plan_world *world, int64_t by_ms);

/** An alert {rule, title, severity, category, message, labels, dimension} fires or resolves; only
 *  `rule` must be there. Gives the incident, 0: none. ERR_INVALID. */
int plan_world_alert(struct plan_world *world, const json_t *alert, bool is_firing,
		     uint64_t *number, struct err_note *why);

/** The process dies here and is started again: what was not durable is lost, the actions that were
 *  under way say nothing any more, and the runs are replayed. */
int plan_world_crash(struct plan_world *world, struct err_note *why);

#endif
