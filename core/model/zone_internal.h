/** zone_internal.h - the rule string at the end of a TZif file (POSIX.1 TZ, with the extensions of
 *  RFC 8536 section 3.3.1): what holds after the last listed transition. Plain value, no clean-up.
 */
#ifndef TOCSIN_CORE_MODEL_ZONE_INTERNAL_H
#define TOCSIN_CORE_MODEL_ZONE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/model/zone.h"

enum zone_day_form {
	DAY_JULIAN,        /**< Jn: 1..365, the leap day is never counted */
	DAY_OF_YEAR,       /**< n: 0..365 */
	DAY_WEEK_OF_MONTH, /**< Mm.w.d: weekday d of week w of month m, 5 = the last */
};

struct zone_change {
	enum zone_day_form form;
	int day;
	int month, week, weekday;
	int32_t time_s; /**< local, from midnight; -167 h .. 167 h */
};

struct zone_rule {
	int32_t standard_s; /**< east of UTC is positive (the string has it the other way round) */
	int32_t summer_s;
	bool has_summer;
	struct zone_change summer_from, summer_until;
};

int zone_rule_parse(struct zone_rule *out, struct slice slice); /**< ERR_CORRUPT */
int32_t zone_rule_offset_s(const struct zone_rule *rule, int64_t utc_s);

/** A zone from the bytes of a TZif file. */
int zone_decode(struct zone **out, struct slice file, const char *name, struct err_note *why);

#endif
