/** key_filter.h - which keys of a dimension a rule watches: `dimensions` and `exclude`.
 *
 *  A list for each field, of texts or numbers, or a column of a lookup. Values are compared as
 *  texts, as alerts show them, so 30 in a list, "30" in a CSV file and the number 30 of a reading
 *  are one. Several fields: a key is watched when every field of `dimensions` has a listed value,
 *  and left out when any field of `exclude` has one. Owner: key_filter_new() result owned.
 */
#ifndef TOCSIN_CORE_LOOKUP_KEY_FILTER_H
#define TOCSIN_CORE_LOOKUP_KEY_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct key_filter;
struct lookup;

struct key_filter *key_filter_new(void);
void key_filter_free(struct key_filter *filter); /**< NULL allowed */

/** `field` is the place in the dimension. A list of the field is begun by its first call of either;
 *  key_filter_begin() alone makes an empty one: nothing passes (or is left out) then. */
void key_filter_begin(struct key_filter *filter, bool is_exclude, uint32_t field);
void key_filter_add(struct key_filter *filter, bool is_exclude, uint32_t field, struct slice text);
void key_filter_add_column(struct key_filter *filter, bool is_exclude, uint32_t field,
			   const struct lookup *lookup, uint32_t column);

/** `key`: dimension.h. A damaged key is not watched. */
bool key_filter_passes(const struct key_filter *filter, struct slice key);

#endif
