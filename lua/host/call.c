#include "lua/host/call.h"

#include "core/base/err.h"
#include "lua/host/state.h"

#include <lauxlib.h>
#include <lua.h>

enum { TRACE_LEVELS_MAX = 4, TRACE_FRAMES_MAX = 20 };

struct frame {
	const struct script_call *call;
	int status; /**< of the script's own code */
	int take_code;
	struct err_note message;
};

int script_end_code(enum script_end end)
{
	switch (end) {
	case SCRIPT_DONE: return 0;
	case SCRIPT_RAISED: return ERR_SCRIPT;
	case SCRIPT_OVER_TIME: return ERR_BUDGET;
	case SCRIPT_OVER_MEMORY: return ERR_MEMORY;
	case SCRIPT_BAD_RESULT: return ERR_INVALID;
	}
	return ERR_SCRIPT;
}

static void copy_message(lua_State *lua, int index, struct err_note *out)
{
	const char *text = NULL;

	if (lua_type(lua, index) == LUA_TSTRING)
		text = lua_tostring(lua, index);
	if (text)
		snprintf(out->text, sizeof(out->text), "%s", text);
	else
		snprintf(out->text, sizeof(out->text), "an error with a %s as value was raised",
			 luaL_typename(lua, index));
}

/* Adds who called whom: the message itself has only the innermost place. */
static int on_error(lua_State *lua)
{
	const char *separator = "; called from ", *message;
	lua_Debug info;
	luaL_Buffer buffer;

	if (lua_type(lua, 1) != LUA_TSTRING || script_state_of(lua)->budget.ended != SCRIPT_DONE)
		return 1;
	message = lua_tostring(lua, 1);
	luaL_buffinit(lua, &buffer);
	lua_pushvalue(lua, 1);
	luaL_addvalue(&buffer);
	for (int level = 1, count = 0; count < TRACE_LEVELS_MAX && level < TRACE_FRAMES_MAX &&
				       lua_getstack(lua, level, &info);
	     level++) {
		lua_getinfo(lua, "Sl", &info);
		if (info.currentline <= 0)
			continue;
		lua_pushfstring(lua, "%s:%d", info.short_src, info.currentline);
		if (strncmp(message, lua_tostring(lua, -1), lua_objlen(lua, -1)) == 0) {
			lua_pop(lua, 1); /* the message's own place */
			continue;
		}
		lua_pop(lua, 1);
		lua_pushfstring(lua, "%s%s:%d", separator, info.short_src, info.currentline);
		luaL_addvalue(&buffer);
		separator = ", ";
		count++;
	}
	luaL_pushresult(&buffer);
	return 1;
}

/* Values are made and read on the main stack: an error on a coroutine that does not run has
 * nobody to catch it. */
static int resume(lua_State *lua, struct frame *frame)
{
	const struct script_call *call = frame->call;
	lua_State *thread = call->thread;
	int count;

	call->push(lua, call->arg);
	lua_xmove(lua, thread, lua_gettop(lua));
	/* The first time the function itself lies below its arguments. */
	count = lua_gettop(thread) - (lua_status(thread) != LUA_YIELD);
	frame->status = lua_resume(thread, count);
	if (frame->status != 0 && frame->status != LUA_YIELD) {
		copy_message(thread, -1, &frame->message);
		return 0;
	}
	*call->has_yielded = frame->status == LUA_YIELD;
	frame->status = 0;
	count = lua_gettop(thread);
	luaL_checkstack(lua, count, "too many results");
	lua_xmove(thread, lua, count);
	if (call->take)
		frame->take_code = call->take(lua, 1, call->arg, &frame->message);
	return 0;
}

/* stack: frame */
static int protected_body(lua_State *lua)
{
	struct frame *frame = lua_touserdata(lua, 1);
	const struct script_call *call = frame->call;

	lua_settop(lua, 0);
	if (call->thread)
		return resume(lua, frame);
	lua_pushcfunction(lua, on_error);
	call->push(lua, call->arg);
	frame->status = lua_pcall(lua, lua_gettop(lua) - 2, LUA_MULTRET, 1);
	if (frame->status != 0) {
		copy_message(lua, -1, &frame->message);
		return 0;
	}
	if (call->take)
		frame->take_code = call->take(lua, 2, call->arg, &frame->message);
	return 0;
}

static enum script_end judge(const struct script_call *call, const struct frame *frame)
{
	enum script_end ended = call->state->budget.ended;

	if (ended != SCRIPT_DONE)
		return ended;
	if (frame->status == LUA_ERRMEM)
		return SCRIPT_OVER_MEMORY;
	if (frame->status != 0)
		return SCRIPT_RAISED;
	return frame->take_code != 0 ? SCRIPT_BAD_RESULT : SCRIPT_DONE;
}

static void describe(const struct script_call *call, const struct frame *frame, enum script_end end,
		     struct err_note *why)
{
	const struct script_state *state = call->state;
	const struct budget *budget = &state->budget;
	const char *where = call->has_plain_note ? "" : budget->where;
	const char *at = where[0] ? ", at " : "";

	switch (end) {
	case SCRIPT_DONE: return;
	case SCRIPT_OVER_TIME:
		if (budget->is_cpu_time)
			err_set(why, ERR_BUDGET,
				"used up its budget of %lld ms of processor time%s%s",
				(long long)state->limits.cpu_ms, at, where);
		else
			err_set(why, ERR_BUDGET, "used up its budget of %llu instructions%s%s",
				(unsigned long long)state->limits.instructions, at, where);
		break;
	case SCRIPT_OVER_MEMORY:
		err_set(why, ERR_MEMORY, "used up its memory of %zu bytes%s%s",
			state->limits.memory_bytes, at, where);
		break;
	case SCRIPT_RAISED:
	case SCRIPT_BAD_RESULT: err_set(why, ERR_SCRIPT, "%s", frame->message.text); break;
	}
	if (!call->has_plain_note)
		err_prefix(why, "%s: %s", state->name, call->function);
}

enum script_end script_call(const struct script_call *call, struct err_note *why)
{
	struct script_state *state = call->state;
	lua_State *lua = state->lua;
	struct frame frame = {.call = call};
	enum script_end end;
	int status;

	state->call_count++;
	state->log_count = 0;
	budget_arm(state);
	status = lua_cpcall(lua, protected_body, &frame);
	budget_disarm(state);
	if (status != 0) { /* raised by push or take */
		frame.status = status;
		copy_message(lua, -1, &frame.message);
	}
	lua_settop(lua, 0);
	end = judge(call, &frame);
	describe(call, &frame, end, why);
	return end;
}
