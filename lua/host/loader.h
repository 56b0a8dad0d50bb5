/** loader.h - reads a script file and runs its body in a fresh sandbox.
 *  Limits: SITE_FILE_BYTES_MAX. Text only: bytecode and text that is not UTF-8 are refused.
 */
#ifndef TOCSIN_LUA_HOST_LOADER_H
#define TOCSIN_LUA_HOST_LOADER_H

#include <stddef.h>

struct arena;
struct err_note;
struct script_limits;
struct script_state;
struct tree;

enum { LOADER_JUMPS_MAX = 5000 };

/** Whole file; owned, NUL-terminated. ERR_NOT_FOUND, ERR_IO, ERR_RANGE. */
int loader_read_file(const char *path, char **out, size_t *out_bytes, struct err_note *why);

struct loaded {
	struct script_state
		*state;    /**< owned: loaded_deinit(), unless taken (then set it to NULL) */
	struct tree *tree; /**< what the body returned, in the caller's arena */
	const char *tag;   /**< constructor: "count" … "plan", or NULL; in the arena */
	int root_line;
};

/** Compiles and runs `text` as `name` ("rules/x/1.lua"). The returned table stays in the state for
 *  loader_push_field(). On failure `*line` is the line in the file, 0 when there is none. */
int loader_run(struct loaded *out, const char *name, const char *text, size_t length,
	       const struct script_limits *limits, struct arena *arena, int *line,
	       struct err_note *why);
void loaded_deinit(struct loaded *loaded);

/** Pushes a field of the table that the body returned (nil when absent). May raise. */
struct lua_State;
void loader_push_field(struct lua_State *lua, const char *name);

#endif
