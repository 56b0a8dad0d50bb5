#include "core/ingest/intake.h"

#include <criterion/criterion.h>
#include <string.h>

#include "core/base/err.h"

static struct intake *new_intake(bool is_closed)
{
	static const char *const columns[] = {"id", "time", "amount"};
	const struct intake_options options = {
		.source = "pay", .format = FORMAT_CSV, .columns = columns, .column_count = 3};
	struct schema schema;
	schema_init(&schema);
	schema_add(&schema, "id", FIELD_STRING);
	schema_add(&schema, "amount", FIELD_FLOAT);
	schema_add(&schema, "success", FIELD_BOOL);
	schema.is_closed = is_closed;
	struct intake *intake = intake_new(&options, &schema, 7);
	schema_deinit(&schema);
	return intake;
}

static int add(struct intake *intake, const char *filter, const char *by, const char *value,
	       uint32_t *index, struct err_note *why)
{
	const char *by_list[] = {by}, *value_list[] = {value};
	const struct metric_spec spec = {
		.source = "ignored",
		.filter = filter,
		.by = by_list,
		.by_count = by != NULL,
		.values = value_list,
		.value_count = value != NULL,
		.pane_ms = 5000,
	};
	return intake_add_metric(intake, &spec, index, why);
}

Test(intake, equal_metrics_are_one)
{
	struct intake *intake = new_intake(true);
	uint32_t first, second, third;
	cr_assert_eq(add(intake, "amount>1", "id", "amount", &first, NULL), 0);
	cr_assert_eq(add(intake, "(amount > 1)", "id", "amount", &second, NULL), 0);
	cr_assert_eq(add(intake, "amount > 2", "id", "amount", &third, NULL), 0);
	cr_expect_eq(first, second);
	cr_expect_neq(first, third);
	cr_expect_eq(intake->metric_count, 2);
	cr_expect_str_eq(intake->metrics[first].metric->source, "pay");
	intake_unref(intake);
}

Test(intake, csv_columns_know_their_place)
{
	struct intake *intake = new_intake(true);
	uint32_t index;
	cr_expect_eq(intake->time_of_csv, 1);
	cr_expect_eq(intake->column_of_csv[2], -1);
	cr_assert_eq(add(intake, NULL, "id", "amount", &index, NULL), 0);
	cr_expect_eq(intake->column_of_csv[2], (int)intake->metrics[index].value_columns[0]);
	cr_expect_eq(intake->column_of_csv[0], (int)intake->metrics[index].by_columns[0]);
	intake_unref(intake);
}

Test(intake, unknown_field_of_a_closed_schema_gets_a_suggestion)
{
	struct intake *intake = new_intake(true);
	struct err_note why = {0};
	uint32_t index;
	cr_expect_eq(add(intake, NULL, "idd", NULL, &index, &why), ERR_INVALID);
	cr_expect(strstr(why.text, "did you mean \"id\"?"), "%s", why.text);
	cr_expect(strstr(why.text, "id, amount, success"), "%s", why.text);
	cr_expect_eq(add(intake, "amont > 1", NULL, NULL, &index, &why), ERR_INVALID);
	cr_expect_eq(add(intake, NULL, "time", NULL, &index, &why), 0);
	intake_unref(intake);
	intake = new_intake(false);
	cr_expect_eq(add(intake, NULL, "anything", NULL, &index, &why), 0);
	intake_unref(intake);
}

Test(intake, statistic_needs_a_number_field)
{
	struct intake *intake = new_intake(true);
	struct err_note why = {0};
	uint32_t index;
	cr_expect_eq(add(intake, NULL, NULL, "id", &index, &why), ERR_RANGE);
	cr_expect(strstr(why.text, "int or float"), "%s", why.text);
	cr_expect_eq(add(intake, NULL, NULL, "success", &index, &why), ERR_RANGE);
	intake_unref(intake);
}

Test(intake, limits_hold)
{
	struct intake *intake = new_intake(false);
	struct err_note why = {0};
	uint32_t index;
	char name[FIELD_NAME_BYTES_MAX + 1];
	memset(name, 'x', sizeof(name));
	name[FIELD_NAME_BYTES_MAX] = '\0';
	cr_expect_eq(add(intake, NULL, name, NULL, &index, &why), ERR_INVALID);
	name[FIELD_NAME_BYTES_MAX - 1] = '\0';
	cr_expect_eq(add(intake, NULL, name, NULL, &index, &why), 0);
	cr_expect_eq(add(intake, NULL, "", NULL, &index, &why), ERR_INVALID);
	for (uint32_t i = intake->metric_count; i < INTAKE_METRICS_MAX; i++) {
		char filter[32];
		snprintf(filter, sizeof(filter), "v == %u", i);
		cr_assert_eq(add(intake, filter, NULL, NULL, &index, &why), 0);
	}
	cr_expect_eq(intake->metric_count, INTAKE_METRICS_MAX);
	cr_expect_eq(add(intake, "w == 1", NULL, NULL, &index, &why), ERR_FULL);
	intake_unref(intake);
}

Test(intake, too_many_fields_is_an_error)
{
	struct intake *intake = new_intake(false);
	struct err_note why = {0};
	uint32_t index;
	char name[16];
	for (int i = 0; i < SCHEMA_FIELDS_MAX; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		cr_assert_eq(add(intake, NULL, name, NULL, &index, &why), 0);
	}
	cr_expect_eq(add(intake, NULL, "one_more", NULL, &index, &why), ERR_FULL);
	intake_unref(intake);
}
