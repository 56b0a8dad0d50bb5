/** script_test.h - runs one script in a fresh sandbox, on a thread with the stack the program
 *  gives it. */
#ifndef TOCSIN_TESTS_UNIT_LUA_SCRIPT_TEST_H
#define TOCSIN_TESTS_UNIT_LUA_SCRIPT_TEST_H

#include <criterion/criterion.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "lua/host/call.h"
#include "lua/host/convert.h"
#include "lua/host/sandbox.h"
#include "lua/host/state.h"

struct script_test {
	const char *text;
	size_t length;
	struct script_limits limits;
	enum script_end end;
	struct err_note why;
	struct bytes json; /**< first result */
	double cpu_ms;
	size_t used_bytes_max;
	struct script_state *state;
};

/** Calls `function(arg)` on a thread with SCRIPT_STACK_BYTES of stack. */
static inline void on_big_stack(void *(*function)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	cr_assert_eq(pthread_attr_setstacksize(&attr, SCRIPT_STACK_BYTES), 0);
	cr_assert_eq(pthread_create(&thread, &attr, function, arg), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
}

static inline void script_test_push(lua_State *lua, void *arg)
{
	const struct script_test *test = (const struct script_test *)arg;

	if (luaL_loadbufferx(lua, test->text, test->length, "@test.lua", "t") != 0)
		lua_error(lua);
	sandbox_enter(lua);
}

static inline int script_test_take(lua_State *lua, int first, void *arg, struct err_note *why)
{
	struct script_test *test = (struct script_test *)arg;

	if (lua_gettop(lua) < first)
		return 0;
	return convert_to_json(lua, first, &test->json, why);
}

static inline double thread_cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

static inline void *script_test_body(void *arg)
{
	struct script_test *test = (struct script_test *)arg;
	struct script_call call = {.function = "main",
				   .push = script_test_push,
				   .take = script_test_take,
				   .arg = test};
	struct err_note why;
	double started;

	cr_assert_eq(script_state_new(&call.state, "test.lua", &test->limits, &why), 0);
	started = thread_cpu_ms();
	test->end = script_call(&call, &test->why);
	test->cpu_ms = thread_cpu_ms() - started;
	test->used_bytes_max = call.state->used_bytes_max;
	script_state_free(call.state);
	return NULL;
}

static inline struct script_test run_limited(const char *text, struct script_limits limits)
{
	struct script_test test = {.text = text, .length = strlen(text), .limits = limits};

	on_big_stack(script_test_body, &test);
	return test;
}

/** Enough processor time for a machine that is busy, and for sanitizers. */
static inline struct script_test run(const char *text)
{
	struct script_limits limits = {SCRIPT_MEMORY_BYTES, SCRIPT_INSTRUCTIONS, 5000};

	return run_limited(text, limits);
}

static inline void expect_json(const char *text, const char *json)
{
	struct script_test test = run(text);

	cr_expect_eq(test.end, SCRIPT_DONE, "%s\n%s", text, test.why.text);
	cr_expect_str_eq(test.json.data ? test.json.data : "", json, "%s\n got %s", text,
			 test.json.data);
	bytes_deinit(&test.json);
}

static inline void expect_raises(const char *text, const char *part)
{
	struct script_test test = run(text);

	cr_expect_eq(test.end, SCRIPT_RAISED, "%s", text);
	cr_expect(strstr(test.why.text, part) != NULL, "%s\n got: %s\n not: %s", text,
		  test.why.text, part);
	bytes_deinit(&test.json);
}

#endif
