/* One loop for each kind of test answers for 64 rows at once, as bits. Rows that are not asked for
 * are computed as well and masked out: their cells may hold values of an earlier batch, so types
 * and numbers may be looked at, but text may not. Each loop exists twice (lanes.h): AVX2, portable.
 */
#include "core/filter/scan.h"

#include <string.h>

#include "core/filter/lanes.h"
#include "core/filter/meaning.h"
#include "core/filter/node.h"

/* Below so many asked rows of 64, going row by row is faster. */
enum { DENSE_MIN = 12, IN_SCANS_MAX = 8 };

#define EXACT_MAX 9007199254740992.0 /* 2^53 */

struct operand {
	const struct lanes *lanes;
	const struct value *constant;
	struct lanes_pattern pattern;
	enum lanes_comparison comparison;
	double number;
};

typedef uint64_t dense_fn(const struct value *values, uint64_t asked,
			  const struct operand *operand);

static uint64_t dense_pattern(const struct value *values, uint64_t asked,
			      const struct operand *operand)
{
	(void)asked;
	return operand->lanes->equal(values, &operand->pattern);
}

static uint64_t dense_no_pattern(const struct value *values, uint64_t asked,
				 const struct operand *operand)
{
	return ~dense_pattern(values, asked, operand);
}

/* An integer as double is exact within +-2^53, and beyond stays on its side of the constant. */
static uint64_t dense_number(const struct value *values, uint64_t asked,
			     const struct operand *operand)
{
	(void)asked;
	return operand->lanes->number[operand->comparison](values, operand->number);
}

/* ---- strings ---- */

static uint64_t begins_with(const struct value *values, uint64_t candidates,
			    const struct operand *operand)
{
	const struct value *constant = operand->constant;
	uint64_t hits;

	if (constant->length == 0 || candidates == 0)
		return candidates;
	hits = operand->lanes->ends(values, candidates, constant->as.text, constant->length);
	if (constant->length <= LANES_ENDS_BYTES)
		return hits;
	for (uint64_t left = hits; left != 0; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);

		if (memcmp(values[i].as.text, constant->as.text, constant->length) != 0)
			hits &= ~(1ULL << i);
	}
	return hits;
}

/* The pattern is that of a string of the constant's length. */
static uint64_t dense_same_string(const struct value *values, uint64_t asked,
				  const struct operand *operand)
{
	return begins_with(values, dense_pattern(values, asked, operand) & asked, operand);
}

static uint64_t dense_other_string(const struct value *values, uint64_t asked,
				   const struct operand *operand)
{
	struct lanes_pattern any = lanes_pattern_of_type(VALUE_STRING);

	return operand->lanes->equal(values, &any) & ~dense_same_string(values, asked, operand);
}

static uint64_t dense_starts(const struct value *values, uint64_t asked,
			     const struct operand *operand)
{
	uint32_t length = operand->constant->length;
	uint64_t candidates = 0;

	for (unsigned i = 0; i < 64; i++)
		candidates |=
			(uint64_t)((values[i].type == VALUE_STRING) & (values[i].length >= length))
			<< i;
	return begins_with(values, candidates & asked, operand);
}

/* ---- the loop over words ---- */

static enum lanes_comparison lanes_of(enum comparison comparison)
{
	switch (comparison) {
#define LANES_CASE(NAME, text, orders)                                                             \
	case COMPARISON_##NAME: return LANES_##NAME;
		COMPARISON_LIST(LANES_CASE)
#undef LANES_CASE
	}
	return LANES_EQ;
}

/* A loop for `value <comparison> constant`, or NULL; fills the rest of the operand. */
static dense_fn *dense_of_compare(enum comparison comparison, struct operand *operand)
{
	const struct value *constant = operand->constant;
	bool is_equal = comparison == COMPARISON_EQ, is_unequal = comparison == COMPARISON_NE;

	switch ((enum value_type)constant->type) {
	case VALUE_NIL:
		operand->pattern = lanes_pattern_of_type(VALUE_NIL);
		return is_equal ? dense_pattern : is_unequal ? dense_no_pattern : NULL;
	case VALUE_BOOL:
		/* There are two booleans: another one than this is the other one. */
		operand->pattern = lanes_pattern_of_boolean(constant->as.boolean == is_equal);
		return is_equal || is_unequal ? dense_pattern : NULL;
	case VALUE_INT:
	case VALUE_FLOAT:
		value_number(constant, &operand->number);
		operand->comparison = lanes_of(comparison);
		if (!(operand->number > -EXACT_MAX && operand->number < EXACT_MAX))
			return NULL;
		return dense_number;
	case VALUE_STRING:
		operand->pattern = lanes_pattern_of_string(constant->length);
		return is_equal ? dense_same_string : is_unequal ? dense_other_string : NULL;
	}
	return NULL;
}

static dense_fn *dense_of(const struct node *node, struct operand *operand)
{
	*operand = (struct operand){.lanes = lanes_best(), .constant = &node->constant};
	if (node->kind == NODE_STARTS)
		return dense_starts;
	if (node->kind != NODE_COMPARE)
		return NULL;
	operand->constant = &node->first->next->constant;
	return dense_of_compare(node->comparison, operand);
}

static uint64_t word_by_rows(const struct node *node, const struct value *values,
			     struct regex_matcher *matcher, uint64_t asked)
{
	uint64_t hits = 0;

	for (uint64_t left = asked; left != 0; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);

		hits |= (uint64_t)meaning_value(node, &values[i], matcher) << i;
	}
	return hits;
}

static bool is_dense(uint64_t asked)
{
	return mask_word_count(asked) >= DENSE_MIN;
}

/* in_ of a few values is as many equalities; more are found by halving, row by row. */
static void scan_in(const struct node *node, const struct value *column, const struct mask *in,
		    struct mask *out)
{
	struct operand operands[IN_SCANS_MAX];
	dense_fn *dense[IN_SCANS_MAX];
	bool is_scanned = node->set_count <= IN_SCANS_MAX;

	for (uint32_t i = 0; i < node->set_count && is_scanned; i++) {
		operands[i] = (struct operand){.lanes = lanes_best(), .constant = &node->set[i]};
		dense[i] = dense_of_compare(COMPARISON_EQ, &operands[i]);
		is_scanned = dense[i] != NULL;
	}
	for (size_t word = 0; word < MASK_WORDS; word++) {
		const struct value *values = column + word * 64;
		uint64_t asked = in->words[word], hits = 0;

		if (!is_scanned || !is_dense(asked))
			hits = word_by_rows(node, values, NULL, asked);
		else
			for (uint32_t i = 0; i < node->set_count; i++)
				hits |= dense[i](values, asked & ~hits, &operands[i]);
		out->words[word] = hits & asked;
	}
}

void scan_column(const struct node *node, const struct value *column, struct regex_matcher *matcher,
		 const struct mask *in, struct mask *out)
{
	struct operand operand;
	dense_fn *dense;

	if (node->kind == NODE_IN) {
		scan_in(node, column, in, out);
		return;
	}
	dense = dense_of(node, &operand);
	for (size_t word = 0; word < MASK_WORDS; word++) {
		const struct value *values = column + word * 64;
		uint64_t asked = in->words[word];

		if (dense != NULL && is_dense(asked))
			out->words[word] = dense(values, asked, &operand) & asked;
		else
			out->words[word] = word_by_rows(node, values, matcher, asked);
	}
}

void scan_truthy(const struct value *column, const struct mask *in, struct mask *out)
{
	const struct lanes *lanes = lanes_best();
	struct lanes_pattern nil = lanes_pattern_of_type(VALUE_NIL);
	struct lanes_pattern untrue = lanes_pattern_of_boolean(false);

	for (size_t word = 0; word < MASK_WORDS; word++) {
		const struct value *values = column + word * 64;

		out->words[word] = in->words[word];
		if (in->words[word] != 0)
			out->words[word] &=
				~(lanes->equal(values, &nil) | lanes->equal(values, &untrue));
	}
}

bool scan_is_cheap(const struct node *node)
{
	struct operand operand;

	if (node->first == NULL || node->first->kind != NODE_FIELD)
		return false;
	if (node->kind == NODE_COMPARE && node->first->next->kind != NODE_CONSTANT)
		return false;
	return dense_of(node, &operand) != NULL;
}
