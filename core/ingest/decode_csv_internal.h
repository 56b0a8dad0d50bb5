/** decode_csv_internal.h - what the files that decode delimited text share. */
#ifndef TOCSIN_CORE_INGEST_DECODE_CSV_INTERNAL_H
#define TOCSIN_CORE_INGEST_DECODE_CSV_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/ingest/decode_csv.h"
#include "core/model/schema.h"
#include "core/model/value.h"

/** What the text says, as far as the column's type leaves a choice; nil when empty. */
struct value csv_value(struct slice text, enum field_type type);

enum { CSV_CHUNK_ENDS = 8 }; /**< ends written at once, so that most chunks need no loop */

/** A line of a window: its first end and its first special. */
struct csv_cursor {
	uint32_t end;
	uint32_t special;
};

/** A piece of text as the places of its delimiters, quotes and line ends ("ends"), and a line of
 *  it that is at hand.
 *
 *      2026-11-22T06:00:00.000Z,m1,5.5 \n 2026-11-22T06:00:00.100Z,"m2",7 \n ...
 *                              0  1    2                          34  56  7    ends[]
 *                                      |                           |  |   |    specials[]: 2 4 5 7
 */
struct csv_window {
	char delimiter;
	bool is_portable; /**< the code for machines without AVX2 */
	const char *data;
	size_t bytes;
	uint64_t foreign;     /**< which 64 bytes hold some that are not ASCII: a bit each */
	struct csv_cursor at; /**< the line at hand */
	uint32_t special_count;
	/** Places in data, from [1]; [0] is "just before it". */
	uint16_t ends[1 + CSV_LINE_BYTES_MAX + CSV_CHUNK_ENDS];
	uint16_t specials[CSV_LINE_BYTES_MAX]; /**< which ends are line ends or quotes */
};

/** Chooses the code for this machine; the delimiter is the caller's to set. */
void csv_window_init(struct csv_window *window);

/** The first of `left` bytes at `data`, which begin a line: CSV_LINE_BYTES_MAX at most. */
void csv_window_start(struct csv_window *window, const char *data, size_t left);

/** To the line at `at`, which may be behind lines that were decoded by another way; false: it is
 *  not (wholly) in the window. */
bool csv_window_seek(struct csv_window *window, const char *at);

/** Behind so many lines, which are there. */
void csv_window_skip(struct csv_window *window, uint32_t line_count);

/** Place of an end. */
static inline size_t csv_end_place(const struct csv_window *window, size_t end)
{
	return window->ends[1 + end];
}

/** Beginning of the line or field that begins behind the end before `end`. */
static inline size_t csv_start_place(const struct csv_window *window, size_t end)
{
	return (uint16_t)(window->ends[end] + 1);
}

#endif
