/** step_opts.h - opts of a step as numbers. Plain values. */
#ifndef TOCSIN_CORE_PLAN_STEP_OPTS_H
#define TOCSIN_CORE_PLAN_STEP_OPTS_H

#include "core/plan/action.h"

#include <stdbool.h>
#include <stdint.h>

struct err_note;

enum {
	STEP_TIMEOUT_DEFAULT_MS = 10 * 1000,
	STEP_TIMEOUT_MAX_MS = 3600 * 1000,
	STEP_TRIES_DEFAULT = 3,
	STEP_TRIES_MAX = 100,
	STEP_RETRY_FIRST_MS = 1000,
	STEP_RETRY_CAP_MS = 60 * 1000
};

struct step_opts {
	enum effect effect;
	int64_t timeout_ms;  /**< of one try */
	int64_t deadline_ms; /**< from scheduling to the last try; 0 none */
	uint32_t tries_max;
	int64_t first_ms, cap_ms;
	double factor;
	double jitter; /**< part of a delay that is random, 0 to 1 */
	bool waits;    /**< on_fail = "wait": a step that has failed waits for an operator */
};

/** `opts_json` may be NULL. `effect` is the action's own; opts may declare another. ERR_INVALID. */
int step_opts_read(struct step_opts *out, const char *opts_json, enum effect effect,
		   struct err_note *why);

/** The member `probe` of checked opts as JSON; NULL without one. Owned. */
char *step_opts_probe(const char *opts_json);

/** Delay before the next try after `failure_count` failures (from 1); `random` is in [0, 1). */
int64_t step_opts_delay(const struct step_opts *opts, uint32_t failure_count, double random);

#endif
