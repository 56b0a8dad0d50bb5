#include "site.h"

#include <criterion/criterion.h>

#include <stdio.h>

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
	struct tree *map = site_map(site, pairs), *flag = tree_new(&site->arena, TREE_BOOL, 1);
	struct report report;
	struct rule *rule;
	char hash[33];

	flag->boolean = excludes != NULL;
	site_put(site, map, "exclude_incidents", flag);
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
	rule = quiet_rule(&site, 1, "50%", "");
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
