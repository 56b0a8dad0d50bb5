/* `expect`: the keys that must send, as a list or a column of a lookup. */
#include "core/rule/rule_internal.h"

#include "core/base/number.h"
#include "core/config/config.h"
#include "core/config/tree.h"
#include "core/lookup/lookup.h"
#include "core/model/schema.h"
#include "core/model/value.h"

#include <stdlib.h>
#include <string.h>

/** As readings of the field would have it: a text is a number where the field is one. */
static bool expected_value(const struct rule_builder *builder, const struct tree *item,
			   const char *name, struct value *out)
{
	const struct field *field =
		builder->source != NULL ? schema_find(&builder->source->schema, name) : NULL;
	char found[TREE_DESCRIPTION_BYTES_MAX];
	double number;

	if (item->type == TREE_STRING && field != NULL && field_type_is_numeric(field->type) &&
	    number_parse((struct slice){item->text, item->text_length}, &number) == 0) {
		*out = (struct value){.type = VALUE_FLOAT, .as.number = number};
	} else if (item->type == TREE_STRING) {
		*out = (struct value){.type = VALUE_STRING, .length = item->text_length};
		out->as.text = item->text;
	} else if (item->type == TREE_NUMBER) {
		*out = (struct value){.type = VALUE_FLOAT, .as.number = item->number};
	} else if (item->type == TREE_BOOL) {
		*out = (struct value){.type = VALUE_BOOL, .as.boolean = item->boolean};
	} else {
		rule_fault_at(builder, item->line,
			      "a key of \"expect\" must be a text, a number, true or false, found "
			      "%s; example: expect = { \"m1\" }",
			      tree_describe(item, found));
		return false;
	}
	return true;
}

static void read_expected(const struct rule_builder *builder, const struct tree *item,
			  struct slice *out)
{
	struct rule *rule = builder->rule;
	struct bytes key = BYTES_EMPTY;
	struct value value;
	uint32_t i = 0;

	if (rule->by_count > 1 && (!tree_is_list(item) || item->child_count != rule->by_count)) {
		rule_fault_at(
			builder, item->line,
			"a key of \"expect\" must have a value for each of the %u fields of the "
			"dimension; example: expect = { { \"m1\", \"10.1.1.1\" } }",
			rule->by_count);
		return;
	}
	if (rule->by_count == 1) {
		if (expected_value(builder, item, rule->by[0], &value))
			dimension_append(&key, &value);
	} else {
		for (const struct tree *part = item->first; part != NULL; part = part->next, i++)
			if (expected_value(builder, part, rule->by[i], &value))
				dimension_append(&key, &value);
	}
	*out = (struct slice){
		arena_copy(&rule->arena, key.data != NULL ? key.data : "", key.length), key.length};
	bytes_deinit(&key);
}

static int compare_keys(const void *a, const void *b)
{
	return dimension_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/** The column has the keys: of rules with one field in their dimension. */
static void read_lookup(const struct rule_builder *builder, const struct tree *table)
{
	struct rule *rule = builder->rule;
	const struct lookup *lookup;
	char found[TREE_DESCRIPTION_BYTES_MAX];
	struct slice *keys;
	uint32_t column, count;

	if (!tree_is_map(table) || rule->by_count > 1) {
		rule_fault_at(
			builder, table->line,
			"\"expect\" must be a list of keys, or a lookup with a column for the one "
			"field of the dimension, found %s; example: expect = { lookup = \"vip\" }",
			tree_describe(table, found));
		return;
	}
	lookup = rule_read_column(builder, table, "expect", rule->by[0], &column);
	if (lookup == NULL)
		return;
	count = lookup_row_count(lookup);
	keys = arena_zalloc(&rule->arena, (count + 1) * sizeof(*keys));
	for (uint32_t row = 0; row < count; row++) {
		struct slice text = lookup_cell(lookup, row, column);
		struct tree cell = {.type = TREE_STRING,
				    .text = text.data,
				    .text_length = (uint32_t)text.length};

		if (text.length > 0)
			read_expected(builder, &cell, &keys[rule->expect_count++]);
	}
	qsort(keys, rule->expect_count, sizeof(*keys), compare_keys);
	rule->expect = keys;
}

void rule_read_expect(const struct rule_builder *builder)
{
	const struct tree *expect = tree_get(builder->tree, "expect");
	struct rule *rule = builder->rule;
	struct slice *keys;

	if (expect == NULL)
		return;
	if (rule->by_count == 0) {
		rule_fault(builder, "expect",
			   "\"expect\" names keys of a dimension, and the rule has none");
		return;
	}
	if (!tree_is_list(expect)) {
		read_lookup(builder, expect);
		return;
	}
	keys = arena_zalloc(&rule->arena, (expect->child_count + 1) * sizeof(*keys));
	for (const struct tree *item = expect->first; item != NULL; item = item->next)
		read_expected(builder, item, &keys[rule->expect_count++]);
	qsort(keys, rule->expect_count, sizeof(*keys), compare_keys);
	rule->expect = keys;
}
