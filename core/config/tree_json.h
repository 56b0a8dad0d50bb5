/** tree_json.h - a table of a script or the site as JSON. */
#ifndef TOCSIN_CORE_CONFIG_TREE_JSON_H
#define TOCSIN_CORE_CONFIG_TREE_JSON_H

#include <jansson.h>

struct tree;

/** Owned. NULL: it holds a function, or text that is not UTF-8. */
json_t *tree_to_json(const struct tree *tree);

#endif
