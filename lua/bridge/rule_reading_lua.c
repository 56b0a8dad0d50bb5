#include "lua/bridge/rule_reading_lua.h"

#include "core/base/err.h"
#include "lua/bridge/push_value.h"
#include "lua/bridge/rule_context_lua.h"
#include "lua/bridge/verdict.h"
#include "lua/host/call.h"
#include "lua/host/loader.h"

#include <lauxlib.h>
#include <lua.h>

/* ---- readings as tables ---- */

void rule_reading_lua_push_names(lua_State *lua, const struct rule_readings *readings)
{
	luaL_checkstack(lua, (int)readings->column_count + 8, "too many fields");
	lua_pushliteral(lua, "time");
	for (uint32_t i = 0; i < readings->column_count; i++)
		lua_pushstring(lua, readings->names[i]);
}

/* The names stay on the stack: pushing one of them again is a copy, making it is a hash. */
void rule_reading_lua_fill(lua_State *lua, int table, int first_name,
			   const struct rule_readings *readings, uint32_t row)
{
	lua_pushvalue(lua, first_name);
	lua_pushnumber(lua, (double)readings->time_ms[row] / 1000);
	lua_rawset(lua, table);
	for (uint32_t i = 0; i < readings->column_count; i++) {
		lua_pushvalue(lua, first_name + 1 + (int)i);
		push_value(lua, &readings->columns[i][row]);
		lua_rawset(lua, table);
	}
}

/* ---- functions ---- */

static int take_function(lua_State *lua, const char *name)
{
	loader_push_field(lua, name);
	if (lua_isfunction(lua, -1))
		return luaL_ref(lua, LUA_REGISTRYINDEX);
	lua_pop(lua, 1);
	return LUA_NOREF;
}

void rule_reading_lua_set_up(lua_State *lua, struct rule_reading_lua *reading)
{
	reading->on_reading_ref = take_function(lua, "on_reading");
	reading->on_timer_ref = take_function(lua, "on_timer");
	lua_newtable(lua);
	reading->reading_ref = luaL_ref(lua, LUA_REGISTRYINDEX);
}

/** The answer at the top of the stack. */
static enum rule_answer read_answer(lua_State *lua, struct rule_verdict *verdict)
{
	struct err_note why = {0};

	if (lua_isnil(lua, -1))
		return RULE_ANSWER_NONE;
	if (lua_isboolean(lua, -1) && !lua_toboolean(lua, -1))
		return RULE_ANSWER_RESOLVED;
	if (!lua_istable(lua, -1))
		luaL_error(lua,
			   "must return nil (no change), false (resolves) or a table (firing), "
			   "not a %s",
			   luaL_typename(lua, -1));
	if (verdict_read(lua, lua_gettop(lua), verdict, &why) != 0)
		luaL_error(lua, "%s", why.text);
	return RULE_ANSWER_FIRING;
}

struct asking {
	const struct rule_reading_lua *reading;
	struct rule_context_lua *context;
	const struct rule_readings *readings;
	const uint16_t *rows;
	uint32_t row_count;
	const struct rule_walk *walk;
	uint32_t done;
	/* of a timer */
	struct rule_call *call;
	const char *name;
	enum rule_answer answer;
	struct rule_verdict verdict; /**< here, so that it is freed when something raises */
};

enum { ASKING = 1, FUNCTION, CONTEXT, READING, FIRST_NAME };

static void push_arguments(lua_State *lua, const struct asking *asking, int function_ref)
{
	lua_rawgeti(lua, LUA_REGISTRYINDEX, function_ref);
	lua_rawgeti(lua, LUA_REGISTRYINDEX, asking->context->table_ref);
}

/* One protected call for many readings; a raised error leaves `done` at the one that raised it. */
static int l_ask_rows(lua_State *lua)
{
	struct asking *asking = lua_touserdata(lua, ASKING);
	const struct rule_walk *walk = asking->walk;
	int top;

	push_arguments(lua, asking, asking->reading->on_reading_ref);
	lua_rawgeti(lua, LUA_REGISTRYINDEX, asking->reading->reading_ref);
	rule_reading_lua_push_names(lua, asking->readings);
	top = lua_gettop(lua);
	for (; asking->done < asking->row_count; asking->done++) {
		uint32_t row = asking->rows[asking->done];
		struct rule_call *call = walk->begin(walk->arg, row);
		enum rule_answer answer;

		if (call == NULL)
			break;
		rule_context_lua_begin(lua, asking->context, call);
		rule_reading_lua_fill(lua, READING, FIRST_NAME, asking->readings, row);
		lua_pushvalue(lua, FUNCTION);
		lua_pushvalue(lua, CONTEXT);
		lua_pushvalue(lua, READING);
		lua_call(lua, 2, 1);
		answer = read_answer(lua, &asking->verdict);
		rule_context_lua_end(lua, asking->context);
		walk->end(walk->arg, call, answer, &asking->verdict);
		if (answer == RULE_ANSWER_FIRING)
			rule_verdict_clear(&asking->verdict);
		lua_settop(lua, top);
	}
	return 0;
}

static void push_ask_rows(lua_State *lua, void *arg)
{
	lua_pushcfunction(lua, l_ask_rows);
	lua_pushlightuserdata(lua, arg);
}

int rule_reading_lua_run(struct script_state *state, const struct rule_reading_lua *reading,
			 struct rule_context_lua *context, const struct rule_readings *readings,
			 const uint16_t *rows, uint32_t row_count, const struct rule_walk *walk,
			 uint32_t *done, struct err_note *why)
{
	struct asking asking = {
		.reading = reading,
		.context = context,
		.readings = readings,
		.rows = rows,
		.row_count = row_count,
		.walk = walk,
		.done = *done,
	};
	const struct script_call call = {
		.state = state, .function = "on_reading", .push = push_ask_rows, .arg = &asking};
	int code = script_end_code(script_call(&call, why));

	context->call = NULL;
	rule_verdict_clear(&asking.verdict);
	*done = asking.done;
	return code;
}

static int l_ask_timer(lua_State *lua)
{
	struct asking *asking = lua_touserdata(lua, ASKING);

	rule_context_lua_begin(lua, asking->context, asking->call);
	push_arguments(lua, asking, asking->reading->on_timer_ref);
	lua_pushstring(lua, asking->name);
	lua_call(lua, 2, 1);
	asking->answer = read_answer(lua, &asking->verdict);
	rule_context_lua_end(lua, asking->context);
	return 0;
}

static void push_ask_timer(lua_State *lua, void *arg)
{
	lua_pushcfunction(lua, l_ask_timer);
	lua_pushlightuserdata(lua, arg);
}

int rule_reading_lua_time(struct script_state *state, const struct rule_reading_lua *reading,
			  struct rule_context_lua *context, struct rule_call *call,
			  const char *name, enum rule_answer *answer, struct rule_verdict *out,
			  struct err_note *why)
{
	struct asking asking = {.reading = reading, .context = context, .call = call, .name = name};
	const struct script_call entry = {
		.state = state, .function = "on_timer", .push = push_ask_timer, .arg = &asking};
	int code = script_end_code(script_call(&entry, why));

	context->call = NULL;
	if (code != 0) {
		rule_verdict_clear(&asking.verdict);
		return code;
	}
	*answer = asking.answer;
	*out = asking.verdict;
	return 0;
}
