/** distinct.h - how many different values there were, from their 64-bit hashes.
 *
 *      up to DISTINCT_EXACT_MAX hashes    all of them: the count is exact
 *      above                              HyperLogLog, 2^12 registers
 *
 *  HyperLogLog as in Heule, Nunkesser, Hall 2013, "HyperLogLog in practice" (64-bit hashes, no
 *  correction for large ranges), with the estimator of Ertl 2017, "New cardinality estimation
 *  algorithms for HyperLogLog sketches", algorithm 6: no bias to be corrected from tables, and no
 *  seam between ranges. Standard error 1.04 / sqrt(2^12) = 1.63 %: two thirds of all answers lie
 *  within it, 99.7 % within three times as much.
 *
 *  What a sketch holds depends on the set of hashes alone: not on their order, on how often each
 *  came, or on which parts were merged first.
 *  Owner: a pointer that is NULL while nothing was added; distinct_free(). `memory` is grown and
 *  lessened by the heap bytes that the call takes and gives back; NULL: nobody counts.
 *  Limits: DISTINCT_BYTES_MAX on the heap, DISTINCT_ENCODED_BYTES_MAX stored.
 */
#ifndef TOCSIN_CORE_SKETCH_DISTINCT_H
#define TOCSIN_CORE_SKETCH_DISTINCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes;
struct byte_reader;
struct distinct;

enum {
	DISTINCT_PRECISION = 12,
	DISTINCT_REGISTERS = 1 << DISTINCT_PRECISION,
	/** Of 512 slots three quarters: the set never takes more memory than the registers. */
	DISTINCT_EXACT_MAX = 384,
	DISTINCT_BYTES_MAX = 8 + DISTINCT_REGISTERS,
	DISTINCT_ENCODED_BYTES_MAX = 2 + DISTINCT_EXACT_MAX * 8,
};

void distinct_add(struct distinct **sketch, uint64_t hash, size_t *memory);
void distinct_merge(struct distinct **into, const struct distinct *from, size_t *memory);
/** `sketch` may be NULL. */
double distinct_count(const struct distinct *sketch);
void distinct_free(struct distinct **sketch, size_t *memory);

/** NULL too. Equal sets have equal bytes. */
void distinct_encode(const struct distinct *sketch, struct bytes *out);
/** *sketch is NULL before. ERR_CORRUPT. */
int distinct_decode(struct byte_reader *reader, struct distinct **sketch, size_t *memory);

#endif
