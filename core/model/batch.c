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
	*batch = (struct batch){.column_count = column_count, .row_limit = BATCH_ROWS_MAX};
	batch->time_ms = mem_alloc_array(BATCH_ROWS_MAX, sizeof(*batch->time_ms));
	batch->columns = mem_alloc_array(column_count, sizeof(*batch->columns));
	for (uint32_t i = 0; i < column_count; i++)
		batch->columns[i] = mem_alloc_array(BATCH_ROWS_MAX, sizeof(**batch->columns));
	batch->marks = mem_alloc_array(BATCH_ROWS_MAX, sizeof(*batch->marks));
	arena_init(&batch->strings);
}

void batch_deinit(struct batch *batch)
{
	for (uint32_t i = 0; i < batch->column_count; i++)
		mem_free(batch->columns[i]);
	mem_free(batch->columns);
	mem_free(batch->time_ms);
	mem_free(batch->marks);
	arena_deinit(&batch->strings);
	*batch = (struct batch){0};
}

void batch_clear(struct batch *batch)
{
	if (batch->has_marks)
		memset(batch->marks, 0, batch->row_count * sizeof(*batch->marks));
	batch->has_marks = false;
	batch->row_count = 0;
	arena_reset(&batch->strings);
}

static size_t string_bytes(const struct batch *batch, uint32_t column)
{
	size_t bytes = 0;

	for (uint32_t row = 0; row < batch->row_count; row++)
		if (batch->columns[column][row].type == VALUE_STRING)
			bytes += batch->columns[column][row].length;
	return bytes;
}

/* Returns where the next string goes. */
static char *column_copy(const struct value *from, struct value *into, uint32_t row_count,
			 char *strings)
{
	memcpy(into, from, row_count * sizeof(*into));
	for (uint32_t row = 0; row < row_count; row++) {
		if (into[row].type != VALUE_STRING || into[row].length == 0)
			continue;
		memcpy(strings, into[row].as.text, into[row].length);
		into[row].as.text = strings;
		strings += into[row].length;
	}
	return strings;
}

/* One block: struct batch | pointers to columns | times | columns | marks | strings */
struct batch *batch_keep(const struct batch *batch, const bool *wanted)
{
	size_t column_bytes = batch->row_count * sizeof(struct value);
	size_t bytes = sizeof(*batch) + batch->column_count * sizeof(struct value *) +
		       batch->row_count * (sizeof(int64_t) + sizeof(uint16_t));

	for (uint32_t i = 0; i < batch->column_count; i++)
		if (wanted[i])
			bytes += column_bytes + string_bytes(batch, i);
	struct batch *kept = mem_grow(NULL, bytes, 1);
	*kept = (struct batch){.row_count = batch->row_count,
			       .column_count = batch->column_count,
			       .has_marks = batch->has_marks};
	kept->columns = (struct value **)(void *)(kept + 1);
	kept->time_ms = (int64_t *)(void *)(kept->columns + batch->column_count);
	memcpy(kept->time_ms, batch->time_ms, batch->row_count * sizeof(int64_t));
	struct value *column = (struct value *)(void *)(kept->time_ms + batch->row_count);
	for (uint32_t i = 0; i < batch->column_count; i++) {
		kept->columns[i] = wanted[i] ? column : NULL;
		column += wanted[i] ? batch->row_count : 0;
	}
	kept->marks = (uint16_t *)(void *)column;
	if (batch->row_count > 0)
		memcpy(kept->marks, batch->marks, batch->row_count * sizeof(uint16_t));
	char *strings = (char *)(kept->marks + batch->row_count);
	for (uint32_t i = 0; i < batch->column_count; i++)
		if (wanted[i])
			strings = column_copy(batch->columns[i], kept->columns[i], batch->row_count,
					      strings);
	return kept;
}

void batch_kept_free(struct batch *kept)
{
	mem_free(kept);
}
