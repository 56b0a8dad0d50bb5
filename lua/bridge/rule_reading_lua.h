/** rule_reading_lua.h - a rule's on_reading and on_timer.
 *
 *      on_reading(ctx, r)    r: time (epoch seconds) and each field of `reads` (nil when missing);
 *                            one table, filled anew for every reading
 *      on_timer(ctx, name)   a timer that on_reading, on_window or on_timer has set
 *      nil                   no change
 *      false                 not firing
 *      { message = … }       firing (verdict.h)
 *
 *  Readings are asked about in one call into Lua as long as nothing comes between them, and share
 *  its budget.
 */
#ifndef TOCSIN_LUA_BRIDGE_RULE_READING_LUA_H
#define TOCSIN_LUA_BRIDGE_RULE_READING_LUA_H

#include <stdbool.h>
#include <stdint.h>

#include "core/rule/rule_runner.h"

struct err_note;
struct lua_State;
struct rule_context_lua;
struct script_state;

struct rule_reading_lua {
	int on_reading_ref, on_timer_ref; /**< LUA_NOREF: the rule has no such function */
	int reading_ref;                  /**< the table `r` */
};

/** Takes the functions from the loaded rule. Inside script_call(): may raise. */
void rule_reading_lua_set_up(struct lua_State *lua, struct rule_reading_lua *reading);

/** As rule_runner_ops.on_reading. */
int rule_reading_lua_run(struct script_state *state, const struct rule_reading_lua *reading,
			 struct rule_context_lua *context, const struct rule_readings *readings,
			 const uint16_t *rows, uint32_t row_count, const struct rule_walk *walk,
			 uint32_t *done, struct err_note *why);

/** As rule_runner_ops.on_timer. */
int rule_reading_lua_time(struct script_state *state, const struct rule_reading_lua *reading,
			  struct rule_context_lua *context, struct rule_call *call,
			  const char *name, enum rule_answer *answer, struct rule_verdict *out,
			  struct err_note *why);

/** One reading into a table: its names are on the stack from `first_name` on, "time" first. */
void rule_reading_lua_fill(struct lua_State *lua, int table, int first_name,
			   const struct rule_readings *readings, uint32_t row);
/** Pushes these names. */
void rule_reading_lua_push_names(struct lua_State *lua, const struct rule_readings *readings);

#endif
