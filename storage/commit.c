#include "storage/commit.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "storage/kv.h"
#include "storage/kv_backend.h"

#include <pthread.h>
#include <time.h>

/*  phase    who may touch `flight`  leaves it when
 *  REST     loop thread             kick, poll or flush hand over what gathered  -> WRITING
 *  WRITING  writer thread           the write returned                           -> WRITTEN
 *  WRITTEN  loop thread             land(): callbacks, or on_failure             -> REST
 *
 *  `phase` and `must_stop` are under `lock`; everything else belongs to the loop thread alone. */
enum phase { REST, WRITING, WRITTEN };

enum { COMMIT_IDLE_MS = 100 };

/*  Handing a write over to another thread and back takes two wake-ups, which is several times what
 *  a small one takes when it does not wait for the disk. One that was slow nevertheless (the store
 *  was flushing) sends the next one to the thread. */
enum { AT_ONCE_BYTES_MAX = 16 * 1024, AT_ONCE_US_MAX = 2000 };

struct waiter {
	void (*fn)(void *arg);
	void *arg;
};

/** A batch, and those who wait for it. */
struct load {
	struct kv_batch *batch;
	struct waiter *waiters;
	uint32_t waiter_count;
	uint32_t waiter_capacity;
	bool is_kept_back; /* something comes into the batch when it is about to be written */
};

struct commit {
	struct kv *kv;
	struct commit_options options;
	struct load gather;
	struct load flight;
	struct waiter before; /* adds what was kept back */
	struct commit_usage usage;
	bool is_landing; /* callbacks are running: they may add and kick, but not start a write */
	bool is_kicked;  /* somebody asked during a flight or a landing */
	int flight_code;
	uint64_t flight_us;
	struct err_note flight_why;
	struct err_note failure;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum phase phase;
	bool must_stop;
	pthread_t writer;
};

static uint64_t now_us(void)
{
	struct timespec now;

	REQUIRE(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void load_init(struct load *load)
{
	*load = (struct load){.batch = kv_batch_new()};
}

static void load_deinit(struct load *load)
{
	kv_batch_free(load->batch);
	mem_free(load->waiters);
}

static void load_clear(struct load *load)
{
	kv_batch_clear(load->batch);
	load->waiter_count = 0;
	load->is_kept_back = false;
}

static bool load_is_empty(const struct load *load)
{
	return kv_batch_count(load->batch) == 0 && load->waiter_count == 0 && !load->is_kept_back;
}

/* Without the lock: while WRITING the flight is the writer's. */
static void write_flight(struct commit *commit)
{
	uint64_t start_us = now_us();

	commit->flight_code = kv_write(commit->kv, commit->flight.batch, &commit->flight_why);
	commit->flight_us = now_us() - start_us;
}

/* Waits for a flight. After a write and some rest it lets the store finish what its sync policy
 * left open, so that the last batch before a silence is no worse off than the others. False:
 * stop. */
static bool await_flight(struct commit *commit, bool *is_idle_due)
{
	while (commit->phase != WRITING && !commit->must_stop) {
		struct timespec until;
		struct err_note why = {0};

		if (!*is_idle_due) {
			pthread_cond_wait(&commit->changed, &commit->lock);
			continue;
		}
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += COMMIT_IDLE_MS * 1000000L;
		if (until.tv_nsec >= 1000000000L) {
			until.tv_nsec -= 1000000000L;
			until.tv_sec++;
		}
		if (pthread_cond_clockwait(&commit->changed, &commit->lock, CLOCK_MONOTONIC,
					   &until) == 0)
			continue;
		*is_idle_due = false;
		pthread_mutex_unlock(&commit->lock);
		/* A failure stays with the store: the next write is refused and reported, but only
		 * here is it known why. */
		if (kv_idle(commit->kv, &why) < 0)
			log_error(STORAGE, "%s", why.text);
		pthread_mutex_lock(&commit->lock);
	}
	return commit->phase == WRITING;
}

/* What may come after the answer: nobody waits for it. As with kv_idle, a failure stays with the
 * store. */
static void settle(struct commit *commit)
{
	struct err_note why = {0};

	if (kv_settle(commit->kv, &why) < 0)
		log_error(STORAGE, "%s", why.text);
}

static void *writer_main(void *arg)
{
	struct commit *commit = arg;
	bool is_idle_due = false;

	pthread_mutex_lock(&commit->lock);
	while (await_flight(commit, &is_idle_due)) {
		pthread_mutex_unlock(&commit->lock);
		write_flight(commit);
		pthread_mutex_lock(&commit->lock);
		commit->phase = WRITTEN;
		is_idle_due = commit->flight_code == 0;
		pthread_mutex_unlock(&commit->lock);
		pthread_cond_broadcast(&commit->changed); /* for await_landing() */
		if (commit->options.wake)
			commit->options.wake(commit->options.arg);
		if (is_idle_due)
			settle(commit);
		pthread_mutex_lock(&commit->lock);
	}
	pthread_mutex_unlock(&commit->lock);
	return NULL;
}

int commit_new(struct commit **out, struct kv *kv, const struct commit_options *options,
	       struct err_note *why)
{
	struct commit *commit = mem_alloc(sizeof(*commit));
	int number = 0;

	commit->kv = kv;
	commit->options = *options;
	load_init(&commit->gather);
	load_init(&commit->flight);
	pthread_mutex_init(&commit->lock, NULL);
	pthread_cond_init(&commit->changed, NULL);
	if (options->is_threaded)
		number = pthread_create(&commit->writer, NULL, writer_main, commit);
	if (number != 0) {
		commit->options.is_threaded = false;
		commit_free(commit);
		return err_errno(why, ERR_IO, number, "Starting the writer thread failed");
	}
	*out = commit;
	return 0;
}

void commit_free(struct commit *commit)
{
	if (!commit)
		return;
	if (commit->options.is_threaded) {
		pthread_mutex_lock(&commit->lock);
		commit->must_stop = true;
		pthread_cond_broadcast(&commit->changed);
		pthread_mutex_unlock(&commit->lock);
		pthread_join(commit->writer, NULL);
	}
	pthread_cond_destroy(&commit->changed);
	pthread_mutex_destroy(&commit->lock);
	load_deinit(&commit->gather);
	load_deinit(&commit->flight);
	mem_free(commit);
}

struct kv_batch *commit_batch(struct commit *commit)
{
	return commit->gather.batch;
}

void commit_after(struct commit *commit, void (*fn)(void *arg), void *arg)
{
	struct load *load = &commit->gather;

	if (commit->usage.has_failed)
		return;
	if (load->waiter_count == load->waiter_capacity) {
		load->waiter_capacity = load->waiter_capacity ? 2 * load->waiter_capacity : 16;
		load->waiters =
			mem_grow(load->waiters, load->waiter_capacity, sizeof(*load->waiters));
	}
	load->waiters[load->waiter_count++] = (struct waiter){fn, arg};
}

void commit_before(struct commit *commit, void (*fn)(void *arg), void *arg)
{
	commit->before = (struct waiter){fn, arg};
}

void commit_keep_back(struct commit *commit)
{
	commit->gather.is_kept_back = true;
}

static enum phase phase_now(struct commit *commit)
{
	enum phase phase;

	pthread_mutex_lock(&commit->lock);
	phase = commit->phase;
	pthread_mutex_unlock(&commit->lock);
	return phase;
}

static void set_phase(struct commit *commit, enum phase phase)
{
	pthread_mutex_lock(&commit->lock);
	commit->phase = phase;
	pthread_mutex_unlock(&commit->lock);
	/* After the lock, so that the writer finds it free; and only it waits for one of these. */
	if (phase == WRITING)
		pthread_cond_broadcast(&commit->changed);
}

static bool is_at_once(const struct commit *commit)
{
	return commit->options.is_quick && commit->flight_us <= AT_ONCE_US_MAX &&
	       kv_batch_bytes(commit->flight.batch) <= AT_ONCE_BYTES_MAX;
}

/* REST -> WRITING. */
static void take_off(struct commit *commit)
{
	struct load gathered;

	if (commit->gather.is_kept_back && commit->before.fn != NULL)
		commit->before.fn(commit->before.arg);
	gathered = commit->gather;
	commit->gather = commit->flight;
	commit->flight = gathered;
	commit->is_kicked = false;
	if (commit->options.is_threaded && !is_at_once(commit)) {
		set_phase(commit, WRITING);
		return;
	}
	write_flight(commit);
	set_phase(commit, WRITTEN);
	if (commit->flight_code == 0)
		settle(commit);
	if (commit->options.is_threaded && commit->options.wake)
		commit->options.wake(commit->options.arg);
}

static void fail(struct commit *commit)
{
	commit->failure = commit->flight_why;
	commit->usage.has_failed = true;
	load_clear(&commit->flight);
	load_clear(&commit->gather);
	set_phase(commit, REST);
	if (commit->options.on_failure)
		commit->options.on_failure(commit->options.arg, &commit->failure);
}

/* WRITTEN -> REST. */
static void land(struct commit *commit)
{
	struct commit_usage *usage = &commit->usage;

	if (commit->flight_code < 0) {
		fail(commit);
		return;
	}
	if (kv_batch_count(commit->flight.batch) > 0) {
		usage->commit_count++;
		usage->put_count += kv_batch_count(commit->flight.batch);
		usage->bytes += kv_batch_bytes(commit->flight.batch);
		usage->write_us_total += commit->flight_us;
		if (commit->flight_us > usage->write_us_max)
			usage->write_us_max = commit->flight_us;
	}
	commit->is_landing = true;
	for (uint32_t index = 0; index < commit->flight.waiter_count; index++)
		commit->flight.waiters[index].fn(commit->flight.waiters[index].arg);
	commit->is_landing = false;
	load_clear(&commit->flight);
	set_phase(commit, REST);
}

void commit_kick(struct commit *commit)
{
	if (commit->usage.has_failed) {
		load_clear(&commit->gather);
		return;
	}
	if (load_is_empty(&commit->gather))
		return;
	commit->is_kicked = true;
	if (commit->is_landing || phase_now(commit) != REST)
		return;
	if (commit->options.is_threaded) {
		take_off(commit);
		return;
	}
	/* Inline. Kicks of callbacks are answered here, one after the other, so the stack does
	 * not grow. */
	while (commit->is_kicked && !commit->usage.has_failed) {
		take_off(commit);
		land(commit);
	}
}

void commit_poll(struct commit *commit)
{
	if (commit->is_landing || phase_now(commit) != WRITTEN)
		return;
	land(commit);
	if (!commit->usage.has_failed && !load_is_empty(&commit->gather))
		commit_kick(commit);
}

static void await_landing(struct commit *commit)
{
	pthread_mutex_lock(&commit->lock);
	while (commit->phase == WRITING)
		pthread_cond_wait(&commit->changed, &commit->lock);
	pthread_mutex_unlock(&commit->lock);
	if (phase_now(commit) == WRITTEN)
		land(commit);
}

int commit_flush(struct commit *commit, struct err_note *why)
{
	REQUIRE(!commit->is_landing);
	await_landing(commit);
	commit->is_kicked = !load_is_empty(&commit->gather);
	/* What callbacks add is left to gather, unless they kicked. */
	while (commit->is_kicked && !commit->usage.has_failed) {
		take_off(commit);
		await_landing(commit);
	}
	if (!commit->usage.has_failed) {
		commit->flight_code = kv_flush(commit->kv, &commit->flight_why);
		if (commit->flight_code < 0)
			fail(commit);
	}
	if (!commit->usage.has_failed)
		return 0;
	return err_set(why, ERR_IO, "%s", commit->failure.text);
}

void commit_usage(const struct commit *commit, struct commit_usage *out)
{
	*out = commit->usage;
}
