/** One file read by any number of readers, in blocks of any size, gives the same bundles in the
 *  same order, and the same counts as one reader_read() over all of it. */
#include "source_case.h"

#include "core/base/bytes.h"
#include "core/ingest/bundle.h"
#include "core/ingest/pool_job.h"
#include "core/ingest/reader.h"
#include "core/window/watermark.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 100, LATENESS_MS = 5000 };

static uint64_t random_next(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/** The file under test, in memory. */
static struct {
	struct bytes content;
	atomic_ulong turns;
	atomic_size_t visible_bytes; /**< the file's length so far */
} fake;

/** Short reads, and other threads get their turn at odd moments. */
static ssize_t fake_read(void *self, int fd, void *out, size_t length, uint64_t offset)
{
	uint64_t state = atomic_fetch_add(&fake.turns, 1);
	size_t visible = atomic_load(&fake.visible_bytes);

	(void)self, (void)fd;
	for (uint64_t i = random_next(&state) % 4; i > 0; i--)
		sched_yield();
	if (offset >= visible)
		return 0;
	if (length > visible - offset)
		length = visible - (size_t)offset;
	if (length > 1 && random_next(&state) % 3 == 0)
		length = 1 + (size_t)random_next(&state) % length;
	memcpy(out, fake.content.data + offset, length);
	return (ssize_t)length;
}

/** Lines of all kinds; times that go up, with some far behind. */
static void make_content(uint64_t seed, int lines)
{
	uint64_t state = seed;
	int64_t time_ms = 1763791200000;

	bytes_clear(&fake.content);
	for (int i = 0; i < lines; i++) {
		uint64_t kind = random_next(&state) % 40;
		time_ms += (int64_t)(random_next(&state) % 400);
		int64_t back_ms = kind < 6 ? (int64_t)(random_next(&state) % 12000) : 0;
		const char *end = kind == 7 ? "\r\n" : "\n";
		if (kind == 8)
			bytes_append_format(&fake.content, "{broken%s", end);
		else if (kind == 9)
			bytes_append_text(&fake.content, end);
		else if (kind == 10)
			for (uint64_t n = random_next(&state) % 900; n > 0; n--)
				bytes_append_char(&fake.content, n % 97 == 0 ? '\r' : 'x');
		else
			bytes_append_format(&fake.content, "{\"time\":%lld.%03lld,\"n\":%d}%s",
					    (long long)((time_ms - back_ms) / 1000),
					    (long long)((time_ms - back_ms) % 1000), i, end);
	}
	atomic_store(&fake.visible_bytes, fake.content.length);
}

/** What the engine would keep. */
struct totals {
	struct bundle_counters counters;
	int64_t max_event_ms;
	struct position to;
	uint64_t bundles;
	uint64_t trace; /**< of the bundles and their order */
	bool is_out_of_order;
	bool at_end;
	bool is_over;
};

static int64_t watermark_of(const struct totals *totals)
{
	return totals->max_event_ms == WATERMARK_NONE ? WATERMARK_NONE
						      : totals->max_event_ms - LATENESS_MS;
}

static int64_t watermark(void *arg, uint32_t partition)
{
	return (void)partition, watermark_of(arg);
}

static void mix(uint64_t *trace, uint64_t value)
{
	*trace = (*trace ^ value) * 0x9E3779B97F4A7C15u;
	*trace ^= *trace >> 29;
}

static void add(struct totals *totals, const struct bundle *bundle)
{
	const struct bundle_counters *from = &bundle->counters;

	totals->counters.bytes += from->bytes;
	totals->counters.lines += from->lines;
	totals->counters.readings += from->readings;
	totals->counters.malformed += from->malformed;
	totals->counters.late += from->late;
	totals->counters.blank += from->blank;
	if (bundle->max_event_ms > totals->max_event_ms)
		totals->max_event_ms = bundle->max_event_ms;
}

static void on_bundle(void *arg, struct bundle *bundle)
{
	struct totals *totals = arg;

	totals->is_out_of_order |= bundle->from.offset != totals->to.offset ||
				   bundle->from.check != totals->to.check ||
				   bundle->from.epoch != totals->to.epoch;
	totals->to = bundle->to;
	totals->bundles++;
	mix(&totals->trace, bundle->to.offset);
	mix(&totals->trace, bundle->counters.readings);
	mix(&totals->trace, bundle->counters.malformed);
	mix(&totals->trace, bundle->counters.late);
	mix(&totals->trace, (uint64_t)bundle->max_event_ms);
	add(totals, bundle);
	bundle_free(bundle);
}

static bool on_read(void *arg, const struct pool_file_read *read)
{
	((struct totals *)arg)->at_end = read->at_end;
	return true;
}

static void on_end(void *arg)
{
	((struct totals *)arg)->is_over = true;
}

static struct intake *make_intake(void)
{
	struct schema schema;
	struct intake_options options = {
		.source = "test",
		.format = FORMAT_JSON,
		.lateness_ms = LATENESS_MS,
		.max_ahead_ms = INT64_C(1) << 50,
		.line_bytes_max = LINE_BYTES_MAX,
	};

	schema_init(&schema);
	struct intake *intake = intake_new(&options, &schema, 1);
	schema_deinit(&schema);
	return intake;
}

/** Everything at once, in one thread. */
static struct totals read_plainly(struct intake *intake)
{
	struct totals totals = {.max_event_ms = WATERMARK_NONE};
	struct reader *reader = reader_new();
	struct bundle *bundle = bundle_new(intake, 1);
	struct reader_block block = {
		.data = fake.content.data,
		.length = fake.content.length,
		.is_last = true,
		.receive_ms = env_wall_ms(env_live()),
		.watermark_ms = WATERMARK_NONE,
	};
	bool skip = false;

	reader_read(reader, intake, &block, &skip, bundle);
	add(&totals, bundle);
	bundle_free(bundle);
	reader_free(reader);
	return totals;
}

static struct totals read_by_pool(struct intake *intake, uint32_t reader_count,
				  uint32_t block_bytes, bool is_small)
{
	struct totals totals = {.max_event_ms = WATERMARK_NONE};
	struct env_ops ops = *env_live()->ops;
	struct env env = {&ops, env_live()->self};
	struct loop *loop = run_loop_new();
	struct pool *pool = NULL;
	struct pool_options options = {
		.reader_count = reader_count,
		.block_bytes = block_bytes,
		.seed = 1,
		.watermark = watermark,
		.on_bundle = on_bundle,
		.arg = &totals,
	};
	struct pool_file_job job = {
		.intake = intake,
		.is_final = true,
		.is_small = is_small,
		.on_read = on_read,
		.on_end = on_end,
		.on_read_arg = &totals,
	};

	ops.file_read = fake_read;
	cr_assert_eq(pool_new(&pool, loop, &env, &options, NULL), 0);
	cr_assert_eq(pool_try_file(pool, &job), 0);
	cr_expect(run_loop_until(loop, run_loop_flag, &totals.is_over));
	pool_free(pool);
	loop_free(loop);
	return totals;
}

static void expect_same_counts(const struct totals *a, const struct totals *b, const char *what)
{
	cr_expect_eq(a->counters.bytes, b->counters.bytes, "%s", what);
	cr_expect_eq(a->counters.lines, b->counters.lines, "%s", what);
	cr_expect_eq(a->counters.readings, b->counters.readings, "%s", what);
	cr_expect_eq(a->counters.malformed, b->counters.malformed, "%s", what);
	cr_expect_eq(a->counters.blank, b->counters.blank, "%s", what);
	cr_expect_eq(a->counters.late, b->counters.late, "%s: late %llu, %llu", what,
		     (unsigned long long)a->counters.late, (unsigned long long)b->counters.late);
	cr_expect_eq(a->max_event_ms, b->max_event_ms, "%s", what);
}

Test(pool_order, any_number_of_readers_and_any_block_size_give_the_same_bundles, .timeout = 120)
{
	static const uint32_t counts[] = {1, 2, 4};
	struct intake *intake = make_intake();
	uint64_t state = 7;

	for (int round = 0; round < 12; round++) {
		make_content((uint64_t)round + 1, 3000);
		struct totals plain = read_plainly(intake);
		cr_expect_gt(plain.counters.late, 0);
		cr_expect_gt(plain.counters.malformed, 0);
		uint32_t block_bytes = 200 + (uint32_t)(random_next(&state) % 20000);
		struct totals inlined = read_by_pool(intake, 0, block_bytes, false);
		expect_same_counts(&inlined, &plain, "inline");
		for (size_t i = 0; i < 3; i++) {
			struct totals threaded =
				read_by_pool(intake, counts[i], block_bytes, false);
			cr_expect_not(threaded.is_out_of_order);
			cr_expect(threaded.at_end);
			cr_expect_eq(threaded.to.offset, fake.content.length);
			cr_expect_eq(threaded.bundles, inlined.bundles);
			cr_expect_eq(threaded.trace, inlined.trace, "%u readers, blocks of %u",
				     counts[i], block_bytes);
			expect_same_counts(&threaded, &plain, "threads");
		}
	}
	intake_unref(intake);
	bytes_deinit(&fake.content);
}

Test(pool_order, what_the_loop_thread_reads_first_the_readers_go_on_with, .timeout = 120)
{
	struct intake *intake = make_intake();

	/* More than POOL_SMALL_BYTES, twice: it grew since somebody looked at its size. */
	make_content(21, 6000);
	struct totals plain = read_plainly(intake);
	for (uint32_t readers = 0; readers < 3; readers++) {
		struct totals totals = read_by_pool(intake, readers, 5000, true);
		cr_expect_not(totals.is_out_of_order);
		cr_expect(totals.at_end);
		expect_same_counts(&totals, &plain, "small");
	}
	intake_unref(intake);
	bytes_deinit(&fake.content);
}

struct cut_case {
	struct totals totals;
	uint32_t blocks;
	bool is_changed;
};

static bool on_cut_read(void *arg, const struct pool_file_read *read)
{
	struct cut_case *cut = arg;

	/* The file becomes shorter while later blocks are under way. */
	if (++cut->blocks == 3)
		atomic_store(&fake.visible_bytes, 50);
	cut->is_changed |= read->is_changed;
	return true;
}

static void on_cut_end(void *arg)
{
	((struct cut_case *)arg)->totals.is_over = true;
}

static void on_cut_bundle(void *arg, struct bundle *bundle)
{
	on_bundle(&((struct cut_case *)arg)->totals, bundle);
}

static void truncate_under_way(uint32_t reader_count)
{
	struct intake *intake = make_intake();
	struct cut_case cut = {.totals.max_event_ms = WATERMARK_NONE};
	struct env_ops ops = *env_live()->ops;
	struct env env = {&ops, env_live()->self};
	struct loop *loop = run_loop_new();
	struct pool *pool = NULL;
	struct pool_options options = {.reader_count = reader_count,
				       .block_bytes = 500,
				       .on_bundle = on_cut_bundle,
				       .arg = &cut};
	struct pool_file_job job = {.intake = intake,
				    .on_read = on_cut_read,
				    .on_end = on_cut_end,
				    .on_read_arg = &cut};

	ops.file_read = fake_read;
	make_content(5, 3000);
	cr_assert_eq(pool_new(&pool, loop, &env, &options, NULL), 0);
	cr_assert_eq(pool_try_file(pool, &job), 0);
	cr_expect(run_loop_until(loop, run_loop_flag, &cut.totals.is_over));
	cr_expect(cut.is_changed);
	cr_expect_not(cut.totals.is_out_of_order);
	cr_expect_lt(cut.totals.to.offset, fake.content.length);
	pool_free(pool);
	loop_free(loop);
	intake_unref(intake);
	bytes_deinit(&fake.content);
}

Test(pool_order, a_file_that_becomes_shorter_under_way_ends_its_job)
{
	truncate_under_way(0);
	truncate_under_way(4);
}

static bool stop_at_once(void *arg, const struct pool_file_read *read)
{
	return (void)arg, (void)read, false;
}

Test(pool_order, a_pool_may_be_freed_with_blocks_under_way)
{
	struct intake *intake = make_intake();
	struct totals totals = {.max_event_ms = WATERMARK_NONE};
	struct env_ops ops = *env_live()->ops;
	struct env env = {&ops, env_live()->self};
	struct pool_options options = {
		.reader_count = 3, .block_bytes = 400, .on_bundle = on_bundle, .arg = &totals};
	struct pool_file_job job = {.intake = intake, .on_read = stop_at_once, .on_end = on_end};

	ops.file_read = fake_read;
	make_content(9, 2000);
	for (int i = 0; i < 20; i++) {
		struct loop *loop = run_loop_new();
		struct pool *pool = NULL;
		cr_assert_eq(pool_new(&pool, loop, &env, &options, NULL), 0);
		for (job.partition = 0; job.partition < 3; job.partition++)
			cr_assert_eq(pool_try_file(pool, &job), 0);
		for (int turn = 0; turn < i; turn++)
			sched_yield();
		pool_free(pool);
		loop_free(loop);
	}
	cr_expect_eq(totals.bundles, 0);
	intake_unref(intake);
	bytes_deinit(&fake.content);
}

Test(pool_order, a_cut_block_is_read_exactly_to_its_cut)
{
	struct intake *intake = make_intake();
	struct reader *reader = reader_new();
	uint64_t state = 3;

	make_content(11, 2000);
	for (int i = 0; i < 3000; i++) {
		size_t start = (size_t)random_next(&state) % fake.content.length;
		size_t length = (size_t)random_next(&state) % 400;
		bool skip = random_next(&state) % 3 == 0, skip_read = skip;
		bool is_last = random_next(&state) % 4 == 0;
		if (length > fake.content.length - start)
			length = fake.content.length - start;
		struct slice block = {fake.content.data + start, length};
		struct reader_block task = {.data = block.data,
					    .length = length,
					    .offset = start,
					    .is_last = is_last,
					    .watermark_ms = WATERMARK_NONE};
		struct bundle *bundle = bundle_new(intake, 1);
		size_t used = reader_read(reader, intake, &task, &skip_read, bundle);
		cr_assert_eq(pool_cut(block, is_last, LINE_BYTES_MAX, &skip), used);
		cr_assert_eq(skip, skip_read);
		bundle_free(bundle);
	}
	reader_free(reader);
	intake_unref(intake);
	bytes_deinit(&fake.content);
}
