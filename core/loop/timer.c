#include "core/loop/loop_internal.h"

#include "core/base/mem.h"
#include "core/base/require.h"

#define NOT_IN_HEAP UINT32_MAX

/*  A binary heap of pointers; each timer knows its index, so cancel is O(log n) without a search.
 *  Equal due times fire in the order they were set: replay depends on it. */
struct timer {
	struct loop *loop;
	void (*on_time)(void *arg);
	void *arg;
	int64_t due_ms;
	uint64_t order;
	uint32_t index;
};

static bool is_before(const struct timer *a, const struct timer *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void place(struct loop *loop, struct timer *timer, uint32_t index)
{
	loop->heap[index] = timer;
	timer->index = index;
}

static void sift_up(struct loop *loop, struct timer *timer, uint32_t index)
{
	while (index > 0 && is_before(timer, loop->heap[(index - 1) / 2])) {
		place(loop, loop->heap[(index - 1) / 2], index);
		index = (index - 1) / 2;
	}
	place(loop, timer, index);
}

static void sift_down(struct loop *loop, struct timer *timer, uint32_t index)
{
	for (;;) {
		uint32_t child = index * 2 + 1;
		if (child >= loop->heap_count)
			break;
		if (child + 1 < loop->heap_count &&
		    is_before(loop->heap[child + 1], loop->heap[child]))
			child++;
		if (!is_before(loop->heap[child], timer))
			break;
		place(loop, loop->heap[child], index);
		index = child;
	}
	place(loop, timer, index);
}

struct timer *timer_new(struct loop *loop, void (*on_time)(void *arg), void *arg)
{
	struct timer *timer = mem_alloc(sizeof(*timer));

	timer->loop = loop;
	timer->on_time = on_time;
	timer->arg = arg;
	timer->index = NOT_IN_HEAP;
	return timer;
}

void timer_set(struct timer *timer, int64_t delay_ms)
{
	struct loop *loop = timer->loop;

	timer_cancel(timer);
	if (loop->heap_count == loop->heap_capacity) {
		loop->heap_capacity = loop->heap_capacity ? loop->heap_capacity * 2 : 16;
		loop->heap = mem_grow(loop->heap, loop->heap_capacity, sizeof(*loop->heap));
	}
	timer->due_ms = loop_mono_ms(loop) + (delay_ms > 0 ? delay_ms : 0);
	timer->order = loop->next_order++;
	loop->heap_count++;
	sift_up(loop, timer, loop->heap_count - 1);
}

void timer_cancel(struct timer *timer)
{
	struct loop *loop = timer->loop;
	uint32_t index = timer->index;

	if (index == NOT_IN_HEAP)
		return;
	timer->index = NOT_IN_HEAP;
	struct timer *last = loop->heap[--loop->heap_count];
	if (last == timer)
		return;
	if (index > 0 && is_before(last, loop->heap[(index - 1) / 2]))
		sift_up(loop, last, index);
	else
		sift_down(loop, last, index);
}

bool timer_is_set(const struct timer *timer)
{
	return timer->index != NOT_IN_HEAP;
}

void timer_free(struct timer *timer)
{
	if (!timer)
		return;
	timer_cancel(timer);
	mem_free(timer);
}

int64_t loop_next_due_ms(const struct loop *loop)
{
	return loop->heap_count ? loop->heap[0]->due_ms : -1;
}

bool loop_run_due(struct loop *loop)
{
	int64_t now_ms = loop_mono_ms(loop);
	uint64_t end_order = loop->next_order;
	bool has_run = false;

	/* A timer that sets itself to zero waits for the next turn, so that sockets get theirs. */
	while (loop->heap_count && loop->heap[0]->due_ms <= now_ms &&
	       loop->heap[0]->order < end_order) {
		struct timer *timer = loop->heap[0];
		timer_cancel(timer);
		has_run = true;
		timer->on_time(timer->arg);
	}
	return has_run;
}
