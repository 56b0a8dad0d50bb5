/** plan_runner_lua.h - runs a plan's function in a coroutine and passes its calls to core/plan.
 *
 *  A run has a Lua state of its own, built from the plan's source text, so that a restart needs
 *  nothing else.
 *  The script's side of the calls (ctx) is lua/lib/_plan_run.lua.
 */
#ifndef TOCSIN_LUA_BRIDGE_PLAN_RUNNER_LUA_H
#define TOCSIN_LUA_BRIDGE_PLAN_RUNNER_LUA_H

#include <stddef.h>

struct plan_factory;
struct script_limits;

/** `name` is the script's ("plans/x/1.lua"); name and source are copied. */
struct plan_factory *plan_factory_lua_new(const char *name, const char *source, size_t source_bytes,
					  const struct script_limits *limits);

#endif
