#include "lua/host/budget.h"

#include "lua/host/state.h"

#include <lauxlib.h>
#include <lua.h>

#include <time.h>

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The thread's own time, not the wall's: a machine that is busy elsewhere must not end a good
 * script.
 * Asking for it is a system call, so the cheap monotonic clock, which is never behind it, goes
 * first. */
static bool is_over_cpu_time(const struct script_state *state)
{
	int64_t limit_ns = state->limits.cpu_ms * 1000000;

	if (clock_ns(CLOCK_MONOTONIC) - state->budget.started_mono_ns < limit_ns)
		return false;
	return clock_ns(CLOCK_THREAD_CPUTIME_ID) - state->budget.started_cpu_ns >= limit_ns;
}

static void remember_where(lua_State *lua, struct budget *budget)
{
	lua_Debug info;

	for (int level = 0; level < 20 && lua_getstack(lua, level, &info); level++) {
		lua_getinfo(lua, "Sl", &info);
		if (info.currentline <= 0)
			continue;
		snprintf(budget->where, sizeof(budget->where), "%s:%d", info.short_src,
			 info.currentline);
		return;
	}
}

/* The value raised is nil: a message would be made anew for each of the thousands of nested
 * pcalls that a hostile script may have to be unwound from; script_call() knows the end without
 * it. */
static void raise_end(lua_State *lua, struct budget *budget)
{
	if (budget->where[0] == '\0')
		remember_where(lua, budget);
	lua_pushnil(lua);
	lua_error(lua);
}

static void on_count(lua_State *lua, lua_Debug *info);

static void end_now(struct script_state *state, enum script_end end)
{
	state->budget.ended = end;
	state->budget.period = 1;
	lua_sethook(state->lua, on_count, LUA_MASKCOUNT, 1);
}

bool budget_is_spent(struct script_state *state, uint64_t units)
{
	struct budget *budget = &state->budget;

	if (!budget->is_armed)
		return false;
	budget->instructions += units;
	if (budget->ended != SCRIPT_DONE)
		return true;
	if (budget->instructions > state->limits.instructions) {
		end_now(state, SCRIPT_OVER_TIME);
		return true;
	}
	if (is_over_cpu_time(state)) {
		budget->is_cpu_time = true;
		end_now(state, SCRIPT_OVER_TIME);
		return true;
	}
	return false;
}

void budget_charge(lua_State *lua, uint64_t units)
{
	struct script_state *state = script_state_of(lua);

	if (budget_is_spent(state, units))
		raise_end(lua, &state->budget);
}

static void on_count(lua_State *lua, lua_Debug *info)
{
	struct script_state *state = script_state_of(lua);

	(void)info;
	if (budget_is_spent(state, (uint64_t)state->budget.period))
		raise_end(lua, &state->budget);
}

void budget_arm(struct script_state *state)
{
	struct budget *budget = &state->budget;

	budget->instructions = 0;
	budget->started_mono_ns = clock_ns(CLOCK_MONOTONIC);
	budget->started_cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	budget->period = state->has_big_block ? BUDGET_PERIOD_FINE : BUDGET_PERIOD;
	budget->is_cpu_time = false;
	budget->ended = SCRIPT_DONE;
	budget->where[0] = '\0';
	budget->stack_base = __builtin_frame_address(0);
	budget->is_armed = true;
	lua_sethook(state->lua, on_count, LUA_MASKCOUNT, budget->period);
}

/* A hook left behind would shoot at the next call. */
void budget_disarm(struct script_state *state)
{
	state->budget.is_armed = false;
	lua_sethook(state->lua, NULL, 0, 0);
}

void budget_check_stack(lua_State *lua)
{
	const struct budget *budget = &script_state_of(lua)->budget;
	const char *here = __builtin_frame_address(0);

	if (budget->is_armed && budget->stack_base - here > BUDGET_CALLBACK_STACK_BYTES)
		luaL_error(lua, "stack overflow: callbacks are nested too deeply");
}

/* lua_sethook may be called at any moment, even from a signal handler: it changes flags only. And
 * wherever the interpreter allocates it may raise, so its frames can be read. */
void budget_on_memory_denied(struct script_state *state)
{
	if (!state->budget.is_armed || state->budget.ended != SCRIPT_DONE)
		return;
	remember_where(state->lua, &state->budget);
	end_now(state, SCRIPT_OVER_MEMORY);
}

/* With small blocks 1,000 instructions take microseconds. With a string or table of megabytes one
 * instruction (compare, concat, insert in front) takes a millisecond, so the look must come
 * sooner. */
void budget_on_big_block(struct script_state *state)
{
	state->has_big_block = true;
	if (!state->budget.is_armed || state->budget.period <= BUDGET_PERIOD_FINE)
		return;
	state->budget.period = BUDGET_PERIOD_FINE;
	lua_sethook(state->lua, on_count, LUA_MASKCOUNT, BUDGET_PERIOD_FINE);
}
