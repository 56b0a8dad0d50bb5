#include "core/loop/workers.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/loop/loop.h"

#include <pthread.h>

enum job_stage { JOB_QUEUED, JOB_RUNNING, JOB_OVER };

struct worker_job {
	struct workers *workers;
	struct worker_task task;
	enum job_stage stage; /* under the lock */
	bool is_cancelled;    /* loop thread */
	struct worker_job *next;
};

/*  All jobs are in one list, in the order of their start: there are few. */
struct workers {
	struct loop *loop;
	struct wake *wake;
	uint32_t thread_count, started_count, jobs_max, job_count;
	pthread_t threads[WORKERS_THREADS_MAX];
	pthread_mutex_t lock;
	pthread_cond_t has_work;
	struct worker_job *jobs;
	bool is_ending;
};

static struct worker_job *find(const struct workers *workers, enum job_stage stage)
{
	struct worker_job *job = workers->jobs;
	while (job && job->stage != stage)
		job = job->next;
	return job;
}

static void *thread_main(void *arg)
{
	struct workers *workers = arg;
	struct worker_job *job;
	pthread_mutex_lock(&workers->lock);
	for (;;) {
		while (!(job = find(workers, JOB_QUEUED)) && !workers->is_ending)
			pthread_cond_wait(&workers->has_work, &workers->lock);
		if (workers->is_ending)
			break;
		job->stage = JOB_RUNNING;
		pthread_mutex_unlock(&workers->lock);
		job->task.run(job->task.arg);
		pthread_mutex_lock(&workers->lock);
		job->stage = JOB_OVER;
		wake_signal(workers->wake);
	}
	pthread_mutex_unlock(&workers->lock);
	return NULL;
}

static struct worker_job *take_over(struct workers *workers)
{
	struct worker_job **link = &workers->jobs;
	pthread_mutex_lock(&workers->lock);
	while (*link && (*link)->stage != JOB_OVER)
		link = &(*link)->next;
	struct worker_job *job = *link;
	if (job) {
		*link = job->next;
		workers->job_count--;
	}
	pthread_mutex_unlock(&workers->lock);
	return job;
}

static void on_wake(void *arg)
{
	struct workers *workers = arg;
	struct worker_job *job;
	while ((job = take_over(workers))) {
		struct worker_task task = job->task;
		bool is_cancelled = job->is_cancelled;
		mem_free(job);
		task.done(task.arg, is_cancelled);
	}
}

struct workers *workers_new(struct loop *loop, uint32_t thread_count, uint32_t jobs_max)
{
	struct workers *workers = mem_alloc(sizeof(*workers));
	REQUIRE(thread_count > 0 && thread_count <= WORKERS_THREADS_MAX);
	workers->loop = loop;
	workers->thread_count = thread_count;
	workers->jobs_max = jobs_max;
	workers->wake = wake_new(loop, on_wake, workers);
	pthread_mutex_init(&workers->lock, NULL);
	pthread_cond_init(&workers->has_work, NULL);
	return workers;
}

void workers_free(struct workers *workers)
{
	if (!workers)
		return;
	for (struct worker_job *job = workers->jobs; job; job = job->next)
		worker_job_cancel(job);
	pthread_mutex_lock(&workers->lock);
	workers->is_ending = true;
	pthread_cond_broadcast(&workers->has_work);
	pthread_mutex_unlock(&workers->lock);
	for (uint32_t i = 0; i < workers->started_count; i++)
		pthread_join(workers->threads[i], NULL);
	on_wake(workers);
	REQUIRE(!workers->jobs);
	wake_free(workers->wake);
	pthread_cond_destroy(&workers->has_work);
	pthread_mutex_destroy(&workers->lock);
	mem_free(workers);
}

static int start_thread(struct workers *workers, struct err_note *why)
{
	if (workers->started_count == workers->thread_count)
		return 0;
	int number = pthread_create(&workers->threads[workers->started_count], NULL, thread_main,
				    workers);
	if (number != 0)
		return err_errno(why, ERR_IO, number, "a worker thread cannot start");
	workers->started_count++;
	return 0;
}

int workers_start(struct worker_job **out, struct workers *workers, const struct worker_task *task,
		  struct err_note *why)
{
	if (workers->job_count >= workers->jobs_max)
		return err_set(why, ERR_FULL, "%u pieces of work wait or run already",
			       workers->job_count);
	int code = start_thread(workers, why);
	if (code != 0 && workers->started_count == 0)
		return code;
	struct worker_job *job = mem_alloc(sizeof(*job));
	job->workers = workers;
	job->task = *task;
	pthread_mutex_lock(&workers->lock);
	struct worker_job **link = &workers->jobs;
	while (*link)
		link = &(*link)->next;
	*link = job;
	workers->job_count++;
	pthread_cond_signal(&workers->has_work);
	pthread_mutex_unlock(&workers->lock);
	*out = job;
	return 0;
}

void worker_job_cancel(struct worker_job *job)
{
	struct workers *workers = job->workers;
	job->is_cancelled = true;
	pthread_mutex_lock(&workers->lock);
	bool is_running = job->stage == JOB_RUNNING;
	if (job->stage == JOB_QUEUED) {
		job->stage = JOB_OVER;
		wake_signal(workers->wake);
	}
	pthread_mutex_unlock(&workers->lock);
	/* It may have returned by now; its argument lives until done(). */
	if (is_running && job->task.stop)
		job->task.stop(job->task.arg);
}
