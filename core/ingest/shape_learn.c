/* Learning: a line that the parser has accepted is cut into literals and values (slots), and these
 * are put into the tree. As the line is known to be JSON, nothing is verified here. */
#include "core/ingest/shape_internal.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/ingest/decode.h"
#include "core/ingest/decode_names.h"

/** A value, and the literal before it. */
struct shape_slot {
	struct slice literal;
	struct shape_node use;
};

/** A line on its way into slots. */
struct lesson {
	const char *at;
	const char *end;
	const char *literal;           /**< where the one at hand begins */
	const struct name_node *found; /**< of the name that was read last, or NULL */
	uint32_t slot_count;
	uint32_t mistyped;
	bool has_time;
	uint32_t depth;
	const struct name_tree *names[DECODE_DEPTH_MAX + 1]; /**< wanted in each open object */
	bool is_object[DECODE_DEPTH_MAX + 1];
	/** Those that were met. A name that comes twice hides its first value: no shape. */
	uint32_t met_count;
	const struct name_node *met[SHAPE_VALUES_MAX];
	struct shape_slot slots[SHAPE_VALUES_MAX + 1]; /**< the last one ends the line */
};

static bool lesson_meet(struct lesson *lesson, const struct name_node *node)
{
	for (uint32_t i = 0; i < lesson->met_count; i++)
		if (lesson->met[i] == node)
			return false;
	if (lesson->met_count == SHAPE_VALUES_MAX)
		return false;
	lesson->met[lesson->met_count++] = node;
	return true;
}

/** Behind the closing quote of the string at `at`. */
static const char *string_end(const char *at)
{
	for (at++; *at != '"'; at++)
		at += *at == '\\';
	return at + 1;
}

/** A name with escapes may be any name: false. */
static bool lesson_name(struct lesson *lesson)
{
	const char *first = lesson->at + 1, *end = string_end(lesson->at);
	size_t length = (size_t)(end - 1 - first);
	const struct name_tree *names = lesson->names[lesson->depth];
	lesson->at = end;
	if (memchr(first, '\\', length))
		return false;
	lesson->found = names ? name_tree_find(names, first, length) : NULL;
	return !lesson->found || lesson_meet(lesson, lesson->found);
}

static uint8_t plain_types(enum field_type type, bool is_number)
{
	const uint8_t nil = 1 << VALUE_NIL, integer = 1 << VALUE_INT, number = 1 << VALUE_FLOAT;
	/* A metric that computes counts what it cannot compute with. */
	const uint8_t text = is_number ? 0 : 1 << VALUE_STRING;
	const uint8_t truth = is_number ? 0 : 1 << VALUE_BOOL;
	switch (type) {
	case FIELD_ANY: return (uint8_t)(nil | integer | number | text | truth);
	case FIELD_STRING: return nil | text;
	case FIELD_INT: return nil | integer;
	case FIELD_FLOAT: return nil | number;
	case FIELD_BOOL: return nil | truth;
	case FIELD_TIME: return nil;
	}
	return nil;
}

static struct shape_node value_use(const struct name_node *found)
{
	struct shape_node use = {.next = SHAPE_NONE, .other = SHAPE_NONE, .previous = SHAPE_NONE};
	if (!found)
		return use;
	if (found->is_time)
		use.use = SHAPE_IS_TIME;
	if (found->column < 0)
		return use;
	use.use |= SHAPE_IS_COLUMN;
	use.column = (uint16_t)found->column;
	use.type = (uint8_t)found->type;
	use.is_number = found->is_number;
	use.plain_types = plain_types(found->type, found->is_number);
	return use;
}

static bool lesson_slot(struct lesson *lesson, struct shape_node use)
{
	if (lesson->slot_count > SHAPE_VALUES_MAX)
		return false;
	lesson->slots[lesson->slot_count++] =
		(struct shape_slot){{lesson->literal, (size_t)(lesson->at - lesson->literal)}, use};
	return true;
}

static bool lesson_scalar(struct lesson *lesson)
{
	lesson->has_time |= lesson->found && lesson->found->is_time;
	if (!lesson_slot(lesson, value_use(lesson->found)))
		return false;
	if (*lesson->at == '"')
		lesson->at = string_end(lesson->at);
	else
		lesson->at += strcspn(lesson->at, ",]} \t\r");
	lesson->literal = lesson->at;
	lesson->found = NULL;
	return true;
}

static bool lesson_open(struct lesson *lesson)
{
	const struct name_node *found = lesson->found;
	bool is_object = *lesson->at == '{';
	if (lesson->depth == DECODE_DEPTH_MAX || (found && found->is_time))
		return false;
	if (found && found->column >= 0)
		lesson->mistyped += found->type != FIELD_ANY || found->is_number;
	const struct name_tree *names = found && is_object ? found->in : NULL;
	lesson->depth++;
	lesson->names[lesson->depth] = names;
	lesson->is_object[lesson->depth] = is_object;
	lesson->found = NULL;
	lesson->at++;
	return true;
}

/** Cuts the line; false: it cannot be a shape. */
static bool lesson_cut(struct lesson *lesson, const struct name_tree *names, struct slice line)
{
	bool is_name = false, is_known = true;
	lesson->at = lesson->literal = line.data;
	lesson->end = line.data + line.length;
	lesson->found = NULL;
	lesson->slot_count = lesson->mistyped = lesson->depth = lesson->met_count = 0;
	lesson->has_time = false;
	while (is_known && lesson->at < lesson->end) {
		switch (*lesson->at) {
		case '{':
		case '[':
			is_known = lesson_open(lesson);
			is_name = lesson->is_object[lesson->depth];
			if (lesson->depth == 1)
				lesson->names[1] = names;
			break;
		case '}':
		case ']':
			lesson->depth--;
			lesson->found = NULL;
			lesson->at++;
			break;
		case ',':
			is_name = lesson->is_object[lesson->depth];
			lesson->at++;
			break;
		case ':':
			is_name = false;
			lesson->at++;
			break;
		case ' ':
		case '\t':
		case '\r': lesson->at++; break;
		default: is_known = is_name ? lesson_name(lesson) : lesson_scalar(lesson);
		}
	}
	return is_known && lesson->has_time && lesson_slot(lesson, value_use(NULL));
}

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

static void shape_init(struct shape *shape, const struct lesson *lesson, uint32_t column_count)
{
	bool *has_value = mem_alloc_array(column_count, sizeof(*has_value));
	*shape = (struct shape){.mistyped = lesson->mistyped};
	for (uint32_t i = 0; i < lesson->slot_count; i++) {
		const struct shape_slot *slot = &lesson->slots[i];
		if (slot->use.use & SHAPE_IS_COLUMN)
			has_value[slot->use.column] = true;
		bytes_append_slice(&shape->sample, slot->literal);
		if (i + 1 < lesson->slot_count)
			bytes_append_char(&shape->sample, '0');
	}
	shape->nil_columns = mem_alloc_array(column_count, sizeof(*shape->nil_columns));
	for (uint32_t i = 0; i < column_count; i++)
		if (!has_value[i])
			shape->nil_columns[shape->nil_count++] = (uint16_t)i;
	mem_free(has_value);
}

/** False: no room. A shape that is there already stays as it is. */
static bool tree_put(struct shape_set *set, const struct lesson *lesson)
{
	struct tree_place place = {.previous = SHAPE_NONE};
	uint32_t known = 0;
	for (; known < lesson->slot_count; known++) {
		bool is_end = known + 1 == lesson->slot_count;
		uint16_t at = tree_find(set, &lesson->slots[known], is_end, &place);
		if (at == SHAPE_NONE)
			break;
		place.previous = at;
	}
	if (known == lesson->slot_count)
		return true;
	if (set->shape_count == SHAPES_MAX || place.others == SHAPE_OTHERS_MAX ||
	    set->node_count + lesson->slot_count - known > SHAPE_NODES_MAX)
		return false;
	for (uint32_t i = known; i < lesson->slot_count; i++) {
		place.previous = tree_add(set, &lesson->slots[i], &place);
		place.last = SHAPE_NONE;
	}
	set->nodes[place.previous].kind |= SHAPE_IS_END;
	set->nodes[place.previous].column = (uint16_t)set->shape_count;
	shape_init(&set->shapes[set->shape_count++], lesson, set->column_count);
	return true;
}

/** Forgets all but the more used half, so that there is room for shapes of today. */
static void tree_make_room(struct shape_set *set, const struct name_tree *names,
			   struct lesson *lesson)
{
	struct shape old[SHAPES_MAX];
	uint32_t old_count = set->shape_count;
	memcpy(old, set->shapes, sizeof(old));
	set->first = SHAPE_NONE;
	set->node_count = set->shape_count = 0;
	bytes_clear(&set->rests);
	for (uint32_t i = 0; i < old_count; i++) {
		uint32_t better = 0;
		for (uint32_t j = 0; j < old_count; j++)
			better += old[j].line_count > old[i].line_count ||
				  (old[j].line_count == old[i].line_count && j > i);
		if (better >= SHAPES_MAX / 2 || old[i].line_count == 0)
			continue;
		if (lesson_cut(lesson, names, bytes_slice(&old[i].sample)) && tree_put(set, lesson))
			set->shapes[set->shape_count - 1].line_count = old[i].line_count / 2;
	}
	for (uint32_t i = 0; i < old_count; i++)
		shape_deinit(&old[i]);
}

void shape_set_learn(struct shape_set *set, const struct name_tree *names, struct slice line)
{
	struct lesson lesson;
	if (set->ration < SHAPES_MAX * SHAPE_RATION)
		set->ration++;
	if (set->ration < SHAPE_RATION || line.length > SHAPE_LINE_BYTES_MAX)
		return;
	set->ration -= SHAPE_RATION;
	if (!lesson_cut(&lesson, names, line) || tree_put(set, &lesson))
		return;
	tree_make_room(set, names, &lesson);
	if (lesson_cut(&lesson, names, line))
		tree_put(set, &lesson);
}
