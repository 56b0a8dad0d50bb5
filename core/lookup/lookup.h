/** lookup.h - a small table of texts from a CSV file or a table of an SQLite file, read at load.
 *
 *  The first line of the CSV file (RFC 4180, UTF-8) names the columns. SQLite's numbers become
 *  their text, NULL an empty text, blobs are refused. Owner: shared by count
 *  (lookup_ref/lookup_unref, loop thread). Immutable: a reload reads anew. Limits: LOOKUP_BYTES_MAX
 *  of a file (CSV) or of all texts (SQLite), LOOKUP_ROWS_MAX, LOOKUP_COLUMNS_MAX.
 */
#ifndef TOCSIN_CORE_LOOKUP_LOOKUP_H
#define TOCSIN_CORE_LOOKUP_LOOKUP_H

#include <stdint.h>

#include "core/base/bytes.h"

struct err_note;
struct lookup;

enum { LOOKUP_BYTES_MAX = 16 << 20, LOOKUP_ROWS_MAX = 200000, LOOKUP_COLUMNS_MAX = 64 };

/** ERR_NOT_FOUND, ERR_IO, ERR_INVALID (the note names the line and what is wrong), ERR_RANGE (a
 *  limit). */
int lookup_open_csv(struct lookup **out, const char *path, struct err_note *why);
int lookup_open_sqlite(struct lookup **out, const char *path, const char *table,
		       struct err_note *why);
struct lookup *lookup_ref(struct lookup *lookup);
void lookup_unref(struct lookup *lookup); /**< NULL allowed */

uint32_t lookup_row_count(const struct lookup *lookup);
uint32_t lookup_column_count(const struct lookup *lookup);
const char *lookup_column_name(const struct lookup *lookup, uint32_t column);
int lookup_find_column(const struct lookup *lookup, const char *name); /**< or -1 */
struct slice lookup_cell(const struct lookup *lookup, uint32_t row, uint32_t column);

#endif
