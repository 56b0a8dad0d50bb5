#include "commit_fixture.h"
#include "storage/kv.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include <sched.h>
#include <string.h>

Test(commit, inline_writes_at_once_and_in_order)
{
	struct bench bench;
	struct note a = {&bench, 'a', false, NULL};
	struct note b = {&bench, 'b', false, NULL};
	struct commit_usage usage;

	bench_begin(&bench, false);
	bench_put(&bench, "k");
	commit_after(bench.commit, bench_on_durable, &a);
	commit_after(bench.commit, bench_on_durable, &b);
	cr_expect_not(bench_has(&bench, "k"));
	commit_kick(bench.commit);
	cr_expect(bench_has(&bench, "k"));
	cr_expect_str_eq(bench_events(&bench), "ab");
	commit_kick(bench.commit);
	commit_usage(bench.commit, &usage);
	cr_expect_eq(usage.commit_count, 1, "a kick without content writes nothing");
	cr_expect_eq(usage.put_count, 1);
	cr_expect_eq(usage.bytes, 2);
	bench_end(&bench);
}

Test(commit, inline_callback_may_add_and_kick)
{
	struct bench bench;
	struct note last = {&bench, 'c', false, NULL};
	struct note first = {&bench, 'a', true, &last};
	struct note second = {&bench, 'b', false, NULL};

	bench_begin(&bench, false);
	bench_put(&bench, "k");
	commit_after(bench.commit, bench_on_durable, &first);
	commit_after(bench.commit, bench_on_durable, &second);
	commit_kick(bench.commit);
	cr_expect_str_eq(bench_events(&bench), "a.bc", "it is %s", bench_events(&bench));
	cr_expect(bench_has(&bench, "from callback"));
	bench_end(&bench);
}

Test(commit, waiters_without_content_are_called_too)
{
	struct bench bench;
	struct note a = {&bench, 'a', false, NULL};

	bench_begin(&bench, true);
	commit_after(bench.commit, bench_on_durable, &a);
	cr_assert_eq(commit_flush(bench.commit, NULL), 0);
	cr_expect_str_eq(bench_events(&bench), "a");
	bench_end(&bench);
}

Test(commit, gathers_while_one_write_is_in_flight)
{
	struct bench bench;
	struct note a = {&bench, 'a', false, NULL};
	struct note b = {&bench, 'b', false, NULL};
	struct commit_usage usage;

	bench_begin(&bench, true);
	bench.store.is_gated = true;
	bench_put(&bench, "first");
	commit_after(bench.commit, bench_on_durable, &a);
	commit_kick(bench.commit);
	bench_put(&bench, "second");
	commit_after(bench.commit, bench_on_durable, &b);
	commit_kick(bench.commit);
	bench_put(&bench, "third");
	commit_poll(bench.commit);
	cr_expect_str_eq(bench_events(&bench), "", "nothing is durable yet");
	sem_post(&bench.store.may_write);
	sem_wait(&bench.woken);
	commit_poll(bench.commit);
	cr_expect_str_eq(bench_events(&bench), "a");
	cr_expect(bench_has(&bench, "first"));
	cr_expect_not(bench_has(&bench, "third"));
	sem_post(&bench.store.may_write);
	sem_wait(&bench.woken);
	commit_poll(bench.commit);
	cr_expect_str_eq(bench_events(&bench), "ab");
	cr_expect(bench_has(&bench, "second") && bench_has(&bench, "third"));
	commit_usage(bench.commit, &usage);
	cr_expect_eq(usage.commit_count, 2);
	bench_end(&bench);
}

Test(commit, flush_waits_for_the_flight_and_the_gathered)
{
	struct bench bench;
	struct note last = {&bench, 'c', false, NULL};
	struct note a = {&bench, 'a', false, NULL};
	struct note b = {&bench, 'b', true, &last};

	bench_begin(&bench, true);
	bench_put(&bench, "first");
	commit_after(bench.commit, bench_on_durable, &a);
	commit_kick(bench.commit);
	bench_put(&bench, "second");
	commit_after(bench.commit, bench_on_durable, &b);
	cr_assert_eq(commit_flush(bench.commit, NULL), 0);
	cr_expect_str_eq(bench_events(&bench), "ab.c", "what a callback kicks is flushed too");
	cr_expect(bench_has(&bench, "from callback"));
	bench_end(&bench);
}

static void check_failure(bool is_threaded)
{
	struct bench bench;
	struct note a = {&bench, 'a', false, NULL};
	struct note b = {&bench, 'b', false, NULL};
	struct commit_usage usage;
	struct err_note why = {""};

	bench_begin(&bench, is_threaded);
	bench.store.writes_left = 1;
	bench_put(&bench, "good");
	commit_after(bench.commit, bench_on_durable, &a);
	cr_assert_eq(commit_flush(bench.commit, NULL), 0);
	bench_put(&bench, "bad");
	commit_after(bench.commit, bench_on_durable, &b);
	cr_expect_eq(commit_flush(bench.commit, &why), ERR_IO);
	cr_expect_str_eq(why.text, "The test's disk is gone.");
	bench_put(&bench, "after");
	commit_after(bench.commit, bench_on_durable, &b);
	commit_kick(bench.commit);
	commit_poll(bench.commit);
	cr_expect_eq(commit_flush(bench.commit, NULL), ERR_IO);
	cr_expect_str_eq(bench_events(&bench), "a", "no callback of a failed write or after it");
	cr_expect_eq(bench.failure_count, 1);
	cr_expect_str_eq(bench.failure, "The test's disk is gone.");
	cr_expect_not(bench_has(&bench, "bad") || bench_has(&bench, "after"));
	commit_usage(bench.commit, &usage);
	cr_expect(usage.has_failed);
	bench_end(&bench);
}

Test(commit, failure_is_final_inline)
{
	check_failure(false);
}

Test(commit, failure_is_final_threaded)
{
	check_failure(true);
}

Test(commit, failed_flight_is_reported_by_poll)
{
	struct bench bench;

	bench_begin(&bench, true);
	bench.store.writes_left = 0;
	bench_put(&bench, "bad");
	commit_kick(bench.commit);
	sem_wait(&bench.woken);
	cr_expect_eq(bench.failure_count, 0, "the writer thread does not call it");
	commit_poll(bench.commit);
	cr_expect_eq(bench.failure_count, 1);
	bench_end(&bench);
}

Test(commit, a_late_sync_that_fails_is_logged_with_its_reason_and_is_final)
{
	struct bench bench;
	char line[256] = "";

	cr_redirect_stderr();
	bench_begin(&bench, true);
	bench.store.is_idle_broken = true;
	bench_put(&bench, "good");
	cr_assert_eq(commit_flush(bench.commit, NULL), 0);
	sem_wait(&bench.store.has_idled);
	while (!atomic_load(&bench.store.kv.has_failed))
		sched_yield();
	bench_put(&bench, "bad");
	cr_expect_eq(commit_flush(bench.commit, NULL), ERR_IO);
	cr_expect_eq(bench.failure_count, 1);
	cr_expect_not(bench_has(&bench, "bad"));
	bench_end(&bench);
	fflush(stderr);
	cr_expect_not_null(fgets(line, sizeof(line), cr_get_redirected_stderr()));
	cr_expect_not_null(strstr(line, "The test's disk cannot sync."), "%s", line);
}

Test(commit, free_ends_a_flight_without_its_callbacks)
{
	struct bench bench;
	struct note a = {&bench, 'a', false, NULL};

	bench_begin(&bench, true);
	bench_put(&bench, "in flight");
	commit_after(bench.commit, bench_on_durable, &a);
	commit_kick(bench.commit);
	bench_put(&bench, "never kicked");
	commit_free(bench.commit);
	bench.commit = NULL;
	cr_expect(bench_has(&bench, "in flight"));
	cr_expect_not(bench_has(&bench, "never kicked"));
	cr_expect_str_eq(bench_events(&bench), "");
	bench_end(&bench);
}

static void count_call(void *arg)
{
	(*(unsigned *)arg)++;
}

Test(commit, thousands_of_rounds_lose_and_repeat_nothing)
{
	enum { ROUNDS = 3000 };
	struct bench bench;
	unsigned called = 0;

	bench_begin(&bench, true);
	for (unsigned round = 0; round < ROUNDS; round++) {
		char key[16];

		snprintf(key, sizeof(key), "%u", round);
		bench_put(&bench, key);
		commit_after(bench.commit, count_call, &called);
		commit_kick(bench.commit);
		commit_poll(bench.commit);
	}
	cr_assert_eq(commit_flush(bench.commit, NULL), 0);
	cr_expect_eq(called, ROUNDS);
	for (unsigned round = 0; round < ROUNDS; round++) {
		char key[16];

		snprintf(key, sizeof(key), "%u", round);
		cr_expect(bench_has(&bench, key));
	}
	bench_end(&bench);
}

static void add_kept_back(void *arg)
{
	struct bench *bench = arg;

	bytes_append_char(&bench->events, 'b');
	bench_put(bench, "kept");
}

Test(commit, what_was_kept_back_is_in_the_batch_that_is_written_next)
{
	for (int is_threaded = 0; is_threaded <= 1; is_threaded++) {
		struct bench bench;

		bench_begin(&bench, is_threaded != 0);
		commit_before(bench.commit, add_kept_back, &bench);
		bench_put(&bench, "other");
		cr_assert_eq(commit_flush(bench.commit, NULL), 0);
		cr_expect_eq(bench.events.length, 0, "nothing was kept back");
		commit_keep_back(bench.commit);
		cr_assert_eq(commit_flush(bench.commit, NULL), 0, "that alone is a batch");
		cr_expect_str_eq(bench.events.data, "b");
		cr_expect(bench_has(&bench, "kept"));
		cr_assert_eq(commit_flush(bench.commit, NULL), 0);
		cr_expect_str_eq(bench.events.data, "b", "once");
		commit_before(bench.commit, NULL, NULL);
		commit_keep_back(bench.commit);
		cr_expect_eq(commit_flush(bench.commit, NULL), 0, "nobody is there any more");
		bench_end(&bench);
	}
}

Test(commit, what_is_kept_back_during_a_flight_goes_with_the_next_one)
{
	struct bench bench;

	bench_begin(&bench, true);
	bench.store.is_gated = true;
	commit_before(bench.commit, add_kept_back, &bench);
	bench_put(&bench, "first");
	commit_kick(bench.commit);
	for (int i = 0; i < 10; i++) {
		commit_keep_back(bench.commit);
		commit_kick(bench.commit);
	}
	cr_expect_eq(bench.events.length, 0, "the flight has not landed");
	/* The gate stays: the writer is looking at it. Once for each of the two writes. */
	sem_post(&bench.store.may_write);
	sem_post(&bench.store.may_write);
	cr_assert_eq(commit_flush(bench.commit, NULL), 0);
	cr_expect_str_eq(bench.events.data, "b", "ten times is once");
	bench_end(&bench);
}
