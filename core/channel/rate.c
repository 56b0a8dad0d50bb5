#include "core/channel/rate.h"

#include "core/base/require.h"

#include <math.h>

static double bucket_size(const struct rate *rate)
{
	return rate->count < 8 ? 1 : floor(rate->count / 4.0);
}

/** Tokens in a millisecond. A rate of one has its one token back after the whole span. */
static double refill(const struct rate *rate)
{
	double rest = rate->count > 1 ? rate->count - bucket_size(rate) : 1;

	return rest / (double)rate->span_ms;
}

void rate_limit_init(struct rate_limit *limit, const struct rate *rates, uint32_t count,
		     int64_t now_ms)
{
	REQUIRE(count <= RATES_MAX);
	*limit = (struct rate_limit){.filled_ms = now_ms, .rate_count = count};
	for (uint32_t i = 0; i < count; i++) {
		limit->rates[i] = rates[i];
		limit->tokens[i] = 1;
	}
}

int64_t rate_limit_wait_ms(struct rate_limit *limit, int64_t now_ms)
{
	int64_t wait_ms = 0;

	for (uint32_t i = 0; i < limit->rate_count; i++) {
		const struct rate *rate = &limit->rates[i];
		double tokens =
			limit->tokens[i] + (double)(now_ms - limit->filled_ms) * refill(rate);
		int64_t needed_ms;

		limit->tokens[i] = fmin(tokens, bucket_size(rate));
		/* A sum of fractions may end a hair below one. */
		needed_ms = (int64_t)ceil((1 - limit->tokens[i]) / refill(rate) - 1e-6);
		if (needed_ms > wait_ms)
			wait_ms = needed_ms;
	}
	limit->filled_ms = now_ms;
	return wait_ms;
}

void rate_limit_take(struct rate_limit *limit)
{
	for (uint32_t i = 0; i < limit->rate_count; i++)
		limit->tokens[i] -= 1;
}
