#include "core/ingest/decode.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/ingest/decode_csv.h"
#include "core/ingest/decode_json.h"
#include "core/ingest/decode_names.h"
#include "core/ingest/decode_row.h"
#include "core/ingest/intake.h"
#include "core/ingest/shape.h"
#include "core/model/batch.h"

/* Sources that one reader serves in turn; a source that comes back late learns again. */
enum { SHAPE_SETS_MAX = 4 };

struct known_shapes {
	struct bytes origin; /**< of the wanted names, see decode_names.h */
	struct shape_set *set;
};

struct decoder {
	struct json_decoder *json;
	struct csv_block *csv;
	struct time_memory time;
	enum decoder_way way;
	struct known_shapes shapes[SHAPE_SETS_MAX];
	uint32_t shapes_next; /**< to be given up for a new one */
	/* The block at hand. */
	const struct intake *intake;
	struct slice block;
	const char *stop;      /**< the last line end that shapes may see, or NULL */
	struct shape_set *set; /**< of the intake, or NULL */
	bool has_csv;          /**< the block is delimited text */
};

struct decoder *decoder_new(void)
{
	struct decoder *decoder = mem_alloc(sizeof(*decoder));
	decoder->json = json_decoder_new();
	decoder->csv = csv_block_new();
	return decoder;
}

void decoder_free(struct decoder *decoder)
{
	if (!decoder)
		return;
	json_decoder_free(decoder->json);
	csv_block_free(decoder->csv);
	for (uint32_t i = 0; i < SHAPE_SETS_MAX; i++) {
		bytes_deinit(&decoder->shapes[i].origin);
		shape_set_free(decoder->shapes[i].set);
	}
	mem_free(decoder);
}

void decoder_use(struct decoder *decoder, enum decoder_way way)
{
	decoder->way = way;
	if (way == DECODER_PORTABLE)
		csv_block_use_portable(decoder->csv);
}

int decoder_decode(struct decoder *decoder, const struct intake *intake, struct slice line,
		   size_t readable, struct batch *batch, uint64_t *mistyped, struct err_note *why)
{
	struct decode_row row;
	int rc = ERR_INVALID;
	REQUIRE(batch->row_count < batch->row_limit && batch->column_count == intake->fields.count);
	decode_row_start(&row, batch, &decoder->time);
	switch (intake->format) {
	case FORMAT_JSON:
		rc = json_decoder_decode(decoder->json, intake->names, line, readable, &row, why);
		break;
	case FORMAT_CSV: rc = csv_decode(intake, line, &row, why); break;
	}
	if (!rc)
		rc = decode_row_finish(&row, intake->schema.time_field, why);
	if (rc)
		return rc;
	batch->row_count++;
	*mistyped += row.mistyped;
	return 0;
}

static struct shape_set *decoder_shapes(struct decoder *decoder)
{
	struct slice origin = bytes_slice(&decoder->intake->names->origin);
	for (uint32_t i = 0; i < SHAPE_SETS_MAX; i++) {
		struct known_shapes *known = &decoder->shapes[i];
		if (known->set && slice_equal(bytes_slice(&known->origin), origin))
			return known->set;
	}
	struct known_shapes *known = &decoder->shapes[decoder->shapes_next++ % SHAPE_SETS_MAX];
	shape_set_free(known->set);
	known->set = shape_set_new(decoder->intake->fields.count);
	if (decoder->way == DECODER_PORTABLE)
		shape_set_use_portable(known->set);
	bytes_clear(&known->origin);
	bytes_append_slice(&known->origin, origin);
	return known->set;
}

void decoder_block_start(struct decoder *decoder, const struct intake *intake, struct slice block,
			 size_t readable)
{
	bool is_by_block = decoder->way != DECODER_LINE_BY_LINE;
	bool has_shapes = intake->format == FORMAT_JSON && is_by_block;
	decoder->intake = intake;
	decoder->block = block;
	decoder->set = has_shapes ? decoder_shapes(decoder) : NULL;
	decoder->stop = NULL;
	decoder->has_csv = intake->format == FORMAT_CSV && is_by_block;
	if (decoder->has_csv)
		csv_block_start(decoder->csv, intake, block.data, block.length);
	size_t seen = block.length + readable;
	if (!has_shapes || seen < SHAPE_READABLE)
		return;
	/* The last line feed with SHAPE_READABLE bytes from it on. */
	seen -= SHAPE_READABLE - 1;
	if (seen > block.length)
		seen = block.length;
	decoder->stop = memrchr(block.data, '\n', seen);
}

size_t decoder_block_decode(struct decoder *decoder, size_t at, struct batch *batch,
			    uint64_t *mistyped)
{
	if (decoder->has_csv)
		return csv_block_decode(decoder->csv, at, batch, &decoder->time, mistyped);
	struct shape_run run = {
		.at = decoder->block.data + at,
		.stop = decoder->stop,
		.line_bytes_max = decoder->intake->line_bytes_max,
		.batch = batch,
		.time = &decoder->time,
	};
	if (!decoder->stop || run.at > run.stop)
		return at;
	shape_set_decode(decoder->set, &run);
	*mistyped += run.mistyped;
	return (size_t)(run.at - decoder->block.data);
}

void decoder_block_learn(struct decoder *decoder, struct slice line)
{
	/* A line near the block's end was not compared: it may well be of a known shape. */
	if (decoder->stop && line.data <= decoder->stop)
		shape_set_learn(decoder->set, decoder->intake->names, line);
}
