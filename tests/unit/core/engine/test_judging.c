/* What stands between a value and an alert, through the whole engine: the options by themselves on
 * streams written by hand, and random sets of them with the program killed between any two
 * bundles. */
#include "core/engine/engine.h"

#include <criterion/criterion.h>

#include <string.h>

#include "site.h"

/** A group by `k` of the rule `r`, or a count when `by` is NULL; window 10 s unless told. */
static struct rule *rule_with(struct site *site, const char *const *by, const char *const *options)
{
	const char *pairs[40];
	bool has_window = false;
	int count = 0;

	for (; *options != NULL; options++) {
		has_window |= strcmp(*options, "window") == 0;
		pairs[count++] = *options;
	}
	if (!has_window) {
		pairs[count++] = "window";
		pairs[count++] = "10s";
	}
	pairs[count] = NULL;
	return site_rule(site, "r", 1, by != NULL ? "group" : "count", by, pairs);
}

static const char *const by_k[] = {"k", NULL};

struct world {
	struct site site;
	struct rule *rule;
	uint32_t partition;
};

static void begin(struct world *world, const char *const *by, const char *const *options)
{
	site_init(&world->site);
	world->rule = rule_with(&world->site, by, options);
	site_install(&world->site, &world->rule, 1);
	world->partition = site_open(&world->site, "pay", "p", false);
}

static void end(struct world *world)
{
	rule_unref(world->rule);
	site_deinit(&world->site);
}

/** Readings "second key" each; then time goes to `until` with a reading of no rule. */
static void feed(struct world *world, const char *readings, int until)
{
	struct bytes lines = BYTES_EMPTY;
	int time, length;
	char key;

	for (; sscanf(readings, " %d%c%n", &time, &key, &length) == 2; readings += length)
		bytes_append_format(&lines, "{\"time\":%d,\"k\":\"%c\",\"cost\":%d}\n", time, key,
				    time % 10);
	site_feed(&world->site, "pay", world->partition, lines.data != NULL ? lines.data : "\n");
	bytes_clear(&lines);
	bytes_append_format(&lines, "{\"time\":%d,\"k\":\"-\",\"cost\":0}\n", until + 5);
	site_feed(&world->site, "pay", world->partition, lines.data);
	site_advance(&world->site);
	bytes_deinit(&lines);
}

#define OPTIONS(...) ((const char *const[]){"filter", "k ~= '-'", __VA_ARGS__, NULL})

Test(judging, hold_and_clear_hold)
{
	struct world world;

	begin(&world, by_k, OPTIONS("threshold", ">= 2", "hold", "5s", "clear_hold", "10s"));
	feed(&world, "1001a 1002a 1006b 1006b 1007a", 1050);
	/* a: 3 in [1000, 1010): holds at 1005 and 1010; at 1015 1, so over since then, 10 s later
	 * 1025. b: 2 at 1010, 1015; at 1020 0. */
	site_expect(&world.site, "r@1 firing a 3 1010\n"
				 "r@1 firing b 2 1015\n"
				 "r@1 resolved a 0 1025\n"
				 "r@1 resolved b 0 1030\n");
	end(&world);
}

Test(judging, clear_condition)
{
	struct world world;

	begin(&world, NULL, OPTIONS("threshold", ">= 3", "clear", "< 1"));
	feed(&world, "1001a 1002a 1003a 1011a", 1040);
	site_expect(&world.site, "r@1 firing . 3 1005\nr@1 resolved . 0 1025\n");
	end(&world);
}

Test(judging, severities_with_message_and_threshold_of_the_level)
{
	struct world world;

	begin(&world, by_k,
	      OPTIONS("severities", "{warning=>= 2;critical={threshold=>= 4;clear=< 3}}", "message",
		      "key {k} has {value} of {count} in {window}: {severity} {threshold}"));
	feed(&world, "1001a 1002a 1006a 1007a 1011a", 1050);
	cr_expect_str_eq(world.site.alerts[0].more,
			 "warning >=2 key a has 2 of 2 in 10s: warning >=2 0");
	cr_expect_str_eq(world.site.alerts[1].more,
			 "critical >=4 key a has 4 of 4 in 10s: critical >=4 0");
	site_expect(&world.site, "r@1 firing a 2 1005\n"
				 "r@1 firing a 4 1010\n"
				 "r@1 resolved a 1 1020\n");
	end(&world);
}

Test(judging, several_expressions)
{
	struct world world;

	begin(&world, by_k,
	      OPTIONS("all", "{{threshold=>= 2};{statistic=max;field=cost;threshold=>= 7}}"));
	feed(&world, "1001a 1002a 1006a 1007b 1008b 1018a", 1050);
	site_expect(&world.site, "r@1 firing b 2 1010\nr@1 resolved b 0 1020\n");
	cr_expect_eq(world.rule->value_count, 1);
	end(&world);
}

Test(judging, silence_is_a_state_of_its_own)
{
	struct world world;

	begin(&world, by_k,
	      OPTIONS("threshold", ">= 2", "no_data", "alert", "no_data_after", "20s"));
	feed(&world, "1001a 1002b 1002b 1043a", 1060);
	/* The windows of both are empty at 1015, so silent since 1005. */
	site_expect(&world.site, "r@1 firing b 2 1005\n"
				 "r@1 nodata a 0 1025\n"
				 "r@1 nodata b 0 1025\n"
				 "r@1 resolved a 1 1045 data_returned\n");
	end(&world);
}

Test(judging, expected_keys_are_missed_though_they_never_came)
{
	struct world world;

	begin(&world, by_k, OPTIONS("threshold", ">= 5", "expect", "{x;a}"));
	feed(&world, "1001a 1006a 1011a 1016a 1021a 1026a", 1030);
	site_expect(&world.site, "r@1 nodata x 0 1010\n");
	feed(&world, "1031x", 1035);
	site_expect(&world.site, "r@1 resolved x 1 1035 data_returned\n");
	end(&world);
}

Test(judging, the_whole_system_is_missed_since_the_rule_began)
{
	struct world world;

	begin(&world, NULL, OPTIONS("threshold", ">= 5", "no_data", "alert"));
	feed(&world, "1001- 1006- 1011- 1013a", 1015);
	site_expect(&world.site, "r@1 nodata . 0 1010\n"
				 "r@1 resolved . 1 1015 data_returned\n");
	end(&world);
}

Test(judging, expected_keys_that_are_excluded_are_not_missed)
{
	struct world world;

	begin(&world, by_k, OPTIONS("threshold", ">= 5", "expect", "{x;y}", "exclude", "{k={x}}"));
	feed(&world, "1001a 1006a 1011a 1016a 1021a 1026a", 1030);
	site_expect(&world.site, "r@1 nodata y 0 1010\n");
	end(&world);
}

Test(judging, flapping_and_settling)
{
	struct world world;

	begin(&world, NULL,
	      OPTIONS("window", "5s", "threshold", ">= 1", "flap", "{changes=#3;within=20s}"));
	feed(&world, "1001a 1011a 1021a", 1060);
	site_expect(&world.site, "r@1 firing . 1 1005\n"
				 "r@1 resolved . 0 1010\n"
				 "r@1 firing . 1 1015 flapping\n"
				 "r@1 resolved . 0 1050 settled\n");
	end(&world);
}

Test(judging, non_disturb_counts_what_it_keeps_back)
{
	struct world world;

	begin(&world, NULL,
	      OPTIONS("window", "5s", "threshold", ">= 1", "non_disturb", "{max=#1;within=40s}"));
	feed(&world, "1001a 1011a 1021a 1051a", 1080);
	cr_expect_str_eq(world.site.alerts[2].more, "warning >=1 - 2");
	site_expect(&world.site, "r@1 firing . 1 1005\n"
				 "r@1 resolved . 0 1010\n"
				 "r@1 firing . 1 1055\n"
				 "r@1 resolved . 0 1060\n");
	end(&world);
}

Test(judging, too_many_keys_are_one_alert_and_what_fires_stays)
{
	struct world world;

	begin(&world, by_k, OPTIONS("threshold", ">= 2", "keys_max", "#2"));
	feed(&world, "1001a 1001a 1002b 1003c 1003c 1004d 1007a", 1200);
	site_expect(&world.site, "r@1 firing a 2 1005\n"
				 "r@1 firing . - 1005 keys_max\n"
				 "r@1 resolved a 1 1015\n"
				 "r@1 resolved . - 1100 keys_max\n");
	end(&world);
}

Test(judging, keys_that_are_left_out_take_no_room)
{
	struct world world;

	begin(&world, by_k,
	      OPTIONS("threshold", ">= 2", "keys_max", "#1", "dimensions", "{k={c;d}}"));
	feed(&world, "1001a 1001b 1002c 1003c 1006a", 1020);
	site_expect(&world.site, "r@1 firing c 2 1005\nr@1 resolved c 0 1015\n");
	/* Its own keys are counted. */
	feed(&world, "1021d 1021d 1021c 1021c", 1025);
	site_expect(&world.site, "r@1 firing c 2 1025\nr@1 firing . - 1025 keys_max\n");
	end(&world);
}

/* Both rules have one window; each has room for its own two keys, which the other leaves out. */
Test(judging, keys_of_another_rule_take_no_room)
{
	static const char *const options[][14] = {
		{"filter", "k ~= '-'", "threshold", ">= 2", "window", "10s", "keys_max", "#2",
		 "dimensions", "{k={a;b}}", NULL},
		{"filter", "k ~= '-'", "threshold", ">= 2", "window", "10s", "keys_max", "#2",
		 "exclude", "{k={a;b}}", NULL},
	};
	struct world world;
	struct rule *rules[2];

	site_init(&world.site);
	rules[0] = site_rule(&world.site, "r", 1, "group", by_k, options[0]);
	rules[1] = site_rule(&world.site, "s", 1, "group", by_k, options[1]);
	site_install(&world.site, rules, 2);
	world.partition = site_open(&world.site, "pay", "p", false);
	feed(&world, "1001a 1001a 1001b 1001b 1002c 1002c 1002d 1002d", 1020);
	site_expect(&world.site, "r@1 firing a 2 1005\nr@1 firing b 2 1005\n"
				 "s@1 firing c 2 1005\ns@1 firing d 2 1005\n"
				 "r@1 resolved a 0 1015\nr@1 resolved b 0 1015\n"
				 "s@1 resolved c 0 1015\ns@1 resolved d 0 1015\n");
	/* A third one of its own is too many, for that rule alone. */
	feed(&world, "1021a 1021a 1021c 1021c 1021d 1021d 1021e 1021e", 1025);
	site_expect(&world.site, "r@1 firing a 2 1025\n"
				 "s@1 firing c 2 1025\ns@1 firing d 2 1025\n"
				 "s@1 firing . - 1025 keys_max\n");
	rule_unref(rules[0]);
	rule_unref(rules[1]);
	site_deinit(&world.site);
}

Test(judging, too_many_keys_in_one_bundle_stay_one_alert)
{
	struct bytes lines = BYTES_EMPTY;
	struct world world;

	begin(&world, by_k, OPTIONS("threshold", ">= 100", "keys_max", "#1"));
	for (int time = 1001; time < 1600; time += 5)
		bytes_append_format(&lines,
				    "{\"time\":%d,\"k\":\"a\"}\n{\"time\":%d,\"k\":\"b\"}\n", time,
				    time);
	cr_expect_eq(site_feed(&world.site, "pay", world.partition, lines.data), 0);
	site_advance(&world.site);
	bytes_deinit(&lines);
	site_expect(&world.site, "r@1 firing . - 1005 keys_max\n");
	/* The last refused pane ends at 1600; at 1605 nobody was, and 90 s later. */
	feed(&world, "", 1800);
	site_expect(&world.site, "r@1 resolved . - 1695 keys_max\n");
	end(&world);
}

Test(judging, silent_keys_are_forgotten)
{
	struct world world;

	begin(&world, by_k,
	      OPTIONS("statistic", "max", "field", "cost", "threshold", ">= 2", "key_idle", "60s"));
	feed(&world, "1002a", 1200);
	site_expect(&world.site, "r@1 firing a 2 1005\nr@1 resolved a - 1065 key_idle\n");
	end(&world);
}

Test(judging, min_samples_leave_the_key_as_it_is)
{
	struct world world;

	begin(&world, by_k,
	      OPTIONS("statistic", "max", "field", "cost", "threshold", ">= 2", "min_samples",
		      "#2"));
	feed(&world, "1002a 1006a 1012a 1021a 1021a", 1050);
	/* 1005 one; 1010 two; 1015 two (6, 2); 1020 one; 1025 two, both 1. */
	site_expect(&world.site, "r@1 firing a 6 1010\nr@1 resolved a 1 1025\n");
	end(&world);
}

Test(judging, valid_time_resolves_and_begins_anew)
{
	struct world world;

	/* 1000 s after 1970 is 16 minutes and 40 seconds past an hour in any zone. */
	begin(&world, NULL,
	      OPTIONS("threshold", ">= 1", "clear_hold", "1h", "valid_time",
		      "{{from=00:00;to=00:17};{from=00:18;to=24:00}}"));
	feed(&world, "1015a 1040a 1078a", 1100);
	site_expect(&world.site, "r@1 firing . 1 1020\n"
				 "r@1 resolved . 1 1025 outside_valid_time\n"
				 "r@1 firing . 1 1085\n");
	end(&world);
}

Test(judging, silence_begins_anew_with_the_valid_time)
{
	struct world world;

	begin(&world, by_k,
	      OPTIONS("threshold", ">= 5", "no_data", "alert", "valid_time",
		      "{{from=00:00;to=00:17};{from=00:18;to=24:00}}"));
	feed(&world, "1001a", 1100);
	/* Valid again from 1080 on, so at 1090 it has been silent for 10 s. */
	site_expect(&world.site, "r@1 nodata a 0 1015\n"
				 "r@1 resolved a 0 1025 outside_valid_time\n"
				 "r@1 nodata a 0 1090\n");
	end(&world);
}

static void count_stages(void *arg, const struct engine_key_status *status)
{
	int *counts = arg;

	counts[status->stage]++;
}

Test(judging, stages_show_in_the_status)
{
	struct world world;
	int counts[KEY_STAGE_FLAPPING + 1] = {0};

	begin(&world, by_k,
	      OPTIONS("threshold", ">= 2", "hold", "5s", "no_data", "alert", "clear_hold", "60s"));
	feed(&world, "1001a 1001a 1006a 1006b 1006b 1002c", 1010);
	site_expect(&world.site, "r@1 firing a 3 1010\n");
	engine_each_key(world.site.engine, "r", count_stages, counts);
	cr_expect_eq(counts[KEY_STAGE_FIRING], 1);
	cr_expect_eq(counts[KEY_STAGE_PENDING], 1);
	cr_expect_eq(counts[KEY_STAGE_OK], 1);
	end(&world);
}

/* ---- restarts ---- */

static const char *const choices[][2] = {
	{"hold", "10s"},
	{"clear_hold", "15s"},
	{"clear", "< 2"},
	{"flap", "{changes=#3;within=1m}"},
	{"no_data", "alert"},
	{"min_samples", "#2"},
	{"non_disturb", "{max=#2;within=2m}"},
	{"key_idle", "1m"},
	{"expect", "{x;a}"},
	{"valid_time", "{{from=00:00;to=00:20};{from=00:21;to=24:00}}"},
	{"message", "of {k} {value}"},
};

enum { CHOICES = sizeof(choices) / sizeof(choices[0]), READINGS = 160, SETS = 60 };

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return *seed >> 33;
}

static struct rule *random_rule(struct site *site, uint64_t seed)
{
	const char *options[2 * CHOICES + 8] = {"filter", "k ~= '-'"};
	int count = 2;
	bool has_levels = next_random(&seed) % 2 != 0, alerts = false;

	options[count++] = has_levels ? "severities" : "threshold";
	options[count++] = has_levels ? "{warning=>= 2;critical={threshold=>= 4;hold=5s}}" : ">= 3";
	for (int i = 0; i < CHOICES; i++) {
		bool is_expect = strcmp(choices[i][0], "expect") == 0;

		if (next_random(&seed) % 3 != 0 || (is_expect && !alerts))
			continue;
		alerts |= strcmp(choices[i][0], "no_data") == 0;
		options[count++] = choices[i][0];
		options[count++] = choices[i][1];
	}
	options[count] = NULL;
	return rule_with(site, by_k, options);
}

/** The same bundles; `restarts`: the program is killed after each, and sent it again. */
static void run(struct site *site, struct rule **rule, uint64_t seed, bool restarts)
{
	uint32_t partition = site_open(site, "pay", "file", true);
	uint64_t offset = 0;
	int time = 1000;

	for (int i = 0; i < READINGS; i++) {
		struct position from = {.offset = offset}, to;
		struct bytes lines = BYTES_EMPTY;

		/* Now and then a key, or all of them, are silent for a while. */
		time += next_random(&seed) % 24 == 0 ? 45 : (int)(next_random(&seed) % 4);
		bytes_append_format(&lines, "{\"time\":%d,\"k\":\"%c\"}\n", time,
				    (int)('a' + (time / 40 + (int)(next_random(&seed) % 2)) % 3));
		offset += lines.length;
		to = (struct position){.offset = offset};
		cr_assert_eq(site_feed_at(site, "pay", partition, lines.data, from, to, false), 0);
		site_advance(site);
		if (restarts) {
			site_restart(site, rule, 1);
			partition = site_open(site, "pay", "file", true);
			cr_assert_eq(
				site_feed_at(site, "pay", partition, lines.data, from, to, false),
				0);
		}
		bytes_deinit(&lines);
	}
	site_finish(site);
}

Test(judging, restarts_change_nothing_for_any_options)
{
	uint32_t alert_count = 0;

	for (uint64_t seed = 1; seed <= SETS; seed++) {
		struct site whole, again;
		struct rule *rules[2];

		site_init(&whole);
		site_init(&again);
		rules[0] = random_rule(&whole, seed * 7919);
		rules[1] = random_rule(&again, seed * 7919);
		site_install(&whole, &rules[0], 1);
		site_install(&again, &rules[1], 1);
		run(&whole, &rules[0], seed, false);
		run(&again, &rules[1], seed, true);
		for (uint32_t i = 0; i < whole.alert_count && i < again.alert_count; i++) {
			const struct site_alert *a = &whole.alerts[i], *b = &again.alerts[i];

			cr_assert_str_eq(a->text, b->text, "set %d", (int)seed);
			cr_assert_str_eq(a->more, b->more, "set %d: %s", (int)seed, a->text);
			cr_assert_str_eq(a->id, b->id, "set %d: %s", (int)seed, a->text);
		}
		cr_assert_eq(whole.alert_count, again.alert_count, "set %d", (int)seed);
		alert_count += whole.alert_count;
		rule_unref(rules[0]);
		rule_unref(rules[1]);
		site_deinit(&whole);
		site_deinit(&again);
	}
	cr_expect_gt(alert_count, 500, "%u alerts", alert_count);
}
