#include "source_case.h"

#include "core/base/bytes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static const char LINE[] = "{\"time\":1763791200,\"n\":1}\n";

static struct bytes lines_of(int count)
{
	struct bytes bytes = BYTES_EMPTY;

	for (int i = 0; i < count; i++)
		bytes_append_text(&bytes, LINE);
	return bytes;
}

static int try_lines(struct source_case *source, uint32_t partition, int count)
{
	struct pool_bytes_job job = {
		.intake = source->intake,
		.partition = partition,
		.data = lines_of(count),
	};
	int code = pool_try_bytes(source->pool, &job);

	bytes_deinit(&job.data);
	return code;
}

struct order {
	uint64_t last[8];
	bool is_wrong;
	uint32_t count;
};

static void note_order(void *arg, const struct bundle *bundle)
{
	struct order *order = arg;

	if (bundle->counters.lines != order->last[bundle->partition] + 1)
		order->is_wrong = true;
	order->last[bundle->partition] = bundle->counters.lines;
	order->count++;
}

static bool has_all_in_order(void *arg)
{
	return ((struct order *)arg)->count == 80;
}

static void check_order(uint32_t reader_count)
{
	struct source_case *source = case_new(reader_count, 65536);
	struct order order = {0};

	/* The n-th job of a partition has n lines. */
	for (int n = 1; n <= 10; n++) {
		for (uint32_t partition = 0; partition < 8; partition++) {
			struct pool_bytes_job job = {
				.intake = source->intake,
				.partition = partition,
				.data = lines_of(n),
				.on_durable = note_order,
				.arg = &order,
			};
			while (pool_try_bytes(source->pool, &job) == ERR_FULL)
				run_loop_for(source->loop, 1, run_loop_flag, &(bool){false});
		}
	}
	cr_expect(run_loop_until(source->loop, has_all_in_order, &order));
	cr_expect_not(order.is_wrong);
	cr_expect_eq(source->readings, 8 * 55);
	case_free(source);
}

Test(pool, bundles_of_a_partition_come_in_order_with_threads)
{
	check_order(3);
}

Test(pool, bundles_of_a_partition_come_in_order_inline)
{
	check_order(0);
}

Test(pool, nothing_is_delivered_from_within_try)
{
	struct source_case *source = case_new(0, 65536);

	cr_assert_eq(try_lines(source, 0, 5), 0);
	cr_expect_eq(source->bundles, 0);
	cr_expect(case_wait_readings(source, 5));
	case_free(source);
}

Test(pool, works_inline_on_a_virtual_loop)
{
	struct source_case *source = case_new(0, 65536);
	struct loop *loop = loop_virtual_new(1763791200000);
	struct pool *live_pool = source->pool;
	struct loop *live_loop = source->loop;

	source->loop = loop;
	case_open_pool(source, 0);
	for (int i = 0; i < 20; i++)
		cr_assert_eq(try_lines(source, 0, 3), 0);
	loop_virtual_turn(loop);
	cr_expect_eq(source->readings, 60);
	pool_free(source->pool);
	loop_free(loop);
	source->pool = live_pool;
	source->loop = live_loop;
	case_free(source);
}

Test(pool, is_full_at_its_limit_and_tells_when_there_is_room)
{
	struct source_case *source = case_new(1, 65536);
	struct pool_usage usage;

	for (int i = 0; i < POOL_QUEUE_JOBS_MAX; i++)
		cr_assert_eq(try_lines(source, 0, 1), 0, "job %d", i);
	cr_expect_eq(try_lines(source, 0, 1), ERR_FULL);
	cr_expect_eq(source->rooms, 0);
	pool_usage(source->pool, &usage);
	cr_expect_eq(usage.queued_jobs, POOL_QUEUE_JOBS_MAX);
	cr_expect_eq(usage.full_count, 1);
	cr_expect(case_wait_readings(source, POOL_QUEUE_JOBS_MAX));
	cr_expect_eq(source->rooms, 1);
	cr_expect_eq(try_lines(source, 0, 1), 0);
	case_free(source); /* with a job under way */
}

Test(pool, more_readers_than_the_limit_are_refused)
{
	struct source_case *source = case_new(0, 65536);
	struct pool_options options = {.reader_count = POOL_READERS_MAX + 1};
	struct pool *pool = NULL;
	struct err_note why = {0};

	cr_expect_eq(pool_new(&pool, source->loop, env_live(), &options, &why), ERR_RANGE);
	case_free(source);
}

static int refuse(struct bytes *data, struct err_note *why)
{
	(void)data;
	return err_set(why, ERR_INVALID, "no good");
}

static void on_refused(void *arg, int code, const char *error)
{
	*(bool *)arg = code == ERR_INVALID && strcmp(error, "no good") == 0;
}

Test(pool, a_block_its_preparation_refuses_gives_no_bundle)
{
	struct source_case *source = case_new(1, 65536);
	bool is_refused = false;
	struct pool_bytes_job job = {
		.intake = source->intake,
		.data = lines_of(1),
		.prepare = refuse,
		.on_refused = on_refused,
		.arg = &is_refused,
	};

	cr_assert_eq(pool_try_bytes(source->pool, &job), 0);
	cr_expect(run_loop_until(source->loop, run_loop_flag, &is_refused));
	cr_expect_eq(source->bundles, 0);
	case_free(source);
}

struct file_case {
	struct pool_file_read read;
	bool is_one_block; /**< stops after each */
	bool is_over;
};

static bool on_read(void *arg, const struct pool_file_read *read)
{
	struct file_case *file = arg;
	file->read = *read;
	return !file->is_one_block;
}

static void on_end(void *arg)
{
	((struct file_case *)arg)->is_over = true;
}

static struct pool_file_read read_file(struct source_case *source, int fd, struct position from,
				       bool is_final)
{
	struct file_case file = {.is_one_block = true};
	struct pool_file_job job = {
		.intake = source->intake,
		.fd = fd,
		.from = from,
		.is_final = is_final,
		.on_read = on_read,
		.on_end = on_end,
		.on_read_arg = &file,
	};

	cr_assert_eq(pool_try_file(source->pool, &job), 0);
	cr_assert(run_loop_until(source->loop, run_loop_flag, &file.is_over));
	return file.read;
}

Test(pool, a_file_job_ends_behind_the_last_complete_line_and_checks_what_is_before)
{
	struct source_case *source = case_new(1, 65536);
	char path[] = "/tmp/tocsin-pool-XXXXXX";
	int fd = mkstemp(path);
	size_t line = sizeof(LINE) - 1;
	uint64_t check = 0;
	char last = 0;

	dprintf(fd, "%s%s%s{\"time\"", LINE, LINE, LINE);
	struct pool_file_read read = read_file(source, fd, (struct position){0}, false);
	cr_expect_eq(read.code, 0);
	cr_expect_eq(read.to.offset, 3 * line);
	cr_expect_eq(read.read_to, 3 * line + 7);
	cr_expect(read.at_end);
	cr_expect_eq(source->readings, 3);
	cr_expect_eq(position_check(env_live(), fd, 3 * line, &check, &last), 0);
	cr_expect_eq(check, read.to.check);
	cr_expect_eq(last, '\n');
	cr_expect_eq(position_check(env_live(), fd, 1000, &check, &last), ERR_RANGE);

	dprintf(fd, ":1763791200}\n%s", LINE);
	read = read_file(source, fd, read.to, false);
	cr_expect_eq(source->readings, 5);
	cr_expect_not(read.is_changed);

	/* Other bytes before the position: nothing is read. */
	cr_expect_eq(pwrite(fd, "#", 1, (off_t)read.to.offset - 3), 1);
	dprintf(fd, "%s", LINE);
	struct pool_file_read changed = read_file(source, fd, read.to, false);
	cr_expect(changed.is_changed);
	cr_expect_eq(source->readings, 5);

	struct position beyond = {0, 1000, 77};
	cr_expect(read_file(source, fd, beyond, false).is_changed);
	close(fd);
	unlink(path);
	case_free(source);
}

Test(pool, the_last_line_of_a_final_file_needs_no_end)
{
	struct source_case *source = case_new(1, 65536);
	char path[] = "/tmp/tocsin-pool-XXXXXX";
	int fd = mkstemp(path);

	dprintf(fd, "%s{\"time\":1763791200}", LINE);
	struct pool_file_read read = read_file(source, fd, (struct position){0}, true);
	cr_expect_eq(read.to.offset, sizeof(LINE) - 1 + 19);
	cr_expect_eq(source->readings, 2);
	close(fd);
	unlink(path);
	case_free(source);
}

Test(pool, a_file_longer_than_a_block_is_read_to_its_end_by_one_job)
{
	struct source_case *source = case_new(1, 65536);
	char path[] = "/tmp/tocsin-pool-XXXXXX";
	int fd = mkstemp(path);
	int count = 3 * POOL_FILE_BLOCK_BYTES / (int)(sizeof(LINE) - 1);
	struct bytes all = lines_of(count);
	struct file_case file = {0};
	struct pool_file_job job = {.intake = source->intake,
				    .fd = fd,
				    .on_read = on_read,
				    .on_end = on_end,
				    .on_read_arg = &file};

	cr_assert_eq(write(fd, all.data, all.length), (ssize_t)all.length);
	cr_assert_eq(pool_try_file(source->pool, &job), 0);
	cr_expect(run_loop_until(source->loop, run_loop_flag, &file.is_over));
	cr_expect(file.read.at_end);
	cr_expect_eq(file.read.to.offset, all.length);
	cr_expect_geq(source->bundles, 3);
	cr_expect_eq(source->gaps, 0);
	cr_expect_eq(source->readings, count);
	bytes_deinit(&all);
	close(fd);
	unlink(path);
	case_free(source);
}

Test(pool, a_file_job_that_is_told_to_stop_can_be_gone_on_with_where_it_ended)
{
	struct source_case *source = case_new(0, 65536);
	char path[] = "/tmp/tocsin-pool-XXXXXX";
	int fd = mkstemp(path);
	int count = 20 * POOL_FILE_BLOCK_BYTES / (int)(sizeof(LINE) - 1);
	struct bytes all = lines_of(count);

	cr_assert_eq(write(fd, all.data, all.length), (ssize_t)all.length);
	struct pool_file_read read = read_file(source, fd, (struct position){0}, false);
	cr_expect_not(read.at_end);
	cr_expect_lt(read.to.offset, all.length);
	while (!read.at_end)
		read = read_file(source, fd, read.to, false);
	cr_expect_eq(read.to.offset, all.length);
	cr_expect_eq(source->gaps, 0);
	cr_expect_eq(source->readings, count);
	bytes_deinit(&all);
	close(fd);
	unlink(path);
	case_free(source);
}
