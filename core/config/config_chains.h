/** config_chains.h - `chains` of the site: who is called, and when, while nobody answers; and
 *  `heartbeat`.
 *
 *      chains = {
 *        payments = { category = "online", priority = { "P1", "P2" }, again = 2, steps = {
 *          { notify = { "schedule:payments", "output:ops" }, important = true },
 *          { wait = "5m" },
 *          { only_if = { days = "mon-fri", from = "09:00", to = "18:00" } },
 *          { notify = { "person:boss" } }, { raise = 1 }, { plan = "help" }, { wait = "5m" } } },
 *      }
 *
 *  Part of struct config; texts live in its arena. What they do: core/escalation/escalation.h.
 */
#ifndef TOCSIN_CORE_CONFIG_CONFIG_CHAINS_H
#define TOCSIN_CORE_CONFIG_CONFIG_CHAINS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/oncall/schedule.h"

enum {
	CHAINS_MAX = 64,
	CHAIN_STEPS_MAX = 64,
	CHAIN_TARGETS_MAX = 16,
	CHAIN_AGAIN_MAX = 5,
	CHAIN_ALL_PRIORITIES = 0x1F
};

enum chain_target_kind { CHAIN_TARGET_SCHEDULE, CHAIN_TARGET_PERSON, CHAIN_TARGET_OUTPUT };

struct chain_target {
	enum chain_target_kind kind;
	const char *name;
	const char *text; /**< "schedule:payments" */
};

/** The key of a step is its kind. */
#define CHAIN_STEP_LIST(X)                                                                         \
	X(NOTIFY, "notify")                                                                        \
	X(WAIT, "wait")                                                                            \
	X(ONLY_IF, "only_if")                                                                      \
	X(RAISE, "raise")                                                                          \
	X(PLAN, "plan")
enum chain_step_kind {
#define CHAIN_ENUM(name, text) CHAIN_##name,
	CHAIN_STEP_LIST(CHAIN_ENUM)
#undef CHAIN_ENUM
		CHAIN_STEP_KINDS
};

/** Of the parts that are there, all must hold. */
struct chain_condition {
	struct oncall_hours hours;
	const char *zone; /**< NULL: no hours */
	uint32_t alerts;  /**< 0: any number */
	int64_t within_ms;
};

struct chain_step {
	enum chain_step_kind kind;
	int line;                     /**< of the site's file; 0 in a stored one */
	struct chain_target *targets; /**< notify */
	uint32_t target_count;
	bool is_important;
	int64_t wait_ms;
	struct chain_condition condition;
	uint32_t raise;
	const char *plan;
};

struct config_chain {
	const char *name;
	const char *category; /**< or NULL: every */
	unsigned priorities;  /**< bit 0 = P1 */
	struct chain_step *steps;
	uint32_t step_count;
	uint32_t again; /**< so many times more, after the first */
};

/** A sign of life, outwards. */
struct config_heartbeat {
	const char *url;
	int64_t every_ms, timeout_ms;
};

const char *chain_step_kind_name(enum chain_step_kind kind);
/** "schedule:payments" in parts; `name` and `text` are borrowed from it. */
bool chain_target_parse(const char *text, struct chain_target *out);

#endif
