/** rate.h - so many messages in so long a time, by token buckets.
 *
 *  A rate of N in a span S is a bucket of max(1, N / 4) tokens that refills by the rest in S: no
 *  span of the length S, wherever it begins, has more than N. A new one has a single token, since
 *  nobody knows what an earlier process sent.
 *  Time: monotonic milliseconds, passed in. Limit: RATES_MAX rates hold together.
 */
#ifndef TOCSIN_CORE_CHANNEL_RATE_H
#define TOCSIN_CORE_CHANNEL_RATE_H

#include <stdint.h>

enum { RATES_MAX = 4, RATE_COUNT_MAX = 100000 };

struct rate {
	uint32_t count;
	int64_t span_ms;
};

struct rate_limit {
	struct rate rates[RATES_MAX];
	double tokens[RATES_MAX];
	int64_t filled_ms;
	uint32_t rate_count; /**< 0: no limit */
};

void rate_limit_init(struct rate_limit *limit, const struct rate *rates, uint32_t count,
		     int64_t now_ms);
/** 0: one may go now; otherwise how long until it may. */
int64_t rate_limit_wait_ms(struct rate_limit *limit, int64_t now_ms);
/** One goes. */
void rate_limit_take(struct rate_limit *limit);

#endif
