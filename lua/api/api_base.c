#include "lua/api/api.h"

#include "lua/host/budget.h"
#include "lua/host/library.h"
#include "lua/host/order.h"

#include <lauxlib.h>
#include <lua.h>

/* upvalues: sorted keys, position; stack: table, key */
static int pairs_step(lua_State *lua)
{
	int position = (int)lua_tointeger(lua, lua_upvalueindex(2));

	luaL_checktype(lua, 1, LUA_TTABLE);
	lua_settop(lua, 1);
	for (;;) {
		position++;
		lua_rawgeti(lua, lua_upvalueindex(1), position);
		if (lua_isnil(lua, -1))
			break;
		lua_pushvalue(lua, -1);
		lua_rawget(lua, 1);
		if (!lua_isnil(lua, -1)) /* else: removed since the loop began */
			break;
		lua_settop(lua, 1);
	}
	lua_pushinteger(lua, position);
	lua_replace(lua, lua_upvalueindex(2));
	return lua_gettop(lua) - 1;
}

/* Every walk gets its own list of keys, so entries may be changed or removed during it. */
int l_base_pairs(lua_State *lua)
{
	luaL_checktype(lua, 1, LUA_TTABLE);
	lua_settop(lua, 1);
	order_push_keys(lua, 1);
	lua_pushinteger(lua, 0);
	lua_pushcclosure(lua, pairs_step, 2);
	lua_pushvalue(lua, 1);
	lua_pushnil(lua);
	return 3;
}

/* The least key that is greater than the given one: O(n), but the same in every run. */
int l_base_next(lua_State *lua)
{
	struct order_item after, best, item;
	bool has_after, has_best = false;

	luaL_checktype(lua, 1, LUA_TTABLE);
	lua_settop(lua, 2);
	has_after = !lua_isnil(lua, 2);
	if (has_after && !order_item_read(lua, &after))
		return luaL_error(lua, "next: a %s is not a key with a fixed order",
				  luaL_typename(lua, 2));
	lua_pushnil(lua); /* best key, at 3 */
	lua_pushnil(lua);
	for (unsigned count = 0; lua_next(lua, 1); count++) {
		lua_pop(lua, 1);
		if (!order_item_read(lua, &item))
			return luaL_error(lua, "a table with a %s as key has no fixed order",
					  luaL_typename(lua, -1));
		if (count % 1024 == 1023)
			budget_charge(lua, 1024);
		if (has_after && order_compare(&item, &after) <= 0)
			continue;
		if (has_best && order_compare(&item, &best) >= 0)
			continue;
		best = item;
		has_best = true;
		lua_pushvalue(lua, -1);
		lua_replace(lua, 3);
	}
	lua_settop(lua, 3);
	if (!has_best)
		return 1;
	lua_pushvalue(lua, 3);
	lua_rawget(lua, 1);
	return 2;
}

/* Addresses differ from run to run, and tell where things are: objects print as their type. */
int l_base_tostring(lua_State *lua)
{
	luaL_checkany(lua, 1);
	switch (lua_type(lua, 1)) {
	case LUA_TNUMBER:
	case LUA_TSTRING:
		lua_settop(lua, 1);
		lua_tostring(lua, 1);
		return 1;
	case LUA_TBOOLEAN: lua_pushstring(lua, lua_toboolean(lua, 1) ? "true" : "false"); return 1;
	default: lua_pushstring(lua, luaL_typename(lua, 1)); return 1;
	}
}

int l_base_require(lua_State *lua)
{
	library_push(lua, luaL_checkstring(lua, 1));
	return 1;
}
