/** utf8.h - UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef TOCSIN_CORE_BASE_UTF8_H
#define TOCSIN_CORE_BASE_UTF8_H

#include <stdbool.h>

#include "core/base/bytes.h"

/** Bytes of the sequence at `text`, or 0 when there is none; `left` is at least 1. NUL counts. */
size_t utf8_length(const char *text, size_t left);
bool utf8_is_valid(struct slice text);

/** A JSON string with its quotes; control characters are escaped, and each byte that belongs to no
 *  sequence becomes U+FFFD. */
void utf8_append_json(struct bytes *out, struct slice text);

/** What stands in the place of a byte that is not UTF-8. */
#define UTF8_REPLACEMENT "\xEF\xBF\xBD"

#endif
