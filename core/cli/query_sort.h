/** query_sort.h - the order of rows: by window start, then by dimension_compare() of their keys.
 *
 *  Keys are written anew so that their bytes alone have that order, and sorted eight bytes at a
 *  time: by radix as long as many rows have the same beginning, by comparing when few have.
 *  Owner: query_sorter_new() result owned. Limits: 2^32 - 1 rows, 4 GiB of keys at a time.
 */
#ifndef TOCSIN_CORE_CLI_QUERY_SORT_H
#define TOCSIN_CORE_CLI_QUERY_SORT_H

#include <stdint.h>

#include "core/base/bytes.h"

struct query_row;
struct query_sorter;

struct query_sorter *query_sorter_new(void);
void query_sorter_free(struct query_sorter *sorter); /**< NULL allowed */

/** Indexes of the rows in order; borrowed until the next call. */
const uint32_t *query_sort(struct query_sorter *sorter, const struct query_row *rows,
			   uint32_t count);

/** Appends the key so that memcmp() orders as dimension_compare() does. */
void query_sort_key(struct slice key, struct bytes *out);

#endif
