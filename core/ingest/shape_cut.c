/* Cutting a line that the parser has accepted into literals and values. As it is known to be JSON,
 * nothing is verified here. */
#include "core/ingest/shape_internal.h"

#include <string.h>

#include "core/ingest/decode.h"
#include "core/ingest/decode_names.h"

/** A line on its way into slots. */
struct lesson {
	struct shape_slots *out;
	const char *at;
	const char *end;
	const char *literal;           /**< where the one at hand begins */
	const struct name_node *found; /**< of the name that was read last, or NULL */
	uint32_t depth;
	const struct name_tree *names[DECODE_DEPTH_MAX + 1]; /**< wanted in each open object */
	bool is_object[DECODE_DEPTH_MAX + 1];
	/** Those that were met. A name that comes twice hides its first value: no shape. */
	uint32_t met_count;
	const struct name_node *met[SHAPE_VALUES_MAX];
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
	if (!found->is_time)
		use.plain_types = plain_types(found->type, found->is_number);
	return use;
}

/** The value that ends before lesson->at, and what lies between it and the one before. */
static bool lesson_slot(struct lesson *lesson, const char *value)
{
	struct shape_slots *out = lesson->out;
	if (out->count > SHAPE_VALUES_MAX)
		return false;
	out->slots[out->count++] = (struct shape_slot){
		.literal = {lesson->literal, (size_t)(value - lesson->literal)},
		.value = {value, (size_t)(lesson->at - value)},
		.use = value_use(lesson->found),
	};
	lesson->literal = lesson->at;
	lesson->found = NULL;
	return true;
}

static bool lesson_scalar(struct lesson *lesson)
{
	const char *value = lesson->at;
	lesson->out->has_time |= lesson->found && lesson->found->is_time;
	lesson->at = *value == '"' ? string_end(value) : value + strcspn(value, ",]} \t\r");
	return lesson_slot(lesson, value);
}

static bool lesson_open(struct lesson *lesson)
{
	const struct name_node *found = lesson->found;
	bool is_object = *lesson->at == '{';
	if (lesson->depth == DECODE_DEPTH_MAX || (found && found->is_time))
		return false;
	if (found && found->column >= 0)
		lesson->out->mistyped += found->type != FIELD_ANY || found->is_number;
	const struct name_tree *names = found && is_object ? found->in : NULL;
	lesson->depth++;
	lesson->names[lesson->depth] = names;
	lesson->is_object[lesson->depth] = is_object;
	lesson->found = NULL;
	lesson->at++;
	return true;
}

bool shape_cut(struct slice line, const struct name_tree *names, struct shape_slots *out)
{
	struct lesson lesson = {
		.out = out,
		.at = line.data,
		.literal = line.data,
		.end = line.data + line.length,
	};
	bool is_name = false, is_known = true;
	out->count = out->mistyped = 0;
	out->has_time = false;
	while (is_known && lesson.at < lesson.end) {
		switch (*lesson.at) {
		case '{':
		case '[':
			is_known = lesson_open(&lesson);
			is_name = lesson.is_object[lesson.depth];
			if (lesson.depth == 1)
				lesson.names[1] = names;
			break;
		case '}':
		case ']':
			lesson.depth--;
			lesson.found = NULL;
			lesson.at++;
			break;
		case ',':
			is_name = lesson.is_object[lesson.depth];
			lesson.at++;
			break;
		case ':':
			is_name = false;
			lesson.at++;
			break;
		case ' ':
		case '\t':
		case '\r': lesson.at++; break;
		default: is_known = is_name ? lesson_name(&lesson) : lesson_scalar(&lesson);
		}
	}
	return is_known && lesson_slot(&lesson, lesson.at);
}
