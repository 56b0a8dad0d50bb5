#include "core/filter/parser.h"

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/report.h"
#include "core/filter/filter.h"
#include "core/filter/lexer.h"
#include "core/filter/node.h"
#include "core/filter/parser_method.h"
#include "core/model/schema.h"

#include <string.h>

/* The levels of Lua 5.1, loosest first. */
enum precedence {
	PRECEDENCE_NONE,
	PRECEDENCE_OR,
	PRECEDENCE_AND,
	PRECEDENCE_COMPARE,
	PRECEDENCE_SUM,
	PRECEDENCE_PRODUCT,
	PRECEDENCE_UNARY,
	PRECEDENCE_PRIMARY,
};

static int parse_binary(struct parser *parser, int loosest, struct node **out);

int parser_advance(struct parser *parser)
{
	return lexer_next(&parser->lexer, &parser->token, parser->why);
}

int parser_fail(struct parser *parser, const char *allowed)
{
	char found[TOKEN_DESCRIPTION_BYTES_MAX];

	return err_set(parser->why, ERR_INVALID, "column %u: found %s; allowed here: %s",
		       parser->token.at, token_describe(&parser->token, found), allowed);
}

int parser_expect(struct parser *parser, enum token_kind kind, const char *allowed)
{
	return parser->token.kind == kind ? parser_advance(parser) : parser_fail(parser, allowed);
}

int parser_node(struct parser *parser, enum node_kind kind, uint32_t at, struct node **out)
{
	if (++parser->node_count > FILTER_NODES_MAX)
		return err_set(parser->why, ERR_RANGE,
			       "column %u: the expression has more than %d parts; split the rule, "
			       "or use in_() for a list of values",
			       at, FILTER_NODES_MAX);
	*out = arena_zalloc(parser->arena, sizeof(**out));
	(*out)->kind = kind;
	(*out)->at = at;
	return 0;
}

static int enter(struct parser *parser)
{
	if (++parser->depth > FILTER_DEPTH_MAX)
		return err_set(parser->why, ERR_RANGE,
			       "column %u: more than %d levels of parentheses, `not` and minus",
			       parser->token.at, FILTER_DEPTH_MAX);
	return 0;
}

int node_precedence(const struct node *node)
{
	switch (node->kind) {
	case NODE_OR: return PRECEDENCE_OR;
	case NODE_AND: return PRECEDENCE_AND;
	case NODE_COMPARE: return PRECEDENCE_COMPARE;
	case NODE_ARITHMETIC:
		return node->arithmetic <= ARITHMETIC_SUB ? PRECEDENCE_SUM : PRECEDENCE_PRODUCT;
	case NODE_NOT:
	case NODE_NEGATE: return PRECEDENCE_UNARY;
	case NODE_CONSTANT:
	case NODE_FIELD:
	case NODE_MATCH:
	case NODE_CONTAINS:
	case NODE_STARTS:
	case NODE_IN: return PRECEDENCE_PRIMARY;
	}
	return PRECEDENCE_NONE;
}

/* What a token does between two operands; false when it is no binary infix. */
static bool binary_of(enum token_kind kind, struct node *out)
{
	static const struct {
		enum token_kind token;
		struct node node;
	} rows[] = {
		{TOKEN_OR, {.kind = NODE_OR}},
		{TOKEN_AND, {.kind = NODE_AND}},
		{TOKEN_EQUAL, {.kind = NODE_COMPARE, .comparison = COMPARISON_EQ}},
		{TOKEN_UNEQUAL, {.kind = NODE_COMPARE, .comparison = COMPARISON_NE}},
		{TOKEN_LESS, {.kind = NODE_COMPARE, .comparison = COMPARISON_LT}},
		{TOKEN_AT_MOST, {.kind = NODE_COMPARE, .comparison = COMPARISON_LE}},
		{TOKEN_GREATER, {.kind = NODE_COMPARE, .comparison = COMPARISON_GT}},
		{TOKEN_AT_LEAST, {.kind = NODE_COMPARE, .comparison = COMPARISON_GE}},
		{TOKEN_PLUS, {.kind = NODE_ARITHMETIC, .arithmetic = ARITHMETIC_ADD}},
		{TOKEN_MINUS, {.kind = NODE_ARITHMETIC, .arithmetic = ARITHMETIC_SUB}},
		{TOKEN_TIMES, {.kind = NODE_ARITHMETIC, .arithmetic = ARITHMETIC_MUL}},
		{TOKEN_OVER, {.kind = NODE_ARITHMETIC, .arithmetic = ARITHMETIC_DIV}},
		{TOKEN_MODULO, {.kind = NODE_ARITHMETIC, .arithmetic = ARITHMETIC_MOD}},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].token != kind)
			continue;
		*out = rows[i].node;
		return true;
	}
	return false;
}

static int parse_field(struct parser *parser, struct node **out)
{
	uint32_t at = parser->token.at;
	char name[FIELD_NAME_BYTES_MAX];
	size_t length = 0;
	int err;

	for (;;) {
		struct slice part = parser->token.text;

		if (parser->token.kind != TOKEN_NAME)
			return parser_fail(parser, "the name of a nested field after `.`");
		if (length + part.length + 1 > sizeof(name))
			return err_set(parser->why, ERR_RANGE,
				       "column %u: the field name is longer than %d bytes", at,
				       FIELD_NAME_BYTES_MAX - 1);
		memcpy(name + length, part.data, part.length);
		length += part.length;
		err = parser_advance(parser);
		if (err != 0)
			return err;
		if (parser->token.kind != TOKEN_DOT)
			break;
		if (length + 1 < sizeof(name))
			name[length++] = '.';
		err = parser_advance(parser);
		if (err != 0)
			return err;
	}
	if (parser->token.kind == TOKEN_OPEN)
		return parser_fail(parser, "an operator or a method; functions cannot be called, "
					   "methods are written field:match(\"...\")");
	err = parser_node(parser, NODE_FIELD, at, out);
	if (err == 0)
		(*out)->name = arena_copy(parser->arena, name, length);
	if (err == 0 && parser->token.kind == TOKEN_COLON)
		err = parser_method(parser, *out, out);
	return err;
}

static int parse_parentheses(struct parser *parser, struct node **out)
{
	int err = enter(parser);

	if (err == 0)
		err = parser_advance(parser);
	if (err == 0)
		err = parse_binary(parser, PRECEDENCE_NONE, out);
	if (err == 0)
		err = parser_expect(parser, TOKEN_CLOSE, "an operator or `)`");
	if (err == 0 && parser->token.kind == TOKEN_COLON)
		return parser_fail(parser, "an infix; a method needs a field's name before it");
	parser->depth--;
	return err;
}

static int parse_primary(struct parser *parser, struct node **out)
{
	struct token token = parser->token;
	int err;

	if (token.kind == TOKEN_NAME)
		return parse_field(parser, out);
	if (token.kind == TOKEN_OPEN)
		return parse_parentheses(parser, out);
	if (token.kind == TOKEN_TRUE || token.kind == TOKEN_FALSE)
		token.value =
			(struct value){.type = VALUE_BOOL, .as.boolean = token.kind == TOKEN_TRUE};
	else if (token.kind != TOKEN_NIL && token.kind != TOKEN_NUMBER &&
		 token.kind != TOKEN_STRING)
		return parser_fail(parser, "a field, a number, a string, true, false, nil, not, - "
					   "or (");
	err = parser_node(parser, NODE_CONSTANT, token.at, out);
	if (err == 0)
		(*out)->constant = token.value;
	return err == 0 ? parser_advance(parser) : err;
}

/* A minus before a number belongs to the number: -9223372036854775808 stays exact. */
static bool fold_minus(struct node *node)
{
	struct value *value = &node->constant;

	if (node->kind != NODE_CONSTANT)
		return false;
	if (value->type == VALUE_FLOAT ||
	    (value->type == VALUE_INT && value->as.integer == INT64_MIN))
		*value = filter_number(value->type == VALUE_FLOAT ? -value->as.number : 0x1p63);
	else if (value->type == VALUE_INT)
		value->as.integer = -value->as.integer;
	else
		return false;
	return true;
}

static int parse_unary(struct parser *parser, struct node **out)
{
	struct token token = parser->token;
	struct node *operand;
	int err;

	if (token.kind != TOKEN_NOT && token.kind != TOKEN_MINUS)
		return parse_primary(parser, out);
	err = enter(parser);
	if (err == 0)
		err = parser_advance(parser);
	if (err == 0)
		err = parse_unary(parser, &operand);
	parser->depth--;
	if (err != 0)
		return err;
	*out = operand;
	if (token.kind == TOKEN_MINUS && fold_minus(operand))
		return 0;
	err = parser_node(parser, token.kind == TOKEN_NOT ? NODE_NOT : NODE_NEGATE, token.at, out);
	if (err == 0)
		(*out)->first = operand;
	return err;
}

static enum comparison mirrored(enum comparison comparison)
{
	switch (comparison) {
	case COMPARISON_EQ:
	case COMPARISON_NE: return comparison;
	case COMPARISON_LT: return COMPARISON_GT;
	case COMPARISON_LE: return COMPARISON_GE;
	case COMPARISON_GT: return COMPARISON_LT;
	case COMPARISON_GE: return COMPARISON_LE;
	}
	return comparison;
}

/* Constants stand on the right of a comparison, and of two of them nil does. */
static bool belongs_right(const struct node *left, const struct node *right)
{
	if (left->kind != NODE_CONSTANT || right->kind != NODE_CONSTANT)
		return left->kind == NODE_CONSTANT;
	return left->constant.type == VALUE_NIL && right->constant.type != VALUE_NIL;
}

static void append_children(struct node *to, struct node *child)
{
	struct node **end = &to->first;

	while (*end != NULL)
		end = &(*end)->next;
	*end = child->kind == to->kind ? child->first : child;
}

static int join_logical(struct parser *parser, const struct node *infix, struct node *left,
			struct node *right, struct node **out)
{
	*out = left;
	if (left->kind != infix->kind) {
		int err = parser_node(parser, infix->kind, infix->at, out);

		if (err != 0)
			return err;
		append_children(*out, left);
	}
	append_children(*out, right);
	return 0;
}

static int join(struct parser *parser, const struct node *infix, struct node *left,
		struct node *right, struct node **out)
{
	bool is_ordering = infix->kind == NODE_COMPARE && infix->comparison != COMPARISON_EQ &&
			   infix->comparison != COMPARISON_NE;
	int err;

	if (infix->kind == NODE_AND || infix->kind == NODE_OR)
		return join_logical(parser, infix, left, right, out);
	if (is_ordering && (left->kind == NODE_COMPARE || right->kind == NODE_COMPARE))
		return err_set(parser->why, ERR_INVALID,
			       "column %u: this would order the answer true or false of another "
			       "comparison; write `1 < a and a < 5` instead of `1 < a < 5`",
			       infix->at);
	err = parser_node(parser, infix->kind, infix->at, out);
	if (err != 0)
		return err;
	(*out)->comparison = infix->comparison;
	(*out)->arithmetic = infix->arithmetic;
	if (infix->kind == NODE_COMPARE && belongs_right(left, right)) {
		struct node *constant = left;

		left = right;
		right = constant;
		(*out)->comparison = mirrored(infix->comparison);
	}
	(*out)->first = left;
	left->next = right;
	return 0;
}

static int parse_binary(struct parser *parser, int loosest, struct node **out)
{
	struct node *left = NULL, *right = NULL;
	struct node infix;
	int err = parse_unary(parser, &left);

	while (err == 0 && binary_of(parser->token.kind, &infix) &&
	       node_precedence(&infix) > loosest) {
		infix.at = parser->token.at;
		err = parser_advance(parser);
		if (err == 0)
			err = parse_binary(parser, node_precedence(&infix), &right);
		if (err == 0)
			err = join(parser, &infix, left, right, &left);
	}
	if (err == 0)
		*out = left;
	return err;
}

int parser_parse(struct node **out, const char *text, struct arena *arena, struct err_note *why)
{
	struct parser parser = {.arena = arena, .why = why};
	int err;

	if (strlen(text) > FILTER_TEXT_BYTES_MAX)
		return err_set(why, ERR_RANGE, "the filter has %zu bytes; allowed are up to %d",
			       strlen(text), FILTER_TEXT_BYTES_MAX);
	lexer_init(&parser.lexer, text, arena);
	err = parser_advance(&parser);
	if (err == 0)
		err = parse_binary(&parser, PRECEDENCE_NONE, out);
	if (err == 0 && parser.token.kind != TOKEN_END)
		err = parser_fail(&parser, "and, or, == ~= < <= > >=, + - * / %, or the end of the "
					   "expression");
	return err;
}
