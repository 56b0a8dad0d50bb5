/** verdict.h - checks what on_window returned. May raise (memory); the caller clears `out` then. */
#ifndef TOCSIN_LUA_BRIDGE_VERDICT_H
#define TOCSIN_LUA_BRIDGE_VERDICT_H

struct err_note;
struct lua_State;
struct rule_verdict;

/** Results start at `first`. ERR_INVALID with a sentence that says what is allowed. */
int verdict_read(struct lua_State *lua, int first, struct rule_verdict *out, struct err_note *why);

#endif
