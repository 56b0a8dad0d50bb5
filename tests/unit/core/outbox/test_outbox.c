#include "core/outbox/outbox.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/outbox/outbox_internal.h"
#include "outbox_fixture.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static struct outbox_fixture fixture;

static void begin(void)
{
	fixture_begin(&fixture, false);
	fixture_add_output(&fixture, "alerts", OUTPUT_FILE, "alerts.jsonl");
	fixture_start(&fixture);
	fixture_configure(&fixture);
}

static void end(void)
{
	fixture_end(&fixture);
}

TestSuite(outbox, .init = begin, .fini = end);

Test(outbox, sends_rows_in_order_and_deletes_them)
{
	fixture_put(&fixture, "alerts", "a1", "{\"id\":\"a1\"}");
	fixture_put(&fixture, "alerts", "a2", "{\"id\":\"a2\",\"v\":0.1}");
	cr_expect_eq(fixture_count(&fixture, KEYSPACE_OUTBOX), 2);
	fixture_settle(&fixture);
	fixture_expect_file(&fixture, "alerts.jsonl",
			    "{\"id\":\"a1\"}\n{\"id\":\"a2\",\"v\":0.1}\n");
	cr_expect_eq(fixture_count(&fixture, KEYSPACE_OUTBOX), 0);
	cr_expect_eq(fixture_status(&fixture, "alerts").sent, 2);
}

Test(outbox, sends_nothing_before_it_is_durable)
{
	cr_assert_eq(
		outbox_put(fixture.outbox, "alerts", "a1", SLICE_LITERAL("{}"), NULL, NULL, NULL),
		0);
	fixture_settle(&fixture);
	fixture_expect_file(&fixture, "alerts.jsonl", "");
	commit_kick(fixture.commit);
	fixture_settle(&fixture);
	fixture_expect_file(&fixture, "alerts.jsonl", "{}\n");
}

static int put(const char *target, const char *id, struct slice body)
{
	return outbox_put(fixture.outbox, target, id, body, NULL, NULL, NULL);
}

Test(outbox, refuses_what_it_cannot_send)
{
	char id[258];
	char *body = mem_alloc(OUTBOX_BODY_BYTES_MAX + 1);

	memset(id, 'i', 257);
	id[257] = '\0';
	memset(body, ' ', OUTBOX_BODY_BYTES_MAX + 1);
	cr_expect_eq(put("elsewhere", "a", SLICE_LITERAL("{}")), ERR_NOT_FOUND);
	cr_expect_eq(put("alerts", "", SLICE_LITERAL("{}")), ERR_INVALID);
	cr_expect_eq(put("alerts", "a b", SLICE_LITERAL("{}")), ERR_INVALID);
	cr_expect_eq(put("alerts", "a\r\nHost:", SLICE_LITERAL("{}")), ERR_INVALID);
	cr_expect_eq(put("alerts", id, SLICE_LITERAL("{}")), ERR_INVALID);
	cr_expect_eq(put("alerts", "a", SLICE_LITERAL("")), ERR_INVALID);
	cr_expect_eq(put("alerts", "a", SLICE_LITERAL("{\n}")), ERR_INVALID);
	cr_expect_eq(put("alerts", "a", SLICE_LITERAL("{\0}")), ERR_INVALID);
	cr_expect_eq(put("alerts", "a", SLICE_LITERAL("\"\xff\"")), ERR_INVALID);
	cr_expect_eq(put("alerts", "a", (struct slice){body, OUTBOX_BODY_BYTES_MAX + 1}),
		     ERR_RANGE);
	cr_expect_eq(kv_batch_count(commit_batch(fixture.commit)), 0);
	cr_expect_eq(put("alerts", id + 1, SLICE_LITERAL("{}")), 0, "256 bytes of id");
	cr_expect_eq(put("alerts", "a", (struct slice){body, OUTBOX_BODY_BYTES_MAX}), 0);
	mem_free(body);
}

Test(outbox, keeps_unsent_rows_over_a_restart_until_their_target_is_named)
{
	fixture_put(&fixture, "alerts", "a1", "{\"id\":\"a1\"}");
	fixture_restart(&fixture);
	fixture_settle(&fixture);
	fixture_expect_file(&fixture, "alerts.jsonl", "");
	cr_expect_eq(fixture_status(&fixture, "alerts").waiting, 1);
	cr_expect_str_eq(fixture_status(&fixture, "alerts").kind, "none");
	fixture_configure(&fixture);
	fixture_put(&fixture, "alerts", "a2", "{\"id\":\"a2\"}");
	fixture_settle(&fixture);
	fixture_expect_file(&fixture, "alerts.jsonl", "{\"id\":\"a1\"}\n{\"id\":\"a2\"}\n");
}

Test(outbox, does_not_repeat_rows_that_stand_at_the_end_of_the_file)
{
	/* As a crash between the append and the deletion leaves it. */
	fixture_put(&fixture, "alerts", "a1", "{\"id\":\"a1\"}");
	fixture_put(&fixture, "alerts", "a2", "{\"id\":\"a2\"}");
	fixture_put(&fixture, "alerts", "a3", "{\"id\":\"a3\"}");
	fixture_write(&fixture, "alerts.jsonl", "{\"id\":\"a1\"}\n{\"id\":\"a2\"}\n");
	fixture_restart(&fixture);
	fixture_configure(&fixture);
	fixture_settle(&fixture);
	fixture_expect_file(&fixture, "alerts.jsonl",
			    "{\"id\":\"a1\"}\n{\"id\":\"a2\"}\n{\"id\":\"a3\"}\n");
	cr_expect_eq(fixture_status(&fixture, "alerts").sent, 3);
	cr_expect_eq(fixture_count(&fixture, KEYSPACE_OUTBOX), 0);
}

Test(outbox, ends_a_torn_line_before_it_writes_the_row_again)
{
	fixture_put(&fixture, "alerts", "a1", "{\"id\":\"a1\"}");
	fixture_write(&fixture, "alerts.jsonl", "{\"id\":\"a0\"}\n{\"id\":\"a");
	fixture_restart(&fixture);
	fixture_configure(&fixture);
	fixture_settle(&fixture);
	fixture_expect_file(&fixture, "alerts.jsonl",
			    "{\"id\":\"a0\"}\n{\"id\":\"a\n{\"id\":\"a1\"}\n");
}

Test(outbox, takes_a_last_line_that_lacks_only_its_end_as_written)
{
	fixture_put(&fixture, "alerts", "a1", "{\"id\":\"a1\"}");
	fixture_put(&fixture, "alerts", "a2", "{\"id\":\"a2\"}");
	fixture_write(&fixture, "alerts.jsonl", "{\"id\":\"a1\"}");
	fixture_restart(&fixture);
	fixture_configure(&fixture);
	fixture_settle(&fixture);
	fixture_expect_file(&fixture, "alerts.jsonl", "{\"id\":\"a1\"}\n{\"id\":\"a2\"}\n");
}

Test(outbox, repeats_equal_rows_that_do_not_carry_their_id)
{
	fixture_put(&fixture, "alerts", "a1", "{\"text\":\"same\"}");
	fixture_write(&fixture, "alerts.jsonl", "{\"text\":\"same\"}\n");
	fixture_restart(&fixture);
	fixture_configure(&fixture);
	fixture_settle(&fixture);
	fixture_expect_file(&fixture, "alerts.jsonl", "{\"text\":\"same\"}\n{\"text\":\"same\"}\n");
}

Test(outbox, new_rows_are_never_taken_as_written)
{
	fixture_write(&fixture, "alerts.jsonl", "{\"id\":\"a1\"}\n");
	fixture_put(&fixture, "alerts", "a1", "{\"id\":\"a1\"}");
	fixture_settle(&fixture);
	fixture_expect_file(&fixture, "alerts.jsonl", "{\"id\":\"a1\"}\n{\"id\":\"a1\"}\n");
}

Test(outbox, follows_a_rotated_file)
{
	char *from = mem_format("%s/alerts.jsonl", fixture.state_dir);
	char *to = mem_format("%s/alerts.1", fixture.state_dir);

	fixture_put(&fixture, "alerts", "a1", "1");
	fixture_settle(&fixture);
	cr_assert_eq(rename(from, to), 0);
	fixture_put(&fixture, "alerts", "a2", "2");
	fixture_settle(&fixture);
	fixture_expect_file(&fixture, "alerts.1", "1\n");
	fixture_expect_file(&fixture, "alerts.jsonl", "2\n");
	mem_free(from);
	mem_free(to);
}

Test(outbox, tries_again_when_a_directory_appears)
{
	char *directory = mem_format("%s/later", fixture.state_dir);

	fixture_add_output(&fixture, "late", OUTPUT_FILE, "later/out.jsonl");
	fixture_configure(&fixture);
	fixture_put(&fixture, "late", "a1", "1");
	fixture_put(&fixture, "alerts", "a1", "1");
	fixture_settle(&fixture);
	fixture_expect_file(&fixture, "alerts.jsonl", "1\n");
	cr_expect_eq(fixture_status(&fixture, "late").waiting, 1);
	cr_expect_eq(fixture_status(&fixture, "late").retries, 1);
	cr_expect_not_null(strstr(fixture_status(&fixture, "late").last_error, "later/out.jsonl"));
	cr_assert_eq(mkdir(directory, 0700), 0);
	loop_virtual_advance(fixture.loop, 60000);
	fixture_expect_file(&fixture, "later/out.jsonl", "1\n");
	cr_expect_null(fixture_status(&fixture, "late").last_error);
	mem_free(directory);
}

Test(outbox, rows_of_a_removed_target_wait_for_its_return)
{
	fixture_put(&fixture, "alerts", "a1", "1");
	fixture.config.output_count = 0;
	fixture_configure(&fixture);
	fixture_settle(&fixture);
	cr_expect_eq(put("alerts", "a2", SLICE_LITERAL("2")), ERR_NOT_FOUND);
	cr_expect_eq(fixture_status(&fixture, "alerts").waiting, 1);
	fixture.config.output_count = 1;
	fixture_configure(&fixture);
	fixture_settle(&fixture);
	fixture_expect_file(&fixture, "alerts.jsonl", "1\n");
	fixture.config.output_count = 0;
	fixture_configure(&fixture);
	cr_expect_null(fixture_status(&fixture, "alerts").target, "an empty queue is forgotten");
}

Test(outbox, a_refused_configuration_changes_nothing)
{
	struct err_note why = {""};

	fixture.config.output_count = 0;
	fixture_add_output(&fixture, "hook", OUTPUT_WEBHOOK, "http://127.0.0.1:1/");
	fixture.outputs[0].secret = "file:/nonexistent/secret";
	cr_expect_lt(outbox_configure(fixture.outbox, &fixture.config, &why), 0);
	cr_expect_not_null(strstr(why.text, "output \"hook\""), "%s", why.text);
	fixture_put(&fixture, "alerts", "a1", "1");
	fixture_settle(&fixture);
	fixture_expect_file(&fixture, "alerts.jsonl", "1\n");
}

Test(outbox, many_rows_leave_in_groups)
{
	enum { ROWS = 1000 };
	struct bytes expected = BYTES_EMPTY;

	for (int row = 0; row < ROWS; row++) {
		char text[16];

		snprintf(text, sizeof(text), "%d", row);
		cr_assert_eq(put("alerts", "a", slice_of(text)), 0);
		bytes_append_format(&expected, "%d\n", row);
	}
	commit_kick(fixture.commit);
	fixture_settle(&fixture);
	fixture_expect_file(&fixture, "alerts.jsonl", expected.data);
	bytes_deinit(&expected);
}
