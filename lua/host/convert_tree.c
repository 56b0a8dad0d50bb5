#include "lua/host/convert.h"

#include "core/base/err.h"
#include "core/base/require.h"
#include "core/config/tree.h"
#include "lua/host/key_lines.h"
#include "lua/host/order.h"

#include <lauxlib.h>
#include <lua.h>

struct walk {
	lua_State *lua;
	struct arena *arena;
	const struct key_lines *lines;
	char path[KEY_PATH_BYTES_MAX];
	size_t path_length;
	int node_count;
	int depth;
	int fault_line;
	struct err_note *why;
};

static int read_value(struct walk *walk, int line, struct tree **out);

static int fault(struct walk *walk, int line, const char *text)
{
	walk->fault_line = line;
	return err_set(walk->why, ERR_INVALID, "%s", text);
}

/* Reads the value on top of the stack as the child under `part`. */
static int read_child(struct walk *walk, const char *part, int line, struct tree **out)
{
	size_t length = walk->path_length;
	int child_line = 0, code;

	walk->path_length = key_path_append(walk->path, length, part);
	if (walk->lines)
		child_line = key_lines_find(walk->lines, walk->path);
	code = read_value(walk, child_line > 0 ? child_line : line, out);
	walk->path_length = length;
	walk->path[length] = '\0';
	return code;
}

static int read_list(struct walk *walk, int count, struct tree *list)
{
	for (int i = 1; i <= count; i++) {
		struct tree *child;
		char part[16];
		int code;

		snprintf(part, sizeof(part), "%d", i);
		lua_rawgeti(walk->lua, -1, i);
		code = read_child(walk, part, list->line, &child);
		lua_pop(walk->lua, 1);
		if (code != 0)
			return code;
		tree_add(list, child);
	}
	return 0;
}

/* Entries keep the order of their lines; those of one line the order of their names. */
static void add_by_line(struct tree **entries, size_t count, struct tree *map)
{
	for (size_t i = 1; i < count; i++) {
		struct tree *entry = entries[i];
		size_t at = i;

		for (; at > 0 && entries[at - 1]->line > entry->line; at--)
			entries[at] = entries[at - 1];
		entries[at] = entry;
	}
	for (size_t i = 0; i < count; i++)
		tree_add(map, entries[i]);
}

static int read_map(struct walk *walk, size_t count, struct tree *map)
{
	struct tree **entries = arena_alloc(walk->arena, (count + 1) * sizeof(struct tree *));
	int keys = lua_gettop(walk->lua); /* stack: table, keys */

	for (size_t i = 0; i < count; i++) {
		const char *key;
		int code;

		lua_rawgeti(walk->lua, keys, (int)i + 1);
		key = lua_tostring(walk->lua, -1);
		lua_rawget(walk->lua, keys - 1);
		code = read_child(walk, key, map->line, &entries[i]);
		lua_pop(walk->lua, 1);
		if (code != 0)
			return code;
		lua_rawgeti(walk->lua, keys, (int)i + 1);
		entries[i]->key = arena_copy_text(walk->arena, lua_tostring(walk->lua, -1));
		lua_pop(walk->lua, 1);
	}
	add_by_line(entries, count, map);
	return 0;
}

/* stack: table -> table. Keys come sorted: numbers first, then texts. */
static int read_table(struct walk *walk, int line, struct tree **out)
{
	lua_State *lua = walk->lua;
	size_t count, numbers = 0;
	int code;

	if (walk->depth == TREE_DEPTH_MAX)
		return fault(walk, line, "tables are nested too deeply (16 levels are allowed)");
	count = order_push_keys(lua, -1);
	if (count > TREE_NODES_MAX)
		return fault(walk, line, "a table has too many entries (20000 are allowed)");
	for (size_t i = 1; i <= count; i++) {
		int type;

		lua_rawgeti(lua, -1, (int)i);
		type = lua_type(lua, -1);
		if (type == LUA_TNUMBER && lua_tonumber(lua, -1) == (lua_Number)i)
			numbers++;
		else if (type != LUA_TSTRING || numbers > 0)
			return fault(walk, line,
				     "a table must be either a list (1, 2, 3 … without a gap) or "
				     "entries with names, not both");
		lua_pop(lua, 1);
	}
	walk->depth++;
	*out = tree_new(walk->arena, numbers > 0 ? TREE_LIST : TREE_MAP, line);
	if (numbers > 0) {
		lua_pop(lua, 1);
		code = read_list(walk, (int)count, *out);
	} else {
		code = read_map(walk, count, *out);
		lua_settop(lua, lua_gettop(lua) - (code == 0));
	}
	walk->depth--;
	return code;
}

static int read_value(struct walk *walk, int line, struct tree **out)
{
	lua_State *lua = walk->lua;
	size_t length;

	luaL_checkstack(lua, 8, "too many nested tables");
	if (++walk->node_count > TREE_NODES_MAX)
		return fault(walk, line, "the file has too many entries (20000 are allowed)");
	switch (lua_type(lua, -1)) {
	case LUA_TTABLE: return read_table(walk, line, out);
	case LUA_TBOOLEAN:
		*out = tree_new(walk->arena, TREE_BOOL, line);
		(*out)->boolean = lua_toboolean(lua, -1);
		return 0;
	case LUA_TNUMBER:
		*out = tree_new(walk->arena, TREE_NUMBER, line);
		(*out)->number = lua_tonumber(lua, -1);
		return 0;
	case LUA_TSTRING:
		*out = tree_new(walk->arena, TREE_STRING, line);
		(*out)->text = arena_copy(walk->arena, lua_tolstring(lua, -1, &length),
					  lua_objlen(lua, -1));
		(*out)->text_length = (uint32_t)length;
		if (memchr((*out)->text, '\0', length))
			return fault(walk, line, "a text must not contain the byte 0");
		return 0;
	case LUA_TFUNCTION: *out = tree_new(walk->arena, TREE_FUNCTION, line); return 0;
	case LUA_TNIL: *out = tree_new(walk->arena, TREE_NIL, line); return 0;
	default: return fault(walk, line, "only plain values, tables and functions are allowed");
	}
}

int convert_to_tree(lua_State *lua, int index, struct arena *arena, const struct key_lines *lines,
		    int line, struct tree **out, int *fault_line, struct err_note *why)
{
	struct walk walk = {.lua = lua, .arena = arena, .lines = lines, .why = why};
	int top = lua_gettop(lua), code;

	lua_pushvalue(lua, index);
	code = read_value(&walk, line, out);
	lua_settop(lua, top);
	*fault_line = walk.fault_line;
	return code;
}
