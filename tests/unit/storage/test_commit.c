#include "storage/commit.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "storage/kv.h"
#include "storage/kv_backend.h"
#include "store_fixture.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <string.h>

/* A memory store whose writes can be held back and made to fail. */
struct gate_store {
	struct kv kv;
	struct kv *inner;
	sem_t may_write;
	sem_t has_idled;
	bool is_idle_broken;
	bool is_gated;
	int writes_left; /* then failure; negative: never fails */
};

static int gate_write(struct kv *kv, const struct kv_batch *batch, struct err_note *why)
{
	struct gate_store *store = (struct gate_store *)kv;

	if (store->is_gated)
		sem_wait(&store->may_write);
	if (store->writes_left == 0)
		return err_set(why, ERR_IO, "The test's disk is gone.");
	store->writes_left--;
	return kv_write(store->inner, batch, why);
}

static int gate_idle(struct kv *kv, struct err_note *why)
{
	struct gate_store *store = (struct gate_store *)kv;

	if (!store->is_idle_broken)
		return 0;
	err_set(why, ERR_IO, "The test's disk cannot sync.");
	sem_post(&store->has_idled);
	return ERR_IO;
}

static int gate_nothing(struct kv *kv, struct err_note *why)
{
	(void)kv;
	(void)why;
	return 0;
}

static const struct kv_ops gate_ops = {
	.write = gate_write, .flush = gate_nothing, .idle = gate_idle};

/* One commit over a gate store, and what happened to it. */
struct bench {
	struct gate_store store;
	struct commit *commit;
	struct bytes events;
	sem_t woken;
	int failure_count;
	char failure[ERR_NOTE_BYTES_MAX];
};

static void bench_wake(void *arg)
{
	sem_post(&((struct bench *)arg)->woken);
}

static void bench_failure(void *arg, const struct err_note *why)
{
	struct bench *bench = arg;

	bench->failure_count++;
	snprintf(bench->failure, sizeof(bench->failure), "%s", why->text);
}

static void bench_begin(struct bench *bench, bool is_threaded)
{
	const struct commit_options options = {is_threaded, bench_wake, bench_failure, bench};

	memset(bench, 0, sizeof(*bench));
	kv_init(&bench->store.kv, &gate_ops);
	bench->store.inner = kv_memory_new();
	bench->store.writes_left = -1;
	sem_init(&bench->store.may_write, 0, 0);
	sem_init(&bench->store.has_idled, 0, 0);
	sem_init(&bench->woken, 0, 0);
	bytes_init(&bench->events);
	cr_assert_eq(commit_new(&bench->commit, &bench->store.kv, &options, NULL), 0);
}

static void bench_end(struct bench *bench)
{
	commit_free(bench->commit);
	kv_free(bench->store.inner);
	sem_destroy(&bench->store.may_write);
	sem_destroy(&bench->store.has_idled);
	sem_destroy(&bench->woken);
	bytes_deinit(&bench->events);
}

static void put(struct bench *bench, const char *key)
{
	kv_batch_put(commit_batch(bench->commit), slice_of(key), SLICE_LITERAL("1"));
}

static bool is_stored(struct bench *bench, const char *key)
{
	char *value = store_get(bench->store.inner, key);
	bool is_there = value != NULL;

	mem_free(value);
	return is_there;
}

/* A callback that writes its letter, and does more when asked. */
struct note {
	struct bench *bench;
	char letter;
	bool adds_and_kicks;
	struct note *next;
};

static void on_durable(void *arg)
{
	struct note *note = arg;

	bytes_append_char(&note->bench->events, note->letter);
	if (!note->adds_and_kicks)
		return;
	put(note->bench, "from callback");
	commit_after(note->bench->commit, on_durable, note->next);
	commit_kick(note->bench->commit);
	bytes_append_char(&note->bench->events, '.');
}

static const char *events(const struct bench *bench)
{
	return bench->events.data ? bench->events.data : "";
}

Test(commit, inline_writes_at_once_and_in_order)
{
	struct bench bench;
	struct note a = {&bench, 'a', false, NULL};
	struct note b = {&bench, 'b', false, NULL};
	struct commit_usage usage;

	bench_begin(&bench, false);
	put(&bench, "k");
	commit_after(bench.commit, on_durable, &a);
	commit_after(bench.commit, on_durable, &b);
	cr_expect_not(is_stored(&bench, "k"));
	commit_kick(bench.commit);
	cr_expect(is_stored(&bench, "k"));
	cr_expect_str_eq(events(&bench), "ab");
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
	put(&bench, "k");
	commit_after(bench.commit, on_durable, &first);
	commit_after(bench.commit, on_durable, &second);
	commit_kick(bench.commit);
	cr_expect_str_eq(events(&bench), "a.bc", "it is %s", events(&bench));
	cr_expect(is_stored(&bench, "from callback"));
	bench_end(&bench);
}

Test(commit, waiters_without_content_are_called_too)
{
	struct bench bench;
	struct note a = {&bench, 'a', false, NULL};

	bench_begin(&bench, true);
	commit_after(bench.commit, on_durable, &a);
	cr_assert_eq(commit_flush(bench.commit, NULL), 0);
	cr_expect_str_eq(events(&bench), "a");
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
	put(&bench, "first");
	commit_after(bench.commit, on_durable, &a);
	commit_kick(bench.commit);
	put(&bench, "second");
	commit_after(bench.commit, on_durable, &b);
	commit_kick(bench.commit);
	put(&bench, "third");
	commit_poll(bench.commit);
	cr_expect_str_eq(events(&bench), "", "nothing is durable yet");
	sem_post(&bench.store.may_write);
	sem_wait(&bench.woken);
	commit_poll(bench.commit);
	cr_expect_str_eq(events(&bench), "a");
	cr_expect(is_stored(&bench, "first"));
	cr_expect_not(is_stored(&bench, "third"));
	sem_post(&bench.store.may_write);
	sem_wait(&bench.woken);
	commit_poll(bench.commit);
	cr_expect_str_eq(events(&bench), "ab");
	cr_expect(is_stored(&bench, "second") && is_stored(&bench, "third"));
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
	put(&bench, "first");
	commit_after(bench.commit, on_durable, &a);
	commit_kick(bench.commit);
	put(&bench, "second");
	commit_after(bench.commit, on_durable, &b);
	cr_assert_eq(commit_flush(bench.commit, NULL), 0);
	cr_expect_str_eq(events(&bench), "ab.c", "what a callback kicks is flushed too");
	cr_expect(is_stored(&bench, "from callback"));
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
	put(&bench, "good");
	commit_after(bench.commit, on_durable, &a);
	cr_assert_eq(commit_flush(bench.commit, NULL), 0);
	put(&bench, "bad");
	commit_after(bench.commit, on_durable, &b);
	cr_expect_eq(commit_flush(bench.commit, &why), ERR_IO);
	cr_expect_str_eq(why.text, "The test's disk is gone.");
	put(&bench, "after");
	commit_after(bench.commit, on_durable, &b);
	commit_kick(bench.commit);
	commit_poll(bench.commit);
	cr_expect_eq(commit_flush(bench.commit, NULL), ERR_IO);
	cr_expect_str_eq(events(&bench), "a", "no callback of a failed write or after it");
	cr_expect_eq(bench.failure_count, 1);
	cr_expect_str_eq(bench.failure, "The test's disk is gone.");
	cr_expect_not(is_stored(&bench, "bad") || is_stored(&bench, "after"));
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
	put(&bench, "bad");
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
	put(&bench, "good");
	cr_assert_eq(commit_flush(bench.commit, NULL), 0);
	sem_wait(&bench.store.has_idled);
	while (!atomic_load(&bench.store.kv.has_failed))
		sched_yield();
	put(&bench, "bad");
	cr_expect_eq(commit_flush(bench.commit, NULL), ERR_IO);
	cr_expect_eq(bench.failure_count, 1);
	cr_expect_not(is_stored(&bench, "bad"));
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
	put(&bench, "in flight");
	commit_after(bench.commit, on_durable, &a);
	commit_kick(bench.commit);
	put(&bench, "never kicked");
	commit_free(bench.commit);
	bench.commit = NULL;
	cr_expect(is_stored(&bench, "in flight"));
	cr_expect_not(is_stored(&bench, "never kicked"));
	cr_expect_str_eq(events(&bench), "");
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
		put(&bench, key);
		commit_after(bench.commit, count_call, &called);
		commit_kick(bench.commit);
		commit_poll(bench.commit);
	}
	cr_assert_eq(commit_flush(bench.commit, NULL), 0);
	cr_expect_eq(called, ROUNDS);
	for (unsigned round = 0; round < ROUNDS; round++) {
		char key[16];

		snprintf(key, sizeof(key), "%u", round);
		cr_expect(is_stored(&bench, key));
	}
	bench_end(&bench);
}

static void add_kept_back(void *arg)
{
	struct bench *bench = arg;

	bytes_append_char(&bench->events, 'b');
	put(bench, "kept");
}

Test(commit, what_was_kept_back_is_in_the_batch_that_is_written_next)
{
	for (int is_threaded = 0; is_threaded <= 1; is_threaded++) {
		struct bench bench;

		bench_begin(&bench, is_threaded != 0);
		commit_before(bench.commit, add_kept_back, &bench);
		put(&bench, "other");
		cr_assert_eq(commit_flush(bench.commit, NULL), 0);
		cr_expect_eq(bench.events.length, 0, "nothing was kept back");
		commit_keep_back(bench.commit);
		cr_assert_eq(commit_flush(bench.commit, NULL), 0, "that alone is a batch");
		cr_expect_str_eq(bench.events.data, "b");
		cr_expect(is_stored(&bench, "kept"));
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
	put(&bench, "first");
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
