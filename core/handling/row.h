/** row.h - members of a JSON object that is written by hand, and rows of the store. */
#ifndef TOCSIN_CORE_HANDLING_ROW_H
#define TOCSIN_CORE_HANDLING_ROW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "storage/keyspace.h"

struct commit;

void row_begin(struct bytes *row);
void row_end(struct bytes *row);
void row_key(struct bytes *row, const char *name);                    /**< a value must follow */
void row_text(struct bytes *row, const char *name, const char *text); /**< NULL: left out */
void row_int(struct bytes *row, const char *name, int64_t number);
void row_bool(struct bytes *row, const char *name, bool is_true); /**< false: left out */
void row_hex(struct bytes *row, const char *name, struct slice bytes);
void row_texts(struct bytes *row, const char *name, const char *const *texts, uint32_t count);

/** Reading; absent or of another type: NULL, 0, false. */
const char *row_get_text(const json_t *row, const char *name);
char *row_take_text(const json_t *row, const char *name); /**< owned copy, or NULL */
int64_t row_get_int(const json_t *row, const char *name);
bool row_get_hex(const json_t *row, const char *name, struct bytes *out);

/** Seals the content and puts it under the key into commit_batch(). */
void row_put(struct commit *commit, const struct bytes *key, const struct bytes *content);
void row_delete(struct commit *commit, const struct bytes *key);

#endif
