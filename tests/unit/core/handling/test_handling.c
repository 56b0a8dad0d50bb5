#include "handling_world.h"

#include "core/base/err.h"
#include "core/config/config.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

#include <criterion/criterion.h>

#include <string.h>

#define ROUTES                                                                                     \
	"\"routes\": [{\"name\": \"page\", \"match\": {\"severity\": \"critical\"}, "              \
	"\"outputs\": [\"pager\"], \"continue\": true}, "                                          \
	"{\"name\": \"team\", \"match\": {\"rule\": {\"regex\": \"^pay_\"}, "                      \
	"\"labels\": {\"team\": [\"x\", \"payments\"]}}, \"outputs\": [\"ops\", \"pager\"]}, "     \
	"{\"match\": {\"dimension\": {\"merchantId\": \"m9\"}}}]"

/* ---- without any option ---- */

Test(handling, without_routes_an_alert_goes_to_its_rules_output_at_once)
{
	struct world world;
	world_open(&world, "");
	world_fire(&world, "slow", "m1");
	world_expect(&world, "alerts:slow|m1 firing warning; ");
	world_resolve(&world, "slow", "m1");
	world_expect(&world, "alerts:slow|m1 resolved warning; ");
	world_expect_heard(&world, "pass slow firing; pass slow resolved; ");
	cr_expect_eq(world_usage(&world).open_count, 0);
	cr_expect_eq(world_usage(&world).sent, 2);
	world_close(&world);
}

static void give_same_again(struct world *world)
{
	world->sequence--;
	world_fire(world, "slow", "m1");
}

Test(handling, an_alert_id_is_handled_once_also_after_a_restart)
{
	struct world world;
	world_open(&world, "");
	world_fire(&world, "slow", "m1");
	give_same_again(&world);
	world_expect(&world, "alerts:slow|m1 firing warning; ");
	world_restart(&world);
	give_same_again(&world);
	world_expect(&world, "");
	cr_expect_eq(world_usage(&world).duplicate, 1); /* since the start */
	world_expect_events(&world, world.last_id, "sent, duplicate, duplicate");
	world_close(&world);
}

Test(handling, another_level_of_an_open_alert_is_told_as_well)
{
	struct world world;
	world_open(&world, "");
	world_fire(&world, "slow", "m1");
	world_alert(&world, "slow", "m1", "critical", ALERT_FIRING);
	world_alert(&world, "slow", "m1", "critical", ALERT_NODATA);
	world_expect(&world, "alerts:slow|m1 firing warning; alerts:slow|m1 firing critical; "
			     "alerts:slow|m1 nodata critical; ");
	cr_expect_eq(world_usage(&world).open_count, 1);
	world_resolve(&world, "slow", "m1");
	world_expect(&world, "alerts:slow|m1 resolved warning; ");
	world_close(&world);
}

Test(handling, nothing_is_left_in_the_store_of_an_alert_that_resolved_but_its_record)
{
	struct world world;
	struct bytes key = BYTES_EMPTY, value = BYTES_EMPTY;
	world_open(&world, "");
	world_fire(&world, "slow", "m1");
	key_begin(&key, KEYSPACE_OPEN_ALERT);
	key_add_text(&key, "slow");
	key_add_bytes(&key, bytes_slice(&world.key));
	cr_expect_eq(kv_get(world.kv, bytes_slice(&key), &value, NULL), 0);
	world_resolve(&world, "slow", "m1");
	cr_expect_eq(kv_get(world.kv, bytes_slice(&key), &value, NULL), ERR_NOT_FOUND);
	world_expect_events(&world, world.last_id, "sent");
	bytes_deinit(&key);
	bytes_deinit(&value);
	world_close(&world);
}

Test(handling, a_refused_document_is_counted_and_recorded_and_its_resolve_is_not_sent)
{
	struct world world;
	world_open(&world, "");
	world.refused_output = "alerts";
	world_fire(&world, "slow", "m1");
	world_expect_events(&world, world.last_id, "failed");
	world.refused_output = NULL;
	world_resolve(&world, "slow", "m1");
	world_expect(&world, "");
	world_expect_events(&world, world.last_id, "not_sent");
	cr_expect_eq(world_usage(&world).failed, 1);
	cr_expect_eq(world_usage(&world).unsent_resolved, 1);
	world_close(&world);
}

/* ---- routes ---- */

Test(handling, the_first_route_that_matches_is_taken_and_continue_asks_those_after_it)
{
	struct world world;
	world_open(&world, ROUTES);
	world_fire(&world, "pay_slow", "m1");
	world_expect(&world, "ops:pay_slow|m1 firing warning; pager:pay_slow|m1 firing warning; ");
	world_alert(&world, "pay_fast", "m1", "critical", ALERT_FIRING);
	world_expect(&world,
		     "pager:pay_fast|m1 firing critical; ops:pay_fast|m1 firing critical; ");
	world_fire(&world, "other", "m9");
	world_expect(&world, "alerts:other|m9 firing warning; ");
	world_fire(&world, "other", "m1");
	world_expect(&world, "alerts:other|m1 firing warning; ");
	world_close(&world);
}

Test(handling, a_resolve_goes_to_exactly_who_got_the_firing_also_when_routes_change)
{
	struct world world;
	world_open(&world, ROUTES);
	world_fire(&world, "pay_slow", "m1");
	world_configure(&world, "\"routes\": [{\"outputs\": [\"zh\"]}]");
	world_expect(&world, "ops:pay_slow|m1 firing warning; pager:pay_slow|m1 firing warning; ");
	world_restart(&world);
	world_resolve(&world, "pay_slow", "m1");
	world_expect(&world,
		     "ops:pay_slow|m1 resolved warning; pager:pay_slow|m1 resolved warning; ");
	world_close(&world);
}

Test(handling, who_was_told_of_a_level_hears_of_the_lower_one_too)
{
	struct world world;
	world_open(&world, ROUTES);
	world_alert(&world, "other", "m1", "critical", ALERT_FIRING);
	world_expect(&world, "pager:other|m1 firing critical; ");
	world_alert(&world, "other", "m1", "warning", ALERT_FIRING);
	world_expect(&world, "alerts:other|m1 firing warning; pager:other|m1 firing warning; ");
	world_resolve(&world, "other", "m1");
	world_expect(&world, "pager:other|m1 resolved warning; alerts:other|m1 resolved warning; ");
	world_close(&world);
}

Test(handling, the_document_has_the_language_of_the_output)
{
	struct world world;
	world_open(&world, "\"routes\": [{\"outputs\": [\"zh\", \"ops\"]}]");
	world_fire(&world, "slow", "m1");
	world_expect(&world, "zh:slow|m1 firing warning; ops:slow|m1 firing warning; ");
	cr_expect(strstr(world.last.data, "\"name\":\"Slow payments\"") != NULL);
	world_configure(&world, "\"routes\": [{\"outputs\": [\"ops\", \"zh\"]}]");
	world_fire(&world, "slow", "m2");
	cr_expect(strstr(world.last.data, "\"名称\":\"Slow payments\"") != NULL);
	world_close(&world);
}

Test(handling, a_category_matches_those_below_it)
{
	struct world world;
	world_open(&world, "\"categories\": {\"offline\": {}, \"online\": {}, "
			   "\"restaurants\": {\"parent\": \"offline\", \"members\": [\"m1\"]}}, "
			   "\"routes\": [{\"match\": {\"category\": \"online\"}, \"outputs\": "
			   "[\"pager\"]}, {\"match\": {\"category\": \"offline\"}, \"outputs\": "
			   "[\"ops\"]}]");
	world_fire(&world, "slow", "m1");
	world_expect(&world, "ops:slow|m1 firing warning; ");
	world_close(&world);
}

/* ---- corrections ---- */

Test(handling, a_correction_takes_the_routes_and_leaves_what_is_open_as_it_is)
{
	struct world world;
	world_open(&world, "\"routes\": [{\"name\": \"page\", \"match\": {\"severity\": "
			   "\"critical\"}, \"outputs\": [\"pager\"]}]");
	world_fire(&world, "slow", "m1");
	world.corrects = true;
	world_alert(&world, "slow", "m1", "warning", ALERT_RESOLVED);
	world_alert(&world, "slow", "m1", "critical", ALERT_FIRING);
	world_alert(&world, "slow", "m2", "warning", ALERT_FIRING);
	cr_expect_eq(world_usage(&world).open_count, 1);
	cr_expect_eq(world_usage(&world).untracked, 0);
	world_expect(&world, "alerts:slow|m1 firing warning; alerts:slow|m1 resolved warning; "
			     "pager:slow|m1 firing critical; alerts:slow|m2 firing warning; ");
	world_restart(&world);
	world.corrects = false;
	world_resolve(&world, "slow", "m1");
	world_expect(&world, "alerts:slow|m1 resolved warning; ");
	world_close(&world);
}

Test(handling, a_silenced_correction_is_not_sent_later_either)
{
	struct world world;
	world_open(&world, "");
	world_silence(&world, "{\"rule\": \"slow\"}", HOUR);
	world.corrects = true;
	world_fire(&world, "slow", "m1");
	world_expect_events(&world, world.last_id, "silenced");
	world_pass(&world, 2 * HOUR);
	world_expect(&world, "");
	cr_expect_eq(world_usage(&world).silenced, 1);
	cr_expect_eq(world_usage(&world).silenced_count, 0);
	world_close(&world);
}

/* ---- silences ---- */

Test(handling, a_silenced_alert_is_told_to_nobody_and_its_resolve_neither)
{
	struct world world;
	world_open(&world, "");
	cr_expect_eq(world_silence(&world, "{\"rule\": \"slow\"}", HOUR), 1);
	world_fire(&world, "slow", "m1");
	world_expect_events(&world, world.last_id, "silenced");
	world_resolve(&world, "slow", "m1");
	world_expect_events(&world, world.last_id, "not_sent");
	world_fire(&world, "other", "m1");
	world_expect(&world, "alerts:other|m1 firing warning; ");
	world_expect_heard(&world, "mute slow: silenced by 1 (ann: upgrade); pass slow resolved; "
				   "pass other firing; ");
	cr_expect_eq(world_usage(&world).silenced, 1);
	world_close(&world);
}

Test(handling, a_silence_that_begins_while_an_alert_fires_does_not_hide_its_resolve)
{
	struct world world;
	world_open(&world, "");
	world_fire(&world, "slow", "m1");
	world_silence(&world, "{\"rule\": \"slow\"}", HOUR);
	world_alert(&world, "slow", "m1", "critical", ALERT_FIRING);
	world_restart(&world);
	world_resolve(&world, "slow", "m1");
	world_expect(&world, "alerts:slow|m1 firing warning; alerts:slow|m1 resolved warning; ");
	world_close(&world);
}

Test(handling, what_still_fires_when_its_silence_ends_is_sent_then)
{
	struct world world;
	world_open(&world, "");
	world_silence(&world, "{\"rule\": \"slow\"}", HOUR);
	world_fire(&world, "slow", "m1");
	cr_expect_eq(handling_next_ms(world.handling), world.now_ms + HOUR);
	world_pass(&world, HOUR - 1);
	world_expect(&world, "");
	world_restart(&world);
	world_expect(&world, "");
	world_pass(&world, 1);
	world_expect(&world, "alerts:slow|m1 firing warning; ");
	world_expect_events(&world, world.last_id, "silenced, released, sent");
	world_resolve(&world, "slow", "m1");
	world_expect(&world, "alerts:slow|m1 resolved warning; ");
	cr_expect_eq(world_usage(&world).released, 1);
	world_close(&world);
}

Test(handling, a_silence_that_is_ended_by_hand_lets_go_in_the_next_turn)
{
	struct world world;
	struct err_note why = {{0}};
	world_open(&world, "");
	uint64_t number = world_silence(&world, "{\"severity\": \"warning\"}", HOUR);
	world_fire(&world, "slow", "m1");
	cr_expect_eq(silences_expire(handling_silences(world.handling), number, "bob", "done",
				     world.now_ms, &why),
		     0);
	handling_recheck(world.handling);
	world_turn(&world);
	world_expect(&world, "alerts:slow|m1 firing warning; ");
	world_close(&world);
}

Test(handling, another_silence_takes_over_when_one_ends)
{
	struct world world;
	world_open(&world, "");
	world_silence(&world, "{\"rule\": \"slow\"}", HOUR);
	world_silence(&world, "{\"severity\": \"warning\"}", 2 * HOUR);
	world_fire(&world, "slow", "m1");
	world_pass(&world, HOUR);
	world_expect(&world, "");
	world_pass(&world, HOUR);
	world_expect(&world, "alerts:slow|m1 firing warning; ");
	world_expect_events(&world, world.last_id, "silenced, released, silenced, released, sent");
	world_close(&world);
}

Test(handling, a_silence_until_resolved_ends_with_the_last_alert_it_matches)
{
	struct world world;
	struct silence_request request = {.match_json = "{\"rule\": \"slow\"}",
					  .author = "ann",
					  .reason = "known",
					  .until_resolved = true};
	const struct silence *silence = NULL;
	world_open(&world, "");
	request.start_ms = world.now_ms;
	request.end_ms = world.now_ms + DAY;
	cr_assert_eq(silences_add(handling_silences(world.handling), &request, world.now_ms,
				  &silence, NULL),
		     0);
	world_fire(&world, "slow", "m1");
	world_fire(&world, "slow", "m2");
	world_resolve(&world, "slow", "m1");
	cr_expect_str_eq(silence_state(silence, world.now_ms), "active");
	world_restart(&world);
	world_resolve(&world, "slow", "m2");
	silence = silences_find(handling_silences(world.handling), 1);
	cr_expect_str_eq(silence_state(silence, world.now_ms), "ended");
	cr_expect_str_eq(silence->ended_reason, "the last alert that it matched has resolved");
	world_expect(&world, "");
	world_fire(&world, "slow", "m3");
	world_expect(&world, "alerts:slow|m3 firing warning; ");
	world_close(&world);
}

/* ---- limits ---- */

Test(handling, a_resolve_whose_firing_is_not_known_follows_the_routes_of_now)
{
	struct world world;
	world_open(&world, "");
	world_resolve(&world, "slow", "m1");
	world_expect(&world, "alerts:slow|m1 resolved warning; ");
	cr_expect_eq(world_usage(&world).untracked, 1);
	cr_expect_eq(world_usage(&world).open_count, 0);
	world_close(&world);
}

Test(handling, beyond_the_limit_of_open_alerts_they_are_sent_and_counted)
{
	struct world world;
	world_open(&world, "");
	world.handling->open_max = 2;
	world_fire(&world, "slow", "m1");
	world_fire(&world, "slow", "m2");
	cr_expect_eq(world_usage(&world).untracked, 0);
	world_fire(&world, "slow", "m3");
	cr_expect_eq(world_usage(&world).untracked, 1);
	cr_expect_eq(world_usage(&world).open_count, 2);
	world_resolve(&world, "slow", "m3");
	world_alert(&world, "slow", "m2", "critical", ALERT_FIRING);
	world_expect(&world, "alerts:slow|m1 firing warning; alerts:slow|m2 firing warning; "
			     "alerts:slow|m3 firing warning; alerts:slow|m3 resolved warning; "
			     "alerts:slow|m2 firing critical; ");
	world_close(&world);
}

/* ---- records ---- */

static void count_one(void *arg, struct slice json)
{
	(void)json;
	(*(uint32_t *)arg)++;
}

Test(handling, records_are_listed_latest_first_and_trimmed_with_the_alert_log)
{
	struct world world;
	struct err_note why = {{0}};
	struct bytes json = BYTES_EMPTY;
	uint32_t count = 0;
	char first_id[ALERT_ID_BYTES];
	world_open(&world, "");
	world_fire(&world, "slow", "m1");
	memcpy(first_id, world.last_id, sizeof(first_id));
	world_pass(&world, HOUR);
	world_fire(&world, "slow", "m2");
	world_fire(&world, "other", "m2");
	cr_expect_eq(handling_each_fate(world.handling, NULL, 10, count_one, &count, &why), 0);
	cr_expect_eq(count, 3);
	cr_expect_eq(handling_each_fate(world.handling, "slow", 1, count_one, &count, &why), 0);
	cr_expect_eq(count, 4);
	cr_expect_eq(handling_trim(world.handling, world.now_ms, world.now_ms, &why), 0);
	commit_kick(world.commit);
	cr_expect_eq(handling_append_fate(world.handling, first_id, &json, &why), ERR_NOT_FOUND);
	cr_expect_eq(handling_append_fate(world.handling, world.last_id, &json, &why), 0);
	cr_expect_eq(handling_append_fate(world.handling, "nonsense", &json, &why), ERR_NOT_FOUND);
	cr_expect_str_eq(why.text, "there is no alert nonsense");
	bytes_deinit(&json);
	world_close(&world);
}

/** What a new handling says of the store with this row in it as well. */
static int open_with(struct world *world, enum keyspace space, const char *content,
		     struct err_note *why)
{
	struct bytes key = BYTES_EMPTY, value = BYTES_EMPTY;
	struct handling_options options = world->handling->options;
	struct handling *other = NULL;

	key_begin(&key, space);
	key_add_text(&key, "x");
	keyspace_seal(&value, slice_of(content));
	kv_batch_put(commit_batch(world->commit), bytes_slice(&key), bytes_slice(&value));
	commit_kick(world->commit);
	int code = handling_new(&other, &options, why);

	kv_batch_delete(commit_batch(world->commit), bytes_slice(&key));
	commit_kick(world->commit);
	bytes_deinit(&key);
	bytes_deinit(&value);
	return code;
}

Test(handling, a_damaged_row_is_refused_at_the_start)
{
	static const char open_alert[] = "a stored open alert has missing or wrong fields";
	static const char group[] = "a stored group of alerts has missing or wrong fields";
	static const char silence[] = "a stored silence has missing or wrong fields";
	static const struct {
		enum keyspace space;
		const char *content, *text;
	} rows[] = {
		{KEYSPACE_OPEN_ALERT, "nonsense", open_alert},
		{KEYSPACE_OPEN_ALERT, "{\"route\": 7}", open_alert},
		{KEYSPACE_OPEN_ALERT, "{\"output\":\"alerts\",\"id\":\"1\"}", open_alert},
		{KEYSPACE_OPEN_ALERT,
		 "{\"output\":\"alerts\",\"id\":\"1\",\"version\":1,\"state\":\"asleep\"}",
		 open_alert},
		{KEYSPACE_GROUP, "", group},
		{KEYSPACE_GROUP, "{\"route\": 7}", group},
		{KEYSPACE_HELD, "[]", group},
		{KEYSPACE_HELD, "{\"id\":\"1\",\"document\":\"{}\",\"key\":\"00\"}", group},
		{KEYSPACE_SILENCE, "nonsense", silence},
		{KEYSPACE_SILENCE, "{\"number\":1,\"author\":\"ann\",\"reason\":\"r\"}", silence},
		{KEYSPACE_SILENCE,
		 "{\"number\":1,\"author\":\"ann\",\"reason\":\"r\",\"match\":{}}",
		 "the match is empty: it would mean every alert; say at least one of rule, "
		 "severity, state, category, labels, dimension"},
	};
	struct world world;
	struct err_note why = {{0}};

	world_open(&world, "");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(open_with(&world, rows[i].space, rows[i].content, &why), ERR_CORRUPT,
			     "%s", rows[i].content);
		cr_expect_str_eq(why.text, rows[i].text, "%s: %s", rows[i].content, why.text);
	}
	world_close(&world);
}

Test(handling, a_damaged_record_of_an_alert_is_named)
{
	struct world world;
	struct bytes key = BYTES_EMPTY, value = BYTES_EMPTY, json = BYTES_EMPTY;
	struct err_note why = {{0}};

	world_open(&world, "");
	world_fire(&world, "slow", "m1");
	key_begin(&key, KEYSPACE_FATE);
	key_add_bytes(&key, slice_of(world.last_id));
	keyspace_seal(&value, SLICE_LITERAL("nonsense"));
	kv_batch_put(commit_batch(world.commit), bytes_slice(&key), bytes_slice(&value));
	cr_expect_eq(handling_append_fate(world.handling, world.last_id, &json, &why), ERR_CORRUPT);
	bytes_append_format(&json, "the record of alert %s: a stored row is not JSON",
			    world.last_id);
	cr_expect_str_eq(why.text, json.data);
	bytes_deinit(&key);
	bytes_deinit(&value);
	bytes_deinit(&json);
	world_close(&world);
}
