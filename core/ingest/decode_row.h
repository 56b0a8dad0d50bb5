/** decode_row.h - the row a decoder is filling: raw values in, typed columns out.
 *  Owner: caller's memory for one line. Threads: the decoder's.
 */
#ifndef TOCSIN_CORE_INGEST_DECODE_ROW_H
#define TOCSIN_CORE_INGEST_DECODE_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ingest/decode_time.h"
#include "core/model/schema.h"
#include "core/model/value.h"

struct batch;
struct err_note;

struct decode_row {
	struct batch *batch;
	uint32_t index;
	struct value time; /**< raw; borrowed until the line is done */
	bool has_time;     /**< the line has the field, whatever its value */
	uint64_t mistyped;
	struct time_memory *memory;
};

/** Every column nil. */
void decode_row_start(struct decode_row *row, struct batch *batch, struct time_memory *memory);

/** Stores `raw` as a value of the column's type. A string must live as long as the batch. */
void decode_row_store(struct decode_row *row, uint32_t column, enum field_type type, bool is_number,
		      struct value raw);

/** Computes the event time of the row; ERR_INVALID names `field`. */
int decode_row_finish(struct decode_row *row, const char *field, struct err_note *why);

#endif
