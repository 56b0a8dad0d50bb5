#include "core/lookup/lookup.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/lookup/lookup_internal.h"

#include <string.h>

struct lookup *lookup_new(void)
{
	struct lookup *lookup = mem_alloc(sizeof(*lookup));

	lookup->reference_count = 1;
	return lookup;
}

struct lookup *lookup_ref(struct lookup *lookup)
{
	lookup->reference_count++;
	return lookup;
}

void lookup_unref(struct lookup *lookup)
{
	if (lookup == NULL || --lookup->reference_count > 0)
		return;
	for (uint32_t i = 0; i < lookup->column_count; i++)
		mem_free(lookup->names[i]);
	bytes_deinit(&lookup->text);
	mem_free(lookup->ends);
	mem_free(lookup);
}

int lookup_add_column(struct lookup *lookup, struct slice name, struct err_note *why)
{
	if (lookup->column_count == LOOKUP_COLUMNS_MAX)
		return err_set(why, ERR_RANGE, "it has more than %d columns", LOOKUP_COLUMNS_MAX);
	if (name.length == 0 || memchr(name.data, 0, name.length) != NULL)
		return err_set(why, ERR_INVALID, "column %u has no name; the first line names them",
			       lookup->column_count + 1);
	for (uint32_t i = 0; i < lookup->column_count; i++)
		if (slice_equal(slice_of(lookup->names[i]), name))
			return err_set(why, ERR_INVALID, "two columns are named \"%.64s\"",
				       lookup->names[i]);
	lookup->names[lookup->column_count++] = mem_copy_bytes(name.data, name.length);
	return 0;
}

int lookup_add_cell(struct lookup *lookup, struct slice text, struct err_note *why)
{
	if (lookup->text.length + text.length > LOOKUP_BYTES_MAX)
		return err_set(why, ERR_RANGE, "it has more than %d bytes of text",
			       LOOKUP_BYTES_MAX);
	if (lookup->cell_count == lookup->cell_capacity) {
		lookup->cell_capacity =
			lookup->cell_capacity == 0 ? 256 : 2 * lookup->cell_capacity;
		lookup->ends = mem_grow(lookup->ends, lookup->cell_capacity, sizeof(*lookup->ends));
	}
	bytes_append_slice(&lookup->text, text);
	lookup->ends[lookup->cell_count++] = (uint32_t)lookup->text.length;
	return 0;
}

int lookup_end_row(struct lookup *lookup, struct err_note *why)
{
	REQUIRE(lookup->cell_count == (lookup->row_count + 1) * lookup->column_count);
	if (lookup->row_count == LOOKUP_ROWS_MAX)
		return err_set(why, ERR_RANGE, "it has more than %d rows", LOOKUP_ROWS_MAX);
	lookup->row_count++;
	return 0;
}

uint32_t lookup_row_count(const struct lookup *lookup)
{
	return lookup->row_count;
}

uint32_t lookup_column_count(const struct lookup *lookup)
{
	return lookup->column_count;
}

const char *lookup_column_name(const struct lookup *lookup, uint32_t column)
{
	REQUIRE(column < lookup->column_count);
	return lookup->names[column];
}

int lookup_find_column(const struct lookup *lookup, const char *name)
{
	for (uint32_t i = 0; i < lookup->column_count; i++)
		if (strcmp(lookup->names[i], name) == 0)
			return (int)i;
	return -1;
}

struct slice lookup_cell(const struct lookup *lookup, uint32_t row, uint32_t column)
{
	uint32_t cell = row * lookup->column_count + column;
	uint32_t start;

	REQUIRE(row < lookup->row_count && column < lookup->column_count);
	start = cell == 0 ? 0 : lookup->ends[cell - 1];
	if (lookup->ends[cell] == start)
		return (struct slice){"", 0};
	return (struct slice){lookup->text.data + start, lookup->ends[cell] - start};
}
