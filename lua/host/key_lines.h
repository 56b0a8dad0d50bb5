/** key_lines.h - on which line each key of a file's returned table stands, so that faults can
 *  name it.
 *
 *  Lua forgets the lines of table entries. A small lexer reads the source once more: from the
 *  file's own `return` (not one inside a function) it follows table constructors and notes `path
 *  -> line`.
 *  Paths are key parts joined by '\x1f'; list items are "1", "2" …  It never fails: what it cannot
 *  follow (a table built in a variable) has no line of its own, and callers use the enclosing one.
 */
#ifndef TOCSIN_LUA_HOST_KEY_LINES_H
#define TOCSIN_LUA_HOST_KEY_LINES_H

#include <stddef.h>

#include "core/base/key_table.h"

enum { KEY_PATH_BYTES_MAX = 512, KEY_LINES_MAX = 20000, KEY_DEPTH_MAX = 24 };

struct key_lines {
	struct key_table paths;
	int *lines; /**< by id of the path */
	uint32_t capacity;
	int root_line; /**< of the returned table; 1 when it was not found */
};

void key_lines_read(struct key_lines *out, const char *text, size_t length);
void key_lines_deinit(struct key_lines *lines);

/** Line of a path, or 0. */
int key_lines_find(const struct key_lines *lines, const char *path);

/** Adds a part to a path of `length` bytes in a buffer of KEY_PATH_BYTES_MAX; returns the new
 *  length (a part
 *  that does not fit is left out). */
size_t key_path_append(char *path, size_t length, const char *part);

#endif
