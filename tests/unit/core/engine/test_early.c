/* Rules with `early`: each alert has the id that it has without, and comes with the reading that
 * crosses the threshold; also when the program is killed and started again after any bundle. */
#include "core/engine/engine.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "site.h"

enum { READINGS = 300, KEYS = 3, RULES = 4, ALERTS_MAX = 2000 };

struct alerts {
	char ids[ALERTS_MAX][220]; /**< and the text of the alert */
	int count;
};

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void make_rules(struct site *site, struct rule **rules, bool is_early)
{
	static const char *const by[] = {"k", NULL};
	static const char *const tables[RULES][12] = {
		{"window", "10s", "threshold", ">= 3"},
		{"window", "1m", "every", "15s", "threshold", "> 20", "field", "cost", "statistic",
		 "sum"},
		{"window", "30s", "threshold", ">= 9", "field", "cost", "statistic", "max"},
		{"window", "1d", "threshold", ">= 30"},
	};
	static const char *const names[] = {"a_count", "b_sum", "c_max", "d_day"};

	for (int i = 0; i < RULES; i++) {
		const char *pairs[16] = {NULL};
		int used = 0;

		for (; tables[i][used] != NULL; used++)
			pairs[used] = tables[i][used];
		if (is_early) {
			pairs[used] = "early";
			pairs[used + 1] = "!true";
		}
		rules[i] = site_rule(site, names[i], 1, "group", by, pairs);
	}
}

static void run(struct alerts *out, uint64_t seed, bool is_early, bool restarts)
{
	struct site site;
	struct rule *rules[RULES];
	int64_t now_s = 100000;
	uint64_t offset = 0;
	uint32_t partition;

	site_init(&site);
	make_rules(&site, rules, is_early);
	site_install(&site, rules, RULES);
	partition = site_open(&site, "pay", "file", true);
	for (int i = 0; i < READINGS;) {
		struct bytes lines = BYTES_EMPTY;
		struct position from = {.offset = offset}, to;

		for (int end = i + 1 + (int)(next_random(&seed) % 5); i < end; i++) {
			uint64_t kind = next_random(&seed) % 20;

			now_s += kind == 0  ? (int64_t)(next_random(&seed) % 40000)
				 : kind < 4 ? (int64_t)(next_random(&seed) % 60)
					    : (int64_t)(next_random(&seed) % 3);
			bytes_append_format(&lines, "{\"time\":%lld,\"k\":%d,\"cost\":%d}\n",
					    (long long)now_s, (int)(next_random(&seed) % KEYS),
					    (int)(next_random(&seed) % 10));
		}
		offset += lines.length;
		to = (struct position){.offset = offset};
		cr_assert_eq(site_feed_at(&site, "pay", partition, lines.data, from, to, false), 0);
		bytes_deinit(&lines);
		if (restarts) {
			site_restart(&site, rules, RULES);
			partition = site_open(&site, "pay", "file", true);
		}
		site_advance(&site);
	}
	site_finish(&site);
	out->count = 0;
	for (uint32_t i = 0; i < site.alert_count && out->count < ALERTS_MAX; i++)
		snprintf(out->ids[out->count++], sizeof(out->ids[0]), "%s %s", site.alerts[i].id,
			 site.alerts[i].text);
	for (int i = 0; i < RULES; i++)
		rule_unref(rules[i]);
	site_deinit(&site);
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void expect_same_ids(bool restarts)
{
	struct alerts *plain = calloc(1, sizeof(*plain)), *early = calloc(1, sizeof(*early));
	int total = 0;

	for (uint64_t seed = 1; seed <= 4; seed++) {
		run(plain, seed * 7919, false, false);
		run(early, seed * 7919, true, restarts);
		total += plain->count;
		cr_assert_eq(plain->count, early->count, "%d alerts, early %d", plain->count,
			     early->count);
		qsort(plain->ids, (size_t)plain->count, sizeof(plain->ids[0]), compare);
		qsort(early->ids, (size_t)early->count, sizeof(early->ids[0]), compare);
		for (int i = 0; i < plain->count; i++)
			cr_assert(strncmp(plain->ids[i], early->ids[i], 32) == 0, "%s, early %s",
				  plain->ids[i], early->ids[i]);
	}
	cr_expect_gt(total, 100);
	free(plain);
	free(early);
}

Test(early, has_the_ids_of_the_boundaries)
{
	expect_same_ids(false);
}

Test(early, restarts_after_any_bundle_change_nothing)
{
	expect_same_ids(true);
}

Test(early, fires_with_the_reading_that_crosses_and_once)
{
	static const char *const by[] = {"k", NULL};
	const char *pairs[] = {"window", "1m", "threshold", ">= 3", "early", "!true", NULL};
	struct site site;
	struct rule *rule;
	uint32_t partition;

	rule = site_with(&site, "r", "group", by, pairs, &partition);
	site_feed(&site, "pay", partition, "{\"time\":100,\"k\":1}\n{\"time\":101,\"k\":1}\n");
	site_expect(&site, "");
	site_feed(&site, "pay", partition, "{\"time\":102,\"k\":1}\n");
	site_expect(&site, "r@1 firing 1 3 105\n");
	site_feed(&site, "pay", partition, "{\"time\":103,\"k\":1}\n{\"time\":120,\"k\":2}\n");
	site_advance(&site);
	site_expect(&site, "");
	site_feed(&site, "pay", partition, "{\"time\":200,\"k\":2}\n");
	site_advance(&site);
	site_expect(&site, "r@1 resolved 1 0 165\n");
	rule_unref(rule);
	site_deinit(&site);
}
