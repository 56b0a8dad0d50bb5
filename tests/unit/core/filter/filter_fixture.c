#include "filter_fixture.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

static struct value read_value(struct batch *batch, struct slice text)
{
	const char *copy = arena_copy(&batch->strings, text.data, text.length);

	if (text.data[0] == '\'')
		return (struct value){.type = VALUE_STRING,
				      .length = (uint32_t)text.length - 2,
				      .as.text = copy + 1};
	if (strcmp(copy, "true") == 0 || strcmp(copy, "false") == 0)
		return (struct value){.type = VALUE_BOOL, .as.boolean = copy[0] == 't'};
	if (strpbrk(copy, ".e") != NULL)
		return (struct value){.type = VALUE_FLOAT, .as.number = strtod(copy, NULL)};
	return (struct value){.type = VALUE_INT, .as.integer = strtoll(copy, NULL, 10)};
}

void fixture_set_row(struct batch *batch, const struct field_set *fields, uint32_t row,
		     const char *reading)
{
	for (uint32_t column = 0; column < batch->column_count; column++)
		batch->columns[column][row] = (struct value){.type = VALUE_NIL};
	while (*reading != '\0') {
		size_t length = strcspn(reading, ";");
		const char *equal = memchr(reading, '=', length);
		cr_assert(equal != NULL, "a reading is name=value: %s", reading);
		int column =
			field_set_find(fields, (struct slice){reading, (size_t)(equal - reading)});
		const char *end = reading + length;

		if (column >= 0)
			batch->columns[column][row] = read_value(
				batch, (struct slice){equal + 1, (size_t)(end - equal - 1)});
		reading = *end == ';' ? end + 1 : end;
	}
}

bool fixture_matches(const char *expression, const char *reading)
{
	struct err_note why = {""};
	struct schema schema;
	struct field_set fields;
	struct filter *filter = NULL;
	struct filter_scratch *scratch = filter_scratch_new();
	struct batch batch;
	uint16_t rows[BATCH_ROWS_MAX];
	uint32_t count;

	schema_init(&schema);
	field_set_init(&fields);
	cr_assert(filter_compile(&filter, expression, &schema, &fields, &why) == 0, "%s: %s",
		  expression, why.text);
	batch_init(&batch, fields.count);
	batch.row_count = 1;
	fixture_set_row(&batch, &fields, 0, reading);
	count = filter_run(filter, &batch, scratch, rows);
	batch_deinit(&batch);
	filter_free(filter);
	filter_scratch_free(scratch);
	field_set_deinit(&fields);
	schema_deinit(&schema);
	return count == 1;
}

static int compile(const char *expression, bool is_closed, char **canonical, struct err_note *why)
{
	struct schema schema;
	struct field_set fields;
	struct filter *filter = NULL;
	int err;

	schema_init(&schema);
	schema_add(&schema, "merchantId", FIELD_STRING);
	schema_add(&schema, "amount", FIELD_FLOAT);
	schema_add(&schema, "cost_time", FIELD_INT);
	schema_add(&schema, "success", FIELD_BOOL);
	schema_add(&schema, "extra", FIELD_ANY);
	schema.is_closed = is_closed;
	field_set_init(&fields);
	err = filter_compile(&filter, expression, &schema, &fields, why);
	if (err == ERR_INVALID || err == ERR_RANGE)
		cr_expect(fields.count == 0, "%s: a refused filter wants no fields", expression);
	if (err == 0 && canonical != NULL)
		*canonical = mem_copy_text(filter_canonical(filter));
	filter_free(filter);
	field_set_deinit(&fields);
	schema_deinit(&schema);
	return err;
}

int fixture_compile_closed(const char *expression, struct err_note *why)
{
	return compile(expression, true, NULL, why);
}

int fixture_compile_open(const char *expression, struct err_note *why)
{
	return compile(expression, false, NULL, why);
}

char *fixture_canonical(const char *expression)
{
	struct err_note why = {""};
	char *canonical = NULL;

	cr_assert(compile(expression, false, &canonical, &why) == 0, "%s: %s", expression,
		  why.text);
	return canonical;
}
