#include "core/filter/filter.h"

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/filter/columns.h"
#include "core/filter/filter_internal.h"
#include "core/filter/mask.h"
#include "core/filter/node.h"
#include "core/filter/parser.h"
#include "core/filter/regex.h"
#include "core/model/schema.h"

static int compile_regexes(struct node *node, struct err_note *why)
{
	int err = 0;

	if (node->kind == NODE_MATCH) {
		struct slice pattern = {node->constant.as.text, node->constant.length};

		err = regex_compile(&node->regex, pattern, why);
		if (err != 0)
			err_prefix(why, "column %u", node->at);
	}
	for (struct node *child = node->first; err == 0 && child != NULL; child = child->next)
		err = compile_regexes(child, why);
	return err;
}

static void free_regexes(struct node *node)
{
	regex_free(node->regex);
	for (struct node *child = node->first; child != NULL; child = child->next)
		free_regexes(child);
}

static int bind_fields(struct node *node, const struct schema *schema, struct field_set *fields,
		       uint32_t *batch_columns, struct err_note *why)
{
	int err = 0;

	if (node->kind == NODE_FIELD) {
		int column = field_set_add(fields, schema, node->name);

		if (column < 0)
			return err_set(
				why, column,
				"column %u: no room for the field \"%s\"; a source can have up "
				"to %d fields in use",
				node->at, node->name, SCHEMA_FIELDS_MAX);
		node->column = (uint32_t)column;
		if (*batch_columns <= node->column)
			*batch_columns = node->column + 1;
	}
	for (struct node *child = node->first; err == 0 && child != NULL; child = child->next)
		err = bind_fields(child, schema, fields, batch_columns, why);
	return err;
}

/* The canonical form is compiled again by whoever stored it, so it must keep the limit as well. */
static int write_canonical(struct filter *filter, struct err_note *why)
{
	struct bytes text;
	size_t length;

	bytes_init(&text);
	node_append_canonical(filter->root, &text);
	length = text.length;
	filter->canonical = bytes_take_text(&text);
	if (length > FILTER_TEXT_BYTES_MAX)
		return err_set(why, ERR_RANGE,
			       "the filter in its canonical form, with escapes and spaces, has %zu "
			       "bytes; allowed are up to %d",
			       length, FILTER_TEXT_BYTES_MAX);
	return 0;
}

int filter_compile(struct filter **out, const char *text, const struct schema *schema,
		   struct field_set *fields, struct err_note *why)
{
	struct filter *filter = mem_alloc(sizeof(*filter));
	int err;

	arena_init(&filter->arena);
	err = parser_parse(&filter->root, text, &filter->arena, why);
	if (err == 0 && schema->is_closed)
		err = node_check(filter->root, schema, why);
	if (err == 0)
		err = write_canonical(filter, why);
	if (err == 0)
		err = compile_regexes(filter->root, why);
	if (err == 0)
		err = bind_fields(filter->root, schema, fields, &filter->batch_columns, why);
	if (err != 0) {
		filter_free(filter);
		return err;
	}
	filter->scratch_columns = columns_needed(filter->root);
	*out = filter;
	return 0;
}

void filter_free(struct filter *filter)
{
	if (filter == NULL)
		return;
	if (filter->root != NULL)
		free_regexes(filter->root);
	arena_deinit(&filter->arena);
	mem_free(filter->canonical);
	mem_free(filter);
}

const char *filter_canonical(const struct filter *filter)
{
	return filter->canonical;
}

struct filter_scratch *filter_scratch_new(void)
{
	struct filter_scratch *scratch = mem_alloc(sizeof(*scratch));

	scratch->matcher = regex_matcher_new();
	return scratch;
}

void filter_scratch_free(struct filter_scratch *scratch)
{
	if (scratch == NULL)
		return;
	regex_matcher_free(scratch->matcher);
	mem_free(scratch->columns);
	mem_free(scratch);
}

uint64_t filter_scratch_limits_hit(const struct filter_scratch *scratch)
{
	return regex_matcher_limits_hit(scratch->matcher);
}

void filter_scratch_reserve(struct filter_scratch *scratch, uint32_t columns)
{
	if (scratch->column_count >= columns)
		return;
	scratch->columns =
		mem_grow(scratch->columns, columns, BATCH_ROWS_MAX * sizeof(*scratch->columns));
	scratch->column_count = columns;
}

uint32_t filter_run(const struct filter *filter, const struct batch *batch,
		    struct filter_scratch *scratch, uint16_t *rows)
{
	struct mask mask;

	REQUIRE(batch->row_count <= BATCH_ROWS_MAX);
	REQUIRE(batch->column_count >= filter->batch_columns);
	filter_scratch_reserve(scratch, filter->scratch_columns);
	mask = mask_of_first(batch->row_count);
	columns_run(filter->root, batch, scratch, &mask, &mask);
	return mask_rows(&mask, rows);
}
