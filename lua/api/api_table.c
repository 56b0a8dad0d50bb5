#include "lua/api/api.h"

#include "lua/host/budget.h"
#include "lua/host/order.h"

#include <lauxlib.h>
#include <lua.h>

/* LuaJIT's own sort is one C call that no hook interrupts when it compares numbers or texts
 * itself. */
static int sort_by_order(lua_State *lua, int count)
{
	struct order_item *items = order_push_items(lua, (size_t)count);

	for (int i = 0; i < count; i++) {
		lua_rawgeti(lua, 1, i + 1);
		if (!order_item_read(lua, &items[i]) || items[i].kind != items[0].kind ||
		    lua_type(lua, -1) == LUA_TBOOLEAN)
			return luaL_error(lua,
					  "table.sort: item %d is a %s; without a function a list "
					  "of numbers or a list of texts can be sorted",
					  i + 1, luaL_typename(lua, -1));
		items[i].index = i + 1;
		lua_pop(lua, 1);
	}
	order_sort(lua, items, items + count, (size_t)count);
	lua_createtable(lua, count, 0);
	for (int i = 0; i < count; i++) {
		lua_rawgeti(lua, 1, items[i].index);
		lua_rawseti(lua, -2, i + 1);
	}
	for (int i = 1; i <= count; i++) {
		lua_rawgeti(lua, -1, i);
		lua_rawseti(lua, 1, i);
	}
	budget_charge(lua, (uint64_t)count);
	return 0;
}

int l_table_sort(lua_State *lua)
{
	luaL_checktype(lua, 1, LUA_TTABLE);
	lua_settop(lua, 2);
	if (lua_isnil(lua, 2))
		return sort_by_order(lua, (int)lua_objlen(lua, 1));
	luaL_checktype(lua, 2, LUA_TFUNCTION);
	if (lua_iscfunction(lua, 2))
		return luaL_error(lua, "table.sort: the comparison must be a Lua function");
	budget_check_stack(lua);
	api_push_original(lua, "table.sort");
	lua_insert(lua, 1);
	lua_call(lua, 2, 0);
	return 0;
}

/* The original moves entries down to any position, so table.insert(t, -2e9, x) would be one C call
 * of billions of steps. */
int l_table_insert(lua_State *lua)
{
	int count = lua_gettop(lua);
	lua_Number length, position;

	luaL_checktype(lua, 1, LUA_TTABLE);
	if (count == 3) {
		length = (lua_Number)lua_objlen(lua, 1);
		position = luaL_checknumber(lua, 2);
		if (!(position >= 1 && position <= length + 1))
			return luaL_error(lua, "table.insert: the position must be from 1 to %d",
					  (int)length + 1);
	}
	api_push_original(lua, "table.insert");
	lua_insert(lua, 1);
	lua_call(lua, count, 0);
	return 0;
}
