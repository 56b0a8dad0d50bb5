#include "core/ingest/reader.h"

#include <criterion/criterion.h>
#include <string.h>

#include "core/base/err.h"
#include "core/ingest/bundle.h"
#include "core/ingest/intake.h"
#include "core/window/watermark.h"

/* Metric 0: per m, values v and w, panes of 5 s. Metric 1: failures of all, panes of 1 min. */
struct fixture {
	struct intake *intake;
	struct bundle *bundle;
	struct reader *reader;
	bool skip;
};

static void fixture_init(struct fixture *f, uint32_t line_bytes_max)
{
	const struct intake_options options = {.source = "s",
					       .lateness_ms = 5000,
					       .max_ahead_ms = 60000,
					       .line_bytes_max = line_bytes_max};
	const struct metric_spec specs[] = {
		{.by = (const char *const[]){"m"},
		 .by_count = 1,
		 .values = (const char *const[]){"v", "w"},
		 .value_count = 2,
		 .pane_ms = 5000},
		{.filter = "ok == false", .pane_ms = 60000},
	};
	struct schema schema;
	uint32_t index;
	schema_init(&schema);
	f->intake = intake_new(&options, &schema, 1);
	for (size_t i = 0; i < 2; i++)
		cr_assert_eq(intake_add_metric(f->intake, &specs[i], &index, NULL), 0);
	schema_deinit(&schema);
	f->bundle = bundle_new(f->intake, 1);
	f->reader = reader_new();
	f->skip = false;
}

static void fixture_deinit(struct fixture *f)
{
	reader_free(f->reader);
	bundle_free(f->bundle);
	intake_unref(f->intake);
}

static size_t feed_at(struct fixture *f, const char *text, int64_t watermark_ms, bool is_last)
{
	const struct reader_block block = {.data = text,
					   .length = strlen(text),
					   .offset = 1000,
					   .is_last = is_last,
					   .receive_ms = 1000000,
					   .watermark_ms = watermark_ms};
	return reader_read(f->reader, f->intake, &block, &f->skip, f->bundle);
}

static size_t feed(struct fixture *f, const char *text)
{
	return feed_at(f, text, WATERMARK_NONE, false);
}

static const struct aggregate *find(const struct fixture *f, uint32_t metric, int64_t start_ms,
				    const char *m)
{
	struct bytes key = BYTES_EMPTY;
	if (m) {
		struct value value = {.type = VALUE_STRING, .as.text = m};
		value.length = (uint32_t)strlen(m);
		dimension_append(&key, &value);
	}
	const struct group *group =
		group_table_find(&f->bundle->deltas[metric], start_ms, bytes_slice(&key));
	bytes_deinit(&key);
	return group ? group->aggregates : NULL;
}

Test(reader, groups_by_pane_and_dimension)
{
	struct fixture f;
	fixture_init(&f, 0);
	const char *text = "{\"time\":100,\"m\":\"a\",\"v\":1,\"ok\":false}\n"
			   "{\"time\":104.999,\"m\":\"a\",\"v\":2,\"ok\":true}\n"
			   "{\"time\":105,\"m\":\"a\",\"v\":4,\"ok\":false}\n"
			   "{\"time\":101,\"m\":\"b\",\"w\":8}\nrest";
	cr_expect_eq(feed(&f, text), strlen(text) - strlen("rest"));
	const struct aggregate *a = find(&f, 0, 100000, "a");
	cr_assert_not_null(a);
	cr_expect_eq(a[0].count, 2);
	cr_expect_eq(a[0].samples, 2);
	cr_expect_eq(aggregate_sum(&a[0]), 3.0);
	cr_expect_eq(a[1].count, 2);
	cr_expect_eq(a[1].samples, 0);
	cr_expect_eq(find(&f, 0, 105000, "a")->max, 4.0);
	cr_expect_eq(find(&f, 0, 100000, "b")[1].min, 8.0);
	cr_expect_eq(find(&f, 1, 60000, NULL)->count, 2);
	cr_expect_eq(f.bundle->deltas[0].count, 3);
	cr_expect_eq(f.bundle->counters.readings, 4);
	cr_expect_eq(f.bundle->max_event_ms, 105000);
	cr_expect_eq(f.bundle->min_event_ms, 100000);
	fixture_deinit(&f);
}

Test(reader, counts_every_kind_of_line)
{
	struct fixture f;
	fixture_init(&f, 40);
	size_t used = feed_at(&f,
			      "\n  \t\r\n"
			      "{\"time\":1,\"v\":\"x\"}\n"
			      "nonsense\n"
			      "{\"time\":1,\"m\":\"0123456789012345678901234\"}\n"
			      "{\"time\":2}",
			      WATERMARK_NONE, true);
	const struct bundle_counters *counters = &f.bundle->counters;
	cr_expect_eq(counters->bytes, used);
	cr_expect_eq(counters->blank, 2);
	cr_expect_eq(counters->lines, 4);
	cr_expect_eq(counters->readings, 2);
	cr_expect_eq(counters->malformed, 2);
	cr_expect_eq(counters->mistyped, 1);
	cr_assert_eq(f.bundle->dead_letter_count, 2);
	const struct dead_letter *letter = &f.bundle->dead_letters[0];
	cr_expect_str_eq(letter->text, "nonsense");
	cr_expect_str_eq(letter->reason, "column 1: an unknown word; true, false and null are "
					 "allowed");
	cr_expect_eq(letter->line, 4);
	cr_expect_eq(letter->offset, 1000 + 25);
	cr_expect_eq(f.bundle->dead_letters[1].line, 5);
	fixture_deinit(&f);
}

Test(reader, keeps_only_the_first_dead_letters_and_truncates_them)
{
	struct fixture f;
	fixture_init(&f, 0);
	struct bytes text = BYTES_EMPTY;
	for (int i = 0; i < BUNDLE_DEAD_LETTERS_MAX + 1; i++) {
		for (int j = 0; j < DEAD_LETTER_BYTES_MAX + 1; j++)
			bytes_append_char(&text, 'x');
		bytes_append_char(&text, '\n');
	}
	feed(&f, text.data);
	cr_expect_eq(f.bundle->dead_letter_count, BUNDLE_DEAD_LETTERS_MAX);
	cr_expect_eq(f.bundle->counters.malformed, BUNDLE_DEAD_LETTERS_MAX + 1);
	cr_expect_eq(strlen(f.bundle->dead_letters[0].text), DEAD_LETTER_BYTES_MAX);
	bytes_deinit(&text);
	fixture_deinit(&f);
}

Test(reader, late_is_behind_the_moving_watermark)
{
	struct fixture f;
	fixture_init(&f, 0);
	feed_at(&f, "{\"time\":99}\n{\"time\":100}\n", 100000, false);
	cr_expect_eq(f.bundle->counters.late, 1);
	/* 110 s moves the watermark to 105 s within the block. */
	feed_at(&f, "{\"time\":110}\n{\"time\":105}\n{\"time\":104.999}\n", 100000, false);
	cr_expect_eq(f.bundle->counters.late, 2);
	fixture_deinit(&f);
}

Test(reader, marks_what_comes_behind_the_pane_that_its_line_has_reached)
{
	struct fixture f;
	fixture_init(&f, 0);
	f.intake->marks_late = true;
	/* 100 s and 107 s: the watermark is at 102 s, 110.5 s: at 105.5 s, 120 s: at 115 s. */
	feed(&f, "{\"time\":100,\"m\":\"a\"}\n{\"time\":107,\"m\":\"a\"}\n"
		 "{\"time\":101,\"m\":\"a\"}\n{\"time\":99.999,\"m\":\"a\"}\n"
		 "{\"time\":110.5,\"m\":\"a\"}\n{\"time\":104,\"m\":\"a\"}\n"
		 "{\"time\":105,\"m\":\"a\"}\n{\"time\":120,\"m\":\"a\"}\n"
		 "{\"time\":104.5,\"m\":\"a\"}\n{\"time\":103.5,\"m\":\"a\"}\n");
	cr_expect_eq(f.bundle->counters.late, 6);
	cr_expect_eq(f.bundle->first_event_ms, 100000);
	cr_expect_eq(f.bundle->min_event_ms, 99999);
	cr_assert_eq(f.bundle->marks.count, 3);
	cr_expect_eq(f.bundle->marks.data[0], 100000);
	cr_expect_eq(f.bundle->marks.data[1], 105000);
	cr_expect_eq(f.bundle->marks.data[2], 115000);
	cr_expect_eq(find(&f, 0, 100000, "a")->count, 2, "101 s is in a pane that is open");
	cr_expect_eq(find(&f, 0, 95000 + 1, "a")->count, 1);
	cr_expect_eq(find(&f, 0, 100000 + 2, "a")->count, 1);
	cr_expect_eq(find(&f, 0, 100000 + 3, "a")->count, 2);
	cr_expect_eq(find(&f, 0, 105000, "a")->count, 2, "107 s, and 105 s");
	fixture_deinit(&f);
}

Test(reader, a_bundle_without_room_for_marks_ends)
{
	struct fixture f;
	struct bytes text = BYTES_EMPTY;
	fixture_init(&f, 0);
	f.intake->marks_late = true;
	for (int i = 0; i < BUNDLE_MARKS_MAX; i++)
		bytes_append_format(&text, "{\"time\":%d}\n{\"time\":10}\n", 1000 + i * 5);
	const struct reader_block block = {.data = text.data,
					   .length = text.length,
					   .receive_ms = INT64_MAX / 2,
					   .watermark_ms = WATERMARK_NONE};
	size_t used = reader_read(f.reader, f.intake, &block, &f.skip, f.bundle);
	cr_assert_lt(used, text.length);
	cr_expect_eq(text.data[used - 1], '\n');
	cr_expect(bundle_is_full(f.bundle, SIZE_MAX));
	cr_expect_leq(f.bundle->marks.count, BUNDLE_MARKS_MAX);
	bytes_deinit(&text);
	fixture_deinit(&f);
}

Test(reader, reading_from_the_future_counts_now_and_moves_nothing)
{
	struct fixture f;
	fixture_init(&f, 0);
	feed(&f, "{\"time\":1060,\"m\":\"a\"}\n");
	cr_expect_eq(f.bundle->counters.clamped, 0);
	cr_expect_eq(f.bundle->max_event_ms, 1060000);
	bundle_clear(f.bundle);
	feed(&f, "{\"time\":1060.001,\"m\":\"a\"}\n");
	cr_expect_eq(f.bundle->counters.clamped, 1);
	cr_expect_eq(f.bundle->max_event_ms, WATERMARK_NONE);
	cr_expect_not_null(find(&f, 0, 1000000, "a"));
	fixture_deinit(&f);
}

Test(reader, byte_order_mark_is_passed_over_at_offset_zero_only)
{
	struct fixture f;
	const char *text = "\xEF\xBB\xBF{\"time\":1}\n";
	struct reader_block block = {.data = text,
				     .length = strlen(text),
				     .receive_ms = 1000000,
				     .watermark_ms = WATERMARK_NONE};
	fixture_init(&f, 0);
	reader_read(f.reader, f.intake, &block, &f.skip, f.bundle);
	cr_expect_eq(f.bundle->counters.readings, 1);
	block.offset = 5;
	reader_read(f.reader, f.intake, &block, &f.skip, f.bundle);
	cr_expect_eq(f.bundle->counters.malformed, 1);
	fixture_deinit(&f);
}

Test(reader, over_long_first_line_keeps_its_byte_order_mark_in_the_dead_letter)
{
	struct fixture f;
	const char *text = "\xEF\xBB\xBF"
			   "0123456789";
	const struct reader_block block = {
		.data = text, .length = strlen(text), .watermark_ms = WATERMARK_NONE};
	fixture_init(&f, 10);
	cr_expect_eq(reader_read(f.reader, f.intake, &block, &f.skip, f.bundle), 13);
	cr_expect(f.skip);
	cr_assert_eq(f.bundle->dead_letter_count, 1);
	cr_expect_str_eq(f.bundle->dead_letters[0].text, "\xEF\xBB\xBF"
							 "0123456");
	fixture_deinit(&f);
}

Test(reader, many_rows_fill_several_batches)
{
	struct fixture f;
	struct bytes text = BYTES_EMPTY;
	fixture_init(&f, 0);
	for (int i = 0; i < BATCH_ROWS_MAX * 2 + 1; i++)
		bytes_append_format(&text, "{\"time\":10,\"m\":\"k%d\",\"v\":%d}\n", i % 10, i);
	feed(&f, text.data);
	cr_expect_eq(f.bundle->counters.readings, BATCH_ROWS_MAX * 2 + 1);
	cr_expect_eq(f.bundle->deltas[0].count, 10);
	cr_expect_eq(find(&f, 0, 10000, "k3")->count, 205);
	bytes_deinit(&text);
	fixture_deinit(&f);
}

Test(reader, a_match_ended_by_its_limit_is_told_in_the_bundle)
{
	const struct intake_options options = {.source = "s"};
	const struct metric_spec spec = {.filter = "s:match('(a+)+$')", .pane_ms = 5000};
	struct fixture f = {.reader = reader_new()};
	struct bytes text = BYTES_EMPTY;
	struct schema schema;
	uint32_t index;
	schema_init(&schema);
	f.intake = intake_new(&options, &schema, 1);
	cr_assert_eq(intake_add_metric(f.intake, &spec, &index, NULL), 0);
	schema_deinit(&schema);
	f.bundle = bundle_new(f.intake, 1);
	bytes_append_text(&text, "{\"time\":10,\"s\":\"");
	for (int i = 0; i < 4000; i++)
		bytes_append_char(&text, 'a');
	bytes_append_text(&text, "b\"}\n{\"time\":10,\"s\":\"aa\"}\n");
	struct reader_block block = {
		.data = text.data, .length = text.length, .watermark_ms = WATERMARK_NONE};
	size_t at = 0;
	reader_read(f.reader, f.intake, &block, &f.skip, f.bundle);
	cr_expect_eq(f.bundle->counters.readings, 2);
	cr_expect_eq(f.bundle->deltas[0].count, 1);
	cr_expect_eq(group_table_next(&f.bundle->deltas[0], &at)->aggregates[0].count, 1);
	cr_expect_eq(f.bundle->regex_limits, 1);
	bytes_deinit(&text);
	fixture_deinit(&f);
}
