#include "core/ingest/source.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/ingest/intake.h"
#include "core/ingest/pool_job.h"
#include "core/loop/loop.h"

#include <pthread.h>

/*      pool_try_*() ──todo──> reader thread ──done──> wake ──> on_read, on_bundle, on_room
 *
 *  `pending` counts a job from its acceptance until its result was delivered, so one bound holds
 *  for both directions. Inline, a timer stands for the thread: nothing is delivered from within
 *  try. */

enum { INLINE_JOBS_PER_TURN = 8 };

struct job_list {
	struct pool_job *first;
	struct pool_job **end;
};

struct pool_reader {
	struct pool *pool;
	struct pool_worker worker;
	pthread_t thread;
	bool has_thread;
	uint32_t pending_jobs; /**< loop thread only */
	size_t pending_bytes;  /**< loop thread only */
	pthread_mutex_t lock;  /**< of the lists and is_stopping */
	pthread_cond_t has_work;
	struct job_list todo;
	struct job_list done;
	bool is_stopping;
};

struct pool {
	struct loop *loop;
	struct pool_options options;
	struct pool_reader *readers;
	uint32_t reader_count; /**< at least 1; inline is one without a thread */
	struct wake *wake;
	struct timer *inline_timer;
	bool was_full;
	uint64_t full_count;
};

static void list_init(struct job_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_push(struct job_list *list, struct pool_job *job)
{
	job->next = NULL;
	*list->end = job;
	list->end = &job->next;
}

static struct pool_job *list_pop(struct job_list *list)
{
	struct pool_job *job = list->first;

	if (!job)
		return NULL;
	list->first = job->next;
	if (!list->first)
		list->end = &list->first;
	return job;
}

static void list_free(struct job_list *list)
{
	struct pool_job *job;

	while ((job = list_pop(list)))
		pool_job_free(job);
}

static void *reader_main(void *arg)
{
	struct pool_reader *reader = arg;

	pthread_mutex_lock(&reader->lock);
	for (;;) {
		while (!reader->is_stopping && !reader->todo.first)
			pthread_cond_wait(&reader->has_work, &reader->lock);
		if (reader->is_stopping)
			break;
		struct pool_job *job = list_pop(&reader->todo);
		pthread_mutex_unlock(&reader->lock);
		pool_job_run(&reader->worker, job);
		pthread_mutex_lock(&reader->lock);
		list_push(&reader->done, job);
		wake_signal(reader->pool->wake);
	}
	pthread_mutex_unlock(&reader->lock);
	return NULL;
}

static void deliver(struct pool *pool, struct pool_reader *reader, struct pool_job *job)
{
	struct bundle *bundle = job->bundle;

	reader->pending_jobs--;
	reader->pending_bytes -= job->queued_bytes;
	job->bundle = NULL;
	if (job->is_file) {
		job->file.on_read(job->file.on_read_arg, &job->read);
	} else if (job->code != 0) {
		if (job->bytes.on_refused)
			job->bytes.on_refused(job->bytes.arg, job->code, job->why.text);
	}
	pool_job_free(job);
	if (bundle)
		pool->options.on_bundle(pool->options.arg, bundle);
}

/** Half empty is room: one place at a time would wake every source for each single job. */
static void tell_room(struct pool *pool)
{
	if (!pool->was_full)
		return;
	for (uint32_t i = 0; i < pool->reader_count; i++) {
		if (pool->readers[i].pending_jobs > POOL_QUEUE_JOBS_MAX / 2 ||
		    pool->readers[i].pending_bytes > POOL_QUEUE_BYTES_MAX / 2)
			return;
	}
	pool->was_full = false;
	if (pool->options.on_room)
		pool->options.on_room(pool->options.arg);
}

static void on_wake(void *arg)
{
	struct pool *pool = arg;

	for (uint32_t i = 0; i < pool->reader_count; i++) {
		struct pool_reader *reader = &pool->readers[i];
		struct pool_job *job;
		pthread_mutex_lock(&reader->lock);
		struct pool_job *first = reader->done.first;
		list_init(&reader->done);
		pthread_mutex_unlock(&reader->lock);
		while ((job = first)) {
			first = job->next;
			deliver(pool, reader, job);
		}
	}
	tell_room(pool);
}

static void on_inline_timer(void *arg)
{
	struct pool *pool = arg;
	struct pool_reader *reader = &pool->readers[0];

	for (int i = 0; i < INLINE_JOBS_PER_TURN && reader->todo.first; i++) {
		struct pool_job *job = list_pop(&reader->todo);
		pool_job_run(&reader->worker, job);
		deliver(pool, reader, job);
	}
	if (reader->todo.first)
		timer_set(pool->inline_timer, 0);
	tell_room(pool);
}

static void reader_init(struct pool_reader *reader, struct pool *pool, const struct env *env)
{
	uint64_t seed = pool->options.seed;

	if (!seed)
		env_random(env, &seed, sizeof(seed));
	reader->pool = pool;
	list_init(&reader->todo);
	list_init(&reader->done);
	pthread_mutex_init(&reader->lock, NULL);
	pthread_cond_init(&reader->has_work, NULL);
	pool_worker_init(&reader->worker, env, seed);
}

int pool_new(struct pool **out, struct loop *loop, const struct env *env,
	     const struct pool_options *options, struct err_note *why)
{
	if (options->reader_count > POOL_READERS_MAX)
		return err_set(why, ERR_RANGE, "%u readers: at most %d are possible",
			       options->reader_count, POOL_READERS_MAX);

	struct pool *pool = mem_alloc(sizeof(*pool));
	pool->loop = loop;
	pool->options = *options;
	pool->reader_count = options->reader_count ? options->reader_count : 1;
	pool->readers = mem_alloc_array(pool->reader_count, sizeof(*pool->readers));
	pool->inline_timer = timer_new(loop, on_inline_timer, pool);
	pool->wake = wake_new(loop, on_wake, pool);
	for (uint32_t i = 0; i < pool->reader_count; i++)
		reader_init(&pool->readers[i], pool, env);
	for (uint32_t i = 0; i < options->reader_count; i++) {
		struct pool_reader *reader = &pool->readers[i];
		int number = pthread_create(&reader->thread, NULL, reader_main, reader);
		if (number != 0) {
			pool_free(pool);
			return err_errno(why, ERR_IO, number, "reader thread %u cannot start", i);
		}
		reader->has_thread = true;
	}
	*out = pool;
	return 0;
}

static void reader_stop(struct pool_reader *reader)
{
	pthread_mutex_lock(&reader->lock);
	reader->is_stopping = true;
	pthread_cond_signal(&reader->has_work);
	pthread_mutex_unlock(&reader->lock);
}

void pool_free(struct pool *pool)
{
	if (!pool)
		return;
	for (uint32_t i = 0; i < pool->reader_count; i++)
		reader_stop(&pool->readers[i]);
	for (uint32_t i = 0; i < pool->reader_count; i++) {
		struct pool_reader *reader = &pool->readers[i];
		if (reader->has_thread)
			pthread_join(reader->thread, NULL);
		list_free(&reader->todo);
		list_free(&reader->done);
		pool_worker_deinit(&reader->worker);
		pthread_cond_destroy(&reader->has_work);
		pthread_mutex_destroy(&reader->lock);
	}
	wake_free(pool->wake);
	timer_free(pool->inline_timer);
	mem_free(pool->readers);
	mem_free(pool);
}

/** The reader of a partition, or NULL when it has no room for the job. */
static struct pool_reader *claim(struct pool *pool, uint32_t partition, size_t bytes)
{
	struct pool_reader *reader = &pool->readers[partition % pool->reader_count];

	if (reader->pending_jobs >= POOL_QUEUE_JOBS_MAX ||
	    (reader->pending_bytes && reader->pending_bytes + bytes > POOL_QUEUE_BYTES_MAX)) {
		pool->was_full = true;
		pool->full_count++;
		return NULL;
	}
	reader->pending_jobs++;
	reader->pending_bytes += bytes;
	return reader;
}

static void enqueue(struct pool *pool, struct pool_reader *reader, struct pool_job *job)
{
	if (!reader->has_thread) {
		list_push(&reader->todo, job);
		if (!timer_is_set(pool->inline_timer))
			timer_set(pool->inline_timer, 0);
		return;
	}
	pthread_mutex_lock(&reader->lock);
	list_push(&reader->todo, job);
	pthread_cond_signal(&reader->has_work);
	pthread_mutex_unlock(&reader->lock);
}

int pool_try_bytes(struct pool *pool, struct pool_bytes_job *task)
{
	struct pool_reader *reader = claim(pool, task->partition, task->data.length);
	if (!reader)
		return ERR_FULL;

	struct pool_job *job = mem_alloc(sizeof(*job));
	job->intake = intake_ref(task->intake);
	job->partition = task->partition;
	job->bytes = *task;
	job->queued_bytes = task->data.length;
	task->data = BYTES_EMPTY;
	enqueue(pool, reader, job);
	return 0;
}

int pool_try_file(struct pool *pool, const struct pool_file_job *task)
{
	struct pool_reader *reader = claim(pool, task->partition, 0);
	if (!reader)
		return ERR_FULL;

	struct pool_job *job = mem_alloc(sizeof(*job));
	job->is_file = true;
	job->intake = intake_ref(task->intake);
	job->partition = task->partition;
	job->file = *task;
	enqueue(pool, reader, job);
	return 0;
}

void pool_usage(const struct pool *pool, struct pool_usage *out)
{
	*out = (struct pool_usage){
		.reader_count = pool->options.reader_count,
		.full_count = pool->full_count,
	};
	for (uint32_t i = 0; i < pool->reader_count; i++)
		out->queued_jobs += pool->readers[i].pending_jobs;
}
