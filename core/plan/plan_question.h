/** plan_question.h - what a plan asks people, for whoever tells them of it or shows it. */
#ifndef TOCSIN_CORE_PLAN_PLAN_QUESTION_H
#define TOCSIN_CORE_PLAN_PLAN_QUESTION_H

#include <stdint.h>

struct err_note;
struct json_t;
struct plan_engine;

/** All borrowed until the callee returns. */
struct plan_question {
	const char *run_id, *plan, *step;
	uint64_t incident;          /**< 0: none */
	const char *starter;        /**< or NULL */
	int64_t expires_ms;         /**< wall; 0: with the run */
	const struct json_t *args;  /**< as ctx:ask has them: text, who, choices, schema … */
	const struct json_t *votes; /**< of those who have approved: {actor, value, reason}; NULL */
};

/** Shows an open ask. ERR_NOT_FOUND, ERR_CONFLICT (the run has ended, or asks nothing there). */
int plan_engine_question(struct plan_engine *engine, const char *run_id, const char *step,
			 void (*show)(void *arg, const struct plan_question *question), void *arg,
			 struct err_note *why);

#endif
