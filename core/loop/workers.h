/** workers.h - blocking work off the loop thread: a few threads and a bounded queue.
 *
 *      start ──queue──> run(arg) on a thread ──wake──> done(arg) on the loop thread
 *
 *  The threads begin with the first job. A job that is cancelled still ends in done(), which frees
 *  its argument: at the next turn when it had not begun, else when run() has returned.
 *  Owner: workers_new() result owned; workers_free() waits for what runs. A job is borrowed until
 *  its done().
 *  Threads: loop thread only, but for run().
 */
#ifndef TOCSIN_CORE_LOOP_WORKERS_H
#define TOCSIN_CORE_LOOP_WORKERS_H

#include <stdbool.h>
#include <stdint.h>

struct err_note;
struct loop;
struct worker_job;
struct workers;

enum { WORKERS_THREADS_MAX = 16 };

struct worker_task {
	void (*run)(void *arg); /**< on a thread of its own */
	/** While run() may be going on, of a job that is cancelled: lets it return soon. */
	void (*stop)(void *arg);
	void (*done)(void *arg, bool is_cancelled); /**< once; frees arg */
	void *arg;
};

struct workers *workers_new(struct loop *loop, uint32_t thread_count, uint32_t jobs_max);
void workers_free(struct workers *workers); /**< cancels what is left; NULL allowed */

/** ERR_FULL: jobs_max wait or run; ERR_IO: no thread. Then `done` is not called. */
int workers_start(struct worker_job **out, struct workers *workers, const struct worker_task *task,
		  struct err_note *why);
void worker_job_cancel(struct worker_job *job);

#endif
