#include "core/loop/loop.h"

#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/loop/loop_internal.h"

const struct env *loop_env(const struct loop *loop)
{
	return loop->env;
}

int64_t loop_mono_ms(const struct loop *loop)
{
	return env_mono_ms(loop->env);
}

int64_t loop_wall_ms(const struct loop *loop)
{
	return env_wall_ms(loop->env);
}

void loop_defer(struct loop *loop, void (*fn)(void *arg), void *arg)
{
	if (loop->deferred_count == loop->deferred_capacity) {
		loop->deferred_capacity = loop->deferred_capacity ? loop->deferred_capacity * 2 : 8;
		loop->deferred =
			mem_grow(loop->deferred, loop->deferred_capacity, sizeof(*loop->deferred));
	}
	loop->deferred[loop->deferred_count++] = (struct deferred){fn, arg};
}

bool loop_run_deferred(struct loop *loop)
{
	uint32_t count = loop->deferred_count;
	if (!count)
		return false;

	/* The list is taken away first: calls deferred from within wait for the next turn. */
	struct deferred *list = loop->deferred;
	loop->deferred = NULL;
	loop->deferred_count = 0;
	loop->deferred_capacity = 0;
	for (uint32_t i = 0; i < count; i++)
		list[i].fn(list[i].arg);
	mem_free(list);
	return true;
}

void loop_deinit(struct loop *loop)
{
	REQUIRE(!loop->wakes);
	mem_free(loop->heap);
	mem_free(loop->deferred);
	loop_clock_free(loop->clock);
	mem_free(loop);
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	if (loop->base)
		loop_live_deinit(loop);
	loop_deinit(loop);
}
