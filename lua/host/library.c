#include "lua/host/library.h"

#include "lua/host/sandbox.h"

#include <lauxlib.h>
#include <lua.h>

#include <stdbool.h>
#include <string.h>
#include <xxhash.h>

enum { LEVELS_MAX = 50 };

static const char modules_key, world_key;

/* freeze(table, name, call) */
static int l_library_freeze(lua_State *lua)
{
	const char *name = luaL_checkstring(lua, 2);

	luaL_checktype(lua, 1, LUA_TTABLE);
	lua_settop(lua, 3);
	lua_pushvalue(lua, 1);
	lua_pushvalue(lua, 3);
	sandbox_freeze(lua, name);
	return 1;
}

/* tag(table, tag) -> table */
static int l_library_tag(lua_State *lua)
{
	luaL_checktype(lua, 1, LUA_TTABLE);
	sandbox_tag(lua, 1, luaL_checkstring(lua, 2));
	lua_settop(lua, 1);
	return 1;
}

int library_caller(lua_State *lua, char *file, size_t file_bytes)
{
	lua_Debug info;

	for (int level = 1; level < LEVELS_MAX && lua_getstack(lua, level, &info); level++) {
		lua_getinfo(lua, "Sl", &info);
		if (info.currentline <= 0 || strncmp(info.source, "=tocsin.", 8) == 0)
			continue;
		snprintf(file, file_bytes, "%s", info.short_src);
		return info.currentline;
	}
	return 0;
}

/* raise(message): an error at the place of the script, whatever the library's own depth is. */
static int l_library_raise(lua_State *lua)
{
	const char *message = luaL_checkstring(lua, 1);
	char file[LUA_IDSIZE];
	int line = library_caller(lua, file, sizeof(file));

	if (line > 0)
		lua_pushfstring(lua, "%s:%d: %s", file, line, message);
	return lua_error(lua);
}

static void push_world(lua_State *lua)
{
	lua_pushlightuserdata(lua, (void *)(uintptr_t)&world_key);
	lua_rawget(lua, LUA_REGISTRYINDEX);
}

void library_set_world(lua_State *lua)
{
	lua_pushlightuserdata(lua, (void *)(uintptr_t)&world_key);
	lua_insert(lua, -2);
	lua_rawset(lua, LUA_REGISTRYINDEX);
}

static void push_file(lua_State *lua, const struct library_file *file);
static const struct library_file *find(const char *name);

/* own(name): a module that is for the program alone. */
static int l_library_own(lua_State *lua)
{
	push_file(lua, find(luaL_checkstring(lua, 1)));
	return 1;
}

/* What library modules get as their argument and scripts never see. */
static void push_privileges(lua_State *lua)
{
	lua_createtable(lua, 0, 5);
	lua_pushcfunction(lua, l_library_freeze);
	lua_setfield(lua, -2, "freeze");
	lua_pushcfunction(lua, l_library_tag);
	lua_setfield(lua, -2, "tag");
	lua_pushcfunction(lua, l_library_raise);
	lua_setfield(lua, -2, "raise");
	lua_pushcfunction(lua, l_library_own);
	lua_setfield(lua, -2, "own");
	push_world(lua);
	lua_setfield(lua, -2, "world");
}

static const struct library_file *find(const char *name)
{
	for (const struct library_file *file = library_files; file->name; file++)
		if (strcmp(file->name, name) == 0)
			return file;
	return NULL;
}

static bool is_own(const struct library_file *file)
{
	return strncmp(file->name, "tocsin._", 8) == 0;
}

/* tocsin.test and tocsin.plan_test are for tests alone. */
static bool is_for_scripts(lua_State *lua, const struct library_file *file)
{
	bool has_world;

	if (is_own(file))
		return false;
	if (strcmp(file->name, "tocsin.test") != 0 && strcmp(file->name, "tocsin.plan_test") != 0)
		return true;
	push_world(lua);
	has_world = !lua_isnil(lua, -1);
	lua_pop(lua, 1);
	return has_world;
}

static void push_file(lua_State *lua, const struct library_file *file)
{
	lua_pushlightuserdata(lua, (void *)(uintptr_t)&modules_key);
	lua_rawget(lua, LUA_REGISTRYINDEX);
	if (lua_isnil(lua, -1)) {
		lua_pop(lua, 1);
		lua_newtable(lua);
		lua_pushlightuserdata(lua, (void *)(uintptr_t)&modules_key);
		lua_pushvalue(lua, -2);
		lua_rawset(lua, LUA_REGISTRYINDEX);
	}
	lua_getfield(lua, -1, file->name);
	if (lua_isnil(lua, -1)) {
		lua_pop(lua, 1);
		lua_pushfstring(lua, "=%s", file->name);
		if (luaL_loadbufferx(lua, (const char *)file->text, file->length,
				     lua_tostring(lua, -1), "t") != 0)
			lua_error(lua);
		lua_remove(lua, -2);
		sandbox_enter(lua);
		push_privileges(lua);
		lua_call(lua, 1, 1);
		lua_pushvalue(lua, -1);
		lua_setfield(lua, -3, file->name);
	}
	lua_remove(lua, -2);
}

void library_push_own(lua_State *lua, const char *name)
{
	push_file(lua, find(name));
}

void library_push(lua_State *lua, const char *name)
{
	const struct library_file *file = find(name);
	luaL_Buffer buffer;
	const char *separator = "";

	if (file && is_for_scripts(lua, file)) {
		push_file(lua, file);
		return;
	}
	luaL_buffinit(lua, &buffer);
	for (file = library_files; file->name; file++) {
		if (!is_for_scripts(lua, file))
			continue;
		luaL_addstring(&buffer, separator);
		luaL_addstring(&buffer, file->name);
		separator = ", ";
	}
	luaL_pushresult(&buffer);
	luaL_error(lua, "module '%s' does not exist; allowed: %s", name, lua_tostring(lua, -1));
}

void script_hash(const char *text, size_t length, char out[SCRIPT_HASH_BYTES])
{
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits(text, length));
	for (size_t i = 0; i < sizeof(canonical.digest); i++)
		snprintf(out + 2 * i, 3, "%02x", canonical.digest[i]);
}
