/** zone.h - local time of a named IANA zone, read from its TZif file (RFC 8536); TZ is never set.
 *  Owner: zone_open() result owned, zone_free(). "UTC" needs no file.
 */
#ifndef TOCSIN_CORE_MODEL_ZONE_H
#define TOCSIN_CORE_MODEL_ZONE_H

#include <stdint.h>

struct err_note;
struct zone;

/** Names are checked: letters, digits, `_ + - /`, no "..". ERR_NOT_FOUND, ERR_CORRUPT. */
int zone_open(struct zone **out, const char *name, struct err_note *why);
void zone_free(struct zone *zone);

/** Offset from UTC in seconds that holds at `utc_ms` (footer rule string included). */
int32_t zone_offset_s(const struct zone *zone, int64_t utc_ms);

/** Local "20180522 18:00:00", the form of the zh alert document. */
int zone_format_compact(const struct zone *zone, int64_t utc_ms, char out[24]);

#endif
