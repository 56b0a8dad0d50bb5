#include "escalation_world.h"

#include "core/base/err.h"
#include "core/loop/loop.h"
#include "core/model/alert.h"
#include "core/oncall/schedule.h"
#include "storage/commit.h"

#include <criterion/criterion.h>

/* ann at once, ops and bob after 5 min, twice in all. */
static const char ordinary[] =
	"\"chains\": {\"c\": {\"again\": 1, \"steps\": [{\"notify\": [\"schedule:pay\"]}, "
	"{\"wait\": \"5m\"}, {\"notify\": [\"output:ops\", \"person:bob\"], \"important\": true}, "
	"{\"wait\": \"10m\"}]}}";

Test(escalation, tells_step_by_step_until_it_has_told_everybody_twice)
{
	struct world world;

	open_world(&world, ordinary);
	uint64_t number = fire(&world, "slow", NULL, "warning");
	expect_pages(&world, "");
	advance(&world, 0);
	expect_pages(&world, "0 ann opened; ");
	advance(&world, 5 * MINUTE_MS - 1);
	expect_pages(&world, "");
	advance(&world, 1);
	expect_pages(&world, "300 ops escalated!; 300 bob escalated!; ");
	advance(&world, 15 * MINUTE_MS);
	expect_pages(&world, "900 ann escalated; 1200 ops escalated!; 1200 bob escalated!; ");
	cr_expect_eq(usage_of(&world).exhausted, 0);
	advance(&world, 60 * MINUTE_MS);
	expect_pages(&world, "");
	cr_expect_eq(usage_of(&world).exhausted, 1);
	cr_expect_eq(usage_of(&world).over, 1);
	cr_expect_eq(usage_of(&world).rescued, 0);
	cr_expect_eq(count_facts(&world, number, "chain_ended"), 1);
	cr_expect_eq(count_facts(&world, number, "chain_step"), 6);
	/* Given back it begins anew. */
	act(&world, INCIDENT_MOVE_ACK, number);
	cr_expect_eq(usage_of(&world).over, 0);
	act(&world, INCIDENT_MOVE_UNACK, number);
	advance(&world, 0);
	expect_pages(&world, "4800 ann escalated; ");
	close_world(&world);
}

Test(escalation, stops_when_somebody_takes_it_or_it_is_over)
{
	static const enum incident_move moves[] = {
		INCIDENT_MOVE_ACK,     INCIDENT_MOVE_HANDLE, INCIDENT_MOVE_MITIGATE,
		INCIDENT_MOVE_RESOLVE, INCIDENT_MOVE_CANCEL,
	};

	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++) {
		struct world world;

		open_world(&world, ordinary);
		uint64_t number = fire(&world, "slow", NULL, "warning");
		advance(&world, MINUTE_MS);
		expect_pages(&world, "0 ann opened; ");
		act(&world, moves[i], number);
		cr_expect_eq(usage_of(&world).running, 0);
		cr_expect_eq(usage_of(&world).stopped, 1);
		cr_expect_eq(count_facts(&world, number, "chain_stopped"), 1);
		crash(&world, 0);
		advance(&world, 60 * MINUTE_MS);
		expect_pages(&world, "");
		close_world(&world);
	}
}

Test(escalation, an_acknowledgement_in_the_same_turn_pages_nobody)
{
	struct world world;

	open_world(&world, ordinary);
	act(&world, INCIDENT_MOVE_ACK, fire(&world, "slow", NULL, "warning"));
	advance(&world, 60 * MINUTE_MS);
	expect_pages(&world, "");
	close_world(&world);
}

Test(escalation, a_merge_and_the_end_of_its_alerts_stop_it)
{
	struct world world;
	struct err_note why = {{0}};

	open_world(&world, ordinary);
	uint64_t one = fire(&world, "slow", NULL, "warning");
	uint64_t two = fire(&world, "failing", NULL, "warning");
	struct incident_command command = {
		.number = two, .actor = "wang", .target = one, .now_ms = loop_wall_ms(world.loop)};
	cr_assert_eq(incident_do(world.incidents, INCIDENT_MOVE_MERGE, &command, &why), 0);
	advance(&world, MINUTE_MS);
	expect_pages(&world, "0 ann opened; ");
	calm(&world, "slow", NULL);
	calm(&world, "failing", NULL);
	cr_expect_eq(usage_of(&world).running, 0);
	/* It fires again within the reopen window: somebody is told again. */
	fire(&world, "slow", NULL, "warning");
	advance(&world, 0);
	expect_pages(&world, "60 ann reopened; ");
	close_world(&world);
}

Test(escalation, a_plan_at_work_does_not_stop_it)
{
	struct world world;

	open_world(&world, ordinary);
	uint64_t number = fire(&world, "slow", NULL, "warning");
	incident_run_started(world.incidents, number, "p", "run-1", loop_wall_ms(world.loop));
	cr_expect_eq(incident_find(world.incidents, number)->state, INCIDENT_HANDLING);
	advance(&world, 5 * MINUTE_MS);
	expect_pages(&world, "0 ann opened; 300 ops escalated!; 300 bob escalated!; ");
	close_world(&world);
}

Test(escalation, a_drill_calls_nobody)
{
	struct world world;
	struct err_note why = {{0}};

	open_world(&world, ordinary);
	struct incident_command command = {.number = fire(&world, "slow", NULL, "warning"),
					   .actor = "wang",
					   .now_ms = loop_wall_ms(world.loop)};
	cr_assert_eq(incident_set(world.incidents, &command, "drill", "yes", &why), 0);
	advance(&world, 60 * MINUTE_MS);
	expect_pages(&world, "");
	close_world(&world);
}

Test(escalation, people_are_looked_up_when_the_step_fires)
{
	static const char two[] =
		"\"chains\": {\"c\": {\"steps\": [{\"notify\": [\"schedule:pay\"]}, {\"wait\": "
		"\"1h\"}, {\"notify\": [\"schedule:pay\"]}]}}";
	struct world world;
	struct stored_override override = {.schedule = "pay",
					   .person = "eve",
					   .from_ms = WORLD_START_MS + 30 * MINUTE_MS,
					   .to_ms = WORLD_START_MS + 61 * MINUTE_MS,
					   .actor = "wang"};

	open_world(&world, two);
	fire(&world, "slow", NULL, "warning");
	advance(&world, MINUTE_MS);
	cr_assert_eq(override_store_add(world.overrides, world.config, &override,
					loop_wall_ms(world.loop), NULL),
		     0);
	commit_kick(world.commit);
	crash(&world, 0);
	advance(&world, 60 * MINUTE_MS);
	expect_pages(&world, "0 ann opened; 3600 eve escalated; ");
	close_world(&world);
}

Test(escalation, the_chain_is_frozen_when_it_starts)
{
	static const char other[] =
		"\"chains\": {\"c\": {\"steps\": [{\"notify\": [\"person:eve\"]}]}}";
	struct world world;

	open_world(&world, ordinary);
	fire(&world, "slow", NULL, "warning");
	configure(&world, other);
	advance(&world, MINUTE_MS);
	configure(&world, "");
	crash(&world, 0);
	advance(&world, 4 * MINUTE_MS);
	expect_pages(&world, "0 ann opened; 300 ops escalated!; 300 bob escalated!; ");
	configure(&world, other);
	fire(&world, "failing", NULL, "warning");
	advance(&world, 0);
	expect_pages(&world, "300 eve opened; ");
	close_world(&world);
}

Test(escalation, whoever_cannot_be_reached_is_told_on_the_timeline_and_the_chain_goes_on)
{
	static const char gap[] =
		"\"chains\": {\"c\": {\"steps\": [{\"notify\": [\"schedule:gap\", "
		"\"person:bob\"]}, "
		"{\"plan\": \"missing\"}, {\"wait\": \"1m\"}, {\"notify\": [\"person:eve\"]}]}}";
	struct world world;

	open_world(&world, gap);
	world.unreachable = "bob";
	uint64_t number = fire(&world, "slow", NULL, "warning");
	advance(&world, MINUTE_MS);
	expect_pages(&world, "60 eve escalated; ");
	cr_expect_eq(count_facts(&world, number, "chain_failed"), 3);
	cr_expect_eq(usage_of(&world).nobody, 1);
	cr_expect_eq(usage_of(&world).failed, 2);
	close_world(&world);
}

Test(escalation, a_snooze_delays_and_its_end_wakes)
{
	struct world world;
	struct err_note why = {{0}};

	open_world(&world, ordinary);
	struct incident_command command = {.number = fire(&world, "slow", NULL, "warning"),
					   .actor = "wang"};
	advance(&world, MINUTE_MS);
	command.now_ms = loop_wall_ms(world.loop);
	cr_assert_eq(
		incident_snooze(world.incidents, &command, WORLD_START_MS + 60 * MINUTE_MS, &why),
		0);
	advance(&world, 30 * MINUTE_MS);
	crash(&world, 0);
	advance(&world, 10 * MINUTE_MS);
	expect_pages(&world, "0 ann opened; ");
	command.now_ms = loop_wall_ms(world.loop);
	cr_assert_eq(incident_snooze(world.incidents, &command, 0, &why), 0);
	advance(&world, 0);
	expect_pages(&world, "2460 ops escalated!; 2460 bob escalated!; ");
	cr_expect_eq(usage_of(&world).rescued, 0);
	close_world(&world);
}

Test(escalation, the_nearest_category_with_the_right_priority_runs)
{
	static const char three[] =
		"\"chains\": {\"all\": {\"steps\": [{\"notify\": [\"output:ops\"]}]}, "
		"\"online\": {\"category\": \"online\", \"steps\": [{\"notify\": "
		"[\"person:bob\"]}]}, "
		"\"pay\": {\"category\": \"online/pay\", \"priority\": [\"P1\", \"P2\"], "
		"\"steps\": [{\"notify\": [\"person:eve\"]}]}, "
		"\"pay2\": {\"category\": \"online/pay\", \"priority\": [\"P2\"], "
		"\"steps\": [{\"notify\": [\"output:team\"]}]}}";
	struct world world;
	struct err_note why = {{0}};

	open_world(&world, three);
	fire(&world, "a", NULL, "warning");
	fire(&world, "b", "online", "warning");
	uint64_t number = fire(&world, "c", "online/pay", "warning"); /* impact 3, urgency 2: P3 */
	advance(&world, 0);
	expect_pages(&world, "0 ops opened; 0 bob opened; 0 bob opened; ");
	/* Raised into P2 the nearer ones start; what has begun goes on. */
	struct incident_command command = {
		.number = number, .actor = "wang", .now_ms = loop_wall_ms(world.loop)};
	cr_assert_eq(incident_set(world.incidents, &command, "priority", "P2", &why), 0);
	advance(&world, 0);
	expect_pages(&world, "0 eve escalated; 0 team escalated; ");
	cr_assert_eq(incident_set(world.incidents, &command, "priority", "P1", &why), 0);
	advance(&world, 60 * MINUTE_MS);
	expect_pages(&world, "");
	close_world(&world);
}

Test(escalation, raises_the_priority_and_starts_the_chain_of_the_new_one)
{
	static const char two[] =
		"\"chains\": {\"low\": {\"priority\": [\"P3\"], \"steps\": [{\"notify\": "
		"[\"person:bob\"]}, {\"wait\": \"1m\"}, {\"raise\": 2}, {\"notify\": "
		"[\"person:ann\"]}]}, \"high\": {\"priority\": [\"P1\"], \"steps\": [{\"notify\": "
		"[\"person:eve\"]}, {\"plan\": \"help\"}]}}";
	struct world world;

	open_world(&world, two);
	world.has_plan_at_once = true;
	uint64_t number = fire(&world, "a", NULL, "warning");
	advance(&world, MINUTE_MS);
	expect_pages(&world, "0 bob opened; 60 ann escalated; 60 eve escalated; plan help; ");
	cr_expect_eq(incident_find(world.incidents, number)->priority, 1);
	cr_expect_eq(count_facts(&world, number, "raised"), 1);
	cr_expect_eq(usage_of(&world).exhausted, 2);
	close_world(&world);
}

Test(escalation, hours_and_numbers_of_alerts_are_conditions)
{
	/* 08:00 UTC is 16:00 in Shanghai. */
	static const char conditions[] =
		"\"chains\": {\"c\": {\"steps\": ["
		"{\"only_if\": {\"days\": \"mon\", \"from\": \"16:00\", \"to\": \"16:30\", "
		"\"zone\": \"Asia/Shanghai\"}}, {\"notify\": [\"person:ann\"]}, "
		"{\"only_if\": {\"from\": \"16:00\", \"to\": \"16:30\"}}, "
		"{\"notify\": [\"person:bob\"]}, {\"raise\": 1}, {\"plan\": \"p\"}, "
		"{\"wait\": \"10m\"}, {\"notify\": [\"output:team\"]}, "
		"{\"only_if\": {\"alerts\": 4}}, {\"notify\": [\"output:ops\"]}, "
		"{\"only_if\": {\"alerts\": 3, \"within\": \"5m\"}}, "
		"{\"notify\": [\"person:eve\"]}, "
		"{\"only_if\": {\"alerts\": 2, \"within\": \"5m\"}}, "
		"{\"notify\": [\"person:bob\"]}]}}";
	struct world world;

	open_world(&world, conditions);
	uint64_t number = fire(&world, "a", NULL, "warning");
	advance(&world, 0);
	expect_pages(&world, "0 ann opened; ");
	cr_expect_eq(count_facts(&world, number, "chain_skipped"), 1);
	/* Alerts of other dimensions join: at 1 min, and two at 6 min. */
	for (int i = 0; i < 3; i++) {
		struct alert alert = {.rule = "a",
				      .state = ALERT_FIRING,
				      .severity = "warning",
				      .labels_json = "{}"};
		static const char *const rules[] = {"b", "c", "d"};
		alert.rule = rules[i];
		advance(&world, i == 0 ? MINUTE_MS : i == 1 ? 5 * MINUTE_MS : 0);
		incident_on_alert(world.incidents, &alert, "a", loop_wall_ms(world.loop));
		commit_kick(world.commit);
		crash(&world, 0);
	}
	cr_expect_eq(incident_find(world.incidents, number)->alert_count, 4);
	advance(&world, 4 * MINUTE_MS);
	expect_pages(&world, "600 team escalated; 600 ops escalated; 600 bob escalated; ");
	close_world(&world);
}
