#include "storage/kv.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "storage/kv_backend.h"
#include "storage/kv_rocksdb_mark.h"
#include "storage/kv_rocksdb_room.h"
#include "store_fixture.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct store_fixture fixture;

static void begin(void)
{
	store_fixture_begin(&fixture);
}

static void end(void)
{
	store_fixture_end(&fixture);
}

TestSuite(kv_rocksdb, .init = begin, .fini = end);

static int try_open(const struct kv_options *options, struct err_note *why)
{
	struct kv *kv = NULL;
	int code = kv_rocksdb_open(&kv, fixture.path, options, why);

	kv_free(code == 0 ? kv : NULL);
	return code;
}

/* A store with `count` pairs of 1,000 bytes, left behind the way a killed process leaves it: a
 * closed RocksDB keeps its log as well, since nothing is flushed to tables for so little data. */
static void fill_and_close(int count)
{
	struct kv *kv = store_fixture_open(&fixture, KV_SYNC_COMMIT);
	char value[1001];

	memset(value, 'v', 1000);
	value[1000] = '\0';
	for (int number = 0; number < count; number++) {
		char key[16];

		snprintf(key, sizeof(key), "k%04d", number);
		cr_assert_eq(store_put(kv, key, value), 0);
	}
	kv_free(kv);
}

/* The newest log file that has content. */
static void find_log(char out[400])
{
	DIR *directory = opendir(fixture.path);
	const struct dirent *entry;

	out[0] = '\0';
	cr_assert_not_null(directory);
	while ((entry = readdir(directory))) {
		char path[400];
		struct stat facts;

		if (!strstr(entry->d_name, ".log"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", fixture.path, entry->d_name);
		if (stat(path, &facts) == 0 && facts.st_size > 0 && strcmp(path, out) > 0)
			snprintf(out, 400, "%s", path);
	}
	closedir(directory);
	cr_assert_neq(out[0], '\0', "the store has no log");
}

static void flip_byte(const char *path, off_t offset)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	char byte;

	cr_assert_geq(fd, 0);
	cr_assert_eq(pread(fd, &byte, 1, offset), 1);
	byte = (char)~byte;
	cr_assert_eq(pwrite(fd, &byte, 1, offset), 1);
	close(fd);
}

Test(kv_rocksdb, keeps_everything_over_a_reopen)
{
	static const enum kv_sync policies[] = {KV_SYNC_COMMIT, KV_SYNC_INTERVAL, KV_SYNC_OS};

	for (int round = 0; round < 3; round++) {
		struct kv *kv = store_fixture_open(&fixture, policies[round]);
		char key[2] = {(char)('a' + round), '\0'};
		char *value;

		cr_assert_eq(store_put(kv, key, "kept"), 0);
		cr_assert_eq(kv_idle(kv, NULL), 0);
		kv_free(kv);
		kv = store_fixture_open(&fixture, policies[round]);
		value = store_get(kv, key);
		cr_expect_str_eq(value ? value : "absent", "kept");
		mem_free(value);
		kv_free(kv);
	}
}

Test(kv_rocksdb, refuses_a_log_with_a_flipped_byte)
{
	const struct kv_options options = {.sync = KV_SYNC_COMMIT};
	struct err_note why = {""};
	char log[400];
	struct stat facts;

	fill_and_close(100);
	find_log(log);
	cr_assert_eq(stat(log, &facts), 0);
	flip_byte(log, facts.st_size / 2);
	cr_expect_eq(try_open(&options, &why), ERR_CORRUPT);
	cr_expect_not_null(strstr(why.text, fixture.path), "%s", why.text);
	cr_expect_not_null(strstr(why.text, "Restore"), "%s", why.text);
}

Test(kv_rocksdb, relaxed_policy_meets_a_flipped_byte_at_the_mark)
{
	const struct kv_options options = {.sync = KV_SYNC_INTERVAL};
	struct err_note why = {""};
	char log[400];
	struct stat facts;

	fill_and_close(100);
	find_log(log);
	cr_assert_eq(stat(log, &facts), 0);
	flip_byte(log, facts.st_size / 2);
	/* Recovery stops quietly before the damage; only the mark knows that more was durable. */
	cr_expect_eq(try_open(&options, &why), ERR_CORRUPT);
	cr_expect_not_null(strstr(why.text, "write 100 was durable"), "%s", why.text);
}

Test(kv_rocksdb, refuses_a_missing_log)
{
	const struct kv_options options = {.sync = KV_SYNC_INTERVAL};
	struct err_note why = {""};
	char log[400];

	fill_and_close(100);
	find_log(log);
	cr_assert_eq(unlink(log), 0);
	cr_expect_eq(try_open(&options, &why), ERR_CORRUPT, "%s", why.text);
}

Test(kv_rocksdb, refuses_a_log_cut_below_the_mark_unless_the_loss_is_accepted)
{
	struct kv_options options = {.sync = KV_SYNC_COMMIT};
	struct err_note why = {""};
	char log[400];
	struct stat facts;

	fill_and_close(100);
	find_log(log);
	cr_assert_eq(stat(log, &facts), 0);
	cr_assert_eq(truncate(log, facts.st_size / 2), 0);
	cr_expect_eq(try_open(&options, &why), ERR_CORRUPT);
	cr_expect_not_null(strstr(why.text, "write 100 was durable"), "%s", why.text);
	cr_expect_eq(try_open(&options, NULL), ERR_CORRUPT, "a second try forgets nothing");
	options.accepts_loss = true;
	cr_expect_eq(try_open(&options, &why), 0, "%s", why.text);
	options.accepts_loss = false;
	cr_expect_eq(try_open(&options, &why), 0, "accepting is remembered: %s", why.text);
}

Test(kv_rocksdb, accepts_a_torn_end_above_the_mark)
{
	const struct kv_options options = {.sync = KV_SYNC_COMMIT};
	struct err_note why = {""};
	struct kv_mark mark;
	char log[400];
	struct stat facts;

	fill_and_close(100);
	/* As if the last mark had been written one batch earlier. */
	cr_assert_eq(kv_mark_open(&mark, fixture.path, &why), 0);
	cr_assert_eq(kv_mark_reset(&mark, 99, &why), 0);
	kv_mark_close(&mark);
	find_log(log);
	cr_assert_eq(stat(log, &facts), 0);
	cr_assert_eq(truncate(log, facts.st_size - 3), 0);
	cr_expect_eq(try_open(&options, &why), 0, "%s", why.text);
}

Test(kv_rocksdb, refuses_a_damaged_mark)
{
	struct kv_options options = {.sync = KV_SYNC_COMMIT};
	struct err_note why = {""};
	char path[128];

	fill_and_close(1);
	snprintf(path, sizeof(path), "%s.mark", fixture.path);
	flip_byte(path, 12);
	cr_expect_eq(try_open(&options, &why), ERR_CORRUPT);
	cr_expect_not_null(strstr(why.text, path), "%s", why.text);
	options.accepts_loss = true;
	cr_expect_eq(try_open(&options, &why), 0, "%s", why.text);
}

Test(kv_rocksdb, refuses_what_another_process_has_open)
{
	const struct kv_options options = {.sync = KV_SYNC_OS};
	struct err_note why = {""};
	int ready[2];
	char byte;
	pid_t child;

	cr_assert_eq(pipe2(ready, O_CLOEXEC), 0);
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		struct kv *kv;

		if (kv_rocksdb_open(&kv, fixture.path, &options, NULL) == 0)
			(void)!write(ready[1], "x", 1);
		pause();
		_exit(1);
	}
	close(ready[1]);
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	cr_expect_eq(try_open(&options, &why), ERR_CONFLICT);
	cr_expect_not_null(strstr(why.text, "in use by another process"), "%s", why.text);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	cr_expect_eq(try_open(&options, &why), 0, "the lock dies with its owner: %s", why.text);
	close(ready[0]);
}

Test(kv_rocksdb, a_lock_file_that_cannot_be_opened_is_no_other_process)
{
	const struct kv_options options = {.sync = KV_SYNC_OS};
	struct err_note why = {""};
	char lock[128];

	snprintf(lock, sizeof(lock), "%s/LOCK", fixture.path);
	cr_assert_eq(mkdir(fixture.path, 0750), 0);
	cr_assert_eq(mkdir(lock, 0750), 0);
	cr_expect_eq(try_open(&options, &why), ERR_IO);
	cr_expect_not_null(strstr(why.text, lock), "%s", why.text);
	cr_expect_null(strstr(why.text, "another process"), "%s", why.text);
}

Test(kv_rocksdb, names_a_parent_directory_that_is_not_there)
{
	const struct kv_options options = {.sync = KV_SYNC_COMMIT};
	struct err_note why = {""};
	struct kv *kv = NULL;

	cr_expect_eq(kv_rocksdb_open(&kv, "/nonexistent/store/", &options, &why), ERR_IO);
	cr_expect_not_null(strstr(why.text, "/nonexistent/store.mark"), "%s", why.text);
	cr_expect_null(kv);
}

Test(kv_rocksdb, has_room_above_the_free_space_limit_only)
{
	struct kv_options options = {.sync = KV_SYNC_OS, .free_bytes_min = 1};
	struct kv *kv = NULL;

	cr_assert_eq(kv_rocksdb_open(&kv, fixture.path, &options, NULL), 0);
	cr_expect(kv_has_room(kv));
	kv_free(kv);
	options.free_bytes_min = UINT64_MAX;
	cr_assert_eq(kv_rocksdb_open(&kv, fixture.path, &options, NULL), 0);
	cr_expect_not(kv_has_room(kv));
	kv_free(kv);
}

Test(kv_rocksdb, ballast_has_real_blocks_and_is_looked_at_once_a_second)
{
	struct kv_room room;
	char path[128];
	struct stat facts;

	kv_room_init(&room, fixture.path, 1, 5000);
	snprintf(path, sizeof(path), "%s.ballast", fixture.path);
	cr_assert_eq(stat(path, &facts), 0);
	cr_expect_geq((uint64_t)facts.st_blocks * 512, KV_ROOM_BALLAST_BYTES);
	room.free_bytes_min = UINT64_MAX;
	cr_expect(kv_room_check(&room, 5000 + KV_ROOM_CHECK_MS - 1), "the old answer");
	cr_expect_not(kv_room_check(&room, 5000 + KV_ROOM_CHECK_MS));
	kv_room_deinit(&room);
}

Test(kv_rocksdb, mark_moves_up_at_most_ten_times_a_second_and_survives_a_torn_slot)
{
	struct kv_mark mark;
	char path[128];

	cr_assert_eq(kv_mark_open(&mark, fixture.path, NULL), 0);
	cr_expect_eq(mark.sequence, 0);
	cr_assert_eq(kv_mark_note(&mark, 10, 1000, false, NULL), 0);
	cr_assert_eq(kv_mark_note(&mark, 20, 1000 + KV_MARK_INTERVAL_MS - 1, false, NULL), 0);
	cr_expect_eq(mark.sequence, 10, "too soon");
	cr_assert_eq(kv_mark_note(&mark, 30, 1000 + KV_MARK_INTERVAL_MS, false, NULL), 0);
	cr_assert_eq(kv_mark_note(&mark, 25, 9000, true, NULL), 0);
	cr_expect_eq(mark.sequence, 30, "it never moves down");
	cr_assert_eq(kv_mark_note(&mark, 40, 1101, true, NULL), 0);
	kv_mark_close(&mark);
	snprintf(path, sizeof(path), "%s.mark", fixture.path);
	flip_byte(path, 10); /* slot 0 holds 40, slot 1 holds 30 */
	cr_assert_eq(kv_mark_open(&mark, fixture.path, NULL), 0);
	cr_expect_eq(mark.sequence, 30);
	cr_expect_not(mark.is_damaged);
	cr_assert_eq(kv_mark_note(&mark, 50, 2000, false, NULL), 0);
	kv_mark_close(&mark);
	cr_assert_eq(kv_mark_open(&mark, fixture.path, NULL), 0);
	cr_expect_eq(mark.sequence, 50, "the torn slot was the next one to be written");
	kv_mark_close(&mark);
}

/* Fails from the given write on. */
struct failing {
	struct kv kv;
	int writes_left;
};

static int failing_write(struct kv *kv, const struct kv_batch *batch, struct err_note *why)
{
	struct failing *failing = (struct failing *)kv;

	(void)batch;
	if (failing->writes_left-- > 0)
		return 0;
	return err_set(why, ERR_IO, "The test's disk is gone.");
}

Test(kv_rocksdb, a_failed_write_ends_writing_for_any_backend)
{
	static const struct kv_ops ops = {.write = failing_write};
	struct failing failing = {.writes_left = 1};

	kv_init(&failing.kv, &ops);
	cr_expect_eq(store_put(&failing.kv, "a", "1"), 0);
	cr_expect_eq(store_put(&failing.kv, "b", "1"), ERR_IO);
	failing.writes_left = 9;
	cr_expect_eq(store_put(&failing.kv, "c", "1"), ERR_IO, "a disk that came back");
	cr_expect_eq(failing.writes_left, 9, "the backend is not asked again");
	cr_expect_eq(kv_flush(&failing.kv, NULL), ERR_IO);
	cr_expect_eq(kv_idle(&failing.kv, NULL), ERR_IO);
}
