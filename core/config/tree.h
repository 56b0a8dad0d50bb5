/** tree.h - a declarative table as plain data: what a site, rule or plan file returned, with lines.
 *
 *  lua/host/convert makes trees; core/ reads them and never sees Lua. Strings and nodes live in the
 *  tree's arena. Map entries keep the order of their lines.
 *  Limits: TREE_DEPTH_MAX, TREE_NODES_MAX.
 */
#ifndef TOCSIN_CORE_CONFIG_TREE_H
#define TOCSIN_CORE_CONFIG_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"

#define TREE_TYPE_LIST(X)                                                                          \
	X(NIL, "nil")                                                                              \
	X(BOOL, "boolean")                                                                         \
	X(NUMBER, "number")                                                                        \
	X(STRING, "string")                                                                        \
	X(LIST, "list")                                                                            \
	X(MAP, "table")                                                                            \
	X(FUNCTION, "function")

enum tree_type {
#define TREE_ENUM(name, text) TREE_##name,
	TREE_TYPE_LIST(TREE_ENUM)
#undef TREE_ENUM
};

enum { TREE_DEPTH_MAX = 16, TREE_NODES_MAX = 20000, TREE_DESCRIPTION_BYTES_MAX = 96 };

struct tree {
	enum tree_type type;
	int line;        /**< from 1; of the key, or of the nearest enclosing table */
	const char *key; /**< in a map; NULL in a list */
	bool boolean;
	double number;
	const char *text; /**< NUL-terminated */
	uint32_t text_length;
	struct tree *first; /**< children of LIST and MAP */
	struct tree *last;  /**< child, for tree_add() */
	struct tree *next;
	uint32_t child_count;
};

const struct tree *tree_get(const struct tree *map, const char *key); /**< or NULL */
struct tree *tree_new(struct arena *arena, enum tree_type type, int line);
void tree_add(struct tree *parent, struct tree *child);

/** An empty table is both a list and a map. */
bool tree_is_list(const struct tree *tree);
bool tree_is_map(const struct tree *tree);
/** What was found, for messages: `the number 7`, `the string "x"`, `a table`. Returns `out`. */
const char *tree_describe(const struct tree *tree, char out[TREE_DESCRIPTION_BYTES_MAX]);

#endif
