/** filter_set.h - many filters over one batch at once: what they share is computed once.
 *
 *  A filter that asks `field == constant` (or field:in_(...)) in its outermost `and` is found from
 *  the value, through one hash table for each field; what several filters ask alike is asked once.
 *  Rows are those that filter_run() gives for each filter alone.
 *  Owner: filter_set_new() result owned; the filters are borrowed for its life. Read-only, shared
 *  by threads, each with its own filter_set_scratch (owned, of one set and one seed of hashes).
 */
#ifndef TOCSIN_CORE_FILTER_FILTER_SET_H
#define TOCSIN_CORE_FILTER_FILTER_SET_H

#include <stddef.h>
#include <stdint.h>

struct batch;
struct column_hashes;
struct filter;
struct filter_set;
struct filter_set_scratch;

/** NULL in the place of a filter: every reading. */
struct filter_set *filter_set_new(const struct filter *const *filters, uint32_t count);
void filter_set_free(struct filter_set *set);

struct filter_set_scratch *filter_set_scratch_new(const struct filter_set *set, uint64_t seed);
void filter_set_scratch_free(struct filter_set_scratch *scratch);

/** Regex matches that hit their limit, since the scratch was made. A condition that several filters
 *  share counts once. */
uint64_t filter_set_scratch_limits_hit(const struct filter_set_scratch *scratch);

/** `rows` [row_count], at least one, ascending, are borrowed for the call. */
typedef void filter_set_each(void *arg, uint32_t index, const uint16_t *rows, uint32_t row_count);

/** Calls `each` once for every filter that matches a row of the batch, in an order that may differ
 *  from batch to batch. `hashes` have begun this batch and have the scratch's seed. */
void filter_set_run(struct filter_set_scratch *scratch, const struct batch *batch,
		    struct column_hashes *hashes, filter_set_each *each, void *arg);

#endif
