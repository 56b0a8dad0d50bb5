#include "lua/api/api.h"

#include "core/base/err.h"
#include "lua/api/pattern.h"
#include "lua/host/state.h"

#include <lauxlib.h>
#include <lua.h>

enum {
	REPEAT_BYTES_MAX = 1024 * 1024,
	UNITS_PER_MATCH = 16,
	UNITS_PER_CAPTURE = 4,
	PLAIN_BYTES_PER_UNIT = 64,
};

static const struct pattern *get_pattern(lua_State *lua, int index, bool has_anchor)
{
	const struct pattern *pattern;
	struct err_note why;
	size_t length;
	const char *text = luaL_checklstring(lua, index, &length);

	if (pattern_get(script_state_of(lua)->patterns, text, length, has_anchor, &pattern, &why) !=
	    0)
		luaL_error(lua, "%s", why.text);
	return pattern;
}

/* False: no match. Raises when a limit ends it. */
static bool run(lua_State *lua, const struct pattern *pattern, const char *subject, size_t length,
		size_t from, struct pattern_match *match)
{
	int code;

	budget_charge(lua, UNITS_PER_MATCH);
	code = pattern_run(script_state_of(lua), pattern, subject, length, from, match);
	if (code == ERR_BUDGET)
		budget_charge(lua, 0);
	if (code == ERR_FULL)
		luaL_error(lua, "the pattern used up its match limit (%d steps at one position)",
			   PATTERN_STEPS_MAX);
	return code == 1;
}

static void push_capture(lua_State *lua, const char *subject, const struct pattern_match *match,
			 int index)
{
	if (match->captures[index].is_position)
		lua_pushinteger(lua, (lua_Integer)match->captures[index].start + 1);
	else
		lua_pushlstring(lua, subject + match->captures[index].start,
				match->captures[index].end - match->captures[index].start);
}

/* All captures, or the whole match when there are none. */
static int push_captures(lua_State *lua, const char *subject, const struct pattern_match *match,
			 bool has_whole)
{
	luaL_checkstack(lua, match->capture_count + 1, "too many captures");
	if (match->capture_count == 0 && has_whole) {
		lua_pushlstring(lua, subject + match->start, match->end - match->start);
		return 1;
	}
	for (int i = 0; i < match->capture_count; i++)
		push_capture(lua, subject, match, i);
	return match->capture_count;
}

static size_t start_offset(lua_State *lua, int index, size_t length)
{
	lua_Integer start = luaL_optinteger(lua, index, 1);

	if (start < 0)
		start += (lua_Integer)length + 1;
	if (start < 1)
		start = 1;
	return (size_t)start - 1 > length ? length : (size_t)start - 1;
}

static int find_plain(lua_State *lua, const char *subject, size_t length, size_t from)
{
	size_t wanted_length;
	const char *wanted = luaL_checklstring(lua, 2, &wanted_length);
	const char *at;

	budget_charge(lua, 1 + length / PLAIN_BYTES_PER_UNIT);
	at = wanted_length == 0 ? subject + from
				: memmem(subject + from, length - from, wanted, wanted_length);
	if (!at) {
		lua_pushnil(lua);
		return 1;
	}
	lua_pushinteger(lua, at - subject + 1);
	lua_pushinteger(lua, at - subject + (lua_Integer)wanted_length);
	return 2;
}

static int find_or_match(lua_State *lua, bool is_find)
{
	size_t length, pattern_length;
	const char *subject = luaL_checklstring(lua, 1, &length);
	const char *text = luaL_checklstring(lua, 2, &pattern_length);
	size_t from = start_offset(lua, 3, length);
	struct pattern_match match;
	int count = 0;

	if (is_find && (lua_toboolean(lua, 4) ||
			(strlen(text) == pattern_length && !strpbrk(text, "^$*+?.([%-)"))))
		return find_plain(lua, subject, length, from);
	if (!run(lua, get_pattern(lua, 2, true), subject, length, from, &match)) {
		lua_pushnil(lua);
		return 1;
	}
	if (is_find) {
		lua_pushinteger(lua, (lua_Integer)match.start + 1);
		lua_pushinteger(lua, (lua_Integer)match.end);
		count = 2;
	}
	return count + push_captures(lua, subject, &match, !is_find);
}

int l_string_find(lua_State *lua)
{
	return find_or_match(lua, true);
}

int l_string_match(lua_State *lua)
{
	return find_or_match(lua, false);
}

/* upvalues: subject, pattern, offset */
static int gmatch_step(lua_State *lua)
{
	size_t length;
	const char *subject = lua_tolstring(lua, lua_upvalueindex(1), &length);
	size_t from = (size_t)lua_tonumber(lua, lua_upvalueindex(3));
	struct pattern_match match;

	if (from > length ||
	    !run(lua, get_pattern(lua, lua_upvalueindex(2), false), subject, length, from, &match))
		return 0;
	/* After an empty match go on one byte further. */
	lua_pushnumber(lua, (lua_Number)(match.end + (match.end == match.start)));
	lua_replace(lua, lua_upvalueindex(3));
	return push_captures(lua, subject, &match, true);
}

int l_string_gmatch(lua_State *lua)
{
	luaL_checkstring(lua, 1);
	luaL_checkstring(lua, 2);
	lua_settop(lua, 2);
	get_pattern(lua, 2, false); /* a fault is reported here, not in the loop */
	lua_pushinteger(lua, 0);
	lua_pushcclosure(lua, gmatch_step, 3);
	return 1;
}

/* "%1" … "%9" captures, "%0" the match, "%%" a percent sign. */
static void add_text(lua_State *lua, luaL_Buffer *buffer, const char *subject,
		     const struct pattern_match *match)
{
	size_t length;
	const char *text = lua_tolstring(lua, 3, &length);

	for (size_t i = 0; i < length; i++) {
		int index;

		if (text[i] != '%' || i + 1 == length) {
			luaL_addchar(buffer, text[i]);
			continue;
		}
		i++;
		if (text[i] < '0' || text[i] > '9') {
			luaL_addchar(buffer, text[i]);
			continue;
		}
		index = text[i] - '1';
		if (index < 0 || (index == 0 && match->capture_count == 0)) {
			luaL_addlstring(buffer, subject + match->start, match->end - match->start);
			continue;
		}
		if (index >= match->capture_count)
			luaL_error(lua, "invalid capture index %%%d in replacement text",
				   index + 1);
		push_capture(lua, subject, match, index);
		luaL_addvalue(buffer);
		/* A replacement of megabytes may name a capture a million times. */
		budget_charge(lua, UNITS_PER_CAPTURE);
	}
}

/* The replacement is a text, a table (looked up) or a function (called) at stack index 3. */
static void add_replacement(lua_State *lua, luaL_Buffer *buffer, const char *subject,
			    const struct pattern_match *match)
{
	int count;

	switch (lua_type(lua, 3)) {
	case LUA_TTABLE:
		if (match->capture_count > 0)
			push_capture(lua, subject, match, 0);
		else
			push_captures(lua, subject, match, true);
		lua_gettable(lua, 3);
		break;
	case LUA_TFUNCTION:
		lua_pushvalue(lua, 3);
		count = push_captures(lua, subject, match, true);
		lua_call(lua, count, 1);
		break;
	default: add_text(lua, buffer, subject, match); return;
	}
	if (!lua_toboolean(lua, -1)) {
		lua_pop(lua, 1);
		luaL_addlstring(buffer, subject + match->start, match->end - match->start);
		return;
	}
	if (!lua_isstring(lua, -1))
		luaL_error(lua, "invalid replacement value (a %s)", luaL_typename(lua, -1));
	luaL_addvalue(buffer);
}

static void check_replacement(lua_State *lua)
{
	int type = lua_type(lua, 3);

	if (type != LUA_TNUMBER && type != LUA_TSTRING && type != LUA_TTABLE &&
	    type != LUA_TFUNCTION)
		luaL_argerror(lua, 3, "string, function or table expected");
}

int l_string_gsub(lua_State *lua)
{
	size_t length, from = 0;
	const char *subject = luaL_checklstring(lua, 1, &length);
	lua_Number count_max, count = 0;
	luaL_Buffer buffer;

	luaL_checkstring(lua, 2);
	check_replacement(lua);
	count_max = luaL_optnumber(lua, 4, (lua_Number)length + 1);
	lua_settop(lua, 4);
	budget_check_stack(lua);
	luaL_buffinit(lua, &buffer);
	while (count < count_max) {
		/* Looked up each time: a callback may have pushed it out of the cache. */
		const struct pattern *pattern = get_pattern(lua, 2, true);
		bool is_anchored = pattern_is_anchored(pattern);
		struct pattern_match match;

		if (!run(lua, pattern, subject, length, from, &match))
			break;
		count++;
		luaL_addlstring(&buffer, subject + from, match.start - from);
		add_replacement(lua, &buffer, subject, &match);
		from = match.end;
		if (match.end == match.start) {
			if (from == length)
				break;
			luaL_addchar(&buffer, subject[from]);
			from++;
		}
		if (is_anchored)
			break;
	}
	luaL_addlstring(&buffer, subject + from, length - from);
	luaL_pushresult(&buffer);
	lua_pushnumber(lua, count);
	return 2;
}

int l_string_rep(lua_State *lua)
{
	size_t length, separator_length;
	lua_Number count;

	luaL_checklstring(lua, 1, &length);
	count = luaL_checknumber(lua, 2);
	luaL_optlstring(lua, 3, "", &separator_length);
	if (!(count >= 1) || length + separator_length == 0) {
		lua_pushliteral(lua, "");
		return 1;
	}
	if (count * (lua_Number)(length + separator_length) > REPEAT_BYTES_MAX)
		return luaL_error(lua, "string.rep: the result is longer than %d bytes",
				  REPEAT_BYTES_MAX);
	lua_settop(lua, 3);
	api_push_original(lua, "string.rep");
	lua_insert(lua, 1);
	lua_call(lua, 3, 1);
	return 1;
}

/* %p shows an address; everything else that the original would print as one becomes its type's
 * name. */
static void check_format(lua_State *lua)
{
	size_t length;
	const char *format = luaL_checklstring(lua, 1, &length);

	for (size_t i = 0; i < length; i++) {
		if (format[i] != '%')
			continue;
		i++;
		i += strspn(format + i, "-+ #0123456789.");
		if (format[i] == 'p')
			luaL_error(lua, "string.format: %%p is not allowed");
	}
}

int l_string_format(lua_State *lua)
{
	int count = lua_gettop(lua);

	check_format(lua);
	for (int i = 2; i <= count; i++) {
		int type = lua_type(lua, i);

		if (type != LUA_TNUMBER && type != LUA_TSTRING && type != LUA_TBOOLEAN &&
		    type != LUA_TNIL) {
			lua_pushstring(lua, lua_typename(lua, type));
			lua_replace(lua, i);
		}
	}
	api_push_original(lua, "string.format");
	lua_insert(lua, 1);
	lua_call(lua, count, 1);
	return 1;
}
