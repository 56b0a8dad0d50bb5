/* What is due while nobody runs, while the clock is set, and what nobody has thought of. */
#include "escalation_world.h"

#include "core/loop/loop.h"

#include <criterion/criterion.h>

#include <string.h>

static const char waits[] =
	"\"chains\": {\"c\": {\"steps\": [{\"notify\": [\"schedule:pay\"]}, {\"wait\": \"5m\"}, "
	"{\"notify\": [\"output:ops\"]}, {\"wait\": \"10m\"}, {\"notify\": [\"person:bob\"]}]}}";

Test(escalation_time, a_restart_keeps_the_due_time)
{
	struct world world;

	open_world(&world, waits);
	fire(&world, "slow", NULL, "warning");
	crash(&world, 0);
	advance(&world, 2 * MINUTE_MS);
	crash(&world, MINUTE_MS);
	advance(&world, 2 * MINUTE_MS);
	expect_pages(&world, "0 ann opened; 300 ops escalated; ");
	crash(&world, 0);
	advance(&world, 10 * MINUTE_MS);
	expect_pages(&world, "900 bob escalated; ");
	cr_expect_eq(usage_of(&world).late, 0);
	crash(&world, 60 * MINUTE_MS);
	advance(&world, 60 * MINUTE_MS);
	expect_pages(&world, "");
	cr_expect_eq(usage_of(&world).over, 1);
	close_world(&world);
}

Test(escalation_time, a_late_step_fires_once_and_the_next_wait_is_whole)
{
	struct world world;

	open_world(&world, waits);
	uint64_t number = fire(&world, "slow", NULL, "warning");
	advance(&world, 0);
	crash(&world, 120 * MINUTE_MS);
	advance(&world, 0);
	expect_pages(&world, "0 ann opened; 7200 ops escalated; ");
	cr_expect_eq(usage_of(&world).late, 1);
	cr_expect_eq(count_facts(&world, number, "chain_late"), 1);
	advance(&world, 10 * MINUTE_MS - 1);
	expect_pages(&world, "");
	advance(&world, 1);
	expect_pages(&world, "7800 bob escalated; ");
	close_world(&world);
}

static int count_of(const char *text, const char *word)
{
	int count = 0;

	while ((text = strstr(text, word)) != NULL) {
		text++;
		count++;
	}
	return count;
}

/* An hour forward or back while a wait is pending, in the process or while it is down. */
Test(escalation_time, a_clock_that_is_set_neither_doubles_nor_loses_a_step)
{
	for (int i = 0; i < 8; i++) {
		struct world world;
		int64_t step_ms = (i & 1 ? 60 : -60) * MINUTE_MS;
		struct escalation_usage usage;

		open_world(&world, waits);
		fire(&world, "slow", NULL, "warning");
		advance(&world, MINUTE_MS);
		expect_pages(&world, "0 ann opened; ");
		if (i & 2)
			crash_and_step(&world, 0, step_ms);
		else
			loop_virtual_step(world.loop, step_ms);
		if (i & 4) { /* and put right again */
			advance(&world, SECOND_MS);
			loop_virtual_step(world.loop, -step_ms);
		}
		/* Nothing is lost: at the latest when the whole wait has passed again. */
		advance(&world, 16 * MINUTE_MS);
		usage = usage_of(&world);
		cr_expect_eq(usage.exhausted, 1, "case %d", i);
		cr_expect_eq(count_of(world.pages.data, "ops"), 1, "case %d: %s", i,
			     world.pages.data);
		cr_expect_eq(count_of(world.pages.data, "bob"), 1, "case %d: %s", i,
			     world.pages.data);
		close_world(&world);
	}
}

/* Whatever was not written is lost: the pages are as if nothing had happened, for a page and the
 * row that says it was made are in one batch. Cut at every tenth of a minute. */
Test(escalation_time, a_crash_at_any_time_neither_doubles_nor_loses_a_page)
{
	for (int64_t cut_ms = 0; cut_ms <= 16 * MINUTE_MS; cut_ms += MINUTE_MS / 2) {
		struct world world;

		open_world(&world, waits);
		fire(&world, "slow", NULL, "warning");
		advance(&world, cut_ms);
		crash(&world, 0);
		advance(&world, 20 * MINUTE_MS - cut_ms);
		expect_pages(&world, "0 ann opened; 300 ops escalated; 900 bob escalated; ");
		close_world(&world);
	}
}

Test(escalation_time, a_sweep_finds_what_no_chain_was_going_to_call_for)
{
	struct world world;

	open_world(&world, "");
	uint64_t number = fire(&world, "slow", NULL, "warning");
	uint64_t taken = fire(&world, "failing", NULL, "warning");
	act(&world, INCIDENT_MOVE_ACK, taken);
	advance(&world, 2 * MINUTE_MS);
	cr_expect_eq(usage_of(&world).uncovered, 1);
	cr_expect_eq(usage_of(&world).rescued, 0);
	configure(&world, waits);
	advance(&world, MINUTE_MS);
	expect_pages(&world, "180 ann escalated; ");
	cr_expect_eq(usage_of(&world).rescued, 1);
	cr_expect_eq(usage_of(&world).uncovered, 0);
	cr_expect_eq(count_facts(&world, number, "chain_rescued"), 1);
	advance(&world, 60 * MINUTE_MS);
	expect_pages(&world, "480 ops escalated; 1080 bob escalated; ");
	cr_expect_eq(usage_of(&world).rescued, 1);
	close_world(&world);
}

Test(escalation_time, a_run_without_a_timer_goes_on_where_it_stands)
{
	struct world world;

	open_world(&world, waits);
	fire(&world, "slow", NULL, "warning");
	advance(&world, MINUTE_MS);
	timer_cancel(world.escalation->runs[0]->timer);
	advance(&world, MINUTE_MS);
	expect_pages(&world, "0 ann opened; 120 ops escalated; ");
	cr_expect_eq(usage_of(&world).rescued, 1);
	close_world(&world);
}

Test(escalation_time, it_is_healthy_while_sweeps_become_durable)
{
	struct world world;

	open_world(&world, waits);
	cr_expect(escalation_is_healthy(world.escalation));
	advance(&world, 60 * MINUTE_MS);
	cr_expect(escalation_is_healthy(world.escalation));
	timer_cancel(world.escalation->sweep_timer);
	advance(&world, 2 * MINUTE_MS);
	cr_expect(escalation_is_healthy(world.escalation));
	advance(&world, MINUTE_MS);
	cr_expect_not(escalation_is_healthy(world.escalation));
	close_world(&world);
}

Test(escalation_time, a_row_that_is_damaged_is_told)
{
	struct chain_run *run = NULL;

	cr_expect_neq(chain_run_from_json(&run, SLICE_LITERAL("{}"), NULL), 0);
	cr_expect_neq(chain_run_from_json(&run,
					  SLICE_LITERAL("{\"incident\":1,\"cause\":\"opened\","
							"\"step\":2,\"chain\":{\"name\":\"c\","
							"\"steps\":[{\"wait\":5}]}}"),
					  NULL),
		      0);
	cr_expect_neq(chain_run_from_json(&run, SLICE_LITERAL("nothing"), NULL), 0);
	cr_expect_null(run);
}
