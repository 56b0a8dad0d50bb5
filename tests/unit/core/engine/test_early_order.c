/* Rules with `early` and readings out of order: what docs/rule-guide.md says of them, from the
 * plain list of readings, one reading a commit; also when the program is killed in
 * between. */
#include "core/engine/engine.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "site.h"

enum { READINGS = 400, KEYS = 3, RULES = 4, RUNS = 6, PANE_S = 5, BEFORE = 8, OPEN_MAX = 64 };

struct reading {
	int64_t time_s;
	int key, cost;
};

struct oracle_rule {
	const char *name, *statistic, *window;
	int64_t window_s, every_s;
	double least; /**< it holds from here on */
};

static const struct oracle_rule oracle_rules[RULES] = {
	{"a_count", "count", "10s", 10, 5, 3},
	{"b_sum", "sum", "1m", 60, 15, 21},
	{"c_max", "max", "30s", 30, 5, 9},
	{"d_long", "count", "2m", 120, 5, 6},
};

struct oracle {
	const struct reading *readings;
	int count; /**< that came */
	int64_t lateness_s, max_s, reached_s;
	bool is_firing[RULES][KEYS];
	int64_t told_s[RULES][KEYS];
	char (*lines)[80];
	int line_count;
};

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static int64_t floor_s(int64_t time_s, int64_t step_s)
{
	return time_s / step_s * step_s;
}

static void tell(struct oracle *oracle, int rule, int key, bool fires, double value, int64_t end_s)
{
	oracle->is_firing[rule][key] = fires;
	oracle->told_s[rule][key] = end_s;
	snprintf(oracle->lines[oracle->line_count++], sizeof(oracle->lines[0]),
		 "%s@1 %s %d %g %lld", oracle_rules[rule].name, fires ? "firing" : "resolved", key,
		 value, (long long)end_s);
}

/** False: the window has no value. */
static bool value_of(const struct oracle *oracle, const struct oracle_rule *rule, int key,
		     int64_t end_s, double *out)
{
	double count = 0, sum = 0, max = 0;

	for (int i = 0; i < oracle->count; i++) {
		const struct reading *reading = &oracle->readings[i];

		if (reading->key != key || reading->time_s < end_s - rule->window_s ||
		    reading->time_s >= end_s)
			continue;
		max = count == 0 || reading->cost > max ? reading->cost : max;
		sum += reading->cost;
		count++;
	}
	*out = rule->statistic[0] == 'c' ? count : rule->statistic[0] == 's' ? sum : max;
	return count > 0 || rule->statistic[0] == 'c';
}

static void judge_boundary(struct oracle *oracle, int rule, int64_t end_s)
{
	for (int key = 0; key < KEYS; key++) {
		double value;

		if (oracle->told_s[rule][key] > end_s ||
		    !value_of(oracle, &oracle_rules[rule], key, end_s, &value))
			continue;
		if ((value >= oracle_rules[rule].least) != oracle->is_firing[rule][key])
			tell(oracle, rule, key, !oracle->is_firing[rule][key], value, end_s);
	}
}

static void judge_early(struct oracle *oracle, int rule, const struct reading *reading)
{
	const struct oracle_rule *of = &oracle_rules[rule];
	int64_t start_s = floor_s(reading->time_s, PANE_S), from_s = oracle->reached_s;

	if (from_s < start_s - BEFORE * of->every_s)
		from_s = start_s - BEFORE * of->every_s;
	for (int i = 0; i < OPEN_MAX && !oracle->is_firing[rule][reading->key]; i++) {
		double value;

		from_s = floor_s(from_s, of->every_s) + of->every_s;
		if (from_s - of->window_s > start_s ||
		    from_s > floor_s(oracle->max_s, of->every_s) + of->every_s)
			return;
		if (value_of(oracle, of, reading->key, from_s, &value) && value >= of->least)
			tell(oracle, rule, reading->key, true, value, from_s);
	}
}

static void add(struct oracle *oracle)
{
	const struct reading *reading = &oracle->readings[oracle->count++];
	int64_t old_s = oracle->reached_s;

	if (reading->time_s > oracle->max_s)
		oracle->max_s = reading->time_s;
	oracle->reached_s = oracle->max_s - oracle->lateness_s;
	for (int64_t end_s = floor_s(old_s, PANE_S) + PANE_S; end_s <= oracle->reached_s;
	     end_s += PANE_S)
		for (int rule = 0; rule < RULES; rule++)
			if (end_s % oracle_rules[rule].every_s == 0)
				judge_boundary(oracle, rule, end_s);
	for (int rule = 0; rule < RULES; rule++)
		judge_early(oracle, rule, reading);
}

/** None is later than the lateness; the first is in order. */
static void make_readings(struct reading *readings, uint64_t seed, int64_t lateness_s)
{
	int64_t now_s = 100000;

	for (int i = 0; i < READINGS; i++) {
		uint64_t kind = next_random(&seed) % 20;
		int64_t behind_s = (int64_t)(next_random(&seed) % (uint64_t)lateness_s);

		now_s += kind == 0  ? (int64_t)(next_random(&seed) % 600)
			 : kind < 4 ? (int64_t)(next_random(&seed) % 60)
				    : (int64_t)(next_random(&seed) % 4);
		readings[i] = (struct reading){
			.time_s = i == 0 || kind % 2 == 0 ? now_s : now_s - behind_s,
			.key = (int)(next_random(&seed) % KEYS),
			.cost = (int)(next_random(&seed) % 10),
		};
		if (readings[i].time_s < readings[0].time_s)
			readings[i].time_s = readings[0].time_s;
	}
}

static void install(struct site *site, struct rule **rules, int64_t lateness_s)
{
	static const char *const by[] = {"k", NULL};

	site_init(site);
	site->config->sources[0].lateness_ms = lateness_s * 1000;
	site->config->sources[1].lateness_ms = lateness_s * 1000;
	for (int i = 0; i < RULES; i++) {
		const struct oracle_rule *of = &oracle_rules[i];
		char every[16], threshold[16];
		const char *pairs[] = {"window",  of->window, "every", every,       "threshold",
				       threshold, "early",    "!true", "statistic", of->statistic,
				       "field",   "cost",     NULL};

		if (strcmp(of->statistic, "count") == 0)
			pairs[8] = NULL;
		snprintf(every, sizeof(every), "%llds", (long long)of->every_s);
		snprintf(threshold, sizeof(threshold), ">= %g", of->least);
		rules[i] = site_rule(site, of->name, 1, "group", by, pairs);
	}
	site_install(site, rules, RULES);
}

static void feed_one(struct site *site, uint32_t partition, const struct reading *reading,
		     int index)
{
	struct position from = {.offset = (uint64_t)index}, to = {.offset = (uint64_t)index + 1};
	char line[80];

	snprintf(line, sizeof(line), "{\"time\":%lld,\"k\":%d,\"cost\":%d}\n",
		 (long long)reading->time_s, reading->key, reading->cost);
	cr_assert_eq(site_feed_at(site, "pay", partition, line, from, to, false), 0);
	site_advance(site);
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(a, b);
}

/** In one commit the rules come in no certain order. */
static void expect_same(struct site *site, uint32_t had, struct oracle *oracle, const char *where)
{
	static char found[READINGS][sizeof(oracle->lines[0])];
	uint32_t count = site->alert_count - had;

	cr_assert_eq(count, (uint32_t)oracle->line_count, "%s: %u alerts, the oracle %d, like %s",
		     where, count, oracle->line_count,
		     oracle->line_count > 0 ? oracle->lines[0] : site->alerts[had].text);
	for (uint32_t i = 0; i < count; i++)
		snprintf(found[i], sizeof(found[i]), "%.79s", site->alerts[had + i].text);
	qsort(found, count, sizeof(found[0]), compare_lines);
	qsort(oracle->lines, count, sizeof(oracle->lines[0]), compare_lines);
	for (uint32_t i = 0; i < count; i++)
		cr_assert_str_eq(found[i], oracle->lines[i], "%s: %s, the oracle %s", where,
				 found[i], oracle->lines[i]);
}

static int run(uint64_t seed, int64_t lateness_s, bool restarts)
{
	static char lines[SITE_ALERTS_MAX / 10][80];
	static struct reading readings[READINGS];
	struct oracle oracle = {.readings = readings, .lateness_s = lateness_s, .lines = lines};
	struct rule *rules[RULES];
	struct site site;
	uint32_t partition;
	int told = 0;

	make_readings(readings, seed, lateness_s);
	install(&site, rules, lateness_s);
	partition = site_open(&site, "pay", "p", true);
	oracle.reached_s = readings[0].time_s - lateness_s;
	for (int i = 0; i < READINGS; i++) {
		uint32_t had = site.alert_count;
		char where[64];

		feed_one(&site, partition, &readings[i], i);
		oracle.line_count = 0;
		add(&oracle);
		snprintf(where, sizeof(where), "seed %d, reading %d", (int)seed, i);
		expect_same(&site, had, &oracle, where);
		told += oracle.line_count;
		if (restarts && next_random(&seed) % 4 == 0) {
			site_restart(&site, rules, RULES);
			partition = site_open(&site, "pay", "p", true);
		}
	}
	for (int i = 0; i < RULES; i++)
		rule_unref(rules[i]);
	site_deinit(&site);
	return told;
}

static void expect_runs(int64_t lateness_s, bool restarts)
{
	int told = 0;

	for (uint64_t seed = 1; seed <= RUNS; seed++)
		told += run(seed * 7919, lateness_s, restarts);
	cr_expect_gt(told, 300);
}

Test(early_order, readings_out_of_order_by_a_pane_or_two)
{
	expect_runs(7, false);
}

Test(early_order, readings_out_of_order_by_minutes)
{
	expect_runs(200, false);
}

Test(early_order, restarts_after_any_reading_change_nothing)
{
	expect_runs(7, true);
	expect_runs(200, true);
}
