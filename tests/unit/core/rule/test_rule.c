#include "core/rule/rule.h"

#include <criterion/criterion.h>

#include <string.h>

#include "core/base/err.h"
#include "core/base/report.h"
#include "core/config/config.h"
#include "core/config/tree.h"

/** A rule file as a tree: entries on lines 2, 3, 4 … of rule.lua, the table on line 1. */
struct file {
	struct arena arena;
	struct tree *map;
	struct config *config;
	struct report report;
	int line;
};

static struct tree *text(struct file *file, const char *value)
{
	struct tree *tree = tree_new(&file->arena, TREE_STRING, file->line);

	tree->text = arena_copy_text(&file->arena, value);
	tree->text_length = (uint32_t)strlen(value);
	return tree;
}

static void put(struct tree *map, const char *key, struct tree *value)
{
	value->key = key;
	tree_add(map, value);
}

/** "x" a string, "#7" a number, "{a,b}" a list of strings. */
static void set(struct file *file, const char *key, const char *value)
{
	struct tree *tree;
	char *list, *rest, *item;

	file->line++;
	if (value[0] == '#') {
		tree = tree_new(&file->arena, TREE_NUMBER, file->line);
		tree->number = atof(value + 1);
	} else if (value[0] == '{') {
		tree = tree_new(&file->arena, TREE_LIST, file->line);
		list = rest = arena_copy(&file->arena, value + 1, strlen(value) - 2);
		while ((item = strsep(&rest, ",")) != NULL && list[0] != '\0')
			tree_add(tree, text(file, item));
	} else {
		tree = text(file, value);
	}
	put(file->map, key, tree);
}

static struct tree *map(struct file *file)
{
	return tree_new(&file->arena, TREE_MAP, file->line);
}

static void file_init(struct file *file, const char *type)
{
	struct tree *site, *sources, *pay, *fields, *outputs, *alerts;

	*file = (struct file){.line = 1};
	arena_init(&file->arena);
	report_init(&file->report);
	site = map(file);
	sources = map(file);
	pay = map(file);
	fields = map(file);
	outputs = map(file);
	alerts = map(file);
	put(fields, "merchantId", text(file, "string"));
	put(fields, "amount", text(file, "float"));
	put(fields, "cost_time", text(file, "int"));
	put(fields, "success", text(file, "bool"));
	put(pay, "fields", fields);
	put(sources, "pay", pay);
	put(site, "sources", sources);
	put(alerts, "file", text(file, "alerts.jsonl"));
	put(outputs, "alerts", alerts);
	put(site, "outputs", outputs);
	file->config = config_new(site, "tocsin.lua", &file->report);
	cr_assert_not_null(file->config);
	file->map = map(file);
	put(file->map, "type", text(file, type));
}

static void file_deinit(struct file *file)
{
	config_unref(file->config);
	report_deinit(&file->report);
	arena_deinit(&file->arena);
}

static void set_usual(struct file *file)
{
	set(file, "source", "pay");
	set(file, "window", "1m");
	set(file, "threshold", ">= 20");
	set(file, "output", "alerts");
}

static struct rule *load(struct file *file)
{
	return rule_new(file->map, "failed", 3, "rule.lua", "00ff", NULL, file->config,
			&file->report);
}

static void expect_good(struct file *file, struct rule *rule)
{
	for (size_t i = 0; i < file->report.count; i++)
		cr_log_error("%s", file->report.findings[i].text);
	cr_assert_not_null(rule);
}

/** Exactly one finding, at `line`, that has every part. */
static void expect_fault(struct file *file, int line, const char *const *parts)
{
	struct rule *rule = load(file);
	char found[2048];

	cr_assert_null(rule);
	cr_assert_eq(file->report.count, 1, "%zu findings", file->report.count);
	finding_format(&file->report.findings[0], found, sizeof(found));
	cr_expect_eq(file->report.findings[0].line, line, "%s", found);
	for (; *parts != NULL; parts++)
		cr_expect(strstr(found, *parts) != NULL, "\"%s\" is not in: %s", *parts, found);
	file_deinit(file);
}
#define FAULT(file, line, ...) expect_fault(file, line, (const char *const[]){__VA_ARGS__, NULL})

Test(rule, an_unknown_type_is_refused_with_those_that_are)
{
	struct file file;

	file_init(&file, "cuont");
	set_usual(&file);
	FAULT(&file, 1, "unknown rule type \"cuont\"; allowed: rule.count, rule.field");
}

Test(rule, group_of_the_contract_is_read)
{
	struct file file;
	struct rule *rule;
	struct tree *labels;

	file_init(&file, "group");
	set_usual(&file);
	set(&file, "filter", "success == false and amount > 0");
	set(&file, "by", "{merchantId}");
	set(&file, "statistic", "count");
	set(&file, "severity", "critical");
	labels = map(&file);
	put(labels, "team", text(&file, "pay\"ments"));
	put(file.map, "labels", labels);
	rule = load(&file);
	expect_good(&file, rule);
	cr_expect_eq(rule->type, RULE_GROUP);
	cr_expect_eq(rule->version, 3);
	cr_expect_str_eq(rule->title, "failed");
	cr_expect_str_eq(rule->threshold.text, ">=20");
	cr_expect_str_eq(rule->labels_json, "{\"team\":\"pay\\\"ments\"}");
	cr_expect_str_eq(rule->by[0], "merchantId");
	cr_expect_eq(rule->window_ms, 60000);
	cr_expect_eq(rule->pane_ms, 5000);
	cr_expect_eq(rule->every_ms, 5000);
	cr_expect(rule->opens_incident);
	rule_unref(rule);
	file_deinit(&file);
}

Test(rule, continuous_is_grouped_by_its_field_of_any_type)
{
	struct file file;
	struct rule *rule;

	file_init(&file, "continuous");
	set_usual(&file);
	set(&file, "field", "merchantId");
	rule = load(&file);
	expect_good(&file, rule);
	cr_expect_eq(rule->by_count, 1);
	cr_expect_str_eq(rule->by[0], "merchantId");
	cr_expect_str_eq(rule->statistic, "count");
	rule_unref(rule);
	file_deinit(&file);
}

Test(rule, a_window_above_an_hour_is_evaluated_every_minute)
{
	struct file file;
	struct rule *rule;

	file_init(&file, "count");
	set(&file, "source", "pay");
	set(&file, "window", "2h");
	set(&file, "threshold", "< 1");
	set(&file, "output", "alerts");
	rule = load(&file);
	expect_good(&file, rule);
	cr_expect_eq(rule->every_ms, 60000);
	rule_unref(rule);
	file_deinit(&file);
}

Test(rule, faults_say_line_what_was_found_and_what_is_allowed)
{
	struct file file;

	file_init(&file, "count");
	set(&file, "source", "pay");
	set(&file, "window", "7s");
	set(&file, "threshold", ">= 20");
	set(&file, "output", "alerts");
	FAULT(&file, 3, "rule.lua:3: ", "\"7s\"", "5s to 60s in steps of 5", "window = \"1m\"");

	file_init(&file, "count");
	set_usual(&file);
	set(&file, "widnow", "1m");
	FAULT(&file, 6, "unknown key \"widnow\" in rule.count", "did you mean \"window\"",
	      "threshold");

	file_init(&file, "field");
	set_usual(&file);
	set(&file, "field", "merchantId");
	set(&file, "statistic", "avg");
	FAULT(&file, 6, "must be numeric", "merchantId", "string", "amount, cost_time");

	file_init(&file, "group");
	set_usual(&file);
	set(&file, "by", "{merchantID}");
	FAULT(&file, 6, "unknown field \"merchantID\"", "did you mean \"merchantId\"");

	file_init(&file, "count");
	set(&file, "source", "pays");
	set(&file, "window", "1m");
	set(&file, "threshold", ">= 20");
	set(&file, "output", "alerts");
	FAULT(&file, 2, "unknown source \"pays\"", "did you mean \"pay\"");

	file_init(&file, "count");
	set(&file, "source", "pay");
	set(&file, "window", "1m");
	set(&file, "threshold", ">= 20");
	set(&file, "output", "alert");
	FAULT(&file, 5, "unknown output \"alert\"", "did you mean \"alerts\"");

	file_init(&file, "forecast");
	set_usual(&file);
	FAULT(&file, 1, "unknown rule type \"forecast\"", "rule.count", "rule.script");
}

Test(rule, faults_of_values)
{
	struct file file;

	file_init(&file, "count");
	set(&file, "source", "pay");
	set(&file, "window", "1m");
	set(&file, "threshold", "20");
	set(&file, "output", "alerts");
	FAULT(&file, 4, "\"20\" is not a threshold", "> >= < <= == !=", "threshold = \">= 20\"");

	file_init(&file, "count");
	set(&file, "source", "pay");
	set(&file, "window", "#60");
	set(&file, "threshold", "> 1");
	set(&file, "output", "alerts");
	FAULT(&file, 3, "found the number 60");

	file_init(&file, "count");
	set_usual(&file);
	set(&file, "every", "7s");
	FAULT(&file, 6, "multiple of 5s", "\"7s\"");

	file_init(&file, "count");
	set_usual(&file);
	set(&file, "every", "65s");
	FAULT(&file, 6, "must not be longer than the window");

	file_init(&file, "count");
	set_usual(&file);
	set(&file, "severity", "critcal");
	FAULT(&file, 6, "\"info\", \"warning\", \"critical\"", "did you mean \"critical\"");

	file_init(&file, "count");
	set_usual(&file);
	set(&file, "filter", "amout > 0");
	FAULT(&file, 6, "filter: ", "amout");

	file_init(&file, "count");
	set_usual(&file);
	set(&file, "by", "{merchantId}");
	FAULT(&file, 6, "unknown key \"by\" in rule.count");
}

Test(rule, faults_of_groups_and_scripts)
{
	struct file file;

	file_init(&file, "group");
	set_usual(&file);
	set(&file, "by", "{}");
	FAULT(&file, 6, "1 to 8 fields, found 0");

	file_init(&file, "group");
	set_usual(&file);
	set(&file, "by", "{merchantId,merchantId}");
	FAULT(&file, 6, "twice");

	file_init(&file, "group");
	set_usual(&file);
	set(&file, "by", "{merchantId}");
	set(&file, "statistic", "sum");
	FAULT(&file, 7, "needs \"field\"");

	file_init(&file, "script");
	set(&file, "source", "pay");
	set(&file, "window", "1m");
	set(&file, "output", "alerts");
	FAULT(&file, 1, "needs \"on_window\"", "function(ctx, w)");

	file_init(&file, "field");
	set_usual(&file);
	set(&file, "field", "amount");
	FAULT(&file, 1, "needs \"statistic\"");
}

Test(rule, incident_key_names_fields_of_the_dimension)
{
	struct file file;
	struct rule *rule;
	struct tree *incident;

	for (int is_good = 0; is_good < 2; is_good++) {
		file_init(&file, "group");
		set_usual(&file);
		set(&file, "by", "{merchantId,cost_time}");
		incident = map(&file);
		file.line++;
		put(incident, "key", tree_new(&file.arena, TREE_LIST, file.line));
		tree_add(incident->first, text(&file, is_good ? "merchantId" : "amount"));
		put(file.map, "incident", incident);
		if (!is_good) {
			FAULT(&file, 7, "fields of the rule's dimension", "\"amount\"");
			continue;
		}
		rule = load(&file);
		expect_good(&file, rule);
		cr_expect(rule->has_incident_key);
		cr_expect_str_eq(rule->incident_keys[0], "merchantId");
		rule_unref(rule);
		file_deinit(&file);
	}
}

Test(threshold, each_operator_below_at_and_above)
{
	static const struct {
		const char *text, *shown;
		bool below, at, above;
	} cases[] = {
		{"> 20", ">20", false, false, true},    {">= 20", ">=20", false, true, true},
		{"<20", "<20", true, false, false},     {"<=  20", "<=20", true, true, false},
		{"==20.0", "==20", false, true, false}, {" != 20 ", "!=20", true, false, true},
	};
	struct arena arena;

	arena_init(&arena);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct threshold threshold;

		cr_assert_eq(threshold_parse(&arena, cases[i].text, &threshold, NULL), 0);
		cr_expect_str_eq(threshold.text, cases[i].shown);
		cr_expect_eq(threshold_holds(&threshold, 19.999), cases[i].below);
		cr_expect_eq(threshold_holds(&threshold, 20), cases[i].at);
		cr_expect_eq(threshold_holds(&threshold, 20.001), cases[i].above);
	}
	arena_deinit(&arena);
}

Test(threshold, anything_else_is_refused)
{
	static const char *const texts[] = {"",      "20",      ">",      ">= x",  "=> 20", "= 20",
					    "~= 20", ">= 20 %", ">= 1 2", ">> 20", ">= nan"};
	struct arena arena;

	arena_init(&arena);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct threshold threshold;

		cr_expect_eq(threshold_parse(&arena, texts[i], &threshold, NULL), ERR_INVALID,
			     "\"%s\"", texts[i]);
	}
	arena_deinit(&arena);
}
