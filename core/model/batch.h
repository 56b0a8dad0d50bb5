/** batch.h - readings of one block as columns: one column per wanted field of the source.
 *
 *  A batch is filled by a decoder, read by filters and by the reader's grouping, and cleared.
 *  Strings point into the block's bytes or into the batch's arena: borrowed until batch_clear().
 *  Limits: BATCH_ROWS_MAX rows.
 */
#ifndef TOCSIN_CORE_MODEL_BATCH_H
#define TOCSIN_CORE_MODEL_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/model/schema.h"
#include "core/model/value.h"

enum { BATCH_ROWS_MAX = 1024 };

/** The wanted fields of one source, a column number for each name. Filled while rules compile. */
struct field_set {
	struct field *fields;
	uint32_t count;
};

void field_set_init(struct field_set *set);
void field_set_deinit(struct field_set *set);
/** Column of `name`, added when new (type from `schema`, ANY when undeclared); ERR_FULL. */
int field_set_add(struct field_set *set, const struct schema *schema, const char *name);
int field_set_find(const struct field_set *set, struct slice name); /**< column, or -1 */

struct batch {
	uint32_t row_count;
	uint32_t row_limit; /**< at most so many are wanted; BATCH_ROWS_MAX at first */
	uint32_t column_count;
	int64_t *time_ms;       /**< [BATCH_ROWS_MAX] event time */
	struct value **columns; /**< [column_count][BATCH_ROWS_MAX] */
	uint16_t *marks;        /**< [BATCH_ROWS_MAX] of rows that came late (bundle.h), else 0 */
	bool has_marks;         /**< some mark is not 0 */
	struct arena strings;   /**< unescaped text */
};

void batch_init(struct batch *batch, uint32_t column_count);
void batch_deinit(struct batch *batch);
/** Cells keep what they held: a decoder writes every column of each row (nil when missing). */
void batch_clear(struct batch *batch);

/** A copy of the rows there are, with strings of its own, that outlives the block. Only the columns
 *  of `wanted` [column_count] are there, the others are NULL. Read-only; owned, batch_kept_free().
 */
struct batch *batch_keep(const struct batch *batch, const bool *wanted);
void batch_kept_free(struct batch *kept); /**< NULL allowed */

#endif
