#include "core/config/tree_json.h"

#include "core/config/tree.h"

#include <math.h>

json_t *tree_to_json(const struct tree *tree)
{
	json_t *json = NULL, *part;
	switch (tree->type) {
	case TREE_NIL: return json_null();
	case TREE_BOOL: return json_boolean(tree->boolean);
	case TREE_NUMBER:
		if (tree->number == floor(tree->number) && fabs(tree->number) < 9007199254740992.0)
			return json_integer((json_int_t)tree->number);
		return json_real(tree->number);
	case TREE_STRING: return json_stringn(tree->text, tree->text_length);
	case TREE_LIST:
		json = json_array();
		for (const struct tree *child = tree->first; child; child = child->next) {
			part = tree_to_json(child);
			if (json_array_append_new(json, part) != 0)
				goto fail;
		}
		return json;
	case TREE_MAP:
		json = json_object();
		for (const struct tree *child = tree->first; child; child = child->next) {
			part = tree_to_json(child);
			if (json_object_set_new(json, child->key, part) != 0)
				goto fail;
		}
		return json;
	case TREE_FUNCTION: return NULL;
	}
fail:
	json_decref(json);
	return NULL;
}
