/** random.h - a seeded generator, and draws that follow Zipf's law in constant time.
 *  Owner: zipf_init() caller's memory, zipf_deinit() frees the tables.
 */
#ifndef TOCSIN_BENCH_GEN_RANDOM_H
#define TOCSIN_BENCH_GEN_RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state[4];
};

void random_init(struct random *random, uint64_t seed);

/** xoshiro256** 1.0 (Blackman, Vigna 2018). */
static inline uint64_t random_next(struct random *random)
{
	uint64_t *s = random->state;
	uint64_t product = s[1] * 5, shifted = s[1] << 17;
	uint64_t result = (product << 7 | product >> 57) * 9;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = s[3] << 45 | s[3] >> 19;
	return result;
}

/** `bits` (32 of them) as a number from 0 to below `end`. */
static inline uint32_t random_below(uint32_t bits, uint32_t end)
{
	return (uint32_t)((uint64_t)bits * end >> 32);
}

/** True for a `share` (0..1) of all `bits`. */
static inline int random_is_in(uint32_t bits, double share)
{
	return (double)bits < share * 4294967296.0;
}

/** Ranks 0 .. count - 1, rank r with a weight of 1 / (r + 1)^exponent. */
struct zipf {
	uint32_t count;
	uint32_t *keep_below; /**< of 32 random bits: keep the rank, else take the alias */
	uint32_t *alias;
};

void zipf_init(struct zipf *zipf, uint32_t count, double exponent);
void zipf_deinit(struct zipf *zipf);
uint32_t zipf_rank(const struct zipf *zipf, uint64_t bits);

#endif
