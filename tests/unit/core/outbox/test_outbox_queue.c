#include "core/outbox/outbox_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "outbox_fixture.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

/* A target that does what the test says: the answer to the n-th send is verdicts[n] ('+'
 * delivered, '-' failed, 'w' failed and not before ten minutes, 'x' refused, '.' no answer yet),
 * the last one for ever. */
struct scripted {
	struct target target;
	const char *verdicts;
	uint32_t send_count;
	int64_t sent_ms[64];
	struct loop *loop;
	struct bytes log; /* ids, in the order of sending */
};

static void scripted_send(struct target *target, const struct outbox_row *rows, uint32_t row_count)
{
	struct scripted *scripted = (struct scripted *)target;
	char verdict = *scripted->verdicts;

	if (scripted->verdicts[1])
		scripted->verdicts++;
	if (scripted->send_count < 64)
		scripted->sent_ms[scripted->send_count] = loop_mono_ms(scripted->loop);
	scripted->send_count++;
	for (uint32_t index = 0; index < row_count; index++)
		bytes_append_format(&scripted->log, "%s ", rows[index].id);
	if (verdict == '+')
		target_finish(target, row_count, SEND_DELIVERED, NULL);
	else if (verdict == '-')
		target_finish(target, 0, SEND_RETRY, "not now");
	else if (verdict == 'w') {
		target->wait_ms = 600000;
		target_finish(target, 0, SEND_RETRY, "in ten minutes");
	} else if (verdict == 'x')
		target_finish(target, 0, SEND_REFUSED, "never");
}

static void scripted_free(struct target *target)
{
	(void)target;
}

static const struct target_ops scripted_ops = {2, 100, scripted_send, scripted_free};
static const struct target_ops single_ops = {1, 100, scripted_send, scripted_free};

static struct outbox_fixture fixture;
static struct outbox_queue *queue;
static struct scripted scripted;

static struct outbox_options options_of_fixture(void)
{
	return (struct outbox_options){
		.kv = fixture.kv, .commit = fixture.commit, .loop = fixture.loop};
}

static void begin(void)
{
	struct outbox_options options;

	fixture_begin(&fixture, false);
	options = options_of_fixture();
	queue = outbox_queue_new(&options, "hook");
	scripted = (struct scripted){
		.target = {.ops = &scripted_ops}, .verdicts = "+", .loop = fixture.loop};
	outbox_queue_set_target(queue, &scripted.target, "scripted");
}

static void end(void)
{
	outbox_queue_free(queue);
	bytes_deinit(&scripted.log);
	fixture_end(&fixture);
}

TestSuite(outbox_queue, .init = begin, .fini = end);

struct outcome {
	int delivered, failed;
	char error[64];
};

static void on_sent(void *arg, bool is_delivered, const char *error)
{
	struct outcome *outcome = arg;

	if (is_delivered)
		outcome->delivered++;
	else
		outcome->failed++;
	snprintf(outcome->error, sizeof(outcome->error), "%s", error ? error : "");
}

static void put(const char *id, struct outcome *outcome)
{
	cr_assert_eq(outbox_queue_put(queue, id, SLICE_LITERAL("{}"), outcome ? on_sent : NULL,
				      outcome, NULL),
		     0);
	commit_kick(fixture.commit);
}

static struct outbox_status status(void)
{
	struct outbox_status result;

	outbox_queue_status(queue, &result);
	return result;
}

static const char *sent_ids(void)
{
	return scripted.log.data ? scripted.log.data : "";
}

Test(outbox_queue, tells_the_sender_of_each_row_once)
{
	struct outcome first = {0};
	struct outcome second = {0};

	scripted.verdicts = "-+x";
	put("a", &first);
	fixture_settle(&fixture);
	cr_expect_eq(first.delivered + first.failed, 0);
	loop_virtual_advance(fixture.loop, 500);
	cr_expect(first.delivered == 1 && first.failed == 0);
	put("b", &second);
	fixture_settle(&fixture);
	cr_expect(second.delivered == 0 && second.failed == 1);
	cr_expect_str_eq(second.error, "never");
	cr_expect_str_eq(sent_ids(), "a a b ");
}

Test(outbox_queue, backs_off_with_full_jitter_up_to_a_minute)
{
	int64_t limit_ms = 500;
	bool has_spread = false;

	scripted.verdicts = "-";
	put("a", NULL);
	for (int step = 0; step < 60; step++)
		loop_virtual_advance(fixture.loop, 60000);
	cr_assert_geq(scripted.send_count, 40);
	for (uint32_t attempt = 1; attempt < 40; attempt++) {
		int64_t waited_ms = scripted.sent_ms[attempt] - scripted.sent_ms[attempt - 1];

		cr_expect(waited_ms >= 1 && waited_ms <= limit_ms, "attempt %u after %lld ms",
			  attempt, (long long)waited_ms);
		has_spread = has_spread || waited_ms < limit_ms / 2;
		limit_ms = limit_ms * 2 < 60000 ? limit_ms * 2 : 60000;
	}
	cr_expect(has_spread);
	cr_expect_eq(status().retries, scripted.send_count);
	cr_expect_str_eq(status().last_error, "not now");
}

Test(outbox_queue, later_rows_wait_behind_one_that_fails)
{
	scripted.verdicts = "-+";
	put("a", NULL);
	fixture_settle(&fixture);
	put("b", NULL);
	put("c", NULL);
	fixture_settle(&fixture);
	cr_expect_str_eq(sent_ids(), "a ");
	loop_virtual_advance(fixture.loop, 500);
	cr_expect_str_eq(sent_ids(), "a a b c ", "it is %s", sent_ids());
}

Test(outbox_queue, a_refused_row_becomes_a_dead_letter_and_the_next_goes)
{
	struct bytes key = BYTES_EMPTY;
	struct bytes value = BYTES_EMPTY;
	struct outbox_record record = {0};

	scripted.verdicts = "x+";
	put("a", NULL);
	put("b", NULL);
	fixture_settle(&fixture);
	cr_expect_str_eq(sent_ids(), "a b b ");
	cr_expect_eq(status().dead, 1);
	cr_expect_eq(status().sent, 1);
	cr_expect_eq(fixture_count(&fixture, KEYSPACE_OUTBOX), 0);
	key_begin(&key, KEYSPACE_OUTBOX_DEAD);
	key_add_text(&key, "hook");
	key_add_u64(&key, 1);
	cr_assert_eq(kv_get(fixture.kv, bytes_slice(&key), &value, NULL), 0);
	cr_assert_eq(outbox_record_decode(bytes_slice(&value), &record, NULL), 0);
	cr_expect_str_eq(record.id, "a");
	cr_expect_str_eq(record.body, "{}");
	cr_expect_eq(record.created_ms, FIXTURE_WALL_MS);
	cr_expect_not_null(memmem(value.data, value.length, "never", 5));
	outbox_record_deinit(&record);
	bytes_deinit(&key);
	bytes_deinit(&value);
}

Test(outbox_queue, gives_up_after_a_day_of_failures_but_not_at_the_first)
{
	scripted.verdicts = ".";
	put("a", NULL);
	fixture_settle(&fixture);
	/* The target hangs for a day; then it is replaced and fails. */
	loop_virtual_advance(fixture.loop, OUTBOX_AGE_MAX_MS + 1);
	cr_expect_eq(status().oldest_ms, OUTBOX_AGE_MAX_MS + 1);
	scripted.verdicts = "-";
	outbox_queue_set_target(queue, &scripted.target, "scripted");
	fixture_settle(&fixture);
	cr_expect_eq(status().dead, 0, "the first failure of a row that waited long");
	loop_virtual_advance(fixture.loop, 60000);
	cr_expect_eq(status().dead, 1);
	cr_expect_eq(status().retries, 5);
	cr_expect_eq(status().waiting, 0);
}

Test(outbox_queue, a_replaced_target_gets_what_was_on_its_way)
{
	scripted.verdicts = ".+";
	put("a", NULL);
	fixture_settle(&fixture);
	put("b", NULL);
	fixture_settle(&fixture);
	cr_expect_str_eq(sent_ids(), "a ");
	outbox_queue_set_target(queue, &scripted.target, "scripted");
	fixture_settle(&fixture);
	cr_expect_str_eq(sent_ids(), "a a b ");
}

Test(outbox_queue, a_damaged_row_is_dropped_and_counted_and_the_next_goes)
{
	struct kv_batch *batch = kv_batch_new();
	struct bytes key = BYTES_EMPTY;

	put("a", NULL);
	put("b", NULL);
	key_begin(&key, KEYSPACE_OUTBOX);
	key_add_text(&key, "hook");
	key_add_u64(&key, 1);
	kv_batch_put(batch, bytes_slice(&key), SLICE_LITERAL("not a sealed value"));
	cr_assert_eq(kv_write(fixture.kv, batch, NULL), 0);
	fixture_settle(&fixture);
	cr_expect_str_eq(sent_ids(), "b ");
	cr_expect_eq(status().dead, 1);
	cr_expect_eq(fixture_count(&fixture, KEYSPACE_OUTBOX), 0);
	bytes_deinit(&key);
	kv_batch_free(batch);
}

Test(outbox_queue, full_queue_refuses_the_newest_to_the_dead_letters)
{
	struct outcome outcome = {0};
	struct err_note why = {""};

	outbox_queue_set_target(queue, NULL, "none");
	for (int row = 0; row < OUTBOX_ROWS_MAX; row++)
		cr_assert_eq(outbox_queue_put(queue, "a", SLICE_LITERAL("1"), NULL, NULL, NULL), 0);
	cr_expect_eq(outbox_queue_put(queue, "last", SLICE_LITERAL("1"), on_sent, &outcome, &why),
		     ERR_FULL);
	commit_kick(fixture.commit);
	cr_expect_eq(status().waiting, OUTBOX_ROWS_MAX);
	cr_expect_eq(status().refused, 1);
	cr_expect_eq(status().dead, 1);
	cr_expect_eq(fixture_count(&fixture, KEYSPACE_OUTBOX_DEAD), 1);
	cr_expect_eq(fixture_count(&fixture, KEYSPACE_OUTBOX), OUTBOX_ROWS_MAX);
	cr_expect_eq(outcome.delivered + outcome.failed, 0);
}

Test(outbox_queue, keeps_a_bounded_number_of_dead_letters)
{
	scripted.verdicts = "x";
	for (int row = 0; row < OUTBOX_DEAD_MAX + 3; row++) {
		put("a", NULL);
		loop_virtual_turn(fixture.loop);
	}
	fixture_settle(&fixture);
	cr_expect_eq(status().dead, OUTBOX_DEAD_MAX + 3);
	cr_expect_eq(fixture_count(&fixture, KEYSPACE_OUTBOX_DEAD), OUTBOX_DEAD_MAX);
}

Test(outbox_queue, a_restart_numbers_on_behind_dead_letters)
{
	scripted.verdicts = "x";
	put("dead", NULL);
	fixture_settle(&fixture);
	fixture_add_output(&fixture, "hook", OUTPUT_FILE, "hook.jsonl");
	fixture_start(&fixture);
	fixture_configure(&fixture);
	cr_expect_eq(fixture_status(&fixture, "hook").dead, 1);
	fixture_put(&fixture, "hook", "b", "2");
	fixture_settle(&fixture);
	fixture_expect_file(&fixture, "hook.jsonl", "2\n");
	cr_expect_eq(fixture_count(&fixture, KEYSPACE_OUTBOX_DEAD), 1);
}

/* ---- rates ---- */

Test(outbox_queue, rows_beyond_the_targets_rate_wait_and_none_is_lost)
{
	static const struct rate rate = {4, 60000}; /* one token, three more a minute */

	rate_limit_init(&scripted.target.limit, &rate, 1, loop_mono_ms(fixture.loop));
	for (int index = 0; index < 6; index++) {
		char id[16];

		snprintf(id, sizeof(id), "r%d", index);
		put(id, NULL);
	}
	fixture_settle(&fixture);
	cr_expect_str_eq(sent_ids(), "r0 r1 ");
	cr_expect_eq(status().held, 1);
	loop_virtual_advance(fixture.loop, 19999);
	cr_expect_str_eq(sent_ids(), "r0 r1 ");
	loop_virtual_advance(fixture.loop, 1);
	cr_expect_str_eq(sent_ids(), "r0 r1 r2 r3 ");
	loop_virtual_advance(fixture.loop, 20000);
	cr_expect_str_eq(sent_ids(), "r0 r1 r2 r3 r4 r5 ");
	cr_expect_eq(status().sent, 6);
	cr_expect_eq(status().held, 2);
	cr_expect_eq(status().waiting, 0);
}

Test(outbox_queue, a_repetition_takes_from_the_rate_too)
{
	static const struct rate rate = {1, 600000};

	scripted.verdicts = "-+";
	rate_limit_init(&scripted.target.limit, &rate, 1, loop_mono_ms(fixture.loop));
	put("a", NULL);
	loop_virtual_advance(fixture.loop, 599999);
	cr_expect_str_eq(sent_ids(), "a ");
	loop_virtual_advance(fixture.loop, 2);
	cr_expect_str_eq(sent_ids(), "a a ");
	cr_expect_eq(status().sent, 1);
}

Test(outbox_queue, a_target_that_names_a_time_is_left_alone_until_then)
{
	scripted.verdicts = "w-+";
	put("a", NULL);
	loop_virtual_advance(fixture.loop, 599999);
	cr_expect_str_eq(sent_ids(), "a ");
	loop_virtual_advance(fixture.loop, 1);
	cr_expect_str_eq(sent_ids(), "a a ");
	/* The next failure names none: the usual back-off again. */
	loop_virtual_advance(fixture.loop, 2000);
	cr_expect_str_eq(sent_ids(), "a a a ");
}

/* ---- the gate ---- */

/** Lets nothing out whose id begins with 'n'. */
static bool may_send(void *arg, const char *output, const char *id, struct slice body, char *reason)
{
	int *asked = arg;

	++*asked;
	cr_expect_str_eq(output, "hook");
	cr_expect(slice_equal(body, SLICE_LITERAL("{}")));
	snprintf(reason, OUTBOX_REASON_BYTES, "acknowledged meanwhile");
	return id[0] != 'n';
}

Test(outbox_queue, what_the_gate_does_not_let_out_is_neither_sent_nor_dead)
{
	static const struct rate rate = {1, 60000};
	int asked = 0;
	const struct outbox_gate gate = {.may_send = may_send, .arg = &asked};
	struct outbox_options options = options_of_fixture();
	struct outcome outcome = {0};

	options.gate = &gate;
	outbox_queue_free(queue);
	queue = outbox_queue_new(&options, "hook");
	scripted.target.ops = &single_ops;
	rate_limit_init(&scripted.target.limit, &rate, 1, loop_mono_ms(fixture.loop));
	outbox_queue_set_target(queue, &scripted.target, "scripted");
	put("n1", &outcome);
	put("n2", NULL);
	put("y1", NULL);
	fixture_settle(&fixture);
	/* What is dropped takes nothing from the rate. */
	cr_expect_str_eq(sent_ids(), "y1 ");
	cr_expect_eq(outcome.failed, 1);
	cr_expect_str_eq(outcome.error, "acknowledged meanwhile");
	cr_expect_eq(status().dropped, 2);
	cr_expect_eq(status().dead, 0);
	cr_expect_eq(status().waiting, 0);
	cr_expect_eq(fixture_count(&fixture, KEYSPACE_OUTBOX), 0);
	cr_expect_eq(asked, 3);
}

Test(outbox_queue, the_gate_is_asked_again_at_each_attempt)
{
	int asked = 0;
	const struct outbox_gate gate = {.may_send = may_send, .arg = &asked};
	struct outbox_options options = options_of_fixture();

	options.gate = &gate;
	outbox_queue_free(queue);
	queue = outbox_queue_new(&options, "hook");
	scripted.target.ops = &single_ops;
	scripted.verdicts = "--+";
	outbox_queue_set_target(queue, &scripted.target, "scripted");
	put("y1", NULL);
	loop_virtual_advance(fixture.loop, 10000);
	cr_expect_str_eq(sent_ids(), "y1 y1 y1 ");
	cr_expect_eq(asked, 3);
}

static void on_end(void *arg, const char *output, const char *id, struct slice body,
		   const char *error)
{
	struct bytes *told = arg;

	cr_expect_str_eq(output, "hook");
	cr_expect(slice_equal(body, SLICE_LITERAL("{}")));
	bytes_append_format(told, "%s %s; ", id, error ? error : "delivered");
}

static bool may_always(void *arg, const char *output, const char *id, struct slice body,
		       char *reason)
{
	(void)arg, (void)output, (void)id, (void)body;
	reason[0] = '\0';
	return true;
}

Test(outbox_queue, who_owns_the_gate_hears_what_became_of_rows_of_an_earlier_process_too)
{
	struct bytes told = BYTES_EMPTY;
	const struct outbox_gate gate = {.may_send = may_always, .arg = &told, .on_end = on_end};
	struct outbox_options options = options_of_fixture();

	outbox_queue_set_target(queue, NULL, "none");
	put("a", NULL);
	fixture_settle(&fixture);
	outbox_queue_free(queue);
	options.gate = &gate;
	queue = outbox_queue_new(&options, "hook");
	outbox_queue_recover(queue, &(struct outbox_waiting){.sequence = 1, .is_recovered = true});
	scripted.target.ops = &single_ops;
	scripted.verdicts = "+x";
	outbox_queue_set_target(queue, &scripted.target, "scripted");
	put("b", NULL);
	fixture_settle(&fixture);
	cr_expect_not_null(strstr(told.data, "a delivered; b "), "%s", told.data);
	cr_expect_null(strstr(told.data, "b delivered"), "%s", told.data);
	bytes_deinit(&told);
}
