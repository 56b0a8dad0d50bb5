#include "lua/bridge/rule_filter_lua.h"

#include "core/base/err.h"
#include "core/rule/rule_runner.h"
#include "lua/bridge/rule_reading_lua.h"
#include "lua/host/call.h"
#include "lua/host/loader.h"

#include <lauxlib.h>
#include <lua.h>

struct judging {
	const struct rule_filter_lua *filter;
	const struct rule_readings *readings;
	bool *matches;
	uint32_t row; /**< being judged */
};

void rule_filter_lua_set_up(lua_State *lua, struct rule_filter_lua *filter)
{
	loader_push_field(lua, "filter");
	if (!lua_isfunction(lua, -1)) {
		lua_pop(lua, 1);
		filter->function_ref = LUA_NOREF;
		return;
	}
	filter->function_ref = luaL_ref(lua, LUA_REGISTRYINDEX);
	lua_newtable(lua);
	filter->reading_ref = luaL_ref(lua, LUA_REGISTRYINDEX);
}

/* stack: judging, function, r, "time", name of column 0, 1, ... */
enum { JUDGING = 1, FUNCTION, READING, FIRST_NAME };

/* One protected call for all readings; a raised error leaves `row` at the one that raised it. */
static int l_filter_rows(lua_State *lua)
{
	struct judging *judging = lua_touserdata(lua, JUDGING);
	const struct rule_readings *readings = judging->readings;

	lua_rawgeti(lua, LUA_REGISTRYINDEX, judging->filter->function_ref);
	lua_rawgeti(lua, LUA_REGISTRYINDEX, judging->filter->reading_ref);
	rule_reading_lua_push_names(lua, readings);
	for (; judging->row < readings->row_count; judging->row++) {
		rule_reading_lua_fill(lua, READING, FIRST_NAME, readings, judging->row);
		lua_pushvalue(lua, FUNCTION);
		lua_pushvalue(lua, READING);
		lua_call(lua, 1, 1);
		judging->matches[judging->row] = lua_toboolean(lua, -1);
		lua_pop(lua, 1);
	}
	return 0;
}

static void push_judging(lua_State *lua, void *arg)
{
	lua_pushcfunction(lua, l_filter_rows);
	lua_pushlightuserdata(lua, arg);
}

int rule_filter_lua_run(struct script_state *state, const struct rule_filter_lua *filter,
			const struct rule_readings *readings, uint32_t from, bool *matches,
			uint32_t *judged, struct err_note *why)
{
	struct judging judging = {.filter = filter, .readings = readings, .row = from};
	const struct script_call call = {
		.state = state, .function = "filter", .push = push_judging, .arg = &judging};
	int code;

	judging.matches = matches;
	code = script_end_code(script_call(&call, why));
	*judged = judging.row;
	return code;
}
