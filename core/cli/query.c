#include "core/cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/cli/query_fields.h"
#include "core/cli/query_options.h"
#include "core/cli/query_run.h"
#include "core/config/config.h"
#include "core/model/span.h"
#include "lua/host/generation.h"

static const char help_text[] =
	"Usage: tocsin query INPUT… [--where EXPR] [--by F,F] [--every SPAN [--window SPAN]]\n"
	"                    [--stat LIST] [--having CONDITIONS] [--output csv|json]\n"
	"                    [--site DIR --source NAME | --format json|csv …]\n"
	"\n"
	"Counts and sums log files by event time and group, one row per window and group.\n"
	"INPUT is a file, or - for standard input. JSON lines with a \"time\" field (RFC 3339, "
	"epoch\n"
	"seconds or milliseconds) need no configuration.\n"
	"\n"
	"The question\n"
	"  --where EXPR     only readings for which the filter expression is true\n"
	"  --by F,F         a row for each combination of values (nested fields: customer.city)\n"
	"  --every SPAN     windows of this length (1s, 5m, 1h, 1d …), aligned to the epoch;\n"
	"                   without it one row for all time\n"
	"  --window SPAN    overlapping windows of this length, a multiple of --every: at every\n"
	"                   step one row for the window that ends there\n"
	"  --stat LIST      count, rate, sum(F), avg(F), min(F), max(F), stddev(F), distinct(F),\n"
	"                   first(F), last(F), percentiles p50(F) … p99.9(F); default count\n"
	"  --having CONDS   only rows with these statistics: 'count >= 1000 and avg(cost) < 5'\n"
	"                   (== ~= < <= > >=, joined by \"and\")\n"
	"  --lateness SPAN  how far readings may be out of order, default 5s or the source's\n"
	"  --output FORM    csv (with a header, default) or json (one object a line)\n"
	"\n"
	"The input\n"
	"  --site DIR       take format, fields, time and lateness from DIR/tocsin.lua\n"
	"  --source NAME    … of this source (not needed when there is only one)\n"
	"  --format FORM    json (default) or csv\n"
	"  --fields A,B,C   the fields there are; for csv the columns in order\n"
	"  --header         csv: the first line names the columns (default without --fields)\n"
	"  --delimiter C    csv: the character between columns, default ',' (\\t for a tab)\n"
	"  --time FIELD     the field with the event time, default \"time\"\n"
	"\n"
	"  --verbose        readings, time and speed on standard error, as on a terminal\n"
	"\n"
	"Exit codes: 0 done, 1 an input cannot be read or every line is malformed, 2 usage.\n"
	"\n"
	"Examples:\n"
	"  tocsin query pay.jsonl --by merchantId --every 1m --stat 'count, sum(amount)'\n"
	"  tocsin query pay.jsonl --where 'success == false and amount > 100' --every 1h\n"
	"  tocsin query pay.jsonl --by merchantId --window 1m --every 5s --having 'count >= 1000'\n"
	"  tocsin query pay.csv --format csv --header --by merchantId --stat 'max(amount)'\n"
	"  zcat pay-*.gz | tocsin query - --every 5m --lateness 1m --output json\n"
	"  tocsin query pay.jsonl --site scripts --source pay --by merchantId --every 1m\n";

static void print_fault(const char *text)
{
	fprintf(stderr, "tocsin query: %s\n", text);
}

/** The source named by the options, or the only one; NULL after saying why. */
static const struct config_source *choose_source(const struct config *config, const char *name)
{
	const struct config_source *source = name ? config_find_source(config, name) : NULL;
	if (source)
		return source;
	if (!name && config->source_count == 1)
		return &config->sources[0];
	const char *names[CONFIG_SOURCES_MAX + 1] = {NULL};
	for (uint32_t i = 0; i < config->source_count; i++)
		names[i] = config->sources[i].name;
	const char *nearest = name ? report_nearest(name, names) : NULL;
	if (name)
		fprintf(stderr, "tocsin query: %s has no source \"%s\"", config->file, name);
	else
		fprintf(stderr, "tocsin query: --source is needed");
	if (nearest)
		fprintf(stderr, ", did you mean \"%s\"?", nearest);
	fputs("; its sources are", stderr);
	for (uint32_t i = 0; i < config->source_count; i++)
		fprintf(stderr, "%s %s", i ? "," : "", names[i]);
	fputc('\n', stderr);
	return NULL;
}

static void source_of_config(const struct config_source *from, struct query_source *source)
{
	source->intake = (struct intake_options){
		.source = from->name,
		.format = from->is_csv ? FORMAT_CSV : FORMAT_JSON,
		.delimiter = from->delimiter,
		.columns = from->columns,
		.column_count = from->column_count,
		.lateness_ms = from->lateness_ms,
		.line_bytes_max = from->line_bytes_max,
	};
	for (uint32_t i = 0; i < from->schema.field_count; i++)
		schema_add(&source->schema, from->schema.fields[i].name,
			   from->schema.fields[i].type);
	source->schema.is_closed = from->schema.is_closed;
	mem_free(source->schema.time_field);
	source->schema.time_field = mem_copy_text(from->schema.time_field);
}

static int source_of_options(const struct query_options *options, struct query_source *source)
{
	struct err_note why = {0};
	bool is_csv = options->format && strcmp(options->format, "csv") == 0;
	source->intake = (struct intake_options){
		.source = "query",
		.format = is_csv ? FORMAT_CSV : FORMAT_JSON,
		.delimiter = options->delimiter ? options->delimiter[0] : ',',
		.columns = options->fields,
		.column_count = is_csv ? options->field_count : 0,
		.lateness_ms = QUERY_LATENESS_MS,
	};
	source->has_header = options->has_header;
	source->schema.is_closed = options->field_count > 0;
	for (uint32_t i = 0; i < options->field_count; i++) {
		if (strlen(options->fields[i]) >= FIELD_NAME_BYTES_MAX) {
			err_set(&why, ERR_RANGE, "--fields: a name is longer than %d bytes",
				FIELD_NAME_BYTES_MAX - 1);
			print_fault(why.text);
			return EXIT_USAGE;
		}
		schema_add(&source->schema, options->fields[i], FIELD_ANY);
	}
	if (options->time) {
		mem_free(source->schema.time_field);
		source->schema.time_field = mem_copy_text(options->time);
	}
	return EXIT_DONE;
}

static void print_report(const struct report *report)
{
	char line[ERR_NOTE_BYTES_MAX];
	for (size_t i = 0; i < report->count; i++) {
		finding_format(&report->findings[i], line, sizeof(line));
		fprintf(stderr, "%s\n", line);
	}
}

static void print_totals(const struct query_options *options, const struct query_source *source,
			 const struct query_totals *totals)
{
	char lateness[32];
	span_format(source->intake.lateness_ms, lateness, sizeof(lateness));
	if (totals->malformed > 0)
		fprintf(stderr, "%llu malformed lines of %llu were left out, for example:\n",
			(unsigned long long)totals->malformed, (unsigned long long)totals->lines);
	for (uint32_t i = 0; i < totals->sample_count; i++)
		fprintf(stderr, "  %s\n", totals->samples[i]);
	if (totals->mistyped > 0)
		fprintf(stderr,
			"%llu values were not of the type they should have and count as "
			"missing\n",
			(unsigned long long)totals->mistyped);
	if (totals->lost > 0)
		fprintf(stderr,
			"%llu readings came later than the lateness %s and are not in the "
			"result; use --lateness\n",
			(unsigned long long)totals->lost, lateness);
	if (!options->is_verbose && !isatty(STDERR_FILENO))
		return;
	double seconds = (double)totals->spent_ms / 1000.0;
	fprintf(stderr, "%llu readings, %llu malformed, %.2f s, %.2f M readings/s\n",
		(unsigned long long)totals->readings, (unsigned long long)totals->malformed,
		seconds, seconds > 0 ? (double)totals->readings / 1e6 / seconds : 0.0);
}

static int run_and_tell(const struct query_options *options, struct query_source *source)
{
	struct query_totals totals = {0};
	struct err_note why = {0};
	if (options->lateness_ms >= 0)
		source->intake.lateness_ms = options->lateness_ms;
	int rc = query_run(options, source, env_live(), &totals, &why);
	if (rc)
		print_fault(why.text);
	else
		print_totals(options, source, &totals);
	/* Declared fields were checked before the first line was read. */
	if (!rc && source->intake.format == FORMAT_JSON && !source->schema.is_closed)
		query_fields_check(options);
	for (uint32_t i = 0; i < totals.sample_count; i++)
		mem_free(totals.samples[i]);
	if (rc == ERR_INVALID || rc == ERR_RANGE || rc == ERR_FULL)
		return EXIT_USAGE;
	return rc || (totals.lines > 0 && totals.readings == 0) ? EXIT_FAILED : EXIT_DONE;
}

static int run_with_site(const struct query_options *options, struct query_source *source)
{
	struct err_note why = {0};
	struct generation *generation = NULL;
	const char *no_files[] = {NULL}; /* rules and plans are not needed */
	int code = EXIT_FAILED;
	if (generation_load(&generation, options->site, no_files, 0, &why)) {
		print_fault(why.text);
		return EXIT_FAILED;
	}
	const struct config *config = generation->config;
	const struct config_source *from = config ? choose_source(config, options->source) : NULL;
	if (!config)
		print_report(&generation->report);
	if (from) {
		source_of_config(from, source);
		code = run_and_tell(options, source);
	} else if (config) {
		code = EXIT_USAGE;
	}
	generation_free(generation);
	return code;
}

int cli_query(int argc, char **argv)
{
	struct query_options options;
	struct query_source source = {0};
	struct err_note why = {0};
	int code = EXIT_DONE;
	query_options_init(&options);
	schema_init(&source.schema);
	if (query_options_parse(&options, argc, argv, &why)) {
		fprintf(stderr, "tocsin query: %s\nTry: tocsin query --help\n", why.text);
		code = EXIT_USAGE;
	} else if (options.has_help) {
		fputs(help_text, stdout);
	} else if (options.site) {
		code = run_with_site(&options, &source);
	} else {
		code = source_of_options(&options, &source);
		if (code == EXIT_DONE)
			code = run_and_tell(&options, &source);
	}
	schema_deinit(&source.schema);
	query_options_deinit(&options);
	return code;
}
