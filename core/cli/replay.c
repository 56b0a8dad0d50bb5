#include "core/cli/cli.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/base/report.h"
#include "core/cli/big_stack.h"
#include "core/cli/replay_compare.h"
#include "core/cli/replay_explain.h"
#include "core/cli/replay_run.h"
#include "core/config/config.h"
#include "core/control/explain.h"
#include "core/model/timestamp.h"
#include "core/rule/rule.h"
#include "lua/host/generation.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char help_text[] =
	"Usage: tocsin replay --input FILE… [--site DIR] [--source NAME] [--rule NAME[@VERSION]…]\n"
	"\n"
	"Runs history through the rules, in event time and without any side effect, and prints\n"
	"the alerts as JSON lines in the order of their windows, in the keys of each rule's\n"
	"output. Readings and speed go to standard error.\n"
	"\n"
	"  --input FILE    a file of the source's format, or - for standard input; several files\n"
	"                  that cover the same hours are read side by side\n"
	"  --site DIR      tocsin.lua and rules/ (default: scripts)\n"
	"  --source NAME   the source that the files belong to (not needed when there is only\n"
	"                  one, or when all chosen rules have the same)\n"
	"  --rule NAME     only this rule, in its newest version; may be given several times\n"
	"  --rule NAME@2   … in this version\n"
	"  --explain KEY   in place of the alerts: why the (one) rule fired for this key, or did "
	"not,\n"
	"                  as tocsin explain tells it; '*': for the keys that moved last\n"
	"  --at TIME       with --explain: what was so then, and what followed\n"
	"  --against NAME@1  in place of the alerts: how those of the rule differ from those of "
	"this\n"
	"                  version over the same input: only one has them, or their times or "
	"values\n"
	"                  are others\n"
	"  --json          with --explain and --against: one JSON document\n"
	"\n"
	"Exit codes: 0 done, 1 the site or an input is faulty, or a rule was stopped, 2 usage.\n"
	"\n"
	"Examples:\n"
	"  tocsin replay --input yesterday.jsonl\n"
	"  tocsin replay --input pay-*.jsonl --rule failed_payments@3\n"
	"  tocsin replay --input yesterday.jsonl --against failed_payments@1\n"
	"  zcat pay.gz | tocsin replay --input - --site /etc/tocsin --source pay > alerts.jsonl\n";

struct replay_options {
	const char *site;
	const char *source;
	const char **inputs;
	uint32_t input_count;
	const char **rules;
	uint32_t rule_count;
	const char *against;
	struct replay_explain explain;
};

struct wanted_rule {
	char name[RULE_NAME_BYTES_MAX + 1];
	uint32_t version; /**< 0: the newest */
};

static bool parse_wanted(const char *text, struct wanted_rule *out)
{
	const char *at = strrchr(text, '@');
	size_t length = at != NULL ? (size_t)(at - text) : strlen(text);
	int64_t version = 0;

	if (length == 0 || length > RULE_NAME_BYTES_MAX)
		return false;
	if (at != NULL && (number_parse_int(slice_of(at + 1), &version) != 0 || version < 1 ||
			   version > RULE_VERSION_MAX))
		return false;
	memcpy(out->name, text, length);
	out->name[length] = '\0';
	out->version = (uint32_t)version;
	return true;
}

/** The newest file of the rule, or the one of the wanted version; NULL: there is none. */
static const struct generation_file *find_file(const struct generation *generation,
					       const struct wanted_rule *wanted)
{
	const struct generation_file *found = NULL;

	for (uint32_t i = 0; i < generation->file_count; i++) {
		const struct generation_file *file = &generation->files[i];

		if (file->is_plan || file->name == NULL || strcmp(file->name, wanted->name) != 0)
			continue;
		if (wanted->version != 0 ? file->version == wanted->version
					 : found == NULL || file->version > found->version)
			found = file;
	}
	return found;
}

static struct rule *find_rule(const struct generation *generation, const char *name,
			      uint32_t version)
{
	for (uint32_t i = 0; i < generation->rule_count; i++)
		if (generation->rules[i]->version == version &&
		    strcmp(generation->rules[i]->name, name) == 0)
			return generation->rules[i];
	return NULL;
}

/** The faults of one file, or of all (path NULL). */
static void print_report(const struct report *report, const char *path)
{
	char line[ERR_NOTE_BYTES_MAX];

	for (size_t i = 0; i < report->count; i++) {
		if (path != NULL && strcmp(report->findings[i].file, path) != 0)
			continue;
		finding_format(&report->findings[i], line, sizeof(line));
		fprintf(stderr, "%s\n", line);
	}
}

static bool has_rule(const struct replay *replay, const char *name)
{
	for (uint32_t i = 0; i < replay->rule_count; i++)
		if (strcmp(replay->rules[i]->name, name) == 0)
			return true;
	return false;
}

static int choose_one(const struct replay_options *options, const struct generation *generation,
		      const char *text, struct rule **out)
{
	struct wanted_rule wanted;
	const struct generation_file *file;

	if (!parse_wanted(text, &wanted)) {
		fprintf(stderr, "tocsin replay: a rule is NAME or NAME@VERSION, not \"%s\"\n",
			text);
		return EXIT_USAGE;
	}
	file = find_file(generation, &wanted);
	*out = file != NULL ? find_rule(generation, wanted.name, file->version) : NULL;
	if (*out != NULL)
		return EXIT_DONE;
	if (file == NULL)
		fprintf(stderr, "tocsin replay: %s has no rule %s\n", options->site, text);
	else
		print_report(&generation->report, file->path);
	return EXIT_FAILED;
}

static int choose_named(const struct replay_options *options, const struct generation *generation,
			struct replay *replay)
{
	for (uint32_t i = 0; i < options->rule_count; i++) {
		struct rule *rule;
		int code = choose_one(options, generation, options->rules[i], &rule);

		if (code != EXIT_DONE)
			return code;
		if (has_rule(replay, rule->name)) {
			fprintf(stderr,
				"tocsin replay: rule %s is chosen twice; one version of a "
				"rule runs at a time (--against compares two)\n",
				rule->name);
			return EXIT_USAGE;
		}
		replay->rules[replay->rule_count++] = rule;
	}
	return EXIT_DONE;
}

/** The other version; without --rule the newest of that name is the first. */
static int choose_against(const struct replay_options *options, const struct generation *generation,
			  struct replay *replay, struct rule **other)
{
	int code;

	if (options->against == NULL)
		return EXIT_DONE;
	code = choose_one(options, generation, options->against, other);
	if (code == EXIT_DONE && options->rule_count == 0) {
		replay->rule_count = 1;
		code = choose_one(options, generation, (*other)->name, &replay->rules[0]);
	}
	if (code != EXIT_DONE)
		return code;
	if (replay->rule_count == 1 && *other != replay->rules[0] &&
	    strcmp((*other)->source, replay->rules[0]->source) == 0)
		return EXIT_DONE;
	fputs("tocsin replay: --against compares one rule (--rule) with another version, of the "
	      "same source\n",
	      stderr);
	return EXIT_USAGE;
}

/** The newest version of every rule. A site with a fault is not replayed: one would be missing. */
static int choose_newest(const struct generation *generation, struct replay *replay)
{
	if (generation->report.count > 0) {
		print_report(&generation->report, NULL);
		return EXIT_FAILED;
	}
	for (uint32_t i = 0; i < generation->rule_count; i++) {
		struct rule *rule = generation->rules[i];
		struct wanted_rule wanted = {.version = 0};

		snprintf(wanted.name, sizeof(wanted.name), "%s", rule->name);
		if (find_file(generation, &wanted)->version == rule->version)
			replay->rules[replay->rule_count++] = rule;
	}
	return EXIT_DONE;
}

/** The source of the option, of the site's only one, or the one that all chosen rules share. */
static const char *choose_source(const struct replay_options *options, const struct replay *replay)
{
	const struct config *config = replay->config;
	const char *source = options->source;

	if (source == NULL && config->source_count == 1)
		source = config->sources[0].name;
	for (uint32_t i = 0; source == NULL && i < replay->rule_count; i++)
		if (strcmp(replay->rules[i]->source, replay->rules[0]->source) != 0)
			break;
		else if (i == replay->rule_count - 1)
			source = replay->rules[0]->source;
	if (source != NULL && config_find_source(config, source) != NULL)
		return source;
	if (source != NULL)
		fprintf(stderr, "tocsin replay: %s has no source \"%s\"; its sources are",
			config->file, source);
	else
		fputs("tocsin replay: --source is needed; the sources are", stderr);
	for (uint32_t i = 0; i < config->source_count; i++)
		fprintf(stderr, "%s %s", i > 0 ? "," : "", config->sources[i].name);
	fputc('\n', stderr);
	return NULL;
}

/** Rules of other sources would see nothing: the answer is the same without them. */
static void keep_rules_of(struct replay *replay)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < replay->rule_count; i++)
		if (strcmp(replay->rules[i]->source, replay->source) == 0)
			replay->rules[kept++] = replay->rules[i];
	replay->rule_count = kept;
}

/** One line with a time of the future makes all that follow it late: here nothing holds it back, as
 *  `max_ahead` does where readings come in. */
static void hint_future(const struct replay_totals *totals)
{
	char text[TIMESTAMP_TEXT_BYTES_MAX];
	int64_t day_ms = INT64_C(86400000);

	if (totals->watermark_ms < (int64_t)time(NULL) * 1000 + day_ms)
		return;
	timestamp_format(totals->watermark_ms, text);
	fprintf(stderr,
		"hint: the input has times of the future, up to %s: what comes after such a line "
		"is "
		"late\n",
		text);
}

static void print_totals(const struct replay_totals *totals)
{
	double seconds = (double)totals->spent_ms / 1000.0;

	if (totals->late_dropped > 0)
		fprintf(stderr, "%llu readings came too late for every window and are not in it\n",
			(unsigned long long)totals->late_dropped);
	hint_future(totals);
	fprintf(stderr, "%llu readings, %llu malformed, %llu alerts, %.2f s, %.2f M readings/s\n",
		(unsigned long long)totals->readings, (unsigned long long)totals->malformed,
		(unsigned long long)totals->alerts, seconds,
		seconds > 0 ? (double)totals->readings / 1e6 / seconds : 0.0);
}

static int run_chosen(struct replay_options *options, struct replay *replay, struct rule *other)
{
	struct replay_totals totals = {0};
	struct err_note why = {0};
	int code;

	if (other != NULL)
		code = replay_compare(replay, other, options->explain.is_json, &totals, &why);
	else
		code = replay_run(replay, &totals, &why);
	if (code != 0) {
		fprintf(stderr, "tocsin replay: %s\n", why.text);
		return EXIT_FAILED;
	}
	print_totals(&totals);
	if (totals.quarantined_count > 0 || (totals.lines > 0 && totals.readings == 0))
		return EXIT_FAILED;
	return EXIT_DONE;
}

static int run_site(struct replay_options *options, struct generation *generation)
{
	struct replay replay = {
		.env = env_live(),
		.config = generation->config,
		.inputs = options->inputs,
		.input_count = options->input_count,
	};
	struct rule *other = NULL;
	int code;

	replay.rules = mem_alloc_array(generation->rule_count + options->rule_count + 1,
				       sizeof(*replay.rules));
	code = options->rule_count > 0 || options->against != NULL
		       ? choose_named(options, generation, &replay)
		       : choose_newest(generation, &replay);
	if (code == EXIT_DONE)
		code = choose_against(options, generation, &replay, &other);
	if (code == EXIT_DONE) {
		replay.source = choose_source(options, &replay);
		code = replay.source != NULL ? EXIT_DONE : EXIT_USAGE;
	}
	if (code == EXIT_DONE) {
		keep_rules_of(&replay);
		if (options->explain.key != NULL)
			code = replay_explain_begin(&options->explain, &replay);
	}
	if (code == EXIT_DONE)
		code = run_chosen(options, &replay, other);
	mem_free(replay.rules);
	return code;
}

static int run(void *arg)
{
	struct replay_options *options = arg;
	struct generation *generation = NULL;
	struct err_note why = {0};
	int code = EXIT_FAILED;

	if (generation_load(&generation, options->site, NULL, 0, &why) != 0) {
		fprintf(stderr, "tocsin replay: %s\n", why.text);
		return EXIT_FAILED;
	}
	if (generation->config == NULL)
		print_report(&generation->report, NULL);
	else
		code = run_site(options, generation);
	generation_free(generation);
	return code;
}

static int parse_at(const char *text, int64_t *out_ms)
{
	if (timestamp_parse(slice_of(text), out_ms) == 0)
		return EXIT_DONE;
	fprintf(stderr, "tocsin replay: --at is a time like 2026-11-22T06:00:00Z, not \"%s\"\n",
		text);
	return EXIT_USAGE;
}

static int parse(int argc, char **argv, struct replay_options *out, bool *has_help)
{
	static const struct option options[] = {
		{"input", required_argument, NULL, 'i'},
		{"site", required_argument, NULL, 's'},
		{"source", required_argument, NULL, 'n'},
		{"rule", required_argument, NULL, 'r'},
		{"explain", required_argument, NULL, 'e'},
		{"against", required_argument, NULL, 'a'},
		{"at", required_argument, NULL, 't'},
		{"json", no_argument, NULL, 'j'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'i': out->inputs[out->input_count++] = optarg; break;
		case 's': out->site = optarg; break;
		case 'n': out->source = optarg; break;
		case 'r': out->rules[out->rule_count++] = optarg; break;
		case 'a': out->against = optarg; break;
		case 'e': out->explain.key = optarg; break;
		case 'j': out->explain.is_json = true; break;
		case 't':
			if (parse_at(optarg, &out->explain.at_ms) != EXIT_DONE)
				return EXIT_USAGE;
			break;
		case 'h': *has_help = true; return EXIT_DONE;
		default: fputs("Try: tocsin replay --help\n", stderr); return EXIT_USAGE;
		}
	}
	/* --input a b c: a shell's pattern gives the files after the first one as plain words. */
	while (optind < argc)
		out->inputs[out->input_count++] = argv[optind++];
	if (out->input_count == 0) {
		fputs("tocsin replay: --input FILE is needed\nTry: tocsin replay --help\n", stderr);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

int cli_replay(int argc, char **argv)
{
	struct replay_options options = {.site = CLI_SITE_DEFAULT,
					 .explain = {.at_ms = EXPLAIN_NOW}};
	bool has_help = false;
	int code;

	options.inputs = mem_alloc_array((size_t)argc + 1, sizeof(*options.inputs));
	options.rules = mem_alloc_array((size_t)argc + 1, sizeof(*options.rules));
	code = parse(argc, argv, &options, &has_help);
	if (has_help)
		fputs(help_text, stdout);
	else if (code == EXIT_DONE)
		code = cli_on_big_stack(run, &options);
	mem_free(options.inputs);
	mem_free(options.rules);
	return code;
}
