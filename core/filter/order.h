/** order.h - how two values of readings compare. Inline: it is the inner loop of every filter. */
#ifndef TOCSIN_CORE_FILTER_ORDER_H
#define TOCSIN_CORE_FILTER_ORDER_H

#include <string.h>

#include "core/model/value.h"

enum order {
	ORDER_LESS,
	ORDER_EQUAL,
	ORDER_GREATER,
	ORDER_APART, /**< of one type and different, but neither is the lesser: booleans */
	ORDER_NONE,  /**< not comparable: nil, or different types */
};

/** A comparison is the set of orders that make it true. */
#define COMPARISON_LIST(X)                                                                         \
	X(EQ, "==", 1 << ORDER_EQUAL)                                                              \
	X(NE, "~=", 1 << ORDER_LESS | 1 << ORDER_GREATER | 1 << ORDER_APART)                       \
	X(LT, "<", 1 << ORDER_LESS)                                                                \
	X(LE, "<=", 1 << ORDER_LESS | 1 << ORDER_EQUAL)                                            \
	X(GT, ">", 1 << ORDER_GREATER)                                                             \
	X(GE, ">=", 1 << ORDER_GREATER | 1 << ORDER_EQUAL)

enum comparison {
#define COMPARISON_ENUM(name, text, orders) COMPARISON_##name = (orders),
	COMPARISON_LIST(COMPARISON_ENUM)
#undef COMPARISON_ENUM
};

static inline bool comparison_holds(enum comparison comparison, enum order order)
{
	return ((unsigned)comparison >> order) & 1;
}

static inline enum order order_doubles(double a, double b)
{
	if (a < b)
		return ORDER_LESS;
	if (a > b)
		return ORDER_GREATER;
	return a == b ? ORDER_EQUAL : ORDER_APART;
}

static inline enum order order_integers(int64_t a, int64_t b)
{
	return (enum order)((a > b) - (a < b) + ORDER_EQUAL);
}

/* Exact: turning the integer into a double would make payment ids above 2^53 equal. */
static inline enum order order_integer_double(int64_t a, double b)
{
	enum order whole;

	if (b != b)
		return ORDER_APART;
	if (b >= 0x1p63)
		return ORDER_LESS;
	if (b < -0x1p63)
		return ORDER_GREATER;
	whole = order_integers(a, (int64_t)b);
	return whole == ORDER_EQUAL ? order_doubles((double)(int64_t)b, b) : whole;
}

static inline enum order order_reverse(enum order order)
{
	if (order == ORDER_LESS)
		return ORDER_GREATER;
	return order == ORDER_GREATER ? ORDER_LESS : order;
}

/** `b` is a number. */
static inline enum order order_number(const struct value *a, const struct value *b)
{
	bool is_b_integer = b->type == VALUE_INT;

	if (a->type == VALUE_INT)
		return is_b_integer ? order_integers(a->as.integer, b->as.integer)
				    : order_integer_double(a->as.integer, b->as.number);
	if (a->type == VALUE_FLOAT)
		return is_b_integer
			       ? order_reverse(order_integer_double(b->as.integer, a->as.number))
			       : order_doubles(a->as.number, b->as.number);
	return ORDER_NONE;
}

/** `b` is a string. */
static inline enum order order_string(const struct value *a, const struct value *b)
{
	uint32_t shorter = a->length < b->length ? a->length : b->length;
	int difference;

	if (a->type != VALUE_STRING)
		return ORDER_NONE;
	difference = shorter == 0 ? 0 : memcmp(a->as.text, b->as.text, shorter);
	if (difference != 0)
		return difference < 0 ? ORDER_LESS : ORDER_GREATER;
	return order_integers(a->length, b->length);
}

static inline enum order order_values(const struct value *a, const struct value *b)
{
	switch ((enum value_type)b->type) {
	case VALUE_INT:
	case VALUE_FLOAT: return order_number(a, b);
	case VALUE_STRING: return order_string(a, b);
	case VALUE_BOOL:
		if (a->type != VALUE_BOOL)
			return ORDER_NONE;
		return a->as.boolean == b->as.boolean ? ORDER_EQUAL : ORDER_APART;
	case VALUE_NIL: return ORDER_NONE;
	}
	return ORDER_NONE;
}

#endif
