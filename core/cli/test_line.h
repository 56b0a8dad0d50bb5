/** test_line.h - a reading of a test as the line that its source would send. */
#ifndef TOCSIN_CORE_CLI_TEST_LINE_H
#define TOCSIN_CORE_CLI_TEST_LINE_H

#include <jansson.h>
#include <stdint.h>

struct bytes;
struct config_source;
struct err_note;

/** Appends the line with its end. A reading without the source's time field gets `now_ms`.
 *  ERR_INVALID: a field that the columns of a CSV source do not have. */
int test_line_append(const struct config_source *source, json_t *reading, int64_t now_ms,
		     struct bytes *out, struct err_note *why);

#endif
