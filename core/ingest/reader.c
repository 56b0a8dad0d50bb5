#include "core/ingest/reader.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/ingest/bundle.h"
#include "core/ingest/decode.h"
#include "core/ingest/framing.h"
#include "core/ingest/grouping.h"
#include "core/ingest/intake.h"
#include "core/ingest/reader_internal.h"
#include "core/model/batch.h"
#include "core/model/span.h"
#include "core/window/watermark.h"

struct reader {
	struct decoder *decoder;
	struct grouping *grouping;
	struct batch batch;
	bool has_batch;
	size_t bundle_bytes_max; /**< BUNDLE_BYTES_MAX, but in tests */
};

/** One call of reader_read(). */
struct reading_run {
	struct reader *reader;
	const struct intake *intake;
	const struct reader_block *block;
	struct bundle *bundle;
	int64_t watermark_ms; /**< moves with each reading, so that blocks may be cut anywhere */
	int64_t latest_ms;    /**< a later event time is from the future */
	bool is_full;         /**< the bundle has grown enough */
};

struct reader *reader_new(void)
{
	struct reader *reader = mem_alloc(sizeof(*reader));
	reader->decoder = decoder_new();
	reader->grouping = grouping_new();
	reader->bundle_bytes_max = BUNDLE_BYTES_MAX;
	return reader;
}

void reader_free(struct reader *reader)
{
	if (!reader)
		return;
	decoder_free(reader->decoder);
	grouping_free(reader->grouping);
	if (reader->has_batch)
		batch_deinit(&reader->batch);
	mem_free(reader);
}

void reader_use(struct reader *reader, enum decoder_way way)
{
	decoder_use(reader->decoder, way);
}

void reader_limit(struct reader *reader, size_t bundle_bytes_max)
{
	reader->bundle_bytes_max = bundle_bytes_max;
}

static uint32_t reader_rows(const struct reader *reader, const struct intake *intake)
{
	size_t rows = intake->row_bytes > 0 ? reader->bundle_bytes_max / intake->row_bytes
					    : BATCH_ROWS_MAX;

	if (rows > BATCH_ROWS_MAX)
		return BATCH_ROWS_MAX;
	return rows > 0 ? (uint32_t)rows : 1;
}

static void reader_prepare_batch(struct reader *reader, const struct intake *intake)
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

static void reader_prepare(struct reader *reader, const struct intake *intake)
{
	reader_prepare_batch(reader, intake);
	reader->batch.row_limit = reader_rows(reader, intake);
}

static int64_t or_max(int64_t ms)
{
	return ms == WATERMARK_NONE ? INT64_MAX : ms;
}

static int64_t or_none(int64_t ms)
{
	return ms == INT64_MAX ? WATERMARK_NONE : ms;
}

/** A late reading: it may come after windows that were judged without it. */
static void run_mark(struct reading_run *run, uint32_t row, int64_t time_ms, int64_t watermark_ms)
{
	struct batch *batch = &run->reader->batch;
	int64_t mark_ms = span_floor(watermark_ms, PANE_MS);

	if (time_ms >= mark_ms || !run->intake->marks_late)
		return;
	batch->marks[row] = bundle_mark(run->bundle, mark_ms);
	batch->has_marks = true;
}

/** Counters and watermark of the batch's rows; moves readings from the future. */
static void run_observe(struct reading_run *run)
{
	struct bundle *bundle = run->bundle;
	const struct batch *batch = &run->reader->batch;
	const int64_t latest_ms = run->latest_ms, lateness_ms = run->intake->lateness_ms;
	/* WATERMARK_NONE is less than every time, as a greatest time and a watermark shall be. */
	int64_t late_min_ms = or_max(bundle->min_event_ms);
	int64_t first_ms = or_max(bundle->first_event_ms);
	int64_t max_ms = bundle->max_event_ms, watermark_ms = run->watermark_ms;
	uint64_t late = 0;
	for (uint32_t i = 0; i < batch->row_count; i++) {
		int64_t time_ms = batch->time_ms[i];
		bool is_ahead = time_ms > latest_ms;
		if (is_ahead) {
			time_ms = run->block->receive_ms;
			batch->time_ms[i] = time_ms;
			bundle->counters.clamped++;
		}
		if (time_ms < watermark_ms) {
			late++;
			late_min_ms = time_ms < late_min_ms ? time_ms : late_min_ms;
			run_mark(run, i, time_ms, watermark_ms);
		} else {
			first_ms = time_ms < first_ms ? time_ms : first_ms;
			bundle_keep_time(bundle, time_ms);
		}
		if (is_ahead)
			continue;
		max_ms = time_ms > max_ms ? time_ms : max_ms;
		time_ms -= lateness_ms;
		watermark_ms = time_ms > watermark_ms ? time_ms : watermark_ms;
	}
	bundle->counters.readings += batch->row_count;
	bundle->counters.late += late;
	bundle->max_event_ms = max_ms;
	bundle->first_event_ms = or_none(first_ms);
	bundle->min_event_ms = or_none(first_ms < late_min_ms ? first_ms : late_min_ms);
	run->watermark_ms = watermark_ms;
}

static void run_flush(struct reading_run *run)
{
	struct reader *reader = run->reader;
	run_observe(run);
	grouping_add(reader->grouping, run->intake, &reader->batch, run->bundle);
	batch_clear(&reader->batch);
	run->is_full = bundle_is_full(run->bundle, reader->bundle_bytes_max);
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

/** The line of a row, for metrics that keep it; a byte more than they do shows that it was cut. */
static void run_keep_line(const struct reading_run *run, uint32_t row, struct slice line)
{
	size_t length = line.length;

	if (length > CELL_LINE_BYTES_MAX + 1)
		length = CELL_LINE_BYTES_MAX + 1;
	run->reader->batch.columns[run->intake->line_column][row] = (struct value){
		.type = VALUE_STRING, .length = (uint32_t)length, .as.text = line.data};
}

/** The lines from `at` on, one for each row from `row` on. */
static void run_keep_lines(const struct reading_run *run, size_t at, uint32_t row)
{
	const char *start = run->block->data + at, *stop = run->block->data + run->block->length;

	for (; row < run->reader->batch.row_count; row++) {
		const char *end = memchr(start, '\n', (size_t)(stop - start));
		REQUIRE(end);
		size_t length = (size_t)(end - start);
		length -= length > 0 && start[length - 1] == '\r';
		run_keep_line(run, row, (struct slice){start, length});
		start = end + 1;
	}
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
	if (run->intake->line_column >= 0)
		run_keep_line(run, reader->batch.row_count - 1, line);
	decoder_block_learn(reader->decoder, line);
	if (reader->batch.row_count == reader->batch.row_limit)
		run_flush(run);
}

/** Lines that need no second look, from `at` (the beginning of one); returns what is left. */
static size_t run_lines(struct reading_run *run, size_t at)
{
	struct reader *reader = run->reader;
	struct batch *batch = &reader->batch;
	struct bundle_counters *counters = &run->bundle->counters;
	for (;;) {
		uint32_t before = batch->row_count;
		size_t start = at;
		at = decoder_block_decode(reader->decoder, at, batch, &counters->mistyped);
		if (run->intake->line_column >= 0)
			run_keep_lines(run, start, before);
		counters->lines += batch->row_count - before;
		if (batch->row_count < batch->row_limit)
			return at;
		run_flush(run);
		if (run->is_full)
			return at;
	}
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
	decoder_block_start(reader->decoder, intake, (struct slice){block->data, block->length},
			    block->readable);
	while (!run.is_full) {
		if (!framing.skip)
			framing.used = run_lines(&run, framing.used);
		if (run.is_full)
			break;
		bool is_first = block->offset == 0 && framing.used == 0 && !framing.skip;
		enum frame frame = framing_next(&framing, &line);
		if (frame == FRAME_END)
			break;
		if (is_first && frame == FRAME_LINE)
			line = without_byte_order_mark(line);
		if (frame == FRAME_LINE) {
			run_line(&run, line,
				 (size_t)(block->data + block->length - line.data) - line.length +
					 block->readable);
		} else {
			bundle->counters.lines++;
			run_bury(&run, line, "the line is longer than the limit");
		}
	}
	run_flush(&run);
	*skip = framing.skip && !block->is_last;
	bundle->counters.bytes += framing.used;
	return framing.used;
}
