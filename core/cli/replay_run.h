/** replay_run.h - history through the engine: inputs side by side in event time, alerts to stdout.
 *
 *  The inputs are partitions of one source. A block is always read from the input whose event time
 *  is least, so files that cover the same hours go together; the watermark is the one of live.
 */
#ifndef TOCSIN_CORE_CLI_REPLAY_RUN_H
#define TOCSIN_CORE_CLI_REPLAY_RUN_H

#include <stdint.h>

struct alert;
struct config;
struct engine;
struct env;
struct err_note;
struct rule;

struct replay {
	const struct env *env;
	struct config *config;
	const char *source;
	struct rule **rules; /**< at most one version of each */
	uint32_t rule_count;
	const char *const *inputs; /**< paths; "-" is standard input */
	uint32_t input_count;
	/** After the last window, with the engine as it is then; NULL allowed. */
	int (*at_end)(void *arg, const struct engine *engine, struct err_note *why);
	/** An alert, in place of its document on stdout; NULL: that. */
	void (*on_alert)(void *arg, const struct rule *rule, const struct alert *alert);
	void *arg;
};

struct replay_totals {
	uint64_t readings, malformed, lines, late_dropped, alerts;
	uint32_t quarantined_count;
	int64_t spent_ms;
	int64_t watermark_ms; /**< the source's at the end */
};

/** ERR_NOT_FOUND, ERR_IO (an input, or stdout), and what engine_install() may say. */
int replay_run(const struct replay *replay, struct replay_totals *totals, struct err_note *why);

#endif
