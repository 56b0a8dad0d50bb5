#include "handling_world.h"

#include <criterion/criterion.h>
#include <jansson.h>

#include <string.h>

#define SINGLE "\"routes\": [{\"name\": \"all\", \"repeat_every\": \"4h\"}]"
#define GROUPED                                                                                    \
	"\"routes\": [{\"name\": \"team\", \"group\": {\"by\": [\"rule\"], \"wait\": \"30s\", "    \
	"\"interval\": \"5m\"}, \"repeat_every\": \"1h\"}]"
#define M1_FIRING "alerts:slow|m1 firing warning; "

static json_int_t number_of(const json_t *document, const char *name)
{
	return json_integer_value(json_object_get(document, name));
}

Test(repeat, what_is_open_is_told_again_each_time)
{
	struct world world;
	world_open(&world, SINGLE);
	world_fire(&world, "slow", "m1");
	char id[ALERT_ID_BYTES];
	memcpy(id, world.last_id, sizeof(id));
	world_expect(&world, M1_FIRING);
	world_pass(&world, 4 * HOUR - 1);
	world_expect(&world, "");
	cr_expect_eq(handling_next_ms(world.handling), world.now_ms + 1);
	for (int i = 1; i <= 3; i++) {
		world_restart(&world);
		world_expect(&world, "");
		world_pass(&world, i == 1 ? 1 : 4 * HOUR);
		world_expect(&world, M1_FIRING);
		json_t *document = json_loads(world.last.data, 0, NULL);
		cr_expect_eq(number_of(document, "repeat"), i);
		cr_expect_str_eq(json_string_value(json_object_get(document, "repeat_of")), id);
		cr_expect_str_neq(json_string_value(json_object_get(document, "id")), id);
		json_decref(document);
	}
	cr_expect_eq(world_usage(&world).repeated, 1, "since the last start");
	world_expect_events(&world, id, "sent, repeated, repeated, repeated");
	world_expect_heard(&world, "pass slow firing; ");
	world_resolve(&world, "slow", "m1");
	world_expect(&world, "alerts:slow|m1 resolved warning; ");
	world_pass(&world, DAY);
	world_expect(&world, "");
	cr_expect_eq(handling_next_ms(world.handling), INT64_MAX);
	world_close(&world);
}

Test(repeat, another_level_begins_anew)
{
	struct world world;
	world_open(&world, SINGLE);
	world_fire(&world, "slow", "m1");
	world_pass(&world, 3 * HOUR);
	world_alert(&world, "slow", "m1", "critical", ALERT_FIRING);
	world_turn(&world);
	world_expect(&world, M1_FIRING "alerts:slow|m1 firing critical; ");
	world_pass(&world, 4 * HOUR - 1);
	world_expect(&world, "");
	world_pass(&world, 1);
	world_expect(&world, "alerts:slow|m1 firing critical; ");
	world_close(&world);
}

Test(repeat, a_silence_keeps_it_back_until_it_ends)
{
	struct world world;
	world_open(&world, SINGLE);
	world_fire(&world, "slow", "m1");
	char id[ALERT_ID_BYTES];
	memcpy(id, world.last_id, sizeof(id));
	world_silence(&world, "{\"rule\": \"slow\"}", 9 * HOUR);
	world_turn(&world);
	world_expect(&world, M1_FIRING);
	world_pass(&world, 4 * HOUR);
	world_restart(&world);
	world_pass(&world, 5 * HOUR - 1);
	world_expect(&world, "");
	cr_expect_eq(world_usage(&world).silenced_count, 1);
	world_pass(&world, 1);
	world_expect(&world, M1_FIRING);
	world_expect_events(&world, id, "sent, silenced, released, repeated");
	/* The incident heard of it once. */
	cr_expect_null(strstr(strstr(world.heard.data, "pass") + 1, "pass"));
	world_pass(&world, 4 * HOUR);
	world_expect(&world, M1_FIRING);
	world_close(&world);
}

Test(repeat, silenced_and_resolved_it_is_told_once_more)
{
	struct world world;
	world_open(&world, SINGLE);
	world_fire(&world, "slow", "m1");
	world_silence(&world, "{\"rule\": \"slow\"}", DAY);
	world_pass(&world, 5 * HOUR);
	world_resolve(&world, "slow", "m1");
	world_expect(&world, M1_FIRING "alerts:slow|m1 resolved warning; ");
	world_pass(&world, 2 * DAY);
	world_expect(&world, "");
	world_close(&world);
}

Test(repeat, a_group_is_told_again_as_a_whole)
{
	struct world world;
	world_open(&world, GROUPED);
	world_fire(&world, "slow", "m1");
	world_fire(&world, "slow", "m2");
	world_fire(&world, "other", "m1");
	world_pass(&world, 30 * SECOND);
	world_pass(&world, 10 * MINUTE);
	world_fire(&world, "slow", "m3");
	world_pass(&world, 30 * SECOND);
	world_expect(&world, "alerts:[firing, slow|m1 firing warning, slow|m2 firing warning]; "
			     "alerts:[firing, other|m1 firing warning]; "
			     "alerts:[firing, slow|m3 firing warning]; ");
	world_resolve(&world, "other", "m1");
	world_resolve(&world, "slow", "m2");
	world_expect(&world, "alerts:[resolved, other|m1 resolved warning]; "
			     "alerts:[resolved, slow|m2 resolved warning]; ");
	world_restart(&world);
	world_pass(&world, 49 * MINUTE + 30 * SECOND - 1);
	world_expect(&world, "");
	/* An hour after the first was sent; the third goes with it. */
	world_pass(&world, 1);
	world_expect(&world, "alerts:[firing, slow|m1 firing warning, slow|m3 firing warning]; ");
	json_t *document = json_loads(world.last.data, 0, NULL);
	cr_expect_eq(number_of(document, "repeat_count"), 2);
	cr_expect_eq(number_of(json_array_get(json_object_get(document, "alerts"), 0), "repeat"),
		     1);
	json_decref(document);
	cr_expect_eq(world_usage(&world).repeated, 2);
	world_pass(&world, HOUR);
	world_expect(&world, "alerts:[firing, slow|m1 firing warning, slow|m3 firing warning]; ");
	world_close(&world);
}

Test(repeat, documents_of_a_group_that_is_told_again_have_other_ids)
{
	struct world world;
	char ids[3][64];
	world_open(&world, GROUPED);
	world_fire(&world, "slow", "m1");
	world_pass(&world, 30 * SECOND);
	for (int i = 0; i < 3; i++) {
		json_t *document = json_loads(world.last.data, 0, NULL);
		const char *id = json_string_value(json_object_get(document, "id"));
		memcpy(ids[i], id, strlen(id) + 1);
		json_decref(document);
		for (int k = 0; k < i; k++)
			cr_expect_str_neq(ids[i], ids[k]);
		world_pass(&world, HOUR);
	}
	world_close(&world);
}

Test(repeat, many_at_once_are_told_in_turns)
{
	struct world world;
	char merchant[16];
	world_open(&world, SINGLE);
	for (int i = 0; i <= HANDLING_REPEATS_MAX; i++) {
		snprintf(merchant, sizeof(merchant), "m%d", i);
		world_alert(&world, "slow", merchant, "warning", ALERT_FIRING);
	}
	world_turn(&world);
	world_pass(&world, 4 * HOUR);
	cr_expect_eq(world_usage(&world).repeated, HANDLING_REPEATS_MAX);
	cr_expect_eq(handling_next_ms(world.handling), world.now_ms + SECOND);
	world_pass(&world, SECOND);
	cr_expect_eq(world_usage(&world).repeated, HANDLING_REPEATS_MAX + 1);
	world_close(&world);
}

Test(repeat, what_the_outbox_refuses_comes_at_the_next_time)
{
	struct world world;
	world_open(&world, SINGLE);
	world_fire(&world, "slow", "m1");
	world_expect(&world, M1_FIRING);
	world.refused_output = "alerts";
	world_pass(&world, 4 * HOUR);
	cr_expect_eq(world_usage(&world).failed, 1);
	world.refused_output = NULL;
	world_pass(&world, 4 * HOUR);
	world_expect(&world, M1_FIRING);
	world_close(&world);
}

Test(repeat, a_clock_that_steps_back_delays_nothing)
{
	struct world world;
	world_open(&world, SINGLE);
	world_fire(&world, "slow", "m1");
	world_expect(&world, M1_FIRING);
	world_pass(&world, -2 * DAY);
	world_expect(&world, M1_FIRING);
	world_pass(&world, 4 * HOUR);
	world_expect(&world, M1_FIRING);
	world_close(&world);
}

Test(repeat, without_the_option_nothing_is_told_again)
{
	struct world world;
	world_open(&world, SINGLE);
	world_fire(&world, "slow", "m1");
	world_configure(&world, "");
	world_expect(&world, M1_FIRING);
	world_pass(&world, DAY);
	world_expect(&world, "");
	/* Its document is still there: what is due is told. */
	world_configure(&world, SINGLE);
	world_expect(&world, M1_FIRING);
	world_close(&world);
}
