/** convert.h - values across the border: Lua tables to trees, Lua values to JSON and back.
 *
 *  Functions with a lua_State may raise: call them in script_call()'s push or take.
 *  Arrays and objects: a table with the keys 1..n is an array, one with text keys an object, a
 *  mixture is refused. The empty table is an object, unless `plan.list {}` made it or it came
 *  from an empty array.
 *  JSON null is nil in an object (the key is absent) and false in an array (so that it keeps its
 *  place).
 *  Keys are sorted by bytes, numbers are the shortest text that reads back the same: equal values
 *  give equal bytes. Text that is not UTF-8 has its bad bytes replaced by U+FFFD.
 */
#ifndef TOCSIN_LUA_HOST_CONVERT_H
#define TOCSIN_LUA_HOST_CONVERT_H

#include <jansson.h>

struct arena;
struct bytes;
struct err_note;
struct key_lines;
struct lua_State;
struct tree;

enum { JSON_DEPTH_MAX = 32, JSON_BYTES_MAX = 256 * 1024, JSON_PARSE_BYTES_MAX = 1024 * 1024 };

/** A tree of the table at `index` in `arena`; `lines` may be NULL (every line is then `line`).
 *  ERR_INVALID,
 *  ERR_RANGE: `*fault_line` and the note say what cannot be in a file. */
int convert_to_tree(struct lua_State *lua, int index, struct arena *arena,
		    const struct key_lines *lines, int line, struct tree **out, int *fault_line,
		    struct err_note *why);

/** Appends the value at `index`. ERR_INVALID, ERR_RANGE with a sentence that says where. `out` is
 *  not freed
 *  when it raises (a table with unordered keys, the memory limit): the caller of script_call owns
 *  it. */
int convert_to_json(struct lua_State *lua, int index, struct bytes *out, struct err_note *why);

/** Pushes a parsed document (borrowed). */
void convert_push_json(struct lua_State *lua, const json_t *json);
/** Parses bounded text; owned. NULL text is an empty object. */
int convert_parse_json(const char *text, json_t **out, struct err_note *why);

#endif
