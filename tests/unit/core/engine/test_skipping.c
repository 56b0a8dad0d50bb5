/* The engine skips boundaries at which nothing can change. Here every boundary is evaluated from
 * the plain list of readings, and the alerts must be the same; also when the program is killed and
 * started again between any two bundles. */
#include "core/engine/engine.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "core/base/number.h"
#include "site.h"

enum { READINGS_MAX = 400, KEYS = 3, RUNS = 12 };

struct reading {
	int64_t time_s;
	int key;
	int cost;
};

struct stream {
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

/** Bursts and gaps of up to five hours, out of order by up to 5 s. */
static void make_stream(struct stream *stream, uint64_t seed)
{
	int64_t now_s = 100000;

	stream->count = 60 + (int)(next_random(&seed) % 100);
	for (int i = 0; i < stream->count; i++) {
		uint64_t kind = next_random(&seed) % 20;

		now_s += kind == 0  ? (int64_t)(next_random(&seed) % 20000)
			 : kind < 4 ? (int64_t)(next_random(&seed) % 60)
				    : (int64_t)(next_random(&seed) % 3);
		stream->readings[i] = (struct reading){
			.time_s = now_s - (int64_t)(next_random(&seed) % 5),
			.key = (int)(next_random(&seed) % KEYS),
			.cost = (int)(next_random(&seed) % 10),
		};
	}
}

/** One rule as the oracle sees it; per_key: group by k. */
struct oracle_rule {
	const char *name;
	bool is_per_key;
	const char *statistic; /**< "count" or "sum" */
	int64_t window_s, every_s;
	const char *operator;
	double number;
};

static const struct oracle_rule oracle_rules[] = {
	{"a_ge", true, "count", 10, 5, ">=", 3},          {"b_lt", false, "count", 30, 5, "<", 2},
	{"c_sum", true, "sum", 60, 15, ">", 20},          {"d_eq", true, "count", 15, 5, "==", 2},
	{"e_ne", false, "count", 10, 10, "!=", 0},        {"f_le", true, "sum", 20, 20, "<=", 4},
	{"g_day", false, "count", 86400, 3600, ">=", 30},
};
enum { ORACLE_RULES = sizeof(oracle_rules) / sizeof(oracle_rules[0]) };

static bool oracle_holds(const struct oracle_rule *rule, double value)
{
	if (strcmp(rule->operator, ">=") == 0)
		return value >= rule->number;
	if (strcmp(rule->operator, "<") == 0)
		return value < rule->number;
	if (strcmp(rule->operator, ">") == 0)
		return value > rule->number;
	if (strcmp(rule->operator, "<=") == 0)
		return value <= rule->number;
	if (strcmp(rule->operator, "==") == 0)
		return value == rule->number;
	return value != rule->number;
}

struct lines {
	char **texts;
	int count;
};

static void add_line(struct lines *lines, const char *text)
{
	lines->texts = realloc(lines->texts, (size_t)(lines->count + 1) * sizeof(char *));
	lines->texts[lines->count++] = strdup(text);
}

static void free_lines(struct lines *lines)
{
	for (int i = 0; i < lines->count; i++)
		free(lines->texts[i]);
	free(lines->texts);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void judge(const struct oracle_rule *rule, const struct stream *stream, int key,
		  int64_t boundary_s, bool *is_firing, struct lines *out)
{
	double count = 0, sum = 0, value;
	bool has_value, fires;
	char text[160], number[NUMBER_TEXT_BYTES_MAX], key_text[8] = ".";

	for (int i = 0; i < stream->count; i++) {
		const struct reading *reading = &stream->readings[i];

		if (reading->time_s < boundary_s - rule->window_s ||
		    reading->time_s >= boundary_s || (rule->is_per_key && reading->key != key))
			continue;
		count++;
		sum += reading->cost;
	}
	/* A key is looked at when it has readings or fires. */
	if (rule->is_per_key && count == 0 && !*is_firing)
		return;
	value = strcmp(rule->statistic, "sum") == 0 ? sum : count;
	has_value = strcmp(rule->statistic, "sum") != 0 || count > 0;
	/* Without a value the key stays as it is. */
	fires = has_value ? oracle_holds(rule, value) : *is_firing;
	if (fires == *is_firing)
		return;
	*is_firing = fires;
	number_format(value, number);
	if (rule->is_per_key)
		snprintf(key_text, sizeof(key_text), "%d", key);
	snprintf(text, sizeof(text), "%s@1 %s %s %s %lld", rule->name,
		 fires ? "firing" : "resolved", key_text, number, (long long)boundary_s);
	add_line(out, text);
}

/** Every boundary from the first reading to the end of the last pane, without any shortcut. */
static void evaluate_all(const struct stream *stream, struct lines *out)
{
	int64_t first_s = INT64_MAX, last_s = 0;

	for (int i = 0; i < stream->count; i++) {
		if (stream->readings[i].time_s < first_s)
			first_s = stream->readings[i].time_s;
		if (stream->readings[i].time_s > last_s)
			last_s = stream->readings[i].time_s;
	}
	for (int r = 0; r < ORACLE_RULES; r++) {
		const struct oracle_rule *rule = &oracle_rules[r];
		bool is_firing[KEYS] = {false};
		int64_t end_s = last_s / rule->every_s * rule->every_s + rule->every_s;

		for (int64_t at = first_s / rule->every_s * rule->every_s + rule->every_s;
		     at <= end_s; at += rule->every_s)
			for (int key = 0; key < (rule->is_per_key ? KEYS : 1); key++)
				judge(rule, stream, key, at, &is_firing[key], out);
	}
}

static void make_rules(struct site *site, struct rule **rules)
{
	static const char *const by[] = {"k", NULL};

	for (int i = 0; i < ORACLE_RULES; i++) {
		const struct oracle_rule *rule = &oracle_rules[i];
		char window[24], every[24], threshold[24];
		bool is_sum = strcmp(rule->statistic, "sum") == 0;
		const char *pairs[] = {"window",
				       window,
				       "every",
				       every,
				       "threshold",
				       threshold,
				       is_sum ? "field" : NULL,
				       "cost",
				       "statistic",
				       "sum",
				       NULL};

		if (rule->window_s == 86400)
			snprintf(window, sizeof(window), "24h");
		else
			snprintf(window, sizeof(window), "%llds", (long long)rule->window_s);
		snprintf(every, sizeof(every), "%llds", (long long)rule->every_s);
		snprintf(threshold, sizeof(threshold), "%s %g", rule->operator, rule->number);
		rules[i] = site_rule(site, rule->name, 1, rule->is_per_key ? "group" : "count",
				     rule->is_per_key ? by : NULL, pairs);
	}
}

/** Bundles of random size as a positioned file; `restarts`: kill and start again after each one. */
static void run_stream(struct site *site, struct rule **rules, const struct stream *stream,
		       uint64_t seed, bool restarts)
{
	uint32_t partition = site_open(site, "pay", "file", true);
	uint64_t offset = 0;
	int at = 0;

	while (at < stream->count) {
		struct bytes lines = BYTES_EMPTY;
		int end = at + 1 + (int)(next_random(&seed) % 12);
		struct position from = {.offset = offset}, to;

		for (; at < end && at < stream->count; at++)
			bytes_append_format(&lines, "{\"time\":%lld,\"k\":%d,\"cost\":%d}\n",
					    (long long)stream->readings[at].time_s,
					    stream->readings[at].key, stream->readings[at].cost);
		offset += lines.length;
		to = (struct position){.offset = offset};
		cr_assert_eq(site_feed_at(site, "pay", partition, lines.data, from, to, false), 0);
		if (restarts && next_random(&seed) % 2 == 0) {
			site_restart(site, rules, ORACLE_RULES);
			partition = site_open(site, "pay", "file", true);
		}
		site_advance(site);
		if (restarts) {
			site_restart(site, rules, ORACLE_RULES);
			partition = site_open(site, "pay", "file", true);
			/* What it was sent before it died comes again. */
			cr_assert_eq(
				site_feed_at(site, "pay", partition, lines.data, from, to, false),
				0);
		}
		bytes_deinit(&lines);
	}
	site_finish(site);
}

static void expect_same(struct site *site, struct lines *expected, uint64_t seed)
{
	struct lines actual = {0};

	for (uint32_t i = 0; i < site->alert_count; i++)
		add_line(&actual, site->alerts[i].text);
	for (uint32_t i = 1; i < site->alert_count; i++)
		cr_expect_leq(site->alerts[i - 1].end_ms, site->alerts[i].end_ms);
	qsort(actual.texts, (size_t)actual.count, sizeof(char *), compare_lines);
	qsort(expected->texts, (size_t)expected->count, sizeof(char *), compare_lines);
	cr_expect_eq(actual.count, expected->count, "stream %d: %d alerts, expected %d", (int)seed,
		     actual.count, expected->count);
	for (int i = 0; i < actual.count && i < expected->count; i++)
		cr_assert_str_eq(actual.texts[i], expected->texts[i], "stream %d: %s, expected %s",
				 (int)seed, actual.texts[i], expected->texts[i]);
	free_lines(&actual);
}

static void compare_with_oracle(bool restarts, int runs)
{
	int alert_total = 0;

	for (uint64_t seed = 1; seed <= (uint64_t)runs; seed++) {
		struct site site;
		struct stream stream;
		struct rule *rules[ORACLE_RULES];
		struct lines expected = {0};

		make_stream(&stream, seed * 7919);
		evaluate_all(&stream, &expected);
		site_init(&site);
		make_rules(&site, rules);
		site_install(&site, rules, ORACLE_RULES);
		run_stream(&site, rules, &stream, seed * 31, restarts);
		expect_same(&site, &expected, seed);
		alert_total += expected.count;
		for (int i = 0; i < ORACLE_RULES; i++)
			rule_unref(rules[i]);
		free_lines(&expected);
		site_deinit(&site);
	}
	cr_expect_gt(alert_total, 100, "the streams must raise alerts");
}

Test(skipping, gives_the_alerts_of_evaluating_every_boundary)
{
	compare_with_oracle(false, RUNS);
}

Test(skipping, restarts_between_any_two_bundles_change_nothing)
{
	compare_with_oracle(true, RUNS / 4);
}
