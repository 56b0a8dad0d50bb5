/** check_place.h - which part of its line does a finding speak of? For the caret, and for editors.
 *
 *  A finding quotes what is wrong: that text is looked for on the line it names. A filter's fault
 *  says its column in the expression. Where nothing quoted is there, the line's first word stands
 *  for it: a caret that points at the line is right, only less exact.
 */
#ifndef TOCSIN_CORE_CLI_CHECK_PLACE_H
#define TOCSIN_CORE_CLI_CHECK_PLACE_H

#include <stddef.h>

struct check_place {
	const char
		*line; /**< borrowed from the text; not terminated. NULL: there is no such line */
	size_t line_bytes;
	size_t start, length; /**< the part, in bytes of the line; length at least 1 if possible */
	int column;           /**< of the part, from 1, in code points; 0 without a line */
	int end_column;       /**< after its last code point */
};

/** `source` may be NULL; `line` is from 1, 0 = the file as a whole. */
struct check_place check_place_find(const char *source, int line, const char *text);

#endif
