/** meaning.h - one value against the constant of a node: the meaning of comparisons and methods.
 *  scan.c has the same for 64 rows at once where that is worth it.
 */
#ifndef TOCSIN_CORE_FILTER_MEANING_H
#define TOCSIN_CORE_FILTER_MEANING_H

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/filter/node.h"
#include "core/filter/order.h"
#include "core/filter/regex.h"

static inline bool value_is_truthy(const struct value *value)
{
	return value->type != VALUE_NIL && (value->type != VALUE_BOOL || value->as.boolean);
}

static inline bool node_is_method(const struct node *node)
{
	return node->kind == NODE_MATCH || node->kind == NODE_CONTAINS ||
	       node->kind == NODE_STARTS || node->kind == NODE_IN;
}

static inline bool node_is_constant_test(const struct node *node)
{
	return node_is_method(node) ||
	       (node->kind == NODE_COMPARE && node->first->next->kind == NODE_CONSTANT);
}

static inline bool meaning_compare(enum comparison comparison, const struct value *value,
				   const struct value *constant)
{
	if (constant->type == VALUE_NIL) {
		if (comparison == COMPARISON_EQ)
			return value->type == VALUE_NIL;
		return comparison == COMPARISON_NE && value->type != VALUE_NIL;
	}
	return comparison_holds(comparison, order_values(value, constant));
}

static inline bool meaning_contains(const struct value *value, const struct value *part)
{
	if (value->type != VALUE_STRING || value->length < part->length)
		return false;
	return part->length == 0 ||
	       memmem(value->as.text, value->length, part->as.text, part->length) != NULL;
}

static inline bool meaning_starts(const struct value *value, const struct value *part)
{
	return value->type == VALUE_STRING && value->length >= part->length &&
	       (part->length == 0 || memcmp(value->as.text, part->as.text, part->length) == 0);
}

static inline bool meaning_in(const struct value *value, const struct value *set, uint32_t count)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = node_set_order(value, &set[middle]);

		if (order == 0)
			return order_values(value, &set[middle]) == ORDER_EQUAL;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

/** `node` is a method, or a comparison whose right side is a constant. */
static inline bool meaning_value(const struct node *node, const struct value *value,
				 struct regex_matcher *matcher)
{
	if (node->kind == NODE_COMPARE)
		return meaning_compare(node->comparison, value, &node->first->next->constant);
	if (node->kind == NODE_CONTAINS)
		return meaning_contains(value, &node->constant);
	if (node->kind == NODE_STARTS)
		return meaning_starts(value, &node->constant);
	if (node->kind == NODE_IN)
		return meaning_in(value, node->set, node->set_count);
	return value->type == VALUE_STRING &&
	       regex_match(node->regex, (struct slice){value->as.text, value->length}, matcher);
}

/* ---- arithmetic ---- */

/* Lua's remainder has the sign of the divisor; fmod() is exact, a - floor(a / b) * b is not. */
static inline double meaning_remainder(double a, double b)
{
	double remainder = fmod(a, b);

	return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

static inline struct value meaning_compute(enum arithmetic arithmetic, double a, double b)
{
	double result = 0;

	switch (arithmetic) {
	case ARITHMETIC_ADD: result = a + b; break;
	case ARITHMETIC_SUB: result = a - b; break;
	case ARITHMETIC_MUL: result = a * b; break;
	case ARITHMETIC_DIV: result = b == 0 ? NAN : a / b; break;
	case ARITHMETIC_MOD: result = b == 0 ? NAN : meaning_remainder(a, b); break;
	}
	if (isnan(result))
		return (struct value){.type = VALUE_NIL};
	return (struct value){.type = VALUE_FLOAT, .as.number = result};
}

static inline struct value meaning_arithmetic(const struct node *node, const struct value *left,
					      const struct value *right)
{
	double a, b;

	if (!value_number(left, &a) || !value_number(right, &b))
		return (struct value){.type = VALUE_NIL};
	return meaning_compute(node->arithmetic, a, b);
}

static inline struct value meaning_negate(const struct value *value)
{
	double number;

	if (!value_number(value, &number))
		return (struct value){.type = VALUE_NIL};
	return meaning_compute(ARITHMETIC_SUB, 0, number);
}

#endif
