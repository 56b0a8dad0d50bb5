/** world.h - a plan engine on a memory store, a virtual clock and a script that is a list of calls;
 *  and the effects outside, which survive when the engine "crashes".
 *
 *  Crash: the store fails at the n-th write, either after it took the batch (durable, but no
 *  callback runs) or before (lost). Everything but the store, the clock and the outside is then
 *  thrown away.
 */
#ifndef TOCSIN_TESTS_PLAN_WORLD_H
#define TOCSIN_TESTS_PLAN_WORLD_H

#include "core/plan/action.h"
#include "core/plan/plan.h"
#include "core/plan/plan_command.h"
#include "core/plan/plan_engine.h"
#include "core/plan/plan_runner.h"

#include <stdbool.h>
#include <stdint.h>

struct err_note;

enum { WORLD_EFFECTS_MAX = 64, WORLD_ANSWERS_MAX = 64, WORLD_FACTS_MAX = 512 };

struct world_effect {
	char key[128];
	int count;
};

/** What the next tries of an action report, in their order. Probes ("test.look") are no tries: they
 *  tell whether the step they ask about was received, or `looks`, if there are any. */
enum world_reply {
	REPLY_OK,
	REPLY_UNKNOWN,
	REPLY_RETRY,
	REPLY_REPEAT,
	REPLY_FAIL,
	REPLY_SILENT,
	REPLY_ABSENT
};

/** The script of the branches called `name`; NULL ends a list, and is of those that are counted. */
struct world_branch {
	const char *name;
	const struct plan_call *script;
};

struct world {
	const struct world_branch *branches;
	struct kv *store; /**< what survives */
	struct kv *kv;    /**< the same, with the fault in front */
	struct commit *commit;
	struct loop *loop;
	struct plan_actions *actions;
	struct script_store *scripts;
	struct plan_engine *engine;
	struct plan *plan;                   /**< of the test; NULL until world_plan() */
	const struct plan_call *script;      /**< ends with id NULL */
	const struct plan_call *undo;        /**< what undoes it; NULL: it has not begun */
	const struct plan_call *next_script; /**< of version 4: world_next_plan() */
	const struct plan_call *child;       /**< of the plan "sub"; NULL: there is none */

	bool parks;  /**< every run that waits is parked; set it before world_restart() */
	bool pauses; /**< for a test: the run is paused again and again */
	bool has_crashed;
	bool has_restarted;
	bool has_other_script; /**< for a test: its runs cannot be replayed */
	int write_count;
	int crash_at;     /**< write that fails; 0 none */
	bool crash_takes; /**< the failing write is stored first */

	struct world_effect effects[WORLD_EFFECTS_MAX];
	int effect_count;
	const enum world_reply *replies; /**< one for each try, NULL: always ok */
	int try_count;
	const enum world_reply *looks;
	int look_count;
	char answers[WORLD_ANSWERS_MAX][256]; /**< of the latest runner, in order */
	int answer_count;
	char facts[WORLD_FACTS_MAX][32];
	char fact_texts[WORLD_FACTS_MAX][512];
	int fact_count;
	uint32_t priority; /**< of the incidents of world_trigger() */
	int sent_count;    /**< messages of the engine itself; the latest: */
	char sent_to[32], sent_text[512];
	bool asks_back;    /**< a question looks whether the first run still asks one */
	int back_count;    /**< it did */
	bool retriggers;   /**< an incident event comes while "run_ended" is told */
	int resume_count;  /**< of the latest runner */
	int start_count;   /**< runners made */
	int factory_count; /**< made from kept source */
};

/** Rows of a script. */
#define STEP(name, what, options)                                                                  \
	{                                                                                          \
		.kind = PLAN_CALL_STEP, .id = (name), .action = (what), .args_json = "{}",         \
		.opts_json = (options), .line = 1                                                  \
	}
#define SLEEP(ms)                                                                                  \
	{                                                                                          \
		.kind = PLAN_CALL_SLEEP, .id = "sleep", .args_json = "{\"ms\":" ms "}", .line = 2  \
	}
#define ASK(args)                                                                                  \
	{                                                                                          \
		.kind = PLAN_CALL_ASK, .id = "sure", .args_json = (args), .line = 3                \
	}
#define SIGNAL(name, args)                                                                         \
	{                                                                                          \
		.kind = PLAN_CALL_SIGNAL, .id = (name), .action = (name), .args_json = (args),     \
		.line = 6                                                                          \
	}
#define CALL(plan, args)                                                                           \
	{                                                                                          \
		.kind = PLAN_CALL_CALL, .id = (plan), .action = (plan), .args_json = (args),       \
		.line = 9                                                                          \
	}
#define LOCK(name, args)                                                                           \
	{                                                                                          \
		.kind = PLAN_CALL_LOCK, .id = (name), .action = (name), .args_json = (args),       \
		.line = 7                                                                          \
	}
#define UNLOCK(name)                                                                               \
	{                                                                                          \
		.kind = PLAN_CALL_UNLOCK, .id = "unlock", .action = (name), .line = 8              \
	}
#define VALUE(name)                                                                                \
	{                                                                                          \
		.kind = PLAN_CALL_VALUE, .id = (name), .action = (name), .line = 4                 \
	}
#define BRANCHES(what, args)                                                                       \
	{                                                                                          \
		.kind = PLAN_CALL_BRANCHES, .id = (what), .args_json = (args), .line = 5           \
	}
#define END                                                                                        \
	{                                                                                          \
		.id = NULL                                                                         \
	}

void world_open(struct world *world, const struct plan_call *script);
void world_close(struct world *world);
/** Makes and installs the plan; `change` may edit it before. */
void world_plan(struct world *world, void (*change)(struct plan *plan));
/** Version 4 is installed: its script is `next_script`. */
void world_next_plan(struct world *world);
void world_restart(struct world *world);
/** Incident `number` of rule "slow" has event "opened". */
void world_trigger(struct world *world, uint64_t number);
void world_turn(struct world *world);
void world_advance(struct world *world, int64_t by_ms);

/** world_script.c: what the engine is given as its plans. */
struct plan_factory *world_factory(struct world *world, bool is_next);
int world_make_factory(void *arg, const char *name, uint32_t version, const char *source,
		       struct plan_factory **out, struct err_note *why);

struct world_run {
	char id[128];
	enum run_state state;
	char error[1200];
	char waiting_for[600];
	uint32_t record_count;
};
/** The `index`-th run by creation; the test fails when there is none. */
struct world_run world_run(const struct world *world, int index);
int world_run_count(const struct world *world);
/** Effects received by keys that contain `part`. */
int world_effects(const struct world *world, const char *part);
bool world_has_fact(const struct world *world, const char *kind);
/** Record types of run 0, joined by spaces. Owned text. */
char *world_journal(struct world *world, const char *run_id);

#endif
