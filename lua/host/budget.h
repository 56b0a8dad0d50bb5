/** budget.h - how long a call into a script may run, and how it is ended.
 *
 *  The verdict is the instruction count, so that it is the same in every run. Processor time of the
 *  thread is only the safety net, for scripts that spend their time inside C functions.
 *  After the end every further instruction raises again, so that pcall cannot swallow it.
 */
#ifndef TOCSIN_LUA_HOST_BUDGET_H
#define TOCSIN_LUA_HOST_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct lua_State;
struct script_state;

/** Every way a call can end. */
enum script_end {
	SCRIPT_DONE,
	SCRIPT_RAISED,
	SCRIPT_OVER_TIME,
	SCRIPT_OVER_MEMORY,
	SCRIPT_BAD_RESULT,
};

enum {
	BUDGET_PERIOD = 1000,    /**< instructions between two looks */
	BUDGET_PERIOD_FINE = 16, /**< when one instruction can touch a big block */
	BUDGET_BIG_BLOCK_BYTES = 65536,
	BUDGET_CALLBACK_STACK_BYTES = 512 * 1024, /**< of C stack under nested callbacks */
	BUDGET_WHERE_BYTES_MAX = 96,
};

struct budget {
	uint64_t instructions;
	int64_t started_mono_ns;
	int64_t started_cpu_ns;
	int period;
	bool is_armed;
	bool is_cpu_time;                   /**< the safety net gave the verdict */
	enum script_end ended;              /**< SCRIPT_DONE while within the budget */
	char where[BUDGET_WHERE_BYTES_MAX]; /**< "file:line" where it ended, or "" */
	const char *stack_base;
};

void budget_arm(struct script_state *state);
void budget_disarm(struct script_state *state);

/** For C functions that scripts call: counts work done outside the interpreter. Raises at the
 *  end. */
void budget_charge(struct lua_State *lua, uint64_t units);
/** The same where raising is impossible: true when the call has to end (budget_charge raises it
 *  then). */
bool budget_is_spent(struct script_state *state, uint64_t units);
/** Before a C function calls back into Lua: raises when callbacks are nested too deeply. */
void budget_check_stack(struct lua_State *lua);

/** From the allocator. */
void budget_on_memory_denied(struct script_state *state);
void budget_on_big_block(struct script_state *state);

#endif
