/** state.h - one sandboxed Lua state: a rule version, a plan run, or the loading of one file.
 *
 *  The allocator honours `limits.memory_bytes`: past it an allocation is denied and the running
 *  call ends as SCRIPT_OVER_MEMORY. The JIT is off, because a count hook does not fire in
 *  compiled loops.
 *  Owner:   script_state_new() result owned. Its `lua` is borrowed until script_state_free().
 *  Threads: one at a time, on a thread with SCRIPT_STACK_BYTES of stack.
 */
#ifndef TOCSIN_LUA_HOST_STATE_H
#define TOCSIN_LUA_HOST_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "lua/host/budget.h"

struct config;
struct err_note;
struct lua_State;
struct pattern_cache;

/* Allocation and matching are that much slower under the thread sanitizer. */
#ifdef __SANITIZE_THREAD__
enum { SCRIPT_SLOWNESS = 10 };
#else
enum { SCRIPT_SLOWNESS = 1 };
#endif

enum {
	SCRIPT_STACK_BYTES = 256 * 1024 * 1024,
	SCRIPT_NAME_BYTES_MAX = 160,
	SCRIPT_MEMORY_BYTES = 16 * 1024 * 1024,
	SCRIPT_INSTRUCTIONS = 5000000,
	SCRIPT_CALL_MS = 50 * SCRIPT_SLOWNESS,
	/** At least this for a file's own body, which runs once. */
	SCRIPT_LOAD_MS = 250 * SCRIPT_SLOWNESS,
};

/** Which names a state gets; see the `phases` column of lua/api/api.c. */
enum script_phase { PHASE_LOAD = 1, PHASE_RULE = 2, PHASE_PLAN = 4, PHASE_TEST = 8 };

struct script_limits {
	size_t memory_bytes;
	uint64_t instructions; /**< per call */
	int64_t cpu_ms;        /**< per call: safety net */
};
#define SCRIPT_LIMITS_DEFAULT                                                                      \
	((struct script_limits){SCRIPT_MEMORY_BYTES, SCRIPT_INSTRUCTIONS, SCRIPT_CALL_MS})

struct script_state {
	struct lua_State *lua;
	char name[SCRIPT_NAME_BYTES_MAX]; /**< "rules/pay_failed/1.lua", for messages */
	struct script_limits limits;
	size_t used_bytes;
	size_t used_bytes_max;
	uint64_t denied_count;
	uint64_t call_count;
	uint32_t log_count; /**< lines written by the running call */
	bool has_big_block; /**< once true, the hook looks more often: see budget.c */
	struct budget budget;
	struct bytes scratch; /**< for C functions that may raise while they build a text */
	struct pattern_cache *patterns; /**< owned */
};

/** `config` NULL gives the defaults. */
struct script_limits script_limits_of(const struct config *config);

/** ERR_MEMORY when the limit does not even hold the standard functions. */
int script_state_new(struct script_state **out, const char *name,
		     const struct script_limits *limits, struct err_note *why);
void script_state_free(struct script_state *state);

/** The owner of a lua_State or of one of its coroutines. O(1). */
struct script_state *script_state_of(struct lua_State *lua);

#endif
