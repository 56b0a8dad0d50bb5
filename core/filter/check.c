#include "core/filter/node.h"

#include "core/base/err.h"
#include "core/base/require.h"
#include "core/base/report.h"
#include "core/model/schema.h"

#include <stdio.h>
#include <string.h>

enum { NAMES_SHOWN_BYTES_MAX = 400 };

/* What a part is known to be before any reading is seen; missing fields are left out of account. */
enum known_type { KNOWN_ANY, KNOWN_NIL, KNOWN_BOOL, KNOWN_NUMBER, KNOWN_STRING };

static const char *known_name(enum known_type type)
{
	switch (type) {
	case KNOWN_ANY: return "of any type";
	case KNOWN_NIL: return "nil";
	case KNOWN_BOOL: return "true or false";
	case KNOWN_NUMBER: return "a number";
	case KNOWN_STRING: return "a string";
	}
	return "";
}

static enum known_type type_of_value(const struct value *value)
{
	switch ((enum value_type)value->type) {
	case VALUE_NIL: return KNOWN_NIL;
	case VALUE_BOOL: return KNOWN_BOOL;
	case VALUE_INT:
	case VALUE_FLOAT: return KNOWN_NUMBER;
	case VALUE_STRING: return KNOWN_STRING;
	}
	return KNOWN_ANY;
}

/* The event time is a field too, declared or not; its values are as the source writes them. */
static enum known_type type_of_field(const struct schema *schema, const char *name)
{
	const struct field *field = schema_find(schema, name);

	if (field == NULL)
		return KNOWN_ANY;
	switch (field->type) {
	case FIELD_STRING: return KNOWN_STRING;
	case FIELD_INT:
	case FIELD_FLOAT: return KNOWN_NUMBER;
	case FIELD_BOOL: return KNOWN_BOOL;
	case FIELD_ANY:
	case FIELD_TIME: return KNOWN_ANY;
	}
	return KNOWN_ANY;
}

static enum known_type type_of(const struct node *node, const struct schema *schema)
{
	switch (node->kind) {
	case NODE_CONSTANT: return type_of_value(&node->constant);
	case NODE_FIELD: return type_of_field(schema, node->name);
	case NODE_ARITHMETIC:
	case NODE_NEGATE: return KNOWN_NUMBER;
	case NODE_AND:
	case NODE_OR:
	case NODE_NOT:
	case NODE_COMPARE:
	case NODE_MATCH:
	case NODE_CONTAINS:
	case NODE_STARTS:
	case NODE_IN: return KNOWN_BOOL;
	}
	return KNOWN_ANY;
}

/* `the field "amount" is a number`, `this side is a string` */
static const char *describe(const struct node *node, const struct schema *schema, char *out,
			    size_t out_bytes)
{
	const char *type = known_name(type_of(node, schema));

	if (node->kind == NODE_FIELD)
		snprintf(out, out_bytes, "the field \"%s\" is declared as %s", node->name,
			 field_type_name(schema_find(schema, node->name)->type));
	else if (node->kind == NODE_CONSTANT)
		snprintf(out, out_bytes, "the constant is %s", type);
	else
		snprintf(out, out_bytes, "the expression at column %u is %s", node->at, type);
	return out;
}

static int check_field(const struct node *node, const struct schema *schema, struct err_note *why)
{
	const char *names[SCHEMA_FIELDS_MAX + 2] = {NULL};
	char shown[NAMES_SHOWN_BYTES_MAX] = "";
	const char *nearest;
	size_t length = 0;
	uint32_t count = 0;

	if (schema_find(schema, node->name) != NULL ||
	    (schema->time_field != NULL && strcmp(node->name, schema->time_field) == 0))
		return 0;
	for (; count < schema->field_count && count < SCHEMA_FIELDS_MAX; count++) {
		const char *name = schema->fields[count].name;

		names[count] = name;
		if (length + strlen(name) + 8 < sizeof(shown))
			length += (size_t)snprintf(shown + length, sizeof(shown) - length, "%s%s",
						   count > 0 ? ", " : "", name);
		else if (length < sizeof(shown) - 8)
			length = (size_t)snprintf(shown + length, sizeof(shown) - length, ", ...") +
				 sizeof(shown);
	}
	names[count] = schema->time_field;
	nearest = report_nearest(node->name, names);
	if (nearest != NULL)
		return err_set(
			why, ERR_INVALID,
			"column %u: the source has no field \"%s\"; did you mean \"%s\"? Its "
			"fields are %s",
			node->at, node->name, nearest, shown);
	return err_set(why, ERR_INVALID,
		       "column %u: the source has no field \"%s\"; its fields are %s", node->at,
		       node->name, shown);
}

static int check_compare(const struct node *node, const struct schema *schema, struct err_note *why)
{
	const struct node *left = node->first;
	REQUIRE(left != NULL && left->next != NULL);
	const struct node *right = left->next;
	enum known_type left_type = type_of(left, schema), right_type = type_of(right, schema);
	bool is_equality = node->comparison == COMPARISON_EQ || node->comparison == COMPARISON_NE;
	bool has_nil = left_type == KNOWN_NIL || right_type == KNOWN_NIL;
	bool has_bool = left_type == KNOWN_BOOL || right_type == KNOWN_BOOL;
	char left_text[256], right_text[256];

	if (!is_equality && (has_nil || has_bool))
		return err_set(
			why, ERR_INVALID, "column %u: < <= > >= compare numbers or strings, but %s",
			node->at,
			describe(left_type == KNOWN_NIL || left_type == KNOWN_BOOL ? left : right,
				 schema, left_text, sizeof(left_text)));
	if (has_nil || left_type == KNOWN_ANY || right_type == KNOWN_ANY || left_type == right_type)
		return 0;
	return err_set(
		why, ERR_INVALID,
		"column %u: this comparison is never true: %s, but %s; both sides must be of "
		"one type",
		node->at, describe(left, schema, left_text, sizeof(left_text)),
		describe(right, schema, right_text, sizeof(right_text)));
}

static int check_arithmetic(const struct node *node, const struct schema *schema,
			    struct err_note *why)
{
	char text[256];

	for (const struct node *child = node->first; child != NULL; child = child->next) {
		enum known_type type = type_of(child, schema);

		if (type != KNOWN_ANY && type != KNOWN_NUMBER)
			return err_set(why, ERR_INVALID,
				       "column %u: arithmetic needs numbers, but %s", node->at,
				       describe(child, schema, text, sizeof(text)));
	}
	return 0;
}

static int check_method(const struct node *node, const struct schema *schema, struct err_note *why)
{
	const struct node *receiver = node->first;
	char text[256];

	REQUIRE(receiver != NULL);
	enum known_type type = type_of(receiver, schema);
	if (node->kind != NODE_IN && type != KNOWN_ANY && type != KNOWN_STRING)
		return err_set(why, ERR_INVALID, "column %u: %s() works on strings, but %s",
			       node->at, node_method_name(node->kind),
			       describe(receiver, schema, text, sizeof(text)));
	for (uint32_t i = 0; i < node->set_count && type != KNOWN_ANY; i++)
		if (type_of_value(&node->set[i]) != type)
			return err_set(why, ERR_INVALID, "column %u: in_() lists %s, but %s",
				       node->at, known_name(type_of_value(&node->set[i])),
				       describe(receiver, schema, text, sizeof(text)));
	return 0;
}

int node_check(const struct node *node, const struct schema *schema, struct err_note *why)
{
	int err = 0;

	for (const struct node *child = node->first; err == 0 && child != NULL; child = child->next)
		err = node_check(child, schema, why);
	if (err != 0)
		return err;
	switch (node->kind) {
	case NODE_FIELD: return check_field(node, schema, why);
	case NODE_COMPARE: return check_compare(node, schema, why);
	case NODE_ARITHMETIC:
	case NODE_NEGATE: return check_arithmetic(node, schema, why);
	case NODE_MATCH:
	case NODE_CONTAINS:
	case NODE_STARTS:
	case NODE_IN: return check_method(node, schema, why);
	case NODE_CONSTANT:
	case NODE_AND:
	case NODE_OR:
	case NODE_NOT: return 0;
	}
	return 0;
}
