#include "lua/bridge/rule_runner_lua.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/model/aggregate.h"
#include "core/model/dimension.h"
#include "core/model/timestamp.h"
#include "core/rule/rule_runner.h"
#include "lua/bridge/push_value.h"
#include "lua/bridge/rule_context_lua.h"
#include "lua/bridge/rule_filter_lua.h"
#include "lua/bridge/rule_reading_lua.h"
#include "lua/bridge/rule_state_lua.h"
#include "lua/bridge/verdict.h"
#include "lua/host/call.h"
#include "lua/host/loader.h"
#include "lua/host/state.h"

#include <lauxlib.h>
#include <lua.h>

/** What a call costs besides its instructions, which are counted by the thousand. */
enum { CALL_INSTRUCTIONS = 100 };

struct rule_runner_lua {
	struct rule_runner base;
	struct script_state *state;
	const char *name; /**< borrowed during construction only */
	uint32_t version;
	int function_ref; /**< on_window; LUA_NOREF: the rule has none */
	struct rule_context_lua context;
	struct rule_filter_lua filter;
	struct rule_reading_lua reading;
	/** What the boundary being evaluated, or what reached so many timers, has cost so far, all
	 *  keys together. */
	int64_t boundary_ms;
	int64_t boundary_cpu_ns;
	uint64_t boundary_instructions;
};

static int do_nothing(lua_State *lua)
{
	(void)lua;
	return 0;
}

/* Finds the functions and builds ctx once; runs nothing of the script. */
static void push_set_up(lua_State *lua, void *arg)
{
	struct rule_runner_lua *runner = arg;

	rule_filter_lua_set_up(lua, &runner->filter);
	rule_reading_lua_set_up(lua, &runner->reading);
	loader_push_field(lua, "on_window");
	runner->function_ref = LUA_NOREF;
	if (lua_isfunction(lua, -1))
		runner->function_ref = luaL_ref(lua, LUA_REGISTRYINDEX);
	else
		lua_pop(lua, 1);
	if (runner->function_ref == LUA_NOREF && runner->filter.function_ref == LUA_NOREF &&
	    runner->reading.on_reading_ref == LUA_NOREF)
		luaL_error(lua, "a script rule needs on_window = function(ctx, w) … end or "
				"on_reading = function(ctx, r) … end");
	runner->context.has_timers = runner->reading.on_timer_ref != LUA_NOREF;
	rule_context_lua_set_up(lua, &runner->context, runner->name, runner->version);
	lua_pushcfunction(lua, do_nothing);
}

static void set_number(lua_State *lua, const char *name, double number)
{
	lua_pushnumber(lua, number);
	lua_setfield(lua, -2, name);
}

static void set_time(lua_State *lua, const char *name, const char *text_name, int64_t ms)
{
	char text[TIMESTAMP_TEXT_BYTES_MAX];

	set_number(lua, name, (double)ms / 1000);
	lua_pushlstring(lua, text, (size_t)timestamp_format(ms, text));
	lua_setfield(lua, -2, text_name);
}

static void set_key(lua_State *lua, const struct rule_window *window)
{
	struct bytes *text = &script_state_of(lua)->scratch;
	struct value values[DIMENSION_FIELDS_MAX];
	int count = dimension_decode(window->key, values, DIMENSION_FIELDS_MAX);

	lua_createtable(lua, 0, (int)window->by_count);
	for (int i = 0; i < count && (uint32_t)i < window->by_count; i++) {
		push_value(lua, &values[i]);
		lua_setfield(lua, -2, window->by[i]);
	}
	lua_setfield(lua, -2, "key");
	bytes_clear(text);
	dimension_append_text(window->key, text);
	lua_pushlstring(lua, text->data ? text->data : "", text->length);
	lua_setfield(lua, -2, "key_text");
}

struct question {
	struct rule_runner_lua *runner;
	const struct rule_window *window;
	struct rule_verdict *verdict;
};

static void push_window(lua_State *lua, void *arg)
{
	const struct question *question = arg;
	const struct rule_window *window = question->window;
	const struct aggregate *aggregate = window->aggregate;

	rule_context_lua_begin(lua, &question->runner->context, window->call);
	lua_rawgeti(lua, LUA_REGISTRYINDEX, question->runner->function_ref);
	lua_rawgeti(lua, LUA_REGISTRYINDEX, question->runner->context.table_ref);
	lua_createtable(lua, 0, 13);
	set_time(lua, "window_start", "window_start_text", window->window_start_ms);
	set_time(lua, "window_end", "window_end_text", window->window_end_ms);
	set_key(lua, window);
	set_number(lua, "count", (double)aggregate->count);
	set_number(lua, "samples", (double)aggregate->samples);
	if (aggregate->samples > 0) {
		set_number(lua, "sum", aggregate_sum(aggregate));
		set_number(lua, "min", aggregate->min);
		set_number(lua, "max", aggregate->max);
		set_number(lua, "avg", aggregate_sum(aggregate) / (double)aggregate->samples);
	}
	lua_pushboolean(lua, window->is_firing);
	lua_setfield(lua, -2, "is_firing");
}

static int take_verdict(lua_State *lua, int first, void *arg, struct err_note *why)
{
	const struct question *question = arg;
	int code = verdict_read(lua, first, question->verdict, why);

	if (code == 0)
		rule_context_lua_end(lua, &question->runner->context);
	return code;
}

/* Every call may stay within its own budget and 100,000 keys of it still stop the daemon for an
 * hour, so that the keys of one boundary share a budget too. Calls of one boundary come in a row:
 * the difference of their starts is what they cost. */
static int charge_boundary(struct rule_runner_lua *runner, const char *function,
			   int64_t boundary_ms, struct err_note *why)
{
	const struct script_state *state = runner->state;
	const struct budget *budget = &state->budget;
	uint64_t limit = state->limits.instructions * RUNNER_BOUNDARY_CALLS_MAX;
	int64_t limit_ms = state->limits.cpu_ms * RUNNER_BOUNDARY_CPU_CALLS_MAX;

	if (runner->boundary_cpu_ns == 0 || runner->boundary_ms != boundary_ms) {
		runner->boundary_ms = boundary_ms;
		runner->boundary_cpu_ns = budget->started_cpu_ns;
		runner->boundary_instructions = 0;
	}
	runner->boundary_instructions += budget->instructions + CALL_INSTRUCTIONS;
	if (runner->boundary_instructions > limit)
		return err_set(why, ERR_BUDGET,
			       "%s: %s: used up the budget of %llu instructions that all "
			       "keys of one evaluation share",
			       state->name, function, (unsigned long long)limit);
	if (budget->started_cpu_ns - runner->boundary_cpu_ns > limit_ms * 1000000)
		return err_set(why, ERR_BUDGET,
			       "%s: %s: used up the budget of %lld ms of processor time "
			       "that all keys of one evaluation share",
			       state->name, function, (long long)limit_ms);
	return 0;
}

static int ask(struct rule_runner *base, const struct rule_window *window, struct rule_verdict *out,
	       struct err_note *why)
{
	struct rule_runner_lua *runner = (struct rule_runner_lua *)base;
	struct rule_verdict verdict = {0};
	struct question question = {runner, window, &verdict};
	struct script_call call = {.state = runner->state,
				   .function = "on_window",
				   .push = push_window,
				   .take = take_verdict,
				   .arg = &question};
	int code = script_end_code(script_call(&call, why));

	if (code == 0)
		code = charge_boundary(runner, "on_window", window->window_end_ms, why);
	runner->context.call = NULL;
	if (code != 0) {
		rule_verdict_clear(&verdict);
		return code;
	}
	*out = verdict;
	return 0;
}

static int filter(struct rule_runner *base, const struct rule_readings *readings, uint32_t from,
		  bool *matches, uint32_t *judged, struct err_note *why)
{
	struct rule_runner_lua *runner = (struct rule_runner_lua *)base;

	return rule_filter_lua_run(runner->state, &runner->filter, readings, from, matches, judged,
				   why);
}

static int on_reading(struct rule_runner *base, const struct rule_readings *readings,
		      const uint16_t *rows, uint32_t row_count, const struct rule_walk *walk,
		      uint32_t *done, struct err_note *why)
{
	struct rule_runner_lua *runner = (struct rule_runner_lua *)base;

	return rule_reading_lua_run(runner->state, &runner->reading, &runner->context, readings,
				    rows, row_count, walk, done, why);
}

static int on_timer(struct rule_runner *base, struct rule_call *call, const char *name,
		    enum rule_answer *answer, struct rule_verdict *out, struct err_note *why)
{
	struct rule_runner_lua *runner = (struct rule_runner_lua *)base;
	int code = rule_reading_lua_time(runner->state, &runner->reading, &runner->context, call,
					 name, answer, out, why);

	if (code != 0)
		return code;
	code = charge_boundary(runner, "on_timer", call->reached_ms, why);
	if (code != 0)
		rule_verdict_clear(out);
	return code;
}

static void usage(const struct rule_runner *base, uint64_t *memory_bytes,
		  uint64_t *memory_bytes_max, uint64_t *call_count)
{
	const struct script_state *state = ((const struct rule_runner_lua *)base)->state;

	*memory_bytes = state->used_bytes;
	*memory_bytes_max = state->used_bytes_max;
	*call_count = state->call_count;
}

static void free_runner(struct rule_runner *base)
{
	struct rule_runner_lua *runner = (struct rule_runner_lua *)base;

	rule_context_lua_deinit(&runner->context);
	script_state_free(runner->state);
	mem_free(runner);
}

static const struct rule_runner_ops runner_ops = {
	.on_window = ask,
	.filter = filter,
	.on_reading = on_reading,
	.on_timer = on_timer,
	.print_state = rule_state_print,
	.usage = usage,
	.free = free_runner,
};

int rule_runner_lua_new(struct rule_runner **out, struct script_state *state, const char *name,
			uint32_t version, struct err_note *why)
{
	struct rule_runner_lua *runner = mem_alloc(sizeof(*runner));
	struct script_call call = {.state = state,
				   .function = "load",
				   .push = push_set_up,
				   .arg = runner,
				   .has_plain_note = true};
	enum script_end end;

	runner->base.ops = &runner_ops;
	runner->state = state;
	runner->name = name;
	runner->version = version;
	end = script_call(&call, why);
	runner->name = NULL;
	state->call_count = 0;
	if (end != SCRIPT_DONE) {
		free_runner(&runner->base);
		return end == SCRIPT_RAISED ? ERR_INVALID : script_end_code(end);
	}
	*out = &runner->base;
	return 0;
}
