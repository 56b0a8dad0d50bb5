#include "core/baseline/history_row.h"

#include "core/base/varint.h"

#include <math.h>
#include <string.h>

void history_row_add(struct bytes *row, const struct history_entry *entry)
{
	char number[VARINT_BYTES_MAX];
	uint64_t bits;

	bytes_append(row, number, (size_t)(varint_put(number, entry->key.length) - number));
	bytes_append_slice(row, entry->key);
	bytes_append(row, number, (size_t)(varint_put(number, entry->samples) - number));
	memcpy(&bits, &entry->value, sizeof(bits));
	bytes_append_be64(row, bits);
}

bool history_row_next(struct byte_reader *reader, struct history_entry *out)
{
	uint64_t bits;

	if (reader->left == 0 || reader->has_failed)
		return false;
	out->key = byte_reader_bytes(reader, varint_read(reader));
	out->samples = varint_read(reader);
	bits = byte_reader_be64(reader);
	memcpy(&out->value, &bits, sizeof(bits));
	if (!isfinite(out->value))
		reader->has_failed = true;
	return !reader->has_failed;
}
