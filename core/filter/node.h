/** node.h - a filter as a tree, between the text and the operations over columns.
 *
 *  Nodes live in the filter's arena. The parser leaves it in one shape, on which the rest relies:
 *  - `and` / `or` have two or more children and no child of their own kind;
 *  - a comparison with one constant has it on the right; a minus before a number is in the number;
 *  - the values of `in_` are sorted by node_set_order() and different.
 *
 *  To add a method: one row in METHOD_LIST, its argument in parser.c, its test in columns.c; the
 *  compiler names the switches.
 */
#ifndef TOCSIN_CORE_FILTER_NODE_H
#define TOCSIN_CORE_FILTER_NODE_H

#include <stdint.h>

#include "core/filter/order.h"
#include "core/model/value.h"

struct bytes;
struct err_note;
struct regex;
struct schema;

#define METHOD_LIST(X) X(MATCH, "match") X(CONTAINS, "contains") X(STARTS, "starts") X(IN, "in_")

enum node_kind {
	NODE_CONSTANT,
	NODE_FIELD,
	NODE_AND,
	NODE_OR,
	NODE_NOT,
	NODE_COMPARE,
	NODE_ARITHMETIC,
	NODE_NEGATE,
#define NODE_ENUM(name, text) NODE_##name,
	METHOD_LIST(NODE_ENUM)
#undef NODE_ENUM
};

enum arithmetic { ARITHMETIC_ADD, ARITHMETIC_SUB, ARITHMETIC_MUL, ARITHMETIC_DIV, ARITHMETIC_MOD };

struct node {
	enum node_kind kind;
	uint32_t at; /**< column in the text: of an operator the operator's */
	struct node *first, *next;

	enum comparison comparison; /**< of NODE_COMPARE */
	enum arithmetic arithmetic; /**< of NODE_ARITHMETIC */
	struct value constant; /**< of NODE_CONSTANT, and the text of match, contains, starts */
	const char *name;      /**< of NODE_FIELD */
	uint32_t column;       /**< of NODE_FIELD, in the batch */
	struct regex *regex;   /**< of NODE_MATCH; owned by the filter */
	struct value *set;     /**< of NODE_IN */
	uint32_t set_count;
};

const char *node_method_name(enum node_kind kind);

/** How tightly a node holds its operands: 1 or .. 7 a field. Parser and canonical form share it. */
int node_precedence(const struct node *node);

/** A total order over constants: numbers, then strings, then booleans. */
int node_set_order(const struct value *a, const struct value *b);

/** check.c: declared names and types against a closed schema. */
int node_check(const struct node *node, const struct schema *schema, struct err_note *why);

/** canonical.c: the text that means this tree, with the fewest parentheses. */
void node_append_canonical(const struct node *node, struct bytes *out);

#endif
