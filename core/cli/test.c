#include "core/cli/cli.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/cli/big_stack.h"
#include "core/cli/plan_test_world.h"
#include "core/cli/script_version.h"
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
	"Usage: tocsin test [--site DIR] [--filter TEXT] [--json | --format junit] [NAME | FILE…]\n"
	"       tocsin plan test …\n"
	"\n"
	"Runs the tests that lie beside the rules and plans, rules/<name>/test.lua and\n"
	"plans/<name>/test.lua, of all or of these; `tocsin plan test` those of plans alone.\n"
	"Each case has a clock that only the test moves, a store in memory, and between them the\n"
	"daemon's own engine. Nothing is sent, and nothing is slept.\n"
	"\n"
	"  --site DIR       the site (default: " CLI_SITE_DEFAULT ")\n"
	"  --filter TEXT    only cases with this text in \"rule: name\", \"plan: name\"\n"
	"  --json           one document: passed, failed, ms, tests\n"
	"  --format FORMAT  plain, json or junit (XML, for build servers)\n"
	"  --help           this text\n"
	"\n"
	"Exit code: 0 all passed, 1 a test failed or there was none, 2 wrong use.\n"
	"\n"
	"Examples:\n"
	"  tocsin test\n"
	"  tocsin test merchant_failures --filter restart\n"
	"  tocsin plan test provider_switch\n"
	"  tocsin test --site /etc/tocsin --format junit > tests.xml\n";

/** Where they lie. */
static const char *const folders[] = {[SCRIPT_RULE] = "rules", [SCRIPT_PLAN] = "plans"};

struct test_run {
	const char *site_dir, *filter;
	bool is_of_plans;
	char **wanted;
	int wanted_count;
	struct test_report report;
};

/** A file, and the case of it that runs. */
struct case_run {
	enum script_kind kind;
	const char *name, *path;
	struct test_world *world;
	struct plan_test_world *plan_world;
	struct test_result *result;
};

static int on_call(void *arg, const char *verb, const char *text, struct slice json, json_t **out,
		   struct err_note *why)
{
	struct case_run *run = arg;

	if (run->kind == SCRIPT_PLAN)
		return plan_test_world_call(run->plan_world, verb, text, json, out, why);
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

static int open_world(const struct test_run *run, struct case_run *now, struct err_note *why)
{
	if (now->kind == SCRIPT_PLAN)
		return plan_test_world_new(&now->plan_world, run->site_dir, now->name, why);
	return test_world_new(&now->world, run->site_dir, now->name, why);
}

static void close_world(struct case_run *now)
{
	test_world_free(now->world);
	plan_test_world_free(now->plan_world);
	now->world = NULL;
	now->plan_world = NULL;
}

static void run_case(struct test_run *run, struct case_run *now, struct test_script *script,
		     uint32_t index)
{
	struct test_result result = {.kind = now->kind,
				     .script = now->name,
				     .path = now->path,
				     .name = test_script_name(script, index),
				     .line = test_script_line(script, index)};
	double begin_ms = now_ms();
	struct err_note why = {0};
	int line = 0;
	int code = open_world(run, now, &why);

	now->result = &result;
	if (code == 0)
		code = test_script_run(script, index, &line, &why);
	if (code != 0 && result.text == NULL) {
		result.text = mem_copy_text(why.text);
		result.line = line > 0 ? line : result.line;
	}
	close_world(now);
	result.spent_ms = now_ms() - begin_ms;
	now->result = NULL;
	end_case(run, &result);
}

static bool is_wanted(const struct test_run *run, const char *script, const char *name)
{
	char *text = mem_format("%s: %s", script, name);
	bool is_wanted = run->filter == NULL || strstr(text, run->filter) != NULL;

	mem_free(text);
	return is_wanted;
}

static void run_file(struct test_run *run, enum script_kind kind, const char *name,
		     const char *path)
{
	static const struct test_world_ops ops = {.call = on_call, .fail = on_fail};
	struct case_run now = {.kind = kind, .name = name, .path = path};
	struct test_script *script;
	struct err_note why = {0};
	int line;

	if (test_script_load(&script, path, &ops, &now, &line, &why) != 0) {
		struct test_result result = {.kind = kind,
					     .script = name,
					     .path = path,
					     .name = "(the file)",
					     .line = line,
					     .text = mem_copy_text(why.text)};

		end_case(run, &result);
		return;
	}
	for (uint32_t i = 0; i < test_script_count(script); i++)
		if (is_wanted(run, name, test_script_name(script, i)))
			run_case(run, &now, script, i);
	test_script_free(script);
}

/* ---- which files ---- */

/** False: there is none. */
static bool run_of(struct test_run *run, enum script_kind kind, const char *name)
{
	char *path = mem_format("%s/%s/%s/test.lua", run->site_dir, folders[kind], name);
	bool is_there = access(path, F_OK) == 0;

	if (is_there)
		run_file(run, kind, name, path);
	run->report.last_path = NULL;
	mem_free(path);
	return is_there;
}

static int run_site(struct test_run *run, enum script_kind kind)
{
	struct site_files files = {0};
	struct err_note why = {0};
	struct report report;
	int code;

	report_init(&report);
	code = site_scan(run->site_dir, folders[kind], &files, &report, &why);
	if (code != 0)
		fprintf(stderr, "tocsin test: %s\n", why.text);
	for (uint32_t i = 0; i < files.count; i++)
		if (i == 0 || strcmp(files.items[i].name, files.items[i - 1].name) != 0)
			run_of(run, kind, files.items[i].name);
	site_files_deinit(&files);
	report_deinit(&report);
	return code == 0 ? EXIT_DONE : EXIT_FAILED;
}

/** The name of a rule or plan, or a path that ends in <name> or <name>/<file>.lua, which may say
 *  whose it is: …/plans/<name>/test.lua. */
static int run_named(struct test_run *run, const char *text)
{
	char *name = mem_copy_text(text), *slash;
	size_t length = strlen(name);
	bool is_found = false;

	if (length > 4 && strcmp(name + length - 4, ".lua") == 0 &&
	    (slash = strrchr(name, '/')) != NULL)
		*slash = '\0';
	while ((slash = strrchr(name, '/')) != NULL && slash[1] == '\0')
		*slash = '\0';
	slash = strrchr(name, '/');
	const char *script = slash != NULL ? slash + 1 : name;
	if (slash != NULL)
		*slash = '\0';
	const char *folder = slash != NULL ? strrchr(name, '/') : NULL;
	folder = slash == NULL ? "" : folder != NULL ? folder + 1 : name;
	if (!run->is_of_plans && strcmp(folder, "plans") != 0)
		is_found = run_of(run, SCRIPT_RULE, script);
	if (strcmp(folder, "rules") != 0)
		is_found = run_of(run, SCRIPT_PLAN, script) || is_found;
	if (!is_found)
		fprintf(stderr, "tocsin test: there is no %s/%s/%s/test.lua\n", run->site_dir,
			folders[run->is_of_plans ? SCRIPT_PLAN : SCRIPT_RULE], script);
	mem_free(name);
	return is_found ? EXIT_DONE : EXIT_FAILED;
}

static int run_tests(void *arg)
{
	struct test_run *run = arg;
	int code = EXIT_DONE;

	if (run->wanted_count == 0 && !run->is_of_plans)
		code = run_site(run, SCRIPT_RULE);
	if (run->wanted_count == 0 && run_site(run, SCRIPT_PLAN) != EXIT_DONE)
		code = EXIT_FAILED;
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

static int cli_tests(int argc, char **argv, bool is_of_plans)
{
	static const struct option options[] = {
		{"site", required_argument, NULL, 's'}, {"filter", required_argument, NULL, 'f'},
		{"json", no_argument, NULL, 'j'},       {"format", required_argument, NULL, 'F'},
		{"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0},
	};
	struct test_run run = {.site_dir = CLI_SITE_DEFAULT, .is_of_plans = is_of_plans};
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

int cli_test(int argc, char **argv)
{
	return cli_tests(argc, argv, false);
}

int cli_plan_test(int argc, char **argv)
{
	return cli_tests(argc, argv, true);
}
