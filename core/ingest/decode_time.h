/** decode_time.h - event times of neighbouring lines: nearly all differ in their seconds only.
 *
 *  Remembers the minute and the zone of the last RFC 3339 text, so the calendar is computed once a
 *  minute of event time. Everything else goes to timestamp_parse(); the answers are the same.
 *  Owner: caller's memory, zero-initialised; one per thread.
 */
#ifndef TOCSIN_CORE_INGEST_DECODE_TIME_H
#define TOCSIN_CORE_INGEST_DECODE_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

enum { TIME_MINUTE_BYTES = 17, TIME_ZONE_BYTES_MAX = 6 };

struct time_memory {
	char minute[TIME_MINUTE_BYTES]; /**< "2026-11-22T06:00:" */
	char zone[TIME_ZONE_BYTES_MAX]; /**< "Z", "+08:00" */
	uint32_t zone_bytes;            /**< 0: nothing remembered */
	int64_t minute_ms;
};

int time_memory_parse(struct time_memory *memory, struct slice text, int64_t *out_ms);

/** timestamp_from_number() for integers; false: out of range. */
static inline bool time_from_integer(int64_t epoch, int64_t *out_ms)
{
	const uint64_t ms_from = UINT64_C(100000000000), ms_end = UINT64_C(253402300800000);
	if ((uint64_t)epoch >= ms_end)
		return false;
	*out_ms = (uint64_t)epoch < ms_from ? epoch * 1000 : epoch;
	return true;
}

#endif
