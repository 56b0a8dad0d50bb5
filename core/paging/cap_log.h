/** cap_log.h - when pages went by a way, and whether another one may go. Pure: time is passed in.
 *
 *  A cap of N in a span S: no span of that length, wherever it begins, has more than N. The times
 *  are kept, so it is exact, also across restarts. When the clock is set back, times of the future
 *  become now: a cap may last longer then, never shorter than its span.
 */
#ifndef TOCSIN_CORE_PAGING_CAP_LOG_H
#define TOCSIN_CORE_PAGING_CAP_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct config_caps;

struct cap_log {
	int64_t *times; /**< rising */
	uint32_t count, capacity;
};

void cap_log_deinit(struct cap_log *log);

/** The clock may have been set back: times of the future become now. */
void cap_log_settle(struct cap_log *log, int64_t now_ms);
/** How many of a rate are left for others than P1 and P2: `reserve` of the longest span are kept
 *  for those, and the same share of the shorter ones, but at most half. */
uint32_t caps_allowed(const struct config_caps *caps, uint32_t index, uint32_t reserve,
		      bool is_high);
/** 0: a page may go now; otherwise the instant from which it may, and `*full` is the rate that says
 *  so. */
int64_t cap_log_free_ms(const struct cap_log *log, const struct config_caps *caps, uint32_t reserve,
			bool is_high, int64_t now_ms, uint32_t *full);
uint32_t cap_log_used(const struct cap_log *log, int64_t span_ms, int64_t now_ms);
/** A page goes. Times that no rate asks for are forgotten. */
void cap_log_take(struct cap_log *log, const struct config_caps *caps, int64_t now_ms);
/** The latest one, or INT64_MIN. */
int64_t cap_log_last_ms(const struct cap_log *log);

void cap_log_encode(const struct cap_log *log, struct bytes *out);
/** False: the bytes are none of cap_log_encode(). */
bool cap_log_decode(struct cap_log *log, struct slice content);

#endif
