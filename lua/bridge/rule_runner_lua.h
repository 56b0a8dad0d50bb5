/** rule_runner_lua.h - what a rule leaves to its Lua functions: here the decision of a `script`.
 *
 *      on_window(ctx, w)   ctx: rule_context_lua.h
 *                          w: window_start, window_end (epoch seconds), window_start_text,
 *                          window_end_text
 *                             (RFC 3339), key (field -> value), key_text, count, sum, min, max,
 *                             avg, samples, is_firing
 *      nil | false         not firing
 *      { message = text, value = number, severity = info|warning|critical, labels = {name = text}
 *      }   firing
 *
 *  Anything else is a bad result, and so are more labels or longer names of labels than a rule may
 *  declare (rule.h). A message and the text of a label that are too long are cut between two
 *  characters and end with "…". `sum`, `min`, `max` and `avg` are nil without a sample.
 *  Limits: RUNNER_LOG_LINES_MAX lines of RUNNER_LOG_BYTES_MAX bytes a call; more are dropped.
 */
#ifndef TOCSIN_LUA_BRIDGE_RULE_RUNNER_LUA_H
#define TOCSIN_LUA_BRIDGE_RULE_RUNNER_LUA_H

#include <stdint.h>

struct err_note;
struct rule_runner;
struct script_state;

enum {
	RUNNER_LOG_LINES_MAX = 10,
	RUNNER_LOG_BYTES_MAX = 500,
	VERDICT_MESSAGE_BYTES_MAX = 2000,
	/** All keys of one evaluation together: as many calls that use up their instructions, and,
	 *  as the safety net, their processor time. */
	RUNNER_BOUNDARY_CALLS_MAX = 20,
	RUNNER_BOUNDARY_CPU_CALLS_MAX = 100,
};

/** `state` has run the rule's file (loader_run) and is taken, also on failure. ERR_INVALID: there
 *  is none of on_window, on_reading (rule_reading_lua.h) and a filter function
 *  (rule_filter_lua.h). */
int rule_runner_lua_new(struct rule_runner **out, struct script_state *state, const char *name,
			uint32_t version, struct err_note *why);

#endif
