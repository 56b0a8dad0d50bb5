#include "lua/bridge/rule_state_lua.h"

#include "core/base/varint.h"
#include "core/rule/rule_runner.h"
#include "lua/host/budget.h"
#include "lua/host/order.h"

#include <lauxlib.h>
#include <lua.h>

#include <stdlib.h>
#include <string.h>

/* A number key, an end and a value take more than this many bytes: more entries never fit. */
enum { ENTRIES_MAX = RULE_STATE_BYTES_MAX / 4, ENTRIES_SORTED_SLOWLY = 8 };

static void raise_too_big(lua_State *lua)
{
	luaL_error(lua, "ctx.state has more than %d bytes", RULE_STATE_BYTES_MAX);
}

static void append_number(struct bytes *out, double number)
{
	uint64_t bits;

	/* One encoding: not a number has many bit patterns. */
	if (number != number)
		number = __builtin_nan("");
	memcpy(&bits, &number, sizeof(bits));
	bytes_append_u8(out, RULE_STATE_NUMBER);
	bytes_append_be64(out, bits);
}

static void append_text(lua_State *lua, struct bytes *out, const char *text, size_t length)
{
	char head[VARINT_BYTES_MAX];

	if (length > RULE_STATE_BYTES_MAX)
		raise_too_big(lua);
	bytes_append_u8(out, RULE_STATE_TEXT);
	bytes_append(out, head, (size_t)(varint_put(head, length) - head));
	bytes_append(out, text, length);
}

/** Keys of the table at the top, in order. */
static uint32_t collect_keys(lua_State *lua, struct order_item *items)
{
	uint32_t count = 0;

	lua_pushnil(lua);
	while (lua_next(lua, -2)) {
		struct order_item item;

		lua_pop(lua, 1);
		if (!order_item_read(lua, &item))
			luaL_error(lua,
				   "ctx.state has a %s as a key; keys are texts, numbers and "
				   "booleans",
				   luaL_typename(lua, -1));
		if (count == ENTRIES_MAX)
			raise_too_big(lua);
		items[count++] = item;
	}
	budget_charge(lua, count);
	return count;
}

static int compare_items(const void *a, const void *b)
{
	return order_compare(a, b);
}

static void sort_keys(struct order_item *items, uint32_t count)
{
	if (count > ENTRIES_SORTED_SLOWLY) {
		qsort(items, count, sizeof(*items), compare_items);
		return;
	}
	for (uint32_t i = 1; i < count; i++) {
		struct order_item item = items[i];
		uint32_t at = i;

		for (; at > 0 && order_compare(&items[at - 1], &item) > 0; at--)
			items[at] = items[at - 1];
		items[at] = item;
	}
}

static void encode_table(lua_State *lua, struct bytes *out, int depth);

static void encode_value(lua_State *lua, struct bytes *out, int depth)
{
	size_t length;
	const char *text;

	switch (lua_type(lua, -1)) {
	case LUA_TBOOLEAN:
		bytes_append_u8(out, lua_toboolean(lua, -1) ? RULE_STATE_TRUE : RULE_STATE_FALSE);
		break;
	case LUA_TNUMBER: append_number(out, lua_tonumber(lua, -1)); break;
	case LUA_TSTRING:
		text = lua_tolstring(lua, -1, &length);
		append_text(lua, out, text, length);
		break;
	case LUA_TTABLE: encode_table(lua, out, depth + 1); break;
	default:
		luaL_error(lua,
			   "ctx.state holds a %s; it may hold numbers, texts, booleans and tables "
			   "of these",
			   luaL_typename(lua, -1));
	}
	if (out->length > RULE_STATE_BYTES_MAX)
		raise_too_big(lua);
}

/** Texts are anchored in the table, so the items may point to them. */
static void encode_table(lua_State *lua, struct bytes *out, int depth)
{
	struct order_item items[ENTRIES_MAX];
	uint32_t count;

	if (depth > RULE_STATE_DEPTH_MAX)
		luaL_error(lua, "ctx.state has tables within tables deeper than %d",
			   RULE_STATE_DEPTH_MAX);
	luaL_checkstack(lua, 4, "too many tables");
	count = collect_keys(lua, items);
	sort_keys(items, count);
	bytes_append_u8(out, RULE_STATE_TABLE);
	for (uint32_t i = 0; i < count; i++) {
		/* Keys are numbers, texts or booleans, and written as values are. */
		order_item_push(lua, &items[i]);
		encode_value(lua, out, depth);
		lua_rawget(lua, -2);
		encode_value(lua, out, depth);
		lua_pop(lua, 1);
	}
	bytes_append_u8(out, RULE_STATE_END);
}

void rule_state_encode(lua_State *lua, struct bytes *out)
{
	size_t before = out->length;

	encode_table(lua, out, 1);
	if (out->length == before + 2)
		out->length = before;
}

static void raise_damaged(lua_State *lua)
{
	luaL_error(lua, "the stored state is damaged");
}

static void push_item(lua_State *lua, struct byte_reader *reader, uint8_t tag, int depth)
{
	struct slice text;
	uint64_t bits;
	double number;

	if (reader->has_failed || depth > RULE_STATE_DEPTH_MAX + 1)
		raise_damaged(lua);
	switch (tag) {
	case RULE_STATE_FALSE:
	case RULE_STATE_TRUE: lua_pushboolean(lua, tag == RULE_STATE_TRUE); return;
	case RULE_STATE_NUMBER:
		bits = byte_reader_be64(reader);
		memcpy(&number, &bits, sizeof(number));
		lua_pushnumber(lua, number);
		return;
	case RULE_STATE_TEXT:
		text = byte_reader_bytes(reader, (size_t)varint_read(reader));
		lua_pushlstring(lua, text.data != NULL ? text.data : "", text.length);
		return;
	case RULE_STATE_TABLE: break;
	default: raise_damaged(lua);
	}
	luaL_checkstack(lua, 4, "too many tables");
	lua_newtable(lua);
	while ((tag = byte_reader_u8(reader)) != RULE_STATE_END) {
		push_item(lua, reader, tag, depth + 1);
		push_item(lua, reader, byte_reader_u8(reader), depth + 1);
		lua_rawset(lua, -3);
	}
	/* A reader that has failed reads zeros: they look like the end. */
	if (reader->has_failed)
		raise_damaged(lua);
}

void rule_state_push(lua_State *lua, struct slice state)
{
	struct byte_reader reader = byte_reader_of(state);

	if (state.length == 0) {
		lua_newtable(lua);
		return;
	}
	if (byte_reader_u8(&reader) != RULE_STATE_TABLE)
		raise_damaged(lua);
	push_item(lua, &reader, RULE_STATE_TABLE, 1);
	if (reader.left > 0)
		raise_damaged(lua);
}
