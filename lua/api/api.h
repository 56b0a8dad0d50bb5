/** api.h - every name a script may use, in one table: the sandbox is built from it, the editor
 *  stubs in lua/meta/ are checked against it (tests/unit/lua/api/test_meta.c).
 *
 *  To add a call: one row in api.c, one documented stub in lua/meta/, one test.
 */
#ifndef TOCSIN_LUA_API_API_H
#define TOCSIN_LUA_API_API_H

struct lua_State;

enum api_kind {
	API_STANDARD, /**< LuaJIT's own function */
	API_OWN,      /**< replaced by ours: bounded or deterministic */
	API_VALUE,    /**< a constant of LuaJIT's own library */
	API_LIBRARY,  /**< written in lua/lib/ */
};

struct api_row {
	const char *name; /**< "pairs", "string.find", "rule.count", "ctx:step" */
	unsigned phases;  /**< enum script_phase: where a call makes sense */
	enum api_kind kind;
	const char *cost;
	int (*function)(struct lua_State *lua); /**< of API_OWN */
};

extern const struct api_row api_rows[]; /**< ends with name NULL */

int l_base_next(struct lua_State *lua);
int l_base_pairs(struct lua_State *lua);
int l_base_require(struct lua_State *lua);
int l_base_tostring(struct lua_State *lua);
int l_string_find(struct lua_State *lua);
int l_string_format(struct lua_State *lua);
int l_string_gmatch(struct lua_State *lua);
int l_string_gsub(struct lua_State *lua);
int l_string_match(struct lua_State *lua);
int l_string_rep(struct lua_State *lua);
int l_table_insert(struct lua_State *lua);
int l_table_sort(struct lua_State *lua);

/** The original of a replaced function, for a bounded wrapper. Pushes it. */
void api_push_original(struct lua_State *lua, const char *name);

#endif
