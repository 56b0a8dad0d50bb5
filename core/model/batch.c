#include "core/model/batch.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"

void field_set_init(struct field_set *set)
{
	*set = (struct field_set){NULL, 0};
}

void field_set_deinit(struct field_set *set)
{
	for (uint32_t i = 0; i < set->count; i++)
		mem_free(set->fields[i].name);
	mem_free(set->fields);
	field_set_init(set);
}

int field_set_add(struct field_set *set, const struct schema *schema, const char *name)
{
	int column = field_set_find(set, slice_of(name));

	if (column >= 0)
		return column;
	if (set->count == SCHEMA_FIELDS_MAX || strlen(name) >= FIELD_NAME_BYTES_MAX)
		return ERR_FULL;
	const struct field *declared = schema == NULL ? NULL : schema_find(schema, name);
	set->fields = mem_grow(set->fields, set->count + 1u, sizeof(*set->fields));
	set->fields[set->count] = (struct field){
		.name = mem_copy_text(name),
		.type = declared == NULL ? FIELD_ANY : declared->type,
	};
	return (int)set->count++;
}

int field_set_find(const struct field_set *set, struct slice name)
{
	for (uint32_t i = 0; i < set->count; i++)
		if (slice_equal(slice_of(set->fields[i].name), name))
			return (int)i;
	return -1;
}

void batch_init(struct batch *batch, uint32_t column_count)
{
	REQUIRE(column_count <= SCHEMA_FIELDS_MAX);
	*batch = (struct batch){.column_count = column_count};
	batch->time_ms = mem_alloc_array(BATCH_ROWS_MAX, sizeof(*batch->time_ms));
	batch->columns = mem_alloc_array(column_count, sizeof(*batch->columns));
	for (uint32_t i = 0; i < column_count; i++)
		batch->columns[i] = mem_alloc_array(BATCH_ROWS_MAX, sizeof(**batch->columns));
	arena_init(&batch->strings);
}

void batch_deinit(struct batch *batch)
{
	for (uint32_t i = 0; i < batch->column_count; i++)
		mem_free(batch->columns[i]);
	mem_free(batch->columns);
	mem_free(batch->time_ms);
	arena_deinit(&batch->strings);
	*batch = (struct batch){0};
}

void batch_clear(struct batch *batch)
{
	batch->row_count = 0;
	arena_reset(&batch->strings);
}
