#include "bench/gen/random.h"

#include <math.h>

#include "core/base/mem.h"

/* splitmix64: spreads a small seed over the whole state. */
void random_init(struct random *random, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		uint64_t z = seed += 0x9E3779B97F4A7C15u;

		z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
		z = (z ^ z >> 27) * 0x94D049BB133111EBu;
		random->state[i] = z ^ z >> 31;
	}
}

/* The alias method (Vose 1991): each rank is a column of height 1, filled up by one other rank. */
void zipf_init(struct zipf *zipf, uint32_t count, double exponent)
{
	double *height = mem_alloc_array(count, sizeof(*height));
	uint32_t *small = mem_alloc_array(count, sizeof(*small));
	uint32_t *large = mem_alloc_array(count, sizeof(*large));
	uint32_t small_count = 0, large_count = 0;
	double total = 0;

	zipf->count = count;
	zipf->keep_below = mem_alloc_array(count, sizeof(*zipf->keep_below));
	zipf->alias = mem_alloc_array(count, sizeof(*zipf->alias));
	for (uint32_t i = 0; i < count; i++)
		total += height[i] = pow(i + 1.0, -exponent);
	for (uint32_t i = 0; i < count; i++) {
		height[i] *= count / total;
		zipf->keep_below[i] = UINT32_MAX;
		zipf->alias[i] = i;
		if (height[i] < 1)
			small[small_count++] = i;
		else
			large[large_count++] = i;
	}
	while (small_count > 0 && large_count > 0) {
		uint32_t from = large[large_count - 1], to = small[--small_count];

		zipf->keep_below[to] = (uint32_t)(height[to] * UINT32_MAX);
		zipf->alias[to] = from;
		height[from] -= 1 - height[to];
		if (height[from] < 1) {
			large_count--;
			small[small_count++] = from;
		}
	}
	mem_free(height);
	mem_free(small);
	mem_free(large);
}

void zipf_deinit(struct zipf *zipf)
{
	mem_free(zipf->keep_below);
	mem_free(zipf->alias);
}

uint32_t zipf_rank(const struct zipf *zipf, uint64_t bits)
{
	uint32_t column = random_below((uint32_t)(bits >> 32), zipf->count);

	return (uint32_t)bits < zipf->keep_below[column] ? column : zipf->alias[column];
}
