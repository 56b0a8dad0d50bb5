/* Learning: the literals of a line are put into the tree. */
#include "core/ingest/shape_internal.h"

#include <string.h>

#include "core/base/mem.h"

static struct slice head_of(struct slice literal)
{
	if (literal.length > SHAPE_LITERAL_BYTES)
		literal.length = SHAPE_LITERAL_BYTES;
	return literal;
}

static struct slice rest_of(struct slice literal)
{
	size_t head = head_of(literal).length;
	return (struct slice){literal.data + head, literal.length - head};
}

static bool node_is(const struct shape_set *set, const struct shape_node *node,
		    struct slice literal, bool is_end)
{
	struct slice head = head_of(literal), rest = rest_of(literal);
	return node->literal_bytes == literal.length && (node->next == SHAPE_NONE) == is_end &&
	       memcmp(node->literal, head.data, head.length) == 0 &&
	       (rest.length == 0 ||
		memcmp(set->rests.data + node->rest, rest.data, rest.length) == 0);
}

/** Where a way through the tree has come to. */
struct tree_place {
	uint16_t previous; /**< node, or SHAPE_NONE at the beginning */
	uint16_t last;     /**< of the nodes to choose from there, or SHAPE_NONE */
	uint32_t others;   /**< their number */
};

/** The node for the slot after place->previous, or SHAPE_NONE and where to put it. */
static uint16_t tree_find(const struct shape_set *set, const struct shape_slot *slot, bool is_end,
			  struct tree_place *place)
{
	uint16_t at = place->previous == SHAPE_NONE ? set->first : set->nodes[place->previous].next;
	place->last = SHAPE_NONE;
	place->others = 0;
	for (; at != SHAPE_NONE; at = set->nodes[at].other) {
		if (node_is(set, &set->nodes[at], slot->literal, is_end))
			return at;
		place->last = at;
		place->others++;
	}
	return SHAPE_NONE;
}

static uint16_t tree_add(struct shape_set *set, const struct shape_slot *slot,
			 const struct tree_place *place)
{
	if (set->node_count == set->node_capacity) {
		set->node_capacity = set->node_capacity ? set->node_capacity * 2 : 32;
		set->nodes = mem_grow(set->nodes, set->node_capacity, sizeof(*set->nodes));
	}
	uint16_t index = (uint16_t)set->node_count++;
	struct shape_node *node = &set->nodes[index];
	struct slice head = head_of(slot->literal);
	*node = slot->use;
	memcpy(node->literal, head.data, head.length);
	node->literal_mask = (uint32_t)((UINT64_C(1) << head.length) - 1);
	node->literal_bytes = (uint32_t)slot->literal.length;
	node->kind = slot->literal.length > SHAPE_LITERAL_BYTES ? SHAPE_IS_LONG : 0;
	node->rest = (uint32_t)set->rests.length;
	bytes_append_slice(&set->rests, rest_of(slot->literal));
	node->previous = place->previous;
	if (place->last != SHAPE_NONE)
		set->nodes[place->last].other = index;
	else if (place->previous != SHAPE_NONE)
		set->nodes[place->previous].next = index;
	else
		set->first = index;
	return index;
}

uint16_t shape_next(const struct shape_set *set, uint16_t previous, const struct shape_slot *slot,
		    bool is_end)
{
	struct tree_place place = {.previous = previous};
	return tree_find(set, slot, is_end, &place);
}

static void shape_init(struct shape *shape, const struct shape_slots *line, uint32_t column_count)
{
	bool *has_value = mem_alloc_array(column_count, sizeof(*has_value));
	*shape = (struct shape){.mistyped = line->mistyped, .study_in = SHAPE_STUDY_AFTER};
	for (uint32_t i = 0; i < line->count; i++) {
		const struct shape_slot *slot = &line->slots[i];
		if (slot->use.use & SHAPE_IS_COLUMN)
			has_value[slot->use.column] = true;
		bytes_append_slice(&shape->sample, slot->literal);
		if (i + 1 < line->count)
			bytes_append_char(&shape->sample, '0');
	}
	shape->nil_columns = mem_alloc_array(column_count, sizeof(*shape->nil_columns));
	for (uint32_t i = 0; i < column_count; i++)
		if (!has_value[i])
			shape->nil_columns[shape->nil_count++] = (uint16_t)i;
	mem_free(has_value);
}

/** False: no room. A shape that is there already stays as it is. */
static bool tree_put(struct shape_set *set, const struct shape_slots *line)
{
	struct tree_place place = {.previous = SHAPE_NONE};
	uint32_t known = 0;
	for (; known < line->count; known++) {
		bool is_end = known + 1 == line->count;
		uint16_t at = tree_find(set, &line->slots[known], is_end, &place);
		if (at == SHAPE_NONE)
			break;
		place.previous = at;
	}
	if (known == line->count)
		return true;
	if (set->shape_count == SHAPES_MAX || place.others == SHAPE_OTHERS_MAX ||
	    set->node_count + line->count - known > SHAPE_NODES_MAX)
		return false;
	for (uint32_t i = known; i < line->count; i++) {
		place.previous = tree_add(set, &line->slots[i], &place);
		place.last = SHAPE_NONE;
	}
	set->nodes[place.previous].kind |= SHAPE_IS_END;
	set->nodes[place.previous].column = (uint16_t)set->shape_count;
	shape_init(&set->shapes[set->shape_count++], line, set->column_count);
	return true;
}

/** Forgets all but the more used half, so that there is room for shapes of today. */
static void tree_make_room(struct shape_set *set, const struct name_tree *names,
			   struct shape_slots *line)
{
	struct shape old[SHAPES_MAX];
	uint32_t old_count = set->shape_count;
	memcpy(old, set->shapes, sizeof(old));
	set->first = SHAPE_NONE;
	set->node_count = set->shape_count = 0;
	bytes_clear(&set->rests);
	shape_molds_clear(set);
	for (uint32_t i = 0; i < old_count; i++) {
		uint32_t better = 0;
		for (uint32_t j = 0; j < old_count; j++)
			better += old[j].line_count > old[i].line_count ||
				  (old[j].line_count == old[i].line_count && j > i);
		if (better >= SHAPES_MAX / 2 || old[i].line_count == 0)
			continue;
		if (shape_cut(bytes_slice(&old[i].sample), names, line) && tree_put(set, line))
			set->shapes[set->shape_count - 1].line_count = old[i].line_count / 2;
	}
	for (uint32_t i = 0; i < old_count; i++)
		shape_deinit(&old[i]);
}

void shape_set_learn(struct shape_set *set, const struct name_tree *names, struct slice line)
{
	struct shape_slots slots;
	if (set->ration < SHAPES_MAX * SHAPE_RATION)
		set->ration++;
	if (set->ration < SHAPE_RATION || line.length > SHAPE_LINE_BYTES_MAX)
		return;
	set->ration -= SHAPE_RATION;
	if (!shape_cut(line, names, &slots) || !slots.has_time || tree_put(set, &slots))
		return;
	tree_make_room(set, names, &slots);
	if (shape_cut(line, names, &slots))
		tree_put(set, &slots);
}
