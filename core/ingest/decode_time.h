/** decode_time.h - event times of neighbouring lines: nearly all differ in their seconds only.
 *
 *  Remembers the minute and the zone of the last RFC 3339 text, so the calendar is computed once a
 *  minute of event time. Everything else goes to timestamp_parse(); the answers are the same.
 *  Owner: caller's memory, zero-initialised; one per thread.
 */
#ifndef TOCSIN_CORE_INGEST_DECODE_TIME_H
#define TOCSIN_CORE_INGEST_DECODE_TIME_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/base/bytes.h"

enum {
	TIME_MINUTE_BYTES = 17,
	TIME_ZONE_BYTES_MAX = 6,
	TIME_COMMON_BYTES = 24, /**< "2026-11-22T06:00:00.000Z" */
};

struct time_memory {
	char minute[TIME_MINUTE_BYTES]; /**< "2026-11-22T06:00:" */
	char zone[TIME_ZONE_BYTES_MAX]; /**< "Z", "+08:00" */
	uint32_t zone_bytes;            /**< 0: nothing remembered */
	bool is_common;                 /**< the zone is "Z" */
	int64_t minute_ms;
};

int time_memory_parse(struct time_memory *memory, struct slice text, int64_t *out_ms);

/** The same for what most logs write: TIME_COMMON_BYTES characters in the minute remembered. False:
 *  it is not so. The characters are compared and added up eight at a time. */
static inline bool time_memory_common(const struct time_memory *memory, const char *text,
				      int64_t *out_ms)
{
	const uint64_t digits_mask = UINT64_C(0x00FFFFFF00FFFF00);
	uint64_t second;
	memcpy(&second, text + 16, sizeof(second));
	second = le64toh(second) ^ UINT64_C(0x5A3030302E30303A); /* ":00.000Z" */
	uint64_t digits = second & digits_mask;
	/* no marks left, digits 0 to 9, tens of seconds 0 to 5 */
	uint64_t bad =
		(second & ~digits_mask) |
		((digits | (digits + UINT64_C(0x0006060600060A00))) & UINT64_C(0x00F0F0F000F0F000));
	if (bad || !memory->is_common || memcmp(memory->minute, text, 8) != 0 ||
	    memcmp(memory->minute + 8, text + 8, 8) != 0)
		return false;
	*out_ms = memory->minute_ms +
		  (int64_t)((digits >> 8 & 0xF) * 10000 + (digits >> 16 & 0xF) * 1000 +
			    (digits >> 32 & 0xF) * 100 + (digits >> 40 & 0xF) * 10 +
			    (digits >> 48 & 0xF));
	return true;
}

#endif
