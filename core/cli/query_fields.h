/** query_fields.h - a name that no reading has is likely a misspelt one: said, not refused, for a
 *  field may be rare.
 */
#ifndef TOCSIN_CORE_CLI_QUERY_FIELDS_H
#define TOCSIN_CORE_CLI_QUERY_FIELDS_H

struct query_options;

enum { QUERY_LOOK_LINES = 1000, QUERY_LOOK_BYTES = 1024 * 1024, QUERY_LOOK_NAMES_MAX = 1000 };

/** Looks at the first lines of the first input that is a file of JSON lines; a line on stderr for
 *  each field of the question that none of them has, with the nearest name that one has. */
void query_fields_check(const struct query_options *options);

#endif
