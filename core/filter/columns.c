/* How `success == false and (amount > 100 or app:match("^pay"))` runs over a batch:
 *
 *     in = all rows          scan(success, == false)     -> m1
 *     in = m1                scan(amount, > 100)         -> m2
 *     in = m1 and not m2     match(app)                  -> m3      the regex sees few rows
 *     out = m2 or m3
 *
 * Masks live on the stack (128 bytes). Only arithmetic, and truths that are compared as values,
 * need scratch columns; an operation puts its result where its left operand was.
 */
#include "core/filter/columns.h"

#include <math.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/filter/node.h"
#include "core/filter/regex.h"

/* A column as rows see it: a constant is one value for all of them. */
struct view {
	const struct value *values;
	size_t row_mask; /**< 0 for a constant */
};

struct run {
	const struct batch *batch;
	struct filter_scratch *scratch;
};

/* The right-hand side of a test. */
struct operand {
	const struct value *value;
	double number; /**< of a number that a double holds exactly */
	const struct node *node;
	struct view view;
	struct regex_matcher *matcher;
	enum comparison comparison;
};

typedef bool test_fn(const struct value *value, size_t row, const struct operand *operand);

static struct view view_of(const struct node *node, const struct run *run, uint32_t slot,
			   const struct mask *in);
static void mask_of(const struct node *node, const struct run *run, uint32_t slot,
		    const struct mask *in, struct mask *out);

/* The one loop over rows; inlined, so that each `test` gets a loop of its own without a call. */
static inline __attribute__((always_inline)) void scan(struct view view, const struct mask *in,
						       struct mask *out, test_fn *test,
						       const struct operand *operand)
{
	for (size_t word = 0; word < MASK_WORDS; word++) {
		uint64_t left = in->words[word], hits = 0;

		if (left == UINT64_MAX) {
			for (size_t bit = 0; bit < 64; bit++) {
				size_t row = word * 64 + bit;
				const struct value *value = &view.values[row & view.row_mask];

				hits |= (uint64_t)test(value, row, operand) << bit;
			}
			left = 0;
		}
		for (; left != 0; left &= left - 1) {
			size_t bit = (size_t)__builtin_ctzll(left), row = word * 64 + bit;
			const struct value *value = &view.values[row & view.row_mask];

			hits |= (uint64_t)test(value, row, operand) << bit;
		}
		out->words[word] = hits;
	}
}

static inline bool is_truthy(const struct value *value, size_t row, const struct operand *operand)
{
	(void)row;
	(void)operand;
	return value->type != VALUE_NIL && (value->type != VALUE_BOOL || value->as.boolean);
}

static inline bool is_nil(const struct value *value, size_t row, const struct operand *operand)
{
	(void)row;
	(void)operand;
	return value->type == VALUE_NIL;
}

static inline bool is_present(const struct value *value, size_t row, const struct operand *operand)
{
	return !is_nil(value, row, operand);
}

static inline bool holds_number(const struct value *value, size_t row,
				const struct operand *operand)
{
	(void)row;
	return comparison_holds(operand->comparison, order_number(value, operand->value));
}

/* As above for a constant that is the same as a double: the usual case, and half the time. */
static inline bool holds_double(const struct value *value, size_t row,
				const struct operand *operand)
{
	if (value->type == VALUE_FLOAT)
		return comparison_holds(operand->comparison,
					order_doubles(value->as.number, operand->number));
	return holds_number(value, row, operand);
}

static inline bool holds_string(const struct value *value, size_t row,
				const struct operand *operand)
{
	(void)row;
	return comparison_holds(operand->comparison, order_string(value, operand->value));
}

static inline bool has_same_text(const struct value *value, const struct value *other)
{
	return value->length == other->length &&
	       (other->length == 0 || memcmp(value->as.text, other->as.text, other->length) == 0);
}

/* Most filters ask for equality: a different length answers without reading the text. */
static inline bool is_string(const struct value *value, size_t row, const struct operand *operand)
{
	(void)row;
	return value->type == VALUE_STRING && has_same_text(value, operand->value);
}

static inline bool is_other_string(const struct value *value, size_t row,
				   const struct operand *operand)
{
	(void)row;
	return value->type == VALUE_STRING && !has_same_text(value, operand->value);
}

static inline bool holds_values(const struct value *value, size_t row,
				const struct operand *operand)
{
	const struct value *other = &operand->view.values[row & operand->view.row_mask];

	return comparison_holds(operand->comparison, order_values(value, other));
}

static inline bool matches(const struct value *value, size_t row, const struct operand *operand)
{
	(void)row;
	return value->type == VALUE_STRING &&
	       regex_match(operand->node->regex, (struct slice){value->as.text, value->length},
			   operand->matcher);
}

static inline bool contains(const struct value *value, size_t row, const struct operand *operand)
{
	(void)row;
	if (value->type != VALUE_STRING || value->length < operand->value->length)
		return false;
	return operand->value->length == 0 ||
	       memmem(value->as.text, value->length, operand->value->as.text,
		      operand->value->length) != NULL;
}

static inline bool starts(const struct value *value, size_t row, const struct operand *operand)
{
	uint32_t length = operand->value->length;

	(void)row;
	return value->type == VALUE_STRING && value->length >= length &&
	       (length == 0 || memcmp(value->as.text, operand->value->as.text, length) == 0);
}

static inline bool is_in_set(const struct value *value, size_t row, const struct operand *operand)
{
	uint32_t low = 0, high = operand->node->set_count;

	(void)row;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = node_set_order(value, &operand->node->set[middle]);

		if (order == 0)
			return order_values(value, &operand->node->set[middle]) == ORDER_EQUAL;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

/* ---- truths ---- */

static void compare_number(struct view left, struct operand *operand, const struct mask *in,
			   struct mask *out)
{
	const struct value *constant = operand->value;
	bool is_integer = constant->type == VALUE_INT;

	operand->number = is_integer ? (double)constant->as.integer : constant->as.number;
	if (is_integer && (constant->as.integer > 1LL << 53 || constant->as.integer < -(1LL << 53)))
		scan(left, in, out, holds_number, operand);
	else
		scan(left, in, out, holds_double, operand);
}

static void compare_constant(struct view left, const struct node *node, const struct mask *in,
			     struct mask *out)
{
	const struct value *constant = &node->first->next->constant;
	struct operand operand = {
		.value = constant, .view = {constant, 0}, .comparison = node->comparison};

	switch ((enum value_type)constant->type) {
	case VALUE_NIL:
		if (node->comparison == COMPARISON_EQ)
			scan(left, in, out, is_nil, &operand);
		else if (node->comparison == COMPARISON_NE)
			scan(left, in, out, is_present, &operand);
		else
			*out = (struct mask){{0}};
		return;
	case VALUE_INT:
	case VALUE_FLOAT: compare_number(left, &operand, in, out); return;
	case VALUE_STRING:
		if (node->comparison == COMPARISON_EQ)
			scan(left, in, out, is_string, &operand);
		else if (node->comparison == COMPARISON_NE)
			scan(left, in, out, is_other_string, &operand);
		else
			scan(left, in, out, holds_string, &operand);
		return;
	case VALUE_BOOL: scan(left, in, out, holds_values, &operand); return;
	}
}

static void mask_of_compare(const struct node *node, const struct run *run, uint32_t slot,
			    const struct mask *in, struct mask *out)
{
	struct view left = view_of(node->first, run, slot, in);
	struct operand operand = {.comparison = node->comparison};

	if (node->first->next->kind == NODE_CONSTANT) {
		compare_constant(left, node, in, out);
		return;
	}
	operand.view = view_of(node->first->next, run, slot + 1, in);
	scan(left, in, out, holds_values, &operand);
}

static void mask_of_method(const struct node *node, const struct run *run, uint32_t slot,
			   const struct mask *in, struct mask *out)
{
	struct view view = view_of(node->first, run, slot, in);
	struct operand operand = {
		.value = &node->constant, .node = node, .matcher = run->scratch->matcher};

	if (node->kind == NODE_MATCH)
		scan(view, in, out, matches, &operand);
	else if (node->kind == NODE_CONTAINS)
		scan(view, in, out, contains, &operand);
	else if (node->kind == NODE_STARTS)
		scan(view, in, out, starts, &operand);
	else
		scan(view, in, out, is_in_set, &operand);
}

static void mask_of_and(const struct node *node, const struct run *run, uint32_t slot,
			const struct mask *in, struct mask *out)
{
	struct mask left = *in;

	for (const struct node *child = node->first; child != NULL; child = child->next)
		mask_of(child, run, slot, &left, &left);
	*out = left;
}

static void mask_of_or(const struct node *node, const struct run *run, uint32_t slot,
		       const struct mask *in, struct mask *out)
{
	struct mask left = *in, hits, found = {{0}};

	for (const struct node *child = node->first; child != NULL; child = child->next) {
		mask_of(child, run, slot, &left, &hits);
		for (size_t word = 0; word < MASK_WORDS; word++) {
			found.words[word] |= hits.words[word];
			left.words[word] &= ~hits.words[word];
		}
	}
	*out = found;
}

static void mask_of_not(const struct node *node, const struct run *run, uint32_t slot,
			const struct mask *in, struct mask *out)
{
	struct mask hits;

	mask_of(node->first, run, slot, in, &hits);
	for (size_t word = 0; word < MASK_WORDS; word++)
		out->words[word] = in->words[word] & ~hits.words[word];
}

static void mask_of(const struct node *node, const struct run *run, uint32_t slot,
		    const struct mask *in, struct mask *out)
{
	switch (node->kind) {
	case NODE_AND: mask_of_and(node, run, slot, in, out); return;
	case NODE_OR: mask_of_or(node, run, slot, in, out); return;
	case NODE_NOT: mask_of_not(node, run, slot, in, out); return;
	case NODE_COMPARE: mask_of_compare(node, run, slot, in, out); return;
	case NODE_MATCH:
	case NODE_CONTAINS:
	case NODE_STARTS:
	case NODE_IN: mask_of_method(node, run, slot, in, out); return;
	case NODE_CONSTANT:
	case NODE_FIELD:
	case NODE_ARITHMETIC:
	case NODE_NEGATE: scan(view_of(node, run, slot, in), in, out, is_truthy, NULL); return;
	}
}

/* ---- values ---- */

static struct value *scratch_column(const struct run *run, uint32_t slot)
{
	return run->scratch->columns + (size_t)slot * BATCH_ROWS_MAX;
}

/* Lua's remainder has the sign of the divisor; fmod() is exact, a - floor(a / b) * b is not. */
static double remainder_of(double a, double b)
{
	double remainder = fmod(a, b);

	return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

static struct value compute(enum arithmetic arithmetic, double a, double b)
{
	double result = 0;

	switch (arithmetic) {
	case ARITHMETIC_ADD: result = a + b; break;
	case ARITHMETIC_SUB: result = a - b; break;
	case ARITHMETIC_MUL: result = a * b; break;
	case ARITHMETIC_DIV: result = b == 0 ? NAN : a / b; break;
	case ARITHMETIC_MOD: result = b == 0 ? NAN : remainder_of(a, b); break;
	}
	if (isnan(result))
		return (struct value){.type = VALUE_NIL};
	return (struct value){.type = VALUE_FLOAT, .as.number = result};
}

/* As value_number(), which is a call away in another module. */
static inline bool number_of(const struct value *value, double *out)
{
	if (value->type == VALUE_INT)
		*out = (double)value->as.integer;
	else if (value->type == VALUE_FLOAT)
		*out = value->as.number;
	else
		return false;
	return true;
}

static struct view view_of_arithmetic(const struct node *node, const struct run *run, uint32_t slot,
				      const struct mask *in)
{
	struct view left = view_of(node->first, run, slot, in);
	struct view right = view_of(node->first->next, run, slot + 1, in);
	struct value *result = scratch_column(run, slot);

	for (size_t word = 0; word < MASK_WORDS; word++) {
		for (uint64_t rows = in->words[word]; rows != 0; rows &= rows - 1) {
			size_t row = word * 64 + (size_t)__builtin_ctzll(rows);
			double a, b;

			if (number_of(&left.values[row & left.row_mask], &a) &&
			    number_of(&right.values[row & right.row_mask], &b))
				result[row] = compute(node->arithmetic, a, b);
			else
				result[row] = (struct value){.type = VALUE_NIL};
		}
	}
	return (struct view){result, SIZE_MAX};
}

static struct view view_of_negate(const struct node *node, const struct run *run, uint32_t slot,
				  const struct mask *in)
{
	struct view operand = view_of(node->first, run, slot, in);
	struct value *result = scratch_column(run, slot);

	for (size_t word = 0; word < MASK_WORDS; word++) {
		for (uint64_t rows = in->words[word]; rows != 0; rows &= rows - 1) {
			size_t row = word * 64 + (size_t)__builtin_ctzll(rows);
			double number;

			if (number_of(&operand.values[row & operand.row_mask], &number))
				result[row] = compute(ARITHMETIC_SUB, 0, number);
			else
				result[row] = (struct value){.type = VALUE_NIL};
		}
	}
	return (struct view){result, SIZE_MAX};
}

static struct view view_of_truth(const struct node *node, const struct run *run, uint32_t slot,
				 const struct mask *in)
{
	struct value *result = scratch_column(run, slot);
	struct mask hits;

	mask_of(node, run, slot, in, &hits);
	for (size_t row = 0; row < BATCH_ROWS_MAX; row++)
		result[row] = (struct value){.type = VALUE_BOOL,
					     .as.boolean = hits.words[row / 64] >> (row % 64) & 1};
	return (struct view){result, SIZE_MAX};
}

/* Rows that are not in `in` are not computed. The result stands in `slot` or needs none. */
static struct view view_of(const struct node *node, const struct run *run, uint32_t slot,
			   const struct mask *in)
{
	switch (node->kind) {
	case NODE_CONSTANT: return (struct view){&node->constant, 0};
	case NODE_FIELD: return (struct view){run->batch->columns[node->column], SIZE_MAX};
	case NODE_ARITHMETIC: return view_of_arithmetic(node, run, slot, in);
	case NODE_NEGATE: return view_of_negate(node, run, slot, in);
	case NODE_AND:
	case NODE_OR:
	case NODE_NOT:
	case NODE_COMPARE:
	case NODE_MATCH:
	case NODE_CONTAINS:
	case NODE_STARTS:
	case NODE_IN: break;
	}
	return view_of_truth(node, run, slot, in);
}

uint32_t columns_needed(const struct node *node)
{
	uint32_t needed = node->kind == NODE_CONSTANT || node->kind == NODE_FIELD ? 0 : 1;
	uint32_t slot = 0;

	for (const struct node *child = node->first; child != NULL; child = child->next) {
		uint32_t child_needed = slot + columns_needed(child);

		if (child_needed > needed)
			needed = child_needed;
		/* Both operands of these are held at once; all others use one after the other. */
		if (node->kind == NODE_COMPARE || node->kind == NODE_ARITHMETIC)
			slot++;
	}
	return needed;
}

void columns_run(const struct node *node, const struct batch *batch, struct filter_scratch *scratch,
		 const struct mask *in, struct mask *out)
{
	struct run run = {batch, scratch};

	mask_of(node, &run, 0, in, out);
}
