/** Bundles that get full: the same groups and counts whatever the limit is, and never more memory
 *  than the limit promises. */
#include "source_case.h"

#include "core/base/bytes.h"
#include "core/base/mem.h"
#include "core/ingest/bundle.h"
#include "core/ingest/intake.h"
#include "core/ingest/reader.h"
#include "core/ingest/reader_internal.h"
#include "core/ingest/source.h"
#include "core/window/group_table.h"
#include "core/window/watermark.h"

#include <unistd.h>

enum { METRICS = 7, LINES = 6000, LATENESS_MS = 5000 };

/* Of so many numbers. */
static const struct cell_layout *cells_of(uint32_t value_count)
{
	static struct cell_layout layouts[CELL_VALUES_MAX + 1];

	cell_layout_init(&layouts[value_count], value_count, NULL);
	return &layouts[value_count];
}

static const int64_t receive_ms = INT64_C(4102444800000);

static uint64_t random_next(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/** Short lines with times over years, so that nearly each makes a group of each metric. */
static struct bytes make_lines(uint64_t seed, enum intake_format format)
{
	struct bytes out = BYTES_EMPTY;

	for (int i = 0; i < LINES; i++) {
		unsigned long long time = 1000000000u + random_next(&seed) % 100000000;
		unsigned long long n = random_next(&seed) % 1000;

		if (random_next(&seed) % 50 == 0)
			bytes_append_text(&out, random_next(&seed) % 2 ? "{wrong\n" : "\n");
		else if (random_next(&seed) % 500 == 0)
			bytes_append_format(&out, "%0300d\n", 7);
		else if (format == FORMAT_CSV)
			bytes_append_format(&out, "%llu,%llu\n", time, n);
		else
			bytes_append_format(&out, "{\"time\":%llu,\"n\":%llu}\n", time, n);
	}
	return out;
}

static const uint8_t all =
	CELL_NUMBER | CELL_SQUARES | CELL_FIRST | CELL_LAST | CELL_DISTINCT | CELL_SKETCH;

static struct intake *make_intake(enum intake_format format)
{
	const struct intake_options options = {
		.source = "s",
		.format = format,
		.columns = (const char *const[]){"time", "n"},
		.column_count = 2,
		.lateness_ms = LATENESS_MS,
		.max_ahead_ms = INT64_C(1) << 50,
		.line_bytes_max = 200,
	};
	struct schema schema;

	schema_init(&schema);
	struct intake *intake = intake_new(&options, &schema, 1);
	schema_deinit(&schema);
	for (uint32_t i = 0; i < METRICS; i++) {
		struct metric_spec spec = {
			.by = (const char *const[]){"n"},
			.by_count = i % 2,
			.values = (const char *const[]){"n"},
			.value_count = i % 3 == 0,
			.needs = i == 6 ? &all : NULL,
			.filter = i == 3 ? "n > 500" : NULL,
			.pane_ms = 1000 * (i + 1),
		};
		uint32_t index;

		cr_assert_eq(intake_add_metric(intake, &spec, &index, NULL), 0);
	}
	return intake;
}

/** What the engine would keep. */
struct totals {
	struct group_table groups[METRICS];
	struct bundle_counters counters;
	int64_t max_event_ms;
	uint32_t bundles;
	size_t grown_bytes_max, memory_bytes_max;
	uint32_t told; /**< times on_durable was called */
	uint64_t told_readings;
	struct position to;
	bool is_gap, is_over;
};

static void totals_init(struct totals *totals)
{
	*totals = (struct totals){.max_event_ms = WATERMARK_NONE};
	for (uint32_t i = 0; i < METRICS; i++)
		group_table_init(&totals->groups[i], cells_of(1), 1);
}

static void totals_deinit(struct totals *totals)
{
	for (uint32_t i = 0; i < METRICS; i++)
		group_table_deinit(&totals->groups[i]);
}

static int64_t watermark_of(const struct totals *totals)
{
	return totals->max_event_ms == WATERMARK_NONE ? WATERMARK_NONE
						      : totals->max_event_ms - LATENESS_MS;
}

static void add_groups(struct totals *totals, const struct bundle *bundle)
{
	size_t memory_bytes = 0;

	for (uint32_t i = 0; i < METRICS; i++) {
		const struct group_table *from = &bundle->deltas[i];
		const struct group *group;

		memory_bytes += group_table_memory_bytes(from);
		for (size_t at = 0; (group = group_table_next(from, &at)) != NULL;)
			aggregate_merge(group_table_put(&totals->groups[i], group->key_hash,
							group->start_ms, group_key(from, group))
						->aggregates,
					group->aggregates);
	}
	if (memory_bytes > totals->memory_bytes_max)
		totals->memory_bytes_max = memory_bytes;
	if (bundle->grown_bytes > totals->grown_bytes_max)
		totals->grown_bytes_max = bundle->grown_bytes;
}

static void add(struct totals *totals, const struct bundle *bundle)
{
	const struct bundle_counters *from = &bundle->counters;

	add_groups(totals, bundle);
	totals->bundles++;
	totals->counters.bytes += from->bytes;
	totals->counters.lines += from->lines;
	totals->counters.readings += from->readings;
	totals->counters.malformed += from->malformed;
	totals->counters.late += from->late;
	totals->counters.blank += from->blank;
	if (bundle->max_event_ms > totals->max_event_ms)
		totals->max_event_ms = bundle->max_event_ms;
}

static void expect_same(const struct totals *a, const struct totals *b)
{
	cr_expect_eq(a->counters.bytes, b->counters.bytes);
	cr_expect_eq(a->counters.lines, b->counters.lines);
	cr_expect_eq(a->counters.readings, b->counters.readings);
	cr_expect_eq(a->counters.malformed, b->counters.malformed);
	cr_expect_eq(a->counters.blank, b->counters.blank);
	cr_expect_eq(a->counters.late, b->counters.late);
	cr_expect_eq(a->max_event_ms, b->max_event_ms);
	for (uint32_t i = 0; i < METRICS; i++) {
		const struct group_table *table = &a->groups[i];
		const struct group *group;

		cr_expect_eq(table->count, b->groups[i].count);
		for (size_t at = 0; (group = group_table_next(table, &at)) != NULL;) {
			const struct group *other = group_table_find(&b->groups[i], group->start_ms,
								     group_key(table, group));

			cr_assert_not_null(other);
			cr_assert_arr_eq(group->aggregates, other->aggregates,
					 sizeof(struct aggregate));
		}
	}
}

/** Twice the limit in a bundle, and twice that in memory; 640 bytes a table, however small. */
static void expect_within(const struct totals *totals, size_t limit)
{
	cr_expect_leq(totals->grown_bytes_max, 2 * limit);
	cr_expect_leq(totals->memory_bytes_max, 4 * limit + METRICS * 640);
}

static struct totals read_plainly(struct intake *intake, struct bytes lines, size_t limit,
				  enum decoder_way way)
{
	struct totals totals;
	struct reader *reader = reader_new();
	bool skip = false;

	totals_init(&totals);
	reader_use(reader, way);
	reader_limit(reader, limit);
	for (size_t at = 0; at < lines.length;) {
		struct bundle *bundle = bundle_new(intake, 1);
		struct reader_block block = {
			.data = lines.data + at,
			.length = lines.length - at,
			.offset = at,
			.is_last = true,
			.receive_ms = receive_ms,
			.watermark_ms = watermark_of(&totals),
		};
		size_t used = reader_read(reader, intake, &block, &skip, bundle);

		cr_assert_gt(used, 0);
		at += used;
		add(&totals, bundle);
		bundle_free(bundle);
	}
	reader_free(reader);
	return totals;
}

static void compare_limits(enum intake_format format, enum decoder_way way)
{
	static const size_t limits[] = {1, 1000, 10000, 100000};
	struct intake *intake = make_intake(format);
	struct bytes lines = make_lines(3, format);
	struct totals whole = read_plainly(intake, lines, BUNDLE_BYTES_MAX, way);

	cr_expect_eq(whole.bundles, 1);
	cr_expect_gt(whole.counters.readings, LINES * 9 / 10);
	cr_expect_gt(whole.counters.late, 0);
	cr_expect_gt(whole.grown_bytes_max, (size_t)LINES * METRICS * 60);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct totals pieces = read_plainly(intake, lines, limits[i], way);

		cr_expect_gt(pieces.bundles, 10);
		expect_same(&pieces, &whole);
		/* At least one reading, whatever it takes. */
		expect_within(&pieces, limits[i] < 1000 ? intake->row_bytes : limits[i]);
		totals_deinit(&pieces);
	}
	totals_deinit(&whole);
	intake_unref(intake);
	bytes_deinit(&lines);
}

Test(bundle_limit, changes_no_result_of_json, .timeout = 60)
{
	compare_limits(FORMAT_JSON, DECODER_FASTEST);
	compare_limits(FORMAT_JSON, DECODER_LINE_BY_LINE);
}

Test(bundle_limit, changes_no_result_of_csv, .timeout = 60)
{
	compare_limits(FORMAT_CSV, DECODER_FASTEST);
	compare_limits(FORMAT_CSV, DECODER_PORTABLE);
}

Test(bundle_limit, counts_readings_kept_for_filter_functions)
{
	struct intake *intake = make_intake(FORMAT_JSON);
	const struct metric_spec spec = {
		.filter_function = "f",
		.reads = (const char *const[]){"n"},
		.read_count = 1,
		.pane_ms = 1000,
	};
	struct bytes lines = make_lines(4, FORMAT_JSON);
	uint32_t index;

	cr_assert_eq(intake_add_metric(intake, &spec, &index, NULL), 0);
	cr_expect_gt(intake->kept_row_bytes, sizeof(struct group) + sizeof(struct aggregate));
	struct reader *reader = reader_new();
	struct bundle *bundle = bundle_new(intake, 1);
	struct reader_block block = {
		.data = lines.data, .length = lines.length, .receive_ms = receive_ms};
	bool skip = false;

	reader_limit(reader, 50000);
	cr_expect_lt(reader_read(reader, intake, &block, &skip, bundle), lines.length / 2);
	cr_expect_geq(bundle->grown_bytes, bundle->counters.readings * intake->kept_row_bytes);
	cr_expect_gt(bundle->batch_count, 0);
	cr_expect_leq(bundle->grown_bytes, 100000);
	bundle_free(bundle);
	reader_free(reader);
	bytes_deinit(&lines);
	intake_unref(intake);
}

/* ---- the pool ---- */

static int64_t watermark(void *arg, uint32_t partition)
{
	return (void)partition, watermark_of(arg);
}

static void on_bundle(void *arg, struct bundle *bundle)
{
	struct totals *totals = arg;

	if (bundle->is_positioned) {
		totals->is_gap |= bundle->from.offset != totals->to.offset ||
				  bundle->from.check != totals->to.check ||
				  bundle->from.epoch != totals->to.epoch;
		totals->to = bundle->to;
	}
	add(totals, bundle);
	if (bundle->on_durable)
		bundle->on_durable(bundle->arg, bundle);
	bundle_free(bundle);
}

static void on_durable(void *arg, const struct bundle *bundle)
{
	struct totals *totals = arg;

	totals->told++;
	totals->told_readings = bundle->earlier_readings + bundle->counters.readings;
	if (!bundle->is_positioned)
		totals->is_over = true;
}

static bool on_read(void *arg, const struct pool_file_read *read)
{
	return (void)arg, (void)read, true;
}

static void on_end(void *arg)
{
	((struct totals *)arg)->is_over = true;
}

static struct totals read_by_pool(struct intake *intake, const struct bytes *lines, int fd,
				  uint32_t reader_count, size_t limit)
{
	struct totals totals;
	struct loop *loop = run_loop_new();
	struct pool *pool = NULL;
	const struct pool_options options = {
		.reader_count = reader_count,
		.block_bytes = 30000,
		.bundle_bytes = limit,
		.seed = 1,
		.watermark = watermark,
		.on_bundle = on_bundle,
		.arg = &totals,
	};

	totals_init(&totals);
	cr_assert_eq(pool_new(&pool, loop, env_live(), &options, NULL), 0);
	if (fd >= 0) {
		const struct pool_file_job job = {
			.intake = intake,
			.fd = fd,
			.is_final = true,
			.on_read = on_read,
			.on_end = on_end,
			.on_read_arg = &totals,
			.on_durable = on_durable,
			.arg = &totals,
		};

		cr_assert_eq(pool_try_file(pool, &job), 0);
	} else {
		struct pool_bytes_job job = {
			.intake = intake, .on_durable = on_durable, .arg = &totals};

		bytes_append(&job.data, lines->data, lines->length);
		cr_assert_eq(pool_try_bytes(pool, &job), 0);
	}
	cr_expect(run_loop_until(loop, run_loop_flag, &totals.is_over));
	pool_free(pool);
	loop_free(loop);
	return totals;
}

static void expect_pool(struct intake *intake, const struct bytes *lines, int fd)
{
	struct totals whole = read_plainly(intake, *lines, BUNDLE_BYTES_MAX, DECODER_FASTEST);

	for (uint32_t readers = 0; readers < 4; readers++) {
		struct totals pieces = read_by_pool(intake, lines, fd, readers, 20000);

		cr_expect_gt(pieces.bundles, 50);
		cr_expect_not(pieces.is_gap);
		expect_same(&pieces, &whole);
		expect_within(&pieces, 20000);
		cr_expect_eq(pieces.told, fd >= 0 ? pieces.bundles : 1);
		if (fd < 0)
			cr_expect_eq(pieces.told_readings, whole.counters.readings);
		totals_deinit(&pieces);
	}
	totals_deinit(&whole);
}

Test(bundle_limit, of_a_file_is_kept_by_any_number_of_readers, .timeout = 60)
{
	struct intake *intake = make_intake(FORMAT_JSON);
	struct bytes lines = make_lines(5, FORMAT_JSON);
	char path[] = "/tmp/test_bundle_limit_XXXXXX";
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	unlink(path);
	cr_assert_eq(write(fd, lines.data, lines.length), (ssize_t)lines.length);
	expect_pool(intake, &lines, fd);
	close(fd);
	bytes_deinit(&lines);
	intake_unref(intake);
}

Test(bundle_limit, of_a_bytes_job_is_told_with_its_last_bundle, .timeout = 60)
{
	struct intake *intake = make_intake(FORMAT_JSON);
	struct bytes lines = make_lines(6, FORMAT_JSON);

	expect_pool(intake, &lines, -1);
	bytes_deinit(&lines);
	intake_unref(intake);
}

static bool has_bundles(void *arg)
{
	return ((const struct totals *)arg)->bundles > 0;
}

Test(bundle_limit, with_a_pool_that_leaves_in_the_middle_loses_no_memory)
{
	struct intake *intake = make_intake(FORMAT_JSON);
	struct bytes lines = make_lines(7, FORMAT_JSON);
	struct totals totals;
	struct loop *loop = run_loop_new();
	struct pool *pool = NULL;
	const struct pool_options options = {
		.reader_count = 2, .bundle_bytes = 20000, .on_bundle = on_bundle, .arg = &totals};
	struct pool_bytes_job job = {.intake = intake};

	totals_init(&totals);
	cr_assert_eq(pool_new(&pool, loop, env_live(), &options, NULL), 0);
	bytes_append(&job.data, lines.data, lines.length);
	cr_assert_eq(pool_try_bytes(pool, &job), 0);
	cr_expect(run_loop_until(loop, has_bundles, &totals));
	pool_free(pool);
	loop_free(loop);
	totals_deinit(&totals);
	bytes_deinit(&lines);
	intake_unref(intake);
}
