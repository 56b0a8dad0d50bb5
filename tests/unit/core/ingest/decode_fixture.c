#include "decode_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

void decode_fixture_init(struct decode_fixture *fixture, const char *const *fields,
			 const char *const *columns)
{
	struct intake_options options = {.source = "test", .columns = columns};
	*fixture = (struct decode_fixture){0};
	schema_init(&fixture->schema);
	for (; columns && columns[options.column_count];)
		options.column_count++;
	options.format = columns ? FORMAT_CSV : FORMAT_JSON;
	for (uint32_t i = 0; fields[i]; i++) {
		char name[64];
		size_t length = strcspn(fields[i], ":");
		snprintf(name, sizeof(name), "%.*s", (int)length, fields[i]);
		int type = fields[i][length] ? field_type_parse(fields[i] + length + 1) : FIELD_ANY;
		cr_assert(type >= 0);
		schema_add(&fixture->schema, name, (enum field_type)type);
	}
	fixture->intake = intake_new(&options, &fixture->schema, 1);
	for (uint32_t i = 0; i < fixture->schema.field_count; i++) {
		const char *by[] = {fixture->schema.fields[i].name};
		const struct metric_spec spec = {.by = by, .by_count = 1, .pane_ms = 5000};
		uint32_t index;
		cr_assert_eq(intake_add_metric(fixture->intake, &spec, &index, NULL), 0);
	}
	batch_init(&fixture->batch, fixture->intake->fields.count);
	fixture->decoder = decoder_new();
}

void decode_fixture_deinit(struct decode_fixture *fixture)
{
	decoder_free(fixture->decoder);
	batch_deinit(&fixture->batch);
	intake_unref(fixture->intake);
	schema_deinit(&fixture->schema);
}

int decode_fixture_bytes(struct decode_fixture *fixture, struct slice line)
{
	batch_clear(&fixture->batch);
	fixture->mistyped = 0;
	fixture->why.text[0] = '\0';
	return decoder_decode(fixture->decoder, fixture->intake, line, 0, &fixture->batch,
			      &fixture->mistyped, &fixture->why);
}

int decode_fixture_line(struct decode_fixture *fixture, const char *line)
{
	return decode_fixture_bytes(fixture, slice_of(line));
}

const struct value *decode_fixture_value(const struct decode_fixture *fixture, const char *field)
{
	int column = field_set_find(&fixture->intake->fields, slice_of(field));
	cr_assert(column >= 0);
	return &fixture->batch.columns[column][0];
}

void expect_string(const struct decode_fixture *fixture, const char *field, const char *text)
{
	const struct value *value = decode_fixture_value(fixture, field);
	cr_assert_eq(value->type, VALUE_STRING, "%s has type %d", field, value->type);
	cr_expect(slice_equal((struct slice){value->as.text, value->length}, slice_of(text)),
		  "%s is %.*s", field, (int)value->length, value->as.text);
}

void expect_int(const struct decode_fixture *fixture, const char *field, int64_t number)
{
	const struct value *value = decode_fixture_value(fixture, field);
	cr_assert_eq(value->type, VALUE_INT, "%s has type %d", field, value->type);
	cr_expect_eq(value->as.integer, number);
}

void expect_float(const struct decode_fixture *fixture, const char *field, double number)
{
	const struct value *value = decode_fixture_value(fixture, field);
	cr_assert_eq(value->type, VALUE_FLOAT, "%s has type %d", field, value->type);
	cr_expect_eq(value->as.number, number, "%s is %.17g", field, value->as.number);
}

void expect_bool(const struct decode_fixture *fixture, const char *field, bool truth)
{
	const struct value *value = decode_fixture_value(fixture, field);
	cr_assert_eq(value->type, VALUE_BOOL, "%s has type %d", field, value->type);
	cr_expect_eq(value->as.boolean, truth);
}

void expect_nil(const struct decode_fixture *fixture, const char *field)
{
	cr_expect_eq(decode_fixture_value(fixture, field)->type, VALUE_NIL, "%s", field);
}
