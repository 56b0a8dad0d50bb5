#include "core/channel/rate.h"

#include <criterion/criterion.h>

#include <string.h>

enum { SENDS_MAX = 2000 };

/** Sends as fast as the limit lets it for `for_ms`; when. */
static uint32_t send_all(const struct rate *rates, uint32_t rate_count, int64_t idle_ms,
			 int64_t for_ms, int64_t *times)
{
	struct rate_limit limit;
	uint32_t count = 0;
	int64_t now_ms = idle_ms;

	rate_limit_init(&limit, rates, rate_count, 0);
	while (now_ms < idle_ms + for_ms && count < SENDS_MAX) {
		int64_t wait_ms = rate_limit_wait_ms(&limit, now_ms);

		now_ms += wait_ms;
		if (wait_ms > 0)
			continue;
		rate_limit_take(&limit);
		times[count++] = now_ms;
	}
	return count;
}

static uint32_t most_in_span(const int64_t *times, uint32_t count, int64_t span_ms)
{
	uint32_t most = 0;

	for (uint32_t first = 0, last = 0; last < count; last++) {
		while (times[last] - times[first] >= span_ms)
			first++;
		if (last - first + 1 > most)
			most = last - first + 1;
	}
	return most;
}

Test(rate, no_span_has_more_than_its_rate_whether_idle_before_or_not)
{
	static const struct rate rates[] = {{20, 60000}, {1, 1000},    {5, 1000},
					    {3, 60000},  {100, 60000}, {8, 1000}};

	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		for (int64_t idle_ms = 0; idle_ms <= 600000; idle_ms += 200000) {
			int64_t times[SENDS_MAX];
			uint32_t count =
				send_all(&rates[i], 1, idle_ms, 10 * rates[i].span_ms, times);

			cr_expect_leq(most_in_span(times, count, rates[i].span_ms), rates[i].count,
				      "rate %zu after %lld ms", i, (long long)idle_ms);
			/* Nor does it waste what it has: at least half in the long run. */
			cr_expect_geq(count, 5 * rates[i].count, "rate %zu: %u", i, count);
		}
}

Test(rate, two_rates_hold_together)
{
	static const struct rate rates[] = {{100, 60000}, {5, 1000}};
	int64_t times[SENDS_MAX];
	uint32_t count = send_all(rates, 2, 100000, 180000, times);

	cr_expect_leq(most_in_span(times, count, 60000), 100);
	cr_expect_leq(most_in_span(times, count, 1000), 5);
	cr_expect_geq(count, 200);
}

Test(rate, a_new_one_lets_one_go_and_then_waits)
{
	static const struct rate rate = {20, 60000};
	struct rate_limit limit;

	rate_limit_init(&limit, &rate, 1, 1000);
	cr_expect_eq(rate_limit_wait_ms(&limit, 1000), 0);
	rate_limit_take(&limit);
	cr_expect_eq(rate_limit_wait_ms(&limit, 1000), 4000);
	cr_expect_eq(rate_limit_wait_ms(&limit, 3000), 2000);
	cr_expect_eq(rate_limit_wait_ms(&limit, 5000), 0);
}

Test(rate, none_never_waits)
{
	struct rate_limit limit;

	rate_limit_init(&limit, NULL, 0, 0);
	for (int i = 0; i < 1000; i++) {
		cr_expect_eq(rate_limit_wait_ms(&limit, 0), 0);
		rate_limit_take(&limit);
	}
}
