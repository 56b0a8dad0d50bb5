/** history_row.h - what the windows of a rule had at a boundary, or on a day, as one row.
 *
 *      for each key: its length, key, readings (LEB128), value (8 bytes, big-endian)
 *
 *  Keys without readings have no entry, so an empty row says nothing and is not stored.
 */
#ifndef TOCSIN_CORE_BASELINE_HISTORY_ROW_H
#define TOCSIN_CORE_BASELINE_HISTORY_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct history_entry {
	struct slice key; /**< borrowed from the row */
	uint64_t samples;
	double value;
};

void history_row_add(struct bytes *row, const struct history_entry *entry);
/** The next entry; false at the end, or reader->has_failed: the row is damaged. */
bool history_row_next(struct byte_reader *reader, struct history_entry *out);

#endif
