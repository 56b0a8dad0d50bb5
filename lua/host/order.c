#include "lua/host/order.h"

#include "lua/host/state.h"

#include <lauxlib.h>
#include <lua.h>

#include <string.h>

enum { KIND_NUMBER, KIND_STRING, KIND_FALSE, KIND_TRUE };
enum { CHARGE_EVERY = 1024 };

bool order_item_read(lua_State *lua, struct order_item *out)
{
	size_t length;

	memset(out, 0, sizeof(*out));
	switch (lua_type(lua, -1)) {
	case LUA_TNUMBER:
		out->kind = KIND_NUMBER;
		out->as.number = lua_tonumber(lua, -1);
		return out->as.number == out->as.number;
	case LUA_TSTRING:
		out->kind = KIND_STRING;
		out->as.text = lua_tolstring(lua, -1, &length);
		out->length = (uint32_t)length;
		return 1;
	case LUA_TBOOLEAN: out->kind = lua_toboolean(lua, -1) ? KIND_TRUE : KIND_FALSE; return 1;
	default: return 0;
	}
}

void order_item_push(lua_State *lua, const struct order_item *item)
{
	if (item->kind == KIND_NUMBER)
		lua_pushnumber(lua, item->as.number);
	else if (item->kind == KIND_STRING)
		lua_pushlstring(lua, item->as.text, item->length);
	else
		lua_pushboolean(lua, item->kind == KIND_TRUE);
}

int order_compare(const struct order_item *a, const struct order_item *b)
{
	int order;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->kind == KIND_NUMBER)
		return a->as.number < b->as.number ? -1 : a->as.number > b->as.number;
	if (a->kind != KIND_STRING)
		return 0;
	order = memcmp(a->as.text, b->as.text, a->length < b->length ? a->length : b->length);
	if (order != 0)
		return order;
	return a->length < b->length ? -1 : a->length > b->length;
}

struct order_item *order_push_items(lua_State *lua, size_t count)
{
	const struct script_state *state = script_state_of(lua);
	size_t bytes = 2 * (count + 1) * sizeof(struct order_item);

	if (bytes >= BUDGET_BIG_BLOCK_BYTES &&
	    bytes + bytes / 2 > state->limits.memory_bytes - state->used_bytes)
		lua_gc(lua, LUA_GCCOLLECT, 0);
	return lua_newuserdata(lua, bytes);
}

static void merge(const struct order_item *from, struct order_item *to, size_t start, size_t middle,
		  size_t end)
{
	size_t left = start, right = middle;

	for (size_t i = start; i < end; i++) {
		bool takes_left = left < middle &&
				  (right >= end || order_compare(&from[left], &from[right]) <= 0);

		to[i] = takes_left ? from[left++] : from[right++];
	}
}

void order_sort(lua_State *lua, struct order_item *items, struct order_item *scratch, size_t count)
{
	struct order_item *from = items, *to = scratch;

	for (size_t width = 1; width < count; width *= 2) {
		size_t uncharged = 0;

		for (size_t start = 0; start < count; start += 2 * width) {
			size_t middle = start + width < count ? start + width : count;
			size_t end = start + 2 * width < count ? start + 2 * width : count;

			merge(from, to, start, middle, end);
			uncharged += end - start;
			if (uncharged >= CHARGE_EVERY || end == count) {
				budget_charge(lua, uncharged * 2);
				uncharged = 0;
			}
		}
		struct order_item *swap = from;

		from = to;
		to = swap;
	}
	if (from != items)
		memcpy(items, from, count * sizeof(*items));
}

size_t order_push_keys(lua_State *lua, int index)
{
	struct order_item *items;
	size_t count = 0, capacity = 16;
	int top;

	index = index < 0 ? lua_gettop(lua) + index + 1 : index;
	luaL_checkstack(lua, 8, "too many nested tables");
	/* The first walk collects and counts; the keys stay anchored in `unsorted` (at top + 1). */
	top = lua_gettop(lua);
	lua_createtable(lua, (int)capacity, 0);
	lua_pushnil(lua);
	while (lua_next(lua, index)) {
		lua_pop(lua, 1);
		lua_pushvalue(lua, -1);
		lua_rawseti(lua, top + 1, (int)++count);
	}
	budget_charge(lua, count);
	items = order_push_items(lua, count);
	for (size_t i = 0; i < count; i++) {
		lua_rawgeti(lua, top + 1, (int)i + 1);
		if (!order_item_read(lua, &items[i]))
			luaL_error(lua, "a table with a %s as key has no fixed order",
				   luaL_typename(lua, -1));
		items[i].index = (int)i + 1;
		lua_pop(lua, 1);
	}
	order_sort(lua, items, items + count, count);
	lua_createtable(lua, (int)count, 0); /* stack: unsorted, items, sorted */
	for (size_t i = 0; i < count; i++) {
		lua_rawgeti(lua, top + 1, items[i].index);
		lua_rawseti(lua, -2, (int)i + 1);
	}
	lua_replace(lua, top + 1);
	lua_settop(lua, top + 1);
	return count;
}
