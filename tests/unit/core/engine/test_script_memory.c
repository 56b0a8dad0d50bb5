#include "core/engine/script_memory.h"

#include <criterion/criterion.h>

#include <string.h>

enum { IDLE_MS = 16000, STEP_MS = IDLE_MS / SCRIPT_IDLE_STEPS + 1 };

/** A reading of the key at `time_ms` that leaves `state` and, when `at_ms` is not 0, a timer. */
static bool keep(struct script_memory *memory, const char *name, int64_t time_ms, const char *state,
		 int64_t at_ms, int64_t watermark_ms)
{
	struct rule_call call = {.key = slice_of(name), .time_ms = time_ms};
	struct rule_memory *left = &call.memory;

	script_memory_load(script_memory_find(memory, call.key, watermark_ms), left);
	left->state = slice_of(state);
	left->has_new_state = left->has_new_timers = true;
	left->timer_count = at_ms != 0;
	snprintf(left->timers[0].name, sizeof(left->timers[0].name), "%s", "t");
	left->timers[0].at_ms = at_ms;
	return script_memory_keep(memory, &call, true, watermark_ms);
}

static const char *take(struct script_memory *memory, int64_t upto_ms)
{
	static char text[100];
	struct rule_timer timer;
	struct script_key *key;

	if (!script_memory_take_due(memory, upto_ms, &timer, &key))
		return "none";
	snprintf(text, sizeof(text), "%.*s %lld", (int)script_memory_key(memory, key).length,
		 script_memory_key(memory, key).data, (long long)timer.at_ms);
	return text;
}

Test(script_memory, a_key_is_there_as_long_as_something_is_kept)
{
	struct script_memory *memory = script_memory_new(1, 10, IDLE_MS);

	cr_expect(keep(memory, "a", 1000, "", 0, 0));
	cr_expect_eq(memory->live_count, 0);
	cr_expect(keep(memory, "a", 1000, "x", 0, 0));
	cr_expect_eq(script_memory_find(memory, slice_of("a"), 0)->state_bytes, 1);
	cr_expect(keep(memory, "a", 1000, "", 0, 0));
	cr_expect_null(script_memory_find(memory, slice_of("a"), 0));
	cr_expect_eq(memory->live_count, 0);
	script_memory_free(memory);
}

Test(script_memory, timers_come_by_time_then_key)
{
	struct script_memory *memory = script_memory_new(1, 10, IDLE_MS);

	keep(memory, "b", 0, "", 5000, 0);
	keep(memory, "a", 0, "", 5000, 0);
	keep(memory, "c", 0, "", 4000, 0);
	keep(memory, "d", 0, "", 3000, 0);
	keep(memory, "d", 0, "", 9000, 0); /* set anew, later: its place in the heap is too early */
	cr_expect_str_eq(take(memory, 3999), "none");
	cr_expect_str_eq(take(memory, 8999), "c 4000");
	cr_expect_str_eq(take(memory, 8999), "a 5000");
	cr_expect_str_eq(take(memory, 8999), "b 5000");
	cr_expect_str_eq(take(memory, 8999), "none");
	cr_expect_str_eq(take(memory, 9000), "d 9000");
	cr_expect_eq(script_memory_next(memory), INT64_MAX);
	script_memory_free(memory);
}

Test(script_memory, who_is_idle_counts_as_gone_at_its_very_millisecond)
{
	struct script_memory *memory = script_memory_new(1, 1, IDLE_MS);
	int64_t idle_ms = STEP_MS + IDLE_MS; /* the last reading, rounded up, and the span */

	keep(memory, "a", 0, "x", 0, 0);
	cr_expect_not(keep(memory, "b", 0, "y", 0, idle_ms - 1));
	cr_expect_eq(memory->refused_count, 1);
	cr_expect_not_null(script_memory_find(memory, slice_of("a"), idle_ms - 1));
	cr_expect_null(script_memory_find(memory, slice_of("a"), idle_ms));
	cr_expect(keep(memory, "b", 0, "y", 0, idle_ms));
	cr_expect_eq(memory->live_count, 1);
	script_memory_free(memory);
}

Test(script_memory, timers_and_what_fires_keep_a_key)
{
	struct script_memory *memory = script_memory_new(1, 2, IDLE_MS);
	int64_t late_ms = 10 * IDLE_MS;

	keep(memory, "a", 0, "x", late_ms + 1, 0);
	keep(memory, "b", 0, "x", 0, 0);
	script_memory_tell(memory, script_memory_find(memory, slice_of("b"), 0), 5, true);
	script_memory_sweep(memory, late_ms);
	cr_expect_eq(memory->live_count, 2);
	script_memory_quiet(memory);
	script_memory_sweep(memory, late_ms);
	cr_expect_eq(memory->live_count, 1);
	cr_expect_str_eq(take(memory, late_ms + 1), "a 160001");
	script_memory_sweep(memory, late_ms + 1);
	cr_expect_eq(memory->live_count, 0);
	script_memory_free(memory);
}

static void count_put(void *arg, struct slice name, const struct script_key *key)
{
	(void)name, (void)key;
	++*(int *)arg;
}

static void count_drop(void *arg, struct slice name)
{
	(void)name;
	*(int *)arg += 100;
}

Test(script_memory, a_table_of_keys_that_are_gone_is_built_again_with_its_timers_and_rows)
{
	struct script_memory *memory = script_memory_new(1, 100000, IDLE_MS);
	char name[20];
	int count = 0;

	for (int i = 0; i < 2 * SCRIPT_REBUILD_MIN; i++) {
		snprintf(name, sizeof(name), "k%04d", i);
		keep(memory, name, 0, "x", i < 2 ? 1000000 + i : 0, 0);
	}
	script_memory_save(memory, count_put, count_drop, &count);
	cr_expect_eq(count, 2 * SCRIPT_REBUILD_MIN);
	script_memory_sweep(memory, 900000);
	cr_expect_eq(memory->live_count, 2);
	count = 0;
	script_memory_save(memory, count_put, count_drop, &count);
	cr_expect_eq(count, 100 * (2 * SCRIPT_REBUILD_MIN - 2), "%d", count);
	cr_expect_str_eq(take(memory, 2000000), "k0000 1000000");
	cr_expect_str_eq(take(memory, 2000000), "k0001 1000001");
	script_memory_free(memory);
}

Test(script_memory, what_was_stored_comes_back)
{
	struct script_memory *memory = script_memory_new(1, 10, IDLE_MS);
	struct rule_timer timer = {"t", 7000};
	char state[] = "abc";
	struct script_key stored = {.state = state,
				    .state_bytes = 3,
				    .timers = &timer,
				    .timer_count = 1,
				    .last_ms = 2000,
				    .told_ms = 1500,
				    .is_firing = true};
	struct script_key *key;

	script_memory_restore(memory, slice_of("a"), &stored);
	key = script_memory_find(memory, slice_of("a"), 0);
	cr_assert_not_null(key);
	cr_expect(memcmp(key->state, "abc", 3) == 0 && key->told_ms == 1500 && key->is_firing);
	cr_expect_eq(memory->dirty_count, 0);
	cr_expect_str_eq(take(memory, 7000), "a 7000");
	script_memory_free(memory);
}
