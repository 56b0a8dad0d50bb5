#include "lua/bridge/test_script.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "lua/host/call.h"
#include "lua/host/convert.h"
#include "lua/host/library.h"
#include "lua/host/loader.h"
#include "lua/host/sandbox.h"
#include "lua/host/state.h"

#include <lauxlib.h>
#include <lua.h>

#include <stdlib.h>

struct test_case {
	char *name;
	int line, ref;
};

struct test_script {
	struct script_state *state;
	char *path, *text;
	size_t text_bytes;
	struct test_world_ops ops;
	void *arg;
	json_t *answer; /**< of the call that was last made */
	struct test_case *cases;
	uint32_t count;
	bool has_loaded, has_failed;
};

static struct test_script *script_of(lua_State *lua)
{
	return lua_touserdata(lua, lua_upvalueindex(1));
}

static int caller_line(lua_State *lua)
{
	char file[LUA_IDSIZE];

	return library_caller(lua, file, sizeof(file));
}

/* Raises the note at the script's line. */
static int raise(lua_State *lua, const struct err_note *why)
{
	char file[LUA_IDSIZE] = "";
	int line = library_caller(lua, file, sizeof(file));

	lua_pushfstring(lua, "%s:%d: %s", file, line, why->text);
	return lua_error(lua);
}

/* case(name, body) */
static int l_world_case(lua_State *lua)
{
	struct test_script *script = script_of(lua);
	const char *name = luaL_checkstring(lua, 1);
	struct err_note why;
	lua_Debug info;
	int ref;

	luaL_checktype(lua, 2, LUA_TFUNCTION);
	if (script->has_loaded) {
		err_set(&why, ERR_INVALID, "test.case inside a case: cases do not nest");
		return raise(lua, &why);
	}
	if (script->count == TEST_CASES_MAX) {
		err_set(&why, ERR_FULL, "a file has at most %d cases", TEST_CASES_MAX);
		return raise(lua, &why);
	}
	for (uint32_t i = 0; i < script->count; i++)
		if (strcmp(script->cases[i].name, name) == 0) {
			err_set(&why, ERR_INVALID, "there are two cases with the name \"%s\"",
				name);
			return raise(lua, &why);
		}
	lua_pushvalue(lua, 2);
	ref = luaL_ref(lua, LUA_REGISTRYINDEX);
	script->cases = mem_grow(script->cases, script->count + 1, sizeof(*script->cases));
	/* A tail call, `return test.cases { … }`, leaves no line of itself. */
	lua_pushvalue(lua, 2);
	lua_getinfo(lua, ">S", &info);
	script->cases[script->count++] = (struct test_case){
		.name = mem_copy_text(name), .line = info.linedefined, .ref = ref};
	return 0;
}

/* The table at `index` as JSON in the scratch buffer; nothing when there is none. */
static struct slice json_of(lua_State *lua, int index)
{
	struct bytes *json = &script_state_of(lua)->scratch;
	struct err_note why;

	bytes_clear(json);
	if (!lua_isnoneornil(lua, index) && convert_to_json(lua, index, json, &why) != 0)
		raise(lua, &why);
	return bytes_slice(json);
}

/* call(verb, text, table) -> answer */
static int l_world_call(lua_State *lua)
{
	struct test_script *script = script_of(lua);
	const char *verb = luaL_checkstring(lua, 1), *text = luaL_optstring(lua, 2, "");
	struct slice json = json_of(lua, 3);
	struct err_note why = {0};

	if (!script->has_loaded) {
		err_set(&why, ERR_INVALID,
			"this belongs into a case: test.case(\"…\", function() … end)");
		return raise(lua, &why);
	}
	json_decref(script->answer);
	script->answer = NULL;
	if (script->ops.call(script->arg, verb, text, json, &script->answer, &why) != 0)
		return raise(lua, &why);
	if (script->answer == NULL)
		return 0;
	convert_push_json(lua, script->answer);
	return 1;
}

/* fail(text, details) */
static int l_world_fail(lua_State *lua)
{
	struct test_script *script = script_of(lua);
	const char *text = luaL_checkstring(lua, 1);
	struct slice json = json_of(lua, 2);

	json_decref(script->answer);
	script->answer = json.length > 0 ? json_loadb(json.data, json.length, 0, NULL) : NULL;
	/* A pcall around the expectation does not make it good again. */
	if (!script->has_failed)
		script->ops.fail(script->arg, caller_line(lua), text, script->answer);
	script->has_failed = true;
	return 0;
}

static void push_file(lua_State *lua, void *arg)
{
	struct test_script *script = arg;
	static const struct {
		const char *name;
		lua_CFunction function;
	} calls[] = {{"case", l_world_case}, {"call", l_world_call}, {"fail", l_world_fail}};

	lua_newtable(lua);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		lua_pushlightuserdata(lua, script);
		lua_pushcclosure(lua, calls[i].function, 1);
		lua_setfield(lua, -2, calls[i].name);
	}
	library_set_world(lua);
	lua_pushliteral(lua, "@test.lua");
	if (luaL_loadbufferx(lua, script->text, script->text_bytes, lua_tostring(lua, -1), "t") !=
	    0)
		lua_error(lua);
	lua_remove(lua, -2);
	sandbox_enter(lua);
}

/* "test.lua:7: text" -> 7, and the note keeps the text. */
static int split_line(const struct script_state *state, struct err_note *why)
{
	const char *where = strrchr(state->budget.where, ':');
	char *end;
	long line;

	if (strncmp(why->text, "test.lua:", 9) != 0)
		return where != NULL ? (int)strtol(where + 1, NULL, 10) : 0;
	line = strtol(why->text + 9, &end, 10);
	if (strncmp(end, ": ", 2) == 0)
		memmove(why->text, end + 2, strlen(end + 2) + 1);
	return (int)line;
}

static int run(struct test_script *script, void (*push)(lua_State *lua, void *arg), void *arg,
	       int *line, struct err_note *why)
{
	struct script_call call = {.state = script->state,
				   .function = "test",
				   .push = push,
				   .arg = arg,
				   .has_plain_note = true};
	enum script_end end = script_call(&call, why);

	if (end == SCRIPT_DONE)
		return 0;
	*line = split_line(script->state, why);
	return script_end_code(end);
}

int test_script_load(struct test_script **out, const char *path, const struct test_world_ops *ops,
		     void *arg, int *line, struct err_note *why)
{
	struct script_limits limits = {TEST_MEMORY_BYTES, TEST_INSTRUCTIONS,
				       TEST_CALL_MS * SCRIPT_SLOWNESS};
	struct test_script *script = mem_alloc(sizeof(*script));
	int code;

	script->path = mem_copy_text(path);
	script->ops = *ops;
	script->arg = arg;
	*line = 0;
	code = loader_read_file(path, &script->text, &script->text_bytes, why);
	if (code == 0)
		code = script_state_new(&script->state, path, &limits, why);
	if (code == 0)
		code = run(script, push_file, script, line, why);
	script->has_loaded = true;
	if (code != 0) {
		test_script_free(script);
		return code;
	}
	*out = script;
	return 0;
}

void test_script_free(struct test_script *script)
{
	if (script == NULL)
		return;
	for (uint32_t i = 0; i < script->count; i++)
		mem_free(script->cases[i].name);
	mem_free(script->cases);
	json_decref(script->answer);
	script_state_free(script->state);
	mem_free(script->text);
	mem_free(script->path);
	mem_free(script);
}

uint32_t test_script_count(const struct test_script *script)
{
	return script->count;
}

const char *test_script_name(const struct test_script *script, uint32_t index)
{
	return script->cases[index].name;
}

int test_script_line(const struct test_script *script, uint32_t index)
{
	return script->cases[index].line;
}

struct case_call {
	int ref;
};

static void push_case(lua_State *lua, void *arg)
{
	const struct case_call *call = arg;

	lua_rawgeti(lua, LUA_REGISTRYINDEX, call->ref);
}

int test_script_run(struct test_script *script, uint32_t index, int *line, struct err_note *why)
{
	struct case_call call = {script->cases[index].ref};
	int code;

	script->has_failed = false;
	*line = 0;
	code = run(script, push_case, &call, line, why);
	return script->has_failed ? ERR_SCRIPT : code;
}
