#include "core/cli/cli.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/cli/big_stack.h"
#include "core/cli/test_report.h"
#include "core/cli/test_world.h"
#include "lua/bridge/test_script.h"
#include "lua/host/site_scan.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char help_text[] =
	"Usage: tocsin test [--site DIR] [--filter TEXT] [--json | --format junit] [RULE | FILE…]\n"
	"\n"
	"Runs the tests that lie beside the rules, rules/<name>/test.lua, of all rules or of "
	"these.\n"
	"Each case has a clock that only the test moves, a store in memory, and between them the\n"
	"daemon's own engine. Nothing is sent, and nothing is slept.\n"
	"\n"
	"  --site DIR       the site (default: " CLI_SITE_DEFAULT ")\n"
	"  --filter TEXT    only cases with this text in \"rule: name\"\n"
	"  --json           one document: passed, failed, ms, tests\n"
	"  --format FORMAT  plain, json or junit (XML, for build servers)\n"
	"  --help           this text\n"
	"\n"
	"Exit code: 0 all passed, 1 a test failed or there was none, 2 wrong use.\n"
	"\n"
	"Examples:\n"
	"  tocsin test\n"
	"  tocsin test merchant_failures --filter restart\n"
	"  tocsin test --site /etc/tocsin --format junit > tests.xml\n";

struct test_run {
	const char *site_dir, *filter;
	char **wanted;
	int wanted_count;
	struct test_report report;
};

/** A case that runs. */
struct case_run {
	struct test_world *world;
	struct test_result *result;
};

static int on_call(void *arg, const char *verb, const char *text, struct slice json, json_t **out,
		   struct err_note *why)
{
	struct case_run *run = arg;

	return test_world_call(run->world, verb, text, json, out, why);
}

static void on_fail(void *arg, int line, const char *text, json_t *details)
{
	struct case_run *run = arg;

	run->result->line = line;
	run->result->text = mem_copy_text(text);
	run->result->details = json_incref(details);
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void end_case(struct test_run *run, struct test_result *result)
{
	test_report_add(&run->report, result);
	json_decref(result->details);
	mem_free((void *)(uintptr_t)result->text);
}

static void run_case(struct test_run *run, struct case_run *now, struct test_script *script,
		     uint32_t index, const char *rule, const char *path)
{
	struct test_result result = {.rule = rule,
				     .path = path,
				     .name = test_script_name(script, index),
				     .line = test_script_line(script, index)};
	double begin_ms = now_ms();
	struct err_note why = {0};
	int line = 0;
	int code = test_world_new(&now->world, run->site_dir, rule, &why);

	now->result = &result;
	if (code == 0)
		code = test_script_run(script, index, &line, &why);
	if (code != 0 && result.text == NULL) {
		result.text = mem_copy_text(why.text);
		result.line = line > 0 ? line : result.line;
	}
	test_world_free(now->world);
	now->world = NULL;
	result.spent_ms = now_ms() - begin_ms;
	now->result = NULL;
	end_case(run, &result);
}

static bool is_wanted(const struct test_run *run, const char *rule, const char *name)
{
	char *text = mem_format("%s: %s", rule, name);
	bool is_wanted = run->filter == NULL || strstr(text, run->filter) != NULL;

	mem_free(text);
	return is_wanted;
}

static void run_file(struct test_run *run, const char *rule, const char *path)
{
	static const struct test_world_ops ops = {.call = on_call, .fail = on_fail};
	struct case_run now = {0};
	struct test_script *script;
	struct err_note why = {0};
	int line;

	if (test_script_load(&script, path, &ops, &now, &line, &why) != 0) {
		struct test_result result = {.rule = rule,
					     .path = path,
					     .name = "(the file)",
					     .line = line,
					     .text = mem_copy_text(why.text)};

		end_case(run, &result);
		return;
	}
	for (uint32_t i = 0; i < test_script_count(script); i++)
		if (is_wanted(run, rule, test_script_name(script, i)))
			run_case(run, &now, script, i, rule, path);
	test_script_free(script);
}

/* ---- which files ---- */

static int run_site(struct test_run *run)
{
	struct site_files files = {0};
	struct err_note why = {0};
	struct report report;
	int code;

	report_init(&report);
	code = site_scan(run->site_dir, "rules", &files, &report, &why);
	if (code != 0)
		fprintf(stderr, "tocsin test: %s\n", why.text);
	for (uint32_t i = 0; i < files.count; i++) {
		char *path;

		if (i > 0 && strcmp(files.items[i].name, files.items[i - 1].name) == 0)
			continue;
		path = mem_format("%s/rules/%s/test.lua", run->site_dir, files.items[i].name);
		if (access(path, F_OK) == 0)
			run_file(run, files.items[i].name, path);
		run->report.last_path = NULL;
		mem_free(path);
	}
	site_files_deinit(&files);
	report_deinit(&report);
	return code == 0 ? EXIT_DONE : EXIT_FAILED;
}

/** A rule's name, or a path that ends in <name> or <name>/<file>.lua. */
static int run_named(struct test_run *run, const char *text)
{
	char *name = mem_copy_text(text), *path, *slash;
	size_t length = strlen(name);
	int code = EXIT_DONE;

	if (length > 4 && strcmp(name + length - 4, ".lua") == 0 &&
	    (slash = strrchr(name, '/')) != NULL)
		*slash = '\0';
	while ((slash = strrchr(name, '/')) != NULL && slash[1] == '\0')
		*slash = '\0';
	slash = strrchr(name, '/');
	path = mem_format("%s/rules/%s/test.lua", run->site_dir, slash != NULL ? slash + 1 : name);
	if (access(path, F_OK) == 0) {
		run_file(run, slash != NULL ? slash + 1 : name, path);
	} else {
		fprintf(stderr, "tocsin test: there is no %s\n", path);
		code = EXIT_FAILED;
	}
	run->report.last_path = NULL;
	mem_free(path);
	mem_free(name);
	return code;
}

static int run_tests(void *arg)
{
	struct test_run *run = arg;
	int code = EXIT_DONE;

	if (run->wanted_count == 0)
		code = run_site(run);
	for (int i = 0; i < run->wanted_count; i++)
		if (run_named(run, run->wanted[i]) != EXIT_DONE)
			code = EXIT_FAILED;
	test_report_end(&run->report);
	if (run->report.failed_count > 0)
		code = EXIT_FAILED;
	if (code == EXIT_DONE && run->report.passed_count == 0) {
		fprintf(stderr, "tocsin test: %s has no such test\n", run->site_dir);
		code = EXIT_FAILED;
	}
	return code;
}

static int parse_format(const char *text, enum test_format *out)
{
	static const struct {
		const char *name;
		enum test_format format;
	} formats[] = {{"plain", TEST_PLAIN}, {"json", TEST_JSON}, {"junit", TEST_JUNIT}};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(formats[i].name, text) == 0) {
			*out = formats[i].format;
			return EXIT_DONE;
		}
	fprintf(stderr, "tocsin test: --format is plain, json or junit, not \"%s\"\n", text);
	return EXIT_USAGE;
}

int cli_test(int argc, char **argv)
{
	static const struct option options[] = {
		{"site", required_argument, NULL, 's'}, {"filter", required_argument, NULL, 'f'},
		{"json", no_argument, NULL, 'j'},       {"format", required_argument, NULL, 'F'},
		{"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0},
	};
	struct test_run run = {.site_dir = CLI_SITE_DEFAULT};
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 's': run.site_dir = optarg; break;
		case 'f': run.filter = optarg; break;
		case 'j': run.report.format = TEST_JSON; break;
		case 'F':
			if (parse_format(optarg, &run.report.format) != EXIT_DONE)
				return EXIT_USAGE;
			break;
		case 'h': fputs(help_text, stdout); return EXIT_DONE;
		default: fputs("Try: tocsin test --help\n", stderr); return EXIT_USAGE;
		}
	}
	run.wanted = argv + optind;
	run.wanted_count = argc - optind;
	return cli_on_big_stack(run_tests, &run);
}
