#include "lua/host/generation.h"

#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/plan/plan.h"
#include "core/plan/plan_runner.h"
#include "core/rule/rule.h"
#include "core/rule/rule_runner.h"
#include "tests/unit/lua/script_test.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static char site[64];

static const char good_config[] =
	"return {\n"
	"  sources = { pay = { fields = { merchantId = 'string', amount = 'float' } } },\n"
	"  outputs = { alerts = { stdout = true } },\n"
	"}\n";
static const char good_rule[] = "local rule = require 'tocsin.rule'\n"
				"return rule.group {\n"
				"  source = 'pay',\n"
				"  by = { 'merchantId' },\n"
				"  statistic = 'count',\n"
				"  window = '1m',\n"
				"  threshold = '>= 20',\n"
				"  output = 'alerts',\n"
				"}\n";
static const char script_rule[] = "local rule = require 'tocsin.rule'\n"
				  "return rule.script { source = 'pay', window = '1m', "
				  "output = 'alerts', on_window = function() return {} end }\n";
static const char good_plan[] = "local plan = require 'tocsin.plan'\n"
				"return plan { run = function(ctx) ctx:log('x') end }\n";

static void put(const char *path, const char *text)
{
	char *full = mem_format("%s/%s", site, path);
	FILE *file;

	for (char *at = strchr(full + strlen(site) + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		mkdir(full, 0700);
		*at = '/';
	}
	file = fopen(full, "w");
	cr_assert_not_null(file, "%s", full);
	fputs(text, file);
	fclose(file);
	mem_free(full);
}

static void make_site(void)
{
	snprintf(site, sizeof(site), "/tmp/tocsin-site-XXXXXX");
	cr_assert_not_null(mkdtemp(site));
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
	(void)info;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_site(void)
{
	nftw(site, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(generation, .init = make_site, .fini = remove_site);

static struct generation *load(const char *const *only, uint32_t only_count)
{
	struct generation *generation = NULL;
	struct err_note why = {{0}};

	cr_assert_eq(generation_load(&generation, site, only, only_count, &why), 0, "%s", why.text);
	return generation;
}

static void expect_finding(const struct generation *generation, const char *file, int line,
			   const char *part)
{
	for (size_t i = 0; i < generation->report.count; i++) {
		const struct finding *finding = &generation->report.findings[i];

		if (strcmp(finding->file + strlen(site) + 1, file) == 0 && finding->line == line &&
		    strstr(finding->text, part))
			return;
	}
	cr_expect(false, "no finding %s:%d: %s", file, line, part);
	for (size_t i = 0; i < generation->report.count; i++)
		fprintf(stderr, "  has %s:%d: %s\n", generation->report.findings[i].file,
			generation->report.findings[i].line, generation->report.findings[i].text);
}

Test(generation, a_good_site_loads_whole)
{
	struct generation *generation;

	put("tocsin.lua", good_config);
	put("rules/b/2.lua", good_rule);
	put("rules/b/10.lua", good_rule);
	put("rules/b/test.lua", "this is not loaded");
	put("rules/b/README.md", "nor this");
	put("rules/a/1.lua", script_rule);
	put("rules/支付/1.lua", good_rule);
	put("plans/p/1.lua", good_plan);
	generation = load(NULL, 0);
	cr_expect_eq(generation->report.count, 0, "%s",
		     generation->report.count ? generation->report.findings[0].text : "");
	cr_expect_not_null(generation->config);
	cr_assert_eq(generation->rule_count, 4);
	cr_expect_str_eq(generation->rules[0]->name, "a");
	cr_expect_eq(generation->rules[0]->type, RULE_SCRIPT);
	cr_expect_not_null(generation->rules[0]->runner);
	cr_expect_eq(generation->rules[1]->version, 2);
	cr_expect_eq(generation->rules[2]->version, 10, "versions are sorted as numbers");
	cr_assert_eq(generation->plan_count, 1);
	cr_expect_not_null(generation->plans[0]->factory);
	cr_assert_eq(generation->file_count, 6);
	cr_expect_str_eq(generation->files[3].source, good_rule);
	cr_expect_str_eq(generation->files[2].hash, generation->files[3].hash);
	cr_expect_str_neq(generation->files[1].hash, generation->files[2].hash);
	cr_expect_eq(strlen(generation->files[1].hash), 32);
	cr_expect_str_eq(generation->rules[1]->hash, generation->files[2].hash);
	cr_expect_not(generation->files[1].is_refused);
	generation_free(generation);
}

Test(generation, files_beside_the_folders_do_not_matter_also_as_links)
{
	struct generation *generation;
	char *link = mem_format("%s/rules/NOTES", site);

	put("tocsin.lua", good_config);
	put("rules/a/1.lua", good_rule);
	put("rules/README.md", "how to write rules");
	cr_assert_eq(symlink("README.md", link), 0);
	generation = load(NULL, 0);
	cr_expect_eq(generation->report.count, 0);
	cr_expect_eq(generation->rule_count, 1);
	generation_free(generation);
	mem_free(link);
}

Test(generation, every_fault_is_reported_and_good_files_load)
{
	struct generation *generation;

	put("tocsin.lua", good_config);
	put("rules/good/1.lua", good_rule);
	put("rules/syntax/1.lua", "\nreturn {{\n");
	put("rules/raises/1.lua", "\n\nerror 'x'");
	put("rules/plain/1.lua", "\nreturn { source = 'pay' }");
	put("rules/plan/1.lua", good_plan);
	put("rules/loops/1.lua", "\nwhile true do end");
	put("rules/unknown/1.lua", "local rule = require 'tocsin.rule'\n"
				   "local t = rule.averages { }\nreturn t");
	put("rules/key/1.lua", "local rule = require 'tocsin.rule'\nreturn rule.count {\n"
			       "  source = 'pay', window = '1m',\n  treshold = '>= 2',\n"
			       "  output = 'alerts' }");
	put("rules/span/1.lua", "local rule = require 'tocsin.rule'\nreturn rule.count {\n"
				"  source = 'pay',\n  window = '7s',\n  threshold = '>= 2',\n"
				"  output = 'alerts' }");
	put("plans/bad/1.lua", "local plan = require 'tocsin.plan'\nreturn plan { on = 5 }");
	put("plans/rule/1.lua", good_rule);
	generation = load(NULL, 0);
	cr_expect_eq(generation->rule_count, 1);
	cr_expect_eq(generation->plan_count, 0);
	expect_finding(generation, "rules/syntax/1.lua", 3, "unexpected symbol near '<eof>'");
	expect_finding(generation, "rules/raises/1.lua", 3, "x");
	expect_finding(generation, "rules/plain/1.lua", 2, "a rule file must return rule.count");
	expect_finding(generation, "rules/plan/1.lua", 2, "a rule file must return rule.count");
	expect_finding(generation, "rules/loops/1.lua", 2, "used up its budget");
	expect_finding(generation, "rules/unknown/1.lua", 2, "rule.averages does not exist");
	expect_finding(generation, "rules/key/1.lua", 4, "treshold");
	expect_finding(generation, "rules/span/1.lua", 4, "7s");
	expect_finding(generation, "plans/bad/1.lua", 2, "on");
	expect_finding(generation, "plans/rule/1.lua", 2, "a plan file must return plan");
	for (uint32_t i = 0; i < generation->file_count; i++) {
		const struct generation_file *file = &generation->files[i];
		bool is_good = !file->name || strcmp(file->name, "good") == 0;

		cr_expect_eq(file->is_refused, !is_good, "%s", file->path);
		cr_expect_eq(file->reason != NULL, !is_good, "%s", file->path);
		if (file->name && strcmp(file->name, "span") == 0) {
			cr_expect_eq(file->line, 4);
			cr_expect(strncmp(file->reason, "\"window\"", 8) == 0, "%s", file->reason);
		}
	}
	generation_free(generation);
}

Test(generation, wrong_names_are_reported)
{
	struct generation *generation;

	put("tocsin.lua", good_config);
	put("rules/a b/1.lua", good_rule);
	put("rules/ok/01.lua", good_rule);
	put("rules/ok/0.lua", good_rule);
	put("rules/ok/x.lua", good_rule);
	put("rules/ok/1000000.lua", good_rule);
	put("rules/ok/999999.lua", good_rule);
	put("rules/.hidden/1.lua", good_rule);
	put("rules/loose.lua", good_rule);
	generation = load(NULL, 0);
	cr_expect_eq(generation->rule_count, 1);
	cr_expect_eq(generation->report.count, 6);
	expect_finding(generation, "rules/loose.lua", 0, "rules/<name>/<version>.lua");
	expect_finding(generation, "rules/a b", 0, "the folder's name must be");
	expect_finding(generation, "rules/ok/01.lua", 0, "must be a version number");
	expect_finding(generation, "rules/ok/0.lua", 0, "must be a version number");
	expect_finding(generation, "rules/ok/x.lua", 0, "must be a version number");
	expect_finding(generation, "rules/ok/1000000.lua", 0, "must be a version number");
	generation_free(generation);
}

Test(generation, a_faulty_config_makes_it_unusable_and_rules_are_still_read)
{
	struct generation *generation;

	put("tocsin.lua", "return {\n  sorces = {},\n}");
	put("rules/a/1.lua", "return {");
	put("rules/b/1.lua", good_rule);
	put("rules/c/1.lua", "local rule = require 'tocsin.rule'\nreturn rule.count {\n"
			     "  source = 'pay', output = 'alerts', threshold = '> 1',\n"
			     "  window = '7s',\n  filter = 'amount >',\n}");
	put("plans/p/1.lua", good_plan);
	generation = load(NULL, 0);
	cr_expect_null(generation->config);
	cr_expect_eq(generation->rule_count, 0);
	cr_expect_eq(generation->plan_count, 0);
	expect_finding(generation, "rules/c/1.lua", 4, "7s");
	expect_finding(generation, "rules/c/1.lua", 5, "filter");
	expect_finding(generation, "tocsin.lua", 2, "sorces");
	expect_finding(generation, "rules/a/1.lua", 1, "unexpected symbol");
	cr_expect(generation->files[0].is_refused);
	generation_free(generation);
}

Test(generation, a_missing_site_is_an_error)
{
	struct generation *generation = NULL;
	struct err_note why;

	cr_expect_eq(generation_load(&generation, site, NULL, 0, &why), ERR_NOT_FOUND);
	cr_expect(strstr(why.text, "there is no site in") != NULL);
}

Test(generation, only_the_named_files_are_loaded)
{
	struct generation *generation;
	char *path = mem_format("%s/./rules/b/1.lua", site);
	const char *only[] = {"rules/a/1.lua", path, "tocsin.lua", "rules/none/1.lua"};

	put("tocsin.lua", good_config);
	put("rules/a/1.lua", good_rule);
	put("rules/b/1.lua", good_rule);
	put("rules/c/1.lua", "return {");
	generation = load(only, 3);
	cr_expect_eq(generation->rule_count, 2);
	cr_expect_eq(generation->report.count, 0);
	generation_free(generation);
	generation = load(only, 4);
	cr_assert_eq(generation->report.count, 1);
	cr_expect_str_eq(generation->report.findings[0].file, "rules/none/1.lua");
	cr_expect(strstr(generation->report.findings[0].text, "is not a file of the site"));
	generation_free(generation);
	mem_free(path);
}

Test(generation, a_site_sets_the_limits_of_its_scripts)
{
	struct generation *generation;
	struct rule_verdict verdict;
	struct rule_window window = {0};
	struct aggregate aggregate = AGGREGATE_EMPTY;
	struct err_note why = {{0}};
	struct rule_runner *runner;

	put("tocsin.lua", "return { lua = { instructions = 20000 }, sources = { pay = {} }, "
			  "outputs = { alerts = { stdout = true } } }");
	put("rules/a/1.lua",
	    "local rule = require 'tocsin.rule'\nreturn rule.script { source = 'pay', window = "
	    "'1m', "
	    "output = 'alerts',\non_window = function() for i = 1, 1e6 do end end }");
	generation = load(NULL, 0);
	cr_assert_eq(generation->rule_count, 1);
	runner = generation->rules[0]->runner;
	window.aggregate = &aggregate;
	cr_expect_eq(runner->ops->on_window(runner, &window, &verdict, &why), ERR_BUDGET);
	cr_expect_str_eq(why.text, "rules/a/1.lua: on_window: used up its budget of 20000 "
				   "instructions, at rules/a/1.lua:3");
	generation_free(generation);
}

Test(generation, a_factory_is_rebuilt_from_kept_source)
{
	struct plan_factory *factory = NULL;
	struct err_note why = {{0}};

	cr_assert_eq(generation_plan_factory("p", 3, good_plan, NULL, &factory, &why), 0, "%s",
		     why.text);
	cr_expect_str_eq(factory->ops->source(factory), good_plan);
	factory->ops->free(factory);
	cr_expect_neq(generation_plan_factory("p", 3, "return {", NULL, &factory, &why), 0);
	cr_expect(strncmp(why.text, "plans/p/3.lua:1: ", 17) == 0, "%s", why.text);
}

Test(generation, a_file_that_is_too_long_is_refused)
{
	struct generation *generation;
	char *text = mem_alloc(SITE_FILE_BYTES_MAX + 2);

	memset(text, ' ', SITE_FILE_BYTES_MAX + 1);
	put("tocsin.lua", good_config);
	put("rules/long/1.lua", text);
	memcpy(text, good_rule, strlen(good_rule));
	text[SITE_FILE_BYTES_MAX] = '\0';
	put("rules/fits/1.lua", text);
	generation = load(NULL, 0);
	cr_expect_eq(generation->rule_count, 1);
	expect_finding(generation, "rules/long/1.lua", 0, "longer than 1048576 bytes");
	generation_free(generation);
	mem_free(text);
}

Test(generation, a_rule_and_a_plan_are_made_from_kept_source_as_from_their_files)
{
	struct generation *generation;
	struct kept_script kept = {"a", 3, script_rule};
	struct report report;
	struct rule *rule = NULL;
	struct plan *plan = NULL;

	put("tocsin.lua", good_config);
	put("rules/a/3.lua", script_rule);
	put("plans/a/3.lua", good_plan);
	generation = load(NULL, 0);
	cr_assert_eq(generation->rule_count, 1);
	cr_assert_eq(generation->plan_count, 1);
	report_init(&report);
	cr_assert_eq(generation_rule(&kept, generation->config, &rule, &report), 0);
	cr_expect_str_eq(rule->hash, generation->rules[0]->hash);
	cr_expect_str_eq(rule->name, "a");
	cr_expect_eq(rule->version, 3);
	cr_expect_not_null(rule->runner);
	kept.source = good_plan;
	cr_assert_eq(generation_plan(&kept, generation->config, &plan, &report), 0);
	cr_expect_str_eq(plan->hash, generation->plans[0]->hash);
	cr_expect_str_eq(plan->factory->ops->source(plan->factory), good_plan);
	cr_expect_eq(report.count, 0);
	generation_free(generation);
	rule_unref(rule);
	plan_unref(plan);
	report_deinit(&report);
}

Test(generation, kept_source_that_does_not_fit_the_site_any_more_is_told)
{
	struct generation *generation;
	struct kept_script kept = {"a", 3, good_rule};
	struct report report;
	struct rule *rule = NULL;
	struct plan *plan = NULL;

	put("tocsin.lua", "return { sources = { other = {} }, outputs = { alerts = "
			  "{ stdout = true } } }");
	generation = load(NULL, 0);
	report_init(&report);
	cr_expect_eq(generation_rule(&kept, generation->config, &rule, &report), ERR_INVALID);
	cr_assert_eq(report.count, 1);
	cr_expect_str_eq(report.findings[0].file, "rules/a/3.lua");
	cr_expect(strstr(report.findings[0].text, "pay"), "%s", report.findings[0].text);
	kept.source = "return {";
	cr_expect_eq(generation_plan(&kept, generation->config, &plan, &report), ERR_INVALID);
	cr_assert_eq(report.count, 2);
	cr_expect_str_eq(report.findings[1].file, "plans/a/3.lua");
	cr_expect_null(rule);
	cr_expect_null(plan);
	generation_free(generation);
	report_deinit(&report);
}
