/** api.h - every name a script may use, in one table: the sandbox is built from it, and so are the
 *  editor stubs in lua/meta/, luacheck's standard and docs/reference.md (`make reference`).
 *
 *  To add a call: one row in api.c, one test, `make reference`.
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
	/* of API_OWN and API_LIBRARY, in the words of lua-language-server, a line each */
	const char *parameters; /**< "id string names the step\nopts? table" */
	const char *returns;    /**< "string text\nnil|string why" */
	const char *help;       /**< sentences */
};

extern const struct api_row api_rows[]; /**< ends with name NULL */

/** What a script is given or gives back. */
struct api_class {
	const char *module; /**< stub file that has it: "rule", "plan" */
	const char *name;   /**< "tocsin.Window" */
	const char *help;
	const char *fields; /**< "count number matching readings", a line each */
};

extern const struct api_class api_classes[]; /**< ends with name NULL */

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
