#include "lua/bridge/plan_runner_lua.h"

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan_runner.h"
#include "lua/host/call.h"
#include "lua/host/convert.h"
#include "lua/host/library.h"
#include "lua/host/loader.h"
#include "lua/host/sandbox.h"
#include "lua/host/state.h"

#include <lauxlib.h>
#include <lua.h>

/* A coroutine. The references are of the registry. */
struct branch {
	lua_State *thread; /**< NULL: the place is free */
	int thread_ref;
	int body_ref; /**< function(index): what its branches do, while it waits for them */
	bool has_ended;
};

struct plan_runner_lua {
	struct plan_runner base;
	struct script_state *state;
	struct branch *branches; /**< by number */
	uint32_t branch_count;
	struct plan_call call;
	char *texts[4]; /**< id, action, args_json, opts_json of `call`; owned */
};

struct plan_factory_lua {
	struct plan_factory base;
	char *name;
	char *source;
	size_t source_bytes;
	struct script_limits limits;
};

/* Replaces the argument at `index` by its JSON text; absent stays nil. */
static void argument_to_json(lua_State *lua, int index, const char *name)
{
	struct bytes *json = &script_state_of(lua)->scratch;
	struct err_note why;

	if (lua_isnil(lua, index))
		return;
	bytes_clear(json);
	if (convert_to_json(lua, index, json, &why) != 0) {
		char file[LUA_IDSIZE] = "?";
		int line = library_caller(lua, file, sizeof(file));

		lua_pushfstring(lua, "%s:%d: %s: %s", file, line, name, why.text);
		lua_error(lua);
	}
	lua_pushlstring(lua, json->data, json->length);
	lua_replace(lua, index);
}

/* yield(kind, id, action, args, opts, body) -> is_ok, result | sentence */
static int l_plan_yield(lua_State *lua)
{
	char file[LUA_IDSIZE];

	lua_settop(lua, 6);
	argument_to_json(lua, 4, "the arguments");
	argument_to_json(lua, 5, "the options");
	lua_pushinteger(lua, library_caller(lua, file, sizeof(file)));
	return lua_yield(lua, 7);
}

/* A key for what belongs to the branch that runs. */
static int l_plan_branch(lua_State *lua)
{
	lua_pushthread(lua);
	return 1;
}

/* Registry slot of the function that undoes everything. */
static const char unwind_key;

/* keep(function(reason)): what undoes everything, for a rollback that a person wants. */
static int l_plan_keep(lua_State *lua)
{
	luaL_checktype(lua, 1, LUA_TFUNCTION);
	lua_pushlightuserdata(lua, (void *)(uintptr_t)&unwind_key);
	lua_pushvalue(lua, 1);
	lua_rawset(lua, LUA_REGISTRYINDEX);
	return 0;
}

/* ---- branches ---- */

/* Takes the thread from the top of the stack. */
static uint32_t add_branch(struct plan_runner_lua *runner, lua_State *lua)
{
	lua_State *thread = lua_tothread(lua, -1);
	int ref = luaL_ref(lua, LUA_REGISTRYINDEX);
	uint32_t number = 0;

	while (number < runner->branch_count && runner->branches[number].thread)
		number++;
	if (number == runner->branch_count) {
		runner->branch_count = number == 0 ? 1 : number * 2;
		runner->branches =
			mem_grow(runner->branches, runner->branch_count, sizeof(struct branch));
		for (uint32_t i = number; i < runner->branch_count; i++)
			runner->branches[i] = (struct branch){0};
	}
	runner->branches[number] = (struct branch){thread, ref, LUA_NOREF, false};
	return number;
}

struct fork {
	struct plan_runner_lua *runner;
	uint32_t parent, index, number;
};

static int do_nothing(lua_State *lua)
{
	(void)lua;
	return 0;
}

static void push_fork(lua_State *lua, void *arg)
{
	struct fork *fork = arg;
	lua_State *thread = lua_newthread(lua);

	lua_rawgeti(lua, LUA_REGISTRYINDEX, fork->runner->branches[fork->parent].body_ref);
	lua_pushinteger(lua, (lua_Integer)fork->index + 1);
	lua_xmove(lua, thread, 2);
	fork->number = add_branch(fork->runner, lua);
	lua_pushcfunction(lua, do_nothing);
}

static int fork_branch(struct plan_runner *base, uint32_t parent, uint32_t index, uint32_t *branch,
		       struct err_note *why)
{
	struct plan_runner_lua *runner = (struct plan_runner_lua *)base;
	struct fork fork = {.runner = runner, .parent = parent, .index = index};
	struct script_call call = {
		.state = runner->state, .function = "run", .push = push_fork, .arg = &fork};
	enum script_end end = script_call(&call, why);

	*branch = fork.number;
	return script_end_code(end);
}

struct unwind {
	struct plan_runner_lua *runner;
	const char *reason;
	bool is_found;
	uint32_t number;
};

static void push_unwind(lua_State *lua, void *arg)
{
	struct unwind *unwind = arg;
	lua_State *thread;

	lua_pushlightuserdata(lua, (void *)(uintptr_t)&unwind_key);
	lua_rawget(lua, LUA_REGISTRYINDEX);
	unwind->is_found = lua_isfunction(lua, -1);
	if (unwind->is_found) {
		thread = lua_newthread(lua);
		lua_insert(lua, -2);
		lua_pushstring(lua, unwind->reason);
		lua_xmove(lua, thread, 2);
		unwind->number = add_branch(unwind->runner, lua);
	} else {
		lua_pop(lua, 1);
	}
	lua_pushcfunction(lua, do_nothing);
}

static int unwind_branch(struct plan_runner *base, const char *reason, uint32_t *branch,
			 struct err_note *why)
{
	struct plan_runner_lua *runner = (struct plan_runner_lua *)base;
	struct unwind unwind = {.runner = runner, .reason = reason};
	struct script_call call = {
		.state = runner->state, .function = "run", .push = push_unwind, .arg = &unwind};
	int code = script_end_code(script_call(&call, why));

	if (code == 0 && !unwind.is_found)
		code = err_set(why, ERR_NOT_FOUND, "%s: the script has not begun",
			       runner->state->name);
	*branch = unwind.number;
	return code;
}

static void drop_branch(struct plan_runner *base, uint32_t number)
{
	struct plan_runner_lua *runner = (struct plan_runner_lua *)base;
	struct branch *branch = &runner->branches[number];

	luaL_unref(runner->state->lua, LUA_REGISTRYINDEX, branch->body_ref);
	luaL_unref(runner->state->lua, LUA_REGISTRYINDEX, branch->thread_ref);
	*branch = (struct branch){0};
}

/* ---- start ---- */

struct start {
	struct plan_runner_lua *runner;
	const char *run_id;
	json_t *params, *incident;
};

/* Makes the coroutine and leaves on it: main, run, yield, branch, keep, run id, params, defaults,
 * incident. */
static void push_start(lua_State *lua, void *arg)
{
	struct start *start = arg;
	lua_State *thread = lua_newthread(lua);

	add_branch(start->runner, lua);
	library_push_own(lua, "tocsin._plan_run");
	loader_push_field(lua, "run");
	if (!lua_isfunction(lua, -1))
		luaL_error(lua, "a plan needs run = function(ctx, params) … end");
	lua_pushcfunction(lua, l_plan_yield);
	lua_pushcfunction(lua, l_plan_branch);
	lua_pushcfunction(lua, l_plan_keep);
	lua_pushstring(lua, start->run_id);
	convert_push_json(lua, start->params);
	loader_push_field(lua, "params");
	if (!lua_istable(lua, -1)) {
		lua_pop(lua, 1);
		lua_newtable(lua);
	}
	convert_push_json(lua, start->incident);
	lua_xmove(lua, thread, 9);
	lua_pushcfunction(lua, do_nothing);
}

static void free_runner(struct plan_runner *base)
{
	struct plan_runner_lua *runner = (struct plan_runner_lua *)base;

	for (size_t i = 0; i < 4; i++)
		mem_free(runner->texts[i]);
	script_state_free(runner->state);
	mem_free(runner->branches);
	mem_free(runner);
}

/* ---- one step of the run ---- */

struct turn {
	struct plan_runner_lua *runner;
	struct branch *branch;
	const struct plan_answer *answer;
	json_t *result;
	bool has_yielded;
	struct bytes json; /**< what run() returned */
};

static void push_answer(lua_State *lua, void *arg)
{
	const struct turn *turn = arg;

	if (!turn->answer)
		return;
	lua_pushboolean(lua, turn->answer->is_ok);
	if (turn->answer->is_ok)
		convert_push_json(lua, turn->result);
	else
		lua_pushstring(lua, turn->answer->error ? turn->answer->error : "failed");
}

static int read_kind(const char *text)
{
	static const char *const names[] = {
#define PLAN_CALL_NAME(name, text) [PLAN_CALL_##name] = (text),
		PLAN_CALL_LIST(PLAN_CALL_NAME)
#undef PLAN_CALL_NAME
	};

	for (size_t i = 0; text && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], text) == 0)
			return (int)i;
	return -1;
}

/* stack from `first`: kind, id, action, args, opts, body, line */
static int take_call(lua_State *lua, int first, const struct turn *turn, struct err_note *why)
{
	struct plan_runner_lua *runner = turn->runner;
	int kind = read_kind(lua_tostring(lua, first));

	if (kind < 0)
		return err_set(why, ERR_INVALID, "the coroutine yielded by itself");
	for (int i = 0; i < 4; i++) {
		mem_free(runner->texts[i]);
		runner->texts[i] = mem_copy_text(lua_tostring(lua, first + 1 + i));
	}
	runner->call = (struct plan_call){
		.kind = (enum plan_call_kind)kind,
		.id = runner->texts[0],
		.action = runner->texts[1],
		.args_json = runner->texts[2],
		.opts_json = runner->texts[3],
		.line = (int)lua_tointeger(lua, first + 6),
	};
	if (kind == PLAN_CALL_BRANCHES) {
		lua_pushvalue(lua, first + 5);
		turn->branch->body_ref = luaL_ref(lua, LUA_REGISTRYINDEX);
	}
	return 0;
}

static int take_turn(lua_State *lua, int first, void *arg, struct err_note *why)
{
	struct turn *turn = arg;

	if (turn->has_yielded)
		return take_call(lua, first, turn, why);
	if (lua_gettop(lua) < first) {
		bytes_append_text(&turn->json, "null");
		return 0;
	}
	if (convert_to_json(lua, first, &turn->json, why) == 0)
		return 0;
	err_prefix(why, "the result of run()");
	return ERR_INVALID;
}

static enum plan_progress ended(struct branch *branch, int code, int *out_code)
{
	branch->has_ended = true;
	*out_code = code;
	return PLAN_RAISED;
}

static enum plan_progress resume(struct plan_runner *base, uint32_t number,
				 const struct plan_answer *answer, struct plan_call *out,
				 char **result_json, int *code, struct err_note *why)
{
	struct plan_runner_lua *runner = (struct plan_runner_lua *)base;
	struct branch *branch = &runner->branches[number];
	struct turn turn = {.runner = runner, .branch = branch, .answer = answer};
	struct script_call call = {.state = runner->state,
				   .function = "run",
				   .push = push_answer,
				   .take = take_turn,
				   .arg = &turn,
				   /* The join's own message says where it happened. */
				   .has_plain_note = number != 0,
				   .thread = branch->thread,
				   .has_yielded = &turn.has_yielded};
	enum script_end end;

	if (branch->has_ended)
		return ended(branch,
			     err_set(why, ERR_CLOSED, "%s: the run is over", runner->state->name),
			     code);
	if (answer && answer->is_ok &&
	    convert_parse_json(answer->result_json, &turn.result, why) != 0)
		return ended(branch, ERR_INVALID, code);
	luaL_unref(runner->state->lua, LUA_REGISTRYINDEX, branch->body_ref);
	branch->body_ref = LUA_NOREF;
	end = script_call(&call, why);
	json_decref(turn.result);
	if (end != SCRIPT_DONE) {
		bytes_deinit(&turn.json);
		return ended(branch, script_end_code(end), code);
	}
	if (turn.has_yielded) {
		*out = runner->call;
		return PLAN_CALLED;
	}
	branch->has_ended = true;
	*result_json = bytes_take_text(&turn.json);
	return PLAN_FINISHED;
}

static const struct plan_runner_ops runner_ops = {
	.resume = resume,
	.fork = fork_branch,
	.unwind = unwind_branch,
	.drop = drop_branch,
	.free = free_runner,
};

/* ---- factory ---- */

static int make_runner(const struct plan_factory_lua *factory, struct start *start,
		       struct err_note *why)
{
	struct plan_runner_lua *runner = start->runner;
	struct script_call call = {.function = "run", .push = push_start, .arg = start};
	struct arena arena;
	struct loaded loaded;
	enum script_end end;
	int line, code;

	arena_init(&arena);
	code = loader_run(&loaded, factory->name, factory->source, factory->source_bytes,
			  &factory->limits, &arena, &line, why);
	arena_deinit(&arena);
	if (code != 0) {
		err_prefix(why, "%s:%d", factory->name, line);
		return code;
	}
	runner->state = loaded.state;
	call.state = loaded.state;
	end = script_call(&call, why);
	return script_end_code(end);
}

static int factory_start(struct plan_factory *base, const char *run_id, const char *params_json,
			 const char *incident_json, struct plan_runner **out, struct err_note *why)
{
	const struct plan_factory_lua *factory = (const struct plan_factory_lua *)base;
	struct start start = {.run_id = run_id};
	int code = convert_parse_json(params_json, &start.params, why);

	if (code != 0)
		return code;
	start.incident = json_object();
	if (incident_json) {
		json_decref(start.incident);
		start.incident = NULL;
		code = convert_parse_json(incident_json, &start.incident, why);
	}
	if (code == 0) {
		start.runner = mem_alloc(sizeof(*start.runner));
		start.runner->base.ops = &runner_ops;
		code = make_runner(factory, &start, why);
		if (code == 0)
			*out = &start.runner->base;
		else
			free_runner(&start.runner->base);
	}
	json_decref(start.params);
	json_decref(start.incident);
	return code;
}

static const char *factory_source(const struct plan_factory *base)
{
	return ((const struct plan_factory_lua *)base)->source;
}

static void factory_free(struct plan_factory *base)
{
	struct plan_factory_lua *factory = (struct plan_factory_lua *)base;

	mem_free(factory->name);
	mem_free(factory->source);
	mem_free(factory);
}

static const struct plan_factory_ops factory_ops = {
	.start = factory_start,
	.source = factory_source,
	.free = factory_free,
};

struct plan_factory *plan_factory_lua_new(const char *name, const char *source, size_t source_bytes,
					  const struct script_limits *limits)
{
	struct plan_factory_lua *factory = mem_alloc(sizeof(*factory));

	factory->base.ops = &factory_ops;
	factory->name = mem_copy_text(name);
	factory->source = mem_copy_bytes(source, source_bytes);
	factory->source_bytes = source_bytes;
	factory->limits = *limits;
	return &factory->base;
}
