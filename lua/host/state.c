#include "lua/host/state.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/config/config.h"
#include "lua/api/pattern.h"
#include "lua/host/sandbox.h"

#include <lauxlib.h>
#include <lua.h>
#include <luajit.h>

#include <stdlib.h>

enum { GC_PAUSE_PERCENT = 120 };

struct script_limits script_limits_of(const struct config *config)
{
	struct script_limits limits = SCRIPT_LIMITS_DEFAULT;

	if (config) {
		limits.memory_bytes = (size_t)config->lua.memory_bytes;
		limits.instructions = (uint64_t)config->lua.instructions;
		limits.cpu_ms = config->lua.call_ms * SCRIPT_SLOWNESS;
	}
	return limits;
}

/* realloc and not mem_grow: here "no" is an ordinary answer, for the script's own limit as for
 * the machine's. */
static void *allocate(void *arg, void *block, size_t old_bytes, size_t bytes)
{
	struct script_state *state = arg;
	void *out;

	if (!block)
		old_bytes = 0;
	if (bytes == 0) {
		free(block);
		state->used_bytes -= old_bytes;
		return NULL;
	}
	if (bytes > old_bytes &&
	    bytes - old_bytes > state->limits.memory_bytes - state->used_bytes) {
		state->denied_count++;
		budget_on_memory_denied(state);
		return NULL;
	}
	out = realloc(block, bytes);
	if (!out) {
		state->denied_count++;
		budget_on_memory_denied(state);
		return NULL;
	}
	state->used_bytes += bytes - old_bytes;
	if (state->used_bytes > state->used_bytes_max)
		state->used_bytes_max = state->used_bytes;
	if (bytes >= BUDGET_BIG_BLOCK_BYTES && state->lua)
		budget_on_big_block(state);
	return out;
}

struct script_state *script_state_of(lua_State *lua)
{
	void *state = NULL;

	lua_getallocf(lua, &state);
	return state;
}

static int on_panic(lua_State *lua)
{
	(void)lua;
	REQUIRE(!"a Lua error outside a protected call");
}

static int set_up(lua_State *lua)
{
	lua_gc(lua, LUA_GCSETPAUSE, GC_PAUSE_PERCENT);
	sandbox_install(lua);
	return 0;
}

int script_state_new(struct script_state **out, const char *name,
		     const struct script_limits *limits, struct err_note *why)
{
	struct script_state *state = mem_alloc(sizeof(*state));

	snprintf(state->name, sizeof(state->name), "%s", name);
	state->limits = *limits;
	state->patterns = pattern_cache_new();
	state->lua = lua_newstate(allocate, state);
	if (!state->lua) {
		script_state_free(state);
		return err_set(why, ERR_MEMORY, "%s: no Lua state within %zu bytes", name,
			       limits->memory_bytes);
	}
	lua_atpanic(state->lua, on_panic);
	if (!luaJIT_setmode(state->lua, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF)) {
		script_state_free(state);
		return err_set(why, ERR_UNSUPPORTED,
			       "%s: this LuaJIT does not switch off its compiler", name);
	}
	if (lua_cpcall(state->lua, set_up, NULL) != 0) {
		err_set(why, ERR_MEMORY, "%s: setting up the sandbox: %s", name,
			lua_tostring(state->lua, -1));
		script_state_free(state);
		return ERR_MEMORY;
	}
	*out = state;
	return 0;
}

void script_state_free(struct script_state *state)
{
	if (!state)
		return;
	if (state->lua)
		lua_close(state->lua);
	pattern_cache_free(state->patterns);
	bytes_deinit(&state->scratch);
	mem_free(state);
}
