#include "core/outbox/outbox_internal.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "outbox_fixture.h"

#include <criterion/criterion.h>

#include <string.h>

/* The real machine, but the n-th append or sync fails, an append after half of its bytes. */
struct faulty {
	struct env env;
	struct env_ops ops;
	int appends_left; /* until the failure; negative: never */
	int syncs_left;
};

static int faulty_append(void *self, int fd, const void *data, size_t length, struct err_note *why)
{
	struct faulty *faulty = self;

	if (faulty->appends_left-- != 0)
		return env_live()->ops->file_append(NULL, fd, data, length, why);
	cr_assert_eq(env_live()->ops->file_append(NULL, fd, data, length / 2, why), 0);
	return err_set(why, ERR_IO, "the disk is full");
}

static int faulty_sync(void *self, int fd, struct err_note *why)
{
	struct faulty *faulty = self;

	if (faulty->syncs_left-- != 0)
		return env_live()->ops->file_sync(NULL, fd, why);
	return err_set(why, ERR_IO, "the disk is gone");
}

static struct outbox_fixture fixture;
static struct faulty faulty;
static struct target *target;
static enum send_end last_end;
static char last_error[128];
static uint32_t delivered_total;

static void on_done(void *arg, uint32_t delivered_count, enum send_end end, const char *error)
{
	(void)arg;
	delivered_total += delivered_count;
	last_end = end;
	snprintf(last_error, sizeof(last_error), "%s", error ? error : "");
}

static void begin(void)
{
	char *path;

	fixture_begin(&fixture, false);
	path = mem_format("%s/out", fixture.state_dir);
	faulty.ops = *env_live()->ops;
	faulty.ops.file_append = faulty_append;
	faulty.ops.file_sync = faulty_sync;
	faulty.env = (struct env){&faulty.ops, &faulty};
	faulty.appends_left = -1;
	faulty.syncs_left = -1;
	target = target_file_new(&faulty.env, path, true);
	target->on_done = on_done;
	mem_free(path);
}

static void end(void)
{
	target->ops->free(target);
	fixture_end(&fixture);
}

TestSuite(target_file, .init = begin, .fini = end);

static void send_both(bool is_recovered)
{
	const struct outbox_row rows[] = {
		{"a1", SLICE_LITERAL("{\"id\":\"a1\"}"), is_recovered},
		{"a2", SLICE_LITERAL("{\"id\":\"a2\"}"), is_recovered},
	};

	target->ops->send(target, rows, 2);
}

Test(target_file, leaves_the_sync_to_the_system_when_told_so)
{
	char *path = mem_format("%s/lazy", fixture.state_dir);
	struct target *lazy = target_file_new(&faulty.env, path, false);
	const struct outbox_row row = {.id = "a1", .body = SLICE_LITERAL("{\"id\":\"a1\"}")};

	lazy->on_done = on_done;
	lazy->ops->send(lazy, &row, 1); /* the first sync is that of the new name */
	cr_expect_eq(last_end, SEND_DELIVERED);
	faulty.syncs_left = 0; /* the next sync would fail */
	lazy->ops->send(lazy, &row, 1);
	cr_expect_eq(last_end, SEND_DELIVERED);
	fixture_expect_file(&fixture, "lazy", "{\"id\":\"a1\"}\n{\"id\":\"a1\"}\n");
	lazy->ops->free(lazy);
	mem_free(path);
}

Test(target_file, a_torn_append_is_ended_and_the_group_written_again)
{
	faulty.appends_left = 0;
	send_both(false);
	cr_expect_eq(last_end, SEND_RETRY);
	cr_expect_not_null(strstr(last_error, "/out: the disk is full"), "%s", last_error);
	cr_expect_eq(delivered_total, 0);
	send_both(false);
	cr_expect_eq(last_end, SEND_DELIVERED);
	cr_expect_eq(delivered_total, 2);
	fixture_expect_file(&fixture, "out", "{\"id\":\"a1\"}\n{\"id\":\"a1\"}\n{\"id\":\"a2\"}\n");
}

Test(target_file, a_row_seen_after_a_failed_sync_is_written_again)
{
	send_both(true);
	faulty.syncs_left = 0;
	send_both(true);
	cr_expect_eq(last_end, SEND_RETRY);
	send_both(true);
	cr_expect_eq(last_end, SEND_DELIVERED);
	cr_expect_eq(delivered_total, 4);
	fixture_expect_file(&fixture, "out",
			    "{\"id\":\"a1\"}\n{\"id\":\"a2\"}\n"
			    "{\"id\":\"a1\"}\n{\"id\":\"a2\"}\n"
			    "{\"id\":\"a1\"}\n{\"id\":\"a2\"}\n");
}

Test(target_file, what_an_earlier_process_wrote_is_synced_before_it_counts)
{
	fixture_write(&fixture, "out", "{\"id\":\"a1\"}\n{\"id\":\"a2\"}\n");
	faulty.syncs_left = 0;
	send_both(true);
	cr_expect_eq(last_end, SEND_RETRY, "nobody knows whether it is on the disk");
	send_both(true);
	cr_expect_eq(last_end, SEND_DELIVERED);
	fixture_expect_file(&fixture, "out",
			    "{\"id\":\"a1\"}\n{\"id\":\"a2\"}\n"
			    "{\"id\":\"a1\"}\n{\"id\":\"a2\"}\n");
}

Test(target_file, a_new_name_is_synced_before_rows_count_also_at_the_second_try)
{
	faulty.syncs_left = 0;
	send_both(false);
	cr_expect_eq(last_end, SEND_RETRY, "the directory could not be synced");
	faulty.syncs_left = 0;
	send_both(false);
	cr_expect_eq(last_end, SEND_RETRY, "again: the first sync is the directory's");
	fixture_expect_file(&fixture, "out", "");
	send_both(false);
	cr_expect_eq(last_end, SEND_DELIVERED);
	fixture_expect_file(&fixture, "out", "{\"id\":\"a1\"}\n{\"id\":\"a2\"}\n");
}

Test(target_file, looks_at_the_end_of_a_long_file_only)
{
	enum { OLD_BYTES = 300 * 1024 };
	char *old = mem_alloc(OLD_BYTES + 1);
	char *text;

	/* One old line, longer than what is looked at, then the first of the two rows. */
	memset(old, 'x', OLD_BYTES);
	memcpy(old + OLD_BYTES - 13, "\n{\"id\":\"a1\"}\n", 13);
	fixture_write(&fixture, "out", old);
	send_both(true);
	cr_expect_eq(last_end, SEND_DELIVERED);
	text = fixture_read(&fixture, "out");
	cr_expect_eq(strlen(text), OLD_BYTES + 12);
	cr_expect_str_eq(text + OLD_BYTES, "{\"id\":\"a2\"}\n");
	mem_free(text);
	mem_free(old);
}
