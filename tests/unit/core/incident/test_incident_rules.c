/* What incidents do by themselves: priority, siblings, resolve policies, time; and old rows. */
#include "core/incident/incident.h"

#include <criterion/criterion.h>

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/incident/incident_stats.h"
#include "incident_world.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

static const struct incident *send(struct world *world, const char *key, const char *merchant,
				   const char *severity, const char *category,
				   enum alert_state state)
{
	struct alert alert = make_alert(world, "slow", merchant, state);
	alert.severity = severity;
	alert.category = category;
	return incident_on_alert(world->store, &alert, key, world->now_ms);
}

static const struct incident *hit(struct world *world, int number, const char *severity,
				  enum alert_state state)
{
	char merchant[16];
	snprintf(merchant, sizeof(merchant), "m%d", number);
	return send(world, "one", merchant, severity, NULL, state);
}

static int set(struct world *world, uint64_t number, const char *field, const char *value,
	       const char *reason, struct err_note *why)
{
	struct incident_command command = {
		.number = number, .actor = "ann", .reason = reason, .now_ms = world->now_ms};
	return incident_set(world->store, &command, field, value, why);
}

static int act(struct world *world, enum incident_move move, uint64_t number, uint64_t target)
{
	struct incident_command command = {.number = number,
					   .actor = "ann",
					   .reason = "so",
					   .target = target,
					   .now_ms = world->now_ms};
	return incident_do(world->store, move, &command, NULL);
}

/* By the default table: impact by 3, 10, 50 merchants; warning is urgency 2, critical 1. */
Test(incident_rules, priority_rises_with_merchants_and_severity)
{
	struct world world;
	open_world(&world);
	const struct incident *incident = hit(&world, 1, "warning", ALERT_FIRING);
	cr_expect_eq(incident->priority, 4);
	hit(&world, 2, "warning", ALERT_FIRING);
	cr_expect_eq(incident->priority, 4);
	hit(&world, 3, "warning", ALERT_FIRING);
	cr_expect_eq(incident->priority, 3);
	hit(&world, 3, "critical", ALERT_FIRING);
	cr_expect_eq(incident->priority, 2);
	for (int i = 4; i <= 10; i++)
		hit(&world, i, "info", ALERT_FIRING);
	cr_expect_eq(incident->priority, 1);
	cr_expect_eq(incident->merchants.count, 10);
	expect_events(&world, "opened 1; joined 1; joined 1; raised 1; raised 1; joined 1; joined "
			      "1; joined 1; joined 1; joined 1; joined 1; joined 1; raised 1; ");
	close_world(&world);
}

Test(incident_rules, fifty_merchants_are_the_widest_impact_and_the_list_ends_at_its_limit)
{
	struct world world;
	open_world(&world);
	const struct incident *incident = NULL;
	for (int i = 0; i < 49; i++)
		incident = hit(&world, i, "info", ALERT_FIRING);
	cr_expect_eq(incident->impact, 2);
	hit(&world, 49, "info", ALERT_FIRING);
	cr_expect_eq(incident->impact, 1);
	for (int i = 50; i < INCIDENT_NAMES_MAX + 5; i++)
		hit(&world, i, "info", ALERT_FIRING);
	cr_expect_eq(incident->merchants.count, INCIDENT_NAMES_MAX);
	cr_expect_eq(incident->demand.merchant_count, INCIDENT_NAMES_MAX + 5);
	restart(&world);
	incident = incident_find(world.store, 1);
	cr_expect_eq(incident->demand.merchant_count, INCIDENT_NAMES_MAX + 5);
	for (int i = 0; i < INCIDENT_NAMES_MAX + 5; i++)
		hit(&world, i, "info", ALERT_RESOLVED);
	cr_expect_eq(incident->demand.merchant_count, 0);
	close_world(&world);
}

Test(incident_rules, priority_falls_after_the_cool_down_and_not_below_a_person)
{
	struct world world;
	open_world(&world);
	const struct incident *incident = NULL;
	for (int i = 0; i < 10; i++)
		incident = hit(&world, i, "critical", ALERT_FIRING);
	cr_expect_eq(incident->priority, 1);
	for (int i = 1; i < 10; i++)
		hit(&world, i, "critical", ALERT_RESOLVED);
	world.now_ms += 30 * MINUTE_MS - 1;
	incident_tick(world.store, world.now_ms);
	cr_expect_eq(incident->priority, 1);
	world.now_ms++;
	incident_tick(world.store, world.now_ms);
	cr_expect_eq(incident->priority, 3, "one merchant, critical");
	cr_expect_eq(set(&world, 1, "impact", "1", NULL, NULL), 0);
	cr_expect_eq(incident->priority, 1);
	world.now_ms += 60 * MINUTE_MS;
	incident_tick(world.store, world.now_ms);
	cr_expect_eq(incident->priority, 1, "a person has said so");
	cr_expect_eq(set(&world, 1, "impact", "auto", NULL, NULL), 0);
	cr_expect_eq(incident->priority, 3);
	close_world(&world);
}

Test(incident_rules, what_a_person_lowered_rises_when_more_is_asked_for_than_before)
{
	struct world world;
	open_world(&world);
	const struct incident *incident = NULL;
	for (int i = 0; i < 3; i++)
		incident = hit(&world, i, "warning", ALERT_FIRING);
	cr_expect_eq(incident->priority, 3);
	set(&world, 1, "impact", "4", NULL, NULL);
	hit(&world, 3, "warning", ALERT_FIRING);
	cr_expect_eq(incident->priority, 4, "no more than before");
	for (int i = 4; i < 10; i++)
		hit(&world, i, "warning", ALERT_FIRING);
	cr_expect_eq(incident->priority, 2);
	set(&world, 1, "priority", "P5", NULL, NULL);
	hit(&world, 10, "critical", ALERT_FIRING);
	cr_expect_eq(incident->priority, 5, "forced");
	struct incident_command command = {.number = 1, .actor = "chain", .now_ms = 5};
	cr_expect_eq(incident_raise(world.store, &command, 2, NULL), 0);
	cr_expect_eq(incident->priority, 3);
	set(&world, 1, "priority", "auto", NULL, NULL);
	cr_expect_eq(incident->priority, 1);
	close_world(&world);
}

static const char *parent_of(const void *arg, const char *category)
{
	(void)arg;
	if (strcmp(category, "all") == 0)
		return NULL;
	return category[0] == 'x' ? "all" : "food";
}

Test(incident_rules, siblings_become_one_incident_at_the_parent)
{
	struct world world;
	open_world(&world);
	world.store->settings.sibling_count = 3;
	world.store->settings.parent_of = parent_of;
	send(&world, "a", "m1", "warning", "noodles", ALERT_FIRING);
	send(&world, "b", "m2", "warning", "noodles", ALERT_FIRING);
	send(&world, "c", "m3", "warning", "rice", ALERT_FIRING);
	cr_expect_eq(world.store->open_count, 3, "two categories only");
	bytes_clear(&world.events);
	const struct incident *above = send(&world, "d", "m4", "warning", "soup", ALERT_FIRING);
	cr_expect_eq(above->number, 4);
	cr_expect_str_eq(above->category, "food");
	cr_expect_str_eq(above->title, "3 categories of food: soup, noodles, rice");
	cr_expect_eq(above->firing_count, 4);
	cr_expect_eq(above->priority, 3, "four merchants");
	cr_expect_eq(incident_find(world.store, 1)->state, INCIDENT_MERGED);
	cr_expect_eq(incident_find(world.store, 1)->merged_into, 4);
	cr_expect_eq(world.store->open_count, 1);
	cr_expect_eq(send(&world, "a", "m1", "warning", "noodles", ALERT_FIRING), above);
	cr_expect_eq(send(&world, "e", "m5", "warning", "tea", ALERT_FIRING), above);
	incident_run_started(world.store, 1, "help", "r", world.now_ms);
	cr_expect_eq(above->active_runs, 1, "a plan of the merged one holds it open");
	for (int i = 1; i <= 5; i++) {
		char merchant[4] = {'m', (char)('0' + i), '\0'};
		send(&world, "x", merchant, "warning", "noodles", ALERT_RESOLVED);
	}
	cr_expect_eq(above->state, INCIDENT_HANDLING);
	incident_run_ended(world.store, 1, "help", "r", "done", world.now_ms);
	cr_expect_eq(above->state, INCIDENT_RESOLVED);
	close_world(&world);
}

Test(incident_rules, siblings_apart_in_time_stay_apart)
{
	struct world world;
	open_world(&world);
	world.store->settings.sibling_count = 2;
	world.store->settings.parent_of = parent_of;
	send(&world, "a", "m1", "warning", "noodles", ALERT_FIRING);
	world.now_ms += 10 * MINUTE_MS + 1;
	cr_expect_eq(send(&world, "b", "m2", "warning", "rice", ALERT_FIRING)->number, 2);
	cr_expect_eq(world.store->open_count, 2);
	close_world(&world);
}

Test(incident_rules, the_resolve_policy_says_whose_end_is_the_end)
{
	static const enum incident_resolve policies[] = {
		INCIDENT_RESOLVE_FIRST, INCIDENT_RESOLVE_LAST, INCIDENT_RESOLVE_ALL,
		INCIDENT_RESOLVE_NEVER};
	/* after the 1st, the 3rd (joined last) and the 2nd alert have resolved */
	static const enum incident_state wanted[][3] = {
		{INCIDENT_RESOLVED, INCIDENT_RESOLVED, INCIDENT_RESOLVED},
		{INCIDENT_OPEN, INCIDENT_RESOLVED, INCIDENT_RESOLVED},
		{INCIDENT_OPEN, INCIDENT_OPEN, INCIDENT_RESOLVED},
		{INCIDENT_OPEN, INCIDENT_OPEN, INCIDENT_MITIGATED}};
	static const int order[] = {1, 3, 2};
	for (int policy = 0; policy < 4; policy++) {
		struct world world;
		open_world(&world);
		world.settings.resolve = policies[policy];
		for (int i = 1; i <= 3; i++)
			hit(&world, i, "warning", ALERT_FIRING);
		restart(&world);
		for (int i = 0; i < 3; i++) {
			hit(&world, order[i], "warning", ALERT_RESOLVED);
			cr_expect_eq(incident_find(world.store, 1)->state, wanted[policy][i],
				     "policy %d after %d", policy, i);
		}
		close_world(&world);
	}
}

Test(incident_rules, times_are_corrected_with_a_reason_and_in_order)
{
	struct world world;
	struct err_note why = {{0}};
	open_world(&world);
	world.now_ms = 7200000; /* 02:00 */
	fire(&world, "m1");
	const struct incident *incident = incident_find(world.store, 1);
	cr_expect_eq(set(&world, 1, "impact_start", "1970-01-01T00:10:00Z", NULL, &why),
		     ERR_INVALID);
	cr_expect_str_eq(why.text, "a time is corrected with a reason");
	cr_expect_eq(set(&world, 1, "impact_start", "1970-01-01T00:10:00Z", "log", &why), 0);
	cr_expect_eq(incident->impact_start_ms, 600000);
	cr_expect_eq(set(&world, 1, "detected", "1970-01-01T00:05:00Z", "log", &why), ERR_INVALID);
	cr_expect_str_eq(why.text, "impact_start must not be after detected");
	cr_expect_eq(set(&world, 1, "detected", "1970-01-01T03:00:00Z", "log", &why), ERR_INVALID);
	cr_expect_str_eq(why.text, "detected must not be in the future");
	cr_expect_eq(set(&world, 1, "acked", "1970-01-01T02:00:00Z", "log", &why), ERR_INVALID);
	cr_expect_str_eq(why.text, "acked cannot be corrected: it has not happened");
	cr_expect_eq(incident->revision, 2);
	close_world(&world);
}

struct told {
	struct incident_figures all;
	int rows;
};

static void keep_first(void *arg, const struct incident_figures *figures)
{
	struct told *told = arg;
	if (told->rows++ == 0)
		told->all = *figures;
}

/* Ten incidents one after the other: the n-th is acked after n minutes and lasts 2n. */
Test(incident_rules, figures_are_those_counted_by_hand)
{
	struct world world;
	struct told told = {.rows = 0};
	open_world(&world);
	world.now_ms = 1000 * MINUTE_MS;
	for (int n = 1; n <= 10; n++) {
		char key[16];
		snprintf(key, sizeof(key), "k%d", n);
		world.now_ms = (1000 + 100 * n) * MINUTE_MS;
		uint64_t number = send(&world, key, key, "warning", "rice", ALERT_FIRING)->number;
		store_find(world.store, number)->impact_start_ms = world.now_ms;
		world.now_ms += n * MINUTE_MS;
		act(&world, INCIDENT_MOVE_ACK, number, 0);
		world.now_ms += n * MINUTE_MS;
		act(&world, INCIDENT_MOVE_RESOLVE, number, 0);
	}
	fire(&world, "cancelled");
	act(&world, INCIDENT_MOVE_CANCEL, 11, 0);
	fire(&world, "drill");
	set(&world, 12, "drill", "yes", NULL, NULL);
	incident_stats(world.store, 0, 2100 * MINUTE_MS, false, keep_first, &told);
	cr_expect_eq(told.all.incident_count, 10);
	cr_expect_eq(told.all.acknowledge.count, 10);
	cr_expect_eq(told.all.acknowledge.mean_ms, 5 * MINUTE_MS + 30000);
	cr_expect_eq(told.all.acknowledge.median_ms, 5 * MINUTE_MS);
	cr_expect_eq(told.all.acknowledge.p90_ms, 9 * MINUTE_MS);
	cr_expect_eq(told.all.handle.median_ms, 10 * MINUTE_MS);
	cr_expect_eq(told.all.resolve.p90_ms, 18 * MINUTE_MS);
	/* from minute 1100 to 2100: 1000 less 2 * (1 + … + 10) = 890, by 10 incidents */
	cr_expect_eq(told.all.between.mean_ms, 89 * MINUTE_MS);
	/* gaps are 98, 96 … 82: the fifth of nine from below is 90, the ninth 98 */
	cr_expect_eq(told.all.between.median_ms, 90 * MINUTE_MS);
	cr_expect_eq(told.all.between.p90_ms, 98 * MINUTE_MS);
	cr_expect_eq(told.rows, 1);
	close_world(&world);
}

/* As the build before this one wrote them. */
static const char old_row[] =
	"{\"number\":7,\"revision\":3,\"timeline_count\":3,\"reopen_count\":0,\"active_runs\":0,"
	"\"alert_count\":2,\"opened_ms\":1000000,\"impact_start_ms\":900000,\"acked_ms\":1000500,"
	"\"first_plan_ms\":0,\"mitigated_ms\":0,\"resolved_ms\":0,\"state\":\"ACKED\","
	"\"key\":\"rule:slow;merchantId=m1\",\"title\":\"Slow payments\",\"rule\":\"slow\","
	"\"severity\":\"warning\",\"category\":\"food\",\"message\":null,\"owner\":\"ann\","
	"\"labels\":{},\"dimension\":{\"merchantId\":\"m1\"}}";

static void put_old(struct world *world)
{
	struct bytes key = BYTES_EMPTY, value = BYTES_EMPTY;
	struct kv_batch *batch = kv_batch_new();
	key_begin(&key, KEYSPACE_INCIDENT);
	key_add_u64(&key, 7);
	keyspace_seal(&value, slice_of(old_row));
	kv_batch_put(batch, bytes_slice(&key), bytes_slice(&value));
	key_begin(&key, KEYSPACE_INCIDENT_ALERT);
	key_add_u64(&key, 7);
	key_add_bytes(&key, slice_of("slow|merchantId=m1"));
	keyspace_seal(&value, (struct slice){"\1", 1});
	kv_batch_put(batch, bytes_slice(&key), bytes_slice(&value));
	cr_assert_eq(kv_write(world->kv, batch, NULL), 0);
	kv_batch_free(batch);
	bytes_deinit(&key);
	bytes_deinit(&value);
}

Test(incident_rules, rows_of_the_build_before_are_read_and_go_on)
{
	struct world world;
	struct bytes rebuilt = BYTES_EMPTY, stored = BYTES_EMPTY;
	struct err_note why = {{0}};
	open_world(&world);
	stop(&world);
	put_old(&world);
	start(&world);
	const struct incident *incident = incident_find(world.store, 7);
	cr_assert_not_null(incident);
	cr_expect_eq(incident->detected_ms, 1000000);
	cr_expect_eq(incident->priority, 4);
	cr_expect_str_eq(incident->acked_by, "ann");
	cr_expect_eq(incident->firing_count, 1);
	cr_expect_eq(incident_rebuild(world.store, 7, &rebuilt, &stored, &why), ERR_NOT_FOUND,
		     "its timeline does not say enough");
	calm(&world, "m1");
	cr_expect_eq(incident->state, INCIDENT_RESOLVED);
	cr_expect_eq(incident_rebuild(world.store, 7, &rebuilt, &stored, &why), 0, "%s", why.text);
	cr_expect_str_eq(rebuilt.data, stored.data);
	restart(&world);
	cr_expect_eq(incident_find(world.store, 7)->state, INCIDENT_RESOLVED);
	bytes_deinit(&rebuilt);
	bytes_deinit(&stored);
	close_world(&world);
}
