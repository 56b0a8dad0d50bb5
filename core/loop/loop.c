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

void loop_deinit(struct loop *loop)
{
	REQUIRE(!loop->wakes);
	mem_free(loop->heap);
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
