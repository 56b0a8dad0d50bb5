/** timestamp.h - event times: RFC 3339 and epoch numbers in, RFC 3339 UTC out. */
#ifndef TOCSIN_CORE_MODEL_TIMESTAMP_H
#define TOCSIN_CORE_MODEL_TIMESTAMP_H

#include <stdint.h>

#include "core/base/bytes.h"

struct value;

enum { TIMESTAMP_TEXT_BYTES_MAX = 40 };

/** RFC 3339 ("2026-11-22T06:00:00.123+08:00", 'T' or ' ', 'Z' or offset; none means UTC) or decimal
 *  epoch text. Fractions below a millisecond are cut. Years 1970..9999. ERR_INVALID, ERR_RANGE. */
int timestamp_parse(struct slice text, int64_t *out_ms);

/** Epoch number: below 1e11 seconds (fraction kept to ms), from 1e11 milliseconds. */
int timestamp_from_number(double epoch, int64_t *out_ms);

/** From a decoded value: a string by timestamp_parse, a number by timestamp_from_number. */
int timestamp_from_value(const struct value *value, int64_t *out_ms);

/** "2026-11-22T06:00:00Z", with ".123" only when milliseconds are not zero. Returns the length. */
int timestamp_format(int64_t ms, char out[TIMESTAMP_TEXT_BYTES_MAX]);

#endif
