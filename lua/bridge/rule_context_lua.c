#include "lua/bridge/rule_context_lua.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/model/dimension.h"
#include "core/model/span.h"
#include "core/rule/rule_runner.h"
#include "lua/bridge/push_value.h"
#include "lua/bridge/rule_runner_lua.h"
#include "lua/bridge/rule_state_lua.h"
#include "lua/host/state.h"

#include <lauxlib.h>
#include <lua.h>

#include <string.h>

/* Functions may be called with a dot and with a colon. */
static int first_argument(lua_State *lua)
{
	return lua_istable(lua, 1) ? 2 : 1;
}

/* upvalue: rule name */
static int l_log(lua_State *lua)
{
	struct script_state *state = script_state_of(lua);
	const char *text = luaL_checkstring(lua, first_argument(lua));

	if (state->log_count++ < RUNNER_LOG_LINES_MAX)
		log_info(LUA, "rule %s: %.*s", lua_tostring(lua, lua_upvalueindex(1)),
			 RUNNER_LOG_BYTES_MAX, text);
	return 0;
}

/* ---- timers ---- */

static struct rule_context_lua *context_of(lua_State *lua)
{
	return lua_touserdata(lua, lua_upvalueindex(1));
}

static const char *check_name(lua_State *lua, int index)
{
	size_t length;
	const char *name = luaL_checklstring(lua, index, &length);

	if (length < 1 || length > RULE_TIMER_NAME_BYTES_MAX || strlen(name) != length)
		luaL_error(lua, "the name of a timer must have 1 to %d bytes, and no zero",
			   RULE_TIMER_NAME_BYTES_MAX);
	return name;
}

static int64_t check_span(lua_State *lua, int index)
{
	struct err_note why = {0};
	int64_t span_ms = 0;

	if (lua_type(lua, index) == LUA_TNUMBER) {
		double seconds = lua_tonumber(lua, index);

		if (seconds > 0 && seconds < 1e9)
			span_ms = (int64_t)(seconds * 1000 + 0.5);
	} else if (span_parse(luaL_checkstring(lua, index), &span_ms, &why) != 0) {
		luaL_error(lua, "ctx.timer: %s", why.text);
	}
	if (span_ms < RULE_TIMER_MS_MIN || span_ms > RULE_TIMER_MS_MAX)
		luaL_error(lua, "ctx.timer: a timer runs for 1s to 366d");
	return span_ms;
}

static struct rule_timer *find_timer(struct rule_memory *memory, const char *name)
{
	for (uint32_t i = 0; i < memory->timer_count; i++)
		if (strcmp(memory->timers[i].name, name) == 0)
			return &memory->timers[i];
	return NULL;
}

static struct rule_memory *check_memory(lua_State *lua, struct rule_context_lua *context)
{
	if (context->call == NULL)
		luaL_error(lua, "timers are set in on_reading, on_window and on_timer");
	return &context->call->memory;
}

static int l_timer(lua_State *lua)
{
	struct rule_context_lua *context = context_of(lua);
	struct rule_memory *memory = check_memory(lua, context);
	int first = first_argument(lua);
	const char *name = check_name(lua, first);
	int64_t span_ms = check_span(lua, first + 1);
	struct rule_timer *timer = find_timer(memory, name);

	if (!context->has_timers)
		luaL_error(lua, "ctx.timer needs on_timer = function(ctx, name) … end in the rule");
	if (timer == NULL) {
		if (memory->timer_count == RULE_TIMERS_MAX)
			luaL_error(lua, "a key has at most %d timers", RULE_TIMERS_MAX);
		timer = &memory->timers[memory->timer_count++];
		snprintf(timer->name, sizeof(timer->name), "%s", name);
	}
	timer->at_ms = context->call->time_ms + span_ms;
	memory->has_new_timers = true;
	return 0;
}

static int l_cancel(lua_State *lua)
{
	struct rule_context_lua *context = context_of(lua);
	struct rule_memory *memory = check_memory(lua, context);
	struct rule_timer *timer = find_timer(memory, check_name(lua, first_argument(lua)));

	if (timer == NULL)
		return 0;
	*timer = memory->timers[--memory->timer_count];
	memory->has_new_timers = true;
	return 0;
}

/* ---- fields that are made when they are asked for ---- */

static void push_key(lua_State *lua, const struct rule_call *call)
{
	struct value values[DIMENSION_FIELDS_MAX];
	int count = dimension_decode(call->key, values, DIMENSION_FIELDS_MAX);

	lua_createtable(lua, 0, (int)call->by_count);
	for (int i = 0; i < count && (uint32_t)i < call->by_count; i++) {
		push_value(lua, &values[i]);
		lua_setfield(lua, -2, call->by[i]);
	}
}

static void push_key_text(lua_State *lua, const struct rule_call *call)
{
	struct bytes *text = &script_state_of(lua)->scratch;

	bytes_clear(text);
	dimension_append_text(call->key, text);
	lua_pushlstring(lua, text->data != NULL ? text->data : "", text->length);
}

/* The value at the top becomes a plain field, until the call ends. */
static void keep(lua_State *lua, const char *name)
{
	lua_pushstring(lua, name);
	lua_pushvalue(lua, -2);
	lua_rawset(lua, 1);
}

/* stack: ctx, name */
static int l_index(lua_State *lua)
{
	struct rule_context_lua *context = context_of(lua);
	const char *name = lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : "";
	struct rule_call *call = context->call;

	if (call == NULL)
		return 0;
	if (strcmp(name, "state") == 0) {
		if (context->has_state)
			return 0; /* the script set it to nil */
		rule_state_push(lua, call->memory.state);
		keep(lua, "state");
		context->has_state = true;
	} else if (strcmp(name, "key") == 0) {
		push_key(lua, call);
		keep(lua, "key");
		context->has_key = true;
	} else if (strcmp(name, "key_text") == 0) {
		push_key_text(lua, call);
	} else if (strcmp(name, "time") == 0) {
		lua_pushnumber(lua, (double)call->time_ms / 1000);
	} else {
		return 0;
	}
	return 1;
}

/* stack: ctx, name, value */
static int l_new_index(lua_State *lua)
{
	struct rule_context_lua *context = context_of(lua);

	if (lua_type(lua, 2) != LUA_TSTRING || strcmp(lua_tostring(lua, 2), "state") != 0)
		return luaL_error(lua,
				  "ctx has no field to set but ctx.state: what is kept between "
				  "calls belongs there");
	context->has_state = true;
	lua_rawset(lua, 1);
	return 0;
}

/* ---- around calls ---- */

static void set_function(lua_State *lua, struct rule_context_lua *context, const char *name,
			 lua_CFunction function)
{
	lua_pushlightuserdata(lua, context);
	lua_pushcclosure(lua, function, 1);
	lua_setfield(lua, -2, name);
}

void rule_context_lua_set_up(lua_State *lua, struct rule_context_lua *context, const char *rule,
			     uint32_t version)
{
	lua_createtable(lua, 0, 8);
	lua_pushstring(lua, rule);
	lua_setfield(lua, -2, "rule");
	lua_pushinteger(lua, (lua_Integer)version);
	lua_setfield(lua, -2, "version");
	lua_pushstring(lua, rule);
	lua_pushcclosure(lua, l_log, 1);
	lua_setfield(lua, -2, "log");
	set_function(lua, context, "timer", l_timer);
	set_function(lua, context, "cancel", l_cancel);
	lua_createtable(lua, 0, 2);
	set_function(lua, context, "__index", l_index);
	set_function(lua, context, "__newindex", l_new_index);
	lua_setmetatable(lua, -2);
	context->table_ref = luaL_ref(lua, LUA_REGISTRYINDEX);
}

void rule_context_lua_deinit(struct rule_context_lua *context)
{
	bytes_deinit(&context->state);
}

static void forget(lua_State *lua, const char *name)
{
	lua_pushstring(lua, name);
	lua_pushnil(lua);
	lua_rawset(lua, -3);
}

void rule_context_lua_begin(lua_State *lua, struct rule_context_lua *context,
			    struct rule_call *call)
{
	if (context->has_key || context->has_state) {
		lua_rawgeti(lua, LUA_REGISTRYINDEX, context->table_ref);
		forget(lua, "key");
		forget(lua, "state");
		lua_pop(lua, 1);
	}
	context->has_key = context->has_state = false;
	context->call = call;
}

void rule_context_lua_end(lua_State *lua, struct rule_context_lua *context)
{
	struct rule_memory *memory;

	if (context->call == NULL || !context->has_state)
		return;
	memory = &context->call->memory;
	bytes_clear(&context->state);
	lua_rawgeti(lua, LUA_REGISTRYINDEX, context->table_ref);
	lua_pushliteral(lua, "state");
	lua_rawget(lua, -2);
	if (lua_istable(lua, -1))
		rule_state_encode(lua, &context->state);
	else if (!lua_isnil(lua, -1))
		luaL_error(lua, "ctx.state must be a table or nil, not a %s",
			   luaL_typename(lua, -1));
	lua_pop(lua, 2);
	memory->has_new_state = !slice_equal(bytes_slice(&context->state), memory->state);
	if (memory->has_new_state)
		memory->state = bytes_slice(&context->state);
}
