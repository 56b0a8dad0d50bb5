#include "core/loop/loop_internal.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/require.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

/*  Live: an eventfd. Virtual: only the flag, looked at in each turn. The flag also spares the write
 *  when a signal is already on its way. */
struct wake {
	struct loop *loop;
	void (*on_wake)(void *arg);
	void *arg;
	atomic_bool is_pending;
	int fd; /**< -1: virtual */
	struct watch *watch;
	struct wake *next;
	struct wake **link;
};

static void on_readable(void *arg, int what)
{
	struct wake *wake = arg;
	uint64_t count;

	(void)what;
	if (read(wake->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_warn(LOOP, "reading an eventfd failed: errno %d", errno);
	/* Cleared before the call: a signal from now on gives another call. */
	if (atomic_exchange(&wake->is_pending, false))
		wake->on_wake(wake->arg);
}

struct wake *wake_new(struct loop *loop, void (*on_wake)(void *arg), void *arg)
{
	struct wake *wake = mem_alloc(sizeof(*wake));

	wake->loop = loop;
	wake->on_wake = on_wake;
	wake->arg = arg;
	wake->fd = -1;
	if (loop->base) {
		struct err_note why = {0};
		wake->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (wake->fd < 0 ||
		    watch_new(&wake->watch, loop, wake->fd, WATCH_READ, on_readable, wake, &why)) {
			/* Without it no thread could hand anything over: like out of memory. */
			log_crit(LOOP, "no eventfd: errno %d %s", errno, why.text);
			REQUIRE(wake->watch);
		}
	}
	wake->next = loop->wakes;
	wake->link = &loop->wakes;
	if (wake->next)
		wake->next->link = &wake->next;
	loop->wakes = wake;
	return wake;
}

void wake_signal(struct wake *wake)
{
	uint64_t one = 1;

	if (atomic_exchange(&wake->is_pending, true) || wake->fd < 0)
		return;
	if (write(wake->fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_warn(LOOP, "writing an eventfd failed: errno %d", errno);
}

void wake_free(struct wake *wake)
{
	if (!wake)
		return;
	*wake->link = wake->next;
	if (wake->next)
		wake->next->link = wake->link;
	watch_free(wake->watch);
	if (wake->fd >= 0)
		close(wake->fd);
	mem_free(wake);
}

bool loop_virtual_run_wakes(struct loop *loop)
{
	bool has_run = false;

	/* A callback may free any wake, so the search starts anew after each call. */
	for (struct wake *wake = loop->wakes; wake;) {
		if (!atomic_exchange(&wake->is_pending, false)) {
			wake = wake->next;
			continue;
		}
		has_run = true;
		wake->on_wake(wake->arg);
		wake = loop->wakes;
	}
	return has_run;
}
