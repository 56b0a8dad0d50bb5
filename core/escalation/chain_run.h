/** chain_run.h - one chain at work for one incident, with what it was frozen from. For the files of
 *  core/escalation and their tests.
 *
 *  Row (JSON, under "C", incident number, chain name):
 *      chain       {"name", "category", "priorities", "again", "steps": [...]}: frozen
 *      cause       event that started it; started_ms
 *      pass, step  what comes next, both from 0
 *      due_ms      wall time of it; wait_ms how long the wait is that ends then
 *      skips       a condition did not hold
 *      is_over     the last step was taken, and that was told
 *      samples     [[time_ms, alerts before it], ...] when a condition counts alerts
 */
#ifndef TOCSIN_CORE_ESCALATION_CHAIN_RUN_H
#define TOCSIN_CORE_ESCALATION_CHAIN_RUN_H

#include <jansson.h>

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/config/config_chains.h"

struct err_note;
struct escalation;
struct incident;
struct timer;

enum { CHAIN_SAMPLES_MAX = 64, CHAIN_SAMPLES_EACH = 60 };

struct chain_sample {
	int64_t time_ms;
	uint64_t count;
};

struct chain_run {
	struct escalation *escalation;
	struct arena arena;
	const struct config_chain *chain; /**< frozen, in the arena */
	uint64_t incident;
	const char *cause;
	int64_t started_ms;
	uint32_t pass, step;
	int64_t due_ms, wait_ms;
	bool skips, is_over;
	struct chain_sample *samples; /**< oldest first; NULL: no condition counts */
	uint32_t sample_count;
	int64_t within_ms; /**< the longest of the conditions */
	/* In memory only. */
	struct timer *timer;
	bool is_recovered; /**< read at start: what comes next may be late */
	bool is_snoozed;   /**< waits for the end of a snooze */
};

/** Frozen from the site. */
struct chain_run *chain_run_new(const struct config_chain *chain, const struct incident *incident,
				const char *cause, int64_t now_ms);
void chain_run_free(struct chain_run *run); /**< NULL allowed */
void chain_run_append_json(const struct chain_run *run, struct bytes *out);
/** ERR_CORRUPT. */
int chain_run_from_json(struct chain_run **out, struct slice text, struct err_note *why);

/** An alert joined. True: the row changed. */
bool chain_run_sample(struct chain_run *run, const struct incident *incident, int64_t now_ms);
/** Does the condition hold now? `reason` says why not (owned text). */
bool chain_run_holds(const struct chain_run *run, const struct chain_condition *condition,
		     const struct incident *incident, int64_t now_ms, char **reason);

#endif
