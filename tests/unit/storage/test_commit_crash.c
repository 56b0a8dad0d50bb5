#include "storage/commit.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "storage/kv.h"
#include "store_fixture.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* kill -9 at any moment. The parent never opens the store: RocksDB's threads would not survive
 * the next fork. So a child commits numbered batches until it is killed, and another child checks
 * what is there and tells the last number in the same pipe format. */

enum { KILL_COUNT = 20, KEYS_PER_BATCH = 5, FIRST_ACKS_MAX = 60, WAIT_MS_MAX = 20000 };

enum { CHECK_FAILED = UINT32_MAX };

struct writer {
	struct kv *kv;
	struct commit *commit;
	int report_fd;
	uint32_t next;
	uint32_t acknowledged;
	int wake[2];
};

/* Batch n: "b<n>/0" … "b<n>/4", each with the value n, and "last" = n. */
static void add_batch(struct writer *writer)
{
	char key[32];
	char value[16];

	snprintf(value, sizeof(value), "%u", writer->next);
	for (int part = 0; part < KEYS_PER_BATCH; part++) {
		snprintf(key, sizeof(key), "b%u/%d", writer->next, part);
		kv_batch_put(commit_batch(writer->commit), slice_of(key), slice_of(value));
	}
	kv_batch_put(commit_batch(writer->commit), SLICE_LITERAL("last"), slice_of(value));
	writer->next++;
}

static void on_durable(void *arg)
{
	struct writer *writer = arg;

	writer->acknowledged++;
	(void)!write(writer->report_fd, &writer->acknowledged, sizeof(writer->acknowledged));
}

static void on_wake(void *arg)
{
	(void)!write(((struct writer *)arg)->wake[1], "x", 1);
}

static void on_failure(void *arg, const struct err_note *why)
{
	(void)arg;
	(void)why;
	_exit(3);
}

static uint32_t stored_last(struct kv *kv)
{
	char *text = store_get(kv, "last");
	uint32_t last = text ? (uint32_t)strtoul(text, NULL, 10) : 0;

	mem_free(text);
	return last;
}

static _Noreturn void write_for_ever(const char *path, int report_fd)
{
	const struct kv_options options = {.sync = KV_SYNC_COMMIT};
	struct writer writer = {.report_fd = report_fd};
	const struct commit_options commit_options = {
		.is_threaded = true, .wake = on_wake, .on_failure = on_failure, .arg = &writer};

	if (pipe2(writer.wake, O_CLOEXEC) != 0 ||
	    kv_rocksdb_open(&writer.kv, path, &options, NULL) < 0)
		_exit(2);
	writer.acknowledged = stored_last(writer.kv);
	writer.next = writer.acknowledged + 1;
	if (commit_new(&writer.commit, writer.kv, &commit_options, NULL) < 0)
		_exit(2);
	for (;;) {
		char byte;

		add_batch(&writer);
		commit_after(writer.commit, on_durable, &writer);
		commit_kick(writer.commit);
		/* Sometimes ahead of the disk, so that batches share a commit. */
		if (writer.next % 3 == 0 && read(writer.wake[0], &byte, 1) == 1)
			commit_poll(writer.commit);
	}
}

static bool is_batch_whole(struct kv *kv, uint32_t number)
{
	char key[32];
	char expected[16];
	bool is_whole = true;

	snprintf(expected, sizeof(expected), "%u", number);
	for (int part = 0; part < KEYS_PER_BATCH; part++) {
		char *value;

		snprintf(key, sizeof(key), "b%u/%d", number, part);
		value = store_get(kv, key);
		is_whole = is_whole && value && strcmp(value, expected) == 0;
		mem_free(value);
	}
	return is_whole;
}

static bool count_pair(void *arg, struct slice key, struct slice value)
{
	(void)key;
	(void)value;
	(*(uint32_t *)arg)++;
	return true;
}

static _Noreturn void check(const char *path, int report_fd)
{
	const struct kv_options options = {.sync = KV_SYNC_COMMIT};
	struct err_note why = {""};
	uint32_t pair_count = 0;
	uint32_t last = CHECK_FAILED;
	struct kv *kv;

	if (kv_rocksdb_open(&kv, path, &options, &why) < 0) {
		fprintf(stderr, "%s\n", why.text);
	} else {
		last = stored_last(kv);
		kv_scan(kv, SLICE_LITERAL("b"), false, count_pair, &pair_count, NULL);
		for (uint32_t number = 1; number <= last; number++) {
			if (!is_batch_whole(kv, number))
				_exit(4);
		}
		/* Nothing of a batch behind the last one either. */
		if (pair_count != last * KEYS_PER_BATCH)
			_exit(5);
		kv_free(kv);
	}
	(void)!write(report_fd, &last, sizeof(last));
	_exit(0);
}

static pid_t start(void (*child_main)(const char *path, int report_fd), const char *path,
		   int *report_fd)
{
	int report[2];
	pid_t child;

	cr_assert_eq(pipe2(report, O_CLOEXEC), 0);
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0)
		child_main(path, report[1]);
	close(report[1]);
	*report_fd = report[0];
	return child;
}

/* Reads one number, or returns false at the end of the pipe. */
static bool read_number(int fd, uint32_t *out)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	cr_assert_eq(poll(&ready, 1, WAIT_MS_MAX), 1, "the child hangs");
	return read(fd, out, sizeof(*out)) == sizeof(*out);
}

Test(commit_crash, every_acknowledged_batch_survives_kill_9, .timeout = 120)
{
	struct store_fixture fixture;
	uint32_t acknowledged = 0;
	unsigned seed = 20181122;

	store_fixture_begin(&fixture);
	for (int round = 0; round < KILL_COUNT; round++) {
		int wait_acks = 1 + rand_r(&seed) % FIRST_ACKS_MAX;
		unsigned spin = (unsigned)rand_r(&seed) % 200000;
		uint32_t last = 0;
		int report_fd;
		int status;
		pid_t child = start(write_for_ever, fixture.path, &report_fd);

		/* The moment is chosen by progress, so a slow machine is killed in the middle as
		 * well. */
		while (wait_acks-- > 0)
			cr_assert(read_number(report_fd, &acknowledged), "the writer ended");
		for (volatile unsigned turn = 0; turn < spin; turn++)
			continue;
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		while (read_number(report_fd, &acknowledged))
			continue;
		close(report_fd);
		child = start(check, fixture.path, &report_fd);
		cr_assert(read_number(report_fd, &last), "round %d: a batch is not whole", round);
		close(report_fd);
		waitpid(child, &status, 0);
		cr_assert_eq(status, 0);
		cr_expect(last != CHECK_FAILED && last >= acknowledged,
			  "round %d (seed 20181122): %u acknowledged, %u stored", round,
			  acknowledged, last);
	}
	store_fixture_end(&fixture);
}
