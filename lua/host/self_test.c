#include "lua/host/generation.h"

#include "core/base/err.h"
#include "lua/host/call.h"
#include "lua/host/sandbox.h"
#include "lua/host/state.h"

#include <lauxlib.h>
#include <lua.h>

/* What holds on one build of LuaJIT need not hold on another (compiler on, allocator ignored
 * without GC64), so every start of the program proves it. */

static void push_text(lua_State *lua, void *arg)
{
	const char *text = arg;

	if (luaL_loadbufferx(lua, text, strlen(text), "=self_test", "t") != 0)
		lua_error(lua);
	sandbox_enter(lua);
}

static int expect(const char *text, uint64_t instructions, enum script_end expected,
		  struct err_note *why)
{
	struct script_limits limits = {4 * 1024 * 1024, instructions, 1000};
	struct script_call call = {
		.function = "self_test", .push = push_text, .arg = (void *)(uintptr_t)text};
	struct err_note note = {0};
	enum script_end end;
	int code = script_state_new(&call.state, "self_test", &limits, why);

	if (code != 0)
		return code;
	end = script_call(&call, &note);
	script_state_free(call.state);
	if (end == expected)
		return 0;
	return err_set(why, ERR_UNSUPPORTED,
		       "scripts cannot be bounded with this LuaJIT: `%s` ended in an unexpected "
		       "way (%s)",
		       text, note.text[0] ? note.text : "without an error");
}

int lua_self_test(struct err_note *why)
{
	/* A caught error costs a microsecond: few instructions, or each start waits for them. */
	static const struct {
		const char *text;
		uint64_t instructions;
		enum script_end end;
	} cases[] = {
		{"local n = 0 for i = 1, 1000 do n = n + i end assert(n == 500500)", 100000,
		 SCRIPT_DONE},
		{"while true do end", 100000, SCRIPT_OVER_TIME},
		{"for i = 1, 1e12 do end", 100000, SCRIPT_OVER_TIME},
		{"while true do pcall(error) end", 20000, SCRIPT_OVER_TIME},
		{"local t = {} for i = 1, 1e9 do t[i] = i end", 2000000, SCRIPT_OVER_MEMORY},
		{"local s = 'x' while true do s = s .. s end", 100000, SCRIPT_OVER_MEMORY},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int code = expect(cases[i].text, cases[i].instructions, cases[i].end, why);

		if (code != 0)
			return code;
	}
	return 0;
}
