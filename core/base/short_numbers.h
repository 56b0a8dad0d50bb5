/** short_numbers.h - JSON text with its numbers as short as they can be: 1795332337.0880001 and
 *  1795332337.088 are the same double, and people read the second.
 *
 *  JSON writers that print 17 digits are right for every double and ugly for most.
 */
#ifndef TOCSIN_CORE_BASE_SHORT_NUMBERS_H
#define TOCSIN_CORE_BASE_SHORT_NUMBERS_H

#include "core/base/bytes.h"

/** Appends `json` (valid text); numbers with a point or an exponent are written anew and stay
 *  such numbers ("2.0"). Strings and integers are copied. */
void short_numbers_append(struct bytes *out, struct slice json);

#endif
