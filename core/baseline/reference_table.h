/** reference_table.h - what is known of a reference, for every key at once.
 *  Owner: reference_table_init() caller's memory.
 */
#ifndef TOCSIN_CORE_BASELINE_REFERENCE_TABLE_H
#define TOCSIN_CORE_BASELINE_REFERENCE_TABLE_H

#include "core/base/key_table.h"
#include "core/baseline/baseline.h"

struct reference_table {
	struct key_table keys;
	struct reference_value *values; /**< [keys.count] by key id */
	uint32_t capacity;
};

void reference_table_init(struct reference_table *table, uint64_t seed);
void reference_table_deinit(struct reference_table *table);
void reference_table_clear(struct reference_table *table);
/** One day more of a key. */
void reference_table_add(struct reference_table *table, struct slice key, double value,
			 double samples);
/** Without days when nothing is known of the key. */
struct reference_value reference_table_get(const struct reference_table *table, struct slice key);

#endif
