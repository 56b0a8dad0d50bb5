/** sandbox.h - what a script can see: an allow-list, frozen.
 *
 *  The list is the table of lua/api/api.c. Scripts run with an environment they can read and not
 *  write; the tables in it (string, table, math) are read-only as well, and no metatable is
 *  reachable.
 *  Functions here may raise: call them under script_call() or lua_cpcall() only.
 */
#ifndef TOCSIN_LUA_HOST_SANDBOX_H
#define TOCSIN_LUA_HOST_SANDBOX_H

struct lua_State;

enum { SANDBOX_PCALLS_MAX = 200 /**< nested in each other */ };

/** Once per state. */
void sandbox_install(struct lua_State *lua);

/** Gives the function on top of the stack the environment of scripts. */
void sandbox_enter(struct lua_State *lua);

/** stack: table, [call function or nil] -> read-only stand-in. Reading an unknown name raises and
 *  lists
 *  the known ones when `name` is not NULL; otherwise it is nil. */
void sandbox_freeze(struct lua_State *lua, const char *name);

/** Kinds of tables that the library makes ("count" … "plan", "list"): a mark that scripts cannot
 *  see or
 *  forge. stack: table -> unchanged. */
void sandbox_tag(struct lua_State *lua, int index, const char *tag);
/** Text borrowed until the table dies, or NULL. */
const char *sandbox_tag_of(struct lua_State *lua, int index);

#endif
