#include "core/ingest/decode_row.h"

#include <math.h>

#include "core/base/err.h"
#include "core/model/batch.h"
#include "core/model/timestamp.h"

static const struct value NIL = {.type = VALUE_NIL};

void decode_row_start(struct decode_row *row, struct batch *batch, struct time_memory *memory)
{
	*row = (struct decode_row){.batch = batch, .index = batch->row_count, .memory = memory};
	for (uint32_t i = 0; i < batch->column_count; i++)
		batch->columns[i][row->index] = NIL;
}

static int raw_time(struct time_memory *memory, const struct value *raw, int64_t *out_ms)
{
	if (raw->type == VALUE_STRING)
		return time_memory_parse(memory, (struct slice){raw->as.text, raw->length}, out_ms);
	return timestamp_from_value(raw, out_ms);
}

/** A float without a fraction that fits an integer. */
static bool float_to_int(double number, int64_t *out)
{
	const double limit = 9223372036854775808.0; /* 2^63 */
	if (!(number >= -limit && number < limit) || trunc(number) != number)
		return false;
	*out = (int64_t)number;
	return true;
}

/** The value as `type`, or nil. */
static struct value coerce(struct decode_row *row, enum field_type type, struct value raw)
{
	int64_t integer;
	switch (type) {
	case FIELD_ANY: return raw;
	case FIELD_STRING: return raw.type == VALUE_STRING ? raw : NIL;
	case FIELD_BOOL: return raw.type == VALUE_BOOL ? raw : NIL;
	case FIELD_INT:
		if (raw.type == VALUE_FLOAT && float_to_int(raw.as.number, &integer))
			return (struct value){.type = VALUE_INT, .as.integer = integer};
		return raw.type == VALUE_INT ? raw : NIL;
	case FIELD_FLOAT:
		if (raw.type == VALUE_INT)
			return (struct value){.type = VALUE_FLOAT,
					      .as.number = (double)raw.as.integer};
		return raw.type == VALUE_FLOAT ? raw : NIL;
	case FIELD_TIME:
		if (raw_time(row->memory, &raw, &integer) == 0)
			return (struct value){.type = VALUE_INT, .as.integer = integer};
		return NIL;
	}
	return NIL;
}

void decode_row_store(struct decode_row *row, uint32_t column, enum field_type type, bool is_number,
		      struct value raw)
{
	struct value value = raw.type == VALUE_NIL ? raw : coerce(row, type, raw);
	bool is_refused = value.type != raw.type && value.type == VALUE_NIL;
	bool is_text = value.type == VALUE_STRING || value.type == VALUE_BOOL;
	row->mistyped += is_refused || (is_number && is_text);
	row->batch->columns[column][row->index] = value;
}

int decode_row_finish(struct decode_row *row, const char *field, struct err_note *why)
{
	if (!row->has_time)
		return err_set(why, ERR_INVALID, "the time field \"%s\" is missing", field);
	if (raw_time(row->memory, &row->time, &row->batch->time_ms[row->index]) == 0)
		return 0;
	if (row->time.type == VALUE_STRING) {
		int length = row->time.length > 64 ? 64 : (int)row->time.length;
		return err_set(why, ERR_INVALID,
			       "the time field \"%s\" is \"%.*s\"; it must be RFC 3339, or epoch "
			       "seconds or milliseconds",
			       field, length, row->time.as.text);
	}
	return err_set(why, ERR_INVALID,
		       "the time field \"%s\" is not a time: it must be RFC 3339 text, or epoch "
		       "seconds or milliseconds in the years 1970 to 9999",
		       field);
}
