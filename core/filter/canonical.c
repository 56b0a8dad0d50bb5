#include "core/filter/node.h"

#include "core/base/number.h"
#include "core/filter/lexer_string.h"

static void append_value(const struct value *value, struct bytes *out)
{
	char number[NUMBER_TEXT_BYTES_MAX];

	switch ((enum value_type)value->type) {
	case VALUE_NIL: bytes_append_text(out, "nil"); return;
	case VALUE_BOOL: bytes_append_text(out, value->as.boolean ? "true" : "false"); return;
	case VALUE_INT: bytes_append_format(out, "%lld", (long long)value->as.integer); return;
	case VALUE_FLOAT:
		number_format(value->as.number, number);
		bytes_append_text(out, number);
		return;
	case VALUE_STRING:
		lexer_append_quoted((struct slice){value->as.text, value->length}, out);
		return;
	}
}

static const char *operator_text(const struct node *node)
{
	static const char *const arithmetic[] = {[ARITHMETIC_ADD] = " + ",
						 [ARITHMETIC_SUB] = " - ",
						 [ARITHMETIC_MUL] = " * ",
						 [ARITHMETIC_DIV] = " / ",
						 [ARITHMETIC_MOD] = " % "};

	if (node->kind == NODE_AND)
		return " and ";
	if (node->kind == NODE_OR)
		return " or ";
	if (node->kind == NODE_ARITHMETIC)
		return arithmetic[node->arithmetic];
	switch (node->comparison) {
#define COMPARISON_CASE(name, text, orders)                                                        \
	case COMPARISON_##name: return " " text " ";
		COMPARISON_LIST(COMPARISON_CASE)
#undef COMPARISON_CASE
	}
	return "";
}

static void append_operand(const struct node *operand, int loosest, struct bytes *out)
{
	bool needs_parentheses = node_precedence(operand) < loosest;

	bytes_append_text(out, needs_parentheses ? "(" : "");
	node_append_canonical(operand, out);
	bytes_append_text(out, needs_parentheses ? ")" : "");
}

/* Operators hold from the left: the operands behind the first must bind tighter. */
static void append_operator(const struct node *node, struct bytes *out)
{
	int precedence = node_precedence(node);

	append_operand(node->first, precedence, out);
	for (const struct node *child = node->first->next; child != NULL; child = child->next) {
		bytes_append_text(out, operator_text(node));
		append_operand(child, precedence + 1, out);
	}
}

static void append_method(const struct node *node, struct bytes *out)
{
	node_append_canonical(node->first, out);
	bytes_append_format(out, ":%s(", node_method_name(node->kind));
	if (node->kind != NODE_IN)
		append_value(&node->constant, out);
	for (uint32_t i = 0; i < node->set_count; i++) {
		bytes_append_text(out, i > 0 ? ", " : "");
		append_value(&node->set[i], out);
	}
	bytes_append_char(out, ')');
}

void node_append_canonical(const struct node *node, struct bytes *out)
{
	switch (node->kind) {
	case NODE_CONSTANT: append_value(&node->constant, out); return;
	case NODE_FIELD: bytes_append_text(out, node->name); return;
	case NODE_AND:
	case NODE_OR:
	case NODE_COMPARE:
	case NODE_ARITHMETIC: append_operator(node, out); return;
	case NODE_NOT:
		bytes_append_text(out, "not ");
		append_operand(node->first, node_precedence(node), out);
		return;
	case NODE_NEGATE:
		/* Two minus signs in a row would begin a comment in Lua. */
		bytes_append_text(out, node->first->kind == NODE_NEGATE ? "- " : "-");
		append_operand(node->first, node_precedence(node), out);
		return;
	case NODE_MATCH:
	case NODE_CONTAINS:
	case NODE_STARTS:
	case NODE_IN: append_method(node, out); return;
	}
}
