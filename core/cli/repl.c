#include "core/cli/cli.h"

#include "core/base/bytes.h"
#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/printable.h"
#include "core/base/report.h"
#include "core/cli/big_stack.h"
#include "core/cli/query_input.h"
#include "core/config/config.h"
#include "core/filter/filter.h"
#include "core/ingest/decode.h"
#include "core/ingest/framing.h"
#include "core/ingest/intake.h"
#include "core/model/batch.h"
#include "core/model/span.h"
#include "core/window/metric.h"
#include "lua/host/generation.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INPUT_BYTES_MAX = 256 * 1024 * 1024, READ_BYTES = 256 * 1024, READABLE = 64, SHOWN_MAX = 3 };

static const char help_text[] =
	"Usage: tocsin repl --input FILE [--site DIR] [--source NAME]\n"
	"\n"
	"Tries filter expressions on the readings of a file (up to 256 MiB): each line that is "
	"typed,\n"
	"or comes by standard input, is an expression as in a rule's `filter`; the answer is how\n"
	"many readings match, and the first three of them.\n"
	"\n"
	"  --input FILE    a file of the source's format\n"
	"  --site DIR      tocsin.lua with the source's fields (default: " CLI_SITE_DEFAULT ")\n"
	"  --source NAME   not needed when there is only one\n"
	"  --help          this text\n"
	"\n"
	"  .fields         the declared fields and their types\n"
	"  .quit           or the end of the input\n"
	"\n"
	"Exit code: 0, 1 when an expression (not typed at a terminal) or the site was faulty, 2 "
	"usage.\n"
	"\n"
	"Examples:\n"
	"  tocsin repl --input pay.jsonl --source pay < /dev/null\n"
	"  echo 'amount > 100 and not success' | tocsin repl --input pay.jsonl --source pay\n";

struct repl {
	const char *site_dir, *source_name, *input;
	const struct config_source *source;
	struct bytes data;
	bool is_terminal, has_failed;
};

/** Readings of the file against one expression. */
struct trial {
	const struct filter *filter;
	struct filter_scratch *scratch;
	struct batch batch;
	struct slice lines[BATCH_ROWS_MAX], shown[SHOWN_MAX]; /**< of the batch; that match */
	uint64_t reading_count, match_count, malformed_count;
};

static int read_input(struct repl *repl, struct err_note *why)
{
	struct query_input input;
	size_t got = 1;
	int code = query_input_open(&input, env_live(), repl->input, why);

	if (code != 0)
		return code;
	while (code == 0 && got > 0) {
		bytes_reserve(&repl->data, READ_BYTES + READABLE);
		code = query_input_read(&input, repl->data.data + repl->data.length, READ_BYTES,
					&got, why);
		repl->data.length += code == 0 ? got : 0;
		if (repl->data.length > INPUT_BYTES_MAX)
			code = err_set(why, ERR_RANGE, "%s is longer than %d bytes", repl->input,
				       INPUT_BYTES_MAX);
	}
	query_input_close(&input);
	return code;
}

static int make_intake(const struct repl *repl, const char *text, struct intake **out,
		       struct err_note *why)
{
	const struct config_source *source = repl->source;
	struct intake_options options = {
		.source = source->name,
		.format = source->is_csv ? FORMAT_CSV : FORMAT_JSON,
		.delimiter = source->delimiter,
		.columns = (const char *const *)source->columns,
		.column_count = source->column_count,
		.line_bytes_max = source->line_bytes_max,
	};
	struct metric_spec spec = {.source = source->name, .filter = text, .pane_ms = PANE_MS};
	struct intake *intake = intake_new(&options, &source->schema, 0);
	uint32_t index;
	int code = intake_add_metric(intake, &spec, &index, why);

	if (code != 0)
		intake_unref(intake);
	else
		*out = intake;
	return code;
}

static void try_batch(struct trial *trial)
{
	uint16_t rows[BATCH_ROWS_MAX];
	uint32_t count = filter_run(trial->filter, &trial->batch, trial->scratch, rows);

	for (uint32_t i = 0; i < count; i++)
		if (trial->match_count++ < SHOWN_MAX)
			trial->shown[trial->match_count - 1] = trial->lines[rows[i]];
	trial->reading_count += trial->batch.row_count;
	batch_clear(&trial->batch);
}

static void try_lines(const struct repl *repl, const struct intake *intake, struct trial *trial)
{
	struct decoder *decoder = decoder_new();
	struct framing framing = {.data = repl->data.data,
				  .length = repl->data.length,
				  .is_last = true,
				  .line_bytes_max = intake->line_bytes_max};
	uint64_t mistyped = 0;
	struct slice line;
	enum frame frame;

	while ((frame = framing_next(&framing, &line)) != FRAME_END) {
		if (frame == FRAME_LINE && line.length == 0)
			continue;
		trial->lines[trial->batch.row_count] = line;
		if (frame == FRAME_TOO_LONG ||
		    decoder_decode(decoder, intake, line, 0, &trial->batch, &mistyped, NULL) != 0)
			trial->malformed_count++;
		if (trial->batch.row_count == BATCH_ROWS_MAX)
			try_batch(trial);
	}
	try_batch(trial);
	decoder_free(decoder);
}

static void print_trial(const struct trial *trial)
{
	printf("%llu of %llu readings match", (unsigned long long)trial->match_count,
	       (unsigned long long)trial->reading_count);
	if (trial->malformed_count > 0)
		printf(" (%llu lines are malformed)", (unsigned long long)trial->malformed_count);
	putchar('\n');
	for (uint32_t i = 0; i < SHOWN_MAX && i < trial->match_count; i++) {
		char *line = mem_copy_bytes(trial->shown[i].data, trial->shown[i].length);
		struct bytes safe = BYTES_EMPTY;

		printable_append(&safe, line, false);
		printf("  %s\n", safe.data != NULL ? safe.data : "");
		bytes_deinit(&safe);
		mem_free(line);
	}
}

static void try_expression(struct repl *repl, const char *text)
{
	struct trial *trial;
	struct intake *intake;
	struct err_note why = {0};

	if (make_intake(repl, text, &intake, &why) != 0) {
		repl->has_failed = true;
		fprintf(repl->is_terminal ? stdout : stderr, "%s\n", why.text);
		return;
	}
	trial = mem_alloc(sizeof(*trial));
	trial->filter = intake->metrics[0].filter;
	trial->scratch = filter_scratch_new();
	batch_init(&trial->batch, intake->fields.count);
	try_lines(repl, intake, trial);
	print_trial(trial);
	batch_deinit(&trial->batch);
	filter_scratch_free(trial->scratch);
	mem_free(trial);
	intake_unref(intake);
}

static void print_fields(const struct repl *repl)
{
	const struct schema *schema = &repl->source->schema;

	printf("%s is the time\n", schema->time_field);
	for (uint32_t i = 0; i < schema->field_count; i++)
		printf("%s %s\n", schema->fields[i].name, field_type_name(schema->fields[i].type));
	if (!schema->is_closed)
		puts("and any other: no fields are declared");
}

/** False: it is over. */
static bool answer(struct repl *repl, const char *text)
{
	if (text[0] == '\0')
		return true;
	if (strcmp(text, ".quit") == 0)
		return false;
	if (strcmp(text, ".fields") == 0)
		print_fields(repl);
	else if (text[0] == '.')
		puts("an expression, .fields or .quit");
	else
		try_expression(repl, text);
	return true;
}

static void ask(struct repl *repl)
{
	char *line = NULL;
	size_t capacity = 0;
	ssize_t length;
	bool goes_on = true;

	while (goes_on) {
		if (repl->is_terminal) {
			fputs("> ", stdout);
			fflush(stdout);
		}
		length = getline(&line, &capacity, stdin);
		if (length < 0)
			break;
		line[strcspn(line, "\r\n")] = '\0';
		goes_on = answer(repl, line + strspn(line, " \t"));
	}
	free(line);
}

static int run(void *arg)
{
	struct repl *repl = arg;
	static const char *const no_files[] = {"tocsin.lua"};
	struct generation *generation = NULL;
	const struct config *config;
	struct err_note why = {0};
	int code = generation_load(&generation, repl->site_dir, no_files, 1, &why);

	if (code != 0 || generation->config == NULL) {
		fprintf(stderr, "tocsin repl: %s\n",
			code != 0 ? why.text : "tocsin.lua has faults (tocsin check lists them)");
		generation_free(generation);
		return EXIT_FAILED;
	}
	config = generation->config;
	if (repl->source_name != NULL)
		repl->source = config_find_source(config, repl->source_name);
	else if (config->source_count == 1)
		repl->source = &config->sources[0];
	if (repl->source == NULL) {
		fputs("tocsin repl: --source is needed, a source of the site\n", stderr);
		code = EXIT_USAGE;
	} else if (read_input(repl, &why) != 0) {
		fprintf(stderr, "tocsin repl: %s\n", why.text);
		code = EXIT_FAILED;
	} else {
		ask(repl);
		code = repl->has_failed && !repl->is_terminal ? EXIT_FAILED : EXIT_DONE;
	}
	bytes_deinit(&repl->data);
	generation_free(generation);
	return code;
}

int cli_repl(int argc, char **argv)
{
	static const struct option options[] = {
		{"input", required_argument, NULL, 'i'},
		{"site", required_argument, NULL, 's'},
		{"source", required_argument, NULL, 'n'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct repl repl = {.site_dir = CLI_SITE_DEFAULT,
			    .is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)};
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'i': repl.input = optarg; break;
		case 's': repl.site_dir = optarg; break;
		case 'n': repl.source_name = optarg; break;
		case 'h': fputs(help_text, stdout); return EXIT_DONE;
		default: fputs("Try: tocsin repl --help\n", stderr); return EXIT_USAGE;
		}
	}
	if (repl.input == NULL || optind < argc || strcmp(repl.input, "-") == 0) {
		fputs("tocsin repl: one --input FILE is needed (standard input has the "
		      "expressions)\nTry: tocsin repl --help\n",
		      stderr);
		return EXIT_USAGE;
	}
	return cli_on_big_stack(run, &repl);
}
