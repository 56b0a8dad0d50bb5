#include "core/loop/workers.h"

#include "core/base/err.h"
#include "core/loop/loop.h"
#include "tests/support/run_loop.h"

#include <criterion/criterion.h>

#include <pthread.h>
#include <stdatomic.h>

enum { JOBS = 200 };

/* A job that may be held until it is let go. */
struct piece {
	pthread_t thread;
	atomic_bool has_begun, may_end, was_stopped;
	bool is_done, is_cancelled;
};

static void run(void *arg)
{
	struct piece *piece = arg;
	piece->thread = pthread_self();
	atomic_store(&piece->has_begun, true);
	while (!atomic_load(&piece->may_end))
		sched_yield();
}

static void stop(void *arg)
{
	struct piece *piece = arg;
	atomic_store(&piece->was_stopped, true);
	atomic_store(&piece->may_end, true);
}

static void done(void *arg, bool is_cancelled)
{
	struct piece *piece = arg;
	cr_assert(!piece->is_done, "once");
	piece->is_done = true;
	piece->is_cancelled = is_cancelled;
}

static struct worker_job *start(struct workers *workers, struct piece *piece)
{
	struct worker_task task = {.run = run, .stop = stop, .done = done, .arg = piece};
	struct worker_job *job = NULL;
	cr_assert_eq(workers_start(&job, workers, &task, NULL), 0);
	return job;
}

static bool has_begun(void *arg)
{
	return atomic_load(&((struct piece *)arg)->has_begun);
}

Test(workers, work_is_done_on_another_thread_and_told_on_the_loop)
{
	struct loop *loop = run_loop_new();
	struct workers *workers = workers_new(loop, 2, 8);
	struct piece piece = {.may_end = true};
	start(workers, &piece);
	cr_assert(run_loop_until(loop, run_loop_flag, &piece.is_done));
	cr_expect(!piece.is_cancelled);
	cr_expect(!pthread_equal(piece.thread, pthread_self()));
	workers_free(workers);
	loop_free(loop);
}

Test(workers, one_slow_job_does_not_hold_the_others)
{
	struct loop *loop = run_loop_new();
	struct workers *workers = workers_new(loop, 2, JOBS + 1);
	struct piece slow = {.may_end = false}, pieces[JOBS] = {{.may_end = true}};
	start(workers, &slow);
	for (int i = 0; i < JOBS; i++) {
		atomic_store(&pieces[i].may_end, true);
		start(workers, &pieces[i]);
	}
	for (int i = 0; i < JOBS; i++)
		cr_assert(run_loop_until(loop, run_loop_flag, &pieces[i].is_done));
	cr_expect(!slow.is_done);
	atomic_store(&slow.may_end, true);
	cr_assert(run_loop_until(loop, run_loop_flag, &slow.is_done));
	workers_free(workers);
	loop_free(loop);
}

Test(workers, the_queue_is_bounded)
{
	struct loop *loop = run_loop_new();
	struct workers *workers = workers_new(loop, 1, 2);
	struct piece first = {.may_end = false}, second = {.may_end = true}, third = {0};
	struct worker_task task = {.run = run, .done = done, .arg = &third};
	struct worker_job *job;
	struct err_note why = {{0}};
	start(workers, &first);
	start(workers, &second);
	cr_expect_eq(workers_start(&job, workers, &task, &why), ERR_FULL);
	cr_expect_str_eq(why.text, "2 pieces of work wait or run already");
	atomic_store(&first.may_end, true);
	cr_assert(run_loop_until(loop, run_loop_flag, &second.is_done));
	cr_expect(!third.is_done);
	workers_free(workers);
	loop_free(loop);
}

Test(workers, a_cancelled_job_is_stopped_and_told_once)
{
	struct loop *loop = run_loop_new();
	struct workers *workers = workers_new(loop, 1, 4);
	struct piece running = {.may_end = false}, waiting = {.may_end = false};
	struct worker_job *job = start(workers, &running);
	cr_assert(run_loop_until(loop, has_begun, &running));
	worker_job_cancel(start(workers, &waiting));
	cr_assert(run_loop_until(loop, run_loop_flag, &waiting.is_done));
	cr_expect(waiting.is_cancelled && !atomic_load(&waiting.has_begun));
	worker_job_cancel(job);
	cr_assert(run_loop_until(loop, run_loop_flag, &running.is_done));
	cr_expect(running.is_cancelled && atomic_load(&running.was_stopped));
	workers_free(workers);
	loop_free(loop);
}

Test(workers, free_cancels_what_is_left_and_waits_for_it)
{
	struct loop *loop = run_loop_new();
	struct workers *workers = workers_new(loop, 1, 4);
	struct piece running = {.may_end = false}, waiting = {.may_end = false};
	start(workers, &running);
	start(workers, &waiting);
	cr_assert(run_loop_until(loop, has_begun, &running));
	workers_free(workers);
	cr_expect(running.is_done && running.is_cancelled && waiting.is_done);
	cr_expect(!atomic_load(&waiting.has_begun));
	loop_free(loop);
}
