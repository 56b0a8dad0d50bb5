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
