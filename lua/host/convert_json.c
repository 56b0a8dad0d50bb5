#include "lua/host/convert.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/number.h"
#include "core/base/utf8.h"
#include "lua/host/order.h"
#include "lua/host/sandbox.h"

#include <lauxlib.h>
#include <lua.h>

#include <math.h>

static int append_value(lua_State *lua, int depth, struct bytes *out, struct err_note *why);

static int append_number(double number, struct bytes *out, struct err_note *why)
{
	char text[NUMBER_TEXT_BYTES_MAX];

	if (!isfinite(number))
		return err_set(why, ERR_INVALID, "a number is infinite or not a number");
	number_format(number, text);
	bytes_append_text(out, text);
	return 0;
}

static int append_list(lua_State *lua, size_t count, int depth, struct bytes *out,
		       struct err_note *why)
{
	bytes_append_char(out, '[');
	for (size_t i = 1; i <= count; i++) {
		int code;

		if (i > 1)
			bytes_append_char(out, ',');
		lua_rawgeti(lua, -1, (int)i);
		code = append_value(lua, depth, out, why);
		lua_pop(lua, 1);
		if (code != 0) {
			err_prefix(why, "[%zu]", i);
			return code;
		}
	}
	bytes_append_char(out, ']');
	return 0;
}

/* stack: table, keys */
static int append_map(lua_State *lua, size_t count, int depth, struct bytes *out,
		      struct err_note *why)
{
	bytes_append_char(out, '{');
	for (size_t i = 1; i <= count; i++) {
		size_t length;
		const char *key;
		int code;

		if (i > 1)
			bytes_append_char(out, ',');
		lua_rawgeti(lua, -1, (int)i);
		key = lua_tolstring(lua, -1, &length);
		utf8_append_json(out, (struct slice){key, length});
		bytes_append_char(out, ':');
		lua_pushvalue(lua, -1);
		lua_rawget(lua, -4); /* stack: table, keys, key, value */
		code = append_value(lua, depth, out, why);
		if (code != 0)
			err_prefix(why, "%s", key);
		lua_pop(lua, 2);
		if (code != 0)
			return code;
	}
	bytes_append_char(out, '}');
	return 0;
}

/* stack: table, with its sorted keys above. -1: neither a list nor a map. */
static long count_list_keys(lua_State *lua, size_t count)
{
	long numbers = 0;

	for (size_t i = 1; i <= count; i++) {
		int type;
		lua_Number number;

		lua_rawgeti(lua, -1, (int)i);
		type = lua_type(lua, -1);
		number = type == LUA_TNUMBER ? lua_tonumber(lua, -1) : 0;
		lua_pop(lua, 1);
		if (type == LUA_TNUMBER && number == (lua_Number)i)
			numbers++;
		else if (type != LUA_TSTRING || numbers > 0)
			return -1;
	}
	return numbers;
}

static int append_table(lua_State *lua, int depth, struct bytes *out, struct err_note *why)
{
	const char *tag = sandbox_tag_of(lua, -1);
	size_t count;
	long numbers;
	int code;

	if (depth == JSON_DEPTH_MAX)
		return err_set(why, ERR_RANGE, "tables are nested more than %d deep",
			       JSON_DEPTH_MAX);
	count = order_push_keys(lua, -1);
	numbers = count_list_keys(lua, count);
	if (numbers < 0) {
		lua_pop(lua, 1);
		return err_set(why, ERR_INVALID,
			       "a table must be either a list or entries with names, not both");
	}
	if (numbers > 0 || (count == 0 && tag && strcmp(tag, "list") == 0)) {
		lua_pop(lua, 1);
		return append_list(lua, count, depth + 1, out, why);
	}
	code = append_map(lua, count, depth + 1, out, why);
	lua_pop(lua, 1);
	return code;
}

static int append_value(lua_State *lua, int depth, struct bytes *out, struct err_note *why)
{
	size_t length;
	const char *text;

	luaL_checkstack(lua, 8, "too many nested tables");
	if (out->length > JSON_BYTES_MAX)
		return err_set(why, ERR_RANGE, "the value is longer than %d bytes as JSON",
			       JSON_BYTES_MAX);
	switch (lua_type(lua, -1)) {
	case LUA_TNIL: bytes_append_text(out, "null"); return 0;
	case LUA_TBOOLEAN:
		bytes_append_text(out, lua_toboolean(lua, -1) ? "true" : "false");
		return 0;
	case LUA_TNUMBER: return append_number(lua_tonumber(lua, -1), out, why);
	case LUA_TSTRING:
		text = lua_tolstring(lua, -1, &length);
		if (length > JSON_BYTES_MAX)
			return err_set(why, ERR_RANGE, "a text is longer than %d bytes",
				       JSON_BYTES_MAX);
		utf8_append_json(out, (struct slice){text, length});
		return 0;
	case LUA_TTABLE: return append_table(lua, depth, out, why);
	default:
		return err_set(why, ERR_INVALID, "a %s cannot be written as JSON",
			       luaL_typename(lua, -1));
	}
}

int convert_to_json(lua_State *lua, int index, struct bytes *out, struct err_note *why)
{
	int top = lua_gettop(lua), code;

	lua_pushvalue(lua, index);
	code = append_value(lua, 0, out, why);
	lua_settop(lua, top);
	return code;
}

void convert_push_json(lua_State *lua, const json_t *json)
{
	const char *key;
	json_t *item;
	size_t index;

	luaL_checkstack(lua, 8, "too many nested values");
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		lua_createtable(lua, 0, (int)json_object_size(json));
		json_object_foreach((json_t *)(uintptr_t)json, key, item)
		{
			convert_push_json(lua, item);
			lua_setfield(lua, -2, key);
		}
		return;
	case JSON_ARRAY:
		lua_createtable(lua, (int)json_array_size(json), 0);
		if (json_array_size(json) == 0)
			sandbox_tag(lua, -1, "list");
		json_array_foreach(json, index, item)
		{
			convert_push_json(lua, item);
			if (lua_isnil(lua, -1)) {
				lua_pop(lua, 1);
				lua_pushboolean(lua, 0);
			}
			lua_rawseti(lua, -2, (int)index + 1);
		}
		return;
	case JSON_STRING:
		lua_pushlstring(lua, json_string_value(json), json_string_length(json));
		return;
	case JSON_INTEGER: lua_pushnumber(lua, (lua_Number)json_integer_value(json)); return;
	case JSON_REAL: lua_pushnumber(lua, json_real_value(json)); return;
	case JSON_TRUE: lua_pushboolean(lua, 1); return;
	case JSON_FALSE: lua_pushboolean(lua, 0); return;
	case JSON_NULL: lua_pushnil(lua); return;
	}
}

int convert_parse_json(const char *text, json_t **out, struct err_note *why)
{
	json_error_t error;
	json_t *json;

	if (!text) {
		*out = json_object();
		return 0;
	}
	if (strlen(text) > JSON_PARSE_BYTES_MAX)
		return err_set(why, ERR_RANGE, "JSON of %zu bytes is longer than %d", strlen(text),
			       JSON_PARSE_BYTES_MAX);
	json = json_loads(text, JSON_DECODE_ANY, &error);
	if (!json)
		return err_set(why, ERR_INVALID, "not JSON: %s", error.text);
	*out = json;
	return 0;
}
