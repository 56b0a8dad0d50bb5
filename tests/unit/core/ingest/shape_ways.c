#include "shape_ways.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/ingest/framing.h"
#include "core/ingest/intake.h"

static void note_value(struct bytes *out, const struct value *value)
{
	switch ((enum value_type)value->type) {
	case VALUE_NIL: bytes_append_text(out, " nil"); break;
	case VALUE_BOOL:
		bytes_append_format(out, " %s", value->as.boolean ? "true" : "false");
		break;
	case VALUE_INT: bytes_append_format(out, " %lld", (long long)value->as.integer); break;
	case VALUE_FLOAT: bytes_append_format(out, " %a", value->as.number); break;
	case VALUE_STRING:
		bytes_append_text(out, " '");
		bytes_append(out, value->as.text, value->length);
		bytes_append_text(out, "'");
		break;
	}
}

static void note_rows(struct bytes *out, struct batch *batch)
{
	for (uint32_t row = 0; row < batch->row_count; row++) {
		bytes_append_format(out, "%lld", (long long)batch->time_ms[row]);
		for (uint32_t i = 0; i < batch->column_count; i++)
			note_value(out, &batch->columns[i][row]);
		bytes_append_text(out, "\n");
	}
	batch_clear(batch);
}

struct outcome read_text(struct decode_fixture *f, enum decoder_way way, struct slice text)
{
	struct outcome out = {.rows = BYTES_EMPTY};
	struct decoder *decoder = decoder_new();
	/* An own allocation of the very size, so that reading outside is found. */
	char *copy = malloc(text.length);
	memcpy(copy, text.data, text.length);
	struct framing framing = {.data = copy,
				  .length = text.length,
				  .is_last = true,
				  .line_bytes_max = f->intake->line_bytes_max};
	struct slice line;
	uint64_t mistyped = 0;
	decoder_use(decoder, way);
	decoder_block_start(decoder, f->intake, (struct slice){copy, text.length}, 0);
	for (;;) {
		framing.used = decoder_block_decode(decoder, framing.used, &f->batch, &mistyped);
		bool is_full = f->batch.row_count == BATCH_ROWS_MAX;
		out.shape_rows += f->batch.row_count;
		note_rows(&out.rows, &f->batch);
		if (is_full)
			continue;
		enum frame frame = framing_next(&framing, &line);
		if (frame == FRAME_END)
			break;
		if (line.length == 0)
			continue;
		if (frame == FRAME_TOO_LONG ||
		    decoder_decode(decoder, f->intake, line, 0, &f->batch, &mistyped, NULL))
			bytes_append_format(&out.rows, "refused %.*s\n", (int)line.length,
					    line.data);
		else
			decoder_block_learn(decoder, line);
		note_rows(&out.rows, &f->batch);
	}
	bytes_append_format(&out.rows, "mistyped %llu\n", (unsigned long long)mistyped);
	decoder_free(decoder);
	free(copy);
	return out;
}

void outcome_deinit(struct outcome *outcome)
{
	bytes_deinit(&outcome->rows);
}

unsigned rows_by_shape(struct decode_fixture *f, const char *known, struct slice text)
{
	struct bytes all = BYTES_EMPTY;
	bytes_append_text(&all, known);
	bytes_append_text(&all, known);
	bytes_append_slice(&all, text);
	for (int i = 0; i < FILLER; i++)
		bytes_append_text(&all, "\n");
	struct slice block = bytes_slice(&all);
	struct outcome slow = read_text(f, DECODER_LINE_BY_LINE, block);
	struct outcome fast = read_text(f, DECODER_FASTEST, block);
	struct outcome portable = read_text(f, DECODER_PORTABLE, block);
	unsigned known_count = 0;
	for (const char *at = known; *at; at++)
		known_count += *at == '\n';
	cr_expect_eq(slow.shape_rows, 0);
	cr_expect(slice_equal(bytes_slice(&slow.rows), bytes_slice(&fast.rows)),
		  "%.*s is\n%s, by shape\n%s", (int)text.length, text.data, slow.rows.data,
		  fast.rows.data);
	cr_expect(slice_equal(bytes_slice(&slow.rows), bytes_slice(&portable.rows)),
		  "%.*s is\n%s, by shape (portable)\n%s", (int)text.length, text.data,
		  slow.rows.data, portable.rows.data);
	cr_expect_eq(fast.shape_rows, portable.shape_rows, "%.*s", (int)text.length, text.data);
	cr_assert_geq(fast.shape_rows, known_count, "%s was not learned", known);
	outcome_deinit(&slow);
	outcome_deinit(&fast);
	outcome_deinit(&portable);
	bytes_deinit(&all);
	return fast.shape_rows - known_count;
}
