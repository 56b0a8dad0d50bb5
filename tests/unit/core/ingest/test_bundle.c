#include "core/ingest/bundle.h"

#include <criterion/criterion.h>

#include "core/base/mem.h"
#include "core/ingest/intake.h"
#include "core/window/watermark.h"

Test(bundle, without_an_intake_only_moves_a_position)
{
	struct bundle *bundle = bundle_new(NULL, 1);
	cr_expect_eq(bundle->delta_count, 0);
	cr_expect_eq(bundle->max_event_ms, WATERMARK_NONE);
	bundle_clear(bundle);
	bundle_free(bundle);
	bundle_free(NULL);
}

Test(bundle, clear_keeps_the_intake_and_nothing_else)
{
	struct schema schema;
	schema_init(&schema);
	const struct intake_options options = {.source = "s"};
	struct intake *intake = intake_new(&options, &schema, 1);
	const struct metric_spec spec = {.pane_ms = 5000};
	uint32_t index;
	cr_assert_eq(intake_add_metric(intake, &spec, &index, NULL), 0);
	struct bundle *bundle = bundle_new(intake, 1);
	intake_unref(intake);
	cr_assert_eq(bundle->delta_count, 1);
	group_table_put(&bundle->deltas[0], 1, 5000, SLICE_LITERAL("key"));
	bundle->counters.lines = 3;
	bundle->max_event_ms = 5;
	bundle->dead_letters[bundle->dead_letter_count++] =
		(struct dead_letter){.text = mem_copy_text("x"), .reason = mem_copy_text("y")};
	bundle_clear(bundle);
	cr_expect_eq(bundle->deltas[0].count, 0);
	cr_expect_eq(bundle->counters.lines, 0);
	cr_expect_eq(bundle->max_event_ms, WATERMARK_NONE);
	cr_expect_eq(bundle->dead_letter_count, 0);
	cr_expect_eq(bundle->intake->metric_count, 1);
	bundle_free(bundle);
	schema_deinit(&schema);
}

static struct intake *make_intake(uint64_t generation)
{
	struct schema schema;
	schema_init(&schema);
	const struct intake_options options = {.source = "s"};
	const struct metric_spec spec = {.pane_ms = 5000};
	struct intake *intake = intake_new(&options, &schema, generation);
	uint32_t index;
	cr_assert_eq(intake_add_metric(intake, &spec, &index, NULL), 0);
	schema_deinit(&schema);
	return intake;
}

Test(bundle, the_rest_of_the_late_readings_is_counted_when_the_watermark_is_known)
{
	struct bundle *bundle = bundle_new(NULL, 1);
	bundle_keep_time(bundle, 1);
	cr_expect_eq(bundle->times.count, 0, "nobody wants them");
	bundle->times.is_kept = true;
	bundle->counters.late = 2;
	bundle->min_event_ms = 10;
	for (int64_t time_ms = 10; time_ms < 3010; time_ms++)
		bundle_keep_time(bundle, time_ms);
	bundle_settle_late(bundle, 20);
	cr_expect_eq(bundle->counters.late, 2 + 10);
	bundle_settle_late(bundle, 3000);
	cr_expect_eq(bundle->counters.late, 2 + 10, "the times are gone");
	bundle_free(bundle);
}

Test(bundle, no_watermark_makes_nothing_late)
{
	struct bundle *bundle = bundle_new(NULL, 1);
	bundle->times.is_kept = true;
	bundle->min_event_ms = -5;
	bundle_keep_time(bundle, -5);
	bundle_settle_late(bundle, WATERMARK_NONE);
	cr_expect_eq(bundle->counters.late, 0);
	bundle_free(bundle);
}

Test(bundle, a_head_knows_what_became_durable)
{
	struct intake *intake = make_intake(1);
	struct bundle *bundle = bundle_new(intake, 1);
	int arg = 0;
	bundle->partition = 7;
	bundle->to.offset = 99;
	bundle->counters.readings = 3;
	bundle->arg = &arg;
	bundle->dead_letters[bundle->dead_letter_count++] =
		(struct dead_letter){.text = mem_copy_text("x"), .reason = mem_copy_text("y")};
	struct bundle *head = bundle_head(bundle);
	cr_expect_eq(head->partition, 7);
	cr_expect_eq(head->to.offset, 99);
	cr_expect_eq(head->counters.readings, 3);
	cr_expect_eq(head->arg, &arg);
	cr_expect_eq(head->dead_letter_count, 0);
	cr_expect_eq(head->delta_count, 0);
	bundle_free(head);
	intake_unref(intake);
}

Test(bundle, a_shelf_gives_a_bundle_of_the_same_intake_again_and_empty)
{
	struct intake *a = make_intake(1), *b = make_intake(1);
	struct bundle_shelf *shelf = bundle_shelf_new(1);
	struct bundle *of_a = bundle_shelf_take(shelf, a);
	struct bundle *of_b = bundle_shelf_take(shelf, b);
	group_table_put(&of_a->deltas[0], 1, 5000, SLICE_LITERAL("key"));
	of_a->counters.readings = 5;
	bundle_free(of_a);
	bundle_free(of_b);
	cr_expect_eq(bundle_shelf_take(shelf, a), of_a);
	cr_expect_eq(of_a->deltas[0].count, 0);
	cr_expect_eq(of_a->counters.readings, 0);
	struct bundle *other = bundle_shelf_take(shelf, a);
	cr_expect_neq(other, of_a);
	bundle_free(other);
	bundle_free(of_a);
	bundle_shelf_leave(shelf);
	intake_unref(a);
	intake_unref(b);
}

Test(bundle, a_shelf_lets_older_generations_go_and_lives_until_its_last_bundle)
{
	struct intake *old = make_intake(1), *new = make_intake(2);
	struct bundle_shelf *shelf = bundle_shelf_new(1);
	bundle_free(bundle_shelf_take(shelf, old));
	cr_expect_eq(old->reference_count, 2);
	struct bundle *late = bundle_shelf_take(shelf, old);
	struct bundle *first = bundle_shelf_take(shelf, new);
	bundle_free(late);
	cr_expect_eq(old->reference_count, 1);
	bundle_shelf_leave(shelf);
	bundle_free(first);
	cr_expect_eq(new->reference_count, 1);
	intake_unref(old);
	intake_unref(new);
}

Test(bundle, a_full_shelf_lets_its_oldest_go)
{
	struct intake *intake = make_intake(1);
	struct bundle_shelf *shelf = bundle_shelf_new(1);
	struct bundle *bundles[BUNDLE_SHELF_MAX + 1];
	for (int i = 0; i <= BUNDLE_SHELF_MAX; i++)
		bundles[i] = bundle_shelf_take(shelf, intake);
	for (int i = 0; i <= BUNDLE_SHELF_MAX; i++)
		bundle_free(bundles[i]);
	cr_expect_eq(intake->reference_count, 1 + BUNDLE_SHELF_MAX);
	bundle_shelf_leave(shelf);
	cr_expect_eq(intake->reference_count, 1);
	intake_unref(intake);
}

Test(bundle, the_first_event_is_that_of_no_late_reading)
{
	struct bundle *bundle = bundle_new(NULL, 1);
	bundle->times.is_kept = true;
	bundle->min_event_ms = 10;
	bundle->first_event_ms = 20;
	bundle_keep_time(bundle, 20);
	bundle_keep_time(bundle, 40);
	bundle_keep_time(bundle, 31);
	bundle_settle_late(bundle, 30);
	cr_expect_eq(bundle->counters.late, 1);
	cr_expect_eq(bundle->first_event_ms, 31);
	bundle_clear(bundle);
	bundle->times.is_kept = true;
	bundle->min_event_ms = bundle->first_event_ms = 20;
	bundle_keep_time(bundle, 20);
	bundle_settle_late(bundle, 21);
	cr_expect_eq(bundle->first_event_ms, WATERMARK_NONE, "all are late");
	bundle_free(bundle);
}

Test(bundle, marks_are_numbered_from_one_and_end_a_bundle_in_time)
{
	struct bundle *bundle = bundle_new(NULL, 1);
	cr_expect_eq(bundle_mark(bundle, -5000), 1);
	cr_expect_eq(bundle_mark(bundle, -5000), 1);
	cr_expect_eq(bundle_mark(bundle, 5000), 2);
	for (int64_t i = 3; i <= BUNDLE_MARKS_MAX - BATCH_ROWS_MAX; i++)
		cr_assert_eq(bundle_mark(bundle, i * 5000), i);
	cr_expect_not(bundle_is_full(bundle, 1), "a batch has room");
	cr_expect_eq(bundle_mark(bundle, INT64_MAX), BUNDLE_MARKS_MAX - BATCH_ROWS_MAX + 1);
	cr_expect(bundle_is_full(bundle, 1));
	bundle_clear(bundle);
	cr_expect_not(bundle_is_full(bundle, 1));
	cr_expect_eq(bundle_mark(bundle, 5000), 1);
	bundle_free(bundle);
}
