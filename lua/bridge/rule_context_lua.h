/** rule_context_lua.h - `ctx`, the first argument of a rule's functions.
 *
 *      ctx.rule, ctx.version            the rule
 *      ctx.key, ctx.key_text            what the call is about: field -> value, values by commas
 *      ctx.time                         its event time, epoch seconds
 *      ctx.state                        what the rule keeps for the key (rule_state_lua.h)
 *      ctx.timer(name, span)            on_timer(ctx, name) comes when so much event time passed
 *      ctx.cancel(name)                 it is not
 *      ctx.log(text)                    also with a colon, as all of them
 *
 *  `key` and `state` are made when a script asks for them, and changes are looked for only then.
 */
#ifndef TOCSIN_LUA_BRIDGE_RULE_CONTEXT_LUA_H
#define TOCSIN_LUA_BRIDGE_RULE_CONTEXT_LUA_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct lua_State;
struct rule_call;

struct rule_context_lua {
	int table_ref;
	bool has_timers; /**< the rule has on_timer */
	struct rule_call *call;
	bool has_key, has_state; /**< made for this call */
	struct bytes state;      /**< encoded, of the last call that asked for it */
};

/** The context must stay where it is. Inside script_call(): may raise, as all here. */
void rule_context_lua_set_up(struct lua_State *lua, struct rule_context_lua *context,
			     const char *rule, uint32_t version);
void rule_context_lua_deinit(struct rule_context_lua *context);

/** The next call of a function; NULL: it is about no key. */
void rule_context_lua_begin(struct lua_State *lua, struct rule_context_lua *context,
			    struct rule_call *call);
/** It returned: what it changed is in call->memory. */
void rule_context_lua_end(struct lua_State *lua, struct rule_context_lua *context);

#endif
