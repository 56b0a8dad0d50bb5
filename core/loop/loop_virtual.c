#include "core/loop/loop_internal.h"

#include "core/base/mem.h"
#include "core/base/require.h"

struct loop *loop_virtual_new(int64_t wall_ms)
{
	struct loop *loop = mem_alloc(sizeof(*loop));

	loop->clock = loop_clock_new(wall_ms);
	loop->env = loop_clock_env(loop->clock);
	return loop;
}

void loop_virtual_advance(struct loop *loop, int64_t by_ms)
{
	REQUIRE(loop->clock && by_ms >= 0);
	int64_t end_ms = loop_mono_ms(loop) + by_ms;

	for (;;) {
		bool has_run = loop_virtual_run_wakes(loop);
		has_run = loop_run_due(loop) || has_run;
		if (has_run)
			continue;
		int64_t due_ms = loop_next_due_ms(loop);
		if (due_ms < 0 || due_ms > end_ms)
			break;
		loop_clock_set(loop->clock, due_ms);
	}
	loop_clock_set(loop->clock, end_ms);
}

void loop_virtual_turn(struct loop *loop)
{
	loop_virtual_advance(loop, 0);
}

void loop_virtual_step(struct loop *loop, int64_t by_ms)
{
	REQUIRE(loop->clock);
	loop_clock_step(loop->clock, by_ms);
}
