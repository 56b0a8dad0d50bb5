/** loop.h - the event loop: timers, wake-ups from other threads, readiness of descriptors, signals.
 *
 *  Two backends: loop_live_new() on libevent, and loop_virtual_new() whose clock is moved by
 *  loop_virtual_advance(): timers and wake-ups only, so replay and tests never sleep.
 *  Loop time (loop_mono_ms) is the env's monotonic clock, loop_wall_ms its wall clock.
 *  A virtual loop's monotonic clock starts at 0. A live loop ignores SIGPIPE in the whole process,
 *  and does not leave SIGCHLD ignored (process.h).
 *  Owner: *_new() results are owned and freed before the loop. Threads: loop thread only, except
 *  wake_signal() and loop_stop(). Callbacks may free their own object.
 */
#ifndef TOCSIN_CORE_LOOP_LOOP_H
#define TOCSIN_CORE_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct env;
struct err_note;
struct loop;
struct timer;
struct wake;
struct watch;

int loop_live_new(struct loop **out, const struct env *env, struct err_note *why);
struct loop *loop_virtual_new(int64_t wall_ms);
void loop_free(struct loop *loop);

const struct env *loop_env(const struct loop *loop); /**< of a virtual loop: the virtual clock */
int64_t loop_mono_ms(const struct loop *loop);
int64_t loop_wall_ms(const struct loop *loop);

int loop_run(struct loop *loop, struct err_note *why); /**< until loop_stop(); live only */
void loop_stop(struct loop *loop);
/** Moves a virtual clock forward, running wake-ups and due timers in order of time. */
void loop_virtual_advance(struct loop *loop, int64_t by_ms);
/** Runs wake-ups and due timers of a virtual loop without moving the clock. */
void loop_virtual_turn(struct loop *loop);
/** Somebody sets the wall clock of a virtual loop forward or back; timers go by the other one. */
void loop_virtual_step(struct loop *loop, int64_t by_ms);

struct timer *timer_new(struct loop *loop, void (*on_time)(void *arg), void *arg);
void timer_set(struct timer *timer, int64_t delay_ms); /**< once; replaces an earlier setting */
void timer_cancel(struct timer *timer);
bool timer_is_set(const struct timer *timer);
void timer_free(struct timer *timer);

struct wake *wake_new(struct loop *loop, void (*on_wake)(void *arg), void *arg);
void wake_signal(struct wake *wake); /**< any thread; several signals may give one call */
void wake_free(struct wake *wake);

enum watch_what { WATCH_READ = 1, WATCH_WRITE = 2 };
/** Level-triggered; ERR_UNSUPPORTED on a virtual loop and for regular files. */
int watch_new(struct watch **out, struct loop *loop, int fd, int what,
	      void (*on_ready)(void *arg, int what), void *arg, struct err_note *why);
void watch_pause(struct watch *watch, bool is_paused); /**< no calls while paused */
void watch_free(struct watch *watch);

/** Calls `on_signal` on the loop thread (SIGTERM, SIGINT, SIGHUP …). */
int loop_on_signal(struct loop *loop, int signal_number, void (*on_signal)(void *arg, int number),
		   void *arg, struct err_note *why);

#endif
