// link: core_ingest
/* The result of a reader must not depend on how the bytes are cut into blocks.
 * Input: up to 8 bytes that say where to cut, then the stream. */
#include "core/ingest/reader.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/require.h"
#include "core/ingest/bundle.h"
#include "core/ingest/intake.h"
#include "core/window/watermark.h"

enum { CUTS = 8, LINE_BYTES_MAX = 48, LATENESS_MS = 5000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct intake *new_intake(void)
{
	const struct intake_options options = {.source = "s",
					       .lateness_ms = LATENESS_MS,
					       .max_ahead_ms = 1000,
					       .line_bytes_max = LINE_BYTES_MAX};
	const struct metric_spec spec = {.by = (const char *const[]){"m"},
					 .by_count = 1,
					 .values = (const char *const[]){"v"},
					 .value_count = 1,
					 .pane_ms = 5000};
	struct schema schema;
	uint32_t index;
	schema_init(&schema);
	struct intake *intake = intake_new(&options, &schema, 1);
	REQUIRE(intake_add_metric(intake, &spec, &index, NULL) == 0);
	schema_deinit(&schema);
	return intake;
}

/** Reads the whole stream; blocks grow by the cuts until a line fits. */
static struct bundle *read_cut(struct reader *reader, struct intake *intake, const char *data,
			       size_t length, const uint8_t *cuts)
{
	struct bundle *bundle = bundle_new(intake, 1);
	size_t start = 0, end = 0;
	bool skip = false;
	for (unsigned i = 0; end < length || i == 0; i++) {
		end += cuts ? 1 + cuts[i % CUTS] % 64 : length;
		if (end > length)
			end = length;
		/* An own allocation, so that reading outside of the block is found. */
		char *copy = malloc(end - start + 1);
		for (size_t j = start; j < end; j++)
			copy[j - start] = data[j];
		const struct reader_block block = {
			.data = copy,
			.length = end - start,
			.offset = start,
			.is_last = end == length,
			.receive_ms = 1000000,
			.watermark_ms = bundle->max_event_ms == WATERMARK_NONE
						? WATERMARK_NONE
						: bundle->max_event_ms - LATENESS_MS,
		};
		start += reader_read(reader, intake, &block, &skip, bundle);
		free(copy);
	}
	REQUIRE(start == length && !skip);
	return bundle;
}

static void expect_equal(const struct bundle *a, const struct bundle *b)
{
	const struct group_table *groups = &a->deltas[0];
	const struct group *group;
	size_t at = 0;
	REQUIRE(memcmp(&a->counters, &b->counters, sizeof(a->counters)) == 0);
	REQUIRE(a->counters.lines == a->counters.readings + a->counters.malformed);
	REQUIRE(a->max_event_ms == b->max_event_ms && a->min_event_ms == b->min_event_ms);
	REQUIRE(groups->count == b->deltas[0].count);
	while ((group = group_table_next(groups, &at)) != NULL) {
		const struct group *other =
			group_table_find(&b->deltas[0], group->start_ms, group_key(groups, group));
		REQUIRE(other != NULL);
		REQUIRE(memcmp(group->aggregates, other->aggregates, sizeof(struct aggregate)) ==
			0);
	}
	REQUIRE(a->dead_letter_count == b->dead_letter_count);
	for (uint32_t i = 0; i < a->dead_letter_count; i++) {
		const struct dead_letter *x = &a->dead_letters[i], *y = &b->dead_letters[i];
		REQUIRE(x->offset == y->offset && x->line == y->line);
		REQUIRE(strcmp(x->text, y->text) == 0 && strcmp(x->reason, y->reason) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct intake *intake;
	static struct reader *reader;
	if (size < CUTS)
		return 0;
	if (!intake) {
		intake = new_intake();
		reader = reader_new();
	}
	const char *stream = (const char *)data + CUTS;
	struct bundle *whole = read_cut(reader, intake, stream, size - CUTS, NULL);
	struct bundle *cut = read_cut(reader, intake, stream, size - CUTS, data);
	expect_equal(whole, cut);
	bundle_free(whole);
	bundle_free(cut);
	return 0;
}
