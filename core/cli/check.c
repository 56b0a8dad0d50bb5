#include "core/cli/cli.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/printable.h"
#include "core/base/report.h"
#include "core/cli/big_stack.h"
#include "lua/host/generation.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { LINE_BYTES_MAX = 4096 };

static const char help[] =
	"Usage: tocsin check [--site DIR] [--json] [FILE…]\n"
	"\n"
	"Loads a site and lists every fault as file:line: text. FILE limits the rules and plans "
	"that\n"
	"are checked: a path, or a name inside the site like rules/pay_failed/2.lua.\n"
	"\n"
	"  --site DIR   the site (default: " CLI_SITE_DEFAULT ")\n"
	"  --json       one JSON object a line: file, line, text\n"
	"  --help       this text\n"
	"\n"
	"Exit code: 0 no fault, 1 faults or no site, 2 wrong use.\n"
	"\n"
	"Examples:\n"
	"  tocsin check\n"
	"  tocsin check --site /etc/tocsin rules/pay_failed/2.lua\n"
	"  tocsin check --json | jq .text\n";

static void print_finding(const struct finding *finding, bool is_json)
{
	char line[LINE_BYTES_MAX];
	json_t *json;

	if (!is_json) {
		struct bytes text = BYTES_EMPTY;

		finding_format(finding, line, sizeof(line));
		printable_append(&text, line, false);
		puts(text.data);
		bytes_deinit(&text);
		return;
	}
	json = json_pack("{s:s, s:i, s:s}", "file", finding->file, "line", finding->line, "text",
			 finding->text);
	if (!json) { /* a path that is not UTF-8 */
		print_finding(finding, false);
		return;
	}
	json_dumpf(json, stdout, JSON_SORT_KEYS | JSON_COMPACT);
	json_decref(json);
	putchar('\n');
}

static int print_report(const struct generation *generation, const char *site_dir, bool is_json)
{
	const struct report *report = &generation->report;
	size_t fault_count = report->count + report->dropped_count;

	for (size_t i = 0; i < report->count; i++)
		print_finding(&report->findings[i], is_json);
	if (report->dropped_count > 0)
		fprintf(stderr, "check: %zu more faults are not shown\n", report->dropped_count);
	fprintf(stderr, "check: %s: %u files, %u rules, %u plans, %zu fault%s\n", site_dir,
		generation->file_count, generation->rule_count, generation->plan_count, fault_count,
		fault_count == 1 ? "" : "s");
	return fault_count == 0 ? EXIT_DONE : EXIT_FAILED;
}

struct check {
	const char *site_dir;
	const char *const *files; /**< or NULL: all */
	uint32_t file_count;
	bool is_json;
};

static int check_site(void *arg)
{
	const struct check *check = arg;
	struct generation *generation;
	struct err_note why = {{0}};
	int code;

	if (generation_load(&generation, check->site_dir, check->files, check->file_count, &why) !=
	    0) {
		fprintf(stderr, "check: %s\n", why.text);
		return EXIT_FAILED;
	}
	code = print_report(generation, check->site_dir, check->is_json);
	generation_free(generation);
	return code;
}

int cli_check(int argc, char **argv)
{
	static const struct option options[] = {
		{"site", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct check check = {.site_dir = CLI_SITE_DEFAULT};
	int option;

	optind = 0; /* main has read its own options: start again (GNU) */
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's': check.site_dir = optarg; break;
		case 'j': check.is_json = true; break;
		case 'h': fputs(help, stdout); return EXIT_DONE;
		default: fputs("Try 'tocsin check --help'.\n", stderr); return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		check.files = (const char *const *)&argv[optind];
		check.file_count = (uint32_t)(argc - optind);
	}
	return cli_on_big_stack(check_site, &check);
}
