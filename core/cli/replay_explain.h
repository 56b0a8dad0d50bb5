/** replay_explain.h - `tocsin replay --explain KEY`: the explanation in place of the alerts. */
#ifndef TOCSIN_CORE_CLI_REPLAY_EXPLAIN_H
#define TOCSIN_CORE_CLI_REPLAY_EXPLAIN_H

#include <stdbool.h>
#include <stdint.h>

struct replay;

struct replay_explain {
	const char *key; /**< "*": all; NULL: nothing is to be explained */
	int64_t at_ms;   /**< or EXPLAIN_NOW */
	bool is_json;
	const char *rule; /**< filled in */
};

/** Makes the replay explain its one rule; the exit code. */
int replay_explain_begin(struct replay_explain *explain, struct replay *replay);

#endif
