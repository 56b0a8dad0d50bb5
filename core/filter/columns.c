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

#include "core/filter/meaning.h"
#include "core/filter/node.h"
#include "core/filter/regex.h"
#include "core/filter/scan.h"

/* A column as rows see it: a constant is one value for all of them. */
struct view {
	const struct value *values;
	size_t row_mask; /**< 0 for a constant */
};

struct run {
	const struct batch *batch;
	struct filter_scratch *scratch;
};

static struct view view_of(const struct node *node, const struct run *run, uint32_t slot,
			   const struct mask *in);
static void mask_of(const struct node *node, const struct run *run, uint32_t slot,
		    const struct mask *in, struct mask *out);

/* ---- truths ---- */

static void mask_of_test(const struct node *node, const struct run *run, uint32_t slot,
			 const struct mask *in, struct mask *out)
{
	struct view view = view_of(node->first, run, slot, in);
	struct regex_matcher *matcher = run->scratch->matcher;

	if (view.row_mask != 0)
		scan_column(node, view.values, matcher, in, out);
	else
		*out = meaning_value(node, view.values, matcher) ? *in : (struct mask){{0}};
}

static void mask_of_value(const struct node *node, const struct run *run, uint32_t slot,
			  const struct mask *in, struct mask *out)
{
	struct view view = view_of(node, run, slot, in);

	if (view.row_mask != 0)
		scan_truthy(view.values, in, out);
	else
		*out = value_is_truthy(view.values) ? *in : (struct mask){{0}};
}

static void mask_of_compare(const struct node *node, const struct run *run, uint32_t slot,
			    const struct mask *in, struct mask *out)
{
	struct view left = view_of(node->first, run, slot, in);
	struct view right = view_of(node->first->next, run, slot + 1, in);

	for (size_t word = 0; word < MASK_WORDS; word++) {
		uint64_t hits = 0;

		for (uint64_t rows = in->words[word]; rows != 0; rows &= rows - 1) {
			size_t bit = (size_t)__builtin_ctzll(rows), row = word * 64 + bit;
			enum order order = order_values(&left.values[row & left.row_mask],
							&right.values[row & right.row_mask]);

			hits |= (uint64_t)comparison_holds(node->comparison, order) << bit;
		}
		out->words[word] = hits;
	}
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
	struct mask left = *in, hits = {{0}}, found = {{0}};

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
	struct mask hits = {{0}};

	mask_of(node->first, run, slot, in, &hits);
	for (size_t word = 0; word < MASK_WORDS; word++)
		out->words[word] = in->words[word] & ~hits.words[word];
}

static void mask_of(const struct node *node, const struct run *run, uint32_t slot,
		    const struct mask *in, struct mask *out)
{
	if (node_is_constant_test(node)) {
		mask_of_test(node, run, slot, in, out);
		return;
	}
	switch (node->kind) {
	case NODE_AND: mask_of_and(node, run, slot, in, out); return;
	case NODE_OR: mask_of_or(node, run, slot, in, out); return;
	case NODE_NOT: mask_of_not(node, run, slot, in, out); return;
	case NODE_COMPARE: mask_of_compare(node, run, slot, in, out); return;
	case NODE_MATCH:
	case NODE_CONTAINS:
	case NODE_STARTS:
	case NODE_IN: return; /* tests of a constant */
	case NODE_CONSTANT:
	case NODE_FIELD:
	case NODE_ARITHMETIC:
	case NODE_NEGATE: mask_of_value(node, run, slot, in, out); return;
	}
}

/* ---- values ---- */

static struct value *scratch_column(const struct run *run, uint32_t slot)
{
	return run->scratch->columns + (size_t)slot * BATCH_ROWS_MAX;
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

			result[row] = meaning_arithmetic(node, &left.values[row & left.row_mask],
							 &right.values[row & right.row_mask]);
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

			result[row] = meaning_negate(&operand.values[row & operand.row_mask]);
		}
	}
	return (struct view){result, SIZE_MAX};
}

static struct view view_of_truth(const struct node *node, const struct run *run, uint32_t slot,
				 const struct mask *in)
{
	struct value *result = scratch_column(run, slot);
	struct mask hits = {{0}};

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

/* ---- one row ---- */

static bool row_and_or(const struct node *node, const struct batch *batch, uint32_t row,
		       struct regex_matcher *matcher)
{
	bool ends = node->kind == NODE_OR; /* the truth that ends the walk */

	for (const struct node *child = node->first; child != NULL; child = child->next)
		if (columns_row(child, batch, row, matcher) == ends)
			return ends;
	return !ends;
}

static struct value value_in_row(const struct node *node, const struct batch *batch, uint32_t row,
				 struct regex_matcher *matcher)
{
	struct value left, right;

	if (node->kind == NODE_CONSTANT)
		return node->constant;
	if (node->kind == NODE_FIELD)
		return batch->columns[node->column][row];
	if (node->kind != NODE_ARITHMETIC && node->kind != NODE_NEGATE)
		return (struct value){.type = VALUE_BOOL,
				      .as.boolean = columns_row(node, batch, row, matcher)};
	left = value_in_row(node->first, batch, row, matcher);
	if (node->kind == NODE_NEGATE)
		return meaning_negate(&left);
	right = value_in_row(node->first->next, batch, row, matcher);
	return meaning_arithmetic(node, &left, &right);
}

bool columns_row(const struct node *node, const struct batch *batch, uint32_t row,
		 struct regex_matcher *matcher)
{
	struct value left, right;

	if (node->kind == NODE_AND || node->kind == NODE_OR)
		return row_and_or(node, batch, row, matcher);
	if (node->kind == NODE_NOT)
		return !columns_row(node->first, batch, row, matcher);
	if (node_is_constant_test(node)) {
		left = value_in_row(node->first, batch, row, matcher);
		return meaning_value(node, &left, matcher);
	}
	if (node->kind != NODE_COMPARE) {
		left = value_in_row(node, batch, row, matcher);
		return value_is_truthy(&left);
	}
	left = value_in_row(node->first, batch, row, matcher);
	right = value_in_row(node->first->next, batch, row, matcher);
	return comparison_holds(node->comparison, order_values(&left, &right));
}
