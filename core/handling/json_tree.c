#include "core/handling/json_tree.h"

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/config/tree.h"

#include <jansson.h>

#include <stdbool.h>

/** One conversion: what is left of the limit. */
struct conversion {
	struct arena *arena;
	int nodes_left;
};

static struct tree *convert(struct conversion *conversion, const json_t *json, int depth);

static bool convert_members(struct conversion *conversion, const json_t *json, struct tree *tree,
			    int depth)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)json, key, value)
	{
		struct tree *child = convert(conversion, value, depth + 1);

		if (child == NULL)
			return false;
		child->key = arena_copy_text(conversion->arena, key);
		tree_add(tree, child);
	}
	return true;
}

static bool convert_items(struct conversion *conversion, const json_t *json, struct tree *tree,
			  int depth)
{
	size_t index;
	json_t *value;

	json_array_foreach(json, index, value)
	{
		struct tree *child = convert(conversion, value, depth + 1);

		if (child == NULL)
			return false;
		tree_add(tree, child);
	}
	return true;
}

static struct tree *convert(struct conversion *conversion, const json_t *json, int depth)
{
	struct tree *tree;
	bool is_whole = true;

	if (depth > TREE_DEPTH_MAX || conversion->nodes_left-- == 0)
		return NULL;
	tree = tree_new(conversion->arena, TREE_NIL, 1);
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		tree->type = TREE_MAP;
		is_whole = convert_members(conversion, json, tree, depth);
		break;
	case JSON_ARRAY:
		tree->type = TREE_LIST;
		is_whole = convert_items(conversion, json, tree, depth);
		break;
	case JSON_STRING:
		tree->type = TREE_STRING;
		tree->text = arena_copy(conversion->arena, json_string_value(json),
					json_string_length(json));
		tree->text_length = (uint32_t)json_string_length(json);
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		tree->type = TREE_NUMBER;
		tree->number = json_number_value(json);
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		tree->type = TREE_BOOL;
		tree->boolean = json_is_true(json);
		break;
	case JSON_NULL: break;
	}
	return is_whole ? tree : NULL;
}

int json_tree_new(const char *text, struct arena *arena, const struct tree **out,
		  struct err_note *why)
{
	struct conversion conversion = {arena, TREE_NODES_MAX};
	json_error_t error;
	json_t *json = json_loads(text, 0, &error);
	struct tree *tree;

	if (json == NULL)
		return err_set(why, ERR_INVALID, "it is not JSON: %s", error.text);
	tree = convert(&conversion, json, 1);
	json_decref(json);
	if (tree == NULL)
		return err_set(why, ERR_INVALID, "the table is too deep or too large");
	*out = tree;
	return 0;
}
