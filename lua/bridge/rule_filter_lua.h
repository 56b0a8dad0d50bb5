/** rule_filter_lua.h - a rule's filter function, asked about many readings in one call.
 *
 *      filter(r)    r: time (epoch seconds) and each field of `reads` (nil when missing)
 *      true, or anything but nil and false: the reading counts
 *
 *  `r` is one table, filled anew for every reading: a script that keeps it sees the next one. The
 *  readings of a call share one budget.
 */
#ifndef TOCSIN_LUA_BRIDGE_RULE_FILTER_LUA_H
#define TOCSIN_LUA_BRIDGE_RULE_FILTER_LUA_H

#include <stdbool.h>
#include <stdint.h>

struct err_note;
struct lua_State;
struct rule_readings;
struct script_state;

struct rule_filter_lua {
	int function_ref; /**< LUA_NOREF: the rule has no filter function */
	int reading_ref;  /**< the table `r` */
};

/** Takes the function from the loaded rule. Inside script_call(): may raise. */
void rule_filter_lua_set_up(struct lua_State *lua, struct rule_filter_lua *filter);

/** As rule_runner_ops.filter. */
int rule_filter_lua_run(struct script_state *state, const struct rule_filter_lua *filter,
			const struct rule_readings *readings, uint32_t from, bool *matches,
			uint32_t *judged, struct err_note *why);

#endif
