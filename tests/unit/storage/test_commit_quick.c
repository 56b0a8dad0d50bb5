#include "commit_fixture.h"

#include <criterion/criterion.h>

/* What spares a wait: the mark that follows the answer, and small writes without the thread. */

Test(commit, answers_before_the_store_has_settled)
{
	struct bench bench;
	struct note a = {&bench, 'a', false, NULL};

	bench_begin(&bench, true);
	bench.store.holds_settle = true;
	bench_put(&bench, "k");
	commit_after(bench.commit, bench_on_durable, &a);
	commit_kick(bench.commit);
	sem_wait(&bench.woken);
	commit_poll(bench.commit);
	cr_expect_str_eq(bench_events(&bench), "a");
	bench_put(&bench, "next");
	commit_kick(bench.commit);
	sem_post(&bench.store.may_write);
	sem_post(&bench.store.may_write);
	sem_wait(&bench.woken);
	commit_poll(bench.commit);
	cr_expect(bench_has(&bench, "next"));
	bench_end(&bench);
}

Test(commit, a_small_quick_write_spares_the_thread_and_is_answered_by_poll)
{
	struct bench bench;
	struct note last = {&bench, 'b', false, NULL};
	struct note a = {&bench, 'a', true, &last};

	bench_begin_with(&bench, (struct commit_options){.is_threaded = true, .is_quick = true});
	bench_put(&bench, "k");
	commit_after(bench.commit, bench_on_durable, &a);
	commit_kick(bench.commit);
	cr_expect(bench.store.was_on_loop);
	cr_expect(bench_has(&bench, "k"));
	cr_expect_str_eq(bench_events(&bench), "", "not from within the kick");
	cr_expect_eq(sem_trywait(&bench.woken), 0);
	commit_poll(bench.commit);
	cr_expect_str_eq(bench_events(&bench), "a.");
	commit_poll(bench.commit);
	cr_expect_str_eq(bench_events(&bench), "a.b");
	bench_end(&bench);
}

Test(commit, a_large_quick_write_goes_to_the_thread)
{
	enum { AT_ONCE_BYTES_MAX = 16 * 1024 };
	static const char value[AT_ONCE_BYTES_MAX];

	/* The key has one byte. */
	for (size_t length = AT_ONCE_BYTES_MAX - 2; length <= AT_ONCE_BYTES_MAX; length++) {
		struct bench bench;

		bench_begin_with(&bench,
				 (struct commit_options){.is_threaded = true, .is_quick = true});
		kv_batch_put(commit_batch(bench.commit), SLICE_LITERAL("k"),
			     (struct slice){value, length});
		cr_assert_eq(commit_flush(bench.commit, NULL), 0);
		cr_expect_eq(bench.store.was_on_loop, 1 + length <= AT_ONCE_BYTES_MAX);
		bench_end(&bench);
	}
}

Test(commit, a_quick_write_that_fails_is_reported_by_poll)
{
	struct bench bench;

	bench_begin_with(&bench, (struct commit_options){.is_threaded = true, .is_quick = true});
	bench.store.writes_left = 0;
	bench_put(&bench, "bad");
	commit_kick(bench.commit);
	cr_expect_eq(bench.failure_count, 0);
	commit_poll(bench.commit);
	cr_expect_eq(bench.failure_count, 1);
	bench_end(&bench);
}
