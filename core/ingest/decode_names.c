#include "core/ingest/decode_names.h"

#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/model/batch.h"
#include "core/window/metric.h"

static struct name_node *name_tree_put(struct name_tree *tree, const char *key, size_t length)
{
	for (uint32_t i = 0; i < tree->node_count; i++) {
		struct name_node *node = &tree->nodes[i];
		if (node->length == length && memcmp(node->key, key, length) == 0)
			return node;
	}
	if (tree->node_count == tree->node_capacity) {
		tree->node_capacity = tree->node_capacity ? tree->node_capacity * 2 : 8;
		tree->nodes = mem_grow(tree->nodes, tree->node_capacity, sizeof(*tree->nodes));
	}
	struct name_node *node = &tree->nodes[tree->node_count++];
	*node = (struct name_node){
		.key = mem_copy_bytes(key, length), .length = (uint32_t)length, .column = -1};
	return node;
}

/** The node of a dotted name, made with the levels above it; borrowed until the next put. */
static struct name_node *name_tree_put_path(struct name_tree *tree, const char *name)
{
	for (;;) {
		size_t length = strcspn(name, ".");
		struct name_node *node = name_tree_put(tree, name, length);
		if (name[length] == '\0')
			return node;
		if (!node->in)
			node->in = mem_alloc(sizeof(*node->in));
		tree = node->in;
		name += length + 1;
	}
}

static void name_tree_index(struct name_tree *tree)
{
	uint32_t slot_count = 8;
	while (slot_count < tree->node_count * 4)
		slot_count *= 2;
	tree->slots = mem_alloc_array(slot_count, sizeof(*tree->slots));
	tree->slot_mask = slot_count - 1;
	for (uint32_t i = 0; i < tree->node_count; i++) {
		struct name_node *node = &tree->nodes[i];
		uint32_t at = name_hash(node->key, node->length);
		while (tree->slots[at & tree->slot_mask])
			at++;
		tree->slots[at & tree->slot_mask] = (uint16_t)(i + 1);
		if (node->in)
			name_tree_index(node->in);
	}
}

struct name_tree *name_tree_new(const struct field_set *fields, const bool *is_number,
				const char *time_field)
{
	REQUIRE(fields->count < UINT16_MAX);
	struct name_tree *tree = mem_alloc(sizeof(*tree));
	name_tree_put_path(tree, time_field)->is_time = true;
	bytes_append(&tree->origin, time_field, strlen(time_field) + 1);
	for (uint32_t i = 0; i < fields->count; i++) {
		const struct field *field = &fields->fields[i];
		bytes_append(&tree->origin, field->name, strlen(field->name) + 1);
		bytes_append_u8(&tree->origin, (uint8_t)field->type);
		bytes_append_u8(&tree->origin, is_number[i]);
		/* It is no member of the object: the reader has it. */
		if (strcmp(field->name, METRIC_LINE) == 0)
			continue;
		struct name_node *node = name_tree_put_path(tree, field->name);
		node->column = (int32_t)i;
		node->type = field->type;
		node->is_number = is_number[i];
	}
	name_tree_index(tree);
	return tree;
}

void name_tree_free(struct name_tree *tree)
{
	if (!tree)
		return;
	for (uint32_t i = 0; i < tree->node_count; i++) {
		mem_free(tree->nodes[i].key);
		name_tree_free(tree->nodes[i].in);
	}
	mem_free(tree->nodes);
	mem_free(tree->slots);
	bytes_deinit(&tree->origin);
	mem_free(tree);
}
