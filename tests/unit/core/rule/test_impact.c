#include "core/rule/impact.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/report.h"
#include "core/config/config.h"
#include "core/config/tree.h"
#include "core/rule/rule.h"

/* Rules of a site with one source "pay" whose fields are not declared. */
struct world {
	struct arena arena;
	struct report report;
	struct config *config;
	struct rule *rules[16];
	uint32_t rule_count;
};

static struct tree *add(struct world *world, struct tree *parent, const char *key,
			enum tree_type type, const char *text)
{
	struct tree *tree = tree_new(&world->arena, type, 1);

	tree->key = key;
	tree->text = text;
	tree->text_length = text != NULL ? (uint32_t)strlen(text) : 0;
	tree_add(parent, tree);
	return tree;
}

static struct world world_begin(void)
{
	struct world world = {.rule_count = 0};

	arena_init(&world.arena);
	report_init(&world.report);
	struct tree *site = tree_new(&world.arena, TREE_MAP, 1);
	add(&world, add(&world, site, "sources", TREE_MAP, NULL), "pay", TREE_MAP, NULL);
	struct tree *outputs = add(&world, site, "outputs", TREE_MAP, NULL);
	add(&world, add(&world, outputs, "alerts", TREE_MAP, NULL), "file", TREE_STRING, "a");
	world.config = config_new(site, "tocsin.lua", &world.report);
	cr_assert_not_null(world.config, "%s", world.report.findings[0].text);
	return world;
}

static void world_end(struct world *world)
{
	for (uint32_t i = 0; i < world->rule_count; i++)
		rule_unref(world->rules[i]);
	config_unref(world->config);
	report_deinit(&world->report);
	arena_deinit(&world->arena);
}

/** A group rule by merchantId, or of another type; NULL arguments are left out. */
static struct rule *make(struct world *world, const char *name, uint32_t version,
			 const char *window, const char *filter, const char *statistic)
{
	struct tree *map = tree_new(&world->arena, TREE_MAP, 1);
	char hash[33];

	add(world, map, "type", TREE_STRING, "group");
	add(world, map, "source", TREE_STRING, "pay");
	add(world, map, "output", TREE_STRING, "alerts");
	add(world, map, "window", TREE_STRING, window);
	add(world, map, "threshold", TREE_STRING, ">= 5");
	add(world, add(world, map, "by", TREE_LIST, NULL), NULL, TREE_STRING, "merchantId");
	if (filter != NULL)
		add(world, map, "filter", TREE_STRING, filter);
	if (statistic != NULL) {
		add(world, map, "statistic", TREE_STRING, statistic);
		add(world, map, "field", TREE_STRING, "amount");
	}
	snprintf(hash, sizeof(hash), "%s%u", name, version);
	struct rule *rule =
		rule_new(map, name, version, "x.lua", hash, NULL, world->config, &world->report);
	cr_assert_not_null(rule, "%s", world->report.findings[0].text);
	world->rules[world->rule_count++] = rule;
	return rule;
}

/** Payments by merchantId in an hour, compared with `reference`. */
static struct rule *make_baseline(struct world *world, uint32_t version, const char *reference,
				  const char *filter, const char *lower, const char *every)
{
	struct tree *map = tree_new(&world->arena, TREE_MAP, 1);
	char hash[33];

	add(world, map, "type", TREE_STRING, "baseline");
	add(world, map, "source", TREE_STRING, "pay");
	add(world, map, "output", TREE_STRING, "alerts");
	add(world, map, "window", TREE_STRING, "1h");
	add(world, map, "statistic", TREE_STRING, "count");
	add(world, map, "baseline", TREE_STRING, reference);
	add(world, map, "every", TREE_STRING, every);
	add(world, add(world, map, "band", TREE_MAP, NULL), "lower", TREE_STRING, lower);
	if (filter != NULL)
		add(world, map, "filter", TREE_STRING, filter);
	snprintf(hash, sizeof(hash), "baseline%u", version);
	struct rule *rule =
		rule_new(map, "few", version, "x.lua", hash, NULL, world->config, &world->report);
	cr_assert_not_null(rule, "%s", world->report.findings[0].text);
	world->rules[world->rule_count++] = rule;
	return rule;
}

static struct impact compute(struct world *world, const struct rule *from, const struct rule *to,
			     int64_t firing)
{
	struct impact_scene scene;
	struct impact impact;

	impact_scene_open(&scene, world->config, world->rules, world->rule_count);
	impact_compute(from, to, &scene, firing, &impact);
	impact_scene_close(&scene);
	return impact;
}

static void expect(const struct impact *impact, const char *fates)
{
	char found[64];

	snprintf(found, sizeof(found), "%s %s %s", impact_fate_name(impact->panes.fate),
		 impact_fate_name(impact->states.fate), impact_fate_name(impact->alerts.fate));
	cr_expect_str_eq(found, fates);
}

Test(impact, the_same_counting_keeps_the_panes_however_the_filter_is_written)
{
	struct world world = world_begin();
	const struct rule *a = make(&world, "a", 1, "1m", "amount > 5 and ok == true", NULL);
	const struct rule *b = make(&world, "a", 2, "1m", "(amount>5) and (ok==true)", NULL);
	struct impact impact = compute(&world, a, b, 2);

	expect(&impact, "kept rebuilt rebuilt");
	cr_expect(strstr(impact.alerts.text, "2 firing alerts resolve with") != NULL, "%s",
		  impact.alerts.text);
	impact = compute(&world, a, b, 0);
	expect(&impact, "kept rebuilt none");
	impact = compute(&world, a, b, IMPACT_FIRING_UNKNOWN);
	cr_expect(strstr(impact.alerts.text, "those that fire resolve") != NULL);
	impact = compute(&world, a, a, 2);
	expect(&impact, "kept kept kept");
	world_end(&world);
}

Test(impact, what_counts_otherwise_begins_anew)
{
	struct world world = world_begin();
	const struct rule *a = make(&world, "a", 1, "1m", "amount > 5", NULL);
	const struct rule *filter = make(&world, "a", 2, "1m", "amount > 6", NULL);
	const struct rule *sum = make(&world, "a", 3, "1m", "amount > 5", "sum");
	const struct rule *panes = make(&world, "a", 4, "2h", "amount > 5", NULL);
	struct impact impact = compute(&world, a, filter, 1);

	expect(&impact, "lost lost lost");
	cr_expect(strstr(impact.panes.text, "filter") != NULL);
	impact = compute(&world, a, sum, 1);
	cr_expect(strstr(impact.panes.text, "computed") != NULL, "%s", impact.panes.text);
	impact = compute(&world, a, panes, 1);
	cr_expect_eq(impact.panes.fate, IMPACT_LOST);
	cr_expect(strstr(impact.panes.text, "another length") != NULL, "%s", impact.panes.text);
	world_end(&world);
}

Test(impact, a_longer_window_says_when_it_is_full)
{
	struct world world = world_begin();
	const struct rule *a = make(&world, "a", 1, "1m", NULL, NULL);
	const struct rule *b = make(&world, "a", 2, "10m", NULL, NULL);
	struct impact impact = compute(&world, a, b, 0);

	cr_expect(strstr(impact.panes.text, "full after another 9m") != NULL, "%s",
		  impact.panes.text);
	impact = compute(&world, b, a, 0);
	cr_expect(strstr(impact.panes.text, "full") == NULL, "%s", impact.panes.text);
	world_end(&world);
}

Test(impact, a_rule_that_stops_loses_what_no_other_counts)
{
	struct world world = world_begin();
	const struct rule *a = make(&world, "a", 1, "1m", NULL, NULL);
	struct impact impact = compute(&world, a, NULL, 1);

	expect(&impact, "lost lost lost");
	impact = compute(&world, NULL, a, 0);
	expect(&impact, "none none none");
	make(&world, "b", 1, "5m", NULL, NULL);
	impact = compute(&world, a, NULL, 1);
	expect(&impact, "kept lost lost");
	cr_expect(strstr(impact.panes.text, "rule b") != NULL);
	impact = compute(&world, NULL, a, 0);
	expect(&impact, "kept none none");
	impact = compute(&world, NULL, NULL, 0);
	expect(&impact, "none none none");
	world_end(&world);
}

Test(impact, the_text_names_the_three_parts)
{
	struct world world = world_begin();
	struct bytes text = BYTES_EMPTY;
	struct impact impact = compute(&world, NULL, make(&world, "a", 1, "1m", NULL, NULL), 0);

	impact_append_text(&impact, &text);
	cr_expect_str_eq(text.data, "panes none: nothing was counted for it so far: it begins now; "
				    "states none: there are none yet; alerts none: none is firing");
	bytes_deinit(&text);
	world_end(&world);
}

Test(impact, an_edit_of_a_baseline_tells_about_its_history)
{
	static const char same[] = "same time yesterday";
	struct world world = world_begin();
	struct rule *first = make_baseline(&world, 1, same, NULL, "50%", "1m");
	const struct {
		struct rule *to;
		enum impact_fate fate;
		const char *text;
	} rows[] = {
		{make_baseline(&world, 2, same, NULL, "30%", "1m"), IMPACT_KEPT,
		 "both keep the same of each window and day"},
		{make_baseline(&world, 3, "same time last week", NULL, "50%", "1m"), IMPACT_KEPT,
		 "rows of 1 days are there, and the references, which look 7 days back"},
		{make_baseline(&world, 4, same, "app == \"a\"", "50%", "1m"), IMPACT_LOST,
		 "the filter lets other readings through"},
		{make_baseline(&world, 5, same, NULL, "50%", "5m"), IMPACT_LOST,
		 "end at other times; what windows and days had is deleted, and the references are "
		 "complete again after 1 days"},
		{make_baseline(&world, 6, "7-day mean", NULL, "50%", "1m"), IMPACT_LOST,
		 "other kinds of references"},
		{make(&world, "few", 7, "1h", NULL, NULL), IMPACT_LOST, "is deleted"},
		{NULL, IMPACT_LOST, "what its windows and days had is deleted"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct impact impact = compute(&world, first, rows[i].to, 0);
		cr_expect_eq(impact.history.fate, rows[i].fate, "row %zu", i);
		cr_expect(strstr(impact.history.text, rows[i].text) != NULL, "%s",
			  impact.history.text);
	}
	struct impact impact = compute(&world, NULL, first, 0);
	cr_expect_eq(impact.history.fate, IMPACT_NONE);
	struct bytes text = BYTES_EMPTY;
	impact_append_text(&impact, &text);
	cr_expect(strstr(text.data, "; history none: nothing was kept for it so far") != NULL);
	bytes_deinit(&text);
	cr_expect_not(compute(&world, NULL, make(&world, "a", 1, "1m", NULL, NULL), 0).has_history);
	world_end(&world);
}
