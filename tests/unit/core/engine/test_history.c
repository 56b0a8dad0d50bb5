#include "site.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <time.h>

#include "core/base/bytes.h"
#include "core/base/mem.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

/** Payments of a merchant below half of what it had at the same time yesterday. */
static struct rule *quiet_rule(struct site *site, uint32_t version, const char *lower,
			       const char *excludes)
{
	const char *const pairs[] = {
		"window", "1m", "statistic", "count", "baseline", "same time yesterday", NULL};
	const char *const band[] = {"lower", lower, NULL}, *const by[] = {"m", NULL};
	struct tree *map = site_map(site, pairs);
	struct report report;
	struct rule *rule;
	char hash[33];

	if (excludes != NULL)
		site_put(site, map, "exclude_incidents", site_value(site, excludes));
	site_put(site, map, "type", site_text(site, "baseline"));
	site_put(site, map, "source", site_text(site, "pay"));
	site_put(site, map, "output", site_text(site, "alerts"));
	site_put(site, map, "by", site_list(site, by));
	site_put(site, map, "band", site_map(site, band));
	snprintf(hash, sizeof(hash), "quiet-%u", version);
	report_init(&report);
	rule = rule_new(map, "quiet", version, "rule.lua", hash, NULL, site->config, &report);
	cr_assert_eq(report.count, 0, "%s", report.count > 0 ? report.findings[0].text : "");
	report_deinit(&report);
	return rule;
}

/** Readings of merchant a from 10:00 of a day on, one each second; the clock goes on a minute. */
static void feed(struct site *site, uint32_t partition, int day, int count)
{
	struct bytes lines = BYTES_EMPTY;

	for (int i = 0; i <= count; i++)
		bytes_append_format(
			&lines, "{\"time\":\"1970-01-%02dT10:%02d:%02dZ\",\"m\":\"%s\"}\n", day,
			i < count ? 0 : 1, i < count ? i : 30, i < count ? "a" : "other");
	cr_assert_eq(site_feed(site, "pay", partition, lines.data), 0);
	site_advance(site);
	bytes_deinit(&lines);
}

static bool count_row(void *arg, struct slice key, struct slice value)
{
	(void)key;
	(void)value;
	(*(uint32_t *)arg)++;
	return true;
}

static uint32_t history_rows(const struct site *site)
{
	struct bytes prefix = BYTES_EMPTY;
	uint32_t count = 0;

	key_begin(&prefix, KEYSPACE_HISTORY);
	cr_assert_eq(kv_scan(site->kv, bytes_slice(&prefix), false, count_row, &count, NULL), 0);
	bytes_deinit(&prefix);
	return count;
}

Test(history, a_restart_finds_yesterday)
{
	struct site site;
	struct rule *rule;

	site_init(&site);
	rule = quiet_rule(&site, 1, "50%", NULL);
	site_install(&site, &rule, 1);
	feed(&site, site_open(&site, "pay", "p", false), 2, 10);
	site_expect(&site, "");
	site_restart(&site, &rule, 1);
	feed(&site, site_open(&site, "pay", "p", false), 3, 4);
	/* At 10:01 four of ten; a minute later nothing was there yesterday either. */
	site_expect(&site, "quiet@1 firing a 4 208860\n");
	site_restart(&site, &rule, 1);
	feed(&site, site_open(&site, "pay", "p", false), 4, 3);
	/* Three of yesterday's four. */
	site_expect(&site, "quiet@1 resolved a 3 295260\n");
	rule_unref(rule);
	site_deinit(&site);
}

Test(history, an_edit_that_measures_the_same_keeps_it)
{
	struct site site;
	struct rule *rules[2];
	uint32_t partition;

	site_init(&site);
	rules[0] = quiet_rule(&site, 1, "10%", NULL);
	rules[1] = quiet_rule(&site, 2, "50%", NULL);
	site_install(&site, &rules[0], 1);
	partition = site_open(&site, "pay", "p", false);
	feed(&site, partition, 2, 10);
	site_install(&site, &rules[1], 1);
	feed(&site, partition, 3, 4);
	site_expect(&site, "quiet@2 firing a 4 208860\n");
	rule_unref(rules[0]);
	rule_unref(rules[1]);
	site_deinit(&site);
}

Test(history, the_day_on_which_it_fired_is_passed_over)
{
	struct site site;
	struct rule *rule;
	uint32_t partition;

	site_init(&site);
	rule = quiet_rule(&site, 1, "50%", "!true");
	site_install(&site, &rule, 1);
	partition = site_open(&site, "pay", "p", false);
	feed(&site, partition, 2, 10);
	feed(&site, partition, 3, 4);
	site_expect(&site, "quiet@1 firing a 4 208860\n");
	feed(&site, partition, 4, 4);
	/* Compared with the ten of the day before yesterday it still fires. */
	site_expect(&site, "");
	feed(&site, partition, 5, 5);
	site_expect(&site, "quiet@1 resolved a 5 381660\n");
	rule_unref(rule);
	site_deinit(&site);
}

enum { DAY_S = 24 * 3600, NOON_S = 17 * 3600, APRIL_22_S = 111 * DAY_S, LATE_S = 11 * 3600 + 1500 };

/** `count` readings of a from then on, one each second; the clock goes on a minute. */
static void feed_at(struct site *site, uint32_t partition, time_t from_s, int count)
{
	struct bytes lines = BYTES_EMPTY;

	for (int i = 0; i <= count; i++) {
		time_t time_s = i < count ? from_s + i : from_s + 90;
		char text[32];
		struct tm parts;

		gmtime_r(&time_s, &parts);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
		bytes_append_format(&lines, "{\"time\":\"%s\",\"m\":\"%s\"}\n", text,
				    i < count ? "a" : "other");
	}
	cr_assert_eq(site_feed(site, "pay", partition, lines.data), 0);
	site_advance(site);
	bytes_deinit(&lines);
}

/** A day at noon, and ten minutes later. */
static void feed_twice(struct site *site, uint32_t partition, time_t noon_s, int first, int second)
{
	feed_at(site, partition, noon_s, first);
	feed_at(site, partition, noon_s + 600, second);
}

/** In New York the clock is put forward on April 26, 1970. On April 23 merchant a falls, and is
 *  well again ten minutes later; its incident is open until half past eleven in the evening of
 *  the 25th, which is the 26th in UTC. `is_restarted`: nothing but the store knows of it then. */
static void keep_an_incident_open(const char *excludes, const char *category, bool is_restarted)
{
	struct site site;
	struct rule *rule;
	uint32_t partition;
	const int noon_s = APRIL_22_S + NOON_S;

	site_init_in(&site, "America/New_York");
	rule = quiet_rule(&site, 1, "50%", excludes);
	site_install(&site, &rule, 1);
	partition = site_open(&site, "pay", "p", false);
	feed_twice(&site, partition, noon_s, 10, 10);
	feed_at(&site, partition, noon_s + DAY_S, 4);
	site_expect(&site, "quiet@1 firing a 4 9738060\n");
	site.has_incident = category == NULL;
	site.open_category = category;
	feed_at(&site, partition, noon_s + DAY_S + 600, 10);
	site_expect(&site, "quiet@1 resolved a 10 9738660\n");
	/* Of the 24th and the 25th nothing counts: both are compared with the ten of the 22nd. */
	feed_twice(&site, partition, noon_s + 2 * DAY_S, 20, 20);
	feed_twice(&site, partition, noon_s + 3 * DAY_S, 20, 20);
	feed_at(&site, partition, noon_s + 3 * DAY_S + LATE_S, 0);
	site.has_incident = false;
	site.open_category = NULL;
	if (is_restarted) {
		site_restart(&site, &rule, 1);
		partition = site_open(&site, "pay", "p", false);
	}
	/* An hour earlier in UTC. Of the 25th's twenty six is less than half, and of ten not. */
	feed_twice(&site, partition, noon_s + 4 * DAY_S - 3600, 6, 6);
	feed_at(&site, partition, noon_s + 4 * DAY_S - 3600 + LATE_S, 0);
	site_expect(&site, "");
	/* The 26th counts: of its six four is enough, of the ten of the 22nd it is not. */
	feed_twice(&site, partition, noon_s + 5 * DAY_S - 3600, 4, 4);
	site_expect(&site, "");
	rule_unref(rule);
	site_deinit(&site);
}

Test(history, days_of_an_open_incident_are_passed_over)
{
	keep_an_incident_open("!true", NULL, false);
	keep_an_incident_open("!true", NULL, true);
}

Test(history, days_of_an_incident_of_the_category_are_passed_over)
{
	keep_an_incident_open("category", "food", false);
	keep_an_incident_open("category", "food", true);
	keep_an_incident_open("category", "shops", true);
}

Test(history, rows_go_with_the_rule_and_with_time)
{
	struct site site;
	struct rule *rule;
	uint32_t partition, count;

	site_init(&site);
	rule = quiet_rule(&site, 1, "50%", NULL);
	site_install(&site, &rule, 1);
	partition = site_open(&site, "pay", "p", false);
	for (int day = 2; day < 8; day++)
		feed(&site, partition, day, 10);
	count = history_rows(&site);
	for (int day = 8; day < 25; day++)
		feed(&site, partition, day, 10);
	cr_expect_gt(count, 5);
	cr_expect_eq(history_rows(&site), count, "%u rows, then %u", count, history_rows(&site));
	site_install(&site, NULL, 0);
	cr_expect_eq(history_rows(&site), 0);
	site.alert_count = 0;
	rule_unref(rule);
	site_deinit(&site);
}

Test(history, rows_of_a_rule_that_went_meanwhile_go_at_the_start)
{
	struct site site;
	struct rule *rule;

	site_init(&site);
	rule = quiet_rule(&site, 1, "50%", NULL);
	site_install(&site, &rule, 1);
	feed(&site, site_open(&site, "pay", "p", false), 2, 10);
	cr_expect_gt(history_rows(&site), 1);
	site_restart(&site, NULL, 0);
	cr_expect_eq(history_rows(&site), 0);
	rule_unref(rule);
	site_deinit(&site);
}
