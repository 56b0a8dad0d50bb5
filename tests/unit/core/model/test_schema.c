#include <criterion/criterion.h>

#include <stdio.h>

#include "core/base/err.h"
#include "core/model/batch.h"
#include "core/model/schema.h"

Test(schema, fields_are_found_by_name)
{
	struct schema schema;

	schema_init(&schema);
	cr_expect_str_eq(schema.time_field, "time");
	schema_add(&schema, "amount", FIELD_FLOAT);
	schema_add(&schema, "customer.city", FIELD_STRING);
	schema_add(&schema, "amount", FIELD_INT);
	cr_expect_eq(schema.field_count, 2);
	cr_expect_eq(schema_find(&schema, "amount")->type, FIELD_INT);
	cr_expect_eq(schema_find(&schema, "customer.city")->type, FIELD_STRING);
	cr_expect_null(schema_find(&schema, "customer"));
	schema_deinit(&schema);
}

Test(schema, type_names_go_both_ways)
{
	cr_expect_str_eq(field_type_name(FIELD_FLOAT), "float");
	cr_expect_eq(field_type_parse("time"), FIELD_TIME);
	cr_expect_eq(field_type_parse("any"), FIELD_ANY);
	cr_expect_eq(field_type_parse("Float"), -1);
}

Test(field_set, a_name_keeps_its_column)
{
	struct field_set set;
	struct schema schema;

	field_set_init(&set);
	schema_init(&schema);
	schema_add(&schema, "amount", FIELD_FLOAT);
	cr_expect_eq(field_set_add(&set, &schema, "merchantId"), 0);
	cr_expect_eq(field_set_add(&set, &schema, "amount"), 1);
	cr_expect_eq(field_set_add(&set, &schema, "merchantId"), 0);
	cr_expect_eq(field_set_add(&set, NULL, "app"), 2);
	cr_expect_eq(set.fields[0].type, FIELD_ANY);
	cr_expect_eq(set.fields[1].type, FIELD_FLOAT);
	cr_expect_eq(field_set_find(&set, SLICE_LITERAL("app")), 2);
	cr_expect_eq(field_set_find(&set, SLICE_LITERAL("ap")), -1);
	schema_deinit(&schema);
	field_set_deinit(&set);
}

Test(field_set, is_full_at_its_limit)
{
	struct field_set set;
	char name[FIELD_NAME_BYTES_MAX + 1];

	field_set_init(&set);
	memset(name, 'f', sizeof(name));
	name[FIELD_NAME_BYTES_MAX] = '\0';
	cr_expect_eq(field_set_add(&set, NULL, name), ERR_FULL);
	name[FIELD_NAME_BYTES_MAX - 1] = '\0';
	cr_expect_eq(field_set_add(&set, NULL, name), 0);
	for (int i = 1; i < SCHEMA_FIELDS_MAX; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		cr_assert_eq(field_set_add(&set, NULL, name), i);
	}
	cr_expect_eq(field_set_add(&set, NULL, "one more"), ERR_FULL);
	cr_expect_eq(field_set_add(&set, NULL, "f9"), 9);
	field_set_deinit(&set);
}

Test(batch, is_reusable_after_clear)
{
	struct batch batch;

	batch_init(&batch, 3);
	for (int round = 0; round < 3; round++) {
		for (uint32_t row = 0; row < BATCH_ROWS_MAX; row++) {
			batch.time_ms[row] = row;
			for (uint32_t column = 0; column < 3; column++)
				batch.columns[column][row] = (struct value){
					.type = VALUE_STRING,
					.length = 1,
					.as.text = arena_copy(&batch.strings, "x", 1),
				};
			batch.row_count++;
		}
		cr_expect_eq(batch.row_count, BATCH_ROWS_MAX);
		batch_clear(&batch);
		cr_expect_eq(batch.row_count, 0);
	}
	batch_deinit(&batch);
}

Test(batch, may_have_no_columns)
{
	struct batch batch;

	batch_init(&batch, 0);
	batch_clear(&batch);
	batch_deinit(&batch);
}
