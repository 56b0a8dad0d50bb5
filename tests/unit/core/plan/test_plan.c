#include "core/plan/plan.h"

#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/config/config.h"
#include "core/config/tree.h"

#include <criterion/criterion.h>

#include <string.h>

/* A little notation instead of Lua: trees are built from rows of "path type value". */
struct entry {
	const char *parent; /**< key of a table made before, or NULL for the plan itself */
	const char *key;    /**< NULL in a list */
	enum tree_type type;
	const char *text;
	double number;
};

struct world {
	struct arena arena;
	struct report report;
	struct tree *root;
};

static struct tree *find(struct tree *tree, const char *key)
{
	for (struct tree *child = tree->first; child; child = child->next) {
		if (child->key && strcmp(child->key, key) == 0)
			return child;
		struct tree *deeper = find(child, key);
		if (deeper)
			return deeper;
	}
	return NULL;
}

static void open_world(struct world *world, const struct entry *entries)
{
	arena_init(&world->arena);
	report_init(&world->report);
	world->root = tree_new(&world->arena, TREE_MAP, 1);
	struct tree *run = tree_new(&world->arena, TREE_FUNCTION, 99);
	run->key = "run";
	tree_add(world->root, run);
	int line = 2;
	for (const struct entry *entry = entries; entry->type != TREE_NIL; entry++) {
		struct tree *tree = tree_new(&world->arena, entry->type, line++);
		tree->key = entry->key;
		tree->text = entry->text;
		tree->text_length = entry->text ? (uint32_t)strlen(entry->text) : 0;
		tree->number = entry->number;
		tree->boolean = entry->number != 0;
		tree_add(entry->parent ? find(world->root, entry->parent) : world->root, tree);
	}
}

static void close_world(struct world *world)
{
	report_deinit(&world->report);
	arena_deinit(&world->arena);
}

static struct plan *make(struct world *world, const struct config *config)
{
	return plan_new(world->root, "help", 2, "plans/help/2.lua", "abc", NULL, config,
			&world->report);
}

Test(plan, has_defaults)
{
	static const struct entry entries[] = {{.type = TREE_NIL}};
	struct world world;
	open_world(&world, entries);
	struct plan *plan = make(&world, NULL);
	cr_assert_not_null(plan);
	cr_expect_str_eq(plan->name, "help");
	cr_expect_str_eq(plan->params_json, "{}");
	cr_expect_null(plan->on_event);
	cr_expect_str_eq(plan->concurrency_key, "incident");
	cr_expect_eq(plan->concurrency_limit, 1);
	cr_expect_eq(plan->on_conflict, PLAN_ATTACH);
	cr_expect_eq(plan->timeout_ms, 3600000);
	cr_expect_eq(plan->rate_count, 0);
	plan_unref(plan);
	close_world(&world);
}

Test(plan, reads_every_option)
{
	static const struct entry entries[] = {
		{NULL, "name", TREE_STRING, "help", 0},
		{NULL, "api", TREE_NUMBER, NULL, 1},
		{NULL, "owner", TREE_STRING, "payments", 0},
		{NULL, "risk", TREE_STRING, "high", 0},
		{NULL, "timeout", TREE_STRING, "10m", 0},
		{NULL, "params", TREE_MAP, NULL, 0},
		{"params", "z", TREE_NUMBER, NULL, 2.5},
		{"params", "a", TREE_LIST, NULL, 0},
		{"a", NULL, TREE_STRING, "x", 0},
		{"a", NULL, TREE_BOOL, NULL, 1},
		{NULL, "on", TREE_MAP, NULL, 0},
		{"on", "incident", TREE_STRING, "reopened", 0},
		{"on", "rule", TREE_STRING, "slow", 0},
		{"on", "severity", TREE_STRING, "critical", 0},
		{NULL, "concurrency", TREE_MAP, NULL, 0},
		{"concurrency", "key", TREE_STRING, "rule", 0},
		{"concurrency", "limit", TREE_NUMBER, NULL, 3},
		{"concurrency", "on_conflict", TREE_STRING, "queue", 0},
		{.type = TREE_NIL},
	};
	struct world world;
	open_world(&world, entries);
	struct tree *rate = tree_new(&world.arena, TREE_LIST, 30);
	rate->key = "rate";
	for (int i = 0; i < 2; i++) {
		struct tree *pair = tree_new(&world.arena, TREE_LIST, 31 + i);
		struct tree *count = tree_new(&world.arena, TREE_NUMBER, 31 + i);
		struct tree *span = tree_new(&world.arena, TREE_STRING, 31 + i);
		count->number = i == 0 ? 3 : 7;
		span->text = i == 0 ? "1h" : "1d";
		span->text_length = 2;
		tree_add(pair, count);
		tree_add(pair, span);
		tree_add(rate, pair);
	}
	tree_add(world.root, rate);
	struct plan *plan = make(&world, NULL);
	cr_assert_not_null(plan, "%s", world.report.count ? world.report.findings[0].text : "");
	cr_expect_str_eq(plan->owner, "payments");
	cr_expect_str_eq(plan->risk, "high");
	cr_expect_eq(plan->timeout_ms, 600000);
	cr_expect_str_eq(plan->params_json, "{\"a\":[\"x\",true],\"z\":2.5}");
	cr_expect_str_eq(plan->on_event, "reopened");
	cr_expect_str_eq(plan->on_rule, "slow");
	cr_expect_str_eq(plan->on_severity, "critical");
	cr_expect_null(plan->on_category);
	cr_expect_str_eq(plan->concurrency_key, "rule");
	cr_expect_eq(plan->concurrency_limit, 3);
	cr_expect_eq(plan->on_conflict, PLAN_QUEUE);
	cr_assert_eq(plan->rate_count, 2);
	cr_expect_eq(plan->rates[1].count, 7);
	cr_expect_eq(plan->rates[1].span_ms, 86400000);
	plan_ref(plan);
	plan_unref(plan);
	plan_unref(plan);
	close_world(&world);
}

struct fault_case {
	struct entry entries[4];
	const char *text;
	int line;
};

Test(plan, reports_each_fault_at_its_line)
{
	static const struct fault_case cases[] = {
		{{{NULL, "name", TREE_STRING, "other", 0}}, "the folder is \"help\"", 2},
		{{{NULL, "api", TREE_NUMBER, NULL, 2}}, "api", 2},
		{{{NULL, "riks", TREE_STRING, "low", 0}}, "risk", 2},
		{{{NULL, "risk", TREE_STRING, "none", 0}}, "medium", 2},
		{{{NULL, "timeout", TREE_STRING, "soon", 0}}, "timeout", 2},
		{{{NULL, "on", TREE_MAP, NULL, 0}}, "incident", 2},
		{{{NULL, "on", TREE_MAP, NULL, 0}, {"on", "incident", TREE_STRING, "joined", 0}},
		 "opened",
		 3},
		{{{NULL, "concurrency", TREE_MAP, NULL, 0},
		  {"concurrency", "limit", TREE_NUMBER, NULL, 0}},
		 "limit",
		 3},
		{{{NULL, "rate", TREE_LIST, NULL, 0}, {"rate", NULL, TREE_NUMBER, NULL, 3}},
		 "{ count, span }",
		 3},
		{{{NULL, "params", TREE_MAP, NULL, 0}, {"params", "f", TREE_FUNCTION, NULL, 0}},
		 "params may hold",
		 2},
		{{{NULL, "params", TREE_MAP, NULL, 0}, {"params", "t", TREE_STRING, "\xff", 0}},
		 "params may hold",
		 2},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world world;
		open_world(&world, cases[i].entries);
		cr_expect_null(make(&world, NULL), "case %zu", i);
		cr_assert_eq(world.report.count, 1, "case %zu", i);
		cr_expect(strstr(world.report.findings[0].text, cases[i].text), "case %zu: %s", i,
			  world.report.findings[0].text);
		cr_expect_eq(world.report.findings[0].line, cases[i].line, "case %zu", i);
		close_world(&world);
	}
}

Test(plan, category_of_the_trigger_must_exist)
{
	static const struct entry entries[] = {
		{NULL, "on", TREE_MAP, NULL, 0},
		{"on", "incident", TREE_STRING, "opened", 0},
		{"on", "category", TREE_STRING, "offline", 0},
		{.type = TREE_NIL},
	};
	struct config_category category = {.name = "offline"};
	struct config config = {.categories = &category};
	struct world world;
	open_world(&world, entries);
	cr_expect_null(make(&world, &config));
	cr_expect(strstr(world.report.findings[0].text, "there is no category \"offline\""));
	config.category_count = 1;
	struct plan *plan = make(&world, &config);
	cr_assert_not_null(plan);
	cr_expect_str_eq(plan->on_category, "offline");
	plan_unref(plan);
	close_world(&world);
}
