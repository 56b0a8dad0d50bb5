#include "handling_world.h"

#include "core/base/mem.h"
#include "core/handling/group.h"

#include <criterion/criterion.h>
#include <jansson.h>

#include <string.h>

#define GROUPED                                                                                    \
	"\"routes\": [{\"name\": \"team\", \"group\": {\"by\": [\"rule\"], \"wait\": \"30s\", "    \
	"\"interval\": \"5m\"}}]"

Test(group, alerts_of_a_group_are_one_document_after_the_wait)
{
	struct world world;
	world_open(&world, GROUPED);
	world_fire(&world, "slow", "m1");
	world_pass(&world, 10 * SECOND);
	world_fire(&world, "slow", "m2");
	world_fire(&world, "other", "m1");
	world_pass(&world, 20 * SECOND - 1);
	world_expect(&world, "");
	cr_expect_eq(world_usage(&world).group_count, 2);
	cr_expect_eq(world_usage(&world).held_count, 3);
	world_restart(&world);
	world_pass(&world, 1);
	world_expect(&world, "alerts:[firing, slow|m1 firing warning, slow|m2 firing warning]; ");
	world_pass(&world, 10 * SECOND);
	world_expect(&world, "alerts:[firing, other|m1 firing warning]; ");
	world_expect_events(&world, world.last_id, "held, sent");
	world_expect_heard(&world, "pass slow firing; pass slow firing; pass other firing; ");
	world_close(&world);
}

Test(group, the_second_document_comes_after_the_interval)
{
	struct world world;
	world_open(&world, GROUPED);
	world_fire(&world, "slow", "m1");
	world_pass(&world, 30 * SECOND);
	world_expect(&world, "alerts:[firing, slow|m1 firing warning]; ");
	world_fire(&world, "slow", "m2");
	world_pass(&world, 5 * MINUTE - 1);
	world_expect(&world, "");
	world_restart(&world);
	world_pass(&world, 1);
	world_expect(&world, "alerts:[firing, slow|m2 firing warning]; ");
	world_close(&world);
}

Test(group, a_group_at_rest_for_its_interval_is_forgotten)
{
	struct world world;
	world_open(&world, GROUPED);
	world_fire(&world, "slow", "m1");
	world_pass(&world, 30 * SECOND);
	cr_expect_eq(world_usage(&world).group_count, 1);
	world_pass(&world, 5 * MINUTE);
	cr_expect_eq(world_usage(&world).group_count, 0);
	world_restart(&world);
	cr_expect_eq(world_usage(&world).group_count, 0);
	cr_expect_eq(handling_next_ms(world.handling), INT64_MAX);
	world_close(&world);
}

Test(group, a_resolve_is_sent_at_the_end_of_its_turn)
{
	struct world world;
	world_open(&world, GROUPED);
	world_fire(&world, "slow", "m1");
	world_fire(&world, "slow", "m2");
	world_pass(&world, 30 * SECOND);
	world_expect(&world, "alerts:[firing, slow|m1 firing warning, slow|m2 firing warning]; ");
	world_alert(&world, "slow", "m1", "warning", ALERT_RESOLVED);
	world_alert(&world, "slow", "m2", "warning", ALERT_RESOLVED);
	world_turn(&world);
	world_expect(&world,
		     "alerts:[resolved, slow|m1 resolved warning, slow|m2 resolved warning]; ");
	world_close(&world);
}

Test(group, fire_clear_fire_are_all_in_the_document)
{
	struct world world;
	world_open(&world, GROUPED);
	world_alert(&world, "slow", "m1", "warning", ALERT_FIRING);
	world_alert(&world, "slow", "m1", "warning", ALERT_RESOLVED);
	world_alert(&world, "slow", "m1", "warning", ALERT_FIRING);
	world_turn(&world);
	world_expect(&world, "alerts:[firing, slow|m1 firing warning, slow|m1 resolved warning, "
			     "slow|m1 firing warning]; ");
	world_resolve(&world, "slow", "m1");
	world_expect(&world, "alerts:[resolved, slow|m1 resolved warning]; ");
	world_close(&world);
}

Test(group, a_resolve_after_the_group_is_forgotten_goes_the_same_way)
{
	struct world world;
	world_open(&world, GROUPED);
	world_fire(&world, "slow", "m1");
	world_pass(&world, 30 * SECOND);
	world_pass(&world, HOUR);
	world_restart(&world);
	world_configure(&world, "");
	world_resolve(&world, "slow", "m1");
	world_expect(&world, "alerts:[firing, slow|m1 firing warning]; "
			     "alerts:[resolved, slow|m1 resolved warning]; ");
	world_close(&world);
}

Test(group, a_silence_that_begins_while_alerts_are_held_takes_them_out)
{
	struct world world;
	world_open(&world, GROUPED);
	world_fire(&world, "slow", "m1");
	char id[ALERT_ID_BYTES];
	memcpy(id, world.last_id, sizeof(id));
	world_fire(&world, "slow", "m2");
	world_silence(&world, "{\"dimension\": {\"merchantId\": \"m1\"}}", HOUR);
	world_pass(&world, 30 * SECOND);
	world_expect(&world, "alerts:[firing, slow|m2 firing warning]; ");
	world_expect_events(&world, id, "held, silenced, not_sent");
	world_expect_text(&world, id, ": it is silenced now\"");
	world_restart(&world);
	world_pass(&world, HOUR);
	world_expect(&world, "");
	world_pass(&world, 30 * SECOND);
	world_expect(&world, "alerts:[firing, slow|m1 firing warning]; ");
	world_expect_events(&world, id, "held, silenced, not_sent, released, held, sent");
	world_close(&world);
}

Test(group, an_alert_silenced_while_held_that_resolves_was_never_told)
{
	struct world world;
	world_open(&world, GROUPED);
	world_fire(&world, "slow", "m1");
	world_silence(&world, "{\"rule\": \"slow\"}", HOUR);
	world_pass(&world, 30 * SECOND);
	world_resolve(&world, "slow", "m1");
	world_expect(&world, "");
	cr_expect_eq(world_usage(&world).unsent_resolved, 1);
	cr_expect_eq(world_usage(&world).group_count, 0);
	world_close(&world);
}

static void fire_many(struct world *world, int from, int to)
{
	char merchant[16];

	for (int i = from; i < to; i++) {
		snprintf(merchant, sizeof(merchant), "m%04d", i);
		world_alert(world, "slow", merchant, "warning", ALERT_FIRING);
	}
}

static size_t count_alerts(const struct world *world)
{
	json_t *document = json_loadb(world->last.data, world->last.length, 0, NULL);
	size_t count = json_array_size(json_object_get(document, "alerts"));

	cr_expect_eq((size_t)json_integer_value(json_object_get(document, "alert_count")), count);
	json_decref(document);
	return count;
}

Test(group, a_thousand_alerts_are_one_document_and_one_more_begins_another)
{
	struct world world;
	world_open(&world, GROUPED);
	fire_many(&world, 0, HANDLING_GROUP_ALERTS_MAX);
	world_turn(&world);
	cr_expect_eq(world_usage(&world).sent, 0);
	cr_expect_eq(world_usage(&world).groups_cut, 0);
	fire_many(&world, HANDLING_GROUP_ALERTS_MAX, HANDLING_GROUP_ALERTS_MAX + 1);
	cr_expect_eq(world_usage(&world).sent, 1);
	cr_expect_eq(world_usage(&world).groups_cut, 1);
	cr_expect_eq(count_alerts(&world), HANDLING_GROUP_ALERTS_MAX);
	world_turn(&world);
	cr_expect_eq(world_usage(&world).sent, 2);
	cr_expect_eq(count_alerts(&world), 1);
	world_close(&world);
}

Test(group, beyond_the_limit_of_groups_alerts_are_sent_by_themselves)
{
	struct world world;
	world_open(&world, GROUPED);
	world.handling->groups_max = 1;
	world_fire(&world, "slow", "m1");
	world_fire(&world, "slow", "m2");
	cr_expect_eq(world_usage(&world).groups_refused, 0);
	world_fire(&world, "other", "m1");
	cr_expect_eq(world_usage(&world).groups_refused, 1);
	world_expect(&world, "alerts:other|m1 firing warning; ");
	world_resolve(&world, "other", "m1");
	world_expect(&world, "alerts:other|m1 resolved warning; ");
	world_pass(&world, 30 * SECOND);
	world_expect(&world, "alerts:[firing, slow|m1 firing warning, slow|m2 firing warning]; ");
	world_close(&world);
}

Test(group, a_level_that_takes_another_way_sends_what_is_held_first)
{
	struct world world;
	world_open(&world, "\"routes\": [{\"match\": {\"severity\": \"critical\"}, \"outputs\": "
			   "[\"alerts\"]}, {\"group\": {\"wait\": \"30s\"}}]");
	world_fire(&world, "slow", "m1");
	world_fire(&world, "slow", "m2");
	world_alert(&world, "slow", "m1", "critical", ALERT_FIRING);
	world_turn(&world);
	world_expect(&world, "alerts:[firing, slow|m1 firing warning, slow|m2 firing warning]; "
			     "alerts:slow|m1 firing critical; ");
	world_close(&world);
}

Test(group, the_same_alerts_give_a_document_of_the_same_id)
{
	struct world world;
	char ids[2][64];
	for (int i = 0; i < 2; i++) {
		world_open(&world, GROUPED);
		fire_many(&world, 0, 3);
		if (i == 1)
			world_restart(&world);
		world_pass(&world, 30 * SECOND);
		snprintf(ids[i], sizeof(ids[i]), "%.48s", world.last.data);
		world_close(&world);
	}
	cr_expect_str_eq(ids[0], ids[1]);
}

Test(group, a_refused_document_is_recorded_with_each_of_its_alerts)
{
	struct world world;
	world_open(&world, GROUPED);
	world_fire(&world, "slow", "m1");
	world.refused_output = "alerts";
	world_pass(&world, 30 * SECOND);
	world_expect_events(&world, world.last_id, "held, failed");
	cr_expect_eq(world_usage(&world).failed, 1);
	cr_expect_eq(world_usage(&world).held_count, 0);
	world_close(&world);
}

Test(group, without_by_a_route_is_one_group_and_a_missing_value_is_null)
{
	struct world world;
	world_open(&world, "\"routes\": [{\"match\": {\"rule\": \"a\"}, \"group\": {\"by\": "
			   "[\"city\", \"labels.team\", \"merchantId\"], \"wait\": \"0s\"}}, "
			   "{\"group\": {\"wait\": \"0s\"}}]");
	world_alert(&world, "a", "m1", "critical", ALERT_FIRING);
	world_turn(&world);
	cr_expect(strstr(world.last.data, "\"route\":\"route 1\",\"by\":{\"city\":null,"
					  "\"labels.team\":\"payments\",\"merchantId\":\"m1\"},"
					  "\"state\":\"firing\",\"severity\":\"critical\"") != NULL,
		  "%s", world.last.data);
	world_alert(&world, "b", "m1", "warning", ALERT_FIRING);
	world_alert(&world, "c", "m2", "warning", ALERT_FIRING);
	world_turn(&world);
	cr_expect(strstr(world.last.data, "\"by\":{}") != NULL);
	cr_expect_eq(count_alerts(&world), 2);
	world_close(&world);
}
