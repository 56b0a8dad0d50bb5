/** secret.h - texts that must not be seen: read from a private file, compared in constant time.
 */
#ifndef TOCSIN_CORE_BASE_SECRET_H
#define TOCSIN_CORE_BASE_SECRET_H

#include <stdbool.h>

struct err_note;

enum { SECRET_BYTES_MAX = 4096 };

/** "file:/path" reads the first line of the file, which group and others must not be able to read;
 *  "env:NAME" is the variable's value; any other text is the secret itself. *out is owned. ERR_IO,
 *  ERR_DENIED (mode), ERR_NOT_FOUND (variable), ERR_INVALID: empty, or more than SECRET_BYTES_MAX
 *  bytes. */
int secret_read(const char *reference, char **out, struct err_note *why);

/** Takes the same time wherever the texts differ. */
bool secret_equal(const char *a, const char *b);

#endif
