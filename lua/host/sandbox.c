#include "lua/host/sandbox.h"

#include "core/base/require.h"
#include "lua/api/api.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Registry slots are keyed by the addresses of these. */
static const char environment_key, originals_key, tags_key;

static void registry_get(lua_State *lua, const char *key)
{
	lua_pushlightuserdata(lua, (void *)(uintptr_t)key);
	lua_rawget(lua, LUA_REGISTRYINDEX);
}

/* stack: value -> */
static void registry_set(lua_State *lua, const char *key)
{
	lua_pushlightuserdata(lua, (void *)(uintptr_t)key);
	lua_insert(lua, -2);
	lua_rawset(lua, LUA_REGISTRYINDEX);
}

/* upvalue: name or nil */
static int refuse_write(lua_State *lua)
{
	const char *key = lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : "?";
	const char *name = lua_tostring(lua, lua_upvalueindex(1));

	if (name)
		return luaL_error(lua, "%s.%s cannot be assigned: %s is read-only", name, key,
				  name);
	return luaL_error(lua, "'%s' cannot be assigned: use a local variable", key);
}

/* upvalues: name, sorted list of known names */
static int refuse_unknown(lua_State *lua)
{
	const char *key = lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : "?";

	return luaL_error(lua, "%s.%s does not exist; allowed: %s",
			  lua_tostring(lua, lua_upvalueindex(1)), key,
			  lua_tostring(lua, lua_upvalueindex(2)));
}

/* stack: table -> table, "rule.count, rule.field" */
static void push_known_names(lua_State *lua, const char *name)
{
	int base = lua_gettop(lua);
	const char *last = "";
	luaL_Buffer buffer;

	luaL_buffinit(lua, &buffer);
	/* A handful of names: picking the next greater one each time needs no storage. */
	for (bool is_first = true;; is_first = false) {
		const char *best = NULL;

		lua_pushnil(lua);
		while (lua_next(lua, base)) {
			const char *key = lua_tostring(lua, -2);

			lua_pop(lua, 1);
			if (strcmp(key, last) > 0 && (!best || strcmp(key, best) < 0))
				best = key;
		}
		if (!best)
			break;
		if (!is_first)
			luaL_addstring(&buffer, ", ");
		luaL_addstring(&buffer, name);
		luaL_addchar(&buffer, '.');
		luaL_addstring(&buffer, best);
		last = best;
	}
	luaL_pushresult(&buffer);
}

void sandbox_freeze(lua_State *lua, const char *name)
{
	/* stack: table, call */
	if (name) {
		lua_newtable(lua);
		lua_pushstring(lua, name);
		lua_pushvalue(lua, -4);
		push_known_names(lua, name);
		lua_remove(lua, -2);
		lua_pushcclosure(lua, refuse_unknown, 2);
		lua_setfield(lua, -2, "__index");
		lua_setmetatable(lua, -3);
	}
	lua_newtable(lua);
	lua_newtable(lua); /* stack: table, call, proxy, metatable */
	lua_pushvalue(lua, -4);
	lua_setfield(lua, -2, "__index");
	if (name)
		lua_pushstring(lua, name);
	else
		lua_pushnil(lua);
	lua_pushcclosure(lua, refuse_write, 1);
	lua_setfield(lua, -2, "__newindex");
	lua_pushboolean(lua, 0);
	lua_setfield(lua, -2, "__metatable");
	lua_pushvalue(lua, -3);
	lua_setfield(lua, -2, "__call");
	lua_setmetatable(lua, -2);
	lua_replace(lua, -3);
	lua_pop(lua, 1);
}

static void open_library(lua_State *lua, lua_CFunction open, const char *name)
{
	lua_pushcfunction(lua, open);
	lua_pushstring(lua, name);
	lua_call(lua, 1, 0);
}

/* Pushes what LuaJIT itself has under "string.find" or "pairs". */
static void push_standard(lua_State *lua, const char *name)
{
	const char *dot = strchr(name, '.');

	if (!dot) {
		lua_getfield(lua, LUA_GLOBALSINDEX, name);
		return;
	}
	if (strcmp(name, "table.unpack") == 0) { /* its place in Lua 5.2 and later */
		lua_getfield(lua, LUA_GLOBALSINDEX, "unpack");
		return;
	}
	lua_pushlstring(lua, name, (size_t)(dot - name));
	lua_gettable(lua, LUA_GLOBALSINDEX);
	lua_getfield(lua, -1, dot + 1);
	lua_remove(lua, -2);
}

/* stack: environment, originals, value -> environment, originals */
static void put(lua_State *lua, int environment, const char *name)
{
	const char *dot = strchr(name, '.');

	if (!dot) {
		lua_setfield(lua, environment, name);
		return;
	}
	lua_pushlstring(lua, name, (size_t)(dot - name));
	lua_rawget(lua, environment);
	if (lua_isnil(lua, -1)) {
		lua_pop(lua, 1);
		lua_newtable(lua);
		lua_pushlstring(lua, name, (size_t)(dot - name));
		lua_pushvalue(lua, -2);
		lua_rawset(lua, environment);
	}
	lua_insert(lua, -2);
	lua_setfield(lua, -2, dot + 1);
	lua_pop(lua, 1);
}

static void clear_globals(lua_State *lua)
{
	lua_pushnil(lua);
	while (lua_next(lua, LUA_GLOBALSINDEX)) {
		lua_pop(lua, 1);
		lua_pushvalue(lua, -1);
		lua_pushnil(lua);
		lua_rawset(lua, LUA_GLOBALSINDEX);
	}
	lua_pushnil(lua);
	lua_setfield(lua, LUA_REGISTRYINDEX, "_LOADED");
}

/* Methods of texts, ("x"):rep(3), come from our table; the metatable itself stays out of reach. */
static void bind_string_methods(lua_State *lua, int environment)
{
	lua_pushliteral(lua, "");
	lua_newtable(lua);
	lua_getfield(lua, environment, "string");
	lua_setfield(lua, -2, "__index");
	lua_pushboolean(lua, 0);
	lua_setfield(lua, -2, "__metatable");
	lua_setmetatable(lua, -2);
	lua_pop(lua, 1);
}

static void freeze_field(lua_State *lua, int environment, const char *name)
{
	lua_getfield(lua, environment, name);
	lua_pushnil(lua);
	sandbox_freeze(lua, NULL);
	lua_setfield(lua, environment, name);
}

static int l_running(lua_State *lua)
{
	lua_pushthread(lua);
	return 1;
}

/*
 *  pcall with a limit of its depth. Without one a script can stand in 16,000 of them, and unwinding
 *  those after its budget is spent takes longer than the budget did (measured: 30-60 ms; with the
 *  limit it is lost in the noise). In Lua and not in C, so that a plan may yield across it. Counted
 *  for each coroutine: a branch of a plan may be given up inside one, and the others do not count.
 */
static void bound_pcall(lua_State *lua, int environment)
{
	static const char text[] = "local pcall, error, max, running, depths = ...\n"
				   "local function leave(thread, ...)\n"
				   "  depths[thread] = depths[thread] - 1\n"
				   "  return ...\n"
				   "end\n"
				   "return function(f, ...)\n"
				   "  local thread = running()\n"
				   "  local depth = depths[thread] or 0\n"
				   "  if depth == max then\n"
				   "    error('pcall is nested deeper than ' .. max, 0)\n"
				   "  end\n"
				   "  depths[thread] = depth + 1\n"
				   "  return leave(thread, pcall(f, ...))\n"
				   "end\n";

	REQUIRE(luaL_loadbuffer(lua, text, sizeof(text) - 1, "=tocsin._pcall") == 0);
	push_standard(lua, "pcall");
	push_standard(lua, "error");
	lua_pushinteger(lua, SANDBOX_PCALLS_MAX);
	lua_pushcfunction(lua, l_running);
	lua_newtable(lua);
	lua_newtable(lua);
	lua_pushliteral(lua, "k"); /* a coroutine that is gone leaves no count behind */
	lua_setfield(lua, -2, "__mode");
	lua_setmetatable(lua, -2);
	lua_call(lua, 5, 1);
	put(lua, environment, "pcall");
}

void sandbox_install(lua_State *lua)
{
	int environment, originals;

	open_library(lua, luaopen_base, "");
	open_library(lua, luaopen_table, LUA_TABLIBNAME);
	open_library(lua, luaopen_string, LUA_STRLIBNAME);
	open_library(lua, luaopen_math, LUA_MATHLIBNAME);
	lua_newtable(lua);
	environment = lua_gettop(lua);
	lua_newtable(lua);
	originals = lua_gettop(lua);
	for (const struct api_row *row = api_rows; row->name; row++) {
		if (row->kind == API_LIBRARY)
			continue;
		push_standard(lua, row->name);
		if (row->kind == API_OWN) {
			lua_setfield(lua, originals, row->name);
			lua_pushcfunction(lua, row->function);
		}
		REQUIRE(!lua_isnil(lua, -1));
		put(lua, environment, row->name);
	}
	bound_pcall(lua, environment);
	clear_globals(lua);
	bind_string_methods(lua, environment);
	freeze_field(lua, environment, "string");
	freeze_field(lua, environment, "table");
	freeze_field(lua, environment, "math");
	registry_set(lua, &originals_key);
	lua_pushnil(lua);
	sandbox_freeze(lua, NULL);
	registry_set(lua, &environment_key);

	lua_newtable(lua);
	lua_newtable(lua);
	lua_pushliteral(lua, "k");
	lua_setfield(lua, -2, "__mode");
	lua_setmetatable(lua, -2);
	registry_set(lua, &tags_key);
}

void sandbox_enter(lua_State *lua)
{
	registry_get(lua, &environment_key);
	lua_setfenv(lua, -2);
}

void api_push_original(lua_State *lua, const char *name)
{
	registry_get(lua, &originals_key);
	lua_getfield(lua, -1, name);
	lua_remove(lua, -2);
}

void sandbox_tag(lua_State *lua, int index, const char *tag)
{
	index = index < 0 ? lua_gettop(lua) + index + 1 : index;
	registry_get(lua, &tags_key);
	lua_pushvalue(lua, index);
	lua_pushstring(lua, tag);
	lua_rawset(lua, -3);
	lua_pop(lua, 1);
}

const char *sandbox_tag_of(lua_State *lua, int index)
{
	const char *tag;

	index = index < 0 ? lua_gettop(lua) + index + 1 : index;
	registry_get(lua, &tags_key);
	lua_pushvalue(lua, index);
	lua_rawget(lua, -2);
	tag = lua_tostring(lua, -1);
	lua_pop(lua, 2);
	return tag;
}
