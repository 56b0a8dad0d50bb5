#include "core/incident/incident.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/model/alert.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"
#include "incident_world.h"

#include <criterion/criterion.h>

#include <string.h>

Test(incident, opens_joins_and_resolves_with_its_last_alert)
{
	struct world world;
	open_world(&world);
	const struct incident *incident = fire(&world, "m1");
	cr_assert_not_null(incident);
	cr_expect_eq(incident->number, 1);
	cr_expect_eq(incident->state, INCIDENT_OPEN);
	cr_expect_eq(incident->revision, 1);
	cr_expect_str_eq(incident->key, "rule:slow;merchantId=m1");
	cr_expect_str_eq(incident->dimension_json, "{\"merchantId\":\"m1\"}");
	cr_expect_str_eq(incident->firing.first->id, "slow|merchantId=m1");
	cr_expect_eq(incident->impact_start_ms, 900000);
	expect_events(&world, "opened 1; ");
	cr_expect_eq(fire(&world, "m2")->number, 2);
	cr_expect_eq(fire(&world, "m1")->alert_count, 2,
		     "a repeat counts, but joins no second time");
	cr_expect_eq(incident->firing_count, 1);
	expect_events(&world, "opened 2; ");
	world.now_ms += 5;
	calm(&world, "m1");
	cr_expect_eq(incident->state, INCIDENT_RESOLVED);
	cr_expect_eq(incident->mitigated_ms, 1000005);
	cr_expect_eq(incident->resolved_ms, 1000005);
	expect_events(&world, "mitigated 1; resolved 1; ");
	cr_expect_null(calm(&world, "m1"));
	close_world(&world);
}

Test(incident, rules_share_one_by_fields)
{
	static const char *const fields[] = {"merchantId"};
	struct world world;
	open_world(&world);
	const struct incident *incident = NULL;
	for (int i = 0; i < 2; i++) {
		struct alert alert =
			make_alert(&world, i == 0 ? "slow" : "failing", "m1", ALERT_FIRING);
		if (i == 1)
			alert.severity = "critical";
		char *key = incident_key(&alert, fields, 1, true);
		cr_expect_str_eq(key, "shared;merchantId=m1");
		incident = incident_on_alert(world.store, &alert, key, world.now_ms);
		mem_free(key);
	}
	cr_expect_eq(incident->number, 1);
	cr_expect_eq(incident->firing_count, 2);
	cr_expect_str_eq(incident->severity, "critical");
	expect_events(&world, "opened 1; joined 1; raised 1; ");
	calm(&world, "m1"); /* under another key than it joined with */
	cr_expect_eq(incident->state, INCIDENT_OPEN);
	give(&world, "failing", "m1", ALERT_RESOLVED);
	cr_expect_eq(incident->state, INCIDENT_RESOLVED);
	close_world(&world);
}

Test(incident, reopens_within_the_window_and_not_after)
{
	struct world world;
	open_world(&world);
	const struct incident *incident = fire(&world, "m1");
	calm(&world, "m1");
	world.now_ms += 10 * MINUTE_MS;
	cr_expect_eq(fire(&world, "m1"), incident);
	cr_expect_eq(incident->state, INCIDENT_OPEN);
	cr_expect_eq(incident->reopen_count, 1);
	cr_expect_eq(incident->resolved_ms, 0);
	calm(&world, "m1");
	world.now_ms += 10 * MINUTE_MS + 1;
	bytes_clear(&world.events);
	cr_expect_eq(fire(&world, "m1")->number, 2);
	expect_events(&world, "opened 2; ");
	struct incident_usage usage;
	incident_usage(world.store, &usage);
	cr_expect_eq(usage.open_count, 1);
	cr_expect_eq(usage.opened_count, 2);
	close_world(&world);
}

Test(incident, stale_revision_is_refused_with_the_current_state)
{
	struct world world;
	struct err_note why = {{0}};
	open_world(&world);
	const struct incident *incident = fire(&world, "m1");
	cr_expect_eq(incident_ack(world.store, 1, 2, "ann", "", 5, &why), ERR_CONFLICT);
	cr_expect(strstr(why.text, "OPEN at revision 1"), "%s", why.text);
	cr_expect_eq(incident->state, INCIDENT_OPEN);
	cr_expect_eq(incident_ack(world.store, 1, 1, "ann", "mine", 5, &why), 0);
	cr_expect_eq(incident->state, INCIDENT_ACKED);
	cr_expect_str_eq(incident->owner, "ann");
	cr_expect_eq(incident->acked_ms, 5);
	cr_expect_eq(incident_resolve(world.store, 1, 1, "bob", "", 6, &why), ERR_CONFLICT);
	cr_expect_eq(incident_ack(world.store, 1, 0, "bob", "", 6, &why), ERR_CONFLICT);
	cr_expect_eq(incident_resolve(world.store, 1, 2, "bob", "fixed", 6, &why), 0);
	cr_expect_eq(incident_resolve(world.store, 1, 0, "bob", "", 7, &why), ERR_CONFLICT);
	cr_expect_eq(incident_ack(world.store, 9, 0, "bob", "", 7, &why), ERR_NOT_FOUND);
	close_world(&world);
}

Test(incident, plan_run_handles_and_holds_it_open)
{
	struct world world;
	open_world(&world);
	world.run_on_opened = 1;
	const struct incident *incident = fire(&world, "m1");
	cr_expect_eq(incident->state, INCIDENT_HANDLING);
	cr_expect_eq(incident->first_plan_ms, 5);
	expect_events(&world, "opened 1; handling 1; ");
	cr_expect_eq(incident_ack(world.store, 1, 0, "ann", "", 6, NULL), 0);
	cr_expect_eq(incident->state, INCIDENT_HANDLING);
	cr_expect_eq(incident_ack(world.store, 1, 0, "bob", "", 7, NULL), ERR_CONFLICT);
	calm(&world, "m1");
	cr_expect_eq(incident->state, INCIDENT_HANDLING);
	incident_run_ended(world.store, 1, "help", "help-1", "done", 9);
	cr_expect_eq(incident->state, INCIDENT_RESOLVED);
	expect_events(&world, "acked 1; mitigated 1; resolved 1; ");
	close_world(&world);
}

struct lines {
	char text[2048];
};

static void add_kind(void *arg, struct slice json)
{
	struct lines *lines = arg;
	char *text = mem_copy_bytes(json.data, json.length);
	const char *kind = strstr(text, "\"kind\":\"") + 8;
	size_t used = strlen(lines->text);
	snprintf(lines->text + used, sizeof(lines->text) - used, "%.*s ", (int)strcspn(kind, "\""),
		 kind);
	mem_free(text);
}

Test(incident, survives_restart_with_its_timeline_in_order)
{
	struct world world;
	struct err_note why = {{0}};
	open_world(&world);
	fire(&world, "m1");
	incident_note(world.store, 1, "step_done", "engine", "sent \xff\n", 7);
	incident_ack(world.store, 1, 0, "ann", "mine", 8, NULL);
	fire(&world, "m2");
	struct bytes before = BYTES_EMPTY, after = BYTES_EMPTY;
	incident_append_json(incident_find(world.store, 1), &before);
	restart(&world);
	const struct incident *incident = incident_find(world.store, 1);
	cr_assert_not_null(incident);
	incident_append_json(incident, &after);
	cr_expect_str_eq(after.data, before.data);
	cr_expect_eq(incident->state, INCIDENT_ACKED);
	cr_expect_eq(incident->revision, 2, "a note does not raise it");
	calm(&world, "m1");
	cr_expect_eq(incident->state, INCIDENT_RESOLVED);
	struct lines lines = {""};
	cr_expect_eq(incident_each_timeline(world.store, 1, add_kind, &lines, &why), 0);
	cr_expect_str_eq(lines.text, "opened step_done acked alert_resolved mitigated resolved ");
	cr_expect_eq(incident_each_timeline(world.store, 5, add_kind, &lines, &why), ERR_NOT_FOUND);
	restart(&world);
	cr_expect_eq(fire(&world, "m1")->reopen_count, 1, "the key is known after a restart");
	cr_expect_eq(fire(&world, "m3")->number, 3);
	bytes_deinit(&before);
	bytes_deinit(&after);
	close_world(&world);
}

Test(incident, labels_that_are_no_object_do_not_stop_the_next_start)
{
	struct world world;
	open_world(&world);
	struct alert alert = make_alert(&world, "slow", "m1", ALERT_FIRING);
	alert.labels_json = "[]";
	char *key = incident_key(&alert, NULL, 0, false);
	incident_on_alert(world.store, &alert, key, world.now_ms);
	mem_free(key);
	restart(&world);
	const struct incident *incident = incident_find(world.store, 1);
	cr_assert_not_null(incident);
	cr_expect_str_eq(incident->labels_json, "{}");
	close_world(&world);
}

Test(incident, what_was_not_committed_is_gone_after_a_crash)
{
	struct world world;
	open_world(&world);
	fire(&world, "m1");
	stop(&world);
	start(&world);
	cr_expect_null(incident_find(world.store, 1));
	close_world(&world);
}

Test(incident, too_many_open_ones_join_the_overflow_incident)
{
	struct world world;
	open_world(&world);
	world.store->open_max = 2;
	fire(&world, "m1");
	fire(&world, "m2");
	const struct incident *overflow = fire(&world, "m3");
	cr_expect_str_eq(overflow->key, "overflow");
	cr_expect_eq(fire(&world, "m4"), overflow);
	cr_expect_eq(overflow->firing_count, 2);
	struct incident_usage usage;
	incident_usage(world.store, &usage);
	cr_expect_eq(usage.overflow_count, 2);
	cr_expect_eq(calm(&world, "m3"), overflow);
	calm(&world, "m4");
	cr_expect_eq(overflow->state, INCIDENT_RESOLVED);
	calm(&world, "m1");
	cr_expect_str_eq(fire(&world, "m5")->key, "rule:slow;merchantId=m5");
	close_world(&world);
}

Test(incident, timeline_ends_with_a_record_that_says_so)
{
	struct world world;
	struct lines lines = {""};
	struct incident_usage usage;
	open_world(&world);
	fire(&world, "m1");
	store_find(world.store, 1)->timeline_count = INCIDENT_TIMELINE_MAX - 2;
	for (int i = 0; i < 3; i++)
		incident_note(world.store, 1, "note", "ann", "x", 5);
	cr_expect_eq(incident_find(world.store, 1)->timeline_count, INCIDENT_TIMELINE_MAX);
	cr_expect_eq(incident_each_timeline(world.store, 1, add_kind, &lines, NULL), 0);
	cr_expect_str_eq(lines.text, "opened note full ");
	incident_usage(world.store, &usage);
	cr_expect_eq(usage.timeline_dropped_count, 2);
	close_world(&world);
}

Test(incident, alerts_past_the_limit_are_counted)
{
	struct world world;
	struct incident_usage usage;
	char merchant[16];
	open_world(&world);
	for (int i = 0; i <= INCIDENT_ALERTS_MAX; i++) {
		snprintf(merchant, sizeof(merchant), "m%d", i);
		struct alert alert = make_alert(&world, "slow", merchant, ALERT_FIRING);
		incident_on_alert(world.store, &alert, "one", 5);
	}
	cr_expect_eq(incident_find(world.store, 1)->firing_count, INCIDENT_ALERTS_MAX);
	incident_usage(world.store, &usage);
	cr_expect_eq(usage.untracked_count, 1);
	close_world(&world);
}

static void fire_into_one(struct world *world, int number, enum alert_state state)
{
	char merchant[16];
	snprintf(merchant, sizeof(merchant), "m%d", number);
	struct alert alert = make_alert(world, "slow", merchant, state);
	incident_on_alert(world->store, &alert, "one", 5);
}

Test(incident, an_alert_costs_the_same_however_many_fire)
{
	struct world world;
	struct bytes key = BYTES_EMPTY, row = BYTES_EMPTY;
	size_t one_bytes;
	open_world(&world);
	fire_into_one(&world, 0, ALERT_FIRING);
	commit_kick(world.commit);
	key_begin(&key, KEYSPACE_INCIDENT);
	key_add_u64(&key, 1);
	cr_assert_eq(kv_get(world.kv, bytes_slice(&key), &row, NULL), 0);
	one_bytes = row.length;
	for (int i = 1; i < INCIDENT_ALERTS_MAX; i++)
		fire_into_one(&world, i, ALERT_FIRING);
	commit_kick(world.commit);
	bytes_clear(&row);
	cr_assert_eq(kv_get(world.kv, bytes_slice(&key), &row, NULL), 0);
	cr_expect_lt(row.length, one_bytes + 32 + INCIDENT_NAMES_MAX * 8, "%zu and %zu bytes",
		     row.length, one_bytes);
	bytes_deinit(&key);
	bytes_deinit(&row);
	close_world(&world);
}

Test(incident, a_restart_knows_who_fires_and_who_did)
{
	struct world world;
	struct bytes before = BYTES_EMPTY, after = BYTES_EMPTY;
	open_world(&world);
	for (int i = 0; i < 5; i++)
		fire_into_one(&world, i, ALERT_FIRING);
	fire_into_one(&world, 1, ALERT_RESOLVED);
	fire_into_one(&world, 3, ALERT_RESOLVED);
	incident_append_json(incident_find(world.store, 1), &before);
	restart(&world);
	const struct incident *incident = incident_find(world.store, 1);
	incident_append_json(incident, &after);
	cr_expect_str_eq(after.data, before.data);
	cr_expect_eq(incident->firing_count, 3);
	cr_expect_eq(incident->member_count, 5);
	for (int i = 0; i < 5; i++)
		fire_into_one(&world, i, ALERT_RESOLVED);
	cr_expect_eq(incident->state, INCIDENT_RESOLVED);
	cr_expect_eq(incident->alert_count, 5);
	restart(&world);
	cr_expect_eq(incident_find(world.store, 1)->member_count, 0, "their rows went with it");
	bytes_deinit(&before);
	bytes_deinit(&after);
	close_world(&world);
}

Test(incident, those_that_resolved_make_room)
{
	struct world world;
	struct incident_usage usage;
	open_world(&world);
	for (int i = 0; i < INCIDENT_ALERTS_MAX; i++)
		fire_into_one(&world, i, ALERT_FIRING);
	fire_into_one(&world, 7, ALERT_RESOLVED);
	fire_into_one(&world, 8, ALERT_RESOLVED);
	fire_into_one(&world, 2000, ALERT_FIRING);
	cr_expect_null(member_find(world.store, "slow|merchantId=m7"));
	cr_expect_not_null(member_find(world.store, "slow|merchantId=m8"));
	cr_expect_eq(incident_find(world.store, 1)->member_count, INCIDENT_ALERTS_MAX);
	incident_usage(world.store, &usage);
	cr_expect_eq(usage.untracked_count, 0);
	close_world(&world);
}

/* Rows of before had the alerts that fire in a list. */
Test(incident, a_row_with_its_list_is_taken_over)
{
	struct world world;
	struct bytes key = BYTES_EMPTY, json = BYTES_EMPTY, value = BYTES_EMPTY;
	open_world(&world);
	fire(&world, "m1");
	incident_append_json(incident_find(world.store, 1), &json);
	cr_assert_not_null(strstr(json.data, "\"firing\":[\"slow|merchantId=m1\"]"));
	stop(&world);
	struct kv_batch *batch = kv_batch_new();
	key_begin(&key, KEYSPACE_INCIDENT);
	key_add_u64(&key, 1);
	keyspace_seal(&value, bytes_slice(&json));
	kv_batch_put(batch, bytes_slice(&key), bytes_slice(&value));
	cr_assert_eq(kv_write(world.kv, batch, NULL), 0);
	kv_batch_free(batch);
	start(&world);
	restart(&world);
	cr_expect_eq(incident_find(world.store, 1)->firing_count, 1);
	calm(&world, "m1");
	cr_expect_eq(incident_find(world.store, 1)->state, INCIDENT_RESOLVED);
	bytes_deinit(&key);
	bytes_deinit(&json);
	bytes_deinit(&value);
	close_world(&world);
}

Test(incident, oldest_resolved_ones_leave_memory_but_not_the_store)
{
	struct world world;
	char merchant[16];
	open_world(&world);
	for (int i = 0; i < 5; i++) {
		snprintf(merchant, sizeof(merchant), "m%d", i);
		fire(&world, merchant);
		if (i != 0)
			calm(&world, merchant);
	}
	store_trim(world.store, 2);
	cr_expect_not_null(incident_find(world.store, 1), "an open one stays");
	cr_expect_null(incident_find(world.store, 2));
	cr_expect_null(incident_find(world.store, 3));
	cr_expect_not_null(incident_find(world.store, 4));
	cr_expect_eq(fire(&world, "m1")->number, 6);
	restart(&world);
	cr_expect_not_null(incident_find(world.store, 2));
	close_world(&world);
}

Test(incident, keys_of_different_dimensions_differ)
{
	struct world world;
	open_world(&world);
	struct alert plain = make_alert(&world, "slow", "a;b=c\\", ALERT_FIRING);
	char *key = incident_key(&plain, NULL, 0, false);
	cr_expect_str_eq(key, "rule:slow;merchantId=a\\;b\\=c\\\\");
	mem_free(key);
	struct alert bytes = make_alert(&world, "slow", "\xff\x01", ALERT_FIRING);
	key = incident_key(&bytes, NULL, 0, false);
	cr_expect_str_eq(key, "rule:slow;merchantId=\\xff\\x01");
	mem_free(key);
	close_world(&world);
}

Test(incident, damaged_rows_are_refused)
{
	static const char *const texts[] = {"", "{", "[]", "{\"number\":1}",
					    "{\"number\":1,\"state\":\"SLEEPING\"}"};
	for (size_t i = 0; i < 5; i++) {
		struct incident *incident = NULL;
		struct err_note why = {{0}};
		cr_expect_eq(incident_from_json(&incident, slice_of(texts[i]), &why), ERR_CORRUPT);
		cr_expect_null(incident);
		cr_expect_neq(why.text[0], '\0');
	}
}

Test(incident, a_muted_alert_is_noted_on_the_open_incident_of_its_key_and_changes_nothing_else)
{
	struct world world;
	open_world(&world);
	struct alert alert = make_alert(&world, "slow", "m1", ALERT_FIRING);
	char *key = incident_key(&alert, NULL, 0, false);
	cr_expect(incident_on_muted_alert(world.store, &alert, key, "silenced by 1", 5) == NULL);
	const struct incident *incident = fire(&world, "m1");
	uint64_t revision = incident->revision;
	uint32_t timeline_count = incident->timeline_count;
	cr_expect(incident_on_muted_alert(world.store, &alert, key, "silenced by 1", 6) ==
		  incident);
	cr_expect_eq(incident->revision, revision);
	cr_expect_eq(incident->timeline_count, timeline_count + 1);
	cr_expect_eq(incident->alert_count, 1);
	calm(&world, "m1");
	cr_expect(incident_on_muted_alert(world.store, &alert, key, "silenced by 1", 7) == NULL);
	expect_events(&world, "opened 1; mitigated 1; resolved 1; ");
	mem_free(key);
	close_world(&world);
}
