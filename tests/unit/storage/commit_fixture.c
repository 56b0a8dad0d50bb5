#include "commit_fixture.h"

#include "core/base/mem.h"
#include "storage/kv.h"
#include "store_fixture.h"

#include <criterion/criterion.h>

#include <string.h>

static int gate_write(struct kv *kv, const struct kv_batch *batch, struct err_note *why)
{
	struct gate_store *store = (struct gate_store *)kv;

	store->was_on_loop = pthread_equal(pthread_self(), store->loop) != 0;
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

static int gate_settle(struct kv *kv, struct err_note *why)
{
	struct gate_store *store = (struct gate_store *)kv;

	(void)why;
	if (store->holds_settle)
		sem_wait(&store->may_write);
	return 0;
}

static int gate_nothing(struct kv *kv, struct err_note *why)
{
	(void)kv;
	(void)why;
	return 0;
}

static const struct kv_ops gate_ops = {
	.write = gate_write, .flush = gate_nothing, .idle = gate_idle, .settle = gate_settle};

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

void bench_begin_with(struct bench *bench, struct commit_options options)
{
	options.wake = bench_wake;
	options.on_failure = bench_failure;
	options.arg = bench;
	memset(bench, 0, sizeof(*bench));
	kv_init(&bench->store.kv, &gate_ops);
	bench->store.inner = kv_memory_new();
	bench->store.writes_left = -1;
	bench->store.loop = pthread_self();
	sem_init(&bench->store.may_write, 0, 0);
	sem_init(&bench->store.has_idled, 0, 0);
	sem_init(&bench->woken, 0, 0);
	bytes_init(&bench->events);
	cr_assert_eq(commit_new(&bench->commit, &bench->store.kv, &options, NULL), 0);
}

void bench_begin(struct bench *bench, bool is_threaded)
{
	bench_begin_with(bench, (struct commit_options){.is_threaded = is_threaded});
}

void bench_end(struct bench *bench)
{
	commit_free(bench->commit);
	kv_free(bench->store.inner);
	sem_destroy(&bench->store.may_write);
	sem_destroy(&bench->store.has_idled);
	sem_destroy(&bench->woken);
	bytes_deinit(&bench->events);
}

void bench_put(struct bench *bench, const char *key)
{
	kv_batch_put(commit_batch(bench->commit), slice_of(key), SLICE_LITERAL("1"));
}

bool bench_has(struct bench *bench, const char *key)
{
	char *value = store_get(bench->store.inner, key);
	bool is_there = value != NULL;

	mem_free(value);
	return is_there;
}

void bench_on_durable(void *arg)
{
	struct note *note = arg;

	bytes_append_char(&note->bench->events, note->letter);
	if (!note->adds_and_kicks)
		return;
	bench_put(note->bench, "from callback");
	commit_after(note->bench->commit, bench_on_durable, note->next);
	commit_kick(note->bench->commit);
	bytes_append_char(&note->bench->events, '.');
}

const char *bench_events(const struct bench *bench)
{
	return bench->events.data ? bench->events.data : "";
}
