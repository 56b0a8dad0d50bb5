#include "lua/bridge/verdict.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/rule/rule.h"
#include "core/rule/rule_runner.h"
#include "lua/bridge/rule_runner_lua.h"
#include "lua/host/convert.h"
#include "lua/host/order.h"
#include "lua/host/state.h"

#include <lauxlib.h>
#include <lua.h>

#include <math.h>
#include <string.h>

static const char cut_mark[] = "…";

/** Length of a text that is cut to `max` bytes with the mark, between two characters. What is too
 *  long often comes from a reading: refusing it would leave a finding untold. */
static size_t cut_length(const char *text, size_t max)
{
	size_t length = max - strlen(cut_mark);

	/* A character has up to three bytes after its first. */
	for (int i = 0; i < 3 && ((unsigned char)text[length] & 0xc0) == 0x80; i++)
		length--;
	return length;
}

/* stack: …, value on top */
static int read_message(lua_State *lua, struct rule_verdict *out, struct err_note *why)
{
	size_t length;
	const char *text;

	if (lua_type(lua, -1) != LUA_TSTRING)
		return err_set(why, ERR_INVALID, "message must be a text, not a %s",
			       luaL_typename(lua, -1));
	text = lua_tolstring(lua, -1, &length);
	if (length > VERDICT_MESSAGE_BYTES_MAX) {
		struct bytes *cut = &script_state_of(lua)->scratch;

		bytes_clear(cut);
		bytes_append(cut, text, cut_length(text, VERDICT_MESSAGE_BYTES_MAX));
		bytes_append_text(cut, cut_mark);
		text = cut->data;
		length = cut->length;
	}
	out->message = mem_copy_bytes(text, length);
	return 0;
}

static int read_severity(lua_State *lua, struct rule_verdict *out, struct err_note *why)
{
	const char *text = lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : "";

	if (strcmp(text, "info") != 0 && strcmp(text, "warning") != 0 &&
	    strcmp(text, "critical") != 0)
		return err_set(why, ERR_INVALID,
			       "severity must be \"info\", \"warning\" or \"critical\"");
	out->severity = mem_copy_text(text);
	return 0;
}

static int read_number(lua_State *lua, struct rule_verdict *out, struct err_note *why)
{
	if (lua_type(lua, -1) != LUA_TNUMBER || !isfinite(lua_tonumber(lua, -1)))
		return err_set(why, ERR_INVALID, "value must be a finite number");
	out->has_value = true;
	out->value = lua_tonumber(lua, -1);
	return 0;
}

/* stack: …, name, value; leaves a value that is not too long in its place */
static int check_label(lua_State *lua, struct err_note *why)
{
	size_t length;
	const char *text;

	if (lua_type(lua, -2) != LUA_TSTRING)
		return err_set(why, ERR_INVALID, "labels must have names, not positions");
	lua_tolstring(lua, -2, &length);
	if (length > RULE_LABEL_NAME_BYTES_MAX)
		return err_set(why, ERR_INVALID, "a label has a name of %zu bytes; %d are allowed",
			       length, RULE_LABEL_NAME_BYTES_MAX);
	if (!lua_isstring(lua, -1) && !lua_isboolean(lua, -1))
		return err_set(why, ERR_INVALID,
			       "a label must be a text, a number or a boolean, not a %s",
			       luaL_typename(lua, -1));
	if (lua_type(lua, -1) != LUA_TSTRING)
		return 0;
	text = lua_tolstring(lua, -1, &length);
	if (length <= RULE_LABEL_BYTES_MAX)
		return 0;
	lua_pushlstring(lua, text, cut_length(text, RULE_LABEL_BYTES_MAX));
	lua_pushstring(lua, cut_mark);
	lua_concat(lua, 2);
	lua_replace(lua, -2);
	return 0;
}

/* stack: …, labels, keys; pushes labels as they may be */
static int push_labels(lua_State *lua, size_t count, struct err_note *why)
{
	lua_createtable(lua, 0, (int)count);
	for (size_t i = 1; i <= count; i++) {
		int code;

		lua_rawgeti(lua, -2, (int)i);
		lua_pushvalue(lua, -1);
		lua_rawget(lua, -5);
		code = check_label(lua, why);
		if (code != 0)
			return code;
		lua_rawset(lua, -3);
	}
	return 0;
}

static int read_labels(lua_State *lua, struct rule_verdict *out, struct err_note *why)
{
	struct bytes *json = &script_state_of(lua)->scratch;
	size_t count;
	int code;

	if (!lua_istable(lua, -1))
		return err_set(why, ERR_INVALID, "labels must be a table of names and texts");
	count = order_push_keys(lua, -1); /* stack: labels, keys */
	if (count > RULE_LABELS_MAX)
		return err_set(why, ERR_INVALID, "labels has %zu entries; %d are allowed", count,
			       RULE_LABELS_MAX);
	code = push_labels(lua, count, why);
	bytes_clear(json);
	/* An empty list, plan.list {}, would be written as one; labels are always an object. */
	if (code == 0 && count == 0)
		bytes_append_text(json, "{}");
	else if (code == 0)
		code = convert_to_json(lua, -1, json, why);
	if (code == 0)
		out->labels_json = mem_copy_bytes(json->data, json->length);
	return code;
}

static const struct {
	const char *name;
	int (*read)(lua_State *lua, struct rule_verdict *out, struct err_note *why);
} entries[] = {
	{"labels", read_labels},
	{"message", read_message},
	{"severity", read_severity},
	{"value", read_number},
};

/* stack: key, value */
static int read_entry(lua_State *lua, struct rule_verdict *out, struct err_note *why)
{
	const char *key = lua_type(lua, -2) == LUA_TSTRING ? lua_tostring(lua, -2) : "[?]";

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
		if (strcmp(entries[i].name, key) == 0)
			return entries[i].read(lua, out, why);
	return err_set(why, ERR_INVALID,
		       "the returned table has an unknown entry '%s'; allowed: labels, message, "
		       "severity, value",
		       key);
}

int verdict_read(lua_State *lua, int first, struct rule_verdict *out, struct err_note *why)
{
	int top = lua_gettop(lua);

	if (top < first || !lua_toboolean(lua, first))
		return 0;
	if (!lua_istable(lua, first))
		return err_set(why, ERR_INVALID,
			       "must return nil (not firing) or a table (firing), not a %s",
			       luaL_typename(lua, first));
	out->is_firing = true;
	lua_settop(lua, first);
	lua_pushnil(lua);
	while (lua_next(lua, first)) {
		int entry = lua_gettop(lua);
		int code = read_entry(lua, out, why);

		if (code != 0)
			return code;
		lua_settop(lua, entry - 1);
	}
	return 0;
}
