/** decode_time.h - event times of neighbouring lines: nearly all differ in their seconds only.
 *
 *  Remembers the minute and the zone of the last RFC 3339 text, so the calendar is computed once a
 *  minute of event time. Everything else goes to timestamp_parse(); the answers are the same.
 *  Owner: caller's memory, zero-initialised; one per thread.
 */
#ifndef TOCSIN_CORE_INGEST_DECODE_TIME_H
#define TOCSIN_CORE_INGEST_DECODE_TIME_H

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

#endif
