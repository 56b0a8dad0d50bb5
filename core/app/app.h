/** app.h - the daemon: builds everything, in order; tears it down in reverse.
 *
 *      sources -> pool (stage 1) -> engine (stage 2) -> alerts -> outbox
 *                                                        |-> incidents -> plans -> outbox
 *
 *  app_run() must be called on a thread with a big stack (cli/big_stack.h): Lua runs on it.
 */
#ifndef TOCSIN_CORE_APP_APP_H
#define TOCSIN_CORE_APP_APP_H

#include <stdbool.h>

struct app_options {
	const char *site_dir;
	const char *state_dir;
	bool accepts_loss; /**< open a store that is behind its high-water mark */
};

/** Runs until SIGTERM or SIGINT. Exit code of the process. */
int app_run(const struct app_options *options);

#endif
