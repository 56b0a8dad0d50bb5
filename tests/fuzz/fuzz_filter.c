// link: core_filter
/* Any text either compiles or gives a sentence; what compiles runs over any values, and its
 * canonical form compiles to the same canonical form and matches the same rows. */
#include "core/filter/filter.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/model/batch.h"

enum { ROWS = 70 }; /* more than one word of a mask */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static struct value random_value(uint32_t *state)
{
	static const char *const texts[] = {"", "a", "pay", "payment", "aaaaaaaaaaaaaaaaaaaaaab",
					    "5"};
	static const double numbers[] = {0, -0.0, 1.5, -3, 1e300, -1e300, 9007199254740993.0, 5};
	static const int64_t integers[] = {0, 1, -1, 5, INT64_MAX, INT64_MIN, 9007199254740993, 3};
	const char *text = texts[next_random(state) % 6];

	switch (next_random(state) % 5) {
	case 0: return (struct value){.type = VALUE_BOOL, .as.boolean = next_random(state) & 1};
	case 1:
		return (struct value){.type = VALUE_INT,
				      .as.integer = integers[next_random(state) % 8]};
	case 2:
		return (struct value){.type = VALUE_FLOAT,
				      .as.number = numbers[next_random(state) % 8]};
	case 3:
		return (struct value){
			.type = VALUE_STRING, .length = (uint32_t)strlen(text), .as.text = text};
	default: return (struct value){.type = VALUE_NIL};
	}
}

static uint32_t run(const struct filter *filter, const struct batch *batch, uint16_t *rows)
{
	struct filter_scratch *scratch = filter_scratch_new();
	uint32_t count = filter_run(filter, batch, scratch, rows);

	REQUIRE(count <= batch->row_count);
	for (uint32_t i = 1; i < count; i++)
		REQUIRE(rows[i - 1] < rows[i]);
	filter_scratch_free(scratch);
	return count;
}

static void check_round_trip(const struct filter *filter, const struct schema *schema,
			     struct field_set *fields)
{
	uint16_t rows[BATCH_ROWS_MAX], rows_again[BATCH_ROWS_MAX];
	uint32_t column_count = fields->count, state = 1, count;
	struct filter *again = NULL;
	struct batch batch;

	REQUIRE(filter_compile(&again, filter_canonical(filter), schema, fields, NULL) == 0);
	REQUIRE(strcmp(filter_canonical(filter), filter_canonical(again)) == 0);
	REQUIRE(fields->count == column_count);
	batch_init(&batch, column_count);
	batch.row_count = ROWS;
	for (uint32_t column = 0; column < column_count; column++)
		for (uint32_t row = 0; row < ROWS; row++)
			batch.columns[column][row] = random_value(&state);
	count = run(filter, &batch, rows);
	REQUIRE(run(again, &batch, rows_again) == count);
	REQUIRE(memcmp(rows, rows_again, count * sizeof(*rows)) == 0);
	batch_deinit(&batch);
	filter_free(again);
}

static void compile_and_check(const char *text, const struct schema *schema)
{
	struct err_note why = {""};
	struct filter *filter = NULL;
	struct field_set fields;

	field_set_init(&fields);
	if (filter_compile(&filter, text, schema, &fields, &why) == 0)
		check_round_trip(filter, schema, &fields);
	else
		REQUIRE(why.text[0] != '\0');
	filter_free(filter);
	field_set_deinit(&fields);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	char *text = mem_copy_bytes(data, length);
	struct schema schema;

	schema_init(&schema);
	compile_and_check(text, &schema);
	schema_add(&schema, "a", FIELD_STRING);
	schema_add(&schema, "b", FIELD_FLOAT);
	schema_add(&schema, "c", FIELD_INT);
	schema_add(&schema, "d", FIELD_BOOL);
	schema_add(&schema, "e.f", FIELD_ANY);
	schema.is_closed = true;
	compile_and_check(text, &schema);
	schema_deinit(&schema);
	mem_free(text);
	return 0;
}
