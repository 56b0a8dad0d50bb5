#include "core/ingest/decode.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/ingest/decode_csv.h"
#include "core/ingest/decode_json.h"
#include "core/ingest/decode_row.h"
#include "core/ingest/intake.h"
#include "core/model/batch.h"

struct decoder {
	struct json_decoder *json;
	struct time_memory time;
};

struct decoder *decoder_new(void)
{
	struct decoder *decoder = mem_alloc(sizeof(*decoder));
	decoder->json = json_decoder_new();
	return decoder;
}

void decoder_free(struct decoder *decoder)
{
	if (!decoder)
		return;
	json_decoder_free(decoder->json);
	mem_free(decoder);
}

int decoder_decode(struct decoder *decoder, const struct intake *intake, struct slice line,
		   size_t readable, struct batch *batch, uint64_t *mistyped, struct err_note *why)
{
	struct decode_row row;
	int rc = ERR_INVALID;
	REQUIRE(batch->row_count < BATCH_ROWS_MAX && batch->column_count == intake->fields.count);
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
