/* A metric that keeps lines gets those of its readings as they were, however they are decoded. */
#include "core/ingest/reader.h"

#include <criterion/criterion.h>
#include <string.h>

#include "core/ingest/bundle.h"
#include "core/ingest/decode.h"
#include "core/ingest/intake.h"
#include "core/window/watermark.h"

enum { LINES_MAX = 10 };

static struct intake *make_intake(enum intake_format format, bool wants_lines)
{
	static const char *const columns[] = {"time", "m", "v"};
	const struct intake_options options = {
		.source = "s", .format = format, .columns = columns, .column_count = 3};
	const struct metric_spec counted = {.by = columns + 1, .by_count = 1, .pane_ms = 5000};
	const struct metric_spec spec = {.filter = "m ~= \"no\"",
					 .values = (const char *const[]){"v", METRIC_LINE},
					 .value_count = wants_lines ? 2 : 1,
					 .needs = (const uint8_t[]){CELL_NUMBER, CELL_LINES},
					 .lines_max = wants_lines ? LINES_MAX : 0,
					 .pane_ms = 5000};
	struct intake *intake;
	struct schema schema;
	uint32_t index;

	schema_init(&schema);
	intake = intake_new(&options, &schema, 1);
	cr_assert_eq(intake_add_metric(intake, &counted, &index, NULL), 0);
	cr_assert_eq(intake_add_metric(intake, &spec, &index, NULL), 0);
	cr_assert_eq(index, 1);
	schema_deinit(&schema);
	return intake;
}

static void read_text(enum intake_format format, enum decoder_way way, const char *text,
		      const char *const *expected)
{
	struct intake *intake = make_intake(format, true);
	struct bundle *bundle = bundle_new(intake, 1);
	struct reader *reader = reader_new();
	const struct reader_block block = {.data = text,
					   .length = strlen(text),
					   .is_last = true,
					   .receive_ms = 1000000,
					   .watermark_ms = WATERMARK_NONE};
	const struct group *group;
	const struct cell_layout *layout = &intake->metrics[1].metric->cells;
	bool skip = false;
	uint32_t count = 0;

	reader_use(reader, way);
	cr_assert_eq(reader_read(reader, intake, &block, &skip, bundle), strlen(text));
	group = group_table_find(&bundle->deltas[1], 100000, (struct slice){"", 0});
	cr_assert_not_null(group);
	for (; expected[count] != NULL; count++) {
		struct cell_line line = cells_line(layout, group->aggregates, count);

		cr_expect_eq(line.time_ms, 100000 + count);
		cr_expect(slice_equal(line.text, slice_of(expected[count])),
			  "way %d: %.*s is not %s", (int)way, (int)line.text.length, line.text.data,
			  expected[count]);
	}
	cr_expect_eq(cells_line_count(layout, group->aggregates), count);
	cr_expect_eq(group->aggregates[0].count, count);
	reader_free(reader);
	bundle_free(bundle);
	intake_unref(intake);
}

static void read_every_way(enum intake_format format, const char *text, const char *const *expected)
{
	read_text(format, DECODER_FASTEST, text, expected);
	read_text(format, DECODER_PORTABLE, text, expected);
	read_text(format, DECODER_LINE_BY_LINE, text, expected);
}

Test(reader_lines, of_json_are_as_they_were)
{
	/* Shapes are learned with the first; the last has no end. A member "" is none of ours. */
	static const char text[] = "{\"time\":100,\"m\":\"a\",\"v\":1}\n"
				   "{\"time\":100.001,\"m\":\"b\",\"v\":2}\r\n"
				   "{\"time\":100.001,\"m\":\"no\",\"v\":2}\n"
				   "\n"
				   "{\"time\":100.002,\"m\":\"a\",\"v\":3}\n"
				   "broken\n"
				   "{\"time\":100.003,\"m\":\"a\",\"v\":4}\n"
				   " {\"v\":\"x\",  \"time\":100.004,\"\":\"odd\",\"m\":\"c\"} \t\n"
				   "{\"time\":100.005,\"m\":\"\\u00e4\",\"v\":4}";
	static const char *const expected[] = {
		"{\"time\":100,\"m\":\"a\",\"v\":1}",
		"{\"time\":100.001,\"m\":\"b\",\"v\":2}",
		"{\"time\":100.002,\"m\":\"a\",\"v\":3}",
		"{\"time\":100.003,\"m\":\"a\",\"v\":4}",
		" {\"v\":\"x\",  \"time\":100.004,\"\":\"odd\",\"m\":\"c\"} \t",
		"{\"time\":100.005,\"m\":\"\\u00e4\",\"v\":4}",
		NULL};

	read_every_way(FORMAT_JSON, text, expected);
}

Test(reader_lines, of_csv_are_as_they_were)
{
	static const char text[] = "100,a,1\n"
				   "100.001,\"b, \"\"q\"\"\",2\r\n"
				   "100.001,no,3\n"
				   "\n"
				   "100.002,a,\n"
				   "100.003,a\n"
				   "100.003,\"a\",1\r\n"
				   "100.004,a,x\n"
				   "100.005,a,5";
	static const char *const expected[] = {"100,a,1",     "100.001,\"b, \"\"q\"\"\",2",
					       "100.002,a,",  "100.003,\"a\",1",
					       "100.004,a,x", "100.005,a,5",
					       NULL};

	read_every_way(FORMAT_CSV, text, expected);
}

Test(reader_lines, are_no_column_where_nobody_wants_them)
{
	struct intake *with = make_intake(FORMAT_JSON, true);
	struct intake *without = make_intake(FORMAT_JSON, false);

	cr_expect_eq(without->line_column, -1);
	cr_expect_eq(without->fields.count, 2);
	cr_expect_eq(with->fields.count, 3);
	cr_expect_geq(with->line_column, 0);
	cr_expect(memcmp(&with->metrics[0].metric->id, &without->metrics[0].metric->id,
			 METRIC_ID_BYTES) == 0);
	cr_expect(memcmp(&with->metrics[1].metric->id, &without->metrics[1].metric->id,
			 METRIC_ID_BYTES) != 0);
	intake_unref(with);
	intake_unref(without);
}
