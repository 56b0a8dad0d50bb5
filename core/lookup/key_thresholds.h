/** key_thresholds.h - a number for each key, from a lookup: per-key thresholds.
 *
 *      merchantId,city,limit      a row names the fields of the dimension that it is for; an empty
 *      m0001,,50                  cell is any value. Of several rows that fit, the one with the
 *      m0001,Hangzhou,80          most named fields wins; then the later one.
 *
 *  Owner: key_thresholds_new() result owned; nothing of the lookup is kept.
 */
#ifndef TOCSIN_CORE_LOOKUP_KEY_THRESHOLDS_H
#define TOCSIN_CORE_LOOKUP_KEY_THRESHOLDS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct err_note;
struct key_thresholds;
struct lookup;

/** `by`: the fields of the dimension in its order; columns of the same names are theirs. `number`
 *  is the column of the numbers. ERR_INVALID: no column is a field's, or a number is none (with its
 *  row). */
int key_thresholds_new(struct key_thresholds **out, const struct lookup *lookup,
		       const char *const *by, uint32_t by_count, uint32_t number,
		       struct err_note *why);
void key_thresholds_free(struct key_thresholds *thresholds); /**< NULL allowed */

/** False: no row fits. */
bool key_thresholds_find(const struct key_thresholds *thresholds, struct slice key, double *out);

#endif
