/** plan.h - one version of an emergency plan: its declared part. Words: docs/plan-guide.md.
 *  Owner: shared by count (plan_ref/plan_unref, loop thread).
 */
#ifndef TOCSIN_CORE_PLAN_PLAN_H
#define TOCSIN_CORE_PLAN_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"

struct config;
struct option;
struct plan_factory;
struct report;
struct tree;

enum plan_conflict { PLAN_ATTACH, PLAN_QUEUE, PLAN_REJECT };
enum { PLAN_RATES_MAX = 4 };

struct plan {
	struct arena arena;
	unsigned reference_count;
	const char *name;
	uint32_t version;
	const char *file;
	char hash[33];
	const char *owner;
	const char *description;
	const char *risk;        /**< low | medium | high */
	const char *params_json; /**< declared `params` as a JSON object, "{}" by default */
	/** Trigger: `on = { incident = "opened", rule = "…", severity = "…", category = "…",
	 *  priority = "P1", major = true }`; a part that is NULL matches any. A category matches
	 *  itself and what is below it. */
	const char *on_event;    /**< "opened", "acked raised"; NULL: only by hand */
	const char *on_priority; /**< "P1 P2" */
	bool on_major;           /**< only major incidents */
	const char *on_rule;
	const char *on_severity;
	const char *on_category;
	const char *concurrency_key;    /**< "incident" (default), "rule", "global" */
	uint32_t concurrency_limit;     /**< default 1 */
	enum plan_conflict on_conflict; /**< default attach: the running one serves this too */
	struct {
		uint32_t count;
		int64_t span_ms;
	} rates[PLAN_RATES_MAX]; /**< at most `count` runs of the plan in any `span_ms` */
	uint32_t rate_count;
	const char *needs;            /**< what it may do: "http exec"; NULL: anything */
	uint32_t breaker_fails;       /**< so many failures in a row open it; 0: there is none */
	int64_t breaker_cool_ms;      /**< then no run starts for so long */
	const char *breaker_escalate; /**< an output or a person who is told; or NULL */
	int64_t timeout_ms;           /**< whole run, default 1 h */
	struct plan_factory *factory; /**< owned: makes runners of this very source */
};

/** Reads and checks; all faults go to `report`, and NULL is returned when there was any. `factory`
 *  is taken on success only. `config` may be NULL: then the category of the trigger is not
 *  checked. */
/** What may stand in a plan file; ends with name NULL. */
const struct option *plan_options(void);

struct plan *plan_new(const struct tree *tree, const char *name, uint32_t version, const char *file,
		      const char *hash, struct plan_factory *factory, const struct config *config,
		      struct report *report);
/** Whether one of `words` ("opened raised") is `word`. NULL has none. */
bool plan_has_word(const char *words, const char *word, size_t length);
struct plan *plan_ref(struct plan *plan);
void plan_unref(struct plan *plan);

#endif
