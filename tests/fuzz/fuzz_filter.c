// link: core_filter
/* Any text either compiles or gives a sentence; what compiles runs over any values, and its
 * canonical form compiles to the same canonical form and matches the same rows. A set gives the
 * rows that the filter gives alone, in company and beside its own beginnings and ends. */
#include "core/filter/filter.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/filter/filter_set.h"
#include "core/model/batch.h"
#include "core/model/dimension_hash.h"

enum { ROWS = 200, SET_FILTERS_MAX = 32 }; /* rows: more than one word of a mask */

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

static void fill(struct batch *batch, uint32_t state)
{
	batch->row_count = ROWS;
	for (uint32_t column = 0; column < batch->column_count; column++)
		for (uint32_t row = 0; row < ROWS; row++)
			batch->columns[column][row] = random_value(&state);
}

struct expected {
	const struct filter *const *filters;
	const struct batch *batch;
	uint32_t matched;
};

static void expect_rows(void *arg, uint32_t index, const uint16_t *rows, uint32_t row_count)
{
	struct expected *expected = arg;
	uint16_t alone[BATCH_ROWS_MAX];

	REQUIRE(row_count > 0);
	REQUIRE(run(expected->filters[index], expected->batch, alone) == row_count);
	REQUIRE(memcmp(rows, alone, row_count * sizeof(*rows)) == 0);
	expected->matched++;
}

static void run_set(const struct filter *const *filters, uint32_t count, const struct batch *batch)
{
	struct filter_set *set = filter_set_new(filters, count);
	struct filter_set_scratch *scratch = filter_set_scratch_new(set, 7);
	struct expected expected = {filters, batch, 0};
	uint16_t rows[BATCH_ROWS_MAX];
	struct column_hashes hashes;

	column_hashes_init(&hashes, 7);
	column_hashes_begin(&hashes, batch->column_count);
	filter_set_run(scratch, batch, &hashes, expect_rows, &expected);
	for (uint32_t i = 0; i < count; i++)
		expected.matched -= run(filters[i], batch, rows) > 0;
	REQUIRE(expected.matched == 0);
	column_hashes_deinit(&hashes);
	filter_set_scratch_free(scratch);
	filter_set_free(set);
}

/* The set is the text itself and the conditions around each ` and ` in it, several times over with
 * another condition, so that scopes and indexes come into being. */
static void check_set(const char *text, const struct schema *schema, struct field_set *fields)
{
	static const char *const others[] = {"", " and d == false", " and a == 'pay'"};
	struct filter *filters[SET_FILTERS_MAX];
	uint32_t count = 0;
	struct batch batch;

	for (const char *part = text; part != NULL && count < SET_FILTERS_MAX;) {
		const char *end = strstr(part, " and ");
		int length = (int)(end == NULL ? strlen(part) : (size_t)(end - part));

		for (uint32_t i = 0; i < 3 && count < SET_FILTERS_MAX; i++) {
			char *whole = mem_format("%s%s", part, others[i]);
			char *piece = mem_format("%.*s%s", length, part, others[i]);

			count += filter_compile(&filters[count], whole, schema, fields, NULL) == 0;
			if (count < SET_FILTERS_MAX)
				count += filter_compile(&filters[count], piece, schema, fields,
							NULL) == 0;
			mem_free(whole);
			mem_free(piece);
		}
		part = end == NULL ? NULL : end + strlen(" and ");
	}
	batch_init(&batch, fields->count);
	fill(&batch, 3);
	run_set((const struct filter *const *)filters, count, &batch);
	batch_deinit(&batch);
	for (uint32_t i = 0; i < count; i++)
		filter_free(filters[i]);
}

static void check_round_trip(const struct filter *filter, const struct schema *schema,
			     struct field_set *fields)
{
	uint16_t rows[BATCH_ROWS_MAX], rows_again[BATCH_ROWS_MAX];
	uint32_t column_count = fields->count, count;
	struct filter *again = NULL;
	struct batch batch;

	REQUIRE(filter_compile(&again, filter_canonical(filter), schema, fields, NULL) == 0);
	REQUIRE(strcmp(filter_canonical(filter), filter_canonical(again)) == 0);
	REQUIRE(fields->count == column_count);
	batch_init(&batch, column_count);
	fill(&batch, 1);
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
	if (filter_compile(&filter, text, schema, &fields, &why) == 0) {
		check_round_trip(filter, schema, &fields);
		check_set(text, schema, &fields);
	} else {
		REQUIRE(why.text[0] != '\0');
	}
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
