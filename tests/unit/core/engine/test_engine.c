/* Hand-computed alerts. Times are epoch seconds from 1000 (a multiple of 5). Windows of 10 s: the
 * boundary B judges [B-10, B). Lateness is 5 s. */
#include "core/engine/engine.h"

#include <criterion/criterion.h>

#include <string.h>

#include "core/base/err.h"
#include "core/model/aggregate.h"
#include "site.h"
#include "storage/commit.h"

static const char *const count_2[] = {"window", "10s", "threshold", ">= 2", NULL};

Test(engine, count_fires_once_and_resolves_once)
{
	struct site site;
	struct rule *rule;
	uint32_t partition;

	rule = site_with(&site, "many", "count", NULL, count_2, &partition);
	/* Panes: 1000 has 1, 1005 has 2. At 1005: 1. 1010: 3, fires. 1015: 2, still. 1020: 0. */
	site_feed(&site, "pay", partition,
		  "{\"time\":1001}\n{\"time\":1006}\n{\"time\":1007}\n{\"time\":1030}\n");
	site_advance(&site);
	site_expect(&site, "many@1 firing . 3 1010\nmany@1 resolved . 0 1020\n");
	rule_unref(rule);
	site_deinit(&site);
}

Test(engine, field_judges_the_statistic_and_needs_a_sample)
{
	static const char *const low[] = {"window", "10s",         "threshold", "< 5",
					  "field",  "cost",        "statistic", "max",
					  "filter", "cost ~= nil", NULL};
	static const char *const sum[] = {"window", "5s",        "threshold", "> 9", "field",
					  "cost",   "statistic", "sum",       NULL};
	struct site site;
	struct rule *rules[2];
	uint32_t partition;

	site_init(&site);
	rules[0] = site_rule(&site, "low", 1, "field", NULL, low);
	rules[1] = site_rule(&site, "sum", 1, "field", NULL, sum);
	site_install(&site, rules, 2);
	partition = site_open(&site, "pay", "p", false);
	/* low: 1005 max 3 fires; 1010 max(3, 8) = 8 resolves; 1015 8; from 1020 no value.
	 * sum: 1005 3; 1010 2 + 8 = 10 fires; 1015 nothing: without a value it stays. */
	site_feed(&site, "pay", partition,
		  "{\"time\":1001,\"cost\":3}\n{\"time\":1006,\"cost\":2}\n"
		  "{\"time\":1008,\"cost\":8}\n{\"time\":1060}\n");
	site_advance(&site);
	site_expect(&site, "low@1 firing . 3 1005\n"
			   "low@1 resolved . 8 1010\n"
			   "sum@1 firing . 10 1010\n");
	rule_unref(rules[0]);
	rule_unref(rules[1]);
	site_deinit(&site);
}

Test(engine, continuous_watches_every_value_by_itself)
{
	static const char *const pairs[] = {"window", "10s",  "threshold", ">= 2",
					    "field",  "cost", NULL};
	struct site site;
	struct rule *rule;
	uint32_t partition;

	rule = site_with(&site, "same", "continuous", NULL, pairs, &partition);
	site_feed(&site, "pay", partition,
		  "{\"time\":1001,\"cost\":30}\n{\"time\":1002,\"cost\":9}\n"
		  "{\"time\":1006,\"cost\":30.0}\n{\"time\":1007,\"cost\":9}\n"
		  "{\"time\":1008,\"cost\":7}\n{\"time\":1030}\n{\"time\":1030}\n");
	site_advance(&site);
	/* In the order of the values: 9 before 30. The readings at 1030 are not complete yet. */
	site_expect(&site, "same@1 firing 9 2 1010\nsame@1 firing 30 2 1010\n"
			   "same@1 resolved 9 1 1015\nsame@1 resolved 30 1 1015\n");
	rule_unref(rule);
	site_deinit(&site);
}

Test(engine, group_watches_combinations_with_filter_and_statistic)
{
	static const char *const by[] = {"m", "ip", NULL};
	static const char *const pairs[] = {
		"window", "10s",    "threshold",   ">= 10",   "field", "cost", "statistic",
		"avg",    "filter", "ok == false", "no_data", "ok",    NULL};
	struct site site;
	struct rule *rule;
	uint32_t partition;

	rule = site_with(&site, "slow", "group", by, pairs, &partition);
	site_feed(&site, "pay", partition,
		  "{\"time\":1001,\"m\":\"a\",\"ip\":1,\"cost\":8,\"ok\":false}\n"
		  "{\"time\":1002,\"m\":\"a\",\"ip\":1,\"cost\":12,\"ok\":false}\n"
		  "{\"time\":1002,\"m\":\"a\",\"ip\":1,\"cost\":900,\"ok\":true}\n"
		  "{\"time\":1003,\"m\":\"a\",\"ip\":2,\"cost\":9,\"ok\":false}\n"
		  "{\"time\":1006,\"m\":\"a\",\"ip\":2,\"cost\":13,\"ok\":false}\n"
		  "{\"time\":1030}\n");
	site_advance(&site);
	site_expect(&site, "slow@1 firing a,1 10 1005\n"
			   "slow@1 firing a,2 11 1010\n"
			   "slow@1 resolved a,1 - 1015\n"
			   "slow@1 resolved a,2 - 1020\n");
	rule_unref(rule);
	site_deinit(&site);
}

Test(engine, a_rule_without_dimension_sees_silence)
{
	static const char *const pairs[] = {"window",           "10s", "threshold", "< 1", "filter",
					    "kind == \"beat\"", NULL};
	struct site site;
	struct rule *rule;
	uint32_t partition;

	rule = site_with(&site, "dead", "count", NULL, pairs, &partition);
	site_feed(&site, "pay", partition,
		  "{\"time\":1001,\"kind\":\"beat\"}\n{\"time\":1039}\n"
		  "{\"time\":1031,\"kind\":\"beat\"}\n{\"time\":1100}\n");
	site_advance(&site);
	/* Silent from 1015 (window [1005, 1015)) on, until 1035; again from 1045. */
	site_expect(&site, "dead@1 firing . 0 1015\ndead@1 resolved . 1 1035\n"
			   "dead@1 firing . 0 1045\n");
	rule_unref(rule);
	site_deinit(&site);
}

Test(engine, nothing_is_evaluated_before_the_watermark_passes)
{
	struct site site;
	struct rule *rule;
	uint32_t partition;

	rule = site_with(&site, "many", "count", NULL, count_2, &partition);
	site_feed(&site, "pay", partition,
		  "{\"time\":1001}\n{\"time\":1002}\n{\"time\":1009.999}\n");
	site_advance(&site);
	site_expect(&site, "");
	site_feed(&site, "pay", partition, "{\"time\":1010}\n");
	site_advance(&site);
	site_expect(&site, "many@1 firing . 2 1005\n");
	rule_unref(rule);
	site_deinit(&site);
}

Test(engine, the_slower_partition_holds_the_watermark)
{
	struct site site;
	struct rule *rule;
	uint32_t a, b;

	site_init(&site);
	rule = site_rule(&site, "many", 1, "count", NULL, count_2);
	site_install(&site, &rule, 1);
	a = site_open(&site, "pay", "a", false);
	b = site_open(&site, "pay", "b", false);
	site_feed(&site, "pay", a, "{\"time\":1001}\n{\"time\":1060}\n");
	site_advance(&site);
	site_expect(&site, "");
	site_feed(&site, "pay", b, "{\"time\":1002}\n{\"time\":1030}\n");
	site_advance(&site);
	site_expect(&site, "many@1 firing . 2 1005\nmany@1 resolved . 0 1015\n");
	rule_unref(rule);
	site_deinit(&site);
}

Test(engine, an_idle_source_closes_its_windows_by_processing_time)
{
	struct site site;
	struct rule *rule;
	uint32_t partition;
	int64_t next_ms;

	rule = site_with(&site, "many", "count", NULL, count_2, &partition);
	site_feed(&site, "pay", partition, "{\"time\":1001}\n{\"time\":1002}\n");
	site_advance(&site);
	next_ms = engine_next_ms(site.engine, site.now_ms);
	cr_expect_eq(next_ms, site.now_ms + 10000);
	/* Watermark 997 when idle begins: 1000 after 3 s, 1005 after 8 s. */
	site.now_ms = next_ms;
	site_advance(&site);
	cr_expect_eq(engine_next_ms(site.engine, site.now_ms), next_ms + 3000);
	site.now_ms = next_ms + 7999;
	site_advance(&site);
	site_expect(&site, "");
	cr_expect_eq(engine_next_ms(site.engine, site.now_ms), next_ms + 8000);
	site.now_ms += 1;
	site_advance(&site);
	site_expect(&site, "many@1 firing . 2 1005\n");
	rule_unref(rule);
	site_deinit(&site);
}

Test(engine, a_late_reading_counts_while_its_pane_is_kept_and_is_counted_when_not)
{
	struct site site;
	struct rule *rule;
	uint32_t partition;

	rule = site_with(&site, "many", "count", NULL, count_2, &partition);
	site_feed(&site, "pay", partition, "{\"time\":1001}\n{\"time\":1010}\n");
	site_advance(&site);
	/* 1005 was evaluated with one reading; the late one at 1003 is seen by 1010. */
	site_feed(&site, "pay", partition, "{\"time\":1003}\n{\"time\":1015}\n");
	site_advance(&site);
	site_expect(&site, "many@1 firing . 2 1010\n");
	/* Kept: 10 s window + 5 s lateness + 60 s. Watermark 2000: panes before 1925 are gone. */
	site_feed(&site, "pay", partition, "{\"time\":2005}\n");
	site_advance(&site);
	site_expect(&site, "many@1 resolved . 1 1015\nmany@1 firing . 2 1020\n"
			   "many@1 resolved . 1 1025\n");
	site_feed(&site, "pay", partition, "{\"time\":1924}\n{\"time\":1925}\n{\"time\":1926}\n");
	site_advance(&site);
	site_expect(&site, "");
	rule_unref(rule);
	site_deinit(&site);
}

static void keep_status(void *arg, const struct engine_source_status *status)
{
	if (strcmp(status->name, "pay") == 0)
		*(struct engine_source_status *)arg = *status;
}

Test(engine, counters_survive_a_restart_and_late_readings_are_counted)
{
	struct site site;
	struct rule *rule;
	struct engine_source_status status = {0};
	uint32_t partition;

	rule = site_with(&site, "many", "count", NULL, count_2, &partition);
	site_feed(&site, "pay", partition, "{\"time\":2005}\nnot json\n");
	site_advance(&site);
	site_feed(&site, "pay", partition, "{\"time\":1919}\n{\"time\":1920}\n");
	site_restart(&site, &rule, 1);
	engine_each_source(site.engine, keep_status, &status);
	cr_expect_eq(status.total.readings, 3);
	cr_expect_eq(status.total.malformed, 1);
	cr_expect_eq(status.late_dropped, 1);
	cr_expect_eq(status.watermark_ms, 2000000);
	rule_unref(rule);
	site_deinit(&site);
}

static void count_letter(void *arg, const char *source, const char *partition,
			 const struct dead_letter *letter)
{
	cr_expect_str_eq(source, "pay");
	cr_expect_str_eq(partition, "p");
	cr_expect_str_eq(letter->text, "not json");
	*(int *)arg += 1;
}

Test(engine, dead_letters_are_kept_bounded_and_survive_a_restart)
{
	struct site site;
	uint32_t partition;
	int count = 0;

	site_init(&site);
	site_install(&site, NULL, 0);
	partition = site_open(&site, "pay", "p", false);
	for (int i = 0; i < 25; i++)
		site_feed(&site, "pay", partition, "not json\n");
	site_restart(&site, NULL, 0);
	engine_each_dead_letter(site.engine, "pay", count_letter, &count);
	cr_expect_eq(count, 20);
	site_deinit(&site);
}

static void count_up(void *arg, const struct bundle *bundle)
{
	(void)bundle;
	*(int *)arg += 1;
}

Test(engine, a_duplicate_is_dropped_and_a_gap_is_refused)
{
	struct site site;
	struct rule *rule;
	struct engine_source_status status = {0};
	struct position p0 = {0}, p20 = {.offset = 20}, p40 = {.offset = 40}, p60 = {.offset = 60};
	struct position again;
	uint32_t partition, number;

	site_init(&site);
	rule = site_rule(&site, "many", 1, "count", NULL, count_2);
	site_install(&site, &rule, 1);
	partition = site_open(&site, "pay", "file", true);
	cr_expect_eq(site_feed_at(&site, "pay", partition, "{\"time\":1001}\n", p0, p20, false), 0);
	cr_expect_eq(site_feed_at(&site, "pay", partition, "{\"time\":1001}\n", p0, p20, false), 0);
	cr_expect_eq(site_feed_at(&site, "pay", partition, "{\"time\":1001}\n", p40, p60, false),
		     ERR_CONFLICT);
	cr_expect_eq(site_feed_at(&site, "pay", partition, "{\"time\":1001}\n", p0, p40, false),
		     ERR_CONFLICT, "an overlap cannot be taken apart");
	cr_expect_eq(site_feed_at(&site, "pay", partition, "{\"time\":1030}\n", p20, p40, false),
		     0);
	site_advance(&site);
	site_expect(&site, "");
	engine_each_source(site.engine, keep_status, &status);
	cr_expect_eq(status.total.readings, 2);
	cr_expect_eq(status.duplicates, 1);
	cr_assert_eq(engine_partition_open(site.engine, "pay", "file", true, site.now_ms, &number,
					   &again, NULL),
		     0);
	cr_expect_eq(number, partition);
	cr_expect_eq(again.offset, 40);
	rule_unref(rule);
	site_deinit(&site);
}

Test(engine, a_reset_begins_the_next_epoch_at_zero)
{
	struct site site;
	struct position p0 = {0}, p20 = {.offset = 20};
	struct position e1 = {.epoch = 1}, e1_10 = {.epoch = 1, .offset = 10};
	struct position e2_5 = {.epoch = 2, .offset = 5};
	uint32_t partition;

	site_init(&site);
	site_install(&site, NULL, 0);
	partition = site_open(&site, "pay", "file", true);
	cr_expect_eq(site_feed_at(&site, "pay", partition, "", p0, p20, false), 0);
	cr_expect_eq(site_feed_at(&site, "pay", partition, "", e1, e1_10, false), ERR_CONFLICT);
	cr_expect_eq(site_feed_at(&site, "pay", partition, "", e1, e1_10, true), 0);
	cr_expect_eq(site_feed_at(&site, "pay", partition, "", e1, e1_10, true), 0);
	cr_expect_eq(site_feed_at(&site, "pay", partition, "", e2_5, e2_5, true), ERR_CONFLICT);
	site_deinit(&site);
}

Test(engine, a_bundle_is_acknowledged_after_the_commit_only)
{
	struct site site;
	struct bundle *bundle;
	int acknowledged = 0;

	site_init(&site);
	site_install(&site, NULL, 0);
	bundle = bundle_new(engine_intake(site.engine, "pay"), 1);
	bundle->partition = site_open(&site, "pay", "p", false);
	bundle->on_durable = count_up;
	bundle->arg = &acknowledged;
	cr_expect_eq(engine_apply(site.engine, bundle, 0), 0);
	cr_expect_eq(acknowledged, 0);
	commit_kick(site.commit);
	cr_expect_eq(acknowledged, 1);
	site_deinit(&site);
}

Test(engine, a_forgotten_partition_begins_again_at_zero)
{
	struct site site;
	struct position p0 = {0}, p20 = {.offset = 20}, committed;
	uint32_t partition;

	site_init(&site);
	site_install(&site, NULL, 0);
	for (int is_forgotten = 0; is_forgotten < 2; is_forgotten++) {
		partition = site_open(&site, "pay", "file", true);
		site_feed_at(&site, "pay", partition, "", p0, p20, false);
		engine_partition_close(site.engine, partition, is_forgotten == 1);
		commit_kick(site.commit);
		site_restart(&site, NULL, 0);
		cr_assert_eq(engine_partition_open(site.engine, "pay", "file", true, 0, &partition,
						   &committed, NULL),
			     0);
		cr_expect_eq(committed.offset, is_forgotten == 1 ? 0 : 20);
	}
	cr_expect_eq(engine_partition_open(site.engine, "nope", "x", true, 0, &partition,
					   &committed, NULL),
		     ERR_NOT_FOUND);
	site_deinit(&site);
}

Test(engine, the_end_of_input_evaluates_up_to_the_last_pane_and_not_beyond)
{
	static const char *const few[] = {"window", "10s", "threshold", "< 1", NULL};
	struct site site;
	struct rule *rules[2];
	uint32_t partition;

	site_init(&site);
	rules[0] = site_rule(&site, "few", 1, "count", NULL, few);
	rules[1] = site_rule(&site, "many", 1, "count", NULL, count_2);
	site_install(&site, rules, 2);
	partition = site_open(&site, "pay", "p", false);
	site_feed(&site, "pay", partition, "{\"time\":1001}\n{\"time\":1006}\n");
	site_finish(&site);
	site_expect(&site, "many@1 firing . 2 1010\n");
	rule_unref(rules[0]);
	rule_unref(rules[1]);
	site_deinit(&site);
}

Test(engine, every_longer_than_a_pane_evaluates_at_its_multiples)
{
	static const char *const pairs[] = {"window",    "20s",  "every", "15s",
					    "threshold", ">= 2", NULL};
	struct site site;
	struct rule *rule;
	uint32_t partition;

	rule = site_with(&site, "many", "count", NULL, pairs, &partition);
	/* Multiples of 15: 1005 [985,1005): 1; 1020 [1000,1020): 2; 1035 [1015,1035): 0. */
	site_feed(&site, "pay", partition, "{\"time\":1001}\n{\"time\":1006}\n{\"time\":1100}\n");
	site_advance(&site);
	site_expect(&site, "many@1 firing . 2 1020\nmany@1 resolved . 0 1035\n");
	rule_unref(rule);
	site_deinit(&site);
}

/** What left the window between two boundaries far apart must be known at the second one. */
Test(engine, a_rule_of_rare_boundaries_resolves_what_left_long_before)
{
	static const char *const pairs[] = {"window",    "1h",   "every", "1h",
					    "threshold", ">= 2", NULL};
	static const char *const by[] = {"k", NULL};
	struct site site;
	struct rule *rule;
	uint32_t partition;

	rule = site_with(&site, "rare", "group", by, pairs, &partition);
	/* Boundaries are 7200, 10800, 14400; a has panes at the begin of its hour alone. */
	site_feed(&site, "pay", partition,
		  "{\"time\":7201,\"k\":\"a\"}\n{\"time\":7202,\"k\":\"a\"}\n");
	for (int at = 7300; at <= 14500; at += 100) {
		char line[64];

		snprintf(line, sizeof(line), "{\"time\":%d,\"k\":\"b%d\"}\n", at, at);
		site_feed(&site, "pay", partition, line);
		site_advance(&site);
	}
	site_expect(&site, "rare@1 firing a 2 10800\nrare@1 resolved a 0 14400\n");
	rule_unref(rule);
	site_deinit(&site);
}
