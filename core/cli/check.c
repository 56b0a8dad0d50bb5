#include "core/cli/cli.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/cli/big_stack.h"
#include "core/cli/check_chain.h"
#include "core/cli/check_doubt.h"
#include "core/cli/check_format.h"
#include "core/cli/check_note.h"
#include "core/cli/check_plan.h"
#include "lua/host/generation.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
	"Usage: tocsin check [--site DIR] [--format FORMAT] [--notes] [FILE…]\n"
	"\n"
	"Loads a site and lists every fault as file:line: text, with the line and a caret under "
	"what\n"
	"is wrong. Warnings tell what the newest version of a rule or plan says but can hardly "
	"mean.\n"
	"FILE limits the rules and plans that are checked: a path, or a name inside the site like\n"
	"rules/pay_failed/2.lua; of these also notes are shown.\n"
	"\n"
	"  --site DIR       the site (default: " CLI_SITE_DEFAULT ")\n"
	"  --notes          also what rules cost, and what the newest version of each does to the\n"
	"                   state of the one before it (--no-notes: not even with FILE)\n"
	"  --format FORMAT  plain (default); json: an object a line with level, kind, file, line,\n"
	"                   column, end_column and text; sarif: SARIF 2.1.0; junit: JUnit XML\n"
	"  --json           the same as --format json\n"
	"  --help           this text\n"
	"\n"
	"Exit code: 0 no fault (warnings and notes are none), 1 faults or no site, 2 wrong use.\n"
	"\n"
	"Examples:\n"
	"  tocsin check\n"
	"  tocsin check --site /etc/tocsin rules/pay_failed/2.lua\n"
	"  tocsin check --format sarif > tocsin.sarif\n";

struct check {
	const char *site_dir;
	const char *const *files; /**< or NULL: all */
	uint32_t file_count;
	const char *const *plans; /**< names, or NULL: all */
	uint32_t plan_count;
	bool is_of_plans, is_strict; /**< tocsin plan check */
	bool has_notes;
	enum check_format format;
};

/* The findings of all kinds. */
struct findings {
	const struct generation *generation;
	struct check_finding *items;
	uint32_t count;
};

static const char *source_of(const struct generation *generation, const char *path)
{
	for (uint32_t i = 0; i < generation->file_count; i++)
		if (strcmp(generation->files[i].path, path) == 0)
			return generation->files[i].source;
	return NULL;
}

static void add_report(struct findings *findings, const struct report *report, enum check_kind kind)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct finding *found = &report->findings[i];
		const char *source = source_of(findings->generation, found->file);

		findings->items =
			mem_grow(findings->items, findings->count + 1, sizeof(*findings->items));
		findings->items[findings->count++] = (struct check_finding){
			.kind = kind,
			.file = found->file,
			.line = found->line,
			.text = found->text,
			.place = check_place_find(source, found->line, found->text),
		};
	}
}

static int print_summary(const struct generation *generation, const char *site_dir,
			 size_t doubt_count, size_t note_count)
{
	const struct report *report = &generation->report;
	size_t fault_count = report->count + report->dropped_count;

	if (report->dropped_count > 0)
		fprintf(stderr, "check: %zu more faults are not shown\n", report->dropped_count);
	fprintf(stderr, "check: %s: %u files, %u rules, %u plans, %zu fault%s", site_dir,
		generation->file_count, generation->rule_count, generation->plan_count, fault_count,
		fault_count == 1 ? "" : "s");
	if (doubt_count > 0)
		fprintf(stderr, ", %zu warning%s", doubt_count, doubt_count == 1 ? "" : "s");
	if (note_count > 0)
		fprintf(stderr, ", %zu note%s", note_count, note_count == 1 ? "" : "s");
	fputc('\n', stderr);
	return fault_count == 0 ? EXIT_DONE : EXIT_FAILED;
}

/** What is no fault of a file alone, but is one beside the other versions of its name. */
static void add_faults_of_site(struct generation *generation, const struct generation *site)
{
	for (uint32_t i = 0; i < generation->file_count; i++) {
		const struct generation_file *file = &generation->files[i];

		for (size_t k = 0; k < site->report.count && !file->is_refused; k++) {
			const struct finding *found = &site->report.findings[k];

			if (strcmp(found->file, file->path) == 0)
				report_add(&generation->report, found->file, found->line, "%s",
					   found->text);
		}
	}
}

static bool is_wanted(const struct check *check, const struct generation *site, const char *path)
{
	/* A faulty tocsin.lua lets no plan run. */
	if (site->config == NULL)
		return true;
	for (uint32_t i = 0; i < check->plan_count; i++)
		if (check_plan_has(check->site_dir, path, check->plans[i]))
			return true;
	return check->plan_count == 0 && check_plan_has(check->site_dir, path, NULL);
}

static bool has_plan(const struct generation *site, const char *name)
{
	for (uint32_t i = 0; i < site->file_count; i++)
		if (site->files[i].is_plan && strcmp(site->files[i].name, name) == 0)
			return true;
	return false;
}

/** The findings of plans, and nothing else of the site. */
static int print_plans(const struct check *check, const struct generation *site)
{
	struct findings findings = {.generation = site};
	struct check_result result = {.generation = site};
	size_t faults = site->report.dropped_count, doubt_count = 0;
	struct report doubts;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < check->plan_count; i++) {
		if (has_plan(site, check->plans[i]))
			continue;
		fprintf(stderr, "plan check: %s has no plan \"%s\"\n", check->site_dir,
			check->plans[i]);
		return EXIT_FAILED;
	}
	report_init(&doubts);
	check_plan_doubts(site, site, &doubts);
	add_report(&findings, &site->report, CHECK_KIND_FAULT);
	add_report(&findings, &doubts, CHECK_KIND_DOUBT);
	for (uint32_t i = 0; i < findings.count; i++) {
		if (!is_wanted(check, site, findings.items[i].file))
			continue;
		faults += findings.items[i].kind == CHECK_KIND_FAULT;
		doubt_count += findings.items[i].kind == CHECK_KIND_DOUBT;
		findings.items[kept++] = findings.items[i];
	}
	result.findings = findings.items;
	result.finding_count = kept;
	check_print(&result, check->format);
	fprintf(stderr, "plan check: %s: %zu fault%s, %zu warning%s\n", check->site_dir, faults,
		faults == 1 ? "" : "s", doubt_count, doubt_count == 1 ? "" : "s");
	mem_free(findings.items);
	report_deinit(&doubts);
	return faults > 0 || (check->is_strict && doubt_count > 0) ? EXIT_FAILED : EXIT_DONE;
}

/** `site` is the whole one. */
static int print_all(const struct check *check, const struct generation *generation,
		     const struct generation *site)
{
	struct findings findings = {.generation = generation};
	struct report doubts, costs, impacts;
	struct check_result result = {.generation = generation};
	int code;

	report_init(&doubts);
	report_init(&costs);
	report_init(&impacts);
	check_doubts(generation, &doubts);
	check_plan_doubts(site, generation, &doubts);
	if (site == generation)
		check_chain_doubts(site, &doubts);
	if (check->has_notes && generation->config != NULL) {
		check_note_costs(generation, &costs);
		check_note_impacts(site, generation, &impacts);
	}
	add_report(&findings, &generation->report, CHECK_KIND_FAULT);
	add_report(&findings, &doubts, CHECK_KIND_DOUBT);
	add_report(&findings, &costs, CHECK_KIND_COST);
	add_report(&findings, &impacts, CHECK_KIND_IMPACT);
	result.findings = findings.items;
	result.finding_count = findings.count;
	check_print(&result, check->format);
	code = print_summary(generation, check->site_dir, doubts.count,
			     costs.count + impacts.count);
	mem_free(findings.items);
	report_deinit(&doubts);
	report_deinit(&costs);
	report_deinit(&impacts);
	return code;
}

static bool has_site(const char *folder)
{
	char *path = mem_format("%s/tocsin.lua", folder);
	bool is_there = access(path, F_OK) == 0;

	mem_free(path);
	return is_there;
}

/** `tocsin check site`: files are named beside a site, which has an option of its own. */
static void hint_words(const struct check *check)
{
	for (uint32_t i = 0; check->files != NULL && i < check->file_count; i++) {
		struct stat info;

		if (stat(check->files[i], &info) != 0 || !S_ISDIR(info.st_mode))
			continue;
		if (has_site(check->files[i]))
			fprintf(stderr, "hint: a site is named by --site: tocsin check --site %s\n",
				check->files[i]);
		else
			fprintf(stderr,
				"hint: %s is a folder; name a file in it, like "
				"rules/pay_failed/2.lua, or a site with --site\n",
				check->files[i]);
	}
}

static int check_site(void *arg)
{
	const struct check *check = arg;
	struct generation *generation, *site = NULL;
	struct err_note why = {{0}};
	int code;

	if (generation_load(&generation, check->site_dir, check->files, check->file_count, &why) !=
	    0) {
		fprintf(stderr, "check: %s\n", why.text);
		hint_words(check);
		if (check->file_count == 0)
			fputs("hint: a site is a folder with tocsin.lua; name it: tocsin check "
			      "--site DIR\n",
			      stderr);
		return EXIT_FAILED;
	}
	if (check->is_of_plans) {
		code = print_plans(check, generation);
		generation_free(generation);
		return code;
	}
	/* Of a file alone nobody can tell what came before it: the whole site is read as well. */
	if (check->files != NULL && generation_load(&site, check->site_dir, NULL, 0, NULL) == 0)
		add_faults_of_site(generation, site);
	code = print_all(check, generation, site != NULL ? site : generation);
	if (code != EXIT_DONE)
		hint_words(check);
	generation_free(site);
	generation_free(generation);
	return code;
}

static bool read_format(struct check *check, const char *text)
{
	int format = check_format_parse(text);

	if (format < 0) {
		fprintf(stderr,
			"check: there is no format \"%s\"; there are plain, json, sarif and "
			"junit\n",
			text);
		return false;
	}
	check->format = (enum check_format)format;
	return true;
}

int cli_check(int argc, char **argv)
{
	static const struct option options[] = {
		{"site", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'},
		{"format", required_argument, NULL, 'f'},
		{"notes", no_argument, NULL, 'n'},
		{"no-notes", no_argument, NULL, 'N'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct check check = {.site_dir = CLI_SITE_DEFAULT};
	bool has_no_notes = false;
	int option;

	optind = 0; /* main has read its own options: start again (GNU) */
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's': check.site_dir = optarg; break;
		case 'j': check.format = CHECK_FORMAT_JSON; break;
		case 'n': check.has_notes = true; break;
		case 'N': has_no_notes = true; break;
		case 'f':
			if (!read_format(&check, optarg))
				return EXIT_USAGE;
			break;
		case 'h': fputs(help, stdout); return EXIT_DONE;
		default: fputs("Try 'tocsin check --help'.\n", stderr); return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		check.files = (const char *const *)&argv[optind];
		check.file_count = (uint32_t)(argc - optind);
		check.has_notes = true;
	}
	check.has_notes = check.has_notes && !has_no_notes;
	return cli_on_big_stack(check_site, &check);
}

static const char plans_help[] =
	"Usage: tocsin plan check [PLAN…] [--site DIR] [--json] [--strict]\n"
	"\n"
	"What 'tocsin check' finds in the plans of a site: faults, and warnings where the newest\n"
	"version of a plan says what can hardly be meant. No daemon is needed.\n"
	"\n"
	"  --site DIR  the site (default: " CLI_SITE_DEFAULT ")\n"
	"  --json      an object a line with level, kind, file, line, column, end_column and text\n"
	"  --strict    warnings fail, too\n"
	"  --help      this text\n"
	"\n"
	"Exit code: 0 no fault, 1 faults, no site or no such plan, 2 wrong use.\n"
	"\n"
	"Examples:\n"
	"  tocsin plan check\n"
	"  tocsin plan check switch_provider --site site --strict\n";

int cli_plan_check(int argc, char **argv)
{
	static const struct option options[] = {
		{"site", required_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'},
		{"strict", no_argument, NULL, 'S'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct check check = {.site_dir = CLI_SITE_DEFAULT, .is_of_plans = true};
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's': check.site_dir = optarg; break;
		case 'j': check.format = CHECK_FORMAT_JSON; break;
		case 'S': check.is_strict = true; break;
		case 'h': fputs(plans_help, stdout); return EXIT_DONE;
		default: fputs("Try 'tocsin plan check --help'.\n", stderr); return EXIT_USAGE;
		}
	}
	check.plans = (const char *const *)&argv[optind];
	check.plan_count = (uint32_t)(argc - optind);
	return cli_on_big_stack(check_site, &check);
}
