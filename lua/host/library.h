/** library.h - the modules that scripts may `require`: lua/lib/, embedded into the program by the
 *  build. */
#ifndef TOCSIN_LUA_HOST_LIBRARY_H
#define TOCSIN_LUA_HOST_LIBRARY_H

#include <stddef.h>

struct lua_State;

struct library_file {
	const char *name; /**< "tocsin.rule"; "tocsin._plan_run" is for the program alone */
	const unsigned char *text;
	size_t length;
};

/** Generated from lua/lib/ by lua/embed.cmake; ends with name NULL. */
extern const struct library_file library_files[];

/** Pushes the module, loading it the first time. Raises for a name that scripts may not have. */
void library_push(struct lua_State *lua, const char *name);
/** The same for the program's own modules. */
void library_push_own(struct lua_State *lua, const char *name);

/** Takes a table of functions from the stack: the modules tocsin.test and tocsin.plan_test work
 *  with them. In a state without them there are no such modules. */
void library_set_world(struct lua_State *lua);

/** Place of the script that called into the library ("rules/x/1.lua", line); line 0 when a
 *  tail call has left no trace of it. */
int library_caller(struct lua_State *lua, char *file, size_t file_bytes);

enum { SCRIPT_HASH_BYTES = 33 };
/** XXH3-128 of a script's text, hex. The embedded library is left out on purpose: with it, a new
 *  release of the program would refuse every rule as "changed". */
void script_hash(const char *text, size_t length, char out[SCRIPT_HASH_BYTES]);

#endif
