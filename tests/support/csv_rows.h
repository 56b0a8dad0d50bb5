/** csv_rows.h - a text of CSV lines as a text of rows, by both ways to decode it: they must agree.
 *
 *  A row is "ROW time" and its cells with their types and bytes; a refused line is "BAD reason".
 */
#ifndef TOCSIN_TESTS_SUPPORT_CSV_ROWS_H
#define TOCSIN_TESTS_SUPPORT_CSV_ROWS_H

#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/require.h"
#include "core/ingest/decode.h"
#include "core/ingest/decode_csv.h"
#include "core/ingest/decode_time.h"
#include "core/ingest/framing.h"
#include "core/ingest/intake.h"

enum csv_way { CSV_BY_LINES, CSV_BY_BLOCK, CSV_BY_PORTABLE_BLOCK };

static inline void csv_rows_take(struct batch *batch, struct bytes *out)
{
	for (uint32_t row = 0; row < batch->row_count; row++) {
		bytes_append_format(out, "ROW %lld", (long long)batch->time_ms[row]);
		for (uint32_t column = 0; column < batch->column_count; column++) {
			const struct value *value = &batch->columns[column][row];
			bytes_append_format(out, "|%u:", value->type);
			if (value->type == VALUE_FLOAT) /* all bits: -0.0 is not 0.0 */
				bytes_append_format(out, "%llx",
						    (unsigned long long)value->as.integer);
			else
				value_append_text(value, out);
		}
		bytes_append_char(out, '\n');
	}
	batch_clear(batch);
}

static inline void csv_rows_line(struct decoder *decoder, const struct intake *intake,
				 enum frame frame, struct slice line, struct batch *batch,
				 uint64_t *mistyped, struct bytes *out)
{
	struct err_note why = {0};
	if (frame == FRAME_TOO_LONG) {
		csv_rows_take(batch, out);
		bytes_append_text(out, "BAD too long\n");
	} else if (decoder_decode(decoder, intake, line, 0, batch, mistyped, &why)) {
		csv_rows_take(batch, out);
		bytes_append_format(out, "BAD %s\n", why.text);
	}
}

/** `out` becomes the rows; the block has no readable byte before or behind it. The number of lines
 *  that were rows right away is returned. */
static inline size_t csv_rows(const struct intake *intake, struct slice text, enum csv_way way,
			      struct bytes *out)
{
	struct decoder *decoder = decoder_new();
	struct csv_block *block = csv_block_new();
	struct time_memory time = {0};
	struct batch batch;
	struct slice line;
	uint64_t mistyped = 0;
	size_t fast_count = 0;
	char *data = malloc(text.length ? text.length : 1);
	struct framing framing = {.data = data,
				  .length = text.length,
				  .is_last = true,
				  .line_bytes_max = intake->line_bytes_max};
	memcpy(data, text.data, text.length);
	batch_init(&batch, intake->fields.count);
	if (way == CSV_BY_PORTABLE_BLOCK)
		csv_block_use_portable(block);
	csv_block_start(block, intake, data, text.length);
	for (;;) {
		uint32_t before = batch.row_count;
		if (way != CSV_BY_LINES)
			framing.used =
				csv_block_decode(block, framing.used, &batch, &time, &mistyped);
		fast_count += batch.row_count - before;
		if (batch.row_count == BATCH_ROWS_MAX) {
			csv_rows_take(&batch, out);
			continue;
		}
		enum frame frame = framing_next(&framing, &line);
		if (frame == FRAME_END)
			break;
		csv_rows_line(decoder, intake, frame, line, &batch, &mistyped, out);
		if (batch.row_count == BATCH_ROWS_MAX)
			csv_rows_take(&batch, out);
	}
	csv_rows_take(&batch, out);
	bytes_append_format(out, "mistyped %llu\n", (unsigned long long)mistyped);
	batch_deinit(&batch);
	csv_block_free(block);
	decoder_free(decoder);
	free(data);
	return fast_count;
}

#endif
