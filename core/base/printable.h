/** printable.h - text from outside made safe for a terminal.
 *  Control characters (C0, DEL and C1: a terminal obeys all of them) and bytes that are not UTF-8
 *  become \xNN; everything else stays.
 */
#ifndef TOCSIN_CORE_BASE_PRINTABLE_H
#define TOCSIN_CORE_BASE_PRINTABLE_H

#include <stdbool.h>

#include "core/base/bytes.h"

/** `keeps_lines`: newlines and tabs stay, for source text. */
void printable_append(struct bytes *out, const char *text, bool keeps_lines);

#endif
