#include "core/config/tree.h"

#include "core/base/number.h"
#include "core/base/require.h"

#include <math.h>
#include <string.h>

const struct tree *tree_get(const struct tree *map, const char *key)
{
	if (map == NULL || map->type != TREE_MAP)
		return NULL;
	for (const struct tree *child = map->first; child != NULL; child = child->next)
		if (child->key != NULL && strcmp(child->key, key) == 0)
			return child;
	return NULL;
}

static const char *type_name(enum tree_type type)
{
	static const char *const names[] = {
#define TREE_NAME(name, text) [TREE_##name] = (text),
		TREE_TYPE_LIST(TREE_NAME)
#undef TREE_NAME
	};
	REQUIRE((size_t)type < sizeof(names) / sizeof(names[0]));
	return names[type];
}

struct tree *tree_new(struct arena *arena, enum tree_type type, int line)
{
	struct tree *tree = arena_zalloc(arena, sizeof(*tree));

	tree->type = type;
	tree->line = line;
	return tree;
}

void tree_add(struct tree *parent, struct tree *child)
{
	REQUIRE(parent->type == TREE_LIST || parent->type == TREE_MAP);
	child->next = NULL;
	if (parent->last == NULL)
		parent->first = child;
	else
		parent->last->next = child;
	parent->last = child;
	parent->child_count++;
}

bool tree_is_list(const struct tree *tree)
{
	return tree->type == TREE_LIST || (tree->type == TREE_MAP && tree->child_count == 0);
}

bool tree_is_map(const struct tree *tree)
{
	return tree->type == TREE_MAP || (tree->type == TREE_LIST && tree->child_count == 0);
}

const char *tree_describe(const struct tree *tree, char out[TREE_DESCRIPTION_BYTES_MAX])
{
	char number[NUMBER_TEXT_BYTES_MAX];

	switch (tree->type) {
	case TREE_BOOL:
		snprintf(out, TREE_DESCRIPTION_BYTES_MAX, "%s", tree->boolean ? "true" : "false");
		break;
	case TREE_NUMBER:
		number_format(tree->number, number); /* JSON has no word for what is not finite */
		snprintf(out, TREE_DESCRIPTION_BYTES_MAX, "the number %s",
			 isnan(tree->number)    ? "nan"
			 : !isinf(tree->number) ? number
			 : tree->number > 0     ? "inf"
						: "-inf");
		break;
	case TREE_STRING:
		snprintf(out, TREE_DESCRIPTION_BYTES_MAX, "the string \"%.*s\"",
			 tree->text_length > 64 ? 64 : (int)tree->text_length, tree->text);
		break;
	case TREE_NIL:
	case TREE_LIST:
	case TREE_MAP:
	case TREE_FUNCTION:
		snprintf(out, TREE_DESCRIPTION_BYTES_MAX, "a %s", type_name(tree->type));
		break;
	}
	return out;
}
