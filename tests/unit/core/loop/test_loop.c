#include <criterion/criterion.h>

#include "core/loop/loop.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "tests/support/run_loop.h"

#include <pthread.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

struct notes {
	struct loop *loop;
	struct timer *timer;
	char text[16];
	int count;
	int64_t at_ms[8];
};

static void note_a(void *arg)
{
	struct notes *notes = arg;
	notes->at_ms[notes->count] = loop_mono_ms(notes->loop);
	notes->text[notes->count++] = 'a';
}

static void note_b(void *arg)
{
	struct notes *notes = arg;
	notes->at_ms[notes->count] = loop_mono_ms(notes->loop);
	notes->text[notes->count++] = 'b';
}

static void repeat_three_times(void *arg)
{
	note_a(arg);
	struct notes *notes = arg;
	if (notes->count < 3)
		timer_set(notes->timer, 50);
}

static void free_own_timer(void *arg)
{
	struct notes *notes = arg;
	timer_free(notes->timer);
	notes->timer = NULL;
}

Test(loop, virtual_timers_fire_in_order_of_time_then_of_setting)
{
	struct loop *loop = loop_virtual_new(1000);
	struct notes notes = {.loop = loop};
	struct timer *late = timer_new(loop, note_a, &notes);
	struct timer *first = timer_new(loop, note_b, &notes);
	struct timer *second = timer_new(loop, note_a, &notes);

	timer_set(late, 20);
	timer_set(first, 10);
	timer_set(second, 10);
	loop_virtual_advance(loop, 9);
	cr_expect_eq(notes.count, 0);
	loop_virtual_advance(loop, 1);
	cr_expect_eq(notes.count, 2);
	loop_virtual_advance(loop, 100);
	cr_expect_str_eq(notes.text, "baa");
	cr_expect_eq(notes.at_ms[2], 20, "a timer sees its own time, not the end of the step");
	cr_expect_eq(loop_mono_ms(loop), 110);
	cr_expect_eq(loop_wall_ms(loop), 1110);
	cr_expect_eq(env_wall_ms(loop_env(loop)), 1110);
	timer_free(late);
	timer_free(first);
	timer_free(second);
	loop_free(loop);
}

Test(loop, a_virtual_wall_clock_may_be_set_and_timers_do_not_care)
{
	struct loop *loop = loop_virtual_new(5000);
	struct notes notes = {.loop = loop};
	struct timer *timer = timer_new(loop, note_a, &notes);

	timer_set(timer, 10);
	loop_virtual_step(loop, 1000);
	cr_expect_eq(loop_wall_ms(loop), 6000);
	loop_virtual_step(loop, -3000);
	loop_virtual_advance(loop, 9);
	cr_expect_eq(notes.count, 0);
	loop_virtual_advance(loop, 1);
	cr_expect_eq(notes.count, 1);
	cr_expect_eq(loop_mono_ms(loop), 10);
	cr_expect_eq(env_wall_ms(loop_env(loop)), 3010);
	timer_free(timer);
	loop_free(loop);
}

Test(loop, a_timer_may_set_itself_again_or_free_itself)
{
	struct loop *loop = loop_virtual_new(0);
	struct notes notes = {.loop = loop};

	notes.timer = timer_new(loop, repeat_three_times, &notes);
	timer_set(notes.timer, 50);
	loop_virtual_advance(loop, 1000);
	cr_expect_eq(notes.count, 3);
	cr_expect_eq(notes.at_ms[2], 150);
	cr_expect_not(timer_is_set(notes.timer));
	timer_free(notes.timer);
	notes.timer = timer_new(loop, free_own_timer, &notes);
	timer_set(notes.timer, 0);
	loop_virtual_turn(loop);
	cr_expect_null(notes.timer);
	loop_free(loop);
}

Test(loop, cancelled_and_replaced_timers_do_not_fire)
{
	struct loop *loop = loop_virtual_new(0);
	struct notes notes = {.loop = loop};
	struct timer *timers[32];

	for (int i = 0; i < 32; i++) {
		timers[i] = timer_new(loop, note_a, &notes);
		timer_set(timers[i], (i * 7) % 32);
	}
	for (int i = 0; i < 32; i++) {
		if (i != 5)
			timer_cancel(timers[i]);
	}
	timer_set(timers[5], 500);
	loop_virtual_advance(loop, 499);
	cr_expect_eq(notes.count, 0);
	loop_virtual_advance(loop, 1);
	cr_expect_eq(notes.count, 1);
	for (int i = 0; i < 32; i++)
		timer_free(timers[i]);
	loop_free(loop);
}

Test(loop, a_virtual_loop_watches_no_descriptor)
{
	struct loop *loop = loop_virtual_new(0);
	struct watch *watch = NULL;
	struct err_note why = {0};

	cr_expect_eq(watch_new(&watch, loop, 0, WATCH_READ, NULL, NULL, &why), ERR_UNSUPPORTED);
	cr_expect_str_not_empty(why.text);
	loop_free(loop);
}

static void set_flag(void *arg)
{
	*(bool *)arg = true;
}

static void *signal_from_thread(void *arg)
{
	wake_signal(arg);
	return NULL;
}

Test(loop, a_thread_wakes_the_loop)
{
	struct loop *loop = run_loop_new();
	bool is_woken = false;
	struct wake *wake = wake_new(loop, set_flag, &is_woken);
	pthread_t thread;

	pthread_create(&thread, NULL, signal_from_thread, wake);
	cr_expect(run_loop_until(loop, run_loop_flag, &is_woken));
	pthread_join(thread, NULL);
	wake_free(wake);
	loop_free(loop);
}

Test(loop, a_virtual_wake_runs_once_for_several_signals)
{
	struct loop *loop = loop_virtual_new(0);
	struct notes notes = {.loop = loop};
	struct wake *wake = wake_new(loop, note_a, &notes);

	wake_signal(wake);
	wake_signal(wake);
	loop_virtual_turn(loop);
	cr_expect_eq(notes.count, 1);
	wake_free(wake);
	loop_free(loop);
}

Test(loop, live_timers_fire_in_order_and_not_early)
{
	struct loop *loop = run_loop_new();
	struct notes notes = {.loop = loop};
	struct timer *late = timer_new(loop, note_b, &notes);
	struct timer *early = timer_new(loop, note_a, &notes);
	int64_t start_ms = loop_mono_ms(loop);

	timer_set(late, 20);
	timer_set(early, 5);
	while (notes.count < 2)
		run_loop_for(loop, 5, run_loop_flag, &(bool){false});
	cr_expect_str_eq(notes.text, "ab");
	cr_expect_geq(notes.at_ms[0] - start_ms, 5);
	cr_expect_geq(notes.at_ms[1] - start_ms, 20);
	timer_free(late);
	timer_free(early);
	loop_free(loop);
}

static void *stop_from_thread(void *arg)
{
	loop_stop(arg);
	return NULL;
}

Test(loop, loop_stop_works_from_a_thread_while_nothing_happens, .timeout = 10)
{
	struct loop *loop = run_loop_new();
	pthread_t thread;

	pthread_create(&thread, NULL, stop_from_thread, loop);
	cr_expect_eq(loop_run(loop, NULL), 0);
	pthread_join(thread, NULL);
	loop_free(loop);
}

struct pipe_case {
	int fds[2];
	struct watch *watch;
	bool is_ready;
};

static void on_pipe(void *arg, int what)
{
	struct pipe_case *pipe_case = arg;
	pipe_case->is_ready = what == WATCH_READ;
	watch_free(pipe_case->watch);
}

Test(loop, a_watch_reports_readiness_and_may_free_itself)
{
	struct loop *loop = run_loop_new();
	struct pipe_case pipe_case = {0};

	cr_assert_eq(pipe(pipe_case.fds), 0);
	cr_assert_eq(watch_new(&pipe_case.watch, loop, pipe_case.fds[0], WATCH_READ, on_pipe,
			       &pipe_case, NULL),
		     0);
	cr_expect_eq(write(pipe_case.fds[1], "x", 1), 1);
	cr_expect(run_loop_until(loop, run_loop_flag, &pipe_case.is_ready));
	close(pipe_case.fds[0]);
	close(pipe_case.fds[1]);
	loop_free(loop);
}

Test(loop, a_paused_watch_is_silent_and_reports_what_came_meanwhile)
{
	struct loop *loop = run_loop_new();
	struct pipe_case pipe_case = {0};

	cr_assert_eq(pipe(pipe_case.fds), 0);
	cr_assert_eq(watch_new(&pipe_case.watch, loop, pipe_case.fds[0], WATCH_READ, on_pipe,
			       &pipe_case, NULL),
		     0);
	watch_pause(pipe_case.watch, true);
	cr_expect_eq(write(pipe_case.fds[1], "x", 1), 1);
	cr_expect_not(run_loop_for(loop, 5, run_loop_flag, &pipe_case.is_ready));
	watch_pause(pipe_case.watch, false);
	cr_expect(run_loop_until(loop, run_loop_flag, &pipe_case.is_ready));
	close(pipe_case.fds[0]);
	close(pipe_case.fds[1]);
	loop_free(loop);
}

static void on_signal(void *arg, int number)
{
	*(bool *)arg = number == SIGUSR1;
}

Test(loop, a_file_and_dev_null_are_refused_as_always_ready)
{
	struct loop *loop = run_loop_new();
	static const char *const paths[] = {"/dev/null", "/proc/self/exe", "/"};

	for (size_t i = 0; i < 3; i++) {
		struct watch *watch = NULL;
		int fd = open(paths[i], O_RDONLY);
		cr_expect_eq(watch_new(&watch, loop, fd, WATCH_READ, NULL, NULL, NULL),
			     ERR_UNSUPPORTED, "%s", paths[i]);
		close(fd);
	}
	loop_free(loop);
}

Test(loop, a_signal_is_a_call_on_the_loop)
{
	struct loop *loop = run_loop_new();
	bool is_seen = false;

	cr_assert_eq(loop_on_signal(loop, SIGUSR1, on_signal, &is_seen, NULL), 0);
	raise(SIGUSR1);
	cr_expect(run_loop_until(loop, run_loop_flag, &is_seen));
	loop_free(loop);
}
