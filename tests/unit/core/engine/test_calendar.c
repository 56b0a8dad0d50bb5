/* Windows of calendar days: every boundary is judged from the plain list of readings, with days as
 * Python's zoneinfo has them, and the alerts must be the same; with late readings, days of 23 to 25
 * hours, and a program that is killed and started again between any two bundles. */
#include "core/engine/engine.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "core/base/number.h"
#include "site.h"

enum { READINGS_MAX = 700, KEYS = 4, DAYS = 8, LATENESS_S = 5 };

struct reading {
	int64_t time_s, reached_s; /**< the watermark before its line */
	int key, cost;
};

/** Local midnights around a change of the clock. */
struct place {
	const char *zone;
	int64_t midnights_s[DAYS + 1];
};

static const struct place places[] = {
	/* Day 3 has 23 hours: 2026-03-08. */
	{"America/New_York",
	 {1772686800, 1772773200, 1772859600, 1772946000, 1773028800, 1773115200, 1773201600,
	  1773288000, 1773374400}},
	/* Day 3 has 25 hours: 2026-11-01. */
	{"America/New_York",
	 {1793246400, 1793332800, 1793419200, 1793505600, 1793595600, 1793682000, 1793768400,
	  1793854800, 1793941200}},
	/* Day 3 has 24 hours and a half: 2026-04-05. */
	{"Australia/Lord_Howe",
	 {1775048400, 1775134800, 1775221200, 1775307600, 1775395800, 1775482200, 1775568600,
	  1775655000, 1775741400}},
	{"UTC",
	 {1772582400, 1772668800, 1772755200, 1772841600, 1772928000, 1773014400, 1773100800,
	  1773187200, 1773273600}},
};
enum { PLACES = sizeof(places) / sizeof(places[0]) };

struct oracle_rule {
	const char *name, *statistic, *window;
	int days; /**< 0: it slides over 24 h */
	bool is_per_key;
	int64_t every_s;
	double least;
};

static const struct oracle_rule rules_of_all[] = {
	{"a_today", "count", "1d", 1, false, 60, 60},
	{"b_key_today", "count", "1d", 1, true, 300, 20},
	{"c_two", "sum", "2d", 2, true, 60, 180},
	{"d_max", "max", "3d", 3, true, 3600, 99},
	{"e_week", "count", "7d", 7, true, 60, 60},
	{"f_slides", "count", "24h", 0, true, 60, 22}, /* on the panes of b_key_today */
};
enum { RULES = sizeof(rules_of_all) / sizeof(rules_of_all[0]) };

struct story {
	const struct place *place;
	struct reading readings[READINGS_MAX];
	int count;
};

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/** Bursts and gaps, and now and then something that is up to a day and a half late. */
static void make_story(struct story *story, const struct place *place, uint64_t seed)
{
	int64_t begin_s = place->midnights_s[0] + 3600, now_s = begin_s, max_s = 0;

	story->place = place;
	story->count = 0;
	while (story->count < READINGS_MAX && now_s < place->midnights_s[DAYS] - 7200) {
		struct reading *reading = &story->readings[story->count++];
		uint64_t kind = next_random(&seed) % 50;

		now_s += kind == 0 ? (int64_t)(next_random(&seed) % 50000)
				   : (int64_t)(next_random(&seed) % 1200);
		*reading = (struct reading){
			.time_s = now_s - (int64_t)(next_random(&seed) % 5),
			.reached_s = max_s - LATENESS_S,
			.key = (int)(next_random(&seed) % KEYS),
			.cost = (int)(next_random(&seed) % 100),
		};
		if (kind < 4)
			reading->time_s -=
				(int64_t)(next_random(&seed) % (kind < 2 ? 130000 : 7200));
		if (reading->time_s < begin_s)
			reading->time_s = begin_s;
		if (reading->time_s > max_s)
			max_s = reading->time_s;
	}
}

/* ---- the oracle ---- */

static int64_t window_from_s(const struct story *story, const struct oracle_rule *rule,
			     int64_t to_s)
{
	int today = 0;

	if (rule->days == 0)
		return to_s - 86400;
	while (story->place->midnights_s[today + 1] < to_s)
		today++;
	return today - rule->days + 1 < 0 ? 0 : story->place->midnights_s[today - rule->days + 1];
}

struct found {
	char texts[4000][160];
	int count;
};

static void judge(const struct story *story, const struct oracle_rule *rule, int key, int64_t to_s,
		  bool *is_firing, struct found *out)
{
	int64_t from_s = window_from_s(story, rule, to_s);
	double count = 0, sum = 0, max = 0, value;
	char number[NUMBER_TEXT_BYTES_MAX] = "-", key_text[8] = ".";
	bool fires;

	for (int i = 0; i < story->count; i++) {
		const struct reading *reading = &story->readings[i];

		if (reading->time_s < from_s || reading->time_s >= to_s ||
		    reading->reached_s >= to_s || (rule->is_per_key && reading->key != key))
			continue;
		count++;
		sum += reading->cost;
		max = reading->cost > max ? reading->cost : max;
	}
	value = strcmp(rule->statistic, "sum") == 0   ? sum
		: strcmp(rule->statistic, "max") == 0 ? max
						      : count;
	fires = count > 0 && value >= rule->least;
	if (fires == *is_firing)
		return;
	*is_firing = fires;
	if (count > 0 || strcmp(rule->statistic, "count") == 0)
		number_format(value, number);
	if (rule->is_per_key)
		snprintf(key_text, sizeof(key_text), "%d", key);
	cr_assert(out->count < 4000);
	snprintf(out->texts[out->count++], sizeof(out->texts[0]), "%s@1 %s %s %s %lld", rule->name,
		 fires ? "firing" : "resolved", key_text, number, (long long)to_s);
}

static void judge_all(const struct story *story, struct found *out)
{
	int64_t first_s = story->readings[0].time_s, last_s = 0;

	for (int i = 0; i < story->count; i++)
		if (story->readings[i].time_s > last_s)
			last_s = story->readings[i].time_s;
	for (int r = 0; r < RULES; r++) {
		const struct oracle_rule *rule = &rules_of_all[r];
		bool is_firing[KEYS] = {false};
		int64_t every_s = rule->every_s;

		for (int64_t at = first_s / every_s * every_s + every_s;
		     at <= last_s / every_s * every_s + every_s; at += every_s)
			for (int key = 0; key < (rule->is_per_key ? KEYS : 1); key++)
				judge(story, rule, key, at, &is_firing[key], out);
	}
}

/* ---- the engine ---- */

static void make_rules(struct site *site, struct rule **rules)
{
	static const char *const by[] = {"k", NULL};

	for (int i = 0; i < RULES; i++) {
		const struct oracle_rule *rule = &rules_of_all[i];
		char every[24], threshold[24];
		const char *pairs[] = {
			"window", rule->window, "every", every, "threshold",     threshold, NULL,
			"30d",    NULL,         "cost",  NULL,  rule->statistic, NULL};
		int used = 6;

		if (rule->is_per_key) {
			pairs[used] = "key_idle";
			used += 2;
		}
		if (strcmp(rule->statistic, "count") != 0) {
			pairs[used] = "field";
			pairs[used + 1] = "cost";
			pairs[used + 2] = "statistic";
			pairs[used + 3] = rule->statistic;
		}
		snprintf(every, sizeof(every), "%lldm", (long long)rule->every_s / 60);
		snprintf(threshold, sizeof(threshold), ">= %g", rule->least);
		rules[i] = site_rule(site, rule->name, 1, rule->is_per_key ? "group" : "count",
				     rule->is_per_key ? by : NULL, pairs);
	}
}

static void tell_story(struct site *site, struct rule **rules, const struct story *story,
		       uint64_t seed, bool restarts)
{
	uint32_t partition = site_open(site, "pay", "file", true);
	uint64_t offset = 0;

	for (int at = 0; at < story->count;) {
		struct bytes lines = BYTES_EMPTY;
		int end = at + 1 + (int)(next_random(&seed) % 20);
		struct position from = {.offset = offset}, to;

		for (; at < end && at < story->count; at++)
			bytes_append_format(&lines, "{\"time\":%lld,\"k\":%d,\"cost\":%d}\n",
					    (long long)story->readings[at].time_s,
					    story->readings[at].key, story->readings[at].cost);
		offset += lines.length;
		to = (struct position){.offset = offset};
		cr_assert_eq(site_feed_at(site, "pay", partition, lines.data, from, to, false), 0);
		if (restarts && next_random(&seed) % 2 == 0) {
			site_restart(site, rules, RULES);
			partition = site_open(site, "pay", "file", true);
		}
		site_advance(site);
		if (restarts) {
			site_restart(site, rules, RULES);
			partition = site_open(site, "pay", "file", true);
		}
		bytes_deinit(&lines);
	}
	site_finish(site);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void expect_same(const struct site *site, struct found *expected, const char *zone)
{
	struct found *actual = calloc(1, sizeof(*actual));

	for (uint32_t i = 0; i < site->alert_count && actual->count < 4000; i++)
		snprintf(actual->texts[actual->count++], sizeof(actual->texts[0]), "%s",
			 site->alerts[i].text);
	qsort(actual->texts, (size_t)actual->count, sizeof(actual->texts[0]), compare_texts);
	qsort(expected->texts, (size_t)expected->count, sizeof(expected->texts[0]), compare_texts);
	for (int i = 0; i < actual->count && i < expected->count; i++)
		cr_assert_str_eq(actual->texts[i], expected->texts[i], "%s: %s, expected %s", zone,
				 actual->texts[i], expected->texts[i]);
	cr_expect_eq(actual->count, expected->count, "%s: %d alerts, expected %d", zone,
		     actual->count, expected->count);
	free(actual);
}

static void compare_with_oracle(bool restarts)
{
	struct story *story = calloc(1, sizeof(*story));

	for (uint32_t i = 0; i < PLACES; i++) {
		struct found *expected = calloc(1, sizeof(*expected));
		struct rule *rules[RULES];
		struct site site;

		make_story(story, &places[i], 7919 * (i + 1) + restarts);
		judge_all(story, expected);
		site_init_in(&site, places[i].zone);
		make_rules(&site, rules);
		site_install(&site, rules, RULES);
		tell_story(&site, rules, story, 31 * (i + 1), restarts);
		expect_same(&site, expected, places[i].zone);
		cr_expect_gt(expected->count, 30, "the story must raise alerts");
		for (int r = 0; r < RULES; r++)
			rule_unref(rules[r]);
		site_deinit(&site);
		free(expected);
	}
	free(story);
}

Test(calendar, days_begin_at_local_midnight_and_late_readings_are_in_them)
{
	compare_with_oracle(false);
}

Test(calendar, restarts_between_any_two_bundles_change_nothing)
{
	compare_with_oracle(true);
}
