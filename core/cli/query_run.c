#include "core/cli/query_run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/cli/query_input.h"
#include "core/cli/query_options.h"
#include "core/cli/query_output.h"
#include "core/cli/query_progress.h"
#include "core/cli/query_table.h"
#include "core/ingest/bundle.h"
#include "core/ingest/decode_csv.h"
#include "core/ingest/reader.h"
#include "core/model/span.h"
#include "core/window/watermark.h"

enum { BLOCK_BYTES = 256 * 1024, OUTPUT_BYTES = 64 * 1024, EMIT_SHARE = 4 };

/* One pane holds all time: event times are positive and far below. */
#define PANE_ALL_MS (INT64_MAX / 2)

struct query {
	const struct query_options *options;
	const struct query_source *source;
	struct query_totals *totals;
	struct query_progress progress;
	struct intake *intake;
	struct bundle *bundle;
	struct reader *reader;
	struct query_table *table;
	struct query_output output;
	struct bytes buffer; /**< the block; capacity BLOCK_BYTES + the longest line */
	struct bytes text;   /**< rows on their way out */
	struct bytes header; /**< the first line that made the intake */
	uint64_t readings_emitted;
};

/** State of the input at hand. */
struct input_run {
	struct query_input input;
	bool is_last_input;
	bool skip;
	bool has_end;    /**< all bytes are in the buffer */
	uint64_t offset; /**< of the buffer in the input */
	uint64_t line;   /**< lines before the buffer */
	int64_t max_ms;
	int64_t watermark_ms;
};

/** The question as a metric of `columns` (NULL: the source's own). */
static int query_ask(struct query *query, const char *const *columns, uint32_t column_count,
		     const struct schema *schema, struct err_note *why)
{
	const struct query_options *options = query->options;
	struct intake_options intake = query->source->intake;
	const struct metric_spec spec = {
		.source = intake.source,
		.filter = options->where,
		.by = options->by,
		.by_count = options->by_count,
		.values = options->values,
		.value_count = options->value_count,
		.needs = options->needs,
		.pane_ms = options->every_ms ? options->every_ms : PANE_ALL_MS,
	};
	uint32_t index;
	if (columns) {
		intake.columns = columns;
		intake.column_count = column_count;
	}
	bundle_free(query->bundle);
	intake_unref(query->intake);
	query->bundle = NULL;
	query->intake = intake_new(&intake, schema, 0);
	int rc = intake_add_metric(query->intake, &spec, &index, why);
	if (!rc && intake.format == FORMAT_CSV && query->intake->time_of_csv < 0)
		rc = err_set(why, ERR_INVALID,
			     "no column is named \"%s\", the time field; name another with --time",
			     schema->time_field);
	if (rc)
		return rc;
	query->bundle = bundle_new(query->intake, 0);
	if (!query->table) {
		const struct query_table_options table = {
			.layout = &options->layout,
			.step_ms = spec.pane_ms,
			.pane_count = options->window_ms > 0
					      ? (uint32_t)(options->window_ms / spec.pane_ms)
					      : 1,
			.having = &options->having,
		};
		query->table = query_table_new(&table);
		query_output_header(&query->output, &query->text);
	}
	return 0;
}

static int query_write(struct query *query, struct err_note *why)
{
	size_t length = query->text.length;
	if (length > 0) {
		query_progress_hide(&query->progress);
		fwrite(query->text.data, 1, length, stdout);
		bytes_clear(&query->text);
	}
	if (fflush(stdout) != 0 || ferror(stdout))
		return err_errno(why, ERR_IO, errno, "cannot write the rows");
	return 0;
}

static void on_row(void *arg, const struct query_row *row)
{
	struct query *query = arg;
	query_output_row(&query->output, row, &query->text);
	if (query->text.length < OUTPUT_BYTES)
		return;
	/* A failed write marks stdout, so it is told at the end of the emission. */
	query_write(query, NULL);
}

/** Prints the windows that ended. Each emission looks at every group, so there are EMIT_SHARE-fold
 *  fewer readings between two than there are groups. */
static int query_emit(struct query *query, const struct input_run *run, struct err_note *why)
{
	uint64_t fresh = query->totals->readings - query->readings_emitted;
	if (!run->is_last_input || query->options->every_ms == 0 ||
	    run->watermark_ms == WATERMARK_NONE ||
	    fresh * EMIT_SHARE < query_table_group_count(query->table))
		return 0;
	int64_t before_ms = span_floor(run->watermark_ms, query->options->every_ms);
	if (!query_table_has_left(query->table, before_ms))
		return 0;
	query->readings_emitted = query->totals->readings;
	query->totals->lost += query_table_emit(query->table, before_ms, on_row, query);
	return query_write(query, why);
}

static void add_sample(struct query_totals *totals, const struct input_run *run,
		       const struct dead_letter *letter)
{
	if (totals->sample_count == QUERY_SAMPLES_MAX)
		return;
	char *sample = mem_format("%s:%llu: %s", run->input.path,
				  (unsigned long long)run->line + letter->line, letter->reason);
	/* The reason may quote the line: nothing from it may drive the terminal. */
	for (char *at = sample; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7F)
			*at = '?';
	totals->samples[totals->sample_count++] = sample;
}

static void query_count(struct query *query, struct input_run *run)
{
	struct query_totals *totals = query->totals;
	const struct bundle_counters *counters = &query->bundle->counters;
	for (uint32_t i = 0; i < query->bundle->dead_letter_count; i++)
		add_sample(totals, run, &query->bundle->dead_letters[i]);
	totals->lines += counters->lines;
	totals->readings += counters->readings;
	totals->malformed += counters->malformed;
	totals->mistyped += counters->mistyped;
	run->line += counters->lines + counters->blank;
	int64_t max_ms = query->bundle->max_event_ms;
	if (max_ms == WATERMARK_NONE || (run->max_ms != WATERMARK_NONE && max_ms <= run->max_ms))
		return;
	run->max_ms = max_ms;
	run->watermark_ms = max_ms - query->intake->lateness_ms;
}

/** Gives what is in the buffer to the reader; keeps the beginning of a line. */
static int query_block(struct query *query, struct input_run *run, struct err_note *why)
{
	const struct reader_block block = {
		.data = query->buffer.data,
		.length = query->buffer.length,
		.offset = run->offset,
		.is_last = run->has_end,
		.receive_ms = INT64_MAX, /* a file is history: nothing in it is from the future */
		.watermark_ms = run->watermark_ms,
	};
	query_table_swap(query->table, &query->bundle->deltas[0]);
	size_t used = reader_read(query->reader, query->intake, &block, &run->skip, query->bundle);
	query_table_swap(query->table, &query->bundle->deltas[0]);
	query_count(query, run);
	bundle_clear(query->bundle);
	run->offset += used;
	query->buffer.length -= used;
	memmove(query->buffer.data, query->buffer.data + used, query->buffer.length);
	return query_emit(query, run, why);
}

static int query_fill(struct query *query, struct input_run *run, struct err_note *why)
{
	struct bytes *buffer = &query->buffer;
	size_t length;
	int rc = query_input_read(&run->input, buffer->data + buffer->length,
				  buffer->capacity - buffer->length, &length, why);
	if (rc)
		return rc;
	buffer->length += length;
	run->has_end = length == 0;
	query->totals->bytes += length;
	query_progress_show(&query->progress, query->totals->bytes, query->totals->readings);
	return 0;
}

/** Makes the intake from the names in `line`, unless the last input had the same. */
static int query_ask_header(struct query *query, struct slice line, struct err_note *why)
{
	const char *names[INTAKE_COLUMNS_MAX];
	uint32_t count = 0;
	struct arena arena;
	struct schema schema;
	int rc = 0;
	if (query->header.length > 0 && slice_equal(bytes_slice(&query->header), line))
		return 0;
	bytes_clear(&query->header);
	bytes_append_slice(&query->header, line);
	arena_init(&arena);
	schema_init(&schema);
	mem_free(schema.time_field);
	schema.time_field = mem_copy_text(query->source->schema.time_field);
	schema.is_closed = true;
	for (size_t at = 0; at <= line.length && !rc;) {
		struct slice name;
		rc = csv_field(line, query->source->intake.delimiter, &at, &arena, &name, why);
		if (!rc && count == INTAKE_COLUMNS_MAX)
			rc = err_set(why, ERR_FULL, "more than %d columns", INTAKE_COLUMNS_MAX);
		if (!rc && (name.length == 0 || name.length >= FIELD_NAME_BYTES_MAX))
			rc = err_set(why, ERR_INVALID, "the name of column %u is %s", count + 1,
				     name.length ? "too long" : "empty");
		if (rc)
			break;
		names[count] = arena_copy(&arena, name.data, name.length);
		schema_add(&schema, names[count++], FIELD_ANY);
	}
	if (rc)
		err_prefix(why, "the first line, which names the columns");
	else
		rc = query_ask(query, names, count, &schema, why);
	schema_deinit(&schema);
	arena_deinit(&arena);
	return rc;
}

/** Takes the first line off the input. */
static int query_header(struct query *query, struct input_run *run, struct err_note *why)
{
	struct bytes *buffer = &query->buffer;
	const char *end = NULL;
	int rc = 0;
	while (!rc && !run->has_end && buffer->length < buffer->capacity && !end) {
		rc = query_fill(query, run, why);
		end = memchr(buffer->data, '\n', buffer->length);
	}
	if (rc || buffer->length == 0)
		return rc;
	struct slice line = {buffer->data, end ? (size_t)(end - buffer->data) : buffer->length};
	size_t used = line.length + (end != NULL);
	if (line.length > 0 && line.data[line.length - 1] == '\r')
		line.length--;
	if (line.length >= 3 && memcmp(line.data, "\xEF\xBB\xBF", 3) == 0)
		line = (struct slice){line.data + 3, line.length - 3};
	rc = query_ask_header(query, line, why);
	buffer->length -= used;
	memmove(buffer->data, buffer->data + used, buffer->length);
	run->offset = used;
	run->line = 1;
	return rc;
}

static int query_input(struct query *query, const char *path, bool is_last_input,
		       const struct env *env, struct err_note *why)
{
	struct input_run run = {
		.is_last_input = is_last_input,
		.max_ms = WATERMARK_NONE,
		.watermark_ms = WATERMARK_NONE,
	};
	int rc = query_input_open(&run.input, env, path, why);
	if (rc)
		return rc;
	bytes_clear(&query->buffer);
	if (query->source->has_header)
		rc = query_header(query, &run, why);
	/* A bundle that gets full leaves whole lines in the buffer. */
	while (!rc && (!run.has_end || (query->intake && query->buffer.length > 0))) {
		if (!run.has_end)
			rc = query_fill(query, &run, why);
		if (!rc && query->intake)
			rc = query_block(query, &run, why);
	}
	query_input_close(&run.input);
	return rc;
}

/** Every input must be there before the first row is printed; the sum of their sizes. */
static int check_inputs(const struct query_options *options, const struct env *env,
			uint64_t *size_bytes, struct err_note *why)
{
	for (uint32_t i = 0; i < options->input_count; i++) {
		const char *path = options->inputs[i];
		struct file_info info = {0};
		struct query_input input;
		if (strcmp(path, "-") == 0)
			continue;
		int rc = env->ops->path_info(env->self, path, &info, why);
		/* Only files: opening a pipe twice would cut its writer off. */
		if (!rc && info.is_regular) {
			rc = query_input_open(&input, env, path, why);
			*size_bytes += info.size_bytes;
			if (!rc)
				query_input_close(&input);
		}
		if (rc)
			return rc;
	}
	return 0;
}

static int query_run_all(struct query *query, const struct env *env, struct err_note *why)
{
	const struct query_options *options = query->options;
	int rc = 0;
	if (!query->source->has_header)
		rc = query_ask(query, NULL, 0, &query->source->schema, why);
	for (uint32_t i = 0; i < options->input_count && !rc; i++)
		rc = query_input(query, options->inputs[i], i + 1 == options->input_count, env,
				 why);
	if (rc || !query->table)
		return rc;
	query->totals->lost += query_table_emit(query->table, INT64_MAX, on_row, query);
	return query_write(query, why);
}

int query_run(const struct query_options *options, const struct query_source *source,
	      const struct env *env, struct query_totals *totals, struct err_note *why)
{
	struct query query = {.options = options, .source = source, .totals = totals};
	uint64_t size_bytes = 0;
	int64_t start_ms = env_mono_ms(env);
	int rc = check_inputs(options, env, &size_bytes, why);
	if (rc)
		return rc;
	query_progress_init(&query.progress, env, size_bytes);
	bytes_reserve(&query.buffer,
		      BLOCK_BYTES + (source->intake.line_bytes_max ? source->intake.line_bytes_max
								   : INTAKE_LINE_BYTES_MAX));
	query.reader = reader_new();
	query_output_init(&query.output, options);
	rc = query_run_all(&query, env, why);
	query_progress_hide(&query.progress);
	bundle_free(query.bundle);
	intake_unref(query.intake);
	reader_free(query.reader);
	query_table_free(query.table);
	query_output_deinit(&query.output);
	bytes_deinit(&query.buffer);
	bytes_deinit(&query.text);
	bytes_deinit(&query.header);
	totals->spent_ms = env_mono_ms(env) - start_ms;
	return rc;
}
