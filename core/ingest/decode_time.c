#include "core/ingest/decode_time.h"

#include <string.h>

#include "core/base/err.h"
#include "core/model/timestamp.h"

/** Seconds and fraction behind the minute, in ms; *zone is what follows. */
static bool second_parse(struct slice text, int64_t *out_ms, struct slice *zone)
{
	const char *at = text.data + TIME_MINUTE_BYTES;
	const char *end = text.data + text.length;
	unsigned tens = (unsigned)at[0] - '0', ones = (unsigned)at[1] - '0';
	if (tens > 5 || ones > 9)
		return false;
	int64_t ms = (tens * 10 + ones) * 1000;
	at += 2;
	if (*at == '.') {
		int64_t unit = 100;
		const char *first = ++at;
		for (; at < end && (unsigned)*at - '0' <= 9; at++) {
			ms += (*at - '0') * unit;
			unit /= 10;
		}
		if (at == first || at - first > 9)
			return false;
	}
	*zone = (struct slice){at, (size_t)(end - at)};
	*out_ms = ms;
	return zone->length > 0 && zone->length <= TIME_ZONE_BYTES_MAX;
}

int time_memory_parse(struct time_memory *memory, struct slice text, int64_t *out_ms)
{
	int64_t second_ms;
	struct slice zone;
	bool is_plain = text.length >= TIME_MINUTE_BYTES + 3 &&
			text.data[TIME_MINUTE_BYTES - 1] == ':' &&
			second_parse(text, &second_ms, &zone);
	if (is_plain && memory->zone_bytes == zone.length &&
	    memcmp(memory->minute, text.data, TIME_MINUTE_BYTES) == 0 &&
	    memcmp(memory->zone, zone.data, zone.length) == 0) {
		*out_ms = memory->minute_ms + second_ms;
		return 0;
	}
	int rc = timestamp_parse(text, out_ms);
	if (!rc && is_plain) {
		memcpy(memory->minute, text.data, TIME_MINUTE_BYTES);
		memcpy(memory->zone, zone.data, zone.length);
		memory->zone_bytes = (uint32_t)zone.length;
		memory->minute_ms = *out_ms - second_ms;
	}
	return rc;
}
