/** plan_test_run.h - what a test does to a run: starts it, answers it, commands it, looks at it.
 *  A run that is not named is the latest that has not ended, or else the latest of all; a step may
 *  be named by its id alone, then its latest occurrence is meant.
 */
#ifndef TOCSIN_CORE_CLI_PLAN_TEST_RUN_H
#define TOCSIN_CORE_CLI_PLAN_TEST_RUN_H

#include <jansson.h>

#include <stdint.h>

struct err_note;
struct plan_engine;

/** {plan, params, incident, as, drill}; *out is the id of the run. */
int plan_test_run_start(struct plan_engine *engine, const char *plan, uint64_t incident,
			const json_t *options, json_t **out, struct err_note *why);
/** {approved, value, as, reason, run} */
int plan_test_run_answer(struct plan_engine *engine, const char *step, const json_t *options,
			 struct err_note *why);
/** {value, as, reason, run} */
int plan_test_run_signal(struct plan_engine *engine, const char *name, const json_t *options,
			 struct err_note *why);
/** "pause", "resume", "retry", "set", "skip" or "cancel"; {step, value, as, reason, run} */
int plan_test_run_command(struct plan_engine *engine, const char *command, const json_t *options,
			  struct err_note *why);
/** The latest run with {id, plan}, or NULL: id, plan, version, state, waiting_for, result … */
json_t *plan_test_run_show(const struct plan_engine *engine, const json_t *wanted);
int plan_test_run_journal(const struct plan_engine *engine, const char *run, json_t **out,
			  struct err_note *why);

#endif
