#include "source_case.h"

#include "core/ingest/source_file.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct file_tail_callbacks CALLBACKS = {
	.open = case_open,
	.close = case_close,
	.intake = case_intake,
};

static char directory[64];

static void make_directory(void)
{
	snprintf(directory, sizeof(directory), "/tmp/tocsin-tail-XXXXXX");
	cr_assert(mkdtemp(directory));
}

static void remove_directory(void)
{
	for (const char *const *name =
		     (const char *const[]){"a.log", "a.log.1", "b.log", "z.gz", "old", NULL};
	     *name; name++) {
		char path[128];
		snprintf(path, sizeof(path), "%s/%s", directory, *name);
		unlink(path);
	}
	rmdir(directory);
}

TestSuite(source_file, .init = make_directory, .fini = remove_directory, .timeout = 60);

static const char *at(const char *name)
{
	static char paths[4][128];
	static int turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

static void append(const char *name, int lines, const char *rest)
{
	FILE *file = fopen(at(name), "a");

	for (int i = 0; i < lines; i++)
		fputs("{\"time\":1763791200,\"n\":1}\n", file);
	fputs(rest, file);
	fclose(file);
}

static struct file_tail *start_scanning(struct source_case *source, const char *pattern,
					int64_t scan_ms)
{
	struct file_tail *tail = NULL;
	struct file_tail_options options = {
		.source = "test",
		.pattern = at(pattern),
		.pool = source->pool,
		.callbacks = &CALLBACKS,
		.arg = source,
		.scan_ms = scan_ms,
		.rotate_wait_ms = 60,
	};

	cr_assert_eq(file_tail_new(&tail, source->loop, &options, NULL), 0);
	source->source = tail;
	return tail;
}

static struct file_tail *start(struct source_case *source, const char *pattern)
{
	return start_scanning(source, pattern, 20);
}

static void set_stopped(void *arg)
{
	*(bool *)arg = true;
}

static void stop(struct source_case *source)
{
	bool is_stopped = false;

	file_tail_stop(source->source, set_stopped, &is_stopped);
	cr_assert(run_loop_until(source->loop, run_loop_flag, &is_stopped));
	file_tail_free(source->source);
}

static struct file_tail_status status_of(struct source_case *source)
{
	struct file_tail_status status;

	file_tail_status(source->source, &status);
	return status;
}

static bool has_one_file(void *arg)
{
	return status_of(arg).file_count == 1;
}

static bool has_two_files(void *arg)
{
	return status_of(arg).file_count == 2;
}

/** A few scans: long enough for what must not happen to happen. */
static void scan_a_while(struct source_case *source)
{
	run_loop_for(source->loop, 120, run_loop_flag, &(bool){false});
}

Test(source_file, reads_what_is_there_and_what_is_appended)
{
	struct source_case *source = case_new(1, 65536);

	append("a.log", 3, "");
	start(source, "*.log");
	cr_expect(case_wait_readings(source, 3));
	append("a.log", 2, "");
	cr_expect(case_wait_readings(source, 5));
	append("b.log", 4, "");
	cr_expect(case_wait_readings(source, 9));
	cr_expect_eq(source->gaps, 0);
	stop(source);
	case_free(source);
}

/** More than are told at once; the rest is looked at, at a pace. */
enum { MANY_APPENDS = 12 };

Test(source_file, appends_are_told_without_a_scan_by_a_busy_file_a_quiet_one_and_a_moved_one)
{
	struct source_case *source = case_new(1, 65536);
	uint64_t count = 2;

	append("a.log", 1, "");
	append("b.log", 1, "");
	start_scanning(source, "*.log", 3600 * 1000);
	cr_expect(case_wait_readings(source, count));
	for (int i = 0; i < MANY_APPENDS; i++) {
		append("a.log", 1, "");
		cr_expect(case_wait_readings(source, ++count));
	}
	append("b.log", 1, "");
	cr_expect(case_wait_readings(source, ++count));
	/* It is quiet after a look that found nothing, and told again. */
	scan_a_while(source);
	append("a.log", 1, "");
	cr_expect(case_wait_readings(source, ++count));
	cr_assert_eq(rename(at("a.log"), at("a.log.1")), 0);
	append("a.log.1", 1, "");
	cr_expect(case_wait_readings(source, ++count));
	cr_expect_eq(source->gaps, 0);
	stop(source);
	case_free(source);
}

Test(source_file, many_small_appends_are_all_read)
{
	struct source_case *source = case_new(1, 65536);

	start(source, "a.log");
	/* More than the burst: the rest waits for its pace, and for nothing else. */
	for (int i = 1; i <= 25; i++) {
		append("a.log", 1, "");
		cr_expect(case_wait_readings(source, (uint64_t)i));
	}
	cr_expect_eq(source->gaps, 0);
	stop(source);
	case_free(source);
}

Test(source_file, an_unfinished_line_waits_for_its_end)
{
	struct source_case *source = case_new(1, 65536);

	append("a.log", 1, "{\"time\":17637");
	start(source, "a.log");
	cr_expect(case_wait_readings(source, 1));
	scan_a_while(source);
	cr_expect_eq(source->readings, 1);
	cr_expect_eq(source->malformed, 0);
	append("a.log", 0, "91200}\n");
	cr_expect(case_wait_readings(source, 2));
	cr_expect_eq(source->malformed, 0);
	stop(source);
	case_free(source);
}

Test(source_file, goes_on_at_the_stored_position_after_a_restart)
{
	struct source_case *source = case_new(1, 65536);

	append("a.log", 5, "{\"time\":1763");
	start(source, "a.log");
	cr_expect(case_wait_readings(source, 5));
	stop(source);
	cr_expect_not(source->partitions[0].is_open);
	cr_expect_not(source->partitions[0].is_forgotten);
	append("a.log", 0, "791200}\n");
	append("a.log", 6, "");
	start(source, "a.log");
	cr_expect(case_wait_readings(source, 12));
	cr_expect_eq(source->malformed, 0);
	cr_expect_eq(source->partition_count, 1);
	stop(source);
	case_free(source);
}

Test(source_file, a_renamed_file_is_finished_under_a_name_it_does_not_know)
{
	struct source_case *source = case_new(1, 65536);

	append("a.log", 2, "");
	start(source, "a.log");
	cr_expect(case_wait_readings(source, 2));
	rename(at("a.log"), at("old"));
	append("a.log", 3, "");
	cr_expect(case_wait_readings(source, 5));
	/* The writer still has the old file open, and leaves its last line open too. */
	append("old", 1, "{\"time\":1763791200}");
	cr_expect(case_wait_readings(source, 7), "got %d", (int)source->readings);
	cr_expect(run_loop_until(source->loop, has_one_file, source));
	cr_expect_not(source->partitions[0].is_open);
	cr_expect_not(source->partitions[0].is_forgotten, "it still exists");
	stop(source);
	case_free(source);
}

Test(source_file, a_rotated_name_that_matches_is_the_same_partition)
{
	struct source_case *source = case_new(1, 65536);

	append("a.log", 2, "");
	start(source, "a.log*");
	cr_expect(case_wait_readings(source, 2));
	stop(source);
	rename(at("a.log"), at("a.log.1"));
	append("a.log.1", 1, "");
	append("a.log", 3, "");
	start(source, "a.log*");
	cr_expect(case_wait_readings(source, 6));
	scan_a_while(source);
	cr_expect_eq(source->readings, 6);
	cr_expect_eq(source->partition_count, 2);
	stop(source);
	case_free(source);
}

Test(source_file, copytruncate_starts_a_new_epoch)
{
	struct source_case *source = case_new(1, 65536);

	append("a.log", 10, "");
	start(source, "a.log");
	cr_expect(case_wait_readings(source, 10));
	cr_assert_eq(truncate(at("a.log"), 0), 0);
	append("a.log", 2, "");
	cr_expect(case_wait_readings(source, 12));
	cr_expect_eq(source->partitions[0].committed.epoch, 1);
	cr_expect_eq(status_of(source).truncations, 1);
	cr_assert_eq(truncate(at("a.log"), 0), 0);
	scan_a_while(source);
	append("a.log", 1, "");
	cr_expect(case_wait_readings(source, 13));
	cr_expect_eq(source->partitions[0].committed.epoch, 2);
	cr_expect_eq(source->gaps, 0);
	stop(source);
	case_free(source);
}

Test(source_file, a_file_replaced_in_place_while_down_is_recognised_by_its_check)
{
	struct source_case *source = case_new(1, 65536);

	append("a.log", 3, "");
	start(source, "a.log");
	cr_expect(case_wait_readings(source, 3));
	stop(source);
	/* Longer than before, other bytes, same identity. */
	FILE *file = fopen(at("a.log"), "r+");
	for (int i = 0; i < 4; i++)
		fputs("{\"time\":1763791201,\"other\":22222}\n", file);
	fclose(file);
	start(source, "a.log");
	cr_expect(case_wait_readings(source, 7));
	cr_expect_eq(status_of(source).replacements, 1);
	cr_expect_eq(source->partitions[0].committed.epoch, 1);
	stop(source);
	case_free(source);
}

Test(source_file, delete_and_create_is_another_partition)
{
	struct source_case *source = case_new(1, 65536);

	append("a.log", 2, "");
	start(source, "a.log");
	cr_expect(case_wait_readings(source, 2));
	unlink(at("a.log"));
	append("a.log", 3, "");
	cr_expect(case_wait_readings(source, 5));
	cr_expect_eq(source->partition_count, 2);
	cr_expect(run_loop_until(source->loop, has_one_file, source));
	cr_expect_not(source->partitions[0].is_open);
	cr_expect(source->partitions[0].is_forgotten);
	cr_expect(source->partitions[1].is_open);
	stop(source);
	case_free(source);
}

Test(source_file, a_rotated_file_stays_open_until_it_is_durable)
{
	struct source_case *source = case_new(1, 65536);

	source->is_holding = true;
	append("a.log", 2, "");
	start(source, "a.log");
	cr_expect(case_wait_readings(source, 2));
	rename(at("a.log"), at("old"));
	append("a.log", 1, "");
	cr_expect(case_wait_readings(source, 3));
	scan_a_while(source);
	scan_a_while(source);
	cr_expect_eq(status_of(source).file_count, 2);
	case_release(source);
	cr_expect(run_loop_until(source->loop, has_one_file, source));
	stop(source);
	case_free(source);
}

Test(source_file, compressed_files_are_not_read)
{
	struct source_case *source = case_new(1, 65536);

	append("z.gz", 5, "");
	append("a.log", 1, "");
	start(source, "*");
	cr_expect(case_wait_readings(source, 1));
	scan_a_while(source);
	cr_expect_eq(source->readings, 1);
	cr_expect_eq(status_of(source).ignored_files, 1);
	stop(source);
	case_free(source);
}

Test(source_file, reads_nothing_while_paused)
{
	struct source_case *source = case_new(1, 65536);

	start(source, "a.log");
	file_tail_pause(source->source, true);
	append("a.log", 2, "");
	scan_a_while(source);
	cr_expect_eq(source->readings, 0);
	file_tail_pause(source->source, false);
	cr_expect(case_wait_readings(source, 2));
	stop(source);
	case_free(source);
}

static void rewind_source(struct source_case *source, uint32_t partition)
{
	cr_expect(file_tail_rewind(source->source, partition));
}

Test(source_file, a_refused_bundle_is_read_again_from_the_committed_position)
{
	struct source_case *source = case_new(1, 65536);
	/* Three blocks. */
	int count = 2 * POOL_FILE_BLOCK_BYTES / 26 + 1000;

	source->on_gap = rewind_source;
	source->refuse_at = 2;
	append("a.log", count, "");
	start(source, "a.log");
	cr_expect(case_wait_readings(source, (uint64_t)count));
	cr_expect_geq(source->gaps, 1);
	stop(source);
	cr_expect_eq(source->partitions[0].committed.offset, (uint64_t)count * 26);
	case_free(source);
}

Test(source_file, an_over_long_line_across_a_restart_is_one_malformed_line)
{
	struct source_case *source = case_new(1, 100);
	char half[201];

	memset(half, 'x', 200);
	half[200] = '\0';
	append("a.log", 1, half);
	start(source, "a.log");
	cr_expect(case_wait_readings(source, 1));
	scan_a_while(source);
	cr_expect_eq(source->malformed, 1);
	stop(source);
	append("a.log", 0, half);
	append("a.log", 0, "\n");
	append("a.log", 1, "");
	start(source, "a.log");
	cr_expect(case_wait_readings(source, 2));
	cr_expect_eq(source->malformed, 1);
	stop(source);
	case_free(source);
}

static void room_for_tail(struct source_case *source)
{
	file_tail_on_room(source->source);
}

Test(source_file, many_files_and_a_full_pool_lose_nothing)
{
	struct source_case *source = case_new(1, 65536);
	struct pool_bytes_job job = {.intake = source->intake, .partition = 9};

	source->on_room = room_for_tail;
	append("a.log", 1000, "");
	append("b.log", 1000, "");
	while (pool_try_bytes(source->pool, &job) == 0)
		;
	start(source, "*.log");
	cr_expect(case_wait_readings(source, 2000));
	cr_expect(has_two_files(source));
	stop(source);
	case_free(source);
}

/** The first listing is out of date when it is told: a.log was renamed and made anew meanwhile. */
static int glob_beside_rotation(void *self, const char *pattern,
				void (*each)(void *arg, const char *path), void *arg,
				struct err_note *why)
{
	if (access(at("a.log.1"), F_OK) == 0)
		return env_live()->ops->glob(self, pattern, each, arg, why);
	cr_assert_eq(rename(at("a.log"), at("a.log.1")), 0);
	append("a.log", 2, "");
	each(arg, at("a.log"));
	return 0;
}

Test(source_file, a_file_that_is_renamed_during_the_first_listing_joins_before_anything_is_read)
{
	struct env_ops ops = *env_live()->ops;
	struct env env = {&ops, env_live()->self};
	struct source_case *source = case_new(1, 65536);

	pool_free(source->pool);
	loop_free(source->loop);
	cr_assert_eq(loop_live_new(&source->loop, &env, NULL), 0);
	case_open_pool(source, 1);
	ops.glob = glob_beside_rotation;
	append("a.log", 3, "");
	start(source, "a.log*");
	cr_expect(has_two_files(source));
	cr_expect_eq(source->bundles, 0);
	cr_expect(case_wait_readings(source, 5));
	stop(source);
	case_free(source);
}
