#include "handling_world.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#define GATEWAY                                                                                    \
	"\"inhibit\": [{\"name\": \"gateway\", \"source\": {\"rule\": \"gateway\"}, "              \
	"\"target\": {\"rule\": [\"slow\", \"other\"]}, \"equal\": [\"merchantId\"], "             \
	"\"settle\": \"5s\"}]"
#define CHAIN                                                                                      \
	"\"inhibit\": ["                                                                           \
	"{\"source\": {\"rule\": \"dc\"}, \"target\": {\"rule\": \"rack\"}, \"settle\": \"0s\"}, " \
	"{\"source\": {\"rule\": \"rack\"}, \"target\": {\"rule\": \"host\"}, "                    \
	"\"settle\": \"0s\"}, "                                                                    \
	"{\"source\": {\"rule\": \"host\"}, \"target\": {\"rule\": \"dc\"}, \"settle\": \"0s\"}]"

Test(inhibit, a_target_that_comes_after_its_source_is_inhibited_at_once)
{
	struct world world;
	world_open(&world, GATEWAY);
	world_fire(&world, "gateway", "m1");
	world_fire(&world, "slow", "m1");
	world_expect(&world, "alerts:gateway|m1 firing warning; ");
	world_expect_events(&world, world.last_id, "inhibited");
	world_expect_heard(&world, "pass gateway firing; "
				   "mute slow: inhibited by gateway|m1 (gateway); ");
	cr_expect_eq(world_usage(&world).inhibited_count, 1);
	world_close(&world);
}

Test(inhibit, a_target_that_comes_before_its_source_waits_for_it)
{
	struct world world;
	world_open(&world, GATEWAY);
	world_fire(&world, "slow", "m1");
	world_expect(&world, "");
	cr_expect_eq(handling_next_ms(world.handling), world.now_ms + 5 * SECOND);
	world_pass(&world, 4 * SECOND);
	world_fire(&world, "gateway", "m1");
	world_pass(&world, SECOND);
	world_expect(&world, "alerts:gateway|m1 firing warning; ");
	cr_expect_eq(world_usage(&world).inhibited_count, 1);
	world_close(&world);
}

Test(inhibit, a_target_without_source_is_sent_when_it_has_settled)
{
	struct world world;
	world_open(&world, GATEWAY);
	world_fire(&world, "slow", "m1");
	world_restart(&world);
	world_pass(&world, 5 * SECOND - 1);
	world_expect(&world, "");
	world_pass(&world, 1);
	world_expect(&world, "alerts:slow|m1 firing warning; ");
	world_expect_events(&world, world.last_id, "settling, sent");
	cr_expect_eq(world_usage(&world).settling_count, 0);
	world_close(&world);
}

Test(inhibit, fire_and_clear_within_the_settle_time_are_both_told)
{
	struct world world;
	world_open(&world, GATEWAY);
	world_fire(&world, "slow", "m1");
	world_pass(&world, SECOND);
	world_restart(&world);
	world_resolve(&world, "slow", "m1");
	world_expect(&world, "alerts:slow|m1 firing warning; alerts:slow|m1 resolved warning; ");
	world_close(&world);
}

Test(inhibit, levels_in_turn_do_not_begin_the_wait_anew)
{
	struct world world;
	world_open(&world, GATEWAY);
	world_fire(&world, "slow", "m1");
	world_pass(&world, 3 * SECOND);
	world_alert(&world, "slow", "m1", "critical", ALERT_FIRING);
	world_pass(&world, 2 * SECOND);
	world_expect(&world, "alerts:slow|m1 firing critical; ");
	world_close(&world);
}

Test(inhibit, the_equal_values_must_be_there_and_be_the_same)
{
	struct world world;
	world_open(&world, "\"inhibit\": [{\"source\": {\"rule\": \"gateway\"}, \"target\": "
			   "{\"rule\": \"slow\"}, \"equal\": [\"merchantId\", \"labels.team\"], "
			   "\"settle\": \"0s\"}, {\"source\": {\"rule\": \"gateway\"}, \"target\": "
			   "{\"rule\": \"slow\"}, \"equal\": [\"city\"], \"settle\": \"0s\"}]");
	world_fire(&world, "gateway", "m1");
	world_fire(&world, "slow", "m1");
	world_fire(&world, "slow", "m2");
	world_expect(&world, "alerts:gateway|m1 firing warning; alerts:slow|m2 firing warning; ");
	world_close(&world);
}

Test(inhibit, a_target_that_still_fires_when_its_source_resolves_is_sent_after_the_settle_time)
{
	struct world world;
	world_open(&world, GATEWAY);
	world_fire(&world, "gateway", "m1");
	world_fire(&world, "slow", "m1");
	world_fire(&world, "other", "m1");
	world_restart(&world);
	world_resolve(&world, "gateway", "m1");
	world_expect(&world,
		     "alerts:gateway|m1 firing warning; alerts:gateway|m1 resolved warning; ");
	world_pass(&world, 3 * SECOND);
	world_alert(&world, "other", "m1", "warning", ALERT_RESOLVED);
	world_expect(&world, "alerts:other|m1 firing warning; alerts:other|m1 resolved warning; ");
	world_pass(&world, 2 * SECOND);
	world_expect(&world, "alerts:slow|m1 firing warning; ");
	world_close(&world);
}

Test(inhibit, a_target_that_was_told_before_its_source_came_resolves_to_who_was_told)
{
	struct world world;
	world_open(&world, GATEWAY);
	world_fire(&world, "slow", "m1");
	world_pass(&world, 5 * SECOND);
	world_fire(&world, "gateway", "m1");
	world_alert(&world, "slow", "m1", "critical", ALERT_FIRING);
	world_resolve(&world, "slow", "m1");
	world_expect(&world, "alerts:slow|m1 firing warning; alerts:gateway|m1 firing warning; "
			     "alerts:slow|m1 resolved warning; ");
	world_close(&world);
}

Test(inhibit, a_silenced_source_still_keeps_its_targets_quiet)
{
	struct world world;
	world_open(&world, GATEWAY);
	world_silence(&world, "{\"rule\": \"gateway\"}", HOUR);
	world_fire(&world, "gateway", "m1");
	world_fire(&world, "slow", "m1");
	world_expect(&world, "");
	cr_expect_eq(world_usage(&world).inhibited_count, 1);
	world_close(&world);
}

Test(inhibit, another_source_takes_over_without_a_word)
{
	struct world world;
	world_open(&world, "\"inhibit\": [{\"source\": {\"rule\": [\"a\", \"b\"]}, \"target\": "
			   "{\"rule\": \"slow\"}}]");
	world_fire(&world, "a", "m1");
	world_fire(&world, "b", "m2");
	world_fire(&world, "slow", "m3");
	char id[ALERT_ID_BYTES];
	memcpy(id, world.last_id, sizeof(id));
	world_resolve(&world, "b", "m2");
	world_resolve(&world, "a", "m1");
	world_expect_events(&world, id, "inhibited, released, settling");
	world_expect_text(&world, id, "\"no source keeps it quiet any more\"");
	world_expect_text(&world, id, "\"waits 5s for a source of ");
	world_pass(&world, 5 * SECOND);
	world_expect(&world, "alerts:a|m1 firing warning; alerts:b|m2 firing warning; "
			     "alerts:b|m2 resolved warning; alerts:a|m1 resolved warning; "
			     "alerts:slow|m3 firing warning; ");
	world_close(&world);
}

Test(inhibit, in_a_chain_all_but_the_first_are_quiet_and_in_a_circle_one_is_told)
{
	struct world world;
	world_open(&world, CHAIN);
	world_fire(&world, "dc", "m1");
	world_fire(&world, "rack", "m1");
	world_fire(&world, "host", "m1");
	world_expect(&world, "alerts:dc|m1 firing warning; ");
	world_alert(&world, "dc", "m1", "critical", ALERT_FIRING);
	world_turn(&world);
	world_expect(&world, "alerts:dc|m1 firing critical; ");
	cr_expect_eq(world_usage(&world).inhibited_count, 2);
	world_close(&world);
}

Test(inhibit, an_alert_that_matches_both_sides_is_no_target)
{
	struct world world;
	world_open(&world, "\"inhibit\": [{\"source\": {\"severity\": \"warning\"}, \"target\": "
			   "{\"labels\": {\"team\": \"payments\"}}}]");
	world_fire(&world, "a", "m1");
	world_fire(&world, "b", "m1");
	world_expect(&world, "alerts:a|m1 firing warning; alerts:b|m1 firing warning; ");
	world_close(&world);
}

Test(inhibit, a_source_that_is_no_longer_one_at_another_level_lets_go)
{
	struct world world;
	world_open(&world, "\"inhibit\": [{\"source\": {\"severity\": \"critical\"}, \"target\": "
			   "{\"severity\": \"warning\"}, \"equal\": [\"merchantId\"], \"settle\": "
			   "\"0s\"}]");
	world_alert(&world, "a", "m1", "critical", ALERT_FIRING);
	world_fire(&world, "b", "m1");
	world_expect(&world, "alerts:a|m1 firing critical; ");
	world_alert(&world, "a", "m1", "info", ALERT_FIRING);
	world_turn(&world);
	world_expect(&world, "alerts:a|m1 firing info; alerts:b|m1 firing warning; ");
	world_close(&world);
}

Test(inhibit, a_rule_that_is_gone_from_the_site_lets_go)
{
	struct world world;
	world_open(&world, GATEWAY);
	world_fire(&world, "gateway", "m1");
	world_fire(&world, "slow", "m1");
	world_configure(&world, "");
	world_expect(&world, "alerts:gateway|m1 firing warning; alerts:slow|m1 firing warning; ");
	world_close(&world);
}

Test(inhibit, a_clock_that_steps_back_makes_everything_due)
{
	struct world world;
	world_open(&world, GATEWAY);
	world_fire(&world, "slow", "m1");
	world_pass(&world, -HOUR);
	world_expect(&world, "alerts:slow|m1 firing warning; ");
	world_close(&world);
}

Test(inhibit, a_thousand_targets_of_one_source)
{
	struct world world;
	char merchant[16];
	world_open(&world, "\"inhibit\": [{\"source\": {\"rule\": \"dc\"}, \"target\": "
			   "{\"rule\": \"slow\"}, \"settle\": \"0s\"}]");
	world_fire(&world, "dc", "m1");
	for (int i = 0; i < 1000; i++) {
		snprintf(merchant, sizeof(merchant), "m%d", i);
		world_alert(&world, "slow", merchant, "warning", ALERT_FIRING);
	}
	world_turn(&world);
	cr_expect_eq(world_usage(&world).inhibited_count, 1000);
	world_resolve(&world, "dc", "m1");
	cr_expect_eq(world_usage(&world).inhibited_count, 0);
	cr_expect_eq(world_usage(&world).sent, 1002);
	world_close(&world);
}
