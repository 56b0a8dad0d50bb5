/** number.h - numbers to text and back, independent of locale. */
#ifndef TOCSIN_CORE_BASE_NUMBER_H
#define TOCSIN_CORE_BASE_NUMBER_H

#include <stdint.h>

#include "core/base/bytes.h"

enum { NUMBER_TEXT_BYTES_MAX = 32 };

/** Shortest decimal that reads back as the same double ("0.1", "600", "1e+22"); integers below 2^53
 *  have no point. NaN and infinities give "null" (JSON has no other word), -0 gives "0". The layout
 *  is that of Python's repr: an exponent below 1e-4 and from 1e16. Returns the length. */
int number_format(double value, char out[NUMBER_TEXT_BYTES_MAX]);

/** Whole text must be one decimal number / integer ("-1.5e3", ".5", "007"; no "+", blank, "inf",
 *  "0x1"); ERR_INVALID, or ERR_RANGE (beyond what a double or an int64_t holds) otherwise. */
int number_parse(struct slice text, double *out);
int number_parse_int(struct slice text, int64_t *out);

#endif
