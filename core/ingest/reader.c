#include "core/ingest/reader.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/filter/filter.h"
#include "core/ingest/bundle.h"
#include "core/ingest/decode.h"
#include "core/ingest/framing.h"
#include "core/ingest/intake.h"
#include "core/model/batch.h"
#include "core/window/watermark.h"

struct reader {
	struct decoder *decoder;
	struct filter_scratch *scratch;
	struct batch batch;
	bool has_batch;
	struct bytes key; /**< of the group at hand */
	uint16_t rows[BATCH_ROWS_MAX];
	uint16_t all_rows[BATCH_ROWS_MAX]; /**< 0, 1, 2 ... */
};

/** One call of reader_read(). */
struct reading_run {
	struct reader *reader;
	const struct intake *intake;
	const struct reader_block *block;
	struct bundle *bundle;
	int64_t watermark_ms; /**< moves with each reading, so that blocks may be cut anywhere */
	int64_t latest_ms;    /**< a later event time is from the future */
};

struct reader *reader_new(void)
{
	struct reader *reader = mem_alloc(sizeof(*reader));
	reader->decoder = decoder_new();
	reader->scratch = filter_scratch_new();
	bytes_init(&reader->key);
	for (uint32_t i = 0; i < BATCH_ROWS_MAX; i++)
		reader->all_rows[i] = (uint16_t)i;
	return reader;
}

void reader_free(struct reader *reader)
{
	if (!reader)
		return;
	decoder_free(reader->decoder);
	filter_scratch_free(reader->scratch);
	bytes_deinit(&reader->key);
	if (reader->has_batch)
		batch_deinit(&reader->batch);
	mem_free(reader);
}

static void reader_prepare(struct reader *reader, const struct intake *intake)
{
	if (reader->has_batch && reader->batch.column_count == intake->fields.count) {
		batch_clear(&reader->batch);
		return;
	}
	if (reader->has_batch)
		batch_deinit(&reader->batch);
	batch_init(&reader->batch, intake->fields.count);
	reader->has_batch = true;
}

static int64_t pane_start(int64_t time_ms, int64_t pane_ms)
{
	int64_t rest = time_ms % pane_ms;
	return time_ms - (rest < 0 ? rest + pane_ms : rest);
}

/** The aggregates of the group whose key is in reader->key. */
static struct aggregate *group_find(struct bundle_deltas *deltas, const struct bytes *key,
				    uint32_t aggregate_count)
{
	bool is_new;
	uint32_t id = key_table_put(&deltas->groups, bytes_slice(key), &is_new);
	if (id >= deltas->capacity) {
		deltas->capacity = deltas->capacity ? deltas->capacity * 2 : 64;
		deltas->aggregates =
			mem_grow(deltas->aggregates, (size_t)deltas->capacity * aggregate_count,
				 sizeof(struct aggregate));
	}
	struct aggregate *aggregates = deltas->aggregates + (size_t)id * aggregate_count;
	for (uint32_t i = 0; is_new && i < aggregate_count; i++)
		aggregates[i] = AGGREGATE_EMPTY;
	return aggregates;
}

static void group_row(const struct intake_metric *metric, const struct batch *batch, uint16_t row,
		      struct aggregate *aggregates)
{
	double number;
	if (metric->metric->value_count == 0)
		aggregate_add(&aggregates[0]);
	for (uint32_t i = 0; i < metric->metric->value_count; i++) {
		if (value_number(&batch->columns[metric->value_columns[i]][row], &number))
			aggregate_add_number(&aggregates[i], number);
		else
			aggregate_add(&aggregates[i]);
	}
}

static void group_batch(struct reader *reader, const struct intake_metric *metric,
			struct bundle_deltas *deltas)
{
	const struct batch *batch = &reader->batch;
	const uint16_t *rows = reader->all_rows;
	uint32_t row_count = batch->row_count;
	int64_t pane_ms = metric->metric->pane_ms, start_ms = 0;
	bool has_start = false;
	if (metric->filter) {
		row_count = filter_run(metric->filter, batch, reader->scratch, reader->rows);
		rows = reader->rows;
	}
	for (uint32_t i = 0; i < row_count; i++) {
		int64_t time_ms = batch->time_ms[rows[i]];
		if (!has_start || time_ms < start_ms || time_ms - start_ms >= pane_ms)
			start_ms = pane_start(time_ms, pane_ms);
		has_start = true;
		bytes_clear(&reader->key);
		bytes_append_be64(&reader->key, (uint64_t)start_ms);
		for (uint32_t j = 0; j < metric->metric->by_count; j++)
			dimension_append(&reader->key,
					 &batch->columns[metric->by_columns[j]][rows[i]]);
		group_row(metric, batch, rows[i],
			  group_find(deltas, &reader->key, metric->metric->aggregate_count));
	}
}

static void run_flush(struct reading_run *run)
{
	struct reader *reader = run->reader;
	for (uint32_t i = 0; i < run->intake->metric_count && reader->batch.row_count > 0; i++)
		group_batch(reader, &run->intake->metrics[i], &run->bundle->deltas[i]);
	batch_clear(&reader->batch);
}

/** Counters and watermark of the row that was just decoded; moves a reading from the future. */
static void run_observe(struct reading_run *run)
{
	struct bundle *bundle = run->bundle;
	int64_t *time_ms = &run->reader->batch.time_ms[run->reader->batch.row_count - 1];
	bool is_ahead = *time_ms > run->latest_ms;
	bundle->counters.readings++;
	if (is_ahead) {
		*time_ms = run->block->receive_ms;
		bundle->counters.clamped++;
	}
	if (run->watermark_ms != WATERMARK_NONE && *time_ms < run->watermark_ms)
		bundle->counters.late++;
	if (bundle->min_event_ms == WATERMARK_NONE || *time_ms < bundle->min_event_ms)
		bundle->min_event_ms = *time_ms;
	if (is_ahead)
		return;
	if (bundle->max_event_ms == WATERMARK_NONE || *time_ms > bundle->max_event_ms)
		bundle->max_event_ms = *time_ms;
	if (run->watermark_ms == WATERMARK_NONE ||
	    *time_ms - run->intake->lateness_ms > run->watermark_ms)
		run->watermark_ms = *time_ms - run->intake->lateness_ms;
}

static bool is_blank(struct slice line)
{
	for (size_t i = 0; i < line.length; i++)
		if (line.data[i] != ' ' && line.data[i] != '\t' && line.data[i] != '\r')
			return false;
	return true;
}

static void run_bury(struct reading_run *run, struct slice line, const char *reason)
{
	struct bundle *bundle = run->bundle;
	size_t bytes_max = run->intake->line_bytes_max;
	bundle->counters.malformed++;
	if (bundle->dead_letter_count == BUNDLE_DEAD_LETTERS_MAX)
		return;
	if (bytes_max > DEAD_LETTER_BYTES_MAX)
		bytes_max = DEAD_LETTER_BYTES_MAX;
	bundle->dead_letters[bundle->dead_letter_count++] = (struct dead_letter){
		.text = mem_copy_bytes(line.data,
				       line.length < bytes_max ? line.length : bytes_max),
		.reason = mem_copy_text(reason),
		.offset = run->block->offset + (uint64_t)(line.data - run->block->data),
		.line = bundle->counters.lines + bundle->counters.blank,
	};
}

static void run_line(struct reading_run *run, struct slice line, size_t readable)
{
	struct bundle *bundle = run->bundle;
	struct reader *reader = run->reader;
	struct err_note why;
	bool is_kept = bundle->dead_letter_count < BUNDLE_DEAD_LETTERS_MAX;
	if (is_blank(line)) {
		bundle->counters.blank++;
		return;
	}
	bundle->counters.lines++;
	why.text[0] = '\0';
	if (decoder_decode(reader->decoder, run->intake, line, readable, &reader->batch,
			   &bundle->counters.mistyped, is_kept ? &why : NULL)) {
		run_bury(run, line, why.text);
		return;
	}
	run_observe(run);
	if (reader->batch.row_count == BATCH_ROWS_MAX)
		run_flush(run);
}

static struct slice without_byte_order_mark(struct slice line)
{
	if (line.length >= 3 && memcmp(line.data, "\xEF\xBB\xBF", 3) == 0)
		return (struct slice){line.data + 3, line.length - 3};
	return line;
}

static int64_t add_saturating(int64_t a, int64_t b)
{
	int64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

size_t reader_read(struct reader *reader, const struct intake *intake,
		   const struct reader_block *block, bool *skip, struct bundle *bundle)
{
	struct reading_run run = {
		.reader = reader,
		.intake = intake,
		.block = block,
		.bundle = bundle,
		.watermark_ms = block->watermark_ms,
		.latest_ms = add_saturating(block->receive_ms, intake->max_ahead_ms),
	};
	struct framing framing = {
		.data = block->data,
		.length = block->length,
		.is_last = block->is_last,
		.skip = *skip,
		.line_bytes_max = intake->line_bytes_max,
	};
	struct slice line;
	REQUIRE(bundle->delta_count == intake->metric_count);
	reader_prepare(reader, intake);
	uint64_t limits_before = filter_scratch_limits_hit(reader->scratch);
	for (;;) {
		bool is_first = block->offset == 0 && framing.used == 0 && !framing.skip;
		enum frame frame = framing_next(&framing, &line);
		if (frame == FRAME_END)
			break;
		if (is_first && frame == FRAME_LINE)
			line = without_byte_order_mark(line);
		if (frame == FRAME_LINE) {
			run_line(&run, line,
				 (size_t)(block->data + block->length - line.data) - line.length);
		} else {
			bundle->counters.lines++;
			run_bury(&run, line, "the line is longer than the limit");
		}
	}
	run_flush(&run);
	*skip = framing.skip && !block->is_last;
	bundle->counters.bytes += framing.used;
	bundle->regex_limits += filter_scratch_limits_hit(reader->scratch) - limits_before;
	return framing.used;
}
