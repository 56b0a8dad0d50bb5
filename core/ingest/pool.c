#include "core/ingest/source.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/ingest/pool_job.h"
#include "core/ingest/pool_queue.h"
#include "core/loop/loop.h"

/*  `pending` counts a job from its acceptance until its (last) result was delivered, so one bound
 *  holds for both directions. A timer stands for the threads where the loop thread reads itself
 *  (all of it inline, else what is small): nothing is delivered from within try. */

enum { INLINE_JOBS_PER_TURN = 8 };

struct pool_reader {
	struct pool *pool;
	struct pool_worker worker;
	pthread_t thread;
	bool has_thread;
};

struct pool {
	struct loop *loop;
	struct pool_options options;
	struct pool_queue queue;
	struct pool_reader *readers; /**< [options.reader_count] */
	uint32_t share_count;        /**< at least 1: by it the limits are multiplied */
	struct pool_worker worker;   /**< of the loop thread */
	struct bundle_shelf *shelf;
	struct wake *wake;
	struct timer *inline_timer;
	uint32_t pending_jobs;
	size_t pending_bytes;
	bool was_full;
	uint64_t full_count;
};

static void run(struct pool_queue *queue, struct pool_worker *worker, struct pool_job *job)
{
	if (!job->file) {
		pool_run_bytes(worker, job);
		return;
	}
	const struct pool_file_job *task = &job->file->task;
	if (job->has_rest) {
		pool_run_rest(worker, job, task);
		return;
	}
	pool_queue_advance(queue, job, pool_run_cut(worker, job, task));
	pool_run_block(worker, job, task);
}

static void *reader_main(void *arg)
{
	struct pool_reader *reader = arg;
	struct pool *pool = reader->pool;
	struct pool_job *job;

	while ((job = pool_queue_await(&pool->queue))) {
		run(&pool->queue, &reader->worker, job);
		if (pool_queue_finish(&pool->queue, job))
			wake_signal(pool->wake);
	}
	return NULL;
}

static void deliver_bytes(struct pool *pool, struct pool_job *job)
{
	struct bundle *bundle = job->bundle;

	pool->pending_jobs--;
	pool->pending_bytes -= job->queued_bytes;
	if (job->code != 0 && job->bytes.on_refused)
		job->bytes.on_refused(job->bytes.arg, job->code, job->why.text);
	pool_queue_delivered(&pool->queue, job);
	if (bundle)
		pool->options.on_bundle(pool->options.arg, bundle);
}

static void deliver_block(struct pool *pool, struct pool_job *job)
{
	struct pool_file *file = job->file;
	bool goes_on = file->task.on_read(file->task.on_read_arg, &job->read);

	if (job->bundle)
		pool->options.on_bundle(pool->options.arg, job->bundle);
	/* When somebody waits for room, files take turns. */
	if (!pool_queue_delivered_block(&pool->queue, job, goes_on && !pool->was_full))
		return;
	pool->pending_jobs--;
	file->task.on_end(file->task.on_read_arg);
	pool_file_free(file);
}

/** A bundle that got full: the rest is read when the owner has taken this one, so that a job has
 *  one of them at a time. */
static void deliver_piece(struct pool *pool, struct pool_job *job)
{
	struct bundle *bundle = job->bundle;

	job->bundle = NULL;
	pool->options.on_bundle(pool->options.arg, bundle);
	pool_queue_resume(&pool->queue, job);
}

/** What no block knows of those before it. */
static void settle(struct pool *pool, const struct pool_job *job)
{
	const struct pool_options *options = &pool->options;

	if (job->bundle && options->watermark)
		bundle_settle_late(job->bundle,
				   options->watermark(options->arg, job->line->partition));
}

/** Half empty is room: one place at a time would wake every source for each single job. */
static void tell_room(struct pool *pool)
{
	if (!pool->was_full || pool->pending_jobs > pool->share_count * (POOL_QUEUE_JOBS_MAX / 2) ||
	    pool->pending_bytes > pool->share_count * ((size_t)POOL_QUEUE_BYTES_MAX / 2))
		return;
	pool->was_full = false;
	if (pool->options.on_room)
		pool->options.on_room(pool->options.arg);
}

static void on_wake(void *arg)
{
	struct pool *pool = arg;
	struct pool_job_list done;
	struct pool_job *job;

	pool_queue_collect(&pool->queue, &done);
	while ((job = pool_job_list_pop(&done))) {
		settle(pool, job);
		if (job->has_rest)
			deliver_piece(pool, job);
		else if (job->file)
			deliver_block(pool, job);
		else
			deliver_bytes(pool, job);
	}
	tell_room(pool);
}

static void on_inline_timer(void *arg)
{
	struct pool *pool = arg;
	bool has_readers = pool->options.reader_count > 0;
	struct pool_job *job;

	for (int i = 0; i < INLINE_JOBS_PER_TURN; i++) {
		job = pool_queue_take(&pool->queue, has_readers);
		if (!job)
			return;
		run(&pool->queue, &pool->worker, job);
		pool_queue_finish(&pool->queue, job);
		on_wake(pool);
	}
	if (pool_queue_has_work(&pool->queue, has_readers))
		timer_set(pool->inline_timer, 0);
}

static int start_threads(struct pool *pool, struct err_note *why)
{
	for (uint32_t i = 0; i < pool->options.reader_count; i++) {
		struct pool_reader *reader = &pool->readers[i];
		int number = pthread_create(&reader->thread, NULL, reader_main, reader);
		if (number != 0)
			return err_errno(why, ERR_IO, number, "reader thread %u cannot start", i);
		reader->has_thread = true;
	}
	return 0;
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
	if (!pool->options.seed)
		env_random(env, &pool->options.seed, sizeof(pool->options.seed));
	if (!pool->options.block_bytes)
		pool->options.block_bytes = POOL_FILE_BLOCK_BYTES;
	pool->share_count = options->reader_count ? options->reader_count : 1;
	pool_queue_init(&pool->queue, 2 * pool->share_count + 2);
	pool->shelf = bundle_shelf_new(pool->options.seed);
	pool->inline_timer = timer_new(loop, on_inline_timer, pool);
	pool->wake = wake_new(loop, on_wake, pool);
	pool->readers = mem_alloc_array(pool->share_count, sizeof(*pool->readers));
	pool_worker_init(&pool->worker, env, pool->shelf,
			 options->reader_count ? POOL_SMALL_BYTES : pool->options.block_bytes,
			 options->bundle_bytes);
	for (uint32_t i = 0; i < options->reader_count; i++) {
		pool->readers[i].pool = pool;
		pool_worker_init(&pool->readers[i].worker, env, pool->shelf,
				 pool->options.block_bytes, options->bundle_bytes);
	}
	int code = start_threads(pool, why);
	if (code != 0) {
		pool_free(pool);
		return code;
	}
	*out = pool;
	return 0;
}

void pool_free(struct pool *pool)
{
	if (!pool)
		return;
	pool_queue_stop(&pool->queue);
	for (uint32_t i = 0; i < pool->options.reader_count; i++) {
		if (pool->readers[i].has_thread)
			pthread_join(pool->readers[i].thread, NULL);
		pool_worker_deinit(&pool->readers[i].worker);
	}
	pool_worker_deinit(&pool->worker);
	pool_queue_deinit(&pool->queue);
	wake_free(pool->wake);
	timer_free(pool->inline_timer);
	bundle_shelf_leave(pool->shelf);
	mem_free(pool->readers);
	mem_free(pool);
}

/** False: there is no room for the job. Once full, it is full until half of it is done: else who
 *  asks all the time would take every place, and who waits to be told would wait for ever. */
static bool claim(struct pool *pool, size_t bytes)
{
	if (pool->was_full || pool->pending_jobs >= pool->share_count * POOL_QUEUE_JOBS_MAX ||
	    (pool->pending_bytes &&
	     pool->pending_bytes + bytes > pool->share_count * (size_t)POOL_QUEUE_BYTES_MAX)) {
		pool->was_full = true;
		pool->full_count++;
		return false;
	}
	pool->pending_jobs++;
	pool->pending_bytes += bytes;
	return true;
}

static void start_inline(struct pool *pool, bool is_small)
{
	if ((pool->options.reader_count == 0 || is_small) && !timer_is_set(pool->inline_timer))
		timer_set(pool->inline_timer, 0);
}

int pool_try_bytes(struct pool *pool, struct pool_bytes_job *task)
{
	if (!claim(pool, task->data.length))
		return ERR_FULL;
	pool_queue_push_bytes(&pool->queue, task);
	task->data = BYTES_EMPTY;
	start_inline(pool, false);
	return 0;
}

int pool_try_file(struct pool *pool, const struct pool_file_job *task)
{
	if (!claim(pool, 0))
		return ERR_FULL;
	pool_queue_push_file(&pool->queue, task);
	start_inline(pool, task->is_small);
	return 0;
}

void pool_usage(const struct pool *pool, struct pool_usage *out)
{
	*out = (struct pool_usage){
		.reader_count = pool->options.reader_count,
		.full_count = pool->full_count,
		.queued_jobs = pool->pending_jobs,
	};
}
