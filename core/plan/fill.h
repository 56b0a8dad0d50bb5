/** fill.h - {names} in the texts of a JSON value or a URL, and a path into an answer.
 *
 *  What is filled in stays one value: in JSON it cannot end the text it stands in, in a URL it is
 *  percent-encoded.
 */
#ifndef TOCSIN_CORE_PLAN_FILL_H
#define TOCSIN_CORE_PLAN_FILL_H

#include <jansson.h>

#include <stdbool.h>

struct bytes;
struct err_note;

/** Whether `names` has each {name} of the texts in `shape`; else ERR_INVALID, *out is the first
 *  that is missing: at most FILL_NAME_BYTES_MAX bytes with its end. */
enum { FILL_NAME_BYTES_MAX = 64 };
bool fill_is_complete(const json_t *shape, const json_t *names, char out[FILL_NAME_BYTES_MAX]);

/** A text that is one {name} becomes its value, whatever its type; else values are put in as text.
 *  Unknown names are empty. Owned. */
json_t *fill_json(const json_t *shape, const json_t *names);
void fill_url(const char *shape, const json_t *names, struct bytes *out);

/** "data.issues.1.key" in an answer; lists begin with 1. A text or a number as text. Owned; NULL:
 *  it is not there. */
char *fill_path(const json_t *answer, const char *path);

#endif
