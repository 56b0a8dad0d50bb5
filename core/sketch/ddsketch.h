/** ddsketch.h - percentiles of numbers with a bounded relative error.
 *
 *  DDSketch (Masson, Rim, Lee 2019): numbers fall into bins whose bounds grow by a constant ratio,
 *  and only the count of each bin is kept. The logarithm of the paper is replaced by the number's
 *  own exponent and the first six bits of its mantissa (its authors call that the linearly
 *  interpolated mapping): 64 bins for each power of two, found without arithmetic, and the same on
 *  every machine. The answer is at most DDSKETCH_ERROR (0.78 %) of itself away from the value that
 *  has the rank.
 *
 *      bins      | key, 18 bits | count, 46 bits |  ...                  sorted by key
 *      key       sign, exponent and mantissa so that keys sort as numbers do
 *
 *  Numbers nearer to 0 than 2.3e-308 count as 0. A sign has at most DDSKETCH_BINS_MAX bins, those
 *  of the greatest magnitudes: the least of them takes what is nearer to 0, and for a rank among
 *  these the answer is its number. Numbers over 32 powers of two (one to four thousand million)
 *  never have so many, however far a few others lie from them.
 *
 *  What a sketch holds depends on the numbers alone, not on their order or that of merges.
 *  Owner and `memory`: as in distinct.h. Limits: DDSKETCH_BYTES_MAX on the heap, for a moment of a
 *  merge twice as much. A bin counts to 7e13 and stays there.
 */
#ifndef TOCSIN_CORE_SKETCH_DDSKETCH_H
#define TOCSIN_CORE_SKETCH_DDSKETCH_H

#include <stddef.h>
#include <stdint.h>

struct bytes;
struct byte_reader;
struct ddsketch;

#define DDSKETCH_ERROR 0.0078 /**< 1 / 129, rounded up */

enum {
	DDSKETCH_BINS_MAX = 2048, /**< of each sign; one more for 0 */
	DDSKETCH_BYTES_MAX = 8 + 8 * (2 * DDSKETCH_BINS_MAX + 1),
};

/** `number` is not NaN. */
void ddsketch_add(struct ddsketch **sketch, double number, size_t *memory);
void ddsketch_merge(struct ddsketch **into, const struct ddsketch *from, size_t *memory);
void ddsketch_free(struct ddsketch **sketch, size_t *memory);

uint64_t ddsketch_total(const struct ddsketch *sketch); /**< numbers added; NULL: 0 */
/** The number of rank `rank` in ascending order, from 1 to the total. */
double ddsketch_at_rank(const struct ddsketch *sketch, uint64_t rank);

/** NULL too. Equal sketches have equal bytes. */
void ddsketch_encode(const struct ddsketch *sketch, struct bytes *out);
/** *sketch is NULL before. ERR_CORRUPT. */
int ddsketch_decode(struct byte_reader *reader, struct ddsketch **sketch, size_t *memory);

#endif
