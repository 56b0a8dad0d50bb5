/** push_value.h - a value of a reading onto a Lua stack. Integers become numbers, as all are. */
#ifndef TOCSIN_LUA_BRIDGE_PUSH_VALUE_H
#define TOCSIN_LUA_BRIDGE_PUSH_VALUE_H

#include <lua.h>

#include "core/model/value.h"

static inline void push_value(lua_State *lua, const struct value *value)
{
	switch ((enum value_type)value->type) {
	case VALUE_NIL: lua_pushnil(lua); return;
	case VALUE_BOOL: lua_pushboolean(lua, value->as.boolean); return;
	case VALUE_INT: lua_pushnumber(lua, (lua_Number)value->as.integer); return;
	case VALUE_FLOAT: lua_pushnumber(lua, value->as.number); return;
	case VALUE_STRING: lua_pushlstring(lua, value->as.text, value->length); return;
	}
}

#endif
