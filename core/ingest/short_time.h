/** short_time.h - "2026-11-22T06:00:01.250Z" within the minute that was remembered: 24 bytes are
 *  compared and read as three words.
 */
#ifndef TOCSIN_CORE_INGEST_SHORT_TIME_H
#define TOCSIN_CORE_INGEST_SHORT_TIME_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/ingest/decode_time.h"

enum { SHORT_TIME_BYTES = 24 };

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

/** False: another form or another minute; time_memory_parse() knows. */
static inline bool short_time(const struct time_memory *memory, const char *text, int64_t *out_ms)
{
	uint64_t minute[2], known[2], second, pattern;
	memcpy(minute, text, sizeof(minute));
	memcpy(known, memory->minute, sizeof(known));
	memcpy(&second, text + 16, sizeof(second));
	memcpy(&pattern, ":00.000Z", sizeof(pattern));
	second ^= pattern;
	/* Digits are 0..9 now, tens of seconds 0..5, and the rest 0: more than that carries. */
	uint64_t carry = (second + 0x7F7676767F767A7Full) | second;
	if (((minute[0] ^ known[0]) | (minute[1] ^ known[1]) | (carry & 0x8080808080808080ull)) ||
	    memory->zone_bytes != 1 || memory->zone[0] != 'Z')
		return false;
	*out_ms = memory->minute_ms +
		  (int64_t)((second >> 8 & 15) * 10000 + (second >> 16 & 15) * 1000 +
			    (second >> 32 & 15) * 100 + (second >> 40 & 15) * 10 +
			    (second >> 48 & 15));
	return true;
}

#else

static inline bool short_time(const struct time_memory *memory, const char *text, int64_t *out_ms)
{
	(void)memory, (void)text, (void)out_ms;
	return false;
}

#endif

#endif
