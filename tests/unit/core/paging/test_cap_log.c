#include "core/paging/cap_log.h"

#include "core/config/config_paging.h"

#include <criterion/criterion.h>

#include <stdlib.h>

static const struct config_caps carrier = {{{1, 60000}, {3, 900000}, {5, 3600000}, {20, 86400000}},
					   4};

Test(cap_log, what_is_kept_for_p1_and_p2_is_a_share_of_each_span)
{
	static const uint32_t others[] = {1, 2, 3, 15};
	static const struct config_caps few = {{{2, 3600000}}, 1};

	for (uint32_t i = 0; i < 4; i++) {
		cr_expect_eq(caps_allowed(&carrier, i, 5, false), others[i], "%u", i);
		cr_expect_eq(caps_allowed(&carrier, i, 5, true), carrier.rates[i].count);
		cr_expect_eq(caps_allowed(&carrier, i, 0, false), carrier.rates[i].count);
	}
	cr_expect_eq(caps_allowed(&few, 0, 100, false), 1, "never more than half");
}

/** So many of the times are within the span that ends now: by counting them all. */
static uint32_t count_within(const int64_t *times, uint32_t count, int64_t span_ms, int64_t now_ms)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < count; i++)
		found += times[i] > now_ms - span_ms && times[i] <= now_ms;
	return found;
}

static bool fits(const int64_t *times, uint32_t count, int64_t now_ms, bool is_high)
{
	for (uint32_t i = 0; i < carrier.count; i++)
		if (count_within(times, count, carrier.rates[i].span_ms, now_ms) >=
		    caps_allowed(&carrier, i, 5, is_high))
			return false;
	return true;
}

Test(cap_log, says_what_counting_says_and_when_there_is_room_again)
{
	const char *given = getenv("TOCSIN_SEED");
	unsigned seed = given != NULL ? (unsigned)atoi(given) : 20261122;
	static int64_t times[20000];
	struct cap_log log = {0};
	uint32_t count = 0, full = 0, refused = 0;
	int64_t now_ms = 1000000000;

	for (int i = 0; i < 20000; i++) {
		bool is_high = rand_r(&seed) % 4 == 0;
		int64_t free_ms;

		now_ms += rand_r(&seed) % 900000;
		free_ms = cap_log_free_ms(&log, &carrier, 5, is_high, now_ms, &full);
		cr_assert_eq(free_ms == 0, fits(times, count, now_ms, is_high), "step %d", i);
		if (free_ms == 0) {
			cap_log_take(&log, &carrier, now_ms);
			times[count++] = now_ms;
			continue;
		}
		refused++;
		cr_assert_gt(free_ms, now_ms);
		cr_assert(fits(times, count, free_ms, is_high), "step %d", i);
		cr_assert_not(fits(times, count, free_ms - 1, is_high), "step %d", i);
	}
	cr_expect_gt(refused, 1000);
	cr_expect_leq(log.count, 20);
	cap_log_deinit(&log);
}

Test(cap_log, goes_through_the_store)
{
	struct cap_log log = {0}, read = {0};
	struct bytes content = BYTES_EMPTY;

	for (int i = 0; i < 15; i++)
		cap_log_take(&log, &carrier, 1000 * i);
	cap_log_encode(&log, &content);
	cr_expect(cap_log_decode(&read, bytes_slice(&content)));
	cr_expect_eq(read.count, log.count);
	cr_expect_eq(cap_log_last_ms(&read), 14000);
	content.length--;
	cap_log_deinit(&read);
	cr_expect_not(cap_log_decode(&read, bytes_slice(&content)));
	bytes_deinit(&content);
	cap_log_deinit(&read);
	cap_log_deinit(&log);
}
