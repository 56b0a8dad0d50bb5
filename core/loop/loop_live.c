#include "core/loop/loop_internal.h"

#include <event2/event.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

/*  libevent waits for descriptors, signals and one alarm: the first timer of our own heap. No call
 *  into libevent comes from another thread (wakes are eventfds), so its locks stay off. */
struct watch {
	struct event *event;
	void (*on_ready)(void *arg, int what);
	void *arg;
};

struct loop_signal {
	struct event *event;
	void (*on_signal)(void *arg, int number);
	void *arg;
	struct loop_signal *next;
};

static void on_alarm(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg; /* waking up is all: the turn runs the timers */
}

static void on_stop(void *arg)
{
	(void)arg;
}

int loop_live_new(struct loop **out, const struct env *env, struct err_note *why)
{
	struct event_config *config = event_config_new();
	struct loop *loop = mem_alloc(sizeof(*loop));

	loop->env = env;
	/* A write to a closed socket must be an error of that socket, not the end of the process.
	 * */
	signal(SIGPIPE, SIG_IGN);
	/* Whoever started us may have left it ignored: then the kernel reaps programs itself, and
	 * nobody learns how they ended. */
	signal(SIGCHLD, SIG_DFL);
	if (config) {
		event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
		loop->base = event_base_new_with_config(config);
		event_config_free(config);
	}
	if (loop->base)
		loop->alarm = evtimer_new(loop->base, on_alarm, NULL);
	if (!loop->alarm) {
		loop_free(loop);
		return err_set(why, ERR_IO, "the event loop cannot be made");
	}
	loop->stop_wake = wake_new(loop, on_stop, NULL);
	*out = loop;
	return 0;
}

void loop_live_deinit(struct loop *loop)
{
	while (loop->signals) {
		struct loop_signal *signal_entry = loop->signals;
		loop->signals = signal_entry->next;
		event_free(signal_entry->event);
		mem_free(signal_entry);
	}
	wake_free(loop->stop_wake);
	if (loop->alarm)
		event_free(loop->alarm);
	event_base_free(loop->base);
}

static void set_alarm(struct loop *loop)
{
	int64_t due_ms = loop_next_due_ms(loop);
	if (due_ms < 0) {
		evtimer_del(loop->alarm);
		return;
	}
	int64_t delay_ms = due_ms - loop_mono_ms(loop);
	if (delay_ms < 0)
		delay_ms = 0;
	struct timeval delay = {delay_ms / 1000, (delay_ms % 1000) * 1000};
	evtimer_add(loop->alarm, &delay);
}

int loop_run(struct loop *loop, struct err_note *why)
{
	REQUIRE(loop->base);
	while (!atomic_exchange(&loop->is_stopping, false)) {
		set_alarm(loop);
		if (event_base_loop(loop->base, EVLOOP_ONCE) < 0)
			return err_errno(why, ERR_IO, errno, "the event loop failed");
		loop_run_due(loop);
	}
	return 0;
}

void loop_stop(struct loop *loop)
{
	atomic_store(&loop->is_stopping, true);
	if (loop->stop_wake)
		wake_signal(loop->stop_wake);
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;
	int ready = ((what & EV_READ) ? WATCH_READ : 0) | ((what & EV_WRITE) ? WATCH_WRITE : 0);

	(void)fd;
	watch->on_ready(watch->arg, ready);
}

/** Regular files, directories and devices such as /dev/null: nothing to wait for. */
static bool is_always_ready(int fd)
{
	struct stat info;
	if (fstat(fd, &info) != 0)
		return false;
	if (!S_ISCHR(info.st_mode))
		return S_ISREG(info.st_mode) || S_ISDIR(info.st_mode);
	struct epoll_event event = {.events = EPOLLIN};
	int probe = epoll_create1(EPOLL_CLOEXEC);
	bool is_refused =
		probe >= 0 && epoll_ctl(probe, EPOLL_CTL_ADD, fd, &event) != 0 && errno == EPERM;
	if (probe >= 0)
		close(probe);
	return is_refused;
}

int watch_new(struct watch **out, struct loop *loop, int fd, int what,
	      void (*on_ready)(void *arg, int what), void *arg, struct err_note *why)
{
	if (!loop->base)
		return err_set(why, ERR_UNSUPPORTED,
			       "descriptors cannot be watched on a virtual loop");

	/* epoll refuses these, and libevent would print about it. */
	if (is_always_ready(fd))
		return err_set(why, ERR_UNSUPPORTED, "descriptor %d is a file, always ready", fd);

	short flags = (short)(EV_PERSIST | ((what & WATCH_READ) ? EV_READ : 0) |
			      ((what & WATCH_WRITE) ? EV_WRITE : 0));
	struct watch *watch = mem_alloc(sizeof(*watch));
	watch->on_ready = on_ready;
	watch->arg = arg;
	watch->event = event_new(loop->base, fd, flags, on_watch, watch);
	errno = 0;
	if (!watch->event || event_add(watch->event, NULL) != 0) {
		int number = errno;
		watch_free(watch);
		return err_errno(why, ERR_IO, number, "descriptor %d cannot be watched", fd);
	}
	*out = watch;
	return 0;
}

void watch_pause(struct watch *watch, bool is_paused)
{
	if (is_paused)
		event_del(watch->event);
	else
		event_add(watch->event, NULL);
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	if (watch->event)
		event_free(watch->event);
	mem_free(watch);
}

static void on_signal_event(evutil_socket_t number, short what, void *arg)
{
	struct loop_signal *entry = arg;

	(void)what;
	entry->on_signal(entry->arg, (int)number);
}

int loop_on_signal(struct loop *loop, int signal_number, void (*on_signal)(void *arg, int number),
		   void *arg, struct err_note *why)
{
	if (!loop->base)
		return err_set(why, ERR_UNSUPPORTED, "signals do not reach a virtual loop");

	struct loop_signal *entry = mem_alloc(sizeof(*entry));
	entry->on_signal = on_signal;
	entry->arg = arg;
	entry->event = evsignal_new(loop->base, signal_number, on_signal_event, entry);
	if (!entry->event || event_add(entry->event, NULL) != 0) {
		if (entry->event)
			event_free(entry->event);
		mem_free(entry);
		return err_set(why, ERR_IO, "signal %d cannot be caught", signal_number);
	}
	entry->next = loop->signals;
	loop->signals = entry;
	return 0;
}
