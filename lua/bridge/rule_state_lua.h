/** rule_state_lua.h - what a script keeps for a key, as bytes: `ctx.state`.
 *
 *      nothing                    the empty table
 *      { key value … }            a table: keys in their order (lua/host/order.h), so that
 *                                 equal tables are equal bytes; values are numbers, texts,
 *                                 true, false and tables again
 *
 *  Every call gets a table that is made from the bytes: what a script sees after a restart is what
 *  it would have seen without one. All may raise: inside script_call() only.
 */
#ifndef TOCSIN_LUA_BRIDGE_RULE_STATE_LUA_H
#define TOCSIN_LUA_BRIDGE_RULE_STATE_LUA_H

#include "core/base/bytes.h"

struct lua_State;

enum { RULE_STATE_DEPTH_MAX = 8 };
/** The byte before each value; END in place of a key. */
enum {
	RULE_STATE_END,
	RULE_STATE_FALSE,
	RULE_STATE_TRUE,
	RULE_STATE_NUMBER,
	RULE_STATE_TEXT,
	RULE_STATE_TABLE,
};

/** The table at the top of the stack, appended to `out`. */
void rule_state_encode(struct lua_State *lua, struct bytes *out);
/** Pushes the table. Bytes that are damaged raise. */
void rule_state_push(struct lua_State *lua, struct slice state);

/** As text for people, like {"count": 3}; control characters are escaped. What is longer than
 *  `bytes_max` ends with "…". Raises nothing. (rule_state_text.c) */
void rule_state_print(struct slice state, struct bytes *out, size_t bytes_max);

#endif
