/* Which stored positions are kept. The site's wall clock stands at START. */
#include "core/engine/engine.h"

#include <criterion/criterion.h>

#include <string.h>

#include "core/base/err.h"
#include "site.h"
#include "storage/commit.h"

#define START (INT64_MAX / 2)

enum { DAY_MS = 24 * 3600 * 1000 };

static const struct position zero = {0}, end = {.offset = 20};

/** A partition that has read one line, and then was closed (or not). */
static uint32_t read_one(struct site *site, const char *name, bool is_closed)
{
	uint32_t partition = site_open(site, "pay", name, true);

	cr_assert_eq(site_feed_at(site, "pay", partition, "{\"time\":1001}\n", zero, end, false),
		     0);
	if (is_closed)
		engine_partition_close(site->engine, partition, false);
	return partition;
}

static void append_name(void *arg, const char *source, const char *name,
			const struct position *position, const struct bundle_counters *counters)
{
	(void)source;
	(void)counters;
	cr_expect_eq(position->offset, 20, "%s", name);
	bytes_append_text(arg, name);
}

/** Names of the partitions that are known, in the order of their numbers. */
static void expect_known(struct site *site, const char *names)
{
	struct bytes known = BYTES_EMPTY;

	engine_each_partition(site->engine, append_name, &known);
	cr_expect_str_eq(known.length > 0 ? known.data : "", names);
	bytes_deinit(&known);
}

static void add_readings(void *arg, const struct engine_source_status *status)
{
	*(uint64_t *)arg += status->total.readings;
}

static uint64_t readings(struct site *site)
{
	uint64_t count = 0;

	engine_each_source(site->engine, add_readings, &count);
	return count;
}

static uint32_t forget_at(struct site *site, int64_t wall_ms)
{
	uint32_t count = engine_forget_positions(site->engine, wall_ms);

	commit_kick(site->commit);
	return count;
}

Test(partitions, a_closed_one_is_forgotten_after_seven_days_and_its_totals_stay)
{
	struct site site;

	site_init(&site);
	site_install(&site, NULL, 0);
	read_one(&site, "a", true);
	read_one(&site, "b", false);
	site_restart(&site, NULL, 0);
	site_open(&site, "pay", "b", true);
	cr_expect_eq(forget_at(&site, START + 7LL * DAY_MS), 0);
	expect_known(&site, "ab");
	cr_expect_eq(forget_at(&site, START + 7LL * DAY_MS + 1), 1);
	expect_known(&site, "b");
	cr_expect_eq(readings(&site), 2);
	site_restart(&site, NULL, 0);
	expect_known(&site, "b");
	cr_expect_eq(readings(&site), 2);
	site_deinit(&site);
}

Test(partitions, an_idle_one_that_is_open_counts_as_used)
{
	struct site site;

	site_init(&site);
	site_install(&site, NULL, 0);
	read_one(&site, "a", false);
	cr_expect_eq(forget_at(&site, START + 30LL * DAY_MS), 0);
	site_restart(&site, NULL, 0);
	cr_expect_eq(forget_at(&site, START + 37LL * DAY_MS), 0);
	expect_known(&site, "a");
	cr_expect_eq(forget_at(&site, START + 37LL * DAY_MS + 1), 1);
	expect_known(&site, "");
	site_deinit(&site);
}

Test(partitions, one_that_closes_is_kept_from_then_on)
{
	struct site site;
	uint32_t partition;

	site_init(&site);
	site_install(&site, NULL, 0);
	partition = read_one(&site, "a", false);
	engine_advance(site.engine, site.now_ms, START + 10LL * DAY_MS);
	engine_partition_close(site.engine, partition, false);
	cr_expect_eq(forget_at(&site, START + 17LL * DAY_MS), 0);
	cr_expect_eq(forget_at(&site, START + 17LL * DAY_MS + 1), 1);
	site_deinit(&site);
}

Test(partitions, in_a_full_table_the_oldest_closed_one_makes_room)
{
	struct site site;
	struct position committed;
	struct err_note why = {0};
	uint32_t number;

	site_init(&site);
	site.partitions_max = 3;
	site_restart(&site, NULL, 0);
	for (int i = 0; i < 3; i++) {
		engine_advance(site.engine, site.now_ms, START + 3 - i);
		read_one(&site, (const char *[]){"a", "b", "c"}[i], i > 0);
	}
	read_one(&site, "d", false);
	expect_known(&site, "abd");
	read_one(&site, "e", false);
	expect_known(&site, "aed");
	cr_expect_eq(
		engine_partition_open(site.engine, "pay", "f", true, 0, &number, &committed, &why),
		ERR_FULL);
	cr_expect(strstr(why.text, "3 partitions") != NULL, "%s", why.text);
	cr_expect_eq(readings(&site), 5);
	site_restart(&site, NULL, 0);
	expect_known(&site, "ade");
	site_deinit(&site);
}

Test(partitions, more_stored_ones_than_there_is_room_for_are_no_damage)
{
	struct site site;

	site_init(&site);
	site_install(&site, NULL, 0);
	for (int i = 0; i < 5; i++) {
		static const char *const names[] = {"a", "b", "c", "d", "e"};
		static const int64_t order[] = {2, 5, 1, 4, 3};

		engine_advance(site.engine, site.now_ms, START + order[i]);
		read_one(&site, names[i], true);
	}
	site.partitions_max = 3;
	site_restart(&site, NULL, 0);
	expect_known(&site, "ebd");
	cr_expect_eq(readings(&site), 5);
	/* The others are gone from the store as well. */
	site.partitions_max = 0;
	site_restart(&site, NULL, 0);
	expect_known(&site, "bde");
	site_deinit(&site);
}
