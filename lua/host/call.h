/** call.h - the one door into scripts. No other file runs a script's code in protected mode.
 *
 *  `push` and `take` run inside the protection and the budget as well, so they may raise: they must
 *  hold no C resource while they do.
 */
#ifndef TOCSIN_LUA_HOST_CALL_H
#define TOCSIN_LUA_HOST_CALL_H

#include <stdbool.h>

#include "lua/host/budget.h"

struct err_note;
struct lua_State;
struct script_state;

struct script_call {
	struct script_state *state;
	const char *function; /**< "on_window", for messages */
	/** Pushes the function and its arguments (a coroutine that goes on: its answers only). */
	void (*push)(struct lua_State *lua, void *arg);
	/** Reads the results, which start at `first`. A bad result is ERR_INVALID with a note;
	 * NULL: ignored. */
	int (*take)(struct lua_State *lua, int first, void *arg, struct err_note *why);
	void *arg;
	bool has_plain_note; /**< the note is the reason alone, without script and function */
	/** Not NULL: a coroutine to resume instead; `*has_yielded` tells how it came back. */
	struct lua_State *thread;
	bool *has_yielded;
};

/** On any end but SCRIPT_DONE the note names script, function, place and reason. */
enum script_end script_call(const struct script_call *call, struct err_note *why);

/** 0, ERR_SCRIPT, ERR_BUDGET, ERR_MEMORY, ERR_INVALID. */
int script_end_code(enum script_end end);

#endif
